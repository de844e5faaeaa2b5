//! Time as an argument: the only file of the engine that reads the system's clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the engine takes its time from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Microseconds since 1970 (UTC). May jump, as system clocks do.
    fn now_us(&self) -> u64;

    /// Microseconds since some fixed moment. Never goes back.
    fn monotonic_us(&self) -> u64;

    /// Microseconds since 1970 as of a recent reading: cheap, at most a tick old on a busy engine.
    fn coarse_us(&self) -> u64 {
        self.now_us()
    }
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    recent: AtomicU64,
}

impl SystemClock {
    /// The clock of this machine.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    pub fn new() -> SystemClock {
        let clock = SystemClock {
            start: Instant::now(),
            recent: AtomicU64::new(0),
        };
        clock.now_us();
        clock
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now_us(&self) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        self.recent.store(now, Ordering::Relaxed);
        now
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn coarse_us(&self) -> u64 {
        self.recent.load(Ordering::Relaxed)
    }
}

/// A clock that moves only when told to: for tests that travel in time.
///
/// Clones are handles of the same clock.
#[derive(Clone, Debug)]
pub struct SimulatedClock {
    wall: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl SimulatedClock {
    /// A clock that stands at `now_us` microseconds since 1970.
    pub fn new(now_us: u64) -> SimulatedClock {
        SimulatedClock {
            wall: Arc::new(AtomicU64::new(now_us)),
            monotonic: Arc::default(),
        }
    }

    /// Moves wall and monotonic time forward together.
    pub fn advance(&self, by: std::time::Duration) {
        let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.wall.fetch_add(by, Ordering::SeqCst);
        self.monotonic.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets wall time alone, as an operator or NTP would: forwards or back.
    pub fn set_wall_us(&self, now_us: u64) {
        self.wall.store(now_us, Ordering::SeqCst);
    }
}

impl Clock for SimulatedClock {
    fn now_us(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn monotonic_us(&self) -> u64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}
