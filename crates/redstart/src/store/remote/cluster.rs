//! A cluster: which node serves a slot, learnt from the nodes and corrected by what they answer.
//!
//! The map is fetched when something casts doubt on it (a redirection, a node that is away, a
//! cluster that is down) and now and then without a reason. Requests never fetch it: they cast
//! doubt, and look again when the map changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redstart_protocol::{SLOTS, Value};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::RemoteConfig;
use super::route::{Node, Route};
use super::site::Site;
use crate::store::error::{Disconnect, Error, Failure, OperationName, Result};
use crate::store::replay::Deadline;
use crate::store::url::Endpoint;

/// Between fetches without a reason.
const FETCH_EVERY: Duration = Duration::from_secs(15);

/// Between fetches with one: while a cluster elects a primary, everybody asks.
const FETCH_PAUSE: Duration = Duration::from_millis(50);

/// How long a request waits for a node before it asks whether that is still the right one.
const PATIENCE: Duration = Duration::from_millis(100);

const FETCH: OperationName = OperationName::named("cluster slots");

/// The nodes of a cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    shared: Arc<Shared>,
    fetcher: JoinHandle<()>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.fetcher.abort();
    }
}

#[derive(Debug)]
struct Shared {
    config: Arc<RemoteConfig>,
    seeds: Vec<Endpoint>,
    /// Everything that a connection is kept to.
    nodes: Mutex<BTreeMap<Endpoint, Arc<Node>>>,
    map: watch::Sender<Arc<SlotMap>>,
    /// Why the last fetch failed, if it did.
    failure: Mutex<Option<Disconnect>>,
    doubt: Notify,
}

/// Where an answer sent a request instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirection {
    /// The slot is there from now on.
    Moved { slot: u16, to: Endpoint },
    /// This request is to go there, introduced by ASKING.
    Ask { to: Endpoint },
}

