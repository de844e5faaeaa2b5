//! What the nodes know and do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;
use redstart_protocol::{Resp, Value, encode, slot};
use tokio::sync::Notify;

use super::channels;
use super::fate::{Chances, Door, Fate, Mood};
use super::network::Network;
use super::slots::Slots;
use crate::store::random::Random;
use crate::store::subscriber::Kind;
use crate::store::url::Endpoint;
use crate::store::{Store, StoreBuilder, Time};

const FIRST_PORT: u16 = 7000;

/// More requests than there is reason for at one moment: somebody repeats something without a pause.
const MOMENT: u32 = 2_000;

/// A server, or the nodes of a cluster. Data is theirs together: what is at stake here is who
/// executes what how often, not how data travels.
#[derive(Debug)]
pub(in super::super) struct World {
    pub(super) time: Time,
    pub(super) random: Arc<Random>,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) nodes: Vec<Node>,
    pub(super) clients: Vec<Arc<Client>>,
    /// How many there have been.
    accepted: usize,
    chances: Chances,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    counters: BTreeMap<Vec<u8>, i64>,
    /// How often a request was executed, by the number that it carried.
    executions: BTreeMap<u64, u32>,
    /// Who serves what.
    pub(super) slots: Slots,
    /// How many messages were published where.
    pub(super) published: BTreeMap<(Kind, String), u64>,
    moving: BTreeMap<u16, Moving>,
    /// The first words of errors that were answered.
    refusals: BTreeSet<String>,
    /// How many requests came at this moment.
    moment: (Duration, u32),
    /// Of everything that happened.
    history: DefaultHasher,
}

#[derive(Debug)]
pub(super) struct Node {
    door: Door,
    pub(super) mood: Option<Mood>,
    pub(super) frozen_until: Duration,
    /// What becomes of the next requests, greetings and signs of life left aside.
    fates: VecDeque<Fate>,
    /// Commands that came, greetings and signs of life left aside.
    commands: Vec<String>,
    /// Who it thinks serves what.
    pub(super) slots: Slots,
}

/// A slot on its way.
#[derive(Debug)]
struct Moving {
    to: usize,
    /// Keys that have arrived.
    arrived: BTreeSet<Vec<u8>>,
}

/// A connection, from the node's side.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) node: usize,
    pub(super) cut: Notify,
    /// There is something to be told.
    pub(super) has_output: Notify,
    output: Mutex<BytesMut>,
    session: Mutex<Session>,
    /// What it is subscribed to.
    pub(super) names: Mutex<BTreeSet<(Kind, Vec<u8>)>>,
}

#[derive(Debug, Default)]
struct Session {
    asking: bool,
    /// Commands since MULTI.
    queued: Option<Vec<Vec<Vec<u8>>>>,
    /// One of them was refused.
    aborted: bool,
}

impl Client {
    pub(super) fn new(node: usize) -> Arc<Client> {
        Arc::new(Client {
            node,
            cut: Notify::new(),
            has_output: Notify::new(),
            output: Mutex::default(),
            session: Mutex::default(),
            names: Mutex::default(),
        })
    }

    pub(super) fn say(&self, value: Value) {
        encode(&value, Resp::V3, &mut self.output.lock());
    }

    /// Something that it did not ask for.
    pub(super) fn push(&self, words: Vec<Value>) {
        self.say(Value::Push(words));
        self.has_output.notify_one();
    }

    pub(super) fn take_output(&self) -> BytesMut {
        self.output.lock().split()
    }
}

impl World {
    pub(super) fn new(time: Time, seed: u64, nodes: usize) -> Arc<World> {
        let node = || Node {
            door: Door::Open,
            mood: None,
            frozen_until: Duration::ZERO,
            fates: VecDeque::new(),
            commands: Vec::new(),
            slots: Slots::among(nodes),
        };
        Arc::new(World {
            time,
            random: Arc::new(Random::seeded(seed)),
            state: Mutex::new(State {
                nodes: (0..nodes).map(|_| node()).collect(),
                clients: Vec::new(),
                accepted: 0,
                chances: Chances::default(),
                values: BTreeMap::new(),
                counters: BTreeMap::new(),
                executions: BTreeMap::new(),
                slots: Slots::among(nodes),
                published: BTreeMap::new(),
                moving: BTreeMap::new(),
                refusals: BTreeSet::new(),
                moment: (Duration::ZERO, 0),
                history: DefaultHasher::new(),
            }),
        })
    }

