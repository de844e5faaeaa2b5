//! The rules in plain Rust: what a limiter is held against.
//!
//! Written from the meaning and not from the script. A bucket holds exact fractions of tokens, in
//! units of 1 / period, and fills evenly; a history remembers everything admitted, for all log
//! rules. Integers of 128 bits never round here.

/// One rule.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    Bucket(Bucket),
    Log(Log),
}

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    count: i128,
    period_us: i128,
    burst: i128,
    /// Tokens times period, at that instant.
    level: i128,
    at_us: i128,
}

#[derive(Clone, Debug)]
pub(super) struct Log {
    limit: i128,
    window_us: i128,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) remaining: i128,
    /// Absent: never.
    pub(super) retry_after_us: Option<i128>,
    pub(super) reset_after_us: i128,
}

/// All rules of a policy, and what one subject has used of them.
#[derive(Clone, Debug)]
pub(super) struct Model {
    rules: Vec<Rule>,
    history: History,
}

/// The instants of everything admitted, oldest first.
#[derive(Clone, Debug, Default)]
struct History {
    admitted: Vec<i128>,
}

impl Model {
    pub(super) fn new(rules: impl IntoIterator<Item = Rule>) -> Model {
        Model {
            rules: rules.into_iter().collect(),
            history: History::default(),
        }
    }

    /// Whether it is allowed, and what each rule says.
    pub(super) fn check(&mut self, now_us: i128, cost: i128, take: bool) -> (bool, Vec<Answer>) {
        let Model {
            mut rules,
            mut history,
        } = self.clone();
        let mut skewed = history.advance(now_us);
        for rule in &mut rules {
            if let Rule::Bucket(bucket) = rule {
                skewed |= bucket.advance(now_us);
            }
        }
        let retries: Vec<_> = rules
            .iter()
            .map(|rule| rule.retry(&history, now_us, cost))
            .collect();
        let allowed = retries.iter().all(|retry| *retry == Some(0));
        if allowed && take {
            history.admitted.extend((0..cost).map(|_| now_us));
            for rule in &mut rules {
                if let Rule::Bucket(bucket) = rule {
                    bucket.level -= cost * bucket.period_us;
                }
            }
        }
        let answers = rules.iter().zip(retries);
        let answers = answers
            .map(|(rule, retry)| rule.answer(&history, now_us, retry))
            .collect();
        // A refusal changes nothing, save that state from the future is corrected.
        if take && (allowed && cost > 0 || skewed) {
            history.forget(&rules, now_us);
            *self = Model { rules, history };
        }
        (allowed, answers)
    }
}

impl Rule {
    pub(super) fn bucket(count: u64, period_us: u64, burst: u64) -> Rule {
        let (count, period_us, burst) = (count.into(), period_us.into(), i128::from(burst));
        Rule::Bucket(Bucket {
            count,
            period_us,
            burst,
            level: burst * period_us,
            at_us: 0,
        })
    }

    pub(super) fn log(limit: u64, window_us: u64) -> Rule {
        Rule::Log(Log {
            limit: limit.into(),
            window_us: window_us.into(),
        })
    }

    /// How long until the cost would be allowed.
    fn retry(&self, history: &History, now_us: i128, cost: i128) -> Option<i128> {
        match self {
            Rule::Bucket(Bucket {
                count,
                period_us,
                burst,
                level,
                ..
            }) => {
                let missing = cost * period_us - level;
                (cost <= *burst).then(|| ceil(missing.max(0), *count))
            }
            Rule::Log(Log { limit, .. }) if cost > *limit => None,
            Rule::Log(_) if cost == 0 => Some(0),
            Rule::Log(Log { limit, window_us }) => {
                let fits = |at: i128| history.alive(at, *window_us) + cost <= *limit;
                let ends = history.admitted.iter().map(|stamp| stamp + window_us);
                let moments = ends.filter(|end| *end > now_us);
                std::iter::once(now_us)
                    .chain(moments)
                    .find(|at| fits(*at))
                    .map(|at| at - now_us)
            }
        }
    }

    fn answer(&self, history: &History, now_us: i128, retry_after_us: Option<i128>) -> Answer {
        let (remaining, reset_after_us) = match self {
            Rule::Bucket(Bucket {
                count,
                period_us,
                burst,
                level,
                ..
            }) => (level / period_us, ceil(burst * period_us - level, *count)),
            Rule::Log(Log { limit, window_us }) => {
                let newest = history
                    .admitted
                    .last()
                    .map_or(0, |stamp| stamp + window_us - now_us);
                // Corrected instants may count again for a rule that had forgotten them.
                let alive = history.alive(now_us, *window_us);
                ((limit - alive).max(0), newest.max(0))
            }
        };
        Answer {
            remaining,
            retry_after_us,
            reset_after_us,
        }
    }
}

impl Bucket {
    /// Fills it up to this instant. True if it came from a later one and owed more than can be
    /// owed.
    fn advance(&mut self, now_us: i128) -> bool {
        let filled = self.level + (now_us - self.at_us) * self.count;
        self.level = filled.clamp(0, self.burst * self.period_us);
        self.at_us = now_us;
        filled < 0
    }
}

impl History {
    /// What was admitted later than now was admitted now. True if there was such.
    fn advance(&mut self, now_us: i128) -> bool {
        let skewed = self.admitted.iter().any(|stamp| *stamp > now_us);
        for stamp in &mut self.admitted {
            *stamp = now_us.min(*stamp);
        }
        skewed
    }

    /// How many count at this instant.
    fn alive(&self, at_us: i128, window_us: i128) -> i128 {
        self.admitted
            .iter()
            .filter(|stamp| **stamp > at_us - window_us)
            .count() as i128
    }

    /// Drops what no rule will ask for again.
    fn forget(&mut self, rules: &[Rule], now_us: i128) {
        let windows = rules.iter().filter_map(|rule| match rule {
            Rule::Log(log) => Some(log.window_us),
            Rule::Bucket(_) => None,
        });
        let longest = windows.max().unwrap_or(0);
        self.admitted.retain(|stamp| *stamp > now_us - longest);
    }
}

fn ceil(dividend: i128, divisor: i128) -> i128 {
    (dividend + divisor - 1) / divisor
}
