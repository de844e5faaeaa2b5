//! CLIENT PAUSE: until when commands have to wait.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A pause of all clients. Zero means none.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// Monotonic microseconds.
    until_us: AtomicU64,
    writes_only: AtomicBool,
}

impl Pause {
    /// Pauses until `until_us` on the monotonic clock. A pause in force is never shortened, and
    /// one of everything is never weakened to one of writes.
    pub(crate) fn start(&self, now_us: u64, until_us: u64, writes_only: bool) {
        let running = self.until_us.load(Ordering::Relaxed) > now_us;
        let weaker = running && !self.writes_only.load(Ordering::Relaxed) && writes_only;
        self.writes_only
            .store(writes_only && !weaker, Ordering::Relaxed);
        match running {
            true => self.until_us.fetch_max(until_us, Ordering::Release),
            false => self.until_us.swap(until_us, Ordering::Release),
        };
    }

    pub(crate) fn stop(&self) {
        self.until_us.store(0, Ordering::Release);
    }

    /// Until when a command has to wait, on the monotonic clock.
    #[inline]
    pub(crate) fn holds(
        &self,
        writes: impl FnOnce() -> bool,
        now_us: impl FnOnce() -> u64,
    ) -> Option<u64> {
        let until_us = self.until_us.load(Ordering::Acquire);
        if until_us == 0 || (self.writes_only.load(Ordering::Relaxed) && !writes()) {
            return None;
        }
        (until_us > now_us()).then_some(until_us)
    }

    /// Whether a pause is in force: nothing is expired or evicted meanwhile.
    pub(crate) fn is_on(&self, now_us: impl FnOnce() -> u64) -> bool {
        self.holds(|| true, now_us).is_some()
    }
}
