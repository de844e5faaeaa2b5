//! Channels and who listens to them.
//!
//! One lock for all of pub/sub: while it is held a message goes to every subscriber, so all
//! subscribers of a channel see its messages in the same order.

use std::collections::BTreeMap;

use bytes::Bytes;
use hashbrown::HashMap;
use redstart_protocol::Value;

use super::Outbox;
use crate::data::glob;
use crate::shim::Mutex;

/// The subscriptions of an engine.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    book: Mutex<Book>,
}

type Subscribers = BTreeMap<u64, Outbox>;

#[derive(Debug, Default)]
struct Book {
    channels: HashMap<Bytes, Subscribers, foldhash::fast::RandomState>,
    shard_channels: HashMap<Bytes, Subscribers, foldhash::fast::RandomState>,
    patterns: BTreeMap<Bytes, Subscribers>,
}

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    ShardChannel,
}

impl PubSub {
    /// Enters a subscription and sends its confirmation in the same breath, so that no message can
    /// overtake it.
    pub(crate) fn subscribe(
        &self,
        kind: Kind,
        name: &Bytes,
        client: u64,
        outbox: &Outbox,
        confirmation: impl FnOnce(),
    ) {
        let mut book = self.book.lock();
        book.subscribers(kind, name).insert(client, outbox.clone());
        confirmation();
    }

    /// Strikes a subscription out and sends its confirmation in the same breath.
    pub(crate) fn unsubscribe(
        &self,
        kind: Kind,
        name: &Bytes,
        client: u64,
        confirmation: impl FnOnce(),
    ) {
        self.book.lock().remove(kind, name, client);
        confirmation();
    }

    /// Sends a message to the subscribers of a channel and of matching patterns; how many.
    pub(crate) fn publish(&self, channel: &[u8], message: &[u8]) -> i64 {
        let book = self.book.lock();
        let mut receivers = 0;
        if let Some(subscribers) = book.channels.get(channel) {
            receivers += send(subscribers, &[b"message", channel, message]);
        }
        for (pattern, subscribers) in &book.patterns {
            if glob::matches(pattern, channel) {
                receivers += send(subscribers, &[b"pmessage", pattern, channel, message]);
            }
        }
        receivers
    }

    /// Sends a message to the subscribers of a shard channel; how many.
    pub(crate) fn publish_to_shard(&self, channel: &[u8], message: &[u8]) -> i64 {
        let book = self.book.lock();
        match book.shard_channels.get(channel) {
            Some(subscribers) => send(subscribers, &[b"smessage", channel, message]),
            None => 0,
        }
    }

    /// Channels (or shard channels) with subscribers, those that match where a pattern is given.
    pub(crate) fn active(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let book = self.book.lock();
        let channels = match kind {
            Kind::ShardChannel => &book.shard_channels,
            Kind::Channel | Kind::Pattern => &book.channels,
        };
        let wanted = |name: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, name));
        channels.keys().filter(wanted).cloned().collect()
    }

    /// The number of subscribers of a channel or shard channel.
    pub(crate) fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        let book = self.book.lock();
        let channels = match kind {
            Kind::ShardChannel => &book.shard_channels,
            Kind::Channel | Kind::Pattern => &book.channels,
        };
        channels.get(name).map_or(0, BTreeMap::len)
    }

    /// The number of distinct patterns.
    pub(crate) fn patterns(&self) -> usize {
        self.book.lock().patterns.len()
    }

    /// The number of channels and of shard channels with subscribers.
    pub(crate) fn channels(&self) -> (usize, usize) {
        let book = self.book.lock();
        (book.channels.len(), book.shard_channels.len())
    }
}

impl Book {
    fn subscribers(&mut self, kind: Kind, name: &Bytes) -> &mut Subscribers {
        match kind {
            Kind::Channel => self.channels.entry(name.clone()).or_default(),
            Kind::ShardChannel => self.shard_channels.entry(name.clone()).or_default(),
            Kind::Pattern => self.patterns.entry(name.clone()).or_default(),
        }
    }

    fn remove(&mut self, kind: Kind, name: &Bytes, client: u64) {
        let subscribers = self.subscribers(kind, name);
        subscribers.remove(&client);
        if subscribers.is_empty() {
            match kind {
                Kind::Channel => drop(self.channels.remove(name)),
                Kind::ShardChannel => drop(self.shard_channels.remove(name)),
                Kind::Pattern => drop(self.patterns.remove(name)),
            }
        }
    }
}

fn send(subscribers: &Subscribers, parts: &[&[u8]]) -> i64 {
    let message: Vec<Value> = parts.iter().map(Value::bulk).collect();
    for outbox in subscribers.values() {
        outbox.push(Value::Push(message.clone()));
    }
    subscribers.len() as i64
}
