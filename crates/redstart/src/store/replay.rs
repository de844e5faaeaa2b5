//! Asking again: what repeating a request would do, and how long to wait before.

use std::sync::Arc;
use std::time::Duration;

use super::error::Failure;
use super::random::Random;
use super::time::Time;

pub use redstart_protocol::facts::Replay;

/// Whether a request that failed like this may be sent again without a second effect.
pub(crate) fn may_repeat(replay: Replay, failure: Failure) -> bool {
    match failure {
        Failure::NotSent | Failure::NotExecuted => true,
        Failure::Unknown => replay != Replay::Never,
        Failure::Failed => false,
    }
}

/// The time a request was given, and when that ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// On the store's monotonic clock.
    pub(crate) at: Duration,
    pub(crate) within: Duration,
}

impl Deadline {
    pub(crate) fn within(within: Duration, time: &Time) -> Deadline {
        Deadline {
            at: time.monotonic().saturating_add(within),
            within,
        }
    }
}

/// Pauses that double from one attempt to the next, each drawn between nothing and its bound, so
/// that clients that failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    random: Arc<Random>,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration, random: &Arc<Random>) -> Backoff {
        Backoff {
            first,
            longest,
            random: Arc::clone(random),
        }
    }

    /// The pause before the attempt with this number, counted from 0.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let bound = self
            .first
            .saturating_mul(1 << attempt.min(16))
            .min(self.longest);
        let bound_us = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.random.below(bound_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_repeated_only_where_twice_is_once() {
        assert!(may_repeat(Replay::Never, Failure::NotSent));
        assert!(may_repeat(Replay::Never, Failure::NotExecuted));
        assert!(!may_repeat(Replay::Never, Failure::Unknown));
        assert!(may_repeat(Replay::Idempotent, Failure::Unknown));
        assert!(may_repeat(Replay::Read, Failure::Unknown));
        assert!(!may_repeat(Replay::Read, Failure::Failed));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let (first, longest) = (Duration::from_millis(20), Duration::from_millis(500));
        let backoff = Backoff::new(first, longest, &Arc::new(Random::new()));
        let longest = |attempt| (0..200).map(|_| backoff.pause(attempt)).max().unwrap();
        assert!(longest(0) < Duration::from_millis(20));
        assert!(longest(0) > Duration::from_millis(10));
        assert!(longest(40) < Duration::from_millis(500));
        assert!(longest(40) > Duration::from_millis(250));
    }
}
