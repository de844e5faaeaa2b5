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

#[cfg(test)]
mod tests {
    use super::Prng;

    /// As a redis-server 7.0.15 that has just started draws them.
    #[test]
    fn numbers_are_those_of_redis() {
        let prng = Prng::new();
        let scaled = || (prng.next_unit() * f64::from(i32::MAX)).floor() as i32;
        let first: Vec<i32> = (0..6).map(|_| scaled()).collect();
        let expected = [
            851_401_618,
            1_804_928_587,
            758_783_491,
            959_030_623,
            684_387_517,
            1_903_590_565,
        ];
        assert_eq!(first, expected);
        prng.seed(-1);
        let seeded: Vec<i32> = (0..3).map(|_| scaled()).collect();
        assert_eq!(seeded, [644_300_343, 97_305_740, 768_640_432]);
    }
}