impl Cluster {
    pub(super) fn new(config: &Arc<RemoteConfig>, seeds: &[Endpoint]) -> Cluster {
        let shared = Arc::new(Shared {
            config: Arc::clone(config),
            seeds: seeds.to_vec(),
            nodes: Mutex::default(),
            map: watch::Sender::new(Arc::new(SlotMap::empty())),
            failure: Mutex::default(),
            doubt: Notify::new(),
        });
        let fetcher = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { shared.keep_fetching().await }
        });
        Cluster { shared, fetcher }
    }

    /// The map, as it changes.
    pub(super) fn map(&self) -> watch::Receiver<Arc<SlotMap>> {
        self.shared.map.subscribe()
    }

    /// The connection for a slot, if there is one now.
    pub(super) fn ready(&self, slot: Option<u16>, bytes: usize) -> Option<Route> {
        let map = self.shared.map.borrow();
        map.node(slot)?.ready(slot, bytes)
    }

    /// The connection for a slot, as soon as there is one; for a request without keys, to any
    /// node. Nothing has been sent when this fails.
    pub(super) async fn route(
        &self,
        slot: Option<u16>,
        bytes: usize,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Route> {
        let time = &self.shared.config.time;
        let mut map = self.shared.map.subscribe();
        loop {
            let node = map.borrow_and_update().node(slot).cloned();
            let waiting = async {
                match &node {
                    Some(node) => node.route(slot, bytes, operation, deadline).await,
                    None => self.unserved(operation, deadline).await,
                }
            };
            tokio::select! {
                biased;
                route = waiting => {
                    if route.is_err() {
                        self.cast_doubt();
                    }
                    return route;
                }
                _ = map.changed() => {}
                () = time.sleep(PATIENCE) => self.cast_doubt(),
            }
        }
    }

    /// A connection to one node, whatever it serves.
    pub(super) async fn route_to(
        &self,
        endpoint: &Endpoint,
        slot: Option<u16>,
        bytes: usize,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Route> {
        let node = self.shared.node(endpoint);
        node.route(slot, bytes, operation, deadline).await
    }

    /// Fails when the deadline passes, or at once if there is no hope.
    async fn unserved(&self, operation: &OperationName, deadline: Deadline) -> Result<Route> {
        let refused = |cause: &Disconnect| matches!(cause, Disconnect::Refused { .. });
        let failure = self.shared.failure.lock().clone();
        if !failure.as_ref().is_some_and(refused) {
            self.cast_doubt();
            self.shared.config.time.sleep_until(deadline.at).await;
        }
        let unserved = || Disconnect::Unreachable("no node of the cluster serves the slot".into());
        let cause = failure.unwrap_or_else(unserved);
        Err(Error::Disconnected {
            operation: operation.clone(),
            failure: match refused(&cause) {
                true => Failure::Failed,
                false => Failure::NotSent,
            },
            cause,
        })
    }

    /// Has the map fetched.
    pub(super) fn cast_doubt(&self) {
        self.shared.doubt.notify_one();
    }

    /// Corrects the map by what a node said. Others learn of it at once, the rest is fetched.
    pub(super) fn moved(&self, slot: u16, to: &Endpoint) {
        let node = self.shared.node(to);
        self.shared.map.send_if_modified(|map| {
            let corrected = map.with(slot, to, node);
            let changed = corrected.is_some();
            if let Some(corrected) = corrected {
                *map = Arc::new(corrected);
            }
            changed
        });
        self.cast_doubt();
    }
}

impl Shared {
    /// The node at this place, with connections that are kept from now on.
    fn node(&self, endpoint: &Endpoint) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        let open = || Arc::new(Node::new(&self.config, &Site::Fixed(endpoint.clone())));
        Arc::clone(nodes.entry(endpoint.clone()).or_insert_with(open))
    }

    async fn keep_fetching(&self) {
        let time = &self.config.time;
        loop {
            let fetched = self.fetch().await;
            *self.failure.lock() = fetched.as_ref().err().cloned();
            match fetched {
                Ok(map) => self.adopt(map),
                Err(cause) => {
                    tracing::debug!(%cause, "cannot fetch the cluster's slots");
                    // Whoever waits for a map has to see why there is none.
                    self.map.send_if_modified(|map| map.is_empty());
                }
            }
            time.sleep(FETCH_PAUSE).await;
            tokio::select! {
                biased;
                () = self.doubt.notified() => {}
                () = time.sleep(FETCH_EVERY) => {}
            }
        }
    }

    fn adopt(&self, fetched: SlotMap) {
        self.map.send_if_modified(|map| {
            let changed = **map != fetched;
            if changed {
                *map = Arc::new(fetched);
            }
            changed
        });
        // Connections that nobody will use again are closed when nobody waits for their answers.
        let map = Arc::clone(&self.map.borrow());
        let mut nodes = self.nodes.lock();
        nodes.retain(|_, node| map.serves(node) || node.is_busy());
    }

    /// Asks one node after the other, those first that have a connection.
    async fn fetch(&self) -> Result<SlotMap, Disconnect> {
        let mut endpoints: Vec<Endpoint> = {
            let nodes = self.nodes.lock();
            let mut known: Vec<_> = nodes.iter().collect();
            known.sort_by_cached_key(|(_, node)| !node.is_ready());
            let known = known.into_iter().map(|(endpoint, _)| endpoint);
            known.cloned().collect()
        };
        for seed in &self.seeds {
            if !endpoints.contains(seed) {
                endpoints.push(seed.clone());
            }
        }

        let mut failure = Disconnect::Unreachable("no node of the cluster answers".into());
        for endpoint in &endpoints {
            match self.fetch_from(endpoint).await {
                Ok(map) => return Ok(map),
                Err(cause) => failure = cause,
            }
        }
        Err(failure)
    }

    async fn fetch_from(&self, endpoint: &Endpoint) -> Result<SlotMap, Disconnect> {
        let within = self.config.connect_within / 4;
        let deadline = Deadline::within(within, &self.config.time);
        let node = self.node(endpoint);
        let link = match node.route(None, 0, &FETCH, deadline).await {
            Ok(route) => route.link,
            Err(Error::Disconnected { cause, .. }) => return Err(cause),
            Err(error) => return Err(Disconnect::Unreachable(error.to_string().into())),
        };
        let mut question = redis::cmd("CLUSTER");
        question.arg("SLOTS");
        let answer = tokio::select! {
            biased;
            answer = link.ask(&question) => answer,
            () = self.config.time.sleep(within) => {
                return Err(Disconnect::Unreachable("a node does not answer".into()));
            }
        };
        match answer {
            Some(Value::Error(text)) => {
                let error = Error::server(&FETCH, &text);
                Err(match error {
                    Error::Server {
                        failure: Failure::Failed,
                        code,
                        text,
                        ..
                    } => Disconnect::Refused { code, text },
                    passing => Disconnect::Unreachable(passing.to_string().into()),
                })
            }
            Some(answer) => {
                let ranges = ranges(&answer, endpoint);
                Ok(SlotMap::new(&ranges, |endpoint| self.node(endpoint)))
            }
            None => Err(Disconnect::Lost),
        }
    }
}

