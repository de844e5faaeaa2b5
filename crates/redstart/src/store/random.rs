//! Chance: pauses that are to differ draw from one source, so that a seed reproduces a run.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64, shared by whoever draws. Never for secrets.
#[derive(Debug)]
pub(crate) struct Random(AtomicU64);

impl Random {
    /// A source that differs from process to process.
    pub(crate) fn new() -> Random {
        // The standard library seeds its hash maps at random: enough to set processes apart.
        Random(AtomicU64::new(RandomState::new().hash_one(0)))
    }

    /// A source that yields the same sequence for the same seed.
    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(AtomicU64::new(seed))
    }

    /// A number below `bound`; 0 when that is 0. Small bounds are fair enough.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }

    /// Above 0 and up to 1.
    #[cfg(feature = "cache")]
    #[expect(
        clippy::cast_precision_loss,
        reason = "of 53 bits, which a double holds"
    )]
    pub(crate) fn fraction(&self) -> f64 {
        ((self.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Any number. One atomic addition, then a mix.
    pub(crate) fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let before = self.0.fetch_add(STEP, Ordering::Relaxed);
        let mut bits = before.wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}
