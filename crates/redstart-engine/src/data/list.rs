mod node;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

use self::node::Node;
pub(crate) use self::node::NodeView;
use super::{Blob, Element, Listpack, Needle};

/// A list: a deque of packed nodes of some hundred elements each.
///
/// Pushing and popping at the ends is constant, what concerns a position in the middle takes a
/// step per node on the way to it. Elements too large to be packed have a node each.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// None is empty.
    nodes: VecDeque<Node>,
    len: usize,
    /// What the nodes own, together.
    node_bytes: usize,
}

/// Where a list begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Before the first element.
    Head,
    /// After the last element.
    Tail,
}

/// On which side of another element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Nearer to the head.
    Before,
    /// Nearer to the tail.
    After,
}

impl Clone for List {
    /// A copy whose packs have no room at their sides, so they own less.
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        Self {
            node_bytes: nodes.iter().map(Node::memory).sum(),
            len: self.len,
            nodes,
        }
    }
}

impl List {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self {
            nodes: VecDeque::new(),
            len: 0,
            node_bytes: 0,
        }
    }

    /// The number of elements.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes this owns on the heap.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.node_bytes
    }

    /// The element with an index, counted from the head.
    pub(crate) fn get(&self, index: usize) -> Option<Element<'_>> {
        let (node, offset) = self.locate(index)?;
        self.nodes[node].get(offset)
    }

    /// All elements, from either end.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Element<'_>> {
        self.nodes.iter().flat_map(Node::iter)
    }

    /// The elements whose indexes are in a range, from the head on.
    pub(crate) fn range(&self, range: Range<usize>) -> impl Iterator<Item = Element<'_>> {
        let located = if range.is_empty() {
            None
        } else {
            self.locate(range.start)
        };
        let first = located.map(|(node, offset)| self.nodes[node].iter_from(offset));
        let others = located.map(|(node, _)| self.nodes.range(node + 1..).flat_map(Node::iter));
        let elements = first
            .into_iter()
            .flatten()
            .chain(others.into_iter().flatten());
        elements.take(range.len())
    }

    /// The indexes of the elements that equal `element`, nearest to an end first, as far as they
    /// are among the first `looked_at_max` from that end.
    pub(crate) fn positions<'a>(
        &'a self,
        element: &'a [u8],
        from: End,
        looked_at_max: usize,
    ) -> impl Iterator<Item = usize> + 'a {
        let needle = Needle::from(element);
        let mut elements = self.iter();
        let nearest_first = std::iter::from_fn(move || match from {
            End::Head => elements.next(),
            End::Tail => elements.next_back(),
        });
        nearest_first
            .take(looked_at_max)
            .enumerate()
            .filter(move |(_, element)| element.matches(&needle))
            .map(move |(steps, _)| match from {
                End::Head => steps,
                End::Tail => self.len - 1 - steps,
            })
    }

    /// Adds an element at an end.
    #[inline]
    pub(crate) fn push(&mut self, end: End, element: &[u8]) {
        self.len += 1;
        let node = match end {
            End::Head => self.nodes.front_mut(),
            End::Tail => self.nodes.back_mut(),
        };
        if let Some(Node::Packed(pack)) = node
            && node::has_room_for(pack, element.len())
        {
            self.node_bytes -= pack.memory();
            match end {
                End::Head => pack.push_front(element),
                End::Tail => pack.push_back(element),
            }
            self.node_bytes += pack.memory();
        } else {
            self.push_node(end, element);
        }
    }

    /// Adds all entries of a pack behind the last element.
    pub(crate) fn push_pack(&mut self, pack: Listpack) {
        if !node::may_hold(&pack) {
            pack.iter()
                .for_each(|element| self.push(End::Tail, &element.to_bytes()));
            return;
        }
        self.len += pack.len();
        self.insert_node(self.nodes.len(), Node::Packed(pack));
    }

    /// What the list is made of, from the head on.
    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = NodeView<'_>> {
        self.nodes.iter().map(Node::view)
    }

    /// Takes the element at an end out.
    #[inline]
    pub(crate) fn pop(&mut self, end: End) -> Option<Blob> {
        let node = match end {
            End::Head => self.nodes.front_mut(),
            End::Tail => self.nodes.back_mut(),
        }?;
        self.len -= 1;
        if let Node::Packed(pack) = node
            && pack.len() > 1
        {
            self.node_bytes -= pack.memory();
            let element = match end {
                End::Head => pack.pop_front(),
                End::Tail => pack.pop_back(),
            };
            self.node_bytes += pack.memory();
            return element;
        }
        self.pop_node(end)?.into_only_element()
    }

    /// Puts another element in the place of the one with an index. `false` if there is none.
    pub(crate) fn set(&mut self, index: usize, element: &[u8]) -> bool {
        let Some((node, offset)) = self.locate(index) else {
            return false;
        };
        if !self.change(node, |node| node.replace(offset, element)) {
            // Too large for where the old one is.
            self.insert_at(node, offset, element);
            self.remove_at(index + 1);
        }
        true
    }

    /// Inserts an element beside the first that equals `pivot`. `false` if none does.
    pub(crate) fn insert(&mut self, pivot: &[u8], side: Side, element: &[u8]) -> bool {
        let needle = Needle::from(pivot);
        let found = self.nodes.iter().enumerate().find_map(|(index, node)| {
            Some((
                index,
                node.iter().position(|element| element.matches(&needle))?,
            ))
        });
        let Some((node, offset)) = found else {
            return false;
        };
        match side {
            Side::Before => self.insert_at(node, offset, element),
            Side::After => self.insert_at(node, offset + 1, element),
        }
        true
    }

    /// Removes elements that equal `element`, at most `count_max` of them, those nearest to an
    /// end. Returns how many.
    pub(crate) fn remove(&mut self, element: &[u8], from: End, count_max: usize) -> usize {
        let needle = Needle::from(element);
        let mut removed = 0;
        for step in 0..self.nodes.len() {
            if removed == count_max {
                break;
            }
            let index = match from {
                End::Head => step,
                End::Tail => self.nodes.len() - 1 - step,
            };
            removed += self.change(index, |node| {
                node.remove(&needle, from, count_max - removed)
            });
        }
        if removed > 0 {
            self.len -= removed;
            self.compact();
        }
        removed
    }

    /// Keeps only the elements whose indexes are in a range.
    pub(crate) fn trim(&mut self, kept: Range<usize>) {
        let end = kept.end.min(self.len);
        let start = kept.start.min(end);
        self.drop_many(End::Tail, self.len - end);
        self.drop_many(End::Head, start);
    }

    /// The node that holds the element with an index, and its index there.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        let from_tail = self.len.checked_sub(index + 1)?;
        if index <= from_tail {
            let mut offset = index;
            for (i, node) in self.nodes.iter().enumerate() {
                match offset.checked_sub(node.len()) {
                    Some(rest) => offset = rest,
                    None => return Some((i, offset)),
                }
            }
        } else {
            let mut offset = from_tail;
            for (i, node) in self.nodes.iter().enumerate().rev() {
                match offset.checked_sub(node.len()) {
                    Some(rest) => offset = rest,
                    None => return Some((i, node.len() - 1 - offset)),
                }
            }
        }
        None
    }

    #[cold]
    fn push_node(&mut self, end: End, element: &[u8]) {
        // The node that was at this end is full, and stays as it is unless it comes to be at the
        // end again.
        if let Some(index) = self.end_index(end) {
            self.change(index, Node::shrink_to_fit);
        }
        let node = Node::new(element);
        self.node_bytes += node.memory();
        if self.nodes.capacity() == 0 {
            // Most lists never need a second one.
            self.nodes.reserve_exact(1);
        }
        match end {
            End::Head => self.nodes.push_front(node),
            End::Tail => self.nodes.push_back(node),
        }
    }

    fn pop_node(&mut self, end: End) -> Option<Node> {
        let node = match end {
            End::Head => self.nodes.pop_front(),
            End::Tail => self.nodes.pop_back(),
        }?;
        self.node_bytes -= node.memory();
        if self.nodes.capacity() > 16 && self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
        Some(node)
    }

    fn end_index(&self, end: End) -> Option<usize> {
        match end {
            End::Head => (!self.nodes.is_empty()).then_some(0),
            End::Tail => self.nodes.len().checked_sub(1),
        }
    }

    /// Removes `count` elements at an end, not more than there are.
    fn drop_many(&mut self, end: End, count: usize) {
        self.len -= count;
        let mut left = count;
        while left > 0
            && let Some(index) = self.end_index(end)
        {
            let len = self.nodes[index].len();
            if len <= left {
                left -= len;
                self.pop_node(end);
            } else {
                self.change(index, |node| node.drop_many(end, left));
                left = 0;
            }
        }
    }

    /// Inserts an element before the one with an index in a node; or behind all of the node.
    fn insert_at(&mut self, node: usize, offset: usize, element: &[u8]) {
        self.len += 1;
        if self.change(node, |node| node.insert(offset, element)) {
            return;
        }
        let behind = self.change(node, |node| node.split_off(offset));
        if let Some(behind) = behind {
            self.insert_node(node + 1, behind);
        }
        // Now the place is between two nodes. It is before this one if nothing stays before it.
        let gap = if offset == 0 { node } else { node + 1 };
        let fits = gap > 0 && self.change(gap - 1, |node| node.insert(node.len(), element))
            || gap < self.nodes.len() && self.change(gap, |node| node.insert(0, element));
        if !fits {
            self.insert_node(gap, Node::new(element));
        }
    }

    fn remove_at(&mut self, index: usize) {
        let Some((node, offset)) = self.locate(index) else {
            return;
        };
        self.len -= 1;
        self.change(node, |node| node.remove_at(offset));
        if self.nodes[node].is_empty()
            && let Some(node) = self.nodes.remove(node)
        {
            self.node_bytes -= node.memory();
        }
    }

    fn insert_node(&mut self, index: usize, node: Node) {
        self.node_bytes += node.memory();
        self.nodes.insert(index, node);
    }

    /// Drops empty nodes and unites those that have become small.
    fn compact(&mut self) {
        let mut nodes: VecDeque<Node> = VecDeque::with_capacity(1);
        for node in std::mem::take(&mut self.nodes) {
            let absorbed = match nodes.back_mut() {
                Some(last) => last.absorb(&node),
                None => false,
            };
            if !absorbed && !node.is_empty() {
                nodes.push_back(node);
            }
        }
        self.node_bytes = nodes.iter().map(Node::memory).sum();
        self.nodes = nodes;
    }

    /// Changes a node and keeps account of its memory.
    fn change<T>(&mut self, index: usize, change: impl FnOnce(&mut Node) -> T) -> T {
        let node = &mut self.nodes[index];
        self.node_bytes -= node.memory();
        let result = change(node);
        self.node_bytes += node.memory();
        result
    }
}
