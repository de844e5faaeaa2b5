//! Keys that go without being asked: those whose time has come, and those that make room.

use std::cell::Cell;

use super::change::{Event, EventClass};
use super::shard::Database;
use super::{Entry, Space, Whose};
use crate::data::table::CURSOR_BITS;
use crate::data::{Blob, Seed};
use crate::random::Rng;

impl Space<'_> {
    /// Removes what has expired among some hundreds of entries of one shard; true when there may
    /// be more to find soon. Progress is kept in the shard.
    pub(crate) fn sweep(&mut self, shard: usize, entries: usize) -> bool {
        let (seed, now_ms) = (self.shards.seed(), self.now_ms());
        let mut due: Vec<(u8, Blob)> = Vec::new();
        let mut visited = 0;
        let (mut db, mut position) = self.locked.shard(shard).sweep;
        let first = db;
        loop {
            let database = &self.locked.shard(shard).databases[usize::from(db)];
            if database.volatile > 0 {
                position =
                    database
                        .table
                        .scan(position, entries - visited, seed, |entry: &Entry| {
                            visited += 1;
                            if entry.is_expired(now_ms) {
                                due.push((db, entry.key.clone()));
                            }
                        });
            } else {
                position = 0;
            }
            if position == 0 {
                db = (db + 1) % super::shard::DATABASES;
            }
            if visited >= entries || (position == 0 && db == first) {
                break;
            }
        }
        self.locked.shard_mut(shard).sweep = (db, position);
        let many = due.len() * 10 > visited;
        for (db, key) in due {
            self.expire(db, &key);
        }
        many && visited > 0
    }

    /// Up to `count` sampled entries of each of one shard's databases: database, key and entry.
    /// Where there are any, at least one is found.
    pub(crate) fn sample(
        &mut self,
        shard: usize,
        count: usize,
        whose: Whose,
        mut visit: impl FnMut(u8, &[u8], &Entry),
    ) {
        let seed = self.shards.seed();
        for (db, database) in self.locked.shard(shard).databases.iter().enumerate() {
            let visit = |entry: &Entry| visit(db as u8, &entry.key, entry);
            match whose {
                Whose::All => database.table.sample(self.rng, count, visit),
                Whose::Volatile => sample_volatile(database, count, seed, self.rng, visit),
            }
        }
    }

    /// Removes `key` to make room. The effect and the event are Redis': a deletion, `evicted`.
    pub(crate) fn evict(&mut self, db: u8, key: &[u8]) -> bool {
        if self.discard(db, key).is_none() {
            return false;
        }
        self.shard_mut(key).counters.evicted += 1;
        self.log(db, &[b"DEL", key]);
        self.changed(
            db,
            key,
            Event {
                class: EventClass::Evicted,
                name: "evicted",
            },
        );
        true
    }
}

/// Visits up to `count` entries with a time to live; at least one, if there is any.
fn sample_volatile(
    database: &Database,
    count: usize,
    seed: Seed,
    rng: &mut Rng,
    mut visit: impl FnMut(&Entry),
) {
    let wanted = count.min(database.volatile);
    let found = Cell::new(0);
    let mut look_at = |entry: &Entry| {
        if found.get() < wanted && entry.expires.is_some() {
            found.set(found.get() + 1);
            visit(entry);
        }
    };
    // Where one entry in four will do, looking at some finds enough.
    if database.volatile * 4 >= database.table.len() {
        let looked_at = count.saturating_mul(16);
        database.table.sample(rng, looked_at, &mut look_at);
    }
    if found.get() > 0 {
        return;
    }
    // Where they are rare, all entries are walked over from a random one on.
    let start = rng.below(1 << CURSOR_BITS);
    let (mut at, mut ends) = (start, 0);
    while found.get() < wanted && ends < 2 && (ends == 0 || at < start) {
        at = database.table.scan(at, WALK_ENTRIES, seed, &mut look_at);
        ends += usize::from(at == 0);
    }
}

/// Entries looked at in one go while looking for rare ones.
const WALK_ENTRIES: usize = 1_000;
