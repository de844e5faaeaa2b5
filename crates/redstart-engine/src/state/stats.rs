//! What INFO tells besides the shards' own counters: traffic, peaks, and what goes on per second.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::shim::Mutex;

/// Figures of a whole engine.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    rejected_connections: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    peak_memory: AtomicU64,
    rates: Mutex<Rates>,
}

/// How much went on lately, each second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerSecond {
    pub(crate) commands: u64,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
}

impl Stats {
    /// Counts a connection that was turned away.
    pub(crate) fn note_rejected_connection(&self) {
        self.rejected_connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn rejected_connections(&self) -> u64 {
        self.rejected_connections.load(Ordering::Relaxed)
    }

    /// Counts bytes that the port has read.
    #[cfg_attr(
        not(feature = "server"),
        allow(dead_code, reason = "called by the port")
    )]
    pub(crate) fn note_received(&self, bytes: usize) {
        self.received_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes that the port has written.
    #[cfg_attr(
        not(feature = "server"),
        allow(dead_code, reason = "called by the port")
    )]
    pub(crate) fn note_sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes read from connections and written to them.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.received_bytes), read(&self.sent_bytes))
    }

    /// Notes how much memory is in use; the highest figure so far.
    pub(crate) fn note_memory(&self, used: u64) -> u64 {
        self.peak_memory
            .fetch_max(used, Ordering::Relaxed)
            .max(used)
    }

    /// To be called regularly with a monotonic clock (microseconds) and the commands executed so
    /// far.
    pub(crate) fn sample(&self, now_us: u64, commands: u64) {
        let (received_bytes, sent_bytes) = self.traffic();
        let totals = PerSecond {
            commands,
            received_bytes,
            sent_bytes,
        };
        self.rates.lock().sample(now_us, totals);
    }

    /// What went on lately.
    pub(crate) fn per_second(&self) -> PerSecond {
        self.rates.lock().mean()
    }

    /// CONFIG RESETSTAT: everything but the peak, as in Redis.
    pub(crate) fn reset(&self) {
        for counter in [
            &self.rejected_connections,
            &self.received_bytes,
            &self.sent_bytes,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        *self.rates.lock() = Rates::default();
    }
}

/// The rates of the last moments. Redis takes the mean of as many.
#[derive(Debug, Default)]
struct Rates {
    recent: [PerSecond; 16],
    next: usize,
    /// When the last sample was taken, and the totals then.
    last: Option<(u64, PerSecond)>,
}

impl Rates {
    const INTERVAL_US: u64 = 100_000;

    fn sample(&mut self, now_us: u64, totals: PerSecond) {
        if let Some((last_us, last)) = self.last {
            let elapsed_us = now_us.saturating_sub(last_us);
            if elapsed_us < Rates::INTERVAL_US {
                return;
            }
            // Totals fall when the statistics are reset in between.
            let rate = |now: u64, before: u64| {
                let rate = u128::from(now.saturating_sub(before)) * 1_000_000;
                u64::try_from(rate / u128::from(elapsed_us)).unwrap_or(u64::MAX)
            };
            self.recent[self.next] = PerSecond {
                commands: rate(totals.commands, last.commands),
                received_bytes: rate(totals.received_bytes, last.received_bytes),
                sent_bytes: rate(totals.sent_bytes, last.sent_bytes),
            };
            self.next = (self.next + 1) % self.recent.len();
        }
        self.last = Some((now_us, totals));
    }

    fn mean(&self) -> PerSecond {
        let mean = |of: fn(&PerSecond) -> u64| {
            self.recent.iter().map(of).sum::<u64>() / self.recent.len() as u64
        };
        PerSecond {
            commands: mean(|rate| rate.commands),
            received_bytes: mean(|rate| rate.received_bytes),
            sent_bytes: mean(|rate| rate.sent_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_told_as_it_is() {
        let stats = Stats::default();
        for tick in 0..=16 {
            stats.note_received(200);
            stats.note_sent(500);
            stats.sample(tick * 100_000, tick * 30);
        }
        let expected = PerSecond {
            commands: 300,
            received_bytes: 2_000,
            sent_bytes: 5_000,
        };
        assert_eq!(stats.per_second(), expected);
        stats.reset();
        assert_eq!(stats.per_second(), PerSecond::default());
    }

    #[test]
    fn samples_in_quick_succession_count_as_one() {
        let stats = Stats::default();
        for tick in 0..=160 {
            stats.sample(tick * 10_000, tick);
        }
        assert_eq!(stats.per_second().commands, 100);
    }

    #[test]
    fn the_peak_stays() {
        let stats = Stats::default();
        assert_eq!(stats.note_memory(100), 100);
        assert_eq!(stats.note_memory(40), 100);
    }
}
