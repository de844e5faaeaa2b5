//! Which of a node's lanes the requests of a slot take: the one of their slot, or the one for large
//! values.
//!
//! A large value keeps everything behind it on its connection waiting, so it goes over one of its
//! own. What is under way on one slot must not be spread over two lanes, though: they would overtake
//! each other. So the first request of a slot chooses by its size, and those that come while any is
//! under way go the same way, whatever their size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Slots that share one choose together, which keeps their order too.
const BUCKETS: usize = 1024;

/// Set when the way is the one for large values. The rest is how many are under way.
const LARGE: u32 = 1 << 31;

/// The ways to one node.
#[derive(Debug)]
pub(super) struct Ways {
    /// The last one is for requests without keys: channels have an order as well.
    buckets: Box<[AtomicU32]>,
}

/// A request on its way. Until it is dropped, its slot keeps to that way.
#[derive(Debug)]
pub(super) struct Hold {
    ways: Arc<Ways>,
    bucket: usize,
    is_large: bool,
}

impl Ways {
    pub(super) fn new() -> Arc<Ways> {
        Arc::new(Ways {
            buckets: (0..=BUCKETS).map(|_| AtomicU32::new(0)).collect(),
        })
    }

    /// Sets out for a slot.
    pub(super) fn enter(self: &Arc<Ways>, slot: Option<u16>, is_large: bool) -> Hold {
        let bucket = slot.map_or(BUCKETS, |slot| usize::from(slot) % BUCKETS);
        let chosen = if is_large { LARGE } else { 0 };
        let joined = |way: u32| {
            let is_empty = way & !LARGE == 0;
            Some(if is_empty { chosen | 1 } else { way + 1 })
        };
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        let before = self.buckets[bucket].fetch_update(set, get, joined);
        let before = before.expect("it is always joined");
        Hold {
            ways: Arc::clone(self),
            bucket,
            is_large: match before & !LARGE {
                0 => is_large,
                _ => before & LARGE != 0,
            },
        }
    }
}

impl Hold {
    /// Whether the way is the one for large values.
    pub(super) fn is_large(&self) -> bool {
        self.is_large
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.ways.buckets[self.bucket].fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_under_way_together_go_the_same_way() {
        let ways = Ways::new();
        let small = ways.enter(Some(7), false);
        let large = ways.enter(Some(7), true);
        assert!(!small.is_large() && !large.is_large());
        // Other slots, and requests without keys, choose for themselves.
        assert!(ways.enter(Some(8), true).is_large());
        assert!(ways.enter(None, true).is_large());

        drop(small);
        assert!(!ways.enter(Some(7), true).is_large());
        drop(large);
        let large = ways.enter(Some(7), true);
        let behind = ways.enter(Some(7), false);
        drop(large);
        assert!(behind.is_large());
        assert!(ways.enter(Some(7), false).is_large());
        drop(behind);
        assert!(!ways.enter(Some(7), false).is_large());
    }
}
