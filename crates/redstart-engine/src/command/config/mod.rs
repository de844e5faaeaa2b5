//! CONFIG: the parameters that exist, and no others.
//!
//! A parameter is listed when the engine obeys it, or when clients and tools ask for it and there
//! is one true answer (`appendonly no`). What cannot be obeyed is refused, never remembered.

mod parameters;
mod setting;

use redstart_protocol::Value;

use self::parameters::{PARAMETERS, Parameter};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::data::glob;
use crate::keyspace::shard::Counters;

pub(super) const TABLE: &[Row] = &[
    row("config|get", get),
    row("config|set", set),
    row("config|resetstat", resetstat).all_shards(),
    row("config|rewrite", rewrite),
    row("config|help", help),
];

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    // A name is answered as it was written, a pattern with the names it matches.
    let mut found: Vec<(&Parameter, &[u8])> = Vec::new();
    for pattern in &args[2..] {
        let is_pattern = pattern.iter().any(|byte| b"*?[".contains(byte));
        for parameter in PARAMETERS {
            let name = parameter.name.as_bytes();
            let shown = match is_pattern {
                true if glob::matches_ignoring_case(pattern, name) => name,
                false if pattern.eq_ignore_ascii_case(name) => pattern,
                _ => continue,
            };
            if !found.iter().any(|(known, _)| known.name == parameter.name) {
                found.push((parameter, shown));
            }
        }
    }

    let pair = |(parameter, name): (&Parameter, &[u8])| {
        (
            Value::bulk(name),
            Value::bulk(parameter.setting.show(ctx.env)),
        )
    };
    Ok(Value::Map(found.into_iter().map(pair).collect()))
}

fn set(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let pairs = &args[2..];
    if !pairs.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let mut wanted: Vec<(&Parameter, &[u8])> = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let (name, value) = (pair[0], pair[1]);
        let named = |parameter: &&Parameter| name.eq_ignore_ascii_case(parameter.name.as_bytes());
        let Some(parameter) = PARAMETERS.iter().find(named) else {
            const BEFORE: &str = "ERR Unknown option or number of arguments for CONFIG SET - '";
            return Err(CommandError::quoting(BEFORE, name, "'"));
        };
        if parameter.setting.is_settled() {
            return Err(failed(name, "can't set immutable config"));
        }
        if wanted.iter().any(|(known, _)| known.name == parameter.name) {
            return Err(failed(name, "duplicate parameter"));
        }
        wanted.push((parameter, value));
    }
    let mut changes = Vec::with_capacity(wanted.len());
    for (parameter, value) in wanted {
        let change = parameter.setting.parse(value);
        changes.push(change.map_err(|flaw| failed(parameter.name.as_bytes(), &flaw))?);
    }

    for change in changes {
        change(ctx.env);
    }

    Ok(Value::OK)
}

fn failed(name: &[u8], flaw: &str) -> CommandError {
    const BEFORE: &str = "ERR CONFIG SET failed (possibly related to argument '";
    CommandError::quoting(BEFORE, name, &format!("') - {flaw}"))
}

fn resetstat(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    for shard in ctx.space.shards_mut() {
        shard.counters = Counters::default();
    }
    ctx.env.registry.reset_totals();
    ctx.env.stats.reset();
    Ok(Value::OK)
}

fn rewrite(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Err(CommandError::new(
        "ERR The server is running without a config file",
    ))
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(help_of(
        "CONFIG",
        &[
            (
                "GET <pattern> [<pattern> ...]",
                "Parameters of these names, and their values.",
            ),
            (
                "SET <name> <value> [<name> <value> ...]",
                "Changes parameters, all of them or none.",
            ),
            ("RESETSTAT", "Sets the counters that INFO shows to zero."),
            (
                "REWRITE",
                "Writes the parameters into the configuration file, if there is one.",
            ),
        ],
    ))
}

#[cfg(test)]
mod tests;
