//! Channels: who is subscribed to what, and what is published.

use redstart_protocol::{Value, slot};

use super::world::{Client, State, World};
use crate::store::subscriber::{Kind, Verb};

/// What a command does about subscriptions, if it is one of those.
pub(super) fn verb(name: &str) -> Option<(Verb, Kind)> {
    let kinds = Kind::ALL.into_iter();
    let enters = kinds.clone().find(|kind| kind.command() == name);
    let leaves = kinds.clone().find(|kind| kind.opposite() == name);
    let enters = enters.map(|kind| (Verb::Enter, kind));
    enters.or(leaves.map(|kind| (Verb::Leave, kind)))
}

/// Begins or ends subscriptions, and confirms each.
pub(super) fn execute(client: &Client, words: &[&[u8]]) {
    let mut names = client.names.lock();
    let word = String::from_utf8_lossy(words[0]).to_ascii_uppercase();
    let (verb, kind) = verb(&word).expect("one of those commands");
    for name in &words[1..] {
        let known = (kind, name.to_vec());
        match verb {
            Verb::Enter => names.insert(known),
            Verb::Leave => names.remove(&known),
        };
        confirm(client, &word, name, names.len());
    }
}

fn confirm(client: &Client, word: &str, name: &[u8], count: usize) {
    let word = Value::bulk(word.to_ascii_lowercase());
    client.say(Value::Push(vec![word, Value::bulk(name), count.into()]));
}

impl State {
    /// A node ends subscriptions to the shard channels that it does not serve any more.
    pub(super) fn end_shards(&self, node: usize) {
        for client in self.clients.iter().filter(|client| client.node == node) {
            let mut names = client.names.lock();
            let lost = |(kind, name): &&(Kind, Vec<u8>)| {
                *kind == Kind::Shard && self.slots.node(slot(name)) != node
            };
            let lost: Vec<_> = names.iter().filter(lost).cloned().collect();
            for known in lost {
                names.remove(&known);
                confirm(client, "sunsubscribe", &known.1, names.len());
                client.has_output.notify_one();
            }
        }
    }
}

impl State {
    /// Tells everybody who is subscribed, and how many that are. Nodes pass on what is no business
    /// of a slot.
    pub(super) fn deliver(
        &self,
        node: usize,
        published: Kind,
        channel: &[u8],
        payload: &[u8],
    ) -> usize {
        let mut receivers = 0;
        for client in &self.clients {
            for (kind, name) in &*client.names.lock() {
                let words: &[&[u8]] = match (kind, published) {
                    (Kind::Channel, Kind::Channel) if name == channel => {
                        &[b"message", channel, payload]
                    }
                    (Kind::Shard, Kind::Shard) if name == channel && client.node == node => {
                        &[b"smessage", channel, payload]
                    }
                    (Kind::Pattern, Kind::Channel) if matches(name, channel) => {
                        &[b"pmessage", name, channel, payload]
                    }
                    _ => continue,
                };
                client.push(words.iter().map(Value::bulk).collect());
                receivers += 1;
            }
        }
        receivers
    }
}

impl World {
    /// Publishes the next number at a node, if that one is there and serves the channel.
    pub(super) fn publish(&self, kind: Kind, channel: &str) {
        let state = &mut *self.state.lock();
        let node = match kind {
            Kind::Shard => state.slots.node(slot(channel.as_bytes())),
            _ => self.random.below(state.nodes.len() as u64) as usize,
        };
        let serves = |slots: &super::slots::Slots| slots.node(slot(channel.as_bytes())) == node;
        let at = &state.nodes[node];
        let frozen = at.frozen_until > self.time.monotonic();
        if frozen || at.mood.is_some() || (kind == Kind::Shard && !serves(&at.slots)) {
            return;
        }
        let number = state.published.entry((kind, channel.to_owned()));
        let number = number.and_modify(|number| *number += 1).or_insert(1);
        let payload = number.to_string();
        state.deliver(node, kind, channel.as_bytes(), payload.as_bytes());
    }

    /// The number of the last message.
    pub(super) fn published(&self, kind: Kind, channel: &str) -> u64 {
        let state = self.state.lock();
        let number = state.published.get(&(kind, channel.to_owned()));
        number.copied().unwrap_or(0)
    }
}

/// A pattern is a beginning and a star.
fn matches(pattern: &[u8], channel: &[u8]) -> bool {
    let beginning = pattern.strip_suffix(b"*").expect("such a pattern");
    channel.starts_with(beginning)
}
