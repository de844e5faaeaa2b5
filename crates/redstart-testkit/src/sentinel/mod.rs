//! A primary, its replicas, and the sentinels that watch them.

mod start;

use std::path::PathBuf;
use std::time::Duration;

use crate::address::login;
use crate::binary::{ServerBinary, ServerError};
use crate::connection::RawConnection;
use crate::deadline::{poll, until_nothing_is_amiss};
use crate::fault_proxy::FaultProxy;
use crate::reply::Reply;
use crate::server::{Server, on_free_ports};

/// How long agreement may take: an election that failed is repeated after twice the time a failover
/// may take.
const AGREEMENT: Duration = Duration::from_secs(40);

/// How long a server may take to say what it believes.
const PROBE: Duration = Duration::from_secs(2);

/// How long writes wait at most while a primary hands over, in milliseconds.
const HANDOVER_MS: u64 = 10_000;

/// What a Sentinel deployment is started with: a primary with two replicas and three sentinels,
/// unless told otherwise.
#[derive(Clone, Debug)]
pub struct SentinelBuilder {
    binary: ServerBinary,
    name: String,
    replicas: usize,
    sentinels: usize,
    down_after: Duration,
    args: Vec<String>,
    password: Option<String>,
    port: Option<u16>,
    directory: Option<PathBuf>,
    proxied: bool,
}

impl SentinelBuilder {
    /// What the sentinels call the primary, `mymaster` at first.
    pub fn name(mut self, name: impl Into<String>) -> SentinelBuilder {
        self.name = name.into();
        self
    }

    /// How many replicas there are, two at first.
    pub fn replicas(mut self, count: usize) -> SentinelBuilder {
        self.replicas = count;
        self
    }

    /// How many sentinels there are, three at first. More than half of them have to agree.
    pub fn sentinels(mut self, count: usize) -> SentinelBuilder {
        self.sentinels = count.max(1);
        self
    }

    /// After how long a silent server counts as gone, one second at first. Shorter makes failover
    /// quicker, and makes a busy machine fail over without need.
    pub fn down_after(mut self, silence: Duration) -> SentinelBuilder {
        self.down_after = silence;
        self
    }

    /// Demands a password at the primary and its replicas, which the sentinels know, and puts it into the URL.
    pub fn password(mut self, password: impl Into<String>) -> SentinelBuilder {
        self.password = Some(password.into());
        self
    }

    /// Adds an argument for the primary and its replicas, as on redis-server's command line.
    pub fn arg(mut self, arg: impl Into<String>) -> SentinelBuilder {
        self.args.push(arg.into());
        self
    }

    /// Uses this port and those that follow, first for the servers and then for the sentinels,
    /// instead of free ones.
    pub fn port(mut self, first: u16) -> SentinelBuilder {
        self.port = Some(first);
        self
    }

    /// Works in this directory, which stays. A deployment that worked there before is started again.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> SentinelBuilder {
        self.directory = Some(directory.into());
        self
    }

    /// Puts a [`FaultProxy`] before every server, whose port the sentinels tell clients. What
    /// servers and sentinels say to each other passes untouched. Needs Redis 7.0 or Valkey.
    pub fn proxied(mut self) -> SentinelBuilder {
        self.proxied = true;
        self
    }

    /// Starts everything and returns when every sentinel sees everybody, and every replica follows
    /// the primary.
    pub fn start(self) -> Result<Sentinel, ServerError> {
        let count = 1 + self.replicas + self.sentinels;
        match self.port {
            Some(first) => self.start_on(&(first..).take(count).collect::<Vec<_>>()),
            None => on_free_ports(count, |ports| self.start_on(ports)),
        }
    }
}

/// A primary, its replicas and sentinels in child processes. Dropping it kills them.
///
/// Servers are named by their index: 0 was the primary at the start. Failovers change roles and
/// never indices.
///
/// The sentinels look around some ten times as often as they do in production (SENTINEL DEBUG), so
/// that what takes them ten seconds there is a matter of one here.
#[derive(Debug)]
pub struct Sentinel {
    name: String,
    servers: Vec<Server>,
    sentinels: Vec<Server>,
    proxies: Vec<FaultProxy>,
}

