//! A counted B+tree of (score, member) pairs: the order of a large sorted set.
//!
//! Pairs are ordered by score, then by the bytes of the member. Every inner node knows how many
//! pairs are under each child, so the rank of a place and the pair at a rank are found in one
//! descent, and a range of any kind is a range of ranks.
//!
//! The pairs themselves lie in [`Elements`], where each keeps its [`Id`] until it is removed (or
//! moved by [`Tree::compact`]). Nodes hold scores and ids, which makes them small and the search
//! within them a search in an array of floats; the member is looked at only where scores are
//! equal. Whoever has an id, such as the table from members to scores of a sorted set, has the
//! pair: a member's bytes exist once.
//!
//! Scores are compared as floats, so that -0 and 0 are equal, as in Redis. NaN must not get here.

mod bound;
mod elements;
mod iter;
mod node;
mod nodes;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use bound::Bound;
pub(crate) use elements::{Id, Pair};
pub(crate) use iter::Iter;

use self::elements::Elements;
use self::nodes::Nodes;
use super::Blob;

/// An ordered, counted collection of different (score, member) pairs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    elements: Elements,
    nodes: Nodes,
}

impl Tree {
    /// How many pairs there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The bytes this owns on the heap, members included.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.elements.memory() + self.nodes.memory()
    }

    /// The pair with this id.
    #[inline]
    pub(crate) fn get(&self, id: Id) -> &Pair {
        self.elements.get(id)
    }

    /// Adds a pair that is not there yet.
    pub(crate) fn insert(&mut self, score: f64, member: Blob) -> Id {
        let id = self.elements.add(Pair { score, member });
        self.nodes.insert(self.elements.before(id), &self.elements);
        id
    }

    /// Takes a pair out. Its id may be given to another.
    pub(crate) fn remove(&mut self, id: Id) -> Pair {
        self.nodes.remove(self.elements.after(id), &self.elements);
        self.elements.take(id)
    }

    /// Gives a pair another score. It keeps its id.
    pub(crate) fn update(&mut self, id: Id, score: f64) {
        let stays = self
            .nodes
            .rescore_or_remove(self.elements.after(id), score, &self.elements);
        self.elements.set_score(id, score);
        if !stays {
            self.nodes.insert(self.elements.before(id), &self.elements);
        }
    }

    /// How many pairs are before this one.
    pub(crate) fn rank(&self, id: Id) -> usize {
        self.nodes.rank(&self.elements.before(id), &self.elements)
    }

    /// How many pairs are before a bound.
    pub(crate) fn rank_of(&self, bound: &Bound<'_>) -> usize {
        self.nodes.rank(bound, &self.elements)
    }

    /// The id of the pair with this rank.
    pub(crate) fn select(&self, rank: usize) -> Option<Id> {
        (rank < self.len()).then(|| self.nodes.id_at(self.nodes.select(rank)))
    }

    /// The pairs with these ranks, from either end. Ranks past the last are passed over.
    pub(crate) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter::new(self, ranks.start..ranks.end.min(self.len()))
    }

    /// Gives memory back after removals, a little at a time: when most places for pairs are empty,
    /// moves the last pair into one of them. Returns its old and its new id.
    ///
    /// To be called until it returns `None`, at least once after every other removal.
    pub(crate) fn compact(&mut self) -> Option<(Id, Id)> {
        let (from, to) = self.elements.sparse()?;
        self.nodes
            .rename(self.elements.after(from), to, &self.elements);
        self.elements.relocate(from, to);
        Some((from, to))
    }
}
