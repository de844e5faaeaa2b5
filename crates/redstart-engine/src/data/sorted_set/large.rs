use std::ops::Range;

use crate::data::sample::subset;
use crate::data::table::{Seed, Segments, Slot};
use crate::data::tree::{self, Bound, Id, Pair, Tree};
use crate::data::{Blob, Element};
use crate::random::Rng;

use super::Update;

/// The form of a sorted set with many members.
///
/// The tree has the members with their scores; the table finds them by name and holds no more than
/// their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Large {
    tree: Tree,
    members: Segments<Id>,
}

impl Large {
    pub(super) fn of<'a>(members: impl Iterator<Item = (Element<'a>, f64)>, seed: Seed) -> Self {
        let mut large = Self::default();
        for (member, score) in members {
            large.update(&member.to_bytes(), seed, |_| Some(score));
        }
        large
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.tree.memory() + self.members.memory()
    }

    #[inline]
    pub(super) fn score(&self, member: &[u8], seed: Seed) -> Option<f64> {
        Some(self.tree.get(self.id(member, seed)?).score)
    }

    pub(super) fn rank(&self, member: &[u8], seed: Seed) -> Option<(usize, f64)> {
        let id = self.id(member, seed)?;
        Some((self.tree.rank(id), self.tree.get(id).score))
    }

    pub(super) fn update(
        &mut self,
        member: &[u8],
        seed: Seed,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Update {
        let tree = &mut self.tree;
        let slot = self.members.slot(
            seed.hash(member),
            |id| *tree.get(*id).member == *member,
            |id| seed.hash(&tree.get(*id).member),
        );
        match slot {
            Slot::Occupied(&mut id) => {
                let old = tree.get(id).score;
                let new = decide(Some(old));
                if let Some(new) = new
                    && new != old
                {
                    tree.update(id, new);
                }
                Update {
                    old: Some(old),
                    new,
                }
            }
            Slot::Vacant(vacant) => {
                let new = decide(None);
                if let Some(score) = new {
                    vacant.insert(tree.insert(score, Blob::from(member)));
                }
                Update { old: None, new }
            }
        }
    }

    pub(super) fn remove(&mut self, member: &[u8], seed: Seed) -> Option<f64> {
        let id = self.members.remove(
            seed.hash(member),
            |id| *self.tree.get(*id).member == *member,
            |id| seed.hash(&self.tree.get(*id).member),
        )?;
        Some(self.unlink(id, seed).score)
    }

    pub(super) fn remove_range(&mut self, ranks: Range<usize>, seed: Seed) {
        if ranks.len() == self.len() {
            *self = Self::default();
        }
        for _ in ranks.clone() {
            self.pop(ranks.start, seed);
        }
    }

    pub(super) fn pop(&mut self, rank: usize, seed: Seed) -> Option<(Blob, f64)> {
        let id = self.tree.select(rank)?;
        self.members.remove(
            seed.hash(&self.tree.get(id).member),
            |it| *it == id,
            |it| seed.hash(&self.tree.get(*it).member),
        );
        let Pair { score, member } = self.unlink(id, seed);
        Some((member, score))
    }

    pub(super) fn ranks(&self, from: &Bound<'_>, to: &Bound<'_>) -> Range<usize> {
        let start = self.tree.rank_of(from);
        start..self.tree.rank_of(to).max(start)
    }

    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter(self.tree.range(ranks))
    }

    pub(super) fn random(&self, rng: &mut Rng) -> Option<(Element<'_>, f64)> {
        self.members.random(rng).map(|id| view(self.tree.get(*id)))
    }

    pub(super) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<(Element<'_>, f64)> {
        if count.saturating_mul(4) >= self.len() {
            return subset(self.range(0..self.len()), self.len(), count, rng);
        }
        // So few are wanted that drawing until they are different beats walking over all.
        let mut ids = std::collections::BTreeSet::new();
        while ids.len() < count {
            ids.extend(self.members.random(rng));
        }
        ids.into_iter().map(|id| view(self.tree.get(id))).collect()
    }

    pub(super) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        seed: Seed,
        mut visit: impl FnMut(Element<'a>, f64),
    ) -> u64 {
        let hash_of = |id: &Id| seed.hash(&self.tree.get(*id).member);
        self.members.scan(cursor, count, hash_of, |id| {
            let (member, score) = view(self.tree.get(*id));
            visit(member, score);
        })
    }

    #[inline]
    fn id(&self, member: &[u8], seed: Seed) -> Option<Id> {
        let is_it = |id: &Id| *self.tree.get(*id).member == *member;
        self.members.find(seed.hash(member), is_it).copied()
    }

    /// Removes from the tree what has been removed from the table.
    fn unlink(&mut self, id: Id, seed: Seed) -> Pair {
        let pair = self.tree.remove(id);
        while let Some((from, to)) = self.tree.compact() {
            let hash = seed.hash(&self.tree.get(to).member);
            let moved = self.members.find_mut(hash, |id| *id == from);
            *moved.expect("every pair of the tree is in the table") = to;
        }
        pair
    }
}

/// Members of a large set in order.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a>(tree::Iter<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(view)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(view)
    }
}

fn view(pair: &Pair) -> (Element<'_>, f64) {
    (Element::Str(&pair.member), pair.score)
}
