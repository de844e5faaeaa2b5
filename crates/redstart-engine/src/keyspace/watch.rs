//! WATCH: which clients want to know that a key changed.
//!
//! A flag a client, raised by the change hook, rather than a version an entry: only a flag sees a
//! key that was created and deleted again. A client stops watching by dropping its flag, which
//! needs no lock; flags without an owner are swept out as the book grows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use crate::data::Blob;

/// Raised when something its client watches has changed.
pub(crate) type WatchFlag = Arc<AtomicBool>;

/// The watched keys of one shard.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    by_key: HashMap<(u8, Blob), Vec<Weak<AtomicBool>>, foldhash::fast::RandomState>,
    /// The number of keys at which abandoned ones are looked for.
    sweep_at: usize,
}

const SWEEP_MIN: usize = 64;

impl Watchers {
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(super) fn add(&mut self, db: u8, key: &[u8], flag: &WatchFlag) {
        let flags = self.by_key.entry((db, Blob::from(key))).or_default();
        flags.retain(|known| known.strong_count() > 0 && known.as_ptr() != Arc::as_ptr(flag));
        flags.push(Arc::downgrade(flag));
        if self.by_key.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.by_key
                .retain(|_, flags| flags.iter().any(|flag| flag.strong_count() > 0));
            self.sweep_at = 2 * self.by_key.len();
        }
    }

    /// Raises the flags of all who watch `key`. They need not be told twice.
    pub(super) fn touch(&mut self, db: u8, key: &[u8]) {
        for flag in self
            .by_key
            .remove(&(db, Blob::from(key)))
            .into_iter()
            .flatten()
        {
            if let Some(flag) = flag.upgrade() {
                flag.store(true, Ordering::Release);
            }
        }
    }

    /// The watched keys of `db`.
    pub(super) fn keys(&self, db: u8) -> impl Iterator<Item = &Blob> {
        self.by_key
            .keys()
            .filter(move |(of, _)| *of == db)
            .map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_raises_the_flags_of_that_key_and_database_only() {
        let mut watchers = Watchers::default();
        let flags: Vec<WatchFlag> = (0..3).map(|_| WatchFlag::default()).collect();
        watchers.add(0, b"a", &flags[0]);
        watchers.add(1, b"a", &flags[1]);
        watchers.add(0, b"b", &flags[2]);
        watchers.touch(0, b"a");
        let raised: Vec<bool> = flags
            .iter()
            .map(|flag| flag.load(Ordering::Acquire))
            .collect();
        assert_eq!(raised, [true, false, false]);
    }

    #[test]
    fn abandoned_keys_do_not_pile_up() {
        let mut watchers = Watchers::default();
        for n in 0..10_000u32 {
            watchers.add(0, &n.to_be_bytes(), &WatchFlag::default());
        }
        assert!(watchers.by_key.len() <= SWEEP_MIN);
    }
}
