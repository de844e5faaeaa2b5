//! The limiter and its verbs.

use std::sync::Arc;
use std::time::Duration;

use super::check::{Check, Reset};
use super::fallback::OnStoreError;
use super::op::Subject;
use super::policy::Policy;
use crate::store::{KeySpace, Result, Store};

/// The version of the layout of keys and states.
const LAYOUT: u32 = 1;

/// A limiter stands in front of every request, so what it may add to one is bounded tightly.
const DEADLINE: Duration = Duration::from_millis(100);

/// Keeps a policy for any number of subjects. Cheap to clone; clones limit together, as do all
/// limiters of the same policy on the same store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use redstart::Store;
/// use redstart::limiter::{Limiter, Policy, Quota};
///
/// let store = Store::open("memory:").await?;
/// let limiter = Limiter::new(&store, Policy::new("signup", Quota::per_hour(3))?);
/// for _ in 0..3 {
///     assert!(limiter.check("203.0.113.7").await?.allowed);
/// }
/// let refusal = limiter.check("203.0.113.7").await?;
/// assert!(!refusal.allowed);
/// assert_eq!(refusal.remaining, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Limiter {
    store: Store,
    policy: Arc<Policy>,
    keys: Arc<KeySpace>,
    deadline: Duration,
    on_store_error: Option<OnStoreError>,
}

impl Limiter {
    /// A limiter that keeps this policy on this store.
    pub fn new(store: &Store, policy: Policy) -> Limiter {
        let keys = KeySpace::new(store.namespace(), "limiter", LAYOUT);
        let keys = keys.within(policy.name().as_bytes());
        Limiter {
            keys: Arc::new(keys),
            store: store.clone(),
            policy: Arc::new(policy),
            deadline: DEADLINE,
            on_store_error: None,
        }
    }

    /// How long the store has to answer, 100 ms unless told otherwise. The embedded engine answers
    /// on the spot.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Limiter {
        self.deadline = deadline;
        self
    }

    /// What to decide when the store does not. Without this, a check that the store does not
    /// answer is an error.
    #[must_use]
    pub fn on_store_error(mut self, decision: OnStoreError) -> Limiter {
        self.on_store_error = Some(decision);
        self
    }

    /// Asks whether the subject may go on, and takes from its quota if so: 1, unless
    /// [`cost`](Check::cost) says otherwise. Whoever is limited is a subject: a user, a tenant, an
    /// address.
    pub fn check(&self, subject: impl AsRef<[u8]>) -> Check<'_> {
        Check::new(self, subject.as_ref(), true)
    }

    /// Asks the same without taking anything.
    pub fn peek(&self, subject: impl AsRef<[u8]>) -> Check<'_> {
        Check::new(self, subject.as_ref(), false)
    }

    /// Forgets what the subject has used.
    pub fn reset(&self, subject: impl AsRef<[u8]>) -> Reset<'_> {
        Reset::new(self, subject.as_ref())
    }

    /// The policy it keeps.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn shared_policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn within(&self) -> Duration {
        self.deadline
    }

    pub(super) fn fallback(&self) -> Option<OnStoreError> {
        self.on_store_error
    }

    pub(super) fn subject(&self, subject: &[u8]) -> Result<Subject> {
        Ok(Subject::new(&self.keys, &self.policy, subject)?)
    }
}
