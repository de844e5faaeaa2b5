//! A Redis Cluster of servers on this machine.

mod form;
mod slot_move;
mod view;

use std::path::PathBuf;
use std::time::Duration;

pub use slot_move::SlotMove;
pub use view::{ClusterNode, ClusterView, ViewError};

use crate::address::{Address, login};
use crate::binary::{ServerBinary, ServerError};
use crate::connection::RawConnection;
use crate::deadline::{poll, until_nothing_is_amiss};
use crate::fault_proxy::FaultProxy;
use crate::reply::Reply;
use crate::server::{Server, on_free_ports};

/// How long agreement may take: an election that failed is repeated after some node timeouts.
const AGREEMENT: Duration = Duration::from_secs(40);

/// How long a node may take to say what it believes.
const PROBE: Duration = Duration::from_secs(2);

/// What a cluster is started with: three primaries with a replica each, unless told otherwise.
#[derive(Clone, Debug)]
pub struct ClusterBuilder {
    binary: ServerBinary,
    primaries: usize,
    replicas: usize,
    node_timeout: Duration,
    args: Vec<String>,
    password: Option<String>,
    port: Option<u16>,
    directory: Option<PathBuf>,
    proxied: bool,
}

impl ClusterBuilder {
    /// How many primaries share the slots, three at first. A cluster needs three to elect anybody.
    pub fn primaries(mut self, count: usize) -> ClusterBuilder {
        self.primaries = count.max(1);
        self
    }

    /// How many replicas each primary has, one at first.
    pub fn replicas(mut self, count: usize) -> ClusterBuilder {
        self.replicas = count;
        self
    }

    /// After how long a silent node counts as gone, one second at first. Shorter makes elections
    /// quicker, and makes a busy machine hold elections that nobody asked for.
    pub fn node_timeout(mut self, timeout: Duration) -> ClusterBuilder {
        self.node_timeout = timeout;
        self
    }

    /// Demands a password at every node and puts it into the URL.
    pub fn password(mut self, password: impl Into<String>) -> ClusterBuilder {
        self.password = Some(password.into());
        self
    }

    /// Adds an argument for every node, as on redis-server's command line.
    pub fn arg(mut self, arg: impl Into<String>) -> ClusterBuilder {
        self.args.push(arg.into());
        self
    }

    /// Uses this port and those that follow, instead of free ones.
    pub fn port(mut self, first: u16) -> ClusterBuilder {
        self.port = Some(first);
        self
    }

    /// Works in this directory, which stays. A cluster that worked there before is started again.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> ClusterBuilder {
        self.directory = Some(directory.into());
        self
    }

    /// Puts a [`FaultProxy`] before every node. Clients are told the proxies' ports by the nodes
    /// themselves; what the nodes say to each other passes untouched. Needs Redis 7.0 or Valkey.
    pub fn proxied(mut self) -> ClusterBuilder {
        self.proxied = true;
        self
    }

    /// Starts the cluster and returns when every node agrees that it works.
    pub fn start(self) -> Result<Cluster, ServerError> {
        let count = self.primaries * (1 + self.replicas);
        match self.port {
            Some(first) => self.start_on(&(first..).take(count).collect::<Vec<_>>()),
            None => on_free_ports(count, |ports| self.start_on(ports)),
        }
    }
}

/// How a replica takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// With its primary's help: nothing acknowledged is lost.
    Coordinated,
    /// Without asking its primary, by the votes of the others.
    Forced,
    /// Without asking anybody.
    Takeover,
}

/// A cluster of servers in child processes. Dropping it kills them.
///
/// Nodes are named by their index: first those that were primaries at the start, then the replicas,
/// so that node `primaries + k` was the replica of node `k % primaries`. Failovers change roles and
/// never indices.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
    proxies: Vec<FaultProxy>,
    ids: Vec<String>,
}

impl Cluster {
    /// A cluster of the server in `PATH`, to be started. The error says what to install.
    pub fn from_path() -> Result<ClusterBuilder, ServerError> {
        Ok(Cluster::builder(ServerBinary::from_path()?))
    }

    /// A cluster of a given server, to be started.
    pub fn builder(binary: ServerBinary) -> ClusterBuilder {
        ClusterBuilder {
            binary,
            primaries: 3,
            replicas: 1,
            node_timeout: Duration::from_secs(1),
            args: Vec::new(),
            password: None,
            port: None,
            directory: None,
            proxied: false,
        }
    }

