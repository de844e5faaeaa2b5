use std::cmp::Ordering;
use std::ops::Range;

use redstart_protocol::number::{NumberText, format_g17, format_i64, parse_f64};

use crate::data::listpack::{self, Cursor};
use crate::data::sample::subset;
use crate::data::table::Seed;
use crate::data::tree::Bound;
use crate::data::{Blob, Element, Limits, Listpack, Needle};
use crate::random::Rng;

/// The form of a sorted set with few short members: member, score, member, score, in order.
///
/// Scores are stored as Redis does, as integers or as text that reads back as the same number.
#[derive(Clone, Debug)]
pub(super) struct Packed(Listpack);

impl Packed {
    pub(super) fn new() -> Self {
        Self(Listpack::new())
    }

    /// Takes a pack over that [`is_as_written_here`].
    pub(super) fn from_pack(pack: Listpack) -> Self {
        Self(pack)
    }

    /// Packs pairs from outside, whatever the limits.
    pub(super) fn of_unordered(mut pairs: Vec<(Element<'_>, f64)>) -> Self {
        pairs.sort_by(|(member, score), (other, other_score)| {
            let by_member = || (*member.to_bytes()).cmp(&other.to_bytes());
            let by_score = score.partial_cmp(other_score).unwrap_or(Ordering::Equal);
            by_score.then_with(by_member)
        });
        let mut packed = Self::new();
        for (member, score) in pairs {
            packed
                .0
                .push_back_all([&member.to_bytes(), score_text(score).as_bytes()]);
        }
        packed
    }

    pub(super) fn as_pack(&self) -> &Listpack {
        &self.0
    }

    /// Packs members that come in order, unless the limits forbid it.
    pub(super) fn of<'a>(
        members: impl Iterator<Item = (Element<'a>, f64)>,
        limits: Limits,
    ) -> Option<Self> {
        let mut packed = Self::new();
        for (member, score) in members {
            let member = member.to_bytes();
            if !packed.has_room_for(&member, limits) {
                return None;
            }
            packed
                .0
                .push_back_all([&member, score_text(score).as_bytes()]);
        }
        Some(packed)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len() / 2
    }

    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.0.memory()
    }

    /// Whether one more member may be added.
    pub(super) fn has_room_for(&self, member: &[u8], limits: Limits) -> bool {
        self.len() < limits.max_entries
            && member.len() <= limits.max_value
            // With a score, which is at most 24 bytes of text, and what surrounds it on top.
            && self.0.has_room_for(member.len().saturating_add(40), Listpack::MAX_BYTES)
    }

    /// Where a member is, and its score.
    #[inline]
    pub(super) fn find(&self, member: &[u8]) -> Option<(Cursor, f64)> {
        let cursor = self.0.find(self.0.first()?, &Needle::from(member), 1)?;
        let score = self.0.get(self.0.next(cursor)?)?;
        Some((cursor, score_of(score)))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let needle = Needle::from(member);
        let mut elements = self.0.iter();
        let mut rank = 0;
        while !elements.next()?.matches(&needle) {
            elements.next();
            rank += 1;
        }
        elements.next().map(|score| (rank, score_of(score)))
    }

