//! Which node serves which slot, as one node sees it.

use std::collections::BTreeMap;

use redstart_protocol::SLOTS;

/// Ranges of slots by their first one; each reaches to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slots(BTreeMap<u16, usize>);

impl Slots {
    /// Shared out evenly.
    pub(super) fn among(nodes: usize) -> Slots {
        let share = usize::from(SLOTS).div_ceil(nodes);
        let first = |node| u16::try_from(node * share).expect("fewer nodes than slots");
        Slots((0..nodes).map(|node| (first(node), node)).collect())
    }

    pub(super) fn node(&self, slot: u16) -> usize {
        let (_, node) = self
            .0
            .range(..=slot)
            .next_back()
            .expect("every slot is served");
        *node
    }

    pub(super) fn give(&mut self, slot: u16, to: usize) {
        let node = self.node(slot);
        if slot + 1 < SLOTS {
            self.0.entry(slot + 1).or_insert(node);
        }
        self.0.insert(slot, to);
    }

    /// One node's slots all become another's.
    pub(super) fn give_all(&mut self, from: usize, to: usize) {
        for node in self.0.values_mut().filter(|node| **node == from) {
            *node = to;
        }
    }

    /// First and last slot of each range, and its node.
    pub(super) fn ranges(&self) -> Vec<(u16, u16, usize)> {
        let firsts: Vec<u16> = self.0.keys().copied().collect();
        let next = |index: usize| firsts.get(index + 1).copied().unwrap_or(SLOTS);
        let ranges = self.0.iter().enumerate();
        ranges
            .map(|(index, (first, node))| (*first, next(index) - 1, *node))
            .collect()
    }
}
