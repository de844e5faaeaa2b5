//! What to do when the store does not answer.

use std::sync::Arc;

use super::decision::{Decision, Verdict};
use super::policy::Policy;
use crate::store::{Error, Result};

/// What a limiter decides when the store does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnStoreError {
    /// Let pass: the service stays up and is not limited. The decision's source is
    /// [`Source::FailedOpen`](super::Source::FailedOpen).
    Open,
    /// Refuse: the limit holds and the service is down. The decision's source is
    /// [`Source::FailedClosed`](super::Source::FailedClosed).
    Closed,
}

/// The decision of the store, or the one agreed for its absence. Without such an agreement, and
/// for what is wrong with the question itself, the error.
pub(super) fn decide(
    policy: &Arc<Policy>,
    answer: Result<Verdict>,
    fallback: Option<OnStoreError>,
) -> Result<Decision> {
    let error = match answer {
        Ok(verdict) => return Ok(Decision::by_store(Arc::clone(policy), verdict)),
        Err(error) => error,
    };
    let Some(fallback) = fallback.filter(|_| !matches!(error, Error::Key(_))) else {
        return Err(error);
    };
    if error.is_unavailable() {
        tracing::debug!(policy = policy.name(), %error, ?fallback, "decided without the store");
    } else {
        // The store is there and something is set up wrongly. It will not pass by itself.
        tracing::error!(policy = policy.name(), %error, ?fallback, "decided without the store");
    }
    Ok(Decision::without_store(
        Arc::clone(policy),
        fallback == OnStoreError::Open,
    ))
}
