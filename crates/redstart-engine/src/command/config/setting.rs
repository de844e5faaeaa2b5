//! Kinds of parameters: how a value is shown, what is accepted, and what is said otherwise.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use redstart_protocol::number;

#[cfg(feature = "durable")]
use super::keeping::Keeping;
use crate::conf::{self, Statement, Support, bytes, quoted, show_bytes};
use crate::state::Environment;
use crate::state::config::EvictionPolicy;
use crate::state::connections::{ConnectionLimits, OutputLimit};
use crate::state::notices::Classes;

/// Where a parameter's value lives and what it may be.
pub(super) enum Setting {
    Number {
        at: fn(&Environment) -> &dyn Number,
        syntax: Syntax,
        least: i128,
        most: i128,
    },
    Switch(fn(&Environment) -> &AtomicBool),
    Policy,
    Password,
    OutputLimits,
    Notices,
    Percentiles,
    /// How data is kept.
    #[cfg(feature = "durable")]
    Keeping(Keeping),
    /// Decided when the engine was built or its port was opened.
    Settled(fn(&Environment) -> String),
    /// There is but one value it can have here; the table of directives says why.
    Only {
        value: &'static str,
        /// What is wrong with a value that would not be accepted anywhere.
        check: fn(&[u8]) -> Result<(), String>,
    },
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Plain,
    /// Bytes, with a unit such as `mb`.
    Bytes,
    /// Plain; too little or too much is taken as the nearest there may be.
    Clamped(i128, i128),
}

/// What a validated value does.
pub(super) type Change = Box<dyn FnOnce(&Environment)>;

impl Setting {
    pub(super) fn show(&self, env: &Environment) -> Vec<u8> {
        match self {
            Setting::Number { at, .. } => at(env).load().to_string().into_bytes(),
            Setting::Switch(at) => yes_or_no(at(env).load(Ordering::Relaxed)).into(),
            Setting::Policy => env.config.policy().name().into(),
            Setting::Password => env.config.password().unwrap_or_default(),
            Setting::OutputLimits => show_output_limits(env).into_bytes(),
            Setting::Notices => Classes(env.config.notices.load(Ordering::Relaxed))
                .show()
                .into(),
            Setting::Percentiles => show_percentiles(env).into_bytes(),
            #[cfg(feature = "durable")]
            Setting::Keeping(keeping) => keeping.show(env).into_bytes(),
            Setting::Settled(show) => show(env).into_bytes(),
            Setting::Only { value, .. } => (*value).into(),
        }
    }

    /// What a configuration file should say of the parameter. Nothing, of one that is not the
    /// engine's to change.
    pub(super) fn statements(
        &self,
        name: &'static str,
        default: &str,
        env: &Environment,
    ) -> Vec<Statement> {
        let shown = self.show(env);
        let is_default = shown == default.as_bytes();
        let state = |value: &str| Statement::of(name, value, is_default);
        match self {
            Setting::Number {
                at,
                syntax: Syntax::Bytes,
                ..
            } => vec![state(&show_bytes(
                u64::try_from(at(env).load()).unwrap_or(0),
            ))],
            Setting::Number { .. } | Setting::Switch(_) | Setting::Policy => {
                vec![state(&String::from_utf8_lossy(&shown))]
            }
            #[cfg(feature = "durable")]
            Setting::Keeping(keeping) => keeping.statements(name, default, env),
            Setting::Password if shown.is_empty() => vec![Statement {
                name,
                line: None,
                is_default,
            }],
            Setting::Password => vec![state(&quoted(&shown))],
            Setting::Percentiles if !shown.is_empty() => {
                vec![state(&String::from_utf8_lossy(&shown))]
            }
            Setting::Notices | Setting::Percentiles => vec![state(&quoted(&shown))],
            Setting::OutputLimits => output_limit_statements(name, env),
            Setting::Settled(_) | Setting::Only { .. } => Vec::new(),
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Setting::Settled(_))
    }

