//! The GCRA rules of a check in Rust: the native twin of that part of `check.lua`.
//!
//! It reads and writes the same state, and a differential test holds both to the same replies,
//! bytes and expiry. It is pure: state in, verdict and new state out.

use smallvec::SmallVec;

use crate::limiter::decision::{State, Verdict};
use crate::limiter::policy::Gcra;

/// What becomes of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::limiter) struct Outcome {
    pub(in crate::limiter) verdict: Verdict,
    /// Absent: nothing is written.
    pub(in crate::limiter) write: Option<Write>,
}

/// The new states of all rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::limiter) struct Write {
    pub(in crate::limiter) states: SmallVec<[u8; 64]>,
    pub(in crate::limiter) expire_at_ms: u64,
}

/// Checks a cost against the rules whose packed states these are.
pub(in crate::limiter) fn check(
    rules: &[Gcra],
    states: &[u8],
    now_us: u64,
    cost: u64,
    take: bool,
) -> Outcome {
    let mut numbers = Numbers { rest: states };
    let mut debts: SmallVec<[u64; 2]> = SmallVec::new();
    let mut verdict = Verdict {
        allowed: true,
        states: SmallVec::new(),
    };
    let mut skewed = false;
    for &rule in rules {
        let owed = debt(rule, &mut numbers, now_us);
        skewed |= owed > i128::from(rule.capacity);
        let debt = u64::try_from(owed.max(0))
            .unwrap_or(u64::MAX)
            .min(rule.capacity);
        let retry_after_us = retry_after(rule, debt, cost);
        verdict.allowed &= retry_after_us == Some(0);
        verdict.states.push(state(rule, debt, retry_after_us));
        debts.push(debt);
    }
    let taken = if take && verdict.allowed { cost } else { 0 };
    if taken == 0 && !(take && skewed) {
        return Outcome {
            verdict,
            write: None,
        };
    }
    let mut write = Write {
        states: SmallVec::new(),
        expire_at_ms: 0,
    };
    for (index, &rule) in rules.iter().enumerate() {
        // What was allowed fits the capacity.
        let debt = debts[index] + taken * rule.unit;
        let arrival = now_us + debt / rule.rate;
        write.push(arrival);
        if rule.rate > 1 {
            write.push(debt % rule.rate);
        }
        write.expire_at_ms = write.expire_at_ms.max(arrival / 1000 + 1);
        if taken > 0 {
            verdict.states[index] = state(rule, debt, Some(0));
        }
    }
    Outcome {
        verdict,
        write: Some(write),
    }
}

/// The debt as it was written; the clock may have been set back since.
fn debt(rule: Gcra, numbers: &mut Numbers<'_>, now_us: u64) -> i128 {
    let arrival = numbers.next().unwrap_or(now_us);
    let ahead_us = i128::from(arrival) - i128::from(now_us);
    let rest = if rule.rate > 1 {
        numbers.next().unwrap_or(0)
    } else {
        0
    };
    ahead_us * i128::from(rule.rate) + i128::from(rest)
}

fn retry_after(rule: Gcra, debt: u64, cost: u64) -> Option<u64> {
    let price = cost
        .checked_mul(rule.unit)
        .filter(|price| *price <= rule.capacity)?;
    let missing = price.saturating_sub(rule.capacity - debt);
    Some(missing.div_ceil(rule.rate))
}

fn state(rule: Gcra, debt: u64, retry_after_us: Option<u64>) -> State {
    State {
        remaining: (rule.capacity - debt) / rule.unit,
        retry_after_us,
        reset_after_us: debt.div_ceil(rule.rate),
    }
}

impl Write {
    fn push(&mut self, number: u64) {
        if !self.states.is_empty() {
            self.states.push(b' ');
        }
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.states.extend_from_slice(&digits[start..]);
    }
}

/// The runs of digits in a text, whatever stands between them.
struct Numbers<'s> {
    rest: &'s [u8],
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let start = self.rest.iter().position(u8::is_ascii_digit)?;
        let mut number: u64 = 0;
        let mut end = start;
        while let Some(digit) = self.rest.get(end).filter(|byte| byte.is_ascii_digit()) {
            number = number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'));
            end += 1;
        }
        self.rest = &self.rest[end..];
        Some(number)
    }
}