impl Sentinel {
    /// A deployment of the server in `PATH`, to be started. The error says what to install.
    pub fn from_path() -> Result<SentinelBuilder, ServerError> {
        Ok(Sentinel::builder(ServerBinary::from_path()?))
    }

    /// A deployment of a given server, to be started.
    pub fn builder(binary: ServerBinary) -> SentinelBuilder {
        SentinelBuilder {
            binary,
            name: "mymaster".to_owned(),
            replicas: 2,
            sentinels: 3,
            down_after: Duration::from_secs(1),
            args: Vec::new(),
            password: None,
            port: None,
            directory: None,
            proxied: false,
        }
    }

    /// Where clients start: `redis+sentinel://`, all sentinels, and the primary's name.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port()))
            .collect();
        let login = login(self.servers[0].password());
        format!("redis+sentinel://{login}{}/{}", hosts.join(","), self.name)
    }

    /// What the sentinels call the primary.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The primary and the replicas.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The primary and the replicas, to kill, stop or restart them.
    pub fn servers_mut(&mut self) -> &mut [Server] {
        &mut self.servers
    }

    /// The sentinels.
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// The sentinels, to kill, stop or restart them.
    pub fn sentinels_mut(&mut self) -> &mut [Server] {
        &mut self.sentinels
    }

    /// Every process, sentinels last.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Server> {
        self.servers.iter_mut().chain(&mut self.sentinels)
    }

    /// The proxies, one a server in the servers' order; none unless the deployment is
    /// [proxied](SentinelBuilder::proxied).
    pub fn proxies(&self) -> &[FaultProxy] {
        &self.proxies
    }

    /// The server that the sentinels take for the primary.
    pub fn primary(&self) -> Result<usize, ServerError> {
        let mut last = no_sentinel();
        for sentinel in live(&self.sentinels) {
            match self.primary_of(&self.sentinels[sentinel]) {
                Ok(primary) => return Ok(primary),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The primary hands over to a replica with nothing lost: writes wait until the replicas have
    /// all of it, and then until they are refused. Returns when everybody has agreed.
    pub fn failover(&self) -> Result<(), ServerError> {
        let old = &self.servers[self.primary()?];
        old.call(&["CLIENT", "PAUSE", &HANDOVER_MS.to_string(), "WRITE"])?;
        let handed_over = self.hand_over(old);
        old.call(&["CLIENT", "UNPAUSE"])?;
        handed_over?;
        self.wait_until_agreed()
    }

    /// The sentinels promote a replica without asking the primary, which goes on taking writes for a
    /// while, and loses them. Returns when everybody has agreed.
    pub fn force_failover(&self) -> Result<(), ServerError> {
        self.promote_another()?;
        self.wait_until_agreed()
    }

    /// Returns when every sentinel that runs names the same primary and sees who is there and who is
    /// gone, and every replica that runs follows it. That implies that a primary that was killed has
    /// been replaced.
    pub fn wait_until_agreed(&self) -> Result<(), ServerError> {
        let amiss = until_nothing_is_amiss(AGREEMENT, || Ok::<_, ServerError>(self.amiss()))?;
        match amiss.is_empty() {
            true => Ok(()),
            false => Err(self.not_agreed(amiss)),
        }
    }

    /// What keeps servers and sentinels from agreeing, in words; empty when they agree.
    pub fn amiss(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        let primary = match self.primary() {
            Ok(primary) => primary,
            Err(error) => return vec![error.to_string()],
        };
        if !self.servers[primary].is_meant_to_answer() {
            amiss.push(format!(
                "{} is gone and not replaced yet",
                self.name_of(primary)
            ));
            return amiss;
        }
        for index in live(&self.sentinels) {
            let found = self.find_amiss(index, primary, &mut amiss);
            if let Err(error) = found {
                amiss.push(format!("sentinel {index}: {error}"));
            }
        }
        for index in live(&self.servers) {
            match self.role_of(index) {
                Ok(Role::Primary) if index == primary => {}
                Ok(Role::Replica {
                    of,
                    is_connected: true,
                }) if index != primary && of == self.port_for_clients(primary) => {}
                Ok(role) => amiss.push(format!("{} is {role:?}", self.name_of(index))),
                Err(error) => amiss.push(format!("{}: {error}", self.name_of(index))),
            }
        }
        amiss
    }

    /// What one sentinel believes that is not so, or not yet.
    fn find_amiss(
        &self,
        index: usize,
        primary: usize,
        amiss: &mut Vec<String>,
    ) -> Result<(), ServerError> {
        let sentinel = &self.sentinels[index];
        let [master] = &self.ask(sentinel, "MASTER")?[..] else {
            return Err(unexpected("SENTINEL MASTER answered with no primary"));
        };
        let port = self.port_for_clients(primary).to_string();
        if master.get("port") != Some(&*port) || master.get("flags") != Some("master") {
            let (port, flags) = (master.get("port"), master.get("flags"));
            amiss.push(format!("sentinel {index} sees {port:?} as {flags:?}"));
        }
        let others = self.ask(sentinel, "SENTINELS")?;
        let seen = others
            .iter()
            .filter(|other| other.get("flags") == Some("sentinel"));
        let expected = live(&self.sentinels).count() - 1;
        let seen = seen.count();
        if seen != expected {
            amiss.push(format!(
                "sentinel {index} sees {seen} others, not {expected}"
            ));
        }
        let replicas = self.ask(sentinel, "REPLICAS")?;
        for other in (0..self.servers.len()).filter(|other| *other != primary) {
            let port = self.port_for_clients(other).to_string();
            let replica = replicas
                .iter()
                .find(|replica| replica.get("port") == Some(&*port));
            let is_live = self.servers[other].is_meant_to_answer();
            let is_so = replica.is_some_and(|replica| match is_live {
                true => {
                    replica.get("flags") == Some("slave")
                        && replica.get("master-link-status") == Some("ok")
                        && replica.get("master-port")
                            == Some(&*self.port_for_clients(primary).to_string())
                }
                false => replica
                    .get("flags")
                    .is_some_and(|flags| flags.contains("s_down")),
            });
            if !is_so {
                let flags = replica.and_then(|replica| replica.get("flags"));
                let other = self.name_of(other);
                amiss.push(format!("sentinel {index} sees {other} as {flags:?}"));
            }
        }
        Ok(())
    }

    /// Promotes a replica that has all of the primary's writes.
    fn hand_over(&self, old: &Server) -> Result<(), ServerError> {
        let caught_up = poll(AGREEMENT, || {
            let offset = replication(old, "master_repl_offset")?;
            for replica in live(&self.servers).map(|index| &self.servers[index]) {
                if replication(replica, "role")? == "slave"
                    && replication(replica, "slave_repl_offset")? < offset
                {
                    return Ok(None);
                }
            }
            Ok::<_, ServerError>(Some(()))
        })?;
        if caught_up.is_none() {
            return Err(self.not_agreed(vec!["the replicas do not catch up".to_owned()]));
        }
        let new = self.promote_another()?;
        let port = self.port_for_clients(new).to_string();
        old.call(&["REPLICAOF", "127.0.0.1", &port])?;
        Ok(())
    }

    /// Makes the sentinels promote a replica, and returns it when it is the primary.
    fn promote_another(&self) -> Result<usize, ServerError> {
        let old = self.primary()?;
        let sentinel = live(&self.sentinels).next().ok_or_else(no_sentinel)?;
        let command = ["SENTINEL", "FAILOVER", &self.name];
        // A failover may still be under way on paper, or a replica not be looked at yet.
        let begun = poll(AGREEMENT, || {
            match self.sentinels[sentinel].call(&command) {
                Ok(_) => Ok(Some(())),
                Err(ServerError::Refused { text, .. })
                    if text.starts_with("INPROG") || text.starts_with("NOGOODSLAVE") =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })?;
        let promoted = match begun {
            Some(()) => poll(AGREEMENT, || {
                let primary = self.primary_of(&self.sentinels[sentinel])?;
                let is_new = primary != old && matches!(self.role_of(primary)?, Role::Primary);
                Ok::<_, ServerError>(is_new.then_some(primary))
            })?,
            None => None,
        };
        promoted.ok_or_else(|| self.not_agreed(vec!["no replica was promoted".to_owned()]))
    }

    fn primary_of(&self, sentinel: &Server) -> Result<usize, ServerError> {
        let mut connection = sentinel.connect()?;
        connection.set_deadline(PROBE);
        let reply = connection.call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.name])?;
        let port = reply
            .as_elements()
            .and_then(|pair| text(pair.get(1)?)?.parse::<u16>().ok());
        (0..self.servers.len())
            .find(|index| Some(self.port_for_clients(*index)) == port)
            .ok_or_else(|| unexpected(format!("a sentinel names a stranger: {reply}")))
    }

    fn role_of(&self, index: usize) -> Result<Role, ServerError> {
        let mut connection = self.servers[index].connect()?;
        connection.set_deadline(PROBE);
        let reply = connection.call(&["ROLE"])?;
        let parts = reply.as_elements().unwrap_or_default();
        match parts.first().and_then(text).as_deref() {
            Some("master") => Ok(Role::Primary),
            Some("slave") => Ok(Role::Replica {
                of: parts
                    .get(2)
                    .and_then(Reply::as_integer)
                    .and_then(|port| u16::try_from(port).ok())
                    .unwrap_or_default(),
                is_connected: parts.get(3).and_then(text).as_deref() == Some("connected"),
            }),
            _ => Err(unexpected(format!("ROLE answered {reply}"))),
        }
    }

    /// The tables that a sentinel answers with.
    fn ask(&self, sentinel: &Server, what: &str) -> Result<Vec<Table>, ServerError> {
        let mut connection: RawConnection = sentinel.connect()?;
        connection.set_deadline(PROBE);
        let reply = connection.call(&["SENTINEL", what, &self.name])?;
        let elements = reply.as_elements().unwrap_or_default();
        Ok(match what {
            "MASTER" => vec![Table::read(&reply)],
            _ => elements.iter().map(Table::read).collect(),
        })
    }

    fn port_for_clients(&self, index: usize) -> u16 {
        match self.proxies.get(index) {
            Some(proxy) => proxy.port(),
            None => self.servers[index].port(),
        }
    }

    fn name_of(&self, index: usize) -> String {
        format!("server {index} (port {})", self.servers[index].port())
    }

    fn not_agreed(&self, amiss: Vec<String>) -> ServerError {
        ServerError::not_agreed(amiss, self.servers.iter().chain(&self.sentinels))
    }
}

/// What a server takes itself for.
#[derive(Debug)]
enum Role {
    Primary,
    Replica { of: u16, is_connected: bool },
}

/// Names and values, as sentinels describe whom they know.
struct Table(Vec<(String, String)>);

impl Table {
    fn read(reply: &Reply) -> Table {
        let words: Vec<String> = reply
            .as_elements()
            .unwrap_or_default()
            .iter()
            .filter_map(text)
            .collect();
        let pairs = words.chunks_exact(2);
        Table(
            pairs
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(has, _)| has == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The servers among these that run.
fn live(servers: &[Server]) -> impl Iterator<Item = usize> + '_ {
    (0..servers.len()).filter(|index| servers[*index].is_meant_to_answer())
}

/// A field of INFO replication.
fn replication(server: &Server, field: &str) -> Result<String, ServerError> {
    let reply = server.call(&["INFO", "replication"])?;
    let info = text(&reply).unwrap_or_default();
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value
        .map(str::to_owned)
        .ok_or_else(|| unexpected(format!("{server} does not tell {field}")))
}

fn text(reply: &Reply) -> Option<String> {
    Some(String::from_utf8_lossy(reply.as_bytes()?).into_owned())
}

fn no_sentinel() -> ServerError {
    unexpected("no sentinel runs")
}

fn unexpected(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ServerError {
    ServerError::Io(std::io::Error::other(what))
}
