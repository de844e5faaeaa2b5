//! How long to wait for a real process: the only file of the kit that reads a clock or sleeps.
#![allow(
    clippy::disallowed_methods,
    reason = "a server in another process lives in real time"
)]

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at something that has no way to tell us.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Between two looks that cost the servers something.
const LOOK_AGAIN_AT_ALL: Duration = Duration::from_millis(15);

/// A moment after which waiting has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The moment that is `length` away.
    pub(crate) fn after(length: Duration) -> Deadline {
        Deadline(Instant::now() + length)
    }

    /// What is left until then; nothing once it is over.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub(crate) fn is_over(self) -> bool {
        self.left().is_zero()
    }
}

/// Waits a moment: connecting to a server and reaping it cannot be waited for, only tried again.
pub(crate) fn look_again() {
    thread::sleep(LOOK_AGAIN);
}

/// Looks again and again until there is something, or an error, or the time is over (`None`).
pub(crate) fn poll<T, E>(
    within: Duration,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let until = Deadline::after(within);
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if until.is_over() {
            return Ok(None);
        }
        look_again();
    }
}

/// Looks at a whole deployment until nothing is amiss; else returns what last was.
pub(crate) fn until_nothing_is_amiss<E>(
    within: Duration,
    mut look: impl FnMut() -> Result<Vec<String>, E>,
) -> Result<Vec<String>, E> {
    let until = Deadline::after(within);
    loop {
        let amiss = look()?;
        if amiss.is_empty() || until.is_over() {
            return Ok(amiss);
        }
        thread::sleep(LOOK_AGAIN_AT_ALL);
    }
}

/// Waits until something is so, looking every few milliseconds, and panics if it is not so in time:
/// for what a test cannot be told, such as the end of a process.
///
/// ```
/// # use std::sync::atomic::{AtomicBool, Ordering};
/// # static DONE: AtomicBool = AtomicBool::new(true);
/// use std::time::Duration;
///
/// redstart_testkit::wait_until("the job is done", Duration::from_secs(20), || {
///     DONE.load(Ordering::Relaxed)
/// });
/// ```
#[track_caller]
pub fn wait_until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let until = Deadline::after(within);
    while !is_so() {
        assert!(!until.is_over(), "waited {within:?} in vain until {what}");
        look_again();
    }
}
