//! Policies: what is allowed. A value that exists is valid.
//!
//! Everything that could overflow or lose precision later is refused here: the scripts compute in
//! doubles, which hold integers exactly up to 2^53.

use std::time::Duration;

/// The most rules a policy may have.
pub const MAX_RULES: usize = 8;

/// The most a sliding log may allow in its window: it keeps a stamp for each.
pub const MAX_LOG_LIMIT: u64 = 10_000;

const MAX_NAME_BYTES: usize = 64;

/// The largest integer that a double, and so a Lua script, holds without a gap below it.
const MAX_EXACT: u128 = (1 << 53) - 1;

/// The longest period, and the longest time to refill. Instants until the year 2155 plus this stay
/// below 2^53 µs.
const MAX_SPAN_US: u128 = 100 * 366 * 24 * 3600 * 1_000_000;

/// How much of something in how much time.
///
/// Unless told otherwise it is kept by GCRA, the exact form of a token bucket: a bucket of
/// [`burst`](Quota::burst) tokens that refills evenly, `count` in each period. In any window of
/// length W it admits at most burst + W · count / period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    count: u64,
    period: Duration,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Gcra {
        burst: u64,
    },
    Log,
    /// A burst was asked of a log, which has none.
    LogWithBurst,
}

impl Quota {
    /// `count` in each `period`.
    pub const fn new(count: u64, period: Duration) -> Quota {
        Quota {
            count,
            period,
            kind: Kind::Gcra { burst: count },
        }
    }

    /// `count` in each second.
    pub const fn per_second(count: u64) -> Quota {
        Quota::new(count, Duration::from_secs(1))
    }

    /// `count` in each minute.
    pub const fn per_minute(count: u64) -> Quota {
        Quota::new(count, Duration::from_secs(60))
    }

    /// `count` in each hour.
    pub const fn per_hour(count: u64) -> Quota {
        Quota::new(count, Duration::from_secs(3600))
    }

    /// `count` in each day.
    pub const fn per_day(count: u64) -> Quota {
        Quota::new(count, Duration::from_secs(24 * 3600))
    }

    /// How much may be taken at once after a rest: as much as the count, unless told otherwise.
    pub const fn burst(mut self, burst: u64) -> Quota {
        self.kind = match self.kind {
            Kind::Gcra { .. } => Kind::Gcra { burst },
            Kind::Log | Kind::LogWithBurst => Kind::LogWithBurst,
        };
        self
    }

    /// Keeps a stamp of everything admitted, and so never admits more than `count` in **any**
    /// window as long as the period. Costs about ten bytes for each of the `count`, of which there
    /// may be at most [`MAX_LOG_LIMIT`].
    pub const fn sliding_log(mut self) -> Quota {
        self.kind = match self.kind {
            Kind::Gcra { burst } if burst != self.count => Kind::LogWithBurst,
            Kind::LogWithBurst => Kind::LogWithBurst,
            Kind::Gcra { .. } | Kind::Log => Kind::Log,
        };
        self
    }
}

/// One or several named rules that hold together.
///
/// ```
/// use redstart::limiter::{Policy, Quota};
///
/// let policy = Policy::named("api")
///     .rule("burst", Quota::per_second(20).burst(40))
///     .rule("hourly", Quota::per_hour(5_000))
///     .build()?;
/// # Ok::<(), redstart::limiter::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: Box<str>,
    rules: Vec<Rule>,
    gcra: Vec<Gcra>,
    logs: Vec<Log>,
    fingerprint: Box<str>,
}

/// A rule in the numbers that scripts compute with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: Box<str>,
    pub(super) limit: u64,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Gcra(Gcra),
    Log(Log),
}

/// Debt is counted in units so small that both a token and a microsecond are a whole number of
/// them: the fraction count / period, reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gcra {
    /// Units in a token.
    pub(super) unit: u64,
    /// Units paid back in a microsecond.
    pub(super) rate: u64,
    /// Units that may be owed: the burst.
    pub(super) capacity: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) limit: u64,
    pub(super) window_us: u64,
}

/// A policy that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A policy's or a rule's name has other characters, or none, or too many.
    #[error("a name is 1 to {MAX_NAME_BYTES} letters, digits, `_`, `-` or `.`")]
    Name,
    /// A policy without rules.
    #[error("a policy needs a rule")]
    NoRules,
    /// More rules than fit in one check.
    #[error("a policy has at most {MAX_RULES} rules")]
    TooManyRules,
    /// Two rules of one name.
    #[error("rule `{rule}`: there are two of this name")]
    Duplicate {
        /// The name.
        rule: Box<str>,
    },
    /// A rule that would never allow anything. To forbid, do not ask.
    #[error("rule `{rule}`: its count and its burst must be at least 1")]
    Zero {
        /// The rule.
        rule: Box<str>,
    },
    /// A period that is zero, longer than a century, or no whole number of microseconds.
    #[error("rule `{rule}`: its period must be a whole number of microseconds up to 100 years")]
    Period {
        /// The rule.
        rule: Box<str>,
    },
    /// The rule cannot be kept exactly.
    #[error(
        "rule `{rule}`: cannot be kept exactly, burst times period (both by their common divisor \
         with the count) is above 2^53 - 1; take a smaller burst or a period that the count divides"
    )]
    Inexact {
        /// The rule.
        rule: Box<str>,
    },
    /// The bucket would take longer than a century to refill.
    #[error("rule `{rule}`: a burst of it would take more than 100 years to refill")]
    Refill {
        /// The rule.
        rule: Box<str>,
    },
    /// A sliding log that would keep too many stamps.
    #[error("rule `{rule}`: a sliding log allows at most {MAX_LOG_LIMIT} in its window")]
    LogTooLong {
        /// The rule.
        rule: Box<str>,
    },
    /// A sliding log with a burst.
    #[error("rule `{rule}`: a sliding log has no burst of its own")]
    LogWithBurst {
        /// The rule.
        rule: Box<str>,
    },
}

