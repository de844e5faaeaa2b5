//! The GCRA rules of a check in Rust: the native twin of that part of `check.lua`.
//!
//! It reads and writes the same state, and a differential test holds both to the same replies,
//! bytes and expiry. It is pure: state in, verdict and new state out.

use redstart_protocol::number::format_i64;
use smallvec::SmallVec;

use crate::limiter::decision::{State, Verdict};
use crate::limiter::policy::{Gcra, MAX_RULES};

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
    pub(in crate::limiter) states: States,
    pub(in crate::limiter) expire_at_ms: u64,
}

/// Packed states, as they are stored: a text of numbers, which engines keep as a number if it is
/// just one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::limiter) enum States {
    Number(i64),
    Text(SmallVec<[u8; 64]>),
}

/// Checks a cost against the rules whose numbers these are.
pub(in crate::limiter) fn check(
    rules: &[Gcra],
    mut numbers: impl Iterator<Item = u64>,
    now_us: u64,
    cost: u64,
    take: bool,
) -> Outcome {
    let mut allowed = true;
    let mut skewed = false;
    let mut debts = [0; MAX_RULES];
    let mut states: SmallVec<[State; 2]> = SmallVec::new();
    for (&rule, known) in rules.iter().zip(&mut debts) {
        let owed = debt(rule, &mut numbers, now_us);
        skewed |= owed > i128::from(rule.capacity);
        let debt = u64::try_from(owed.max(0))
            .unwrap_or(u64::MAX)
            .min(rule.capacity);
        let retry_after_us = retry_after(rule, debt, cost);
        allowed &= retry_after_us == Some(0);
        *known = debt;
        states.push(State {
            remaining: 0,
            retry_after_us,
            reset_after_us: 0,
        });
    }
    let taken = if take && allowed { cost } else { 0 };
    let mut arrivals = Arrivals {
        now_us,
        expire_at_ms: 0,
        states: None,
    };
    let writes = taken > 0 || (take && skewed);
    for ((&rule, debt), state) in rules.iter().zip(debts).zip(&mut states) {
        // What was allowed fits the capacity.
        let debt = debt + taken * rule.unit;
        state.remaining = (rule.capacity - debt) / rule.unit;
        state.reset_after_us = rule.us_to_pay(debt);
        if writes {
            arrivals.add(rule, debt);
        }
    }
    Outcome {
        verdict: Verdict { allowed, states },
        write: arrivals.states.map(|states| Write {
            states,
            expire_at_ms: arrivals.expire_at_ms,
        }),
    }
}

/// The debt as it was written; the clock may have been set back since.
fn debt(rule: Gcra, numbers: &mut impl Iterator<Item = u64>, now_us: u64) -> i128 {
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
    Some(rule.us_to_pay(price.saturating_sub(rule.capacity - debt)))
}

impl Gcra {
    /// The microseconds until so many units are paid back. Most rules pay one in each, and a
    /// division costs more than all else in a check.
    fn us_to_pay(self, units: u64) -> u64 {
        match self.rate {
            1 => units,
            rate => units.div_ceil(rate),
        }
    }

    /// The whole microseconds in which units are paid back, and the units beyond them.
    fn whole_us(self, units: u64) -> (u64, u64) {
        match self.rate {
            1 => (units, 0),
            rate => (units / rate, units % rate),
        }
    }
}

/// The states of the rules so far.
struct Arrivals {
    now_us: u64,
    expire_at_ms: u64,
    states: Option<States>,
}

impl Arrivals {
    fn add(&mut self, rule: Gcra, debt: u64) {
        let (whole_us, rest) = rule.whole_us(debt);
        let arrival = self.now_us + whole_us;
        self.push(arrival);
        if rule.rate > 1 {
            self.push(rest);
        }
        self.expire_at_ms = self.expire_at_ms.max(arrival / 1000 + 1);
    }

    /// Instants are below 2^54, and what is owed is below 2^53.
    fn push(&mut self, number: u64) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.states = Some(match self.states.take() {
            None => States::Number(number),
            Some(states) => {
                let mut text = states.into_text();
                text.push(b' ');
                text.extend_from_slice(&format_i64(number));
                States::Text(text)
            }
        });
    }
}

impl States {
    /// As they are stored.
    pub(in crate::limiter) fn into_text(self) -> SmallVec<[u8; 64]> {
        match self {
            States::Number(number) => SmallVec::from_slice(&format_i64(number)),
            States::Text(text) => text,
        }
    }
}

/// The runs of digits in a text, whatever stands between them.
pub(in crate::limiter) struct Numbers<'s>(pub(in crate::limiter) &'s [u8]);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let Numbers(text) = self;
        let start = text.iter().position(u8::is_ascii_digit)?;
        let digits = text[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let end = start + digits.count();
        let number = text[start..end].iter().fold(0u64, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        });
        self.0 = &text[end..];
        Some(number)
    }
}
