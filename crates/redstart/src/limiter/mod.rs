//! Rate limiting: at most so many, for each user, tenant or address, however many processes ask.
//!
//! **Promise.** A [`Limiter`] never admits more than its [`Policy`] says, whoever asks and from
//! wherever: each check is one atomic step on the store, in the server's time, in exact integer
//! arithmetic. All rules of a policy are taken from together or not at all, and a refusal costs the
//! subject nothing. What the promise leaves out: a failover of the server may forget the checks
//! its replica had not received yet, and a limiter told to let requests pass while the store is
//! away does so.
//!
//! **Cost.** One round trip a check, one key a subject (two if the policy has both kinds of
//! rules), gone by itself when nothing is owed.
//!
//! **Not for** a bound on what happens at the same time (that is a semaphore), nor for quotas that
//! must survive the loss of the store.
//!
//! The guide is `docs/limiter.md`.

mod check;
mod decision;
mod fallback;
#[expect(
    clippy::module_inception,
    reason = "every room has its thing in a file of its name"
)]
mod limiter;
#[cfg(test)]
mod model;
mod op;
mod policy;
#[cfg(test)]
mod tests;

pub use check::{Check, Reset};
pub use decision::{Decision, RuleState, Source};
pub use fallback::OnStoreError;
pub use limiter::Limiter;
pub use policy::{MAX_LOG_LIMIT, MAX_RULES, Policy, PolicyBuilder, PolicyError, Quota};
