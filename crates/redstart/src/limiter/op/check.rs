//! The check: a cost against all rules of a policy.

#[cfg(feature = "embedded")]
use redstart_engine::StringView;
use redstart_protocol::Value;
use smallvec::SmallVec;

#[cfg(any(feature = "embedded", test))]
use super::gcra;
use super::subject::Subject;
use crate::limiter::decision::{State, Verdict};
use crate::limiter::policy::{Policy, Shape};
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// Takes a cost from every rule or from none; or looks whether it would.
#[derive(Clone, Debug)]
pub(in crate::limiter) struct CheckRules<'p> {
    subject: Subject,
    policy: &'p Policy,
    cost: u64,
    take: bool,
}

/// Above every limit, and exact in a script.
const MAX_COST: u64 = (1 << 53) - 1;

impl<'p> CheckRules<'p> {
    pub(in crate::limiter) fn new(
        subject: Subject,
        policy: &'p Policy,
        cost: u64,
        take: bool,
    ) -> CheckRules<'p> {
        CheckRules {
            subject,
            policy,
            cost: cost.min(MAX_COST),
            take,
        }
    }

    /// What the check of GCRA rules comes to. The policy has no others.
    #[cfg(any(feature = "embedded", test))]
    pub(in crate::limiter) fn outcome(
        &self,
        numbers: impl Iterator<Item = u64>,
        now_us: u64,
    ) -> gcra::Outcome {
        gcra::check(
            self.policy.gcra_rules(),
            numbers,
            now_us,
            self.cost,
            self.take,
        )
    }

    #[cfg(test)]
    pub(in crate::limiter) fn takes(&self) -> bool {
        self.take
    }
}

impl Operation for CheckRules<'_> {
    type Output = Verdict;

    const NAME: OperationName = OperationName::named("limiter.check");

    const SCRIPT: &'static Script = {
        static CHECK: Script = Script::new(include_str!("check.lua"));
        &CHECK
    };

    fn replay(&self) -> Replay {
        if self.take {
            Replay::Never
        } else {
            Replay::Read
        }
    }

    fn keys(&self) -> &[Key] {
        self.subject.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.cost.append_to(arguments);
        u8::from(self.take).append_to(arguments);
        self.policy.gcra_rules().len().append_to(arguments);
        self.policy.log_rules().len().append_to(arguments);
        for rule in self.policy.gcra_rules() {
            rule.unit.append_to(arguments);
            rule.rate.append_to(arguments);
            rule.capacity.append_to(arguments);
        }
        for rule in self.policy.log_rules() {
            rule.limit.append_to(arguments);
            rule.window_us.append_to(arguments);
        }
    }

    fn decode(&self, reply: Value) -> Result<Verdict, Mismatch> {
        let numbers = Vec::<i64>::from_value(reply)?;
        let rules = self.policy.rules();
        let (first, states) = numbers.split_first().ok_or(MISCOUNTED)?;
        if states.len() != 3 * rules.len() {
            return Err(MISCOUNTED);
        }
        let (mut gcra, mut log) = states.split_at(3 * self.policy.gcra_rules().len());
        let mut in_order = SmallVec::new();
        for rule in rules {
            let rest = match rule.shape {
                Shape::Gcra(_) => &mut gcra,
                Shape::Log(_) => &mut log,
            };
            let (numbers, others) = rest.split_first_chunk::<3>().ok_or(MISCOUNTED)?;
            *rest = others;
            in_order.push(state(*numbers));
        }
        Ok(Verdict {
            allowed: *first == 1,
            states: in_order,
        })
    }

    /// Policies of GCRA rules alone, which is what limiters keep all day.
    #[cfg(feature = "embedded")]
    fn native(&self, client: &mut redstart_engine::Client) -> Option<Result<Verdict, Value>> {
        let [states] = self.subject.keys() else {
            return None;
        };
        if !self.policy.log_rules().is_empty() {
            return None;
        }
        let verdict = client.with_string(states.as_bytes(), |slot| {
            let now_us = slot.now_us();
            let outcome = slot.read(|states| match states {
                None => self.outcome(std::iter::empty(), now_us),
                // The digits of a number below zero are those of its magnitude.
                Some(StringView::Int(number)) => {
                    self.outcome(std::iter::once(number.unsigned_abs()), now_us)
                }
                Some(StringView::Bytes(text)) => self.outcome(gcra::Numbers(text), now_us),
            })?;
            if let Some(write) = outcome.write {
                let states = match &write.states {
                    gcra::States::Number(number) => StringView::Int(*number),
                    gcra::States::Text(text) => StringView::Bytes(text),
                };
                slot.set(states, write.expire_at_ms - now_us / 1000)?;
            }
            Ok(outcome.verdict)
        });
        Some(verdict.flatten())
    }
}

const MISCOUNTED: Mismatch = Mismatch {
    expected: "three numbers for each rule",
    got: "another number of them",
};

fn state([remaining, retry_after_us, reset_after_us]: [i64; 3]) -> State {
    State {
        remaining: u64::try_from(remaining).unwrap_or(0),
        retry_after_us: u64::try_from(retry_after_us).ok(),
        reset_after_us: u64::try_from(reset_after_us).unwrap_or(0),
    }
}