    /// A store on these nodes, to be opened.
    pub(super) fn store(self: &Arc<World>) -> StoreBuilder {
        let places: Vec<String> = (0..self.nodes())
            .map(|node| format!("node:{}", FIRST_PORT + node as u16))
            .collect();
        let scheme = match self.is_cluster() {
            true => "redis+cluster",
            false => "redis",
        };
        Store::builder(&format!("{scheme}://{}", places.join(",")))
            .simulated(Network::of(self), Arc::clone(&self.random))
            .time(self.time.clone())
    }

    pub(super) fn nodes(&self) -> usize {
        self.state.lock().nodes.len()
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.nodes() > 1
    }

    pub(super) fn node_at(&self, endpoint: &Endpoint) -> usize {
        match endpoint {
            Endpoint::Tcp { port, .. } => usize::from(port - FIRST_PORT),
            Endpoint::Unix { .. } => panic!("nobody is there"),
        }
    }
}

/// What can be done to the nodes.
impl World {
    pub(super) fn set_chances(&self, chances: Chances) {
        self.state.lock().chances = chances;
    }

    pub(super) fn set_door(&self, node: usize, door: Door) {
        self.state.lock().nodes[node].door = door;
    }

    pub(super) fn set_mood(&self, node: usize, mood: Option<Mood>) {
        self.state.lock().nodes[node].mood = mood;
    }

    pub(super) fn freeze(&self, node: usize, until: Duration) {
        self.state.lock().nodes[node].frozen_until = until;
    }

    /// What becomes of the next requests to a node.
    pub(super) fn next(&self, node: usize, fates: impl IntoIterator<Item = Fate>) {
        self.state.lock().nodes[node].fates.extend(fates);
    }

    /// Cuts connections to a node: all of them, or one.
    pub(super) fn cut(&self, node: usize, all: bool) {
        let state = self.state.lock();
        let clients = state.clients.iter().filter(|client| client.node == node);
        let clients: Vec<_> = clients.collect();
        let spared = match (all, clients.len() as u64) {
            (_, 0) => return,
            (true, _) => None,
            (false, count) => Some(self.random.below(count) as usize),
        };
        for (index, client) in clients.into_iter().enumerate() {
            if all || spared == Some(index) {
                client.cut.notify_one();
            }
        }
    }

    /// A slot begins to move; keys follow one by one. Says whether it was at rest.
    pub(super) fn begin_move(&self, slot: u16, to: usize) -> bool {
        let mut state = self.state.lock();
        let at_rest = state.slots.node(slot) != to && !state.moving.contains_key(&slot);
        if at_rest {
            let arrived = BTreeSet::new();
            state.moving.insert(slot, Moving { to, arrived });
        }
        at_rest
    }

    /// One more key of a moving slot arrives; says whether there was one.
    pub(super) fn move_key(&self, slot: u16) -> bool {
        let State {
            values,
            counters,
            moving,
            ..
        } = &mut *self.state.lock();
        let Some(moving) = moving.get_mut(&slot) else {
            return false;
        };
        let left =
            |key: &&Vec<u8>| redstart_protocol::slot(key) == slot && !moving.arrived.contains(*key);
        let key = values.keys().chain(counters.keys()).find(left).cloned();
        let found = key.is_some();
        moving.arrived.extend(key);
        found
    }

    /// A slot has moved. Only the node that it left knows so far.
    pub(super) fn finish_move(&self, slot: u16) {
        let mut state = self.state.lock();
        if let Some(Moving { to, .. }) = state.moving.remove(&slot) {
            let from = state.slots.node(slot);
            state.slots.give(slot, to);
            state.nodes[from].slots.give(slot, to);
            state.end_shards(from);
        }
    }

    /// One node takes everything over from another. Only that other one knows so far.
    pub(super) fn fail_over(&self, from: usize, to: usize) {
        let mut state = self.state.lock();
        let State { slots, moving, .. } = &mut *state;
        moving.retain(|slot, _| slots.node(*slot) != from);
        slots.give_all(from, to);
        state.nodes[from].slots.give_all(from, to);
        state.end_shards(from);
    }

