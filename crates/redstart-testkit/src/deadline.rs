//! How long to wait for a real process: the only file of the kit that reads a clock or sleeps.
#![allow(
    clippy::disallowed_methods,
    reason = "a server in another process lives in real time"
)]

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at something that has no way to tell us.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

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