    /// Adds a member that is not there yet.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        let text = score_text(score);
        let pair = [member, text.as_bytes()];
        // What comes in order, as time does, goes behind the last.
        if self
            .iter()
            .next_back()
            .is_none_or(|last| is_less(last, member, score))
        {
            self.0.push_back_all(pair);
            return;
        }
        let rank = self
            .iter()
            .take_while(|it| is_less(*it, member, score))
            .count();
        if let Some(place) = self.0.seek(2 * rank as isize) {
            self.0.insert_all_before(place, pair);
        }
    }

    /// Gives the member at a cursor another score.
    pub(super) fn change(&mut self, cursor: Cursor, member: &[u8], score: f64) {
        let Some(score_cursor) = self.0.next(cursor) else {
            return;
        };
        let before = self
            .0
            .prev(cursor)
            .and_then(|it| self.0.prev(it))
            .and_then(|it| self.pair(it));
        let behind = self.0.next(score_cursor).and_then(|it| self.pair(it));
        if before.is_none_or(|it| is_less(it, member, score))
            && behind.is_none_or(|it| !is_less(it, member, score))
        {
            self.0.replace(score_cursor, score_text(score).as_bytes());
        } else {
            self.0.remove_many(cursor, 2);
            self.insert(member, score);
        }
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (cursor, score) = self.find(member)?;
        self.0.remove_many(cursor, 2);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        self.0
            .remove_range(2 * ranks.start as isize, 2 * ranks.len());
    }

    pub(super) fn pop(&mut self, rank: usize) -> Option<(Blob, f64)> {
        if rank >= self.len() {
            return None;
        }
        let (member, score) = self.range(rank..rank + 1).next()?;
        let member = member.to_blob();
        self.remove_range(rank..rank + 1);
        Some((member, score))
    }

    /// In a set whose scores differ, a range of members is what Redis makes of it: nothing unless
    /// the first and the last member are in reach; else a run from the first that is.
    pub(super) fn ranks(&self, from: &Bound<'_>, to: &Bound<'_>) -> Range<usize> {
        let first = self.iter().next();
        let last = self.iter().next_back();
        if !first.is_some_and(|it| is_before(it, to)) || last.is_some_and(|it| is_before(it, from))
        {
            return 0..0;
        }
        let (mut start, mut len) = (0, 0);
        for pair in self.iter() {
            if len == 0 && is_before(pair, from) {
                start += 1;
            } else if is_before(pair, to) {
                len += 1;
            } else {
                break;
            }
        }
        start..start + len
    }

    /// The ranks must be those of members.
    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let mut elements = self.0.iter();
        let behind = self.len() - ranks.end;
        if let Some(skipped) = (2 * behind).checked_sub(1) {
            elements.nth_back(skipped);
        }
        if let Some(skipped) = (2 * ranks.start).checked_sub(1) {
            elements.nth(skipped);
        }
        Iter {
            elements,
            left: ranks.len(),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter {
            elements: self.0.iter(),
            left: self.len(),
        }
    }

    pub(super) fn random(&self, rng: &mut Rng) -> Option<(Element<'_>, f64)> {
        let rank = rng.below(self.len() as u64) as usize;
        self.iter().nth(rank)
    }

    pub(super) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<(Element<'_>, f64)> {
        subset(self.iter(), self.len(), count, rng)
    }

    fn pair(&self, cursor: Cursor) -> Option<(Element<'_>, f64)> {
        let score = self.0.get(self.0.next(cursor)?)?;
        Some((self.0.get(cursor)?, score_of(score)))
    }
}

/// Members of a pack in order.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    elements: listpack::Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let member = self.elements.next()?;
        let score = self.elements.next()?;
        self.left -= 1;
        Some((member, score_of(score)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = self.elements.next_back()?;
        let member = self.elements.next_back()?;
        self.left -= 1;
        Some((member, score_of(score)))
    }
}

/// The pairs of a pack from outside. `None` if it does not hold members, each once, and scores.
pub(super) fn pairs_from_outside(pack: &Listpack, seed: Seed) -> Option<Vec<(Element<'_>, f64)>> {
    if !pack.len().is_multiple_of(2) || !pack.names_differ(seed) {
        return None;
    }
    let mut elements = pack.iter();
    let mut pairs = Vec::with_capacity(pack.len() / 2);
    while let Some((member, score)) = elements.next().zip(elements.next()) {
        let score = match score {
            Element::Int(integer) => integer as f64,
            Element::Str(text) => parse_f64(text)?,
        };
        pairs.push((member, score));
    }
    Some(pairs)
}

/// Whether a pack from outside, which holds these pairs, could have come to be here: the pairs are
/// in order and the scores written as here.
pub(super) fn is_as_written_here(pack: &Listpack, pairs: &[(Element<'_>, f64)]) -> bool {
    let is_in_order =
        pairs.is_sorted_by(|&before, &(member, score)| is_less(before, &member.to_bytes(), score));
    let scores = pack.iter().skip(1).step_by(2);
    is_in_order
        && scores.zip(pairs).all(|(written, &(_, score))| {
            written.matches(&Needle::from(score_text(score).as_bytes()))
        })
}

/// Whether a pair is before another.
fn is_less((other, other_score): (Element<'_>, f64), member: &[u8], score: f64) -> bool {
    other_score < score || other_score == score && *other.to_bytes() < *member
}

/// Whether a pair is before a place.
fn is_before((member, score): (Element<'_>, f64), place: &Bound<'_>) -> bool {
    let member = |other: &[u8]| (*member.to_bytes()).cmp(other);
    match *place {
        Bound::First => false,
        Bound::Last => true,
        Bound::BeforeScore(other) => score < other,
        Bound::AfterScore(other) => score <= other,
        Bound::BeforeMember(other) => member(other) == Ordering::Less,
        Bound::AfterMember(other) => member(other) != Ordering::Greater,
    }
}

/// A score as it is stored: a whole number as such, so far as there is no doubt about it.
fn score_text(score: f64) -> NumberText {
    const MAX: f64 = (i64::MAX / 2) as f64;
    if score.trunc() == score && score.abs() <= MAX {
        format_i64(score as i64)
    } else {
        format_g17(score)
    }
}

#[inline]
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(integer) => integer as f64,
        Element::Str(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("a pack's scores are numbers that were written here"),
    }
}
