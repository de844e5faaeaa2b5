//! What happens, for whatever recorder the program has installed.
//!
//! One counter, `redstart_cache_total`, with two labels: the cache's name and the outcome. There are
//! as many series as caches times outcomes, whatever keys there are. A cache finds the recorder that
//! is installed when it is built.

use metrics::Counter;

use super::outcome::Outcome;

/// A counter for each outcome.
pub(super) struct Metrics {
    counters: Vec<Counter>,
}

impl Metrics {
    pub(super) fn of(cache: &str) -> Metrics {
        let counter = |outcome: &Outcome| {
            let cache = cache.to_owned();
            metrics::counter!("redstart_cache_total", "cache" => cache, "outcome" => outcome.name())
        };
        Metrics {
            counters: Outcome::ALL.iter().map(counter).collect(),
        }
    }

    pub(super) fn add(&self, outcome: Outcome) {
        self.counters[outcome as usize].increment(1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use metrics::{
        CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };
    use parking_lot::Mutex;

    use super::*;

    /// Keeps counters by their name and labels.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<BTreeMap<String, Arc<Count>>>>);

    #[derive(Default)]
    struct Count(AtomicU64);

    impl CounterFn for Count {
        fn increment(&self, by: u64) {
            self.0.fetch_add(by, Ordering::Relaxed);
        }

        fn absolute(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }
    }

    impl Recorder for Kept {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let labels = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let name = format!("{}{:?}", key.name(), labels.collect::<Vec<_>>());
            Counter::from_arc(Arc::clone(self.0.lock().entry(name).or_default()))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn outcomes_are_counted_by_the_cache_and_never_by_the_key() {
        let kept = Kept::default();
        let metrics = metrics::with_local_recorder(&kept, || Metrics::of("pages"));
        metrics.add(Outcome::Hit);
        metrics.add(Outcome::Hit);
        metrics.add(Outcome::FillFenced);
        let kept = kept.0.lock();
        assert_eq!(kept.len(), Outcome::ALL.len());
        let count = |outcome: &str| {
            let labels = ["cache=pages".to_owned(), format!("outcome={outcome}")];
            let name = format!("redstart_cache_total{labels:?}");
            kept[&name].0.load(Ordering::Relaxed)
        };
        assert_eq!(
            (count("hit"), count("fill_fenced"), count("miss")),
            (2, 1, 0)
        );
    }
}
