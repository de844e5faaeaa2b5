//! How many different elements registers tell of.
//!
//! After Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017). It
//! needs no correction by tables, and only sums, products and square roots, which are the same
//! everywhere.

use super::REGISTERS;
use super::hash::RANK_BITS;

/// One half of 1/ln(2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

const RANK_MAX: usize = RANK_BITS as usize + 1;

/// How many registers have each rank, including those that no hash proposes.
#[derive(Clone, Debug)]
pub(super) struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([0; 64])
    }
}

impl Histogram {
    /// One more register has this rank.
    pub(super) fn add(&mut self, rank: u8) {
        self.add_many(rank, 1);
    }

    /// So many more registers have this rank.
    pub(super) fn add_many(&mut self, rank: u8, registers: usize) {
        self.0[usize::from(rank)] += registers as u32;
    }

    /// The estimate.
    pub(super) fn count(&self) -> u64 {
        let all = REGISTERS as f64;
        let share = |rank: usize| f64::from(self.0[rank]) / all;
        let saturated = (all - f64::from(self.0[RANK_MAX])) / all;
        let inner = (1..RANK_MAX).rev().fold(all * tau(saturated), |sum, rank| {
            (sum + f64::from(self.0[rank])) * 0.5
        });
        let sum = inner + all * sigma(share(0));
        rounded(ALPHA * all * all / sum)
    }
}

/// What registers that have seen nothing contribute, by their share.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// What registers that cannot tell more contribute, by the share of the others.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// The nearest integer. What no signed one can hold, as only forged registers give it, is 2^63, as
/// it is on the processors Redis mostly runs on.
fn rounded(estimate: f64) -> u64 {
    const TOO_LARGE: u64 = 1 << 63;
    let rounded = estimate.round();
    match rounded < TOO_LARGE as f64 {
        true => rounded as u64,
        false => TOO_LARGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes() {
        let of = |rank: usize| {
            let mut histogram = Histogram::default();
            histogram.add_many(rank as u8, REGISTERS);
            histogram.count()
        };
        assert_eq!(of(0), 0);
        assert_eq!(of(1), (ALPHA * REGISTERS as f64 * 2.0).round() as u64);
        assert_eq!(of(RANK_MAX), 1 << 63);
        assert_eq!(of(63), 1 << 63);
    }
}
