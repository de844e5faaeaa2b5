//! Questions to a limiter, on their way to the store.

use std::future::IntoFuture;

use super::decision::Decision;
use super::fallback;
use super::limiter::Limiter;
use super::op::{CheckRules, Subject};
use crate::store::{Boxed, Execution, Job, Result, Run, Started};

/// A check being put together; awaiting it asks.
#[derive(Debug)]
#[must_use = "a check does nothing unless awaited"]
pub struct Check<'l> {
    limiter: &'l Limiter,
    subject: Result<Subject>,
    cost: u64,
    take: bool,
}

impl<'l> Check<'l> {
    pub(super) fn new(limiter: &'l Limiter, subject: &[u8], take: bool) -> Check<'l> {
        Check {
            limiter,
            subject: limiter.subject(subject),
            cost: 1,
            take,
        }
    }

    /// How much of the quota it needs. All of it is taken or none. What costs more than a rule's
    /// limit is refused with no time to retry after; what costs nothing is allowed.
    pub fn cost(mut self, cost: u64) -> Check<'l> {
        self.cost = cost;
        self
    }
}

impl<'l> IntoFuture for Check<'l> {
    type Output = Result<Decision>;
    type IntoFuture = Execution<Check<'l>>;

    fn into_future(self) -> Execution<Check<'l>> {
        Execution::new(self)
    }
}

impl<'l> Job for Check<'l> {
    type Output = Result<Decision>;
    type Rest = Boxed<'l, Result<Decision>>;

    fn start(self) -> Started<Self::Output, Self::Rest> {
        let Check {
            limiter,
            subject,
            cost,
            take,
        } = self;
        let subject = match subject {
            Ok(subject) => subject,
            Err(error) => return Started::Done(Err(error)),
        };
        let operation = CheckRules::new(subject, limiter.policy(), cost, take);
        let run = Run::new(limiter.store(), operation, limiter.within());
        let decide = |answer| fallback::decide(limiter.shared_policy(), answer, limiter.fallback());
        match run.start() {
            Started::Done(answer) => Started::Done(decide(answer)),
            Started::Underway(answer) => {
                Started::Underway(Box::pin(async move { decide(answer.await) }))
            }
        }
    }
}

/// A reset on its way; awaiting it does it.
#[derive(Debug)]
#[must_use = "a reset does nothing unless awaited"]
pub struct Reset<'l> {
    limiter: &'l Limiter,
    subject: Result<Subject>,
}

impl<'l> Reset<'l> {
    pub(super) fn new(limiter: &'l Limiter, subject: &[u8]) -> Reset<'l> {
        Reset {
            limiter,
            subject: limiter.subject(subject),
        }
    }
}

impl<'l> IntoFuture for Reset<'l> {
    type Output = Result<()>;
    type IntoFuture = Execution<Reset<'l>>;

    fn into_future(self) -> Execution<Reset<'l>> {
        Execution::new(self)
    }
}

/// One plain command is atomic by itself and needs no script.
impl<'l> Job for Reset<'l> {
    type Output = Result<()>;
    type Rest = Boxed<'l, Result<()>>;

    fn start(self) -> Started<Self::Output, Self::Rest> {
        match self.subject {
            Ok(subject) => self
                .limiter
                .store()
                .command(["DEL"])
                .args(subject.keys())
                .within(self.limiter.within())
                .returning()
                .start(),
            Err(error) => Started::Done(Err(error)),
        }
    }
}
