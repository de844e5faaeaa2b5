//! The nodes of a tree and what is done along a path from the root to a leaf.
//!
//! Invariants, which `check` in the tests verifies:
//! 1. no node is empty, and a root that is an inner node has at least two children;
//! 2. what an inner node says of a child's first pair and of its count is exact;
//! 3. leaves are chained in order.
//!
//! Nodes are not kept half full. A node that has shrunk is united with a neighbour if both fit
//! well into one; one that is emptied is removed. And when pairs come in order, which is how most
//! sets that are ordered by time are filled, a full last leaf is left full instead of being halved.

use super::bound::{Key, Probe};
use super::elements::{Elements, Id};
use super::node::{Child, Index, Inner, Leaf, NONE, Node, WIDTH};

/// Two neighbours are united when they have together no more entries than this.
const UNITE_MAX: usize = WIDTH * 3 / 4;

#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// An inner node when `height` is above zero, else a leaf; nothing when there are no leaves.
    root: Index,
    /// The number of levels above the leaves.
    height: u32,
}

/// Where a pair is, or would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) leaf: Index,
    pub(super) at: usize,
}

impl Nodes {
    pub(super) fn memory(&self) -> usize {
        self.leaves.memory() + self.inners.memory()
    }

    pub(super) fn leaf(&self, index: Index) -> &Leaf {
        self.leaves.get(index)
    }

    pub(super) fn id_at(&self, place: Place) -> Id {
        self.leaf(place.leaf).ids()[place.at]
    }

