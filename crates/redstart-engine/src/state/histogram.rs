//! How long calls took: times in classes that are exact for short ones and within one in 128 for
//! long ones, as the histograms of Redis are.

use std::collections::BTreeMap;

/// A histogram of times up to a second.
///
/// Times are whole microseconds, so there are few different ones and a map is small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// By the lowest nanosecond of the class.
    classes: BTreeMap<u64, u64>,
    calls: u64,
}

/// Redis keeps two significant digits: classes of a 128th to a 256th of what is in them.
const CLASSES_PER_DOUBLING: u64 = 128;
/// Longer than that is as long as that.
const LONGEST_NS: u64 = 1_000_000_000;

impl Histogram {
    /// Notes that `calls` calls took `usec` microseconds each.
    pub(crate) fn add(&mut self, usec: u64, calls: u64) {
        if calls == 0 {
            return;
        }
        let ns = usec.saturating_mul(1_000).clamp(1, LONGEST_NS);
        *self.classes.entry(ns - ns % width(ns)).or_default() += calls;
        self.calls += calls;
    }

    /// How many calls were noted.
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// Nanoseconds within which `percent` of the calls were done.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let share = percent.clamp(0.0, 100.0) / 100.0;
        let wanted = ((share * self.calls as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (&lowest, &calls) in &self.classes {
            seen += calls;
            if seen >= wanted {
                return lowest + width(lowest) - 1;
            }
        }
        0
    }

    /// Pairs of microseconds and how many calls took no longer: limits that about double, those
    /// alone up to which more calls are found than up to the one before.
    pub(crate) fn doublings(&self) -> Vec<(u64, u64)> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        let mut limit: u64 = 1_024;
        let mut seen = 0;
        for (&lowest, &calls) in &self.classes {
            while lowest > limit {
                limit *= 2;
            }
            seen += calls;
            // A limit stands for the class it is in, to the end of it.
            let usec = (limit + width(limit) - 1) / 1_000;
            match found.last_mut() {
                Some((of, count)) if *of == usec => *count = seen,
                _ => found.push((usec, seen)),
            }
        }
        found
    }
}

/// How many nanoseconds fall into the class of `ns`.
fn width(ns: u64) -> u64 {
    match ns / (2 * CLASSES_PER_DOUBLING) {
        0 => 1,
        times => 1 << (times.ilog2() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are those that redis-server 7.0.15 gives for the same times.
    #[test]
    fn percentiles_are_those_of_redis() {
        for (usec, shown) in [
            (0, 1),
            (1, 1_003),
            (2, 2_007),
            (4, 4_015),
            (7, 7_007),
            (9, 9_023),
            (14, 14_015),
            (15, 15_039),
            (17, 17_023),
            (25, 25_087),
            (88, 88_063),
            (272, 272_383),
            (1_146, 1_146_879),
            (10_158, 10_158_079),
        ] {
            let mut histogram = Histogram::default();
            histogram.add(usec, 3);
            assert_eq!(histogram.percentile(99.9), shown, "{usec}");
        }
    }

    #[test]
    fn percentiles_are_by_calls() {
        let mut histogram = Histogram::default();
        histogram.add(1, 98);
        histogram.add(8, 1);
        histogram.add(20, 1);
        let at = |percent| histogram.percentile(percent);
        assert_eq!(at(0.0), 1_003);
        assert_eq!(at(50.0), 1_003);
        assert_eq!(at(99.0), 8_031);
        assert_eq!(at(100.0), 20_095);
    }

    #[test]
    fn limits_double() {
        let mut histogram = Histogram::default();
        for usec in [0, 3, 3, 60, 10_100] {
            histogram.add(usec, 1);
        }
        assert_eq!(
            histogram.doublings(),
            [(1, 1), (4, 3), (66, 4), (16_908, 5)]
        );
    }
}
