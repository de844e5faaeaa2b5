//! The keys of a subject.
//!
//! GCRA rules of a policy share one string, log rules share one list. A policy with rules of one
//! kind has one key. One with both has two in one slot, so that a check takes from all or none:
//! one key for both would have to be a list with the other states as its first element, at three
//! more commands a check, to save some 70 bytes for policies that are rare.

use smallvec::SmallVec;

use crate::limiter::policy::Policy;
use crate::store::{Key, KeyError, KeySpace};

/// `namespace:limiter:v1:{policy:subject}:fingerprint`, and the same with `.log`.
#[derive(Clone, Debug)]
pub(in crate::limiter) struct Subject {
    keys: SmallVec<[Key; 1]>,
}

impl Subject {
    /// In the space of the policy's name.
    pub(in crate::limiter) fn new(
        space: &KeySpace,
        policy: &Policy,
        subject: &[u8],
    ) -> Result<Subject, KeyError> {
        let key = space.key(&[subject])?.with_role(policy.fingerprint());
        let (states, log) = (
            !policy.gcra_rules().is_empty(),
            !policy.log_rules().is_empty(),
        );
        let mut keys = SmallVec::new();
        if states && log {
            keys.push(key.clone());
        }
        keys.push(if log { key.with_suffix(".log") } else { key });
        Ok(Subject { keys })
    }

    /// The states of GCRA rules first, the log last.
    pub(in crate::limiter) fn keys(&self) -> &[Key] {
        &self.keys
    }
}
