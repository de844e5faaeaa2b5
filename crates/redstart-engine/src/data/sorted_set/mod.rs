//! Sorted sets: members with scores, in order.
//!
//! Few short members are [`packed`] into one allocation; many are [`large`], a counted tree beside
//! a table of members. Whatever the form, a range is first turned into ranks, by
//! [`SortedSet::ranks`]: then counting is a subtraction, an offset an addition, and the backward
//! range the same one from its other end.

mod large;
mod packed;
#[cfg(test)]
mod tests;

use std::iter::FusedIterator;
use std::ops::Range;

use self::large::Large;
use self::packed::Packed;
use super::table::Seed;
pub(crate) use super::tree::Bound;
use super::{Blob, Element, Limits, Listpack};
use crate::random::Rng;

/// A sorted set. Scores are never NaN, and callers see to that.
///
/// As in Redis, one that has outgrown its pack keeps the large form, and a pack does not know the
/// sign of zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct SortedSet(Form);

#[derive(Clone, Debug)]
enum Form {
    Packed(Packed),
    Large(Box<Large>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Packed(Packed::new())
    }
}

/// What became of a member's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Update {
    /// The score before; none if the member was not there.
    pub(crate) old: Option<f64>,
    /// The score that was decided on; none if nothing was to be done.
    pub(crate) new: Option<f64>,
}

impl SortedSet {
    /// An empty sorted set. The first member decides its form.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a pack over in which members and scores take turns. `None` if they do not, if a member
    /// stands twice, or if a score is none. Only the number of members decides the form, as in
    /// Redis.
    pub(crate) fn from_pack(pack: Listpack, limits: Limits, seed: Seed) -> Option<Self> {
        let pairs = packed::pairs_from_outside(&pack, seed)?;
        if pairs.len() > limits.max_entries {
            let mut large = Large::default();
            for (member, score) in pairs {
                large.update(&member.to_bytes(), seed, |_| Some(score));
            }
            return Some(Self(Form::Large(Box::new(large))));
        }
        let packed = match packed::is_as_written_here(&pack, &pairs) {
            true => None,
            false => Some(Packed::of_unordered(pairs)),
        };
        Some(Self(Form::Packed(
            packed.unwrap_or_else(|| Packed::from_pack(pack)),
        )))
    }