    /// Where clients start: `redis+cluster://` and all nodes, or their proxies.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = (0..self.nodes.len())
            .map(|index| format!("127.0.0.1:{}", self.port_for_clients(index)))
            .collect();
        let login = login(self.nodes[0].password());
        format!("redis+cluster://{login}{}", hosts.join(","))
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The nodes, to kill, stop or restart them.
    pub fn nodes_mut(&mut self) -> &mut [Server] {
        &mut self.nodes
    }

    /// The proxies, one a node in the nodes' order; none unless the cluster is
    /// [proxied](ClusterBuilder::proxied).
    pub fn proxies(&self) -> &[FaultProxy] {
        &self.proxies
    }

    /// The id that a node has in the cluster.
    pub fn id(&self, node: usize) -> &str {
        &self.ids[node]
    }

    /// What a node believes about the cluster.
    pub fn view(&self, node: usize) -> Result<ClusterView, ServerError> {
        Ok(self.probe(node)?.view)
    }

    /// The slot of a key.
    pub fn slot_of(&self, key: &str) -> Result<u16, ServerError> {
        let reply = self
            .any_live()?
            .call(&["CLUSTER", "KEYSLOT", key])?
            .as_integer()
            .and_then(|slot| u16::try_from(slot).ok());
        reply.ok_or_else(|| unexpected("CLUSTER KEYSLOT answered with no slot"))
    }

    /// The node that serves a slot.
    pub fn primary_of(&self, slot: u16) -> Result<usize, ServerError> {
        let view = self.any_view()?;
        let owner = view.owner_of(slot).and_then(|node| self.index_of(&node.id));
        owner.ok_or_else(|| unexpected(format!("slot {slot} is nobody's")))
    }

    /// The nodes that are replicas of a node.
    pub fn replicas_of(&self, primary: usize) -> Result<Vec<usize>, ServerError> {
        let view = self.any_view()?;
        let replicas = view
            .nodes
            .iter()
            .filter(|node| node.primary.as_deref() == Some(self.id(primary)));
        Ok(replicas
            .filter_map(|node| self.index_of(&node.id))
            .collect())
    }

    /// Lets a replica take over from its primary, and returns when every node has agreed.
    pub fn failover(&self, replica: usize, how: Failover) -> Result<(), ServerError> {
        let command: &[&str] = match how {
            Failover::Coordinated => &["CLUSTER", "FAILOVER"],
            Failover::Forced => &["CLUSTER", "FAILOVER", "FORCE"],
            Failover::Takeover => &["CLUSTER", "FAILOVER", "TAKEOVER"],
        };
        self.nodes[replica].call(command)?;
        let promoted = poll(AGREEMENT, || {
            let view = self.view(replica)?;
            let is_primary = view.myself().is_some_and(|node| node.is("master"));
            Ok::<_, ServerError>(is_primary.then_some(()))
        })?;
        match promoted {
            Some(()) => self.wait_until_agreed(),
            None => Err(self.not_agreed(vec![format!("{} is no primary", self.name(replica))])),
        }
    }

    /// Moves a slot to another primary with all its keys, while clients use it, and returns when
    /// every node has agreed.
    pub fn move_slot(&self, slot: u16, to: usize) -> Result<(), ServerError> {
        let moving = self.begin_move(slot, to)?;
        while moving.migrate(100)? > 0 {}
        moving.finish()
    }

