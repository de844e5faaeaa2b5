//! Whether it is worth waiting for a server that there is no connection to.
//!
//! A server that closes or refuses connections is on its way, up or down: requests wait for the next
//! attempt to connect, if that comes in time. A server that is silent (it hangs, or the network
//! swallows what is sent) may stay so, and each request that waits for it costs its caller a whole
//! deadline. So silence opens the circuit: requests fail at once, and attempts to connect go on as
//! the probes that close it again. One of them waits at the server at almost any time, so that a
//! server that comes back is noticed as soon as it says something.
//!
//! Pure: time is an argument, and the [lane](super::lane) does what is said here.

use std::sync::Arc;
use std::time::Duration;

use crate::store::error::Disconnect;
use crate::store::random::Random;
use crate::store::replay::Backoff;

/// A connection that lived this long was a good one.
const LASTED: Duration = Duration::from_secs(1);

/// Even a lucky draw of the backoff must not make a busy loop.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// What is to be said to requests while there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// The next attempt is made now, or at this time. Why the one before failed, if there was one.
    Hope {
        next: Duration,
        last: Option<Disconnect>,
    },
    /// Nobody is to wait.
    None(Disconnect),
}

impl Outlook {
    /// Why there is no connection, as far as that is known.
    pub(super) fn cause(&self) -> Option<&Disconnect> {
        match self {
            Outlook::Hope { last, .. } => last.as_ref(),
            Outlook::None(cause) => Some(cause),
        }
    }

    /// Whether a request that may wait so long is to wait.
    pub(super) fn is_worth_waiting(&self, deadline: Duration) -> bool {
        match self {
            Outlook::Hope { next, .. } => *next < deadline,
            Outlook::None(_) => false,
        }
    }
}

/// What has become of the attempts to reach a server.
#[derive(Debug)]
pub(super) struct Breaker {
    backoff: Backoff,
    /// In a row.
    failures: u32,
    /// When the last attempt was begun.
    begun: Duration,
    last: Option<Disconnect>,
}

impl Breaker {
    pub(super) fn new(random: &Arc<Random>) -> Breaker {
        Breaker {
            backoff: Backoff::new(Duration::from_millis(20), Duration::from_secs(2), random),
            failures: 0,
            begun: Duration::ZERO,
            last: None,
        }
    }

    /// Why there was no connection the last time there was none.
    pub(super) fn last(&self) -> Option<&Disconnect> {
        self.last.as_ref()
    }

    /// An attempt is begun. Only a silent server is not waited for meanwhile.
    pub(super) fn begins(&mut self, now: Duration) -> Outlook {
        self.begun = now;
        match &self.last {
            Some(Disconnect::Silent) => Outlook::None(Disconnect::Silent),
            last => Outlook::Hope {
                next: now,
                last: last.clone(),
            },
        }
    }

    /// An attempt has failed, or the connection that it made is gone. The next attempt is due at
    /// once, or then.
    pub(super) fn ended(
        &mut self,
        now: Duration,
        cause: Disconnect,
    ) -> (Outlook, Option<Duration>) {
        let lasted = now.saturating_sub(self.begun) >= LASTED;
        self.last = Some(cause.clone());
        // A connection that lasted is replaced at once; what fails quickly is tried ever more
        // slowly.
        self.failures = match lasted && cause == Disconnect::Lost {
            true => 0,
            false => self.failures + 1,
        };
        if self.failures == 0 {
            return (self.hope(now), None);
        }
        let pause = self.backoff.pause(self.failures - 1);
        let shortest = now.saturating_add(SHORTEST_PAUSE);
        let next = match cause {
            // The time that it was silent for was pause enough.
            Disconnect::Silent => self.begun.saturating_add(pause).max(shortest),
            _ => now.saturating_add(pause).max(shortest),
        };
        let outlook = match cause {
            Disconnect::Silent | Disconnect::Refused { .. } => Outlook::None(cause),
            _ => self.hope(next),
        };
        (outlook, Some(next))
    }

    fn hope(&self, next: Duration) -> Outlook {
        Outlook::Hope {
            next,
            last: self.last.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(3600);

    fn breaker() -> Breaker {
        Breaker::new(&Arc::new(Random::new()))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_connection_that_lasted_is_replaced_at_once() {
        let mut breaker = breaker();
        assert!(breaker.begins(seconds(0)).is_worth_waiting(seconds(1)));
        let (outlook, next) = breaker.ended(seconds(60), Disconnect::Lost);
        assert_eq!(next, None);
        assert!(outlook.is_worth_waiting(seconds(61)));
        assert_eq!(outlook.cause(), Some(&Disconnect::Lost));
    }

    #[test]
    fn a_server_that_refuses_connections_is_waited_for_if_the_next_attempt_is_in_time() {
        let mut breaker = breaker();
        let (mut now, mut longest) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..50 {
            breaker.begins(now);
            let cause = Disconnect::Unreachable("connection refused".into());
            let (outlook, next) = breaker.ended(now, cause);
            let next = next.unwrap();
            assert!(next > now);
            assert!(!outlook.is_worth_waiting(next));
            assert!(outlook.is_worth_waiting(next + SHORTEST_PAUSE));
            longest = longest.max(next - now);
            now = next;
        }
        assert!(longest > Duration::from_millis(500) && longest < seconds(2));
    }

    #[test]
    fn silence_opens_the_circuit_until_something_is_heard() {
        let mut breaker = breaker();
        breaker.begins(seconds(0));
        let (outlook, next) = breaker.ended(seconds(10), Disconnect::Silent);
        assert_eq!(outlook, Outlook::None(Disconnect::Silent));
        let mut now = next.unwrap();
        for _ in 0..50 {
            // Probes do not close it: only an answer does.
            assert!(!breaker.begins(now).is_worth_waiting(FAR));
            now += seconds(2);
            let (outlook, next) = breaker.ended(now, Disconnect::Silent);
            assert!(!outlook.is_worth_waiting(FAR));
            // A probe that took long is followed by the next at once.
            assert_eq!(next, Some(now + SHORTEST_PAUSE));
            now = next.unwrap();
        }

        // A refusal is something heard: the server is on its way.
        breaker.begins(now);
        let refused = Disconnect::Unreachable("connection refused".into());
        let (outlook, _) = breaker.ended(now, refused);
        assert!(outlook.is_worth_waiting(FAR));
        assert!(breaker.begins(now + seconds(2)).is_worth_waiting(FAR));

        // So is a connection, however short it lived.
        breaker.begins(now);
        breaker.ended(now + seconds(2), Disconnect::Silent);
        breaker.begins(now + seconds(2));
        let (outlook, _) = breaker.ended(now + seconds(2), Disconnect::Lost);
        assert!(outlook.is_worth_waiting(FAR));
    }

    #[test]
    fn who_is_not_let_in_does_not_wait_but_tries_again() {
        let mut breaker = breaker();
        breaker.begins(seconds(0));
        let refused = Disconnect::Refused {
            code: "WRONGPASS".into(),
            text: "invalid password".into(),
        };
        let (outlook, next) = breaker.ended(seconds(0), refused.clone());
        assert!(!outlook.is_worth_waiting(FAR));
        let again = breaker.begins(next.unwrap());
        assert!(again.is_worth_waiting(FAR));
        assert_eq!(again.cause(), Some(&refused));
    }
}
