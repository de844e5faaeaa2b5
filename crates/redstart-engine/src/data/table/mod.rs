//! The hash table under the keyspace, hashes, sets and sorted sets.
//!
//! A [`Table`] is an extendible hash table: a directory of small `hashbrown` tables, the
//! [`Segments`], chosen by bits of the hash that `hashbrown` itself does not look at. Three things
//! follow that one large table cannot give:
//!
//! - **A cursor is a point in hash space.** [`Table::scan`] visits entries in the order of their
//!   hashes, which no growth or shrinkage changes, so an iteration misses nothing that was there
//!   all the time and repeats nothing.
//! - **Growth is local.** One segment of some hundred entries is split at a time; no insertion
//!   ever pays for moving the whole table.
//! - **Random choice is fair.** Segments have equal numbers of buckets, so a random bucket of a
//!   random segment, drawn again while it is empty, is a uniformly random entry.
//!
//! A table owns neither its hash function nor randomness: both are arguments, so that an empty
//! table is 32 bytes and a thousand tables share one [`Seed`].

mod seed;
mod segments;
#[cfg(test)]
mod tests;

pub(crate) use seed::Seed;
#[cfg(feature = "durable")]
pub(crate) use segments::point;
pub(crate) use segments::{CURSOR_BITS, Segments, Slot, Spot};

use super::same;
use crate::random::Rng;

/// What a [`Table`] holds: anything that carries its own key.
pub(crate) trait Entry {
    /// The bytes that identify this entry. They must not change while it is in a table.
    fn key(&self) -> &[u8];
}

/// A set of entries, each found by its key.
///
/// Methods that look for one key take its hash, which the caller computes once with
/// [`Seed::hash`]; methods that may move entries take the seed as well. Both must be the same
/// throughout the life of a table.
#[derive(Clone, Debug)]
pub(crate) struct Table<E> {
    segments: Segments<E>,
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Table<E> {
    /// An empty table, which owns no memory.
    pub(crate) const fn new() -> Self {
        Self {
            segments: Segments::new(),
        }
    }

    /// How many entries there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the table itself; what its entries own is for their owner to count.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.segments.memory()
    }

    /// Every entry, in no order worth relying on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        self.segments.iter()
    }

    /// A uniformly random entry.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<&E> {
        self.segments.random(rng)
    }

    /// Visits up to `count` different entries that lie together at a random place.
    ///
    /// Far cheaper than as many calls of [`Self::random`]. The hash has shuffled the entries, so
    /// neighbours have nothing in common; but an entry after a gap is met more often than others.
    pub(crate) fn sample<'a>(&'a self, rng: &mut Rng, count: usize, visit: impl FnMut(&'a E)) {
        self.segments.sample(rng, count, visit);
    }
}

impl<E: Entry> Table<E> {
    /// The entry with this key.
    #[inline]
    pub(crate) fn get(&self, hash: u64, key: &[u8]) -> Option<&E> {
        self.segments.find(hash, |entry| same(entry.key(), key))
    }

    /// Whether there is an entry with this key.
    #[inline]
    pub(crate) fn contains(&self, hash: u64, key: &[u8]) -> bool {
        self.get(hash, key).is_some()
    }

    /// Where the entry with this key is, for more than one look at it.
    #[inline(always)]
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.segments.locate(hash, |entry| same(entry.key(), key))
    }

    /// The entry that was located, if nothing has been inserted or removed since.
    #[inline]
    pub(crate) fn at(&self, spot: Spot) -> Option<&E> {
        self.segments.at(spot)
    }

    /// The same, to be changed in all but its key.
    #[inline]
    pub(crate) fn at_mut(&mut self, spot: Spot) -> Option<&mut E> {
        self.segments.at_mut(spot)
    }

    /// The place of this key, found with one probe: the entry, or where it would go.
    #[inline]
    pub(crate) fn slot(&mut self, hash: u64, key: &[u8], seed: Seed) -> Slot<'_, E> {
        self.segments
            .slot(hash, |entry| same(entry.key(), key), hasher(seed))
    }

    /// Puts an entry in place of the one with the same key, which is returned.
    #[inline]
    #[cfg(test)]
    pub(crate) fn insert(&mut self, hash: u64, entry: E, seed: Seed) -> Option<E> {
        match self.slot(hash, entry.key(), seed) {
            Slot::Occupied(old) => Some(std::mem::replace(old, entry)),
            Slot::Vacant(vacant) => {
                vacant.insert(entry);
                None
            }
        }
    }

    /// The entry with this key; when there is none, the one that `make` returns, which must have
    /// this key.
    #[inline]
    #[cfg(test)]
    pub(crate) fn get_or_insert_with(
        &mut self,
        hash: u64,
        key: &[u8],
        seed: Seed,
        make: impl FnOnce() -> E,
    ) -> &mut E {
        match self.slot(hash, key, seed) {
            Slot::Occupied(entry) => entry,
            Slot::Vacant(vacant) => vacant.insert(make()),
        }
    }

    /// Takes the entry with this key out.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8], seed: Seed) -> Option<E> {
        self.segments
            .remove(hash, |entry| same(entry.key(), key), hasher(seed))
    }

    /// Visits about `count` entries from `cursor` on and returns where to go on, zero at the end.
    ///
    /// An entry that is there from the first call (with cursor zero) to the last is visited
    /// exactly once, whatever is inserted and removed between calls. Cursors stay below
    /// 2^[`CURSOR_BITS`]; one that was never returned is harmless. Only keys whose hashes agree in
    /// all cursor bits make a call visit more than `count` entries.
    pub(crate) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        seed: Seed,
        visit: impl FnMut(&'a E),
    ) -> u64 {
        self.segments.scan(cursor, count, hasher(seed), visit)
    }
}

#[inline]
fn hasher<E: Entry>(seed: Seed) -> impl Fn(&E) -> u64 {
    move |entry| seed.hash(entry.key())
}