    /// A node hears who serves what. Until it does, it serves nothing new.
    pub(super) fn learn(&self, node: usize) {
        let mut state = self.state.lock();
        state.nodes[node].slots = state.slots.clone();
    }

    /// All is well from now on.
    pub(super) fn heal(&self) {
        let state = &mut *self.state.lock();
        state.chances = Chances::default();
        state.moving.clear();
        for node in &mut state.nodes {
            node.door = Door::Open;
            node.mood = None;
            node.frozen_until = Duration::ZERO;
            node.slots = state.slots.clone();
        }
    }
}

/// What can be seen of them.
impl World {
    /// Commands that a node was sent, greetings and signs of life left aside.
    pub(super) fn commands(&self, node: usize) -> Vec<String> {
        self.state.lock().nodes[node].commands.clone()
    }

    /// From now on only what comes is told.
    pub(super) fn forget_commands(&self) {
        let mut state = self.state.lock();
        state
            .nodes
            .iter_mut()
            .for_each(|node| node.commands.clear());
    }

    /// How often the request with this number was executed.
    pub(super) fn executions(&self, number: u64) -> u32 {
        let state = self.state.lock();
        state.executions.get(&number).copied().unwrap_or(0)
    }

    /// How often a counter was counted up.
    pub(super) fn count(&self, key: &str) -> i64 {
        let state = self.state.lock();
        let count = state.counters.get(key.as_bytes());
        count.copied().unwrap_or(0)
    }

    /// The first words of errors that were answered.
    pub(super) fn refusals(&self) -> BTreeSet<String> {
        self.state.lock().refusals.clone()
    }

    /// How many connections there have been.
    pub(super) fn accepted(&self) -> usize {
        self.state.lock().accepted
    }

    /// How many connections are open.
    pub(super) fn clients(&self) -> usize {
        self.state.lock().clients.len()
    }

    /// Who serves a slot.
    pub(super) fn owner(&self, slot: u16) -> usize {
        self.state.lock().slots.node(slot)
    }

    /// One number for everything that happened, and when.
    pub(super) fn history(&self) -> u64 {
        self.state.lock().history.finish()
    }
}

/// What counters start from, so that a reply tells whose it is.
pub(super) fn first_count(key: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    key.as_bytes().hash(&mut hasher);
    (hasher.finish() % 1_000_000) as i64 * 1_000_000
}

/// The nodes' side of a connection.
impl World {
    pub(super) fn door(&self, node: usize) -> Door {
        self.state.lock().nodes[node].door
    }

    pub(super) fn let_in(&self, client: &Arc<Client>) {
        let mut state = self.state.lock();
        state.accepted += 1;
        state.clients.push(Arc::clone(client));
    }

    pub(super) fn let_go(&self, client: &Arc<Client>) {
        let mut state = self.state.lock();
        state.clients.retain(|known| !Arc::ptr_eq(known, client));
    }

    pub(super) async fn until_thawed(&self, node: usize) {
        loop {
            let until = self.state.lock().nodes[node].frozen_until;
            if until <= self.time.monotonic() {
                return;
            }
            self.time.sleep_until(until).await;
        }
    }

    /// Decides what becomes of a request.
    pub(super) fn fate(&self, client: &Client, words: &[&[u8]]) -> Fate {
        let state = &mut *self.state.lock();
        let node = &mut state.nodes[client.node];
        let name = name(words);
        let of_the_store = ["HELLO", "CLIENT", "PING", "CLUSTER", "PUBLISH"].contains(&&*name);
        let scripted = match of_the_store {
            true => None,
            false => {
                node.commands.push(name);
                node.fates.pop_front()
            }
        };
        let now = self.time.monotonic();
        state.moment = match state.moment {
            (moment, requests) if moment == now => (moment, requests + 1),
            _ => (now, 1),
        };
        let (_, requests) = state.moment;
        assert!(
            requests < MOMENT,
            "busy with nothing: {} again",
            Words(words)
        );
        let fate = scripted.unwrap_or_else(|| state.chances.draw(&self.random));
        (now, client.node, words, fate).hash(&mut state.history);
        fate
    }