/// First and last slot, and who serves them.
type Range = (u16, u16, Endpoint);

/// What CLUSTER SLOTS says: of each range its bounds and its nodes, the primary first. Anything
/// else in it is left out, so that a later server may say more.
fn ranges(answer: &Value, asked: &Endpoint) -> Vec<Range> {
    let Value::Array(ranges) = answer else {
        return Vec::new();
    };
    let range = |range: &Value| {
        let Value::Array(items) = range else {
            return None;
        };
        let [
            Value::Integer(first),
            Value::Integer(last),
            Value::Array(primary),
            ..,
        ] = &items[..]
        else {
            return None;
        };
        let [host, Value::Integer(port), ..] = &primary[..] else {
            return None;
        };
        let bound = |slot: i64| u16::try_from(slot).ok().filter(|slot| *slot < SLOTS);
        let endpoint = endpoint(host_of(host), u16::try_from(*port).ok()?, asked);
        Some((bound(*first)?, bound(*last)?, endpoint))
    };
    ranges.iter().filter_map(range).collect()
}

fn host_of(value: &Value) -> &str {
    match value {
        Value::Bulk(host) | Value::Simple(host) => std::str::from_utf8(host).unwrap_or_default(),
        _ => "",
    }
}

/// A node that does not know its own name is where it was asked.
fn endpoint(host: &str, port: u16, asked: &Endpoint) -> Endpoint {
    let host = match (host, asked) {
        ("" | "?", Endpoint::Tcp { host, .. }) => host.clone(),
        (host, _) => host.to_owned(),
    };
    Endpoint::Tcp { host, port }
}

/// Where an error reply sends a request, said by the node at `asked`.
pub(super) fn redirection(error: &Error, asked: &Endpoint) -> Option<Redirection> {
    let Error::Server { code, text, .. } = error else {
        return None;
    };
    let (slot, address) = text.split_once(' ')?;
    let (host, port) = address.trim_end().rsplit_once(':')?;
    let to = endpoint(host, port.parse().ok()?, asked);
    let slot = slot.parse().ok().filter(|slot| *slot < SLOTS)?;
    match &**code {
        "MOVED" => Some(Redirection::Moved { slot, to }),
        "ASK" => Some(Redirection::Ask { to }),
        _ => None,
    }
}

/// Which node serves which slot.
#[derive(Debug)]
pub(super) struct SlotMap {
    nodes: Vec<(Endpoint, Arc<Node>)>,
    /// Of each slot, the place of its node in `nodes`.
    slots: Box<[u16]>,
}

/// The place of a node that is not there.
const NOBODY: u16 = u16::MAX;

impl PartialEq for SlotMap {
    fn eq(&self, other: &SlotMap) -> bool {
        let mut pairs = self.nodes.iter().zip(&other.nodes);
        self.slots == other.slots
            && self.nodes.len() == other.nodes.len()
            && pairs.all(|(one, other)| one.0 == other.0 && Arc::ptr_eq(&one.1, &other.1))
    }
}

impl SlotMap {
    fn empty() -> SlotMap {
        SlotMap {
            nodes: Vec::new(),
            slots: vec![NOBODY; usize::from(SLOTS)].into(),
        }
    }

