//! Events that took longer than `latency-monitor-threshold`: LATENCY.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::shim::Mutex;

/// Slow events of an engine. Off unless a threshold is set.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Milliseconds from which an event is noted; zero for none.
    pub(crate) threshold_ms: AtomicU64,
    events: Mutex<BTreeMap<&'static str, Series>>,
}

/// One event over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Series {
    /// Seconds since 1970 and milliseconds, the oldest first.
    pub(crate) samples: VecDeque<(u64, u64)>,
    /// The longest ever.
    pub(crate) max_ms: u64,
}

/// As many as Redis keeps of each event.
const SAMPLES_MAX: usize = 160;

impl Latency {
    /// Whether anything is noted at all.
    pub(crate) fn is_on(&self) -> bool {
        self.threshold_ms.load(Ordering::Relaxed) > 0
    }

    /// Notes that `event` took so long, if that is long enough to be noted. Of the events of one
    /// second the longest is kept.
    pub(crate) fn note(&self, event: &'static str, at_s: u64, usec: u64) {
        let threshold_ms = self.threshold_ms.load(Ordering::Relaxed);
        let ms = usec / 1_000;
        if threshold_ms == 0 || ms < threshold_ms {
            return;
        }
        let mut events = self.events.lock();
        let series = events.entry(event).or_default();
        series.max_ms = series.max_ms.max(ms);
        match series.samples.back_mut() {
            Some((second, longest)) if *second == at_s => *longest = ms.max(*longest),
            _ => {
                if series.samples.len() == SAMPLES_MAX {
                    series.samples.pop_front();
                }
                series.samples.push_back((at_s, ms));
            }
        }
    }

    /// All events noted, by their names.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, Series> {
        self.events.lock().clone()
    }

    /// One event.
    pub(crate) fn of(&self, event: &[u8]) -> Option<Series> {
        let events = self.events.lock();
        let found = events.iter().find(|(name, _)| name.as_bytes() == event);
        found.map(|(_, series)| series.clone())
    }

    /// Forgets the events that are `wanted`; how many.
    pub(crate) fn forget(&self, wanted: impl Fn(&str) -> bool) -> usize {
        let mut events = self.events.lock();
        let before = events.len();
        events.retain(|name, _| !wanted(name));
        before - events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_long_enough_is_noted_and_once_a_second() {
        let latency = Latency::default();
        latency.note("command", 1, 9_000_000);
        assert!(latency.all().is_empty());
        latency.threshold_ms.store(5, Ordering::Relaxed);
        for (at_s, usec) in [(1, 4_999), (2, 5_000), (2, 9_000), (2, 7_000), (3, 6_000)] {
            latency.note("command", at_s, usec);
        }
        let series = latency.of(b"command").expect("it was noted");
        assert_eq!(series.samples, [(2, 9), (3, 6)]);
        assert_eq!(series.max_ms, 9);
        for at_s in 10..1_000 {
            latency.note("command", at_s, 5_000);
        }
        let series = latency.of(b"command").expect("it was noted");
        assert_eq!(series.samples.len(), SAMPLES_MAX);
        assert_eq!(latency.forget(|name| name == "command"), 1);
    }
}