    /// Decides what becomes of a message on its way to a subscriber.
    pub(super) fn fate_of_a_push(&self) -> Fate {
        self.state.lock().chances.draw(&self.random)
    }

    pub(super) fn execute(&self, client: &Client, words: &[&[u8]]) {
        let state = &mut *self.state.lock();
        let reply = state.execute(client, words);
        if let Some(Value::Error(text)) = &reply {
            let text = String::from_utf8_lossy(text);
            let code = text.split(' ').next().unwrap_or_default();
            state.refusals.insert(code.to_owned());
        }
        if let Some(reply) = reply {
            client.say(reply);
        }
    }
}

impl State {
    /// The reply; subscriptions have none.
    fn execute(&mut self, client: &Client, words: &[&[u8]]) -> Option<Value> {
        let session = &mut *client.session.lock();
        let name = name(words);
        Some(match &*name {
            "HELLO" => Value::Map(vec![
                (Value::bulk("server"), Value::bulk("redis")),
                (Value::bulk("version"), Value::bulk("7.0.15")),
            ]),
            "CLIENT" => Value::OK,
            "ASKING" => {
                session.asking = true;
                Value::OK
            }
            "MULTI" => {
                session.queued = Some(Vec::new());
                session.aborted = false;
                Value::OK
            }
            "EXEC" => {
                let queued = session.queued.take();
                self.execute_queued(client.node, queued, session.aborted)
            }
            _ => {
                let asking = std::mem::take(&mut session.asking);
                let refusal = self.refusal(client.node, words, asking);
                match (refusal, &mut session.queued) {
                    (Some(error), _) => {
                        session.aborted = true;
                        error
                    }
                    (None, Some(queued)) => {
                        queued.push(words.iter().map(|word| word.to_vec()).collect());
                        Value::simple("QUEUED")
                    }
                    (None, None) if channels::verb(&name).is_some() => {
                        channels::execute(client, words);
                        return None;
                    }
                    (None, None) => self.run(client.node, words),
                }
            }
        })
    }

    fn execute_queued(
        &mut self,
        node: usize,
        queued: Option<Vec<Vec<Vec<u8>>>>,
        aborted: bool,
    ) -> Value {
        let Some(queued) = queued else {
            return Value::error("ERR EXEC without MULTI");
        };
        if aborted {
            return Value::error("EXECABORT Transaction discarded because of previous errors.");
        }
        let queued: Vec<Vec<&[u8]>> = queued
            .iter()
            .map(|words| words.iter().map(|word| &word[..]).collect())
            .collect();
        // Much may have happened since they were queued.
        for words in &queued {
            match self.refusal(node, words, false) {
                Some(Value::Error(moved)) if moved.starts_with(b"MOVED") => {
                    return Value::Error(moved);
                }
                Some(Value::Error(refusal)) => {
                    let refusal = String::from_utf8_lossy(&refusal);
                    return Value::error(format!(
                        "EXECABORT Transaction discarded because of: {refusal}"
                    ));
                }
                _ => {}
            }
        }
        Value::Array(queued.iter().map(|words| self.run(node, words)).collect())
    }

    /// Why a node does not execute a command, if it does not.
    fn refusal(&self, node: usize, words: &[&[u8]], asking: bool) -> Option<Value> {
        let keys = keys(words);
        let name = name(words);
        let writes = ["SET", "INCR", "EVAL"].contains(&&*name);
        let subscribes = channels::verb(&name).is_some();
        let mood = self.nodes[node].mood;
        let mood = mood.filter(|mood| !subscribes || *mood != Mood::Loading);
        if let Some(refusal) = mood.and_then(|mood| mood.refusal(!keys.is_empty(), writes)) {
            return Some(Value::error(refusal));
        }
        let slot = slot(keys.first()?);
        let elsewhere = |word: &str, node: usize| {
            let port = usize::from(FIRST_PORT) + node;
            Some(Value::error(format!("{word} {slot} node:{port}")))
        };
        let try_again = || {
            let text = "TRYAGAIN Multiple keys request during rehashing of slot";
            Some(Value::error(text))
        };
        let moving = self.moving.get(&slot);
        if let Some(Moving { to, arrived }) = moving
            && *to == node
            && asking
        {
            let missing = keys.iter().any(|key| !arrived.contains(*key));
            return if keys.len() > 1 && missing {
                try_again()
            } else {
                None
            };
        }
        let believed = self.nodes[node].slots.node(slot);
        if believed != node || self.slots.node(slot) != node {
            return elsewhere("MOVED", believed);
        }
        // Channels stay with the old node to the end.
        let Moving { to, arrived } = moving.filter(|_| !subscribes)?;
        let here = |key: &&&[u8]| {
            let exists = self.values.contains_key(**key) || self.counters.contains_key(**key);
            exists && !arrived.contains(**key)
        };
        match keys.iter().filter(here).count() {
            count if count == keys.len() => None,
            0 => elsewhere("ASK", *to),
            _ => try_again(),
        }
    }