    /// How many pairs are before a place.
    #[inline]
    pub(super) fn rank(&self, place: &impl Probe, elements: &Elements) -> usize {
        if self.leaves.is_empty() {
            return 0;
        }
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let at = inner.position(place, elements);
            rank += inner.counts()[..at].iter().sum::<u32>();
            node = inner.child(at);
        }
        rank as usize + self.leaf(node).position(place, elements)
    }

    /// The place of the pair with this rank, which must exist.
    pub(super) fn select(&self, rank: usize) -> Place {
        let (mut node, mut left) = (self.root, rank);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let mut at = 0;
            for &count in inner.counts() {
                if left < count as usize {
                    break;
                }
                left -= count as usize;
                at += 1;
            }
            node = inner.child(at);
        }
        Place {
            leaf: node,
            at: left,
        }
    }

    /// Adds a pair at its place.
    pub(super) fn insert(&mut self, key: Key<'_>, elements: &Elements) {
        if self.leaves.is_empty() {
            self.root = self.leaves.add(Leaf::new());
        }
        if let Some(sibling) = self.insert_under(self.root, self.height, &key, elements) {
            let mut root = Inner::new();
            root.insert(0, self.describe(self.root, self.height));
            root.insert(1, self.describe(sibling, self.height));
            self.root = self.inners.add(root);
            self.height += 1;
        }
    }

    /// Gives the pair right before a place another score if that leaves it where it is, and else
    /// removes it: then `false` is returned.
    pub(super) fn rescore_or_remove(
        &mut self,
        after: Key<'_>,
        score: f64,
        elements: &Elements,
    ) -> bool {
        let stays = self.remove_under(self.root, self.height, &after, Some(score), elements);
        self.lower();
        stays
    }

    /// Removes the pair right before a place.
    pub(super) fn remove(&mut self, after: Key<'_>, elements: &Elements) {
        self.remove_under(self.root, self.height, &after, None, elements);
        self.lower();
    }

    /// Gives the pair right before a place another id. Elements must still have it by the old one.
    pub(super) fn rename(&mut self, after: Key<'_>, to: Id, elements: &Elements) {
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = self.inners.get_mut(node);
            let at = inner.position(&after, elements);
            if inner.first_id(at) == after.id {
                inner.set_first_id(at, to);
            }
            node = inner.child(at);
        }
        let leaf = self.leaves.get_mut(node);
        let at = leaf.position(&after, elements) - 1;
        leaf.set_id(at, to);
    }

    /// Adds a pair under a node; returns the node's new right sibling when it had to be split.
    fn insert_under(
        &mut self,
        node: Index,
        level: u32,
        key: &Key<'_>,
        elements: &Elements,
    ) -> Option<Index> {
        if level == 0 {
            let leaf = self.leaves.get_mut(node);
            let at = leaf.position(key, elements);
            let entry = (key.pair.score, key.id);
            if leaf.len < WIDTH {
                leaf.insert(at, entry);
                return None;
            }
            return Some(self.split_leaf(node, at, entry));
        }

        let inner = self.inners.get(node);
        let at = inner.position(key, elements);
        let child = inner.child(at);
        let sibling = self.insert_under(child, level - 1, key, elements);
        let first = self.first(child, level - 1);
        let Some(sibling) = sibling else {
            let inner = self.inners.get_mut(node);
            inner.set_first(at, first);
            inner.set_count(at, inner.counts()[at] + 1);
            return None;
        };
        let sibling = self.describe(sibling, level - 1);
        let inner = self.inners.get_mut(node);
        inner.set_first(at, first);
        inner.set_count(at, inner.counts()[at] + 1 - sibling.count);
        if inner.len < WIDTH {
            inner.insert(at + 1, sibling);
            return None;
        }
        Some(self.split_inner(node, at + 1, sibling))
    }

    fn split_leaf(&mut self, node: Index, at: usize, entry: (f64, Id)) -> Index {
        let mut right = Leaf::new();
        let leaf = self.leaves.get_mut(node);
        let next = leaf.next;
        let cut = match at {
            WIDTH if leaf.next == NONE => WIDTH,
            0 if leaf.prev == NONE => 0,
            _ => WIDTH / 2,
        };
        leaf.move_from(cut, &mut right);
        if at <= cut && cut < WIDTH {
            leaf.insert(at, entry);
        } else {
            right.insert(at - cut, entry);
        }
        right.prev = node;
        right.next = next;
        let sibling = self.leaves.add(right);
        self.leaves.get_mut(node).next = sibling;
        if next != NONE {
            self.leaves.get_mut(next).prev = sibling;
        }
        sibling
    }

    fn split_inner(&mut self, node: Index, at: usize, child: Child) -> Index {
        let mut right = Inner::new();
        let inner = self.inners.get_mut(node);
        let cut = if at == WIDTH { WIDTH } else { WIDTH / 2 };
        inner.move_from(cut, &mut right);
        if at <= cut && cut < WIDTH {
            inner.insert(at, child);
        } else {
            right.insert(at - cut, child);
        }
        self.inners.add(right)
    }

    /// Removes the pair right before a place under a node, unless it can stay there with another
    /// score; says whether it stays.
    fn remove_under(
        &mut self,
        node: Index,
        level: u32,
        after: &Key<'_>,
        score: Option<f64>,
        elements: &Elements,
    ) -> bool {
        if level == 0 {
            let leaf = self.leaves.get_mut(node);
            let at = leaf.position(after, elements) - 1;
            let stays = score.is_some_and(|score| leaf.rescore(at, score));
            if !stays {
                leaf.remove(at);
            }
            return stays;
        }

        let inner = self.inners.get(node);
        let at = inner.position(after, elements);
        let child = inner.child(at);
        if self.remove_under(child, level - 1, after, score, elements) {
            return true;
        }
        let (len, first) = (
            self.node_len(child, level - 1),
            self.first(child, level - 1),
        );
        let inner = self.inners.get_mut(node);
        if len == 0 {
            inner.remove(at);
            self.discard(child, level - 1);
            return false;
        }
        inner.set_first(at, first);
        inner.set_count(at, inner.counts()[at] - 1);
        if len <= WIDTH / 2 && !self.unite(node, at, level) && at > 0 {
            self.unite(node, at - 1, level);
        }
        false
    }

    /// Removes levels that have come to be of no use.
    fn lower(&mut self) {
        while self.height > 0 && self.inners.get(self.root).len == 1 {
            let old = self.inners.take(self.root);
            self.root = old.child(0);
            self.height -= 1;
        }
        if self.height == 0 && self.leaf(self.root).len == 0 {
            *self = Self::default();
        }
    }

    /// Unites a child with the one behind it if there is one and both are small enough.
    fn unite(&mut self, node: Index, at: usize, level: u32) -> bool {
        let inner = self.inners.get(node);
        if at + 1 >= inner.len {
            return false;
        }
        let (left, right) = (inner.child(at), inner.child(at + 1));
        let total = self.node_len(left, level - 1) + self.node_len(right, level - 1);
        if total > UNITE_MAX {
            return false;
        }
        if level == 1 {
            let mut gone = self.leaves.take(right);
            let leaf = self.leaves.get_mut(left);
            gone.move_from(0, leaf);
            leaf.next = gone.next;
            if gone.next != NONE {
                self.leaves.get_mut(gone.next).prev = left;
            }
        } else {
            self.inners
                .take(right)
                .move_from(0, self.inners.get_mut(left));
        }
        let inner = self.inners.get_mut(node);
        inner.set_count(at, inner.counts()[at] + inner.counts()[at + 1]);
        inner.remove(at + 1);
        true
    }

    /// Throws an empty node away.
    fn discard(&mut self, node: Index, level: u32) {
        if level > 0 {
            self.inners.take(node);
            return;
        }
        let leaf = self.leaves.take(node);
        if leaf.prev != NONE {
            self.leaves.get_mut(leaf.prev).next = leaf.next;
        }
        if leaf.next != NONE {
            self.leaves.get_mut(leaf.next).prev = leaf.prev;
        }
    }

    fn describe(&self, node: Index, level: u32) -> Child {
        let count = match level {
            0 => self.leaves.get(node).count(),
            _ => self.inners.get(node).count(),
        };
        Child {
            index: node,
            count,
            first: self.first(node, level),
        }
    }

    fn first(&self, node: Index, level: u32) -> (f64, Id) {
        match level {
            0 => self.leaves.get(node).first(),
            _ => self.inners.get(node).first(),
        }
    }

    fn node_len(&self, node: Index, level: u32) -> usize {
        match level {
            0 => self.leaves.get(node).len(),
            _ => self.inners.get(node).len(),
        }
    }
}

