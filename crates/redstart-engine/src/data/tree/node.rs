//! The two kinds of nodes, as arrays side by side, and what is done to one of them alone.

use std::ops::RangeFrom;

use super::bound::Probe;
use super::elements::{Elements, Id};

/// The number of a leaf, or of an inner node.
pub(super) type Index = u32;

/// Where a chain of leaves ends.
pub(super) const NONE: Index = Index::MAX;

/// The most entries of a node of either kind. Few in tests, so that their trees are high.
pub(super) const WIDTH: usize = if cfg!(test) { 8 } else { 64 };

/// The scores of a node, NaN where it has no entries.
pub(super) type Scores = [f64; WIDTH];

/// A run of pairs.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) len: usize,
    pub(super) prev: Index,
    pub(super) next: Index,
    scores: Scores,
    ids: [Id; WIDTH],
}

/// A run of children, each with its first pair and the number of pairs under it.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) len: usize,
    scores: Scores,
    ids: [Id; WIDTH],
    counts: [u32; WIDTH],
    children: [Index; WIDTH],
}

/// What an inner node knows of a child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) index: Index,
    pub(super) count: u32,
    pub(super) first: (f64, Id),
}

/// What leaves and inner nodes have in common.
pub(super) trait Node {
    /// How many entries there are.
    fn len(&self) -> usize;

    /// The first pair in or under this node.
    fn first(&self) -> (f64, Id);

    /// The number of pairs in or under this node.
    fn count(&self) -> u32;

    /// Moves all entries from a position on behind those of another node, which has room.
    fn move_from(&mut self, from: usize, to: &mut Self);
}

impl Leaf {
    pub(super) fn new() -> Self {
        Self {
            len: 0,
            prev: NONE,
            next: NONE,
            scores: [f64::NAN; WIDTH],
            ids: [Id::default(); WIDTH],
        }
    }

    #[inline]
    pub(super) fn position(&self, place: &impl Probe, elements: &Elements) -> usize {
        place.position(&self.scores, self.ids(), elements)
    }

    #[inline]
    pub(super) fn ids(&self) -> &[Id] {
        &self.ids[..self.len]
    }

    /// Gives a pair another score, if its neighbours here show that it keeps its place.
    #[inline]
    pub(super) fn rescore(&mut self, at: usize, score: f64) -> bool {
        // A leaf's first pair stays what inner nodes say it is.
        let fits = at > 0
            && at + 1 < self.len
            && self.scores[at - 1] < score
            && score < self.scores[at + 1];
        if fits {
            self.scores[at] = score;
        }
        fits
    }

    #[inline]
    pub(super) fn set_id(&mut self, at: usize, id: Id) {
        self.ids[at] = id;
    }

    #[inline]
    pub(super) fn insert(&mut self, at: usize, (score, id): (f64, Id)) {
        open(&mut self.scores, at..self.len, score);
        open(&mut self.ids, at..self.len, id);
        self.len += 1;
    }

    #[inline]
    pub(super) fn remove(&mut self, at: usize) {
        close(&mut self.scores, at, self.len);
        self.ids.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }
}

impl Inner {
    pub(super) fn new() -> Self {
        Self {
            len: 0,
            scores: [f64::NAN; WIDTH],
            ids: [Id::default(); WIDTH],
            counts: [0; WIDTH],
            children: [0; WIDTH],
        }
    }

    /// The child under which a place is: the last that begins before it, or the first.
    #[inline]
    pub(super) fn position(&self, place: &impl Probe, elements: &Elements) -> usize {
        let begin_before = place.position(&self.scores, &self.ids[..self.len], elements);
        begin_before.saturating_sub(1)
    }

    #[inline]
    pub(super) fn child(&self, at: usize) -> Index {
        self.children[at]
    }

    #[cfg(test)]
    pub(super) fn children(&self) -> &[Index] {
        &self.children[..self.len]
    }

    #[inline]
    pub(super) fn counts(&self) -> &[u32] {
        &self.counts[..self.len]
    }

    #[inline]
    pub(super) fn first_id(&self, at: usize) -> Id {
        self.ids[at]
    }

    #[inline]
    pub(super) fn set_first_id(&mut self, at: usize, id: Id) {
        self.ids[at] = id;
    }

    #[inline]
    pub(super) fn set_count(&mut self, at: usize, count: u32) {
        self.counts[at] = count;
    }

    #[inline]
    pub(super) fn set_first(&mut self, at: usize, (score, id): (f64, Id)) {
        self.scores[at] = score;
        self.ids[at] = id;
    }

    pub(super) fn insert(&mut self, at: usize, child: Child) {
        open(&mut self.scores, at..self.len, child.first.0);
        open(&mut self.ids, at..self.len, child.first.1);
        open(&mut self.counts, at..self.len, child.count);
        open(&mut self.children, at..self.len, child.index);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, at: usize) {
        close(&mut self.scores, at, self.len);
        self.ids.copy_within(at + 1..self.len, at);
        self.counts.copy_within(at + 1..self.len, at);
        self.children.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }
}

impl Node for Leaf {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn first(&self) -> (f64, Id) {
        (self.scores[0], self.ids[0])
    }

    #[inline]
    fn count(&self) -> u32 {
        self.len as u32
    }

    fn move_from(&mut self, from: usize, to: &mut Self) {
        let moved = from..self.len;
        append(&mut to.scores, to.len.., &self.scores[moved.clone()]);
        self.scores[moved.clone()].fill(f64::NAN);
        append(&mut to.ids, to.len.., &self.ids[moved.clone()]);
        to.len += moved.len();
        self.len = from;
    }
}

impl Node for Inner {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn first(&self) -> (f64, Id) {
        (self.scores[0], self.ids[0])
    }

    fn count(&self) -> u32 {
        self.counts().iter().sum()
    }

    fn move_from(&mut self, from: usize, to: &mut Self) {
        let moved = from..self.len;
        append(&mut to.scores, to.len.., &self.scores[moved.clone()]);
        self.scores[moved.clone()].fill(f64::NAN);
        append(&mut to.ids, to.len.., &self.ids[moved.clone()]);
        append(&mut to.counts, to.len.., &self.counts[moved.clone()]);
        append(&mut to.children, to.len.., &self.children[moved.clone()]);
        to.len += moved.len();
        self.len = from;
    }
}

/// Moves what is in `range` one place up and puts an item in the place before it.
#[inline]
fn open<T: Copy>(items: &mut [T; WIDTH], range: std::ops::Range<usize>, item: T) {
    let at = range.start;
    items.copy_within(range, at + 1);
    items[at] = item;
}

/// Takes a score out of the first `len`.
#[inline]
fn close(scores: &mut Scores, at: usize, len: usize) {
    scores.copy_within(at + 1..len, at);
    scores[len - 1] = f64::NAN;
}

fn append<T: Copy>(items: &mut [T; WIDTH], range: RangeFrom<usize>, more: &[T]) {
    items[range][..more.len()].copy_from_slice(more);
}
