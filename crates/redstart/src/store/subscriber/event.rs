//! What a subscription hears.

use bytes::Bytes;

/// What comes next in a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message.
    Message(Message),
    /// Messages may be missing here. What was built from the ones before has to be loaded anew;
    /// what is loaded after this event lacks nothing.
    Gap(Gap),
}

/// A message that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Where it was published.
    pub channel: Bytes,
    /// The pattern that the channel matches; none in a subscription to channels.
    pub pattern: Option<Bytes>,
    /// What was published. Subscriptions of one process share these bytes.
    pub payload: Bytes,
}

/// A place where messages may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Why.
    pub cause: GapCause,
    /// Of which channels or patterns.
    pub affected: Affected,
}

/// Why messages may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The connection was lost. By now another one is there, and the server has confirmed the
    /// subscription on it.
    Disconnected,
    /// Another node of the cluster serves it now, and has confirmed the subscription: the slot of a
    /// shard channel was moved, or the node that plain channels were on is no primary any more.
    Moved,
    /// So many messages came faster than they were taken, and were dropped.
    Lagged(u64),
}

/// What a gap concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// Everything this subscription is subscribed to.
    All,
    /// These channels or patterns.
    Names(Vec<Bytes>),
}

impl Affected {
    /// Whether this channel or pattern is among them.
    pub fn includes(&self, name: &[u8]) -> bool {
        match self {
            Affected::All => true,
            Affected::Names(names) => names.iter().any(|known| known == name),
        }
    }
}