/// Nodes of one kind, by number.
#[derive(Clone, Debug)]
struct Arena<N> {
    nodes: Vec<Option<Box<N>>>,
    free: Vec<Index>,
}

impl<N> Default for Arena<N> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<N> Arena<N> {
    fn is_empty(&self) -> bool {
        self.nodes.len() == self.free.len()
    }

    fn memory(&self) -> usize {
        (self.nodes.len() - self.free.len()) * size_of::<N>()
            + self.nodes.capacity() * size_of::<Option<Box<N>>>()
            + self.free.capacity() * size_of::<Index>()
    }

    #[inline]
    fn get(&self, index: Index) -> &N {
        self.nodes[index as usize]
            .as_deref()
            .expect("a node that is named exists")
    }

    #[inline]
    fn get_mut(&mut self, index: Index) -> &mut N {
        self.nodes[index as usize]
            .as_deref_mut()
            .expect("a node that is named exists")
    }

    fn add(&mut self, node: N) -> Index {
        let node = Some(Box::new(node));
        match self.free.pop() {
            Some(index) => {
                self.nodes[index as usize] = node;
                index
            }
            None => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as Index
            }
        }
    }

    fn take(&mut self, index: Index) -> Box<N> {
        self.free.push(index);
        self.nodes[index as usize]
            .take()
            .expect("a node that is named exists")
    }
}

#[cfg(test)]
impl Nodes {
    /// Panics unless the invariants at the head of this file hold; returns all ids in order.
    pub(super) fn check(&self) -> Vec<Id> {
        let mut leaves = Vec::new();
        if !self.leaves.is_empty() {
            assert!(self.height == 0 || self.inners.get(self.root).len > 1);
            self.check_under(self.root, self.height, &mut leaves);
        }
        let mut prev = NONE;
        for (at, &index) in leaves.iter().enumerate() {
            assert_eq!(self.leaf(index).prev, prev);
            assert_eq!(self.leaf(index).next, *leaves.get(at + 1).unwrap_or(&NONE));
            prev = index;
        }
        assert_eq!(
            self.leaves.nodes.len() - self.leaves.free.len(),
            leaves.len()
        );
        leaves
            .iter()
            .flat_map(|it| self.leaf(*it).ids().to_vec())
            .collect()
    }

    fn check_under(&self, node: Index, level: u32, leaves: &mut Vec<Index>) {
        if level == 0 {
            assert!(self.leaf(node).len > 0);
            leaves.push(node);
            return;
        }
        let inner = self.inners.get(node);
        assert!(inner.len > 0);
        for (at, &child) in inner.children().iter().enumerate() {
            let truth = self.describe(child, level - 1);
            assert_eq!(
                (inner.counts()[at], inner.first_id(at)),
                (truth.count, truth.first.1)
            );
            self.check_under(child, level - 1, leaves);
        }
    }
}
