//! The one clock of a store: wall time, monotonic time and sleeping.
//!
//! Engine, deadlines and periodic work of one store read the same [`Time`], so that a test can
//! travel: it opens the store with a [`SimulatedTime`], advances it, and everything that was due
//! happens, without anybody having waited. This is the only file that asks the operating system.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

/// A clock that can be slept on. Cheap to clone; clones share the clock.
#[derive(Clone)]
pub struct Time {
    source: Source,
}

#[derive(Clone)]
enum Source {
    System,
    Simulated(Arc<Simulation>),
}

impl Time {
    /// The operating system's clock.
    pub const fn system() -> Time {
        Time {
            source: Source::System,
        }
    }

    /// Microseconds since 1970 by the wall clock, which may jump.
    pub fn unix_us(&self) -> u64 {
        match &self.source {
            Source::System => system::unix_us(),
            Source::Simulated(simulation) => simulation.state.lock().unix_us,
        }
    }

    /// Microseconds since 1970 as of some recent look at the clock, for what need not be exact.
    #[cfg(feature = "embedded")]
    pub(crate) fn recent_unix_us(&self) -> u64 {
        match &self.source {
            Source::System => system::recent_unix_us(),
            Source::Simulated(_) => self.unix_us(),
        }
    }

    /// Time since some fixed moment by a clock that never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.source {
            Source::System => system::monotonic(),
            Source::Simulated(simulation) => simulation.state.lock().monotonic,
        }
    }

    /// Completes when [`monotonic`](Time::monotonic) has reached `deadline`. Dropping the future
    /// is the only thing needed to give up.
    ///
    /// # Panics
    ///
    /// On the system's clock: outside a tokio runtime with its time driver enabled.
    pub async fn sleep_until(&self, deadline: Duration) {
        match &self.source {
            Source::System => tokio::time::sleep_until(system::instant(deadline)).await,
            Source::Simulated(simulation) => {
                Sleep {
                    simulation: Arc::clone(simulation),
                    deadline,
                    place: None,
                }
                .await;
            }
        }
    }

    /// Completes after `duration`.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.monotonic().saturating_add(duration))
            .await;
    }

    /// Whether both read one clock.
    #[cfg(feature = "embedded")]
    pub(crate) fn is_same(&self, other: &Time) -> bool {
        match (&self.source, &other.source) {
            (Source::System, Source::System) => true,
            (Source::Simulated(one), Source::Simulated(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Default for Time {
    fn default() -> Time {
        Time::system()
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Source::System => "Time(system)",
            Source::Simulated(_) => "Time(simulated)",
        })
    }
}

/// A clock that moves only when told to, for tests that travel in time.
///
/// ```
/// use std::time::Duration;
/// use redstart::store::SimulatedTime;
///
/// let simulated = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
/// let time = simulated.time();
/// simulated.advance(Duration::from_millis(5));
/// assert_eq!(time.unix_us(), 1_700_000_000_005_000);
/// ```
#[derive(Clone)]
pub struct SimulatedTime {
    simulation: Arc<Simulation>,
}

impl SimulatedTime {
    /// A clock whose wall time starts at `since_1970`.
    pub fn starting_at(since_1970: Duration) -> SimulatedTime {
        let state = State {
            unix_us: whole_us(since_1970),
            monotonic: Duration::ZERO,
            sleepers: Sleepers::default(),
        };
        SimulatedTime {
            simulation: Arc::new(Simulation {
                state: Mutex::new(state),
            }),
        }
    }

    /// The clock to hand to a store.
    pub fn time(&self) -> Time {
        Time {
            source: Source::Simulated(Arc::clone(&self.simulation)),
        }
    }

    /// Lets time pass, and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.simulation.state.lock();
            state.unix_us = state.unix_us.saturating_add(whole_us(by));
            state.monotonic = state.monotonic.saturating_add(by);
            let now = state.monotonic;
            state.sleepers.take_due(now)
        };
        for waker in due {
            waker.wake();
        }
    }

    /// Lets time pass until the next sleeper is due; says whether there is one.
    #[cfg(test)]
    pub(crate) fn advance_to_next(&self) -> bool {
        let (next, now) = {
            let state = self.simulation.state.lock();
            let next = state.sleepers.by_deadline.first_key_value();
            (next.map(|((deadline, _), _)| *deadline), state.monotonic)
        };
        if let Some(next) = next {
            self.advance(next.saturating_sub(now));
        }
        next.is_some()
    }

    /// Sets the wall clock back, as an administrator or a failover to a skewed machine does. The
    /// monotonic clock stays where it is.
    pub fn turn_back(&self, by: Duration) {
        let mut state = self.simulation.state.lock();
        state.unix_us = state.unix_us.saturating_sub(whole_us(by));
    }
}

