//! What a snapshot needs of the keys: that they stand still without being stopped.
//!
//! At one moment, with all shards locked, every shard is told that a snapshot begins. From then on
//! it is walked over in small pieces, each under one shard's lock, by cursors that no growth of a
//! table confuses. A key that is changed or removed before the walk has come to it is saved first,
//! as it was; one that came later is passed over. So the walk finds every key as it was at that
//! moment, once, and a writer waits for no more than a piece, and pays for one copy of a value.
//!
//! An entry that was made or changed since the beginning carries the snapshot's number.

use super::shard::{DATABASES, Database, Shard};
use super::shards::Shards;
use super::{Entry, Space};
use crate::data::Table;
use crate::data::table::CURSOR_BITS;

/// Points are below this; a walk that is there is over.
const END: u64 = 1 << CURSOR_BITS;

/// One shard while a snapshot is taken.
#[derive(Debug)]
pub(super) struct ShardSnapshot {
    number: u32,
    /// For each database, how far it has been walked over.
    walks: [Walk; DATABASES as usize],
    /// Entries as they were, before the walk had come to them.
    saved: Vec<(u8, Entry)>,
    /// Databases that were flushed in the middle.
    flushed: Vec<(Walk, Table<Entry>)>,
}

/// How far a database has been walked over.
#[derive(Clone, Copy, Debug)]
struct Walk {
    /// Its number when the snapshot began: databases can be swapped.
    db: u8,
    /// Where entries begin that have not been visited.
    next: u64,
}

impl Walk {
    fn has_passed(&self, hash: u64) -> bool {
        crate::data::table::point(hash) < self.next
    }
}

impl ShardSnapshot {
    fn new(number: u32) -> ShardSnapshot {
        ShardSnapshot {
            number,
            walks: std::array::from_fn(|db| Walk {
                db: db as u8,
                next: 0,
            }),
            saved: Vec::new(),
            flushed: Vec::new(),
        }
    }

    /// The number that entries made now carry.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// An entry is about to be changed or removed.
    pub(super) fn preserve(&mut self, db: u8, hash: u64, entry: &mut Entry) {
        let walk = &self.walks[usize::from(db)];
        if entry.snapshot != self.number && !walk.has_passed(hash) {
            self.saved.push((walk.db, entry.copy()));
        }
        entry.snapshot = self.number;
    }

    /// A database was flushed.
    pub(super) fn preserve_all(&mut self, db: u8, database: Database) {
        let walk = &mut self.walks[usize::from(db)];
        if walk.next < END {
            self.flushed.push((*walk, database.table));
            walk.next = END;
        }
    }

    /// Two databases were swapped.
    pub(super) fn swap(&mut self, one: u8, other: u8) {
        self.walks.swap(usize::from(one), usize::from(other));
    }
}

/// How many keys a snapshot will hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) keys: usize,
    pub(crate) volatile: usize,
}

/// A snapshot that was begun, to be walked over and ended by whoever began it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    number: u32,
    /// How many keys it holds in each database.
    pub(crate) populations: [Population; DATABASES as usize],
}

impl Space<'_> {
    /// Notes which batch of the log holds what was just done.
    pub(crate) fn note_logged(&mut self, lsn: u64) {
        self.locked.iter_mut().for_each(|shard| shard.logged = lsn);
    }

    /// The last batch of the log that changed something in the locked shards.
    pub(crate) fn last_logged(&self) -> u64 {
        self.locked
            .iter()
            .map(|shard| shard.logged)
            .max()
            .unwrap_or(0)
    }

    /// Begins a snapshot at this moment, unless one is being taken. All shards must be locked.
    pub(crate) fn begin_snapshot(&mut self) -> Option<Begun> {
        if self.locked.iter().any(|shard| shard.snapshot.is_some()) {
            return None;
        }
        let mut begun = Begun {
            number: self.shards.next_snapshot(),
            populations: Default::default(),
        };
        for shard in self.locked.iter_mut() {
            for (population, database) in begun.populations.iter_mut().zip(&shard.databases) {
                population.keys += database.table.len();
                population.volatile += database.volatile;
            }
            shard.snapshot = Some(Box::new(ShardSnapshot::new(begun.number)));
        }
        Some(begun)
    }
}

impl Shards {
    /// Visits about `count` entries of a snapshot's database in one shard, under its lock, and
    /// whatever was saved there meanwhile, of any database, after the lock is released. Whether
    /// the database is done in this shard; `None` if the snapshot was ended.
    pub(crate) fn walk(
        &self,
        begun: &Begun,
        shard: usize,
        db: u8,
        count: usize,
        mut visit: impl FnMut(u8, &Entry),
    ) -> Option<bool> {
        let (seed, number) = (self.seed(), begun.number);
        let mut guard = self.lock_for_upkeep(shard);
        let Shard {
            databases,
            snapshot,
            ..
        } = &mut *guard;
        let snapshot = snapshot.as_mut().filter(|it| it.number == number)?;
        let mut left = count;
        let mut piece = |walk: &mut Walk, table: &Table<Entry>| {
            let next = table.scan(walk.next, left, seed, |entry: &Entry| {
                left = left.saturating_sub(1);
                if entry.snapshot != number {
                    visit(db, entry);
                }
            });
            walk.next = if next == 0 { END } else { next };
            walk.next == END
        };
        let mut done = true;
        snapshot.flushed.retain_mut(|(walk, table)| {
            walk.db != db || !done || {
                done = piece(walk, table);
                !done
            }
        });
        if done {
            let found = snapshot.walks.iter().position(|walk| walk.db == db);
            if let Some(index) = found
                && snapshot.walks[index].next < END
            {
                done = piece(&mut snapshot.walks[index], &databases[index].table);
            }
        }
        let saved = std::mem::take(&mut snapshot.saved);
        drop(guard);
        for (db, entry) in &saved {
            visit(*db, entry);
        }
        Some(done)
    }

    /// Ends a snapshot, completed or not. One that has begun since goes on.
    pub(crate) fn end_snapshot(&self, begun: &Begun) {
        for shard in 0..self.count() {
            let mut guard = self.lock_for_upkeep(shard);
            let ended = guard.snapshot.take_if(|it| it.number == begun.number);
            // Dropped without the lock: it may be large.
            drop(guard);
            drop(ended);
        }
    }
}
