//! The one change hook: what is told, and to whom, whenever a key changes.
//!
//! Every mutation, by a command, a script or expiry, ends in [`Space::changed`](super::Space) with
//! an [`Event`]. Watching clients are told there. The *effect* of a command, the deterministic
//! command that has the same outcome on an equal keyspace, is appended to the log by the
//! dispatcher while the locks are still held, so log order is execution order.

/// What happened to a key, in the words of Redis' keyspace notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The class the notification belongs to.
    pub class: EventClass,
    /// The event's name, such as `set` or `lpush`.
    pub name: &'static str,
}

/// The class of an event: one letter of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventClass {
    /// `g`: commands that know no type, such as DEL and EXPIRE.
    Generic,
    /// `$`
    String,
    /// `l`
    List,
    /// `s`
    Set,
    /// `h`
    Hash,
    /// `z`
    SortedSet,
    /// `x`
    Expired,
    /// `e`
    Evicted,
    /// `n`: a key came into being.
    New,
    /// `m`: a key was looked for that is not there. No change: only announced.
    Miss,
    /// No letter: a change that Redis makes without announcing it, such as the count that PFCOUNT
    /// keeps in the value. Whoever watches the key is told all the same.
    Silent,
}

impl Event {
    /// A key came into being.
    pub(crate) const NEW: Event = Event {
        class: EventClass::New,
        name: "new",
    };

    /// A key was looked for in vain.
    pub(crate) const MISS: Event = Event {
        class: EventClass::Miss,
        name: "keymiss",
    };

    /// A change of no particular type.
    pub const fn generic(name: &'static str) -> Event {
        Event {
            class: EventClass::Generic,
            name,
        }
    }

    /// A change that is not announced.
    pub const fn silent(name: &'static str) -> Event {
        Event {
            class: EventClass::Silent,
            name,
        }
    }

    /// A change of a string.
    pub const fn string(name: &'static str) -> Event {
        Event {
            class: EventClass::String,
            name,
        }
    }

    /// A change of a list.
    pub const fn list(name: &'static str) -> Event {
        Event {
            class: EventClass::List,
            name,
        }
    }

    /// A change of a set.
    pub const fn set(name: &'static str) -> Event {
        Event {
            class: EventClass::Set,
            name,
        }
    }

    /// A change of a hash.
    pub const fn hash(name: &'static str) -> Event {
        Event {
            class: EventClass::Hash,
            name,
        }
    }

    /// A change of a sorted set.
    pub const fn sorted_set(name: &'static str) -> Event {
        Event {
            class: EventClass::SortedSet,
            name,
        }
    }
}

/// A deterministic command: executed on an equal keyspace, it has the outcome that was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The database it applies to.
    pub db: u8,
    /// The command and its arguments.
    pub args: Vec<Vec<u8>>,
}

/// Receives the effects of everything that changes the keyspace.
pub trait EffectLog: Send + Sync + std::fmt::Debug {
    /// Appends effects that belong together: of one command, or of one transaction or script
    /// (`atomic`), to be replayed wholly or not at all.
    ///
    /// Called with the locks of all touched shards held: the order of calls is the order of
    /// execution. It must not call back into the engine.
    ///
    /// Answers the number of this batch, which is higher than any before.
    fn append(&self, effects: &[Effect], atomic: bool) -> u64;

    /// Whether effects are wanted at present. May change only while all shards are locked.
    fn is_on(&self) -> bool {
        true
    }
}

/// Publishes notifications. Called under the shard's lock; it must not ask for another.
pub(crate) trait Announcer {
    /// A key changed, came into being, or was looked for in vain.
    fn announce(&self, db: u8, key: &[u8], event: Event);
}

/// Receives every event. Called under the shard's lock; it must not call back into the engine.
pub trait ChangeObserver: Send + Sync + std::fmt::Debug {
    /// A key changed.
    fn changed(&self, db: u8, key: &[u8], event: Event);
}