impl fmt::Debug for SimulatedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.simulation.state.lock();
        f.debug_struct("SimulatedTime")
            .field("unix_us", &state.unix_us)
            .field("monotonic", &state.monotonic)
            .finish_non_exhaustive()
    }
}

struct Simulation {
    state: Mutex<State>,
}

struct State {
    unix_us: u64,
    monotonic: Duration,
    sleepers: Sleepers,
}

/// Wakers by deadline; the number tells apart those with equal deadlines.
#[derive(Default)]
struct Sleepers {
    by_deadline: BTreeMap<(Duration, u64), Waker>,
    next: u64,
}

impl Sleepers {
    fn take_due(&mut self, now: Duration) -> Vec<Waker> {
        let later = self.by_deadline.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.by_deadline, later)
            .into_values()
            .collect()
    }
}

/// Waits for a deadline of a simulation. Its place among the sleepers is given up on drop.
struct Sleep {
    simulation: Arc<Simulation>,
    deadline: Duration,
    place: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let simulation = Arc::clone(&self.simulation);
        let mut state = simulation.state.lock();
        if state.monotonic >= self.deadline {
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| {
            state.sleepers.next += 1;
            state.sleepers.next
        });
        state
            .sleepers
            .by_deadline
            .insert((self.deadline, place), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.simulation
                .state
                .lock()
                .sleepers
                .by_deadline
                .remove(&(self.deadline, place));
        }
    }
}

fn whole_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The operating system's clocks.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's clocks"
)]
mod system {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant, SystemTime};

    static RECENT_UNIX_US: AtomicU64 = AtomicU64::new(0);

    pub(super) fn unix_us() -> u64 {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let unix_us = super::whole_us(since_1970.unwrap_or_default());
        RECENT_UNIX_US.store(unix_us, Ordering::Relaxed);
        unix_us
    }

    #[cfg(feature = "embedded")]
    pub(super) fn recent_unix_us() -> u64 {
        match RECENT_UNIX_US.load(Ordering::Relaxed) {
            0 => unix_us(),
            recent => recent,
        }
    }

    pub(super) fn monotonic() -> Duration {
        start().elapsed()
    }

    /// The moment at which the monotonic clock shows this, as tokio sees it. What is too far away
    /// to be named is as far away as tokio's own longest sleep.
    pub(super) fn instant(monotonic: Duration) -> tokio::time::Instant {
        const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
        let (start, far) = (start(), monotonic.min(FAR));
        start.checked_add(far).unwrap_or(start).into()
    }

    fn start() -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_700_000_000);

    #[tokio::test]
    async fn a_simulated_sleeper_wakes_exactly_when_its_time_has_come() {
        let simulated = SimulatedTime::starting_at(START);
        let time = simulated.time();
        let sleeper = tokio::spawn(async move { time.sleep(Duration::from_secs(10)).await });
        tokio::task::yield_now().await;
        simulated.advance(Duration::from_micros(9_999_999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        simulated.advance(Duration::from_micros(1));
        sleeper.await.unwrap();
    }

    #[tokio::test]
    async fn a_sleeper_that_gives_up_leaves_nothing_behind() {
        let simulated = SimulatedTime::starting_at(START);
        let time = simulated.time();
        let sleeper = tokio::spawn(async move { time.sleep(Duration::from_secs(10)).await });
        tokio::task::yield_now().await;
        assert_eq!(
            simulated.simulation.state.lock().sleepers.by_deadline.len(),
            1
        );
        sleeper.abort();
        assert!(sleeper.await.unwrap_err().is_cancelled());
        assert_eq!(
            simulated.simulation.state.lock().sleepers.by_deadline.len(),
            0
        );
    }

    #[test]
    fn turning_back_moves_the_wall_clock_only() {
        let simulated = SimulatedTime::starting_at(START);
        let time = simulated.time();
        simulated.advance(Duration::from_secs(5));
        simulated.turn_back(Duration::from_secs(3600));
        assert_eq!(time.monotonic(), Duration::from_secs(5));
        assert_eq!(time.unix_us(), 1_699_996_405_000_000);
    }

    #[test]
    fn the_system_clock_goes_forward() {
        let time = Time::system();
        let (wall, monotonic) = (time.unix_us(), time.monotonic());
        assert!(wall > 1_600_000_000_000_000);
        assert!(time.monotonic() >= monotonic);
    }
}