    /// What the value would change, or what is wrong with it. `name` is the parameter's.
    pub(super) fn parse(
        &self,
        name: &str,
        value: &[u8],
        #[cfg_attr(
            not(feature = "durable"),
            allow(unused_variables, reason = "only what is kept depends on it")
        )]
        env: &Environment,
    ) -> Result<Change, String> {
        let value = match self {
            Setting::Password | Setting::OutputLimits => value,
            Setting::Number { syntax, .. } if *syntax != Syntax::Bytes => value,
            // As in C, the text ends at a NUL.
            _ => value.split(|&byte| byte == 0).next().unwrap_or(value),
        };
        match *self {
            Setting::Number {
                at,
                syntax,
                least,
                most,
            } => {
                let number = syntax.parse_within(value, least, most)?;
                let number = match syntax {
                    Syntax::Clamped(least, most) => number.clamp(least, most),
                    Syntax::Plain | Syntax::Bytes => number,
                };
                Ok(Box::new(move |env| at(env).store(number)))
            }
            Setting::Switch(at) => {
                let on = parse_switch(value)?;
                Ok(Box::new(move |env| at(env).store(on, Ordering::Relaxed)))
            }
            Setting::Policy => parse_policy(value),
            Setting::Password => {
                let password = value.to_vec();
                Ok(Box::new(move |env| env.config.set_password(&password)))
            }
            Setting::OutputLimits => parse_output_limits(value),
            Setting::Notices => parse_notices(value),
            Setting::Percentiles => parse_percentiles(value),
            #[cfg(feature = "durable")]
            Setting::Keeping(ref keeping) => keeping.parse(value, env),
            Setting::Settled(_) => Err("can't set immutable config".into()),
            Setting::Only { value: only, check } => {
                check(value)?;
                match value.eq_ignore_ascii_case(only.as_bytes()) {
                    true => Ok(Box::new(|_| {})),
                    false => Err(refusal(name)),
                }
            }
        }
    }
}

/// Why a parameter cannot be changed.
fn refusal(name: &str) -> String {
    let present = conf::find(name).and_then(|directive| conf::find(directive.present_name()));
    match present.map(|directive| directive.support) {
        Some(Support::Only { refusal, why, .. }) => format!("{refusal}: {why}"),
        _ => "can't set immutable config".into(),
    }
}

impl Syntax {
    /// The number, if it is between two others.
    pub(super) fn parse_within(
        self,
        value: &[u8],
        least: i128,
        most: i128,
    ) -> Result<i128, String> {
        let number = self.parse(value)?;
        match (least..=most).contains(&number) {
            true => Ok(number),
            false => Err(format!(
                "argument must be between {least} and {most} inclusive"
            )),
        }
    }

    fn parse(self, value: &[u8]) -> Result<i128, String> {
        match self {
            Syntax::Bytes => bytes(value)
                .map(i128::from)
                .ok_or_else(|| "argument must be a memory value".into()),
            Syntax::Plain | Syntax::Clamped(..) => number::parse_i64(value)
                .map(i128::from)
                .ok_or_else(|| "argument couldn't be parsed into an integer".into()),
        }
    }
}

pub(super) fn yes_or_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

pub(super) fn parse_switch(value: &[u8]) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

pub(super) fn check_switch(value: &[u8]) -> Result<(), String> {
    parse_switch(value).map(drop)
}

/// `save`: pairs of seconds and changes.
pub(super) fn check_snapshots(value: &[u8]) -> Result<(), String> {
    let words: Vec<&[u8]> = match value {
        b"" => return Ok(()),
        _ => value.split(|&byte| byte == b' ').collect(),
    };
    let is_pair = |pair: &[&[u8]]| match pair {
        [seconds, changes] => {
            let at_least = |word: &[u8], least: i64| {
                number::parse_i64(word).is_some_and(|number| number >= least)
            };
            at_least(seconds, 1) && at_least(changes, 0)
        }
        _ => false,
    };
    match words.chunks(2).all(is_pair) {
        true => Ok(()),
        false => Err("Invalid save parameters".into()),
    }
}

/// `notify-keyspace-events`: letters.
fn parse_notices(value: &[u8]) -> Result<Change, String> {
    let notices =
        Classes::parse(value).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
    Ok(Box::new(move |env| {
        env.config.notices.store(notices.0, Ordering::Relaxed);
    }))
}

/// `latency-tracking-info-percentiles`: numbers.
fn parse_percentiles(value: &[u8]) -> Result<Change, String> {
    const NAME: &str = "latency-tracking-info-percentiles";
    /// More are of no use, and each costs a line's room for every command.
    const MOST: usize = 64;
    let words = value.split(|&byte| byte == b' ');
    let percentiles: Option<Vec<f64>> = words
        .filter(|word| !word.is_empty())
        .map(number::parse_f64)
        .collect();
    let percentiles = percentiles
        .filter(|percentiles| percentiles.len() <= MOST)
        .ok_or_else(|| format!("Invalid {NAME} parameters"))?;
    if percentiles.iter().any(|of| !(0.0..=100.0).contains(of)) {
        return Err(format!("{NAME} parameters should sit between [0.0,100.0]"));
    }
    Ok(Box::new(move |env| env.config.set_percentiles(percentiles)))
}