    /// Begins to move a slot: from now on clients meet `ASK` for keys that are not, or no longer, at
    /// the old node, and `TRYAGAIN` for commands whose keys are at both. Keys move when told to.
    pub fn begin_move(&self, slot: u16, to: usize) -> Result<SlotMove<'_>, ServerError> {
        SlotMove::begin(self, slot, to)
    }

    /// Returns when every node that runs agrees with all others about roles and slots, knows who is
    /// gone, takes commands, and every replica follows its primary. That implies that a primary that
    /// was killed has been replaced.
    pub fn wait_until_agreed(&self) -> Result<(), ServerError> {
        let amiss = until_nothing_is_amiss(AGREEMENT, || Ok::<_, ServerError>(self.amiss()))?;
        match amiss.is_empty() {
            true => Ok(()),
            false => Err(self.not_agreed(amiss)),
        }
    }

    /// What keeps the nodes from agreeing, in words; empty when they agree.
    pub fn amiss(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        let mut reports = Vec::new();
        for index in self.live() {
            match self.probe(index) {
                Ok(report) => reports.push((index, report)),
                Err(error) => amiss.push(format!("{}: {error}", self.name(index))),
            }
        }
        for (index, report) in &reports {
            self.find_amiss(*index, report, &mut amiss);
        }
        if let [(first, one), rest @ ..] = &reports[..] {
            let dissenters = rest
                .iter()
                .filter(|(_, other)| other.view.layout() != one.view.layout());
            for (index, _) in dissenters {
                let (one, other) = (self.name(*first), self.name(*index));
                amiss.push(format!("{one} and {other} see different roles or slots"));
            }
        }
        amiss
    }

    /// What one node believes that is not so, or not yet.
    fn find_amiss(&self, index: usize, report: &Report, amiss: &mut Vec<String>) {
        let name = self.name(index);
        if !report.is_ok {
            amiss.push(format!("{name} takes no commands: cluster_state is not ok"));
        }
        for (other, id) in self.ids.iter().enumerate() {
            let other_name = self.name(other);
            let Some(node) = report.view.node(id) else {
                amiss.push(format!("{name} does not know {other_name}"));
                continue;
            };
            let is_live = self.nodes[other].is_meant_to_answer();
            let doubts = ["fail", "fail?", "handshake", "noaddr"];
            if is_live && doubts.iter().any(|flag| node.is(flag)) {
                amiss.push(format!(
                    "{name} takes {other_name} for {}",
                    node.flags.join(",")
                ));
            }
            if !is_live && !node.is("fail") {
                amiss.push(format!("{name} does not know that {other_name} is gone"));
            }
        }
        let myself = report.view.myself();
        let primary = myself
            .and_then(|node| node.primary.as_deref())
            .and_then(|id| self.index_of(id));
        match primary {
            Some(primary) if !self.nodes[primary].is_meant_to_answer() => {
                let primary = self.name(primary);
                amiss.push(format!(
                    "{name} is still a replica of {primary}, which is gone"
                ));
            }
            Some(_) if !report.follows => {
                amiss.push(format!("{name} does not follow its primary yet"));
            }
            _ => {}
        }
    }

    fn probe(&self, index: usize) -> Result<Report, ServerError> {
        let mut connection = self.nodes[index].connect()?;
        connection.set_deadline(PROBE);
        let mut batch = Vec::new();
        RawConnection::encode(&["CLUSTER", "NODES"], &mut batch);
        RawConnection::encode(&["CLUSTER", "INFO"], &mut batch);
        RawConnection::encode(&["INFO", "replication"], &mut batch);
        connection.send(&batch)?;
        let view = text_of(&connection.receive()?)?;
        let state = text_of(&connection.receive()?)?;
        let replication = text_of(&connection.receive()?)?;
        Ok(Report {
            view: ClusterView::parse(&view).map_err(unexpected)?,
            is_ok: state.contains("cluster_state:ok"),
            follows: replication.contains("master_link_status:up"),
        })
    }

    fn live(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].is_meant_to_answer())
    }

    fn any_live(&self) -> Result<&Server, ServerError> {
        let index = self.live().next();
        index
            .map(|index| &self.nodes[index])
            .ok_or_else(|| unexpected("no node of the cluster runs"))
    }

    /// The view of a node that runs: the first that was a primary at the start, if it can be.
    fn any_view(&self) -> Result<ClusterView, ServerError> {
        let mut last = unexpected("no node of the cluster runs");
        for index in self.live() {
            match self.view(index) {
                Ok(view) => return Ok(view),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn index_of(&self, id: &str) -> Option<usize> {
        self.ids.iter().position(|has| has == id)
    }

    fn port_for_clients(&self, index: usize) -> u16 {
        match self.proxies.get(index) {
            Some(proxy) => proxy.port(),
            None => self.nodes[index].port(),
        }
    }

    fn name(&self, index: usize) -> String {
        format!("node {index} (port {})", self.nodes[index].port())
    }

    fn not_agreed(&self, amiss: Vec<String>) -> ServerError {
        ServerError::not_agreed(amiss, &self.nodes)
    }
}

/// What one node tells about the cluster and itself.
struct Report {
    view: ClusterView,
    /// Whether it takes commands.
    is_ok: bool,
    /// Whether it is connected to its primary, if it has one.
    follows: bool,
}

pub(crate) fn text_of(reply: &Reply) -> Result<String, ServerError> {
    match reply.as_bytes() {
        Some(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        None => Err(unexpected(format!("a text was expected, not {reply}"))),
    }
}

pub(crate) fn unexpected(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ServerError {
    ServerError::Io(std::io::Error::other(what))
}

/// Where a server really listens, whatever it announces.
fn real_address(server: &Server) -> Result<(String, String), ServerError> {
    match server.address() {
        Address::Tcp(address) => Ok((address.ip().to_string(), address.port().to_string())),
        Address::Unix(_) => Err(unexpected("a node of a cluster without a port")),
    }
}
