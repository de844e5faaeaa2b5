//! One shard: a group of hash slots, its databases, and what is counted about them.

use super::entry::Entry;
use super::tally::Tallies;
use super::watch::Watchers;
use crate::data::Table;
use crate::data::table::Spot;

/// The number of databases, as in Redis' default configuration.
pub(crate) const DATABASES: u8 = 16;

/// Everything behind one lock.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(super) databases: [Database; DATABASES as usize],
    pub(super) watchers: Watchers,
    /// Heap bytes of all keys and values; the tables count their own.
    pub(super) heap_bytes: usize,
    pub(crate) counters: Counters,
    /// The calls that ran under this lock.
    pub(crate) tallies: Tallies,
    /// Where the active expiry cycle goes on: a database and a cursor in its table.
    pub(super) sweep: (u8, u64),
    /// The number of the last batch in the log that changed something here.
    #[cfg(feature = "durable")]
    pub(super) logged: u64,
    /// The snapshot that is being taken.
    #[cfg(feature = "durable")]
    pub(super) snapshot: Option<Box<super::snapshot::ShardSnapshot>>,
}

/// The keys of one database that live in one shard.
#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(super) table: Table<Entry>,
    /// How many of them have a time to live.
    pub(super) volatile: usize,
}

/// What INFO adds up over all shards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) expired: u64,
    pub(crate) evicted: u64,
}

impl Shard {
    pub(super) fn new() -> Shard {
        Shard {
            databases: Default::default(),
            watchers: Watchers::default(),
            heap_bytes: 0,
            counters: Counters::default(),
            tallies: Tallies::default(),
            sweep: (0, 0),
            #[cfg(feature = "durable")]
            logged: 0,
            #[cfg(feature = "durable")]
            snapshot: None,
        }
    }

    /// Before the entry at `spot` is changed or removed: a snapshot that has not come to it keeps it
    /// as it is.
    #[inline]
    #[cfg_attr(
        not(feature = "durable"),
        allow(
            unused_variables,
            clippy::unused_self,
            reason = "there are no snapshots"
        )
    )]
    pub(super) fn preserve(&mut self, db: u8, hash: u64, spot: Spot) {
        #[cfg(feature = "durable")]
        if let Some(snapshot) = &mut self.snapshot
            && let Some(entry) = self.databases[usize::from(db)].table.at_mut(spot)
        {
            snapshot.preserve(db, hash, entry);
        }
    }

    /// Bytes the keys of this shard take.
    pub(crate) fn memory(&self) -> usize {
        self.heap_bytes
            + self
                .databases
                .iter()
                .map(|db| db.table.memory())
                .sum::<usize>()
    }

    /// The keys of database `db`, expired ones not yet removed included.
    pub(crate) fn len(&self, db: u8) -> usize {
        self.databases[usize::from(db)].table.len()
    }

    /// How many keys of database `db` have a time to live.
    pub(crate) fn volatile_len(&self, db: u8) -> usize {
        self.databases[usize::from(db)].volatile
    }
}
