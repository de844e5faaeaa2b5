//! What a check answers.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::policy::Policy;

/// Whether something is allowed, and what is left. A refusal is an answer and not an error.
#[derive(Clone, Debug)]
#[must_use = "a decision that nobody looks at limits nothing"]
#[non_exhaustive]
pub struct Decision {
    /// Whether it may go on.
    pub allowed: bool,
    /// The limit of the binding rule: its burst, or what its window allows.
    pub limit: u64,
    /// How much is left in the binding rule.
    pub remaining: u64,
    /// How long to wait before the same would be allowed if nobody else took anything: zero when
    /// allowed, nothing when it never will be because it costs more than a rule's limit.
    pub retry_after: Option<Duration>,
    /// How long until the binding rule is as if it had never been used.
    pub reset_after: Duration,
    /// Who decided.
    pub source: Source,
    policy: Arc<Policy>,
    states: SmallVec<[State; 2]>,
    binding: usize,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The store, by its rules.
    Store,
    /// The store did not answer in time, and the limiter was told to let pass.
    FailedOpen,
    /// The store did not answer in time, and the limiter was told to refuse.
    FailedClosed,
}

/// One rule after a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleState<'d> {
    /// The rule's name.
    pub name: &'d str,
    /// Its burst, or what its window allows.
    pub limit: u64,
    /// How much is left.
    pub remaining: u64,
    /// How long this rule asks to wait: zero when it had no objection, nothing when it always will
    /// have.
    pub retry_after: Option<Duration>,
    /// How long until it is as if it had never been used.
    pub reset_after: Duration,
}

/// What a script reports of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) remaining: u64,
    /// Absent: never.
    pub(super) retry_after_us: Option<u64>,
    pub(super) reset_after_us: u64,
}

/// What the store found out, rule by rule in the policy's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    pub(super) states: SmallVec<[State; 2]>,
}

/// After a refusal for want of an answer. A guess: nobody knows when the store will be back.
const RETRY_WITHOUT_STORE: Duration = Duration::from_secs(1);

impl Decision {
    pub(super) fn by_store(policy: Arc<Policy>, verdict: Verdict) -> Decision {
        let Verdict { allowed, states } = verdict;
        let binding = binding_rule(allowed, &states);
        let state = states[binding];
        Decision {
            allowed,
            limit: policy.rules()[binding].limit,
            remaining: state.remaining,
            retry_after: state.retry_after_us.map(Duration::from_micros),
            reset_after: Duration::from_micros(state.reset_after_us),
            source: Source::Store,
            policy,
            states,
            binding,
        }
    }

    pub(super) fn without_store(policy: Arc<Policy>, allowed: bool) -> Decision {
        Decision {
            allowed,
            limit: policy
                .rules()
                .iter()
                .map(|rule| rule.limit)
                .min()
                .unwrap_or_default(),
            remaining: 0,
            retry_after: Some(if allowed {
                Duration::ZERO
            } else {
                RETRY_WITHOUT_STORE
            }),
            reset_after: Duration::ZERO,
            source: if allowed {
                Source::FailedOpen
            } else {
                Source::FailedClosed
            },
            policy,
            states: SmallVec::new(),
            binding: 0,
        }
    }

    /// The policy that was asked.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The rule that decided: after a refusal the one with the longest wait, otherwise the one
    /// with the least left. None when the store did not answer.
    pub fn binding(&self) -> Option<RuleState<'_>> {
        self.rules().nth(self.binding)
    }

    /// All rules, in the policy's order. None when the store did not answer.
    pub fn rules(&self) -> impl Iterator<Item = RuleState<'_>> {
        self.policy
            .rules()
            .iter()
            .zip(&self.states)
            .map(|(rule, state)| RuleState {
                name: &rule.name,
                limit: rule.limit,
                remaining: state.remaining,
                retry_after: state.retry_after_us.map(Duration::from_micros),
                reset_after: Duration::from_micros(state.reset_after_us),
            })
    }
}

/// The first of those that bind equally.
fn binding_rule(allowed: bool, states: &[State]) -> usize {
    let mut binding = 0;
    for (index, state) in states.iter().enumerate().skip(1) {
        let bound = &states[binding];
        let binds_more = if allowed {
            state.remaining < bound.remaining
        } else {
            // Never is longer than any wait.
            state.retry_after_us.unwrap_or(u64::MAX) > bound.retry_after_us.unwrap_or(u64::MAX)
        };
        if binds_more {
            binding = index;
        }
    }
    binding
}
