//! The random numbers of `math.random`: a 48-bit linear congruential generator.
//!
//! Redis does not use the C library's, so that a script sees the same numbers everywhere, and
//! neither does it seed it at random. The sequence belongs to the server and goes on from script to
//! script, hence the one atomic word shared by all virtual machines of a runtime.

use std::sync::atomic::{AtomicU64, Ordering};

/// The generator.
#[derive(Debug)]
pub(crate) struct Prng(AtomicU64);

impl Prng {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const INCREMENT: u64 = 0xB;
    const MASK: u64 = (1 << 48) - 1;
    /// The lowest 16 bits of every state made from a seed.
    const SEED_LOW: u64 = 0x330E;

    pub(crate) fn new() -> Prng {
        Prng(AtomicU64::new(0x1234_ABCD_330E))
    }

    pub(crate) fn seed(&self, seed: i32) {
        let high = u64::from(seed as u32);
        self.0.store(high << 16 | Prng::SEED_LOW, Ordering::Relaxed);
    }

    /// The next number, in `0..2^31`.
    pub(crate) fn next(&self) -> i32 {
        let step = |state: u64| {
            state
                .wrapping_mul(Prng::MULTIPLIER)
                .wrapping_add(Prng::INCREMENT)
                & Prng::MASK
        };
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
                Some(step(state))
            });
        let (Ok(before) | Err(before)) = before;
        (step(before) >> 17) as i32
    }

    /// The next number as Redis scales it, in `0..1`.
    pub(crate) fn next_unit(&self) -> f64 {
        let largest = i32::MAX;
        f64::from(self.next() % largest) / f64::from(largest)
    }
}