    /// The pack, while there is one.
    pub(crate) fn as_pack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(packed) => Some(packed.as_pack()),
            Form::Large(_) => None,
        }
    }

    /// The number of members.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes this owns on the heap.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.memory(),
            Form::Large(large) => size_of::<Large>() + large.memory(),
        }
    }

    /// What Redis calls the form it has.
    pub(crate) fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// The score of a member.
    #[inline]
    pub(crate) fn score(&self, member: &[u8], seed: Seed) -> Option<f64> {
        match &self.0 {
            Form::Packed(packed) => packed.find(member).map(|(_, score)| score),
            Form::Large(large) => large.score(member, seed),
        }
    }

    /// How many members are before this one, and its score.
    pub(crate) fn rank(&self, member: &[u8], seed: Seed) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Packed(packed) => packed.rank(member),
            Form::Large(large) => large.rank(member, seed),
        }
    }

    /// Gives a member a score and returns the one it had.
    pub(crate) fn insert(
        &mut self,
        member: &[u8],
        score: f64,
        limits: Limits,
        seed: Seed,
    ) -> Option<f64> {
        self.update(member, limits, seed, |_| Some(score)).old
    }

    /// Gives a member the score that `decide` makes of the one it has, if any: the one look-up
    /// behind all options of ZADD.
    pub(crate) fn update(
        &mut self,
        member: &[u8],
        limits: Limits,
        seed: Seed,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Update {
        match &mut self.0 {
            Form::Large(large) => large.update(member, seed, decide),
            Form::Packed(packed) => {
                let found = packed.find(member);
                let old = found.map(|(_, score)| score);
                let new = decide(old);
                match (found, new) {
                    (None, Some(new)) if !packed.has_room_for(member, limits) => {
                        let mut large = Large::of(packed.iter(), seed);
                        large.update(member, seed, |_| Some(new));
                        self.0 = Form::Large(Box::new(large));
                    }
                    (None, Some(new)) => packed.insert(member, new),
                    (Some((cursor, old)), Some(new)) if old != new => {
                        packed.change(cursor, member, new);
                    }
                    _ => {}
                }
                Update { old, new }
            }
        }
    }

    /// Removes a member and returns its score.
    pub(crate) fn remove(&mut self, member: &[u8], seed: Seed) -> Option<f64> {
        match &mut self.0 {
            Form::Packed(packed) => packed.remove(member),
            Form::Large(large) => large.remove(member, seed),
        }
    }

    /// The ranks of what is between two places; an empty range if they are in the wrong order.
    ///
    /// A range by score or by member, with either end included or not, is two [`Bound`]s.
    pub(crate) fn ranks(&self, from: &Bound<'_>, to: &Bound<'_>) -> Range<usize> {
        match &self.0 {
            Form::Packed(packed) => packed.ranks(from, to),
            Form::Large(large) => large.ranks(from, to),
        }
    }

    /// The members with these ranks and their scores, from either end. Ranks past the last are
    /// passed over.
    pub(crate) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        Iter(match &self.0 {
            Form::Packed(packed) => FormIter::Packed(packed.range(ranks)),
            Form::Large(large) => FormIter::Large(large.range(ranks)),
        })
    }

    /// All members with their scores, in order.
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// Removes the members with these ranks and returns how many there were.
    pub(crate) fn remove_range(&mut self, ranks: Range<usize>, seed: Seed) -> usize {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        match &mut self.0 {
            Form::Packed(packed) => packed.remove_range(ranks.clone()),
            Form::Large(large) => large.remove_range(ranks.clone(), seed),
        }
        ranks.len()
    }

    /// Takes the member with the lowest score out.
    pub(crate) fn pop_first(&mut self, seed: Seed) -> Option<(Blob, f64)> {
        self.pop(0, seed)
    }

    /// Takes the member with the highest score out.
    pub(crate) fn pop_last(&mut self, seed: Seed) -> Option<(Blob, f64)> {
        self.pop(self.len().checked_sub(1)?, seed)
    }

    /// A uniformly random member with its score.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<(Element<'_>, f64)> {
        match &self.0 {
            Form::Packed(packed) => packed.random(rng),
            Form::Large(large) => large.random(rng),
        }
    }

    /// `count` different members with their scores, or all; every subset is equally likely.
    pub(crate) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<(Element<'_>, f64)> {
        match &self.0 {
            Form::Packed(packed) => packed.sample(count, rng),
            Form::Large(large) => large.sample(count, rng),
        }
    }

    /// Visits about `count` members from `cursor` on and returns where to go on, zero at the end,
    /// with the guarantee of [`Table::scan`](super::Table::scan). A packed set is visited whole,
    /// whatever the cursor.
    pub(crate) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        seed: Seed,
        mut visit: impl FnMut(Element<'a>, f64),
    ) -> u64 {
        match &self.0 {
            Form::Packed(packed) => {
                packed
                    .iter()
                    .for_each(|(member, score)| visit(member, score));
                0
            }
            Form::Large(large) => large.scan(cursor, count, seed, visit),
        }
    }

    /// Packs a large set that is within the limits, as Redis does with one that it has just
    /// computed.
    pub(crate) fn pack(&mut self, limits: Limits) {
        if let Form::Large(large) = &self.0
            && let Some(packed) = Packed::of(large.range(0..large.len()), limits)
        {
            self.0 = Form::Packed(packed);
        }
    }

    /// Puts a packed set into its large form, whatever its size.
    pub(crate) fn unpack(&mut self, seed: Seed) {
        if let Form::Packed(packed) = &self.0 {
            self.0 = Form::Large(Box::new(Large::of(packed.iter(), seed)));
        }
    }

    fn pop(&mut self, rank: usize, seed: Seed) -> Option<(Blob, f64)> {
        match &mut self.0 {
            Form::Packed(packed) => packed.pop(rank),
            Form::Large(large) => large.pop(rank, seed),
        }
    }
}

/// Members with their scores in order, from either end.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a>(FormIter<'a>);

#[derive(Clone, Debug)]
enum FormIter<'a> {
    Packed(packed::Iter<'a>),
    Large(large::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            FormIter::Packed(iter) => iter.next(),
            FormIter::Large(iter) => iter.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            FormIter::Packed(iter) => iter.size_hint(),
            FormIter::Large(iter) => iter.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            FormIter::Packed(iter) => iter.next_back(),
            FormIter::Large(iter) => iter.next_back(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl FusedIterator for Iter<'_> {}