    fn new(ranges: &[Range], open: impl Fn(&Endpoint) -> Arc<Node>) -> SlotMap {
        let mut map = SlotMap::empty();
        for (first, last, endpoint) in ranges {
            let place = map.place(endpoint, || open(endpoint));
            for slot in *first..=*last {
                map.slots[usize::from(slot)] = place;
            }
        }
        map
    }

    fn place(&mut self, endpoint: &Endpoint, open: impl FnOnce() -> Arc<Node>) -> u16 {
        let known = self.nodes.iter().position(|(known, _)| known == endpoint);
        let place = known.unwrap_or_else(|| {
            self.nodes.push((endpoint.clone(), open()));
            self.nodes.len() - 1
        });
        // There are at most as many nodes as slots.
        place as u16
    }

    /// The map with one slot elsewhere; `None` if it is there already.
    fn with(&self, slot: u16, endpoint: &Endpoint, node: Arc<Node>) -> Option<SlotMap> {
        let mut map = SlotMap {
            nodes: self.nodes.clone(),
            slots: self.slots.clone(),
        };
        let place = map.place(endpoint, || node);
        let served_by = &mut map.slots[usize::from(slot)];
        (std::mem::replace(served_by, place) != place).then_some(map)
    }

    /// The node of a slot; for a request without keys the first one that can be asked at once, so
    /// that a node that is away is no reason to fail.
    fn node(&self, slot: Option<u16>) -> Option<&Arc<Node>> {
        let place = match slot {
            Some(slot) => usize::from(self.slots[usize::from(slot)]),
            None => {
                let is_ready = |(_, node): &(Endpoint, Arc<Node>)| node.is_ready();
                self.nodes.iter().position(is_ready).unwrap_or(0)
            }
        };
        self.nodes.get(place).map(|(_, node)| node)
    }

    /// Who serves a slot, if anybody does.
    pub(super) fn endpoint(&self, slot: u16) -> Option<&Endpoint> {
        let place = usize::from(self.slots[usize::from(slot)]);
        self.nodes.get(place).map(|(endpoint, _)| endpoint)
    }

    /// All who serve any slot.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> + Clone {
        self.nodes.iter().map(|(endpoint, _)| endpoint)
    }

    pub(super) fn lists(&self, endpoint: &Endpoint) -> bool {
        self.endpoints().any(|known| known == endpoint)
    }

    fn serves(&self, node: &Arc<Node>) -> bool {
        self.nodes.iter().any(|(_, known)| Arc::ptr_eq(known, node))
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        let host = host.to_owned();
        Endpoint::Tcp { host, port }
    }

    #[test]
    fn redirections_are_read_and_other_errors_are_none() {
        let of = |reply: &[u8]| redirection(&Error::server(&FETCH, reply), &tcp("here", 1));
        let (slot, to) = (3999, tcp("10.0.0.2", 6381));
        assert_eq!(
            of(b"MOVED 3999 10.0.0.2:6381"),
            Some(Redirection::Moved { slot, to })
        );
        let to = tcp("::1", 6381);
        assert_eq!(of(b"ASK 7 ::1:6381"), Some(Redirection::Ask { to }));
        let to = tcp("here", 6381);
        assert_eq!(of(b"ASK 7 :6381"), Some(Redirection::Ask { to }));
        for other in [
            "MOVED",
            "MOVED 1",
            "MOVED 16384 a:1",
            "MOVED 1 a:x",
            "ERR 1 a:1",
        ] {
            assert_eq!(of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn ranges_are_read_and_what_is_not_understood_is_left_out() {
        let node = |host: Value, port| Value::Array(vec![host, Value::Integer(port)]);
        let range = |first, last, node: Value| {
            Value::Array(vec![Value::Integer(first), Value::Integer(last), node])
        };
        let answer = Value::Array(vec![
            range(0, 5460, node(Value::bulk("a"), 7000)),
            range(5461, 10922, node(Value::Null, 7001)),
            range(10923, 16384, node(Value::bulk("c"), 7002)),
            range(10923, 16383, node(Value::bulk("c"), 70000)),
            Value::Null,
        ]);
        let expected = [(0, 5460, tcp("a", 7000)), (5461, 10922, tcp("here", 7001))];
        assert_eq!(ranges(&answer, &tcp("here", 1)), expected);
    }
}