    fn run(&mut self, node: usize, words: &[&[u8]]) -> Value {
        let keys = keys(words);
        if let Some(key) = keys.first()
            && let Some(moving) = self.moving.get_mut(&slot(key))
            && moving.to == node
        {
            moving.arrived.extend(keys.iter().map(|key| key.to_vec()));
        }
        match (&*name(words), words) {
            ("PING", _) => Value::simple("PONG"),
            ("PUBLISH", [_, channel, payload]) => {
                let receivers = self.deliver(node, Kind::Channel, channel, payload);
                Value::from(receivers)
            }
            ("ROLE", _) => Value::Array(vec![Value::bulk("master")]),
            ("CLUSTER", _) => self.describe(node),
            ("GET", [_, key]) => match self.values.get(*key) {
                Some(value) => Value::bulk(value),
                None => Value::Null,
            },
            ("SET", [_, key, value]) => {
                self.values.insert(key.to_vec(), value.to_vec());
                self.note_execution(value);
                Value::OK
            }
            ("INCR", [_, key]) => {
                let count = self.counters.entry(key.to_vec()).or_default();
                *count += 1;
                let first = std::str::from_utf8(key).map(first_count);
                Value::Integer(first.expect("keys are text") + *count)
            }
            ("EVAL", [.., number]) => {
                for key in keys {
                    self.values.entry(key.to_vec()).or_default();
                }
                self.note_execution(number);
                Value::bulk(number)
            }
            (name, _) => Value::error(format!("ERR unknown command '{name}'")),
        }
    }

    /// The number is at the end of what a request carries.
    fn note_execution(&mut self, carried: &[u8]) {
        let text = std::str::from_utf8(carried).expect("values are text");
        let number = text.rsplit('=').next().and_then(|text| text.parse().ok());
        *self
            .executions
            .entry(number.expect("requests carry a number"))
            .or_default() += 1;
    }

    /// CLUSTER SLOTS, as a node knows it.
    fn describe(&self, node: usize) -> Value {
        let bound = |slot: u16| Value::Integer(i64::from(slot));
        let ranges = self.nodes[node].slots.ranges().into_iter();
        let range = |(first, last, node): (u16, u16, usize)| {
            let port = i64::from(FIRST_PORT) + node as i64;
            let primary = vec![Value::bulk("node"), Value::Integer(port), Value::bulk("id")];
            Value::Array(vec![bound(first), bound(last), Value::Array(primary)])
        };
        Value::Array(ranges.map(range).collect())
    }
}

/// As somebody would type them.
struct Words<'a>(&'a [&'a [u8]]);

impl std::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.0.iter().map(|word| word.escape_ascii().to_string());
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

fn name(words: &[&[u8]]) -> String {
    let name = words.first().copied().unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_uppercase()
}

fn keys<'a>(words: &[&'a [u8]]) -> Vec<&'a [u8]> {
    match (&*name(words), words) {
        ("GET" | "SET" | "INCR" | "SSUBSCRIBE", [_, key, ..]) => vec![key],
        ("EVAL", [_, _, count, arguments @ ..]) => {
            let count = std::str::from_utf8(count).map(str::parse);
            let count = count.expect("text").expect("a count");
            arguments[..count].to_vec()
        }
        _ => Vec::new(),
    }
}