impl Policy {
    /// A policy of one rule, which is called like the policy.
    pub fn new(name: &str, quota: Quota) -> Result<Policy, PolicyError> {
        Policy::named(name).rule(name, quota).build()
    }

    /// A policy of several rules.
    pub fn named(name: &str) -> PolicyBuilder {
        PolicyBuilder {
            name: name.into(),
            rules: Vec::new(),
        }
    }

    /// Its name: part of its keys, and of headers and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names and limits of its rules, as they were given.
    pub fn limits(&self) -> impl Iterator<Item = (&str, u64)> {
        self.rules.iter().map(|rule| (&*rule.name, rule.limit))
    }

    /// Rules in the order they were given.
    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Those kept by GCRA, in that order.
    pub(super) fn gcra_rules(&self) -> &[Gcra] {
        &self.gcra
    }

    /// Those kept by a log, in that order.
    pub(super) fn log_rules(&self) -> &[Log] {
        &self.logs
    }

    /// Stands in the keys for the numbers and the order of the rules. State is written without
    /// saying what it means, so rules that read it differently must not find it.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// A policy being put together.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PolicyBuilder {
    name: Box<str>,
    rules: Vec<(Box<str>, Quota)>,
}

impl PolicyBuilder {
    /// Adds a rule.
    pub fn rule(mut self, name: &str, quota: Quota) -> PolicyBuilder {
        self.rules.push((name.into(), quota));
        self
    }