fn show_percentiles(env: &Environment) -> String {
    let percentiles = env.config.percentiles();
    let shown: Vec<String> = percentiles.iter().map(f64::to_string).collect();
    shown.join(" ")
}

fn parse_policy(value: &[u8]) -> Result<Change, String> {
    /// In the order in which Redis names them.
    const NAMES: &str = "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, \
                         allkeys-lfu, allkeys-random, noeviction";
    let policy = std::str::from_utf8(value)
        .ok()
        .and_then(EvictionPolicy::from_name);
    let unknown = || format!("argument(s) must be one of the following: {NAMES}");
    let policy = policy.ok_or_else(unknown)?;
    Ok(Box::new(move |env| env.config.set_policy(policy)))
}

/// Replicas have a place in the list because readers expect three classes; there are none here.
fn show_output_limits(env: &Environment) -> String {
    let show = |limit: &OutputLimit| {
        let (soft_bytes, soft_s) = limit.soft();
        format!("{} {soft_bytes} {soft_s}", limit.hard_bytes())
    };
    let [normal, pubsub] = [false, true].map(|subscriber| show(env.connections.output(subscriber)));
    format!("normal {normal} slave {REPLICA_LIMIT} pubsub {pubsub}")
}

/// A line for each class.
fn output_limit_statements(name: &'static str, env: &Environment) -> Vec<Statement> {
    let defaults = ConnectionLimits::default();
    let state = |class: &str, limit: &OutputLimit, default: &OutputLimit| {
        let numbers = |limit: &OutputLimit| (limit.hard_bytes(), limit.soft());
        let (hard, (soft, seconds)) = numbers(limit);
        let [hard, soft] = [hard, soft].map(show_bytes);
        let value = format!("{class} {hard} {soft} {seconds}");
        Statement::of(name, &value, numbers(limit) == numbers(default))
    };
    let [normal, pubsub] = [("normal", false), ("pubsub", true)].map(|(class, subscriber)| {
        let limit = env.connections.output(subscriber);
        state(class, limit, defaults.output(subscriber))
    });
    let replica = OutputLimit::of_replicas();
    vec![normal, state("replica", &replica, &replica), pubsub]
}

/// Redis' default, and all that can be said of clients that cannot exist.
const REPLICA_LIMIT: &str = "268435456 67108864 60";

fn parse_output_limits(value: &[u8]) -> Result<Change, String> {
    let words: Vec<&[u8]> = match value {
        b"" => Vec::new(),
        _ => value.split(|&byte| byte == b' ').collect(),
    };
    if !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut limits = Vec::new();
    for words in words.chunks_exact(4) {
        let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
        let is_replica = is("slave") || is("replica");
        if !is("normal") && !is("pubsub") && !is_replica {
            return Err("Invalid client class specified in buffer limit configuration.".into());
        }
        let soft_s = number::parse_i64(words[3]).and_then(|seconds| u64::try_from(seconds).ok());
        let (Some(hard), Some(soft), Some(soft_s)) = (bytes(words[1]), bytes(words[2]), soft_s)
        else {
            return Err(
                "Error in hard, soft or soft_seconds setting in buffer limit \
                        configuration."
                    .into(),
            );
        };
        match is_replica {
            true if format!("{hard} {soft} {soft_s}") == REPLICA_LIMIT => {}
            true => return Err("there are no replicas to limit".into()),
            false => limits.push((is("pubsub"), hard, soft, soft_s)),
        }
    }
    Ok(Box::new(move |env| {
        for (subscriber, hard, soft, soft_s) in limits {
            env.connections.output(subscriber).set(hard, soft, soft_s);
        }
    }))
}

/// A number that lives in an atomic, whatever its type.
pub(super) trait Number {
    fn load(&self) -> i128;

    /// Stores a number that is in the parameter's range, which is within the type's.
    fn store(&self, number: i128);
}

macro_rules! number {
    ($($atomic:ty),*) => {$(
        impl Number for $atomic {
            fn load(&self) -> i128 {
                <$atomic>::load(self, Ordering::Relaxed) as i128
            }

            fn store(&self, number: i128) {
                <$atomic>::store(self, number as _, Ordering::Relaxed);
            }
        }
    )*};
}

number!(AtomicU32, AtomicU64, AtomicUsize, AtomicI64);
