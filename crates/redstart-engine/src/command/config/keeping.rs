//! Parameters of how data is kept. An engine that keeps none shows what that comes to, and takes
//! nothing else.

use std::sync::atomic::{AtomicBool, Ordering};

use redstart_protocol::number;

use super::setting::{Change, Number, Syntax, check_snapshots, parse_switch, yes_or_no};
use crate::conf::{Statement, bytes, show_bytes};
use crate::durable::{AppendFsync, Durability, Persistence, SavePoint};
use crate::state::Environment;

/// A parameter, and its value where no data is kept.
pub(super) struct Keeping {
    pub(super) kind: Kind,
    pub(super) without: &'static str,
}

pub(super) enum Kind {
    AppendOnly,
    AppendFsync,
    SavePoints,
    Switch(fn(&Persistence) -> &AtomicBool),
    Number {
        at: fn(&Persistence) -> &dyn Number,
        syntax: Syntax,
        most: i128,
    },
    /// Decided when the engine was opened, and to be "set" to what it is.
    Settled(fn(&Durability) -> bool),
}

const NOTHING_KEPT: &str = "this engine keeps no data";
const SETTLED: &str = "not yet there: it is settled at the start";

impl Keeping {
    pub(super) fn show(&self, env: &Environment) -> String {
        let Some(durable) = &env.durable else {
            return self.without.into();
        };
        match self.kind {
            Kind::AppendOnly => yes_or_no(durable.wants_log()).into(),
            Kind::AppendFsync => durable.appendfsync().name().into(),
            Kind::SavePoints => show_points(&durable.save_points()),
            Kind::Switch(at) => yes_or_no(at(durable).load(Ordering::Relaxed)).into(),
            Kind::Number { at, .. } => at(durable).load().to_string(),
            Kind::Settled(is_on) => yes_or_no(is_on(durable.settings())).into(),
        }
    }

    /// What the value would change, or what is wrong with it.
    pub(super) fn parse(&self, value: &[u8], env: &Environment) -> Result<Change, String> {
        let change: Box<dyn FnOnce(&Persistence)> = match self.kind {
            Kind::AppendOnly => {
                let on = parse_switch(value)?;
                Box::new(move |durable| durable.set_appendonly(on))
            }
            Kind::AppendFsync => {
                let policy = parse_policy(value)?;
                Box::new(move |durable| durable.set_appendfsync(policy))
            }
            Kind::SavePoints => {
                let points = parse_points(value)?;
                Box::new(move |durable| durable.set_save_points(points))
            }
            Kind::Switch(at) => {
                let on = parse_switch(value)?;
                Box::new(move |durable| at(durable).store(on, Ordering::Relaxed))
            }
            Kind::Number { at, syntax, most } => {
                let number = syntax.parse_within(value, 0, most)?;
                Box::new(move |durable| at(durable).store(number))
            }
            Kind::Settled(_) => {
                parse_switch(value)?;
                Box::new(|_| {})
            }
        };
        let is_same = || {
            let shown = self.show(env);
            shown.as_bytes().eq_ignore_ascii_case(value)
                || (bytes(value).is_some() && bytes(value) == bytes(shown.as_bytes()))
        };
        match (&env.durable, &self.kind) {
            (None, _) if !is_same() => Err(NOTHING_KEPT.into()),
            (Some(_), Kind::Settled(_)) if !is_same() => Err(SETTLED.into()),
            _ => Ok(Box::new(|env| {
                if let Some(durable) = &env.durable {
                    change(durable);
                }
            })),
        }
    }

    /// What a configuration file should say of the parameter.
    pub(super) fn statements(
        &self,
        name: &'static str,
        default: &str,
        env: &Environment,
    ) -> Vec<Statement> {
        let shown = self.show(env);
        let is_default = shown == default;
        let state = |value: String| Statement::of(name, &value, is_default);
        match self.kind {
            Kind::SavePoints if shown.is_empty() => vec![state("\"\"".into())],
            Kind::SavePoints => {
                let words: Vec<&str> = shown.split(' ').collect();
                words.chunks(2).map(|pair| state(pair.join(" "))).collect()
            }
            Kind::Number {
                syntax: Syntax::Bytes,
                ..
            } => vec![state(show_bytes(bytes(shown.as_bytes()).unwrap_or(0)))],
            _ => vec![state(shown)],
        }
    }
}

fn show_points(points: &[SavePoint]) -> String {
    let words: Vec<String> = points
        .iter()
        .map(|point| format!("{} {}", point.seconds, point.changes))
        .collect();
    words.join(" ")
}

fn parse_points(value: &[u8]) -> Result<Vec<SavePoint>, String> {
    check_snapshots(value)?;
    let numbers = value
        .split(|&byte| byte == b' ')
        .filter_map(number::parse_i64)
        .filter_map(|number| u64::try_from(number).ok());
    let numbers: Vec<u64> = numbers.collect();
    let point = |pair: &[u64]| match *pair {
        [seconds, changes] => Some(SavePoint { seconds, changes }),
        _ => None,
    };
    Ok(numbers.chunks(2).filter_map(point).collect())
}

fn parse_policy(value: &[u8]) -> Result<AppendFsync, String> {
    let policy = str::from_utf8(value).ok().and_then(AppendFsync::from_name);
    policy
        .ok_or_else(|| "argument(s) must be one of the following: everysec, always, no".to_owned())
}