    /// The policy, if it can be kept.
    pub fn build(self) -> Result<Policy, PolicyError> {
        if !is_name(&self.name) {
            return Err(PolicyError::Name);
        }
        if self.rules.is_empty() {
            return Err(PolicyError::NoRules);
        }
        if self.rules.len() > MAX_RULES {
            return Err(PolicyError::TooManyRules);
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(self.rules.len());
        for (name, quota) in self.rules {
            if !is_name(&name) {
                return Err(PolicyError::Name);
            }
            if rules.iter().any(|rule| rule.name == name) {
                return Err(PolicyError::Duplicate { rule: name });
            }
            rules.push(rule(name, quota)?);
        }
        let (mut gcra, mut logs) = (Vec::new(), Vec::new());
        for rule in &rules {
            match rule.shape {
                Shape::Gcra(shape) => gcra.push(shape),
                Shape::Log(shape) => logs.push(shape),
            }
        }
        let fingerprint = fingerprint(&rules);
        let name = self.name;
        Ok(Policy {
            name,
            rules,
            gcra,
            logs,
            fingerprint,
        })
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

fn rule(name: Box<str>, quota: Quota) -> Result<Rule, PolicyError> {
    let Quota {
        count,
        period,
        kind,
    } = quota;
    let period_us = period.as_micros();
    if period_us == 0 || period_us > MAX_SPAN_US || period.subsec_nanos() % 1000 != 0 {
        return Err(PolicyError::Period { rule: name });
    }
    let shape = match kind {
        Kind::LogWithBurst => return Err(PolicyError::LogWithBurst { rule: name }),
        _ if count == 0 => return Err(PolicyError::Zero { rule: name }),
        Kind::Log if count > MAX_LOG_LIMIT => return Err(PolicyError::LogTooLong { rule: name }),
        Kind::Log => Shape::Log(Log {
            limit: count,
            window_us: narrow(period_us),
        }),
        Kind::Gcra { burst: 0 } => return Err(PolicyError::Zero { rule: name }),
        Kind::Gcra { burst } => {
            let divisor = greatest_common_divisor(u128::from(count), period_us);
            let (unit, rate) = (period_us / divisor, u128::from(count) / divisor);
            let capacity = u128::from(burst).saturating_mul(unit);
            if capacity > MAX_EXACT || rate > MAX_EXACT {
                return Err(PolicyError::Inexact { rule: name });
            }
            if capacity / rate > MAX_SPAN_US {
                return Err(PolicyError::Refill { rule: name });
            }
            let (unit, rate, capacity) = (narrow(unit), narrow(rate), narrow(capacity));
            return Ok(Rule {
                name,
                limit: burst,
                shape: Shape::Gcra(Gcra {
                    unit,
                    rate,
                    capacity,
                }),
            });
        }
    };
    Ok(Rule {
        name,
        limit: count,
        shape,
    })
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).expect("checked to be below 2^53")
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// FNV-1a over the numbers of all rules, in order: names may change, meanings may not.
fn fingerprint(rules: &[Rule]) -> Box<str> {
    let mut hash: u32 = 0x811c_9dc5;
    let mut feed = |number: u64| {
        for byte in number.to_be_bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    };
    for rule in rules {
        match rule.shape {
            Shape::Gcra(Gcra {
                unit,
                rate,
                capacity,
            }) => [0, unit, rate, capacity].map(&mut feed),
            Shape::Log(Log { limit, window_us }) => [1, limit, window_us, 0].map(&mut feed),
        };
    }
    format!("{hash:08x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(quota: Quota) -> Result<Shape, PolicyError> {
        Ok(Policy::new("p", quota)?.rules[0].shape)
    }

    fn gcra(unit: u64, rate: u64, capacity: u64) -> Result<Shape, PolicyError> {
        Ok(Shape::Gcra(Gcra {
            unit,
            rate,
            capacity,
        }))
    }

    #[test]
    fn rates_are_reduced_fractions() {
        assert_eq!(
            one(Quota::per_second(20).burst(40)),
            gcra(50_000, 1, 2_000_000)
        );
        assert_eq!(one(Quota::per_second(7)), gcra(1_000_000, 7, 7_000_000));
        assert_eq!(one(Quota::per_second(3_000_000).burst(2)), gcra(1, 3, 2));
        assert_eq!(
            one(Quota::per_minute(90)),
            one(Quota::new(180, Duration::from_secs(120)).burst(90))
        );
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let rule: Box<str> = "p".into();
        let refused = |quota: Quota| one(quota).unwrap_err();
        assert_eq!(
            refused(Quota::per_second(0)),
            PolicyError::Zero { rule: rule.clone() }
        );
        assert_eq!(
            refused(Quota::per_second(1).burst(0)),
            PolicyError::Zero { rule: rule.clone() }
        );
        for period in [Duration::ZERO, Duration::from_nanos(1500), Duration::MAX] {
            assert_eq!(
                refused(Quota::new(1, period)),
                PolicyError::Period { rule: rule.clone() }
            );
        }
        let inexact = PolicyError::Inexact { rule: rule.clone() };
        assert_eq!(refused(Quota::per_day(999_983).burst(105_000)), inexact);
        assert_eq!(refused(Quota::per_second(u64::MAX)), inexact);
        let century = Quota::per_day(1).burst(36_601);
        assert_eq!(refused(century), PolicyError::Refill { rule: rule.clone() });
        let log = Quota::per_second(10_001).sliding_log();
        assert_eq!(refused(log), PolicyError::LogTooLong { rule: rule.clone() });
        for quota in [
            Quota::per_second(5).sliding_log().burst(9),
            Quota::per_second(5).burst(9).sliding_log(),
        ] {
            assert_eq!(
                refused(quota),
                PolicyError::LogWithBurst { rule: rule.clone() }
            );
        }
    }

    #[test]
    fn the_largest_exact_rules_are_kept() {
        assert!(one(Quota::per_day(999_983).burst(104_249)).is_ok());
        assert!(one(Quota::per_day(1).burst(36_600)).is_ok());
        assert!(one(Quota::per_hour(MAX_LOG_LIMIT).sliding_log()).is_ok());
    }

    #[test]
    fn names_are_checked() {
        assert_eq!(
            Policy::new("a:b", Quota::per_second(1)).unwrap_err(),
            PolicyError::Name
        );
        assert_eq!(
            Policy::named("p").build().unwrap_err(),
            PolicyError::NoRules
        );
        let twice = Policy::named("p")
            .rule("r", Quota::per_second(1))
            .rule("r", Quota::per_hour(9));
        assert_eq!(
            twice.build().unwrap_err(),
            PolicyError::Duplicate { rule: "r".into() }
        );
        let many = (0..9).fold(Policy::named("p"), |policy, rule| {
            policy.rule(&format!("r{rule}"), Quota::per_second(1))
        });
        assert_eq!(many.build().unwrap_err(), PolicyError::TooManyRules);
    }

    #[test]
    fn the_fingerprint_stands_for_numbers_and_order() {
        let (short, long) = (Quota::per_second(5), Quota::per_hour(100));
        let print = |rules: [(&str, Quota); 2]| {
            let builder = Policy::named("p").rule(rules[0].0, rules[0].1);
            builder
                .rule(rules[1].0, rules[1].1)
                .build()
                .unwrap()
                .fingerprint
        };
        let original = print([("a", short), ("b", long)]);
        assert_eq!(original, print([("renamed", short), ("b", long)]));
        assert_ne!(original, print([("b", long), ("a", short)]));
        assert_ne!(original, print([("a", short), ("b", long.burst(101))]));
        assert_ne!(original, print([("a", short), ("b", long.sliding_log())]));
    }
}
