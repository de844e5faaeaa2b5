//! CONFIG: the parameters that exist, and no others.
//!
//! A parameter is listed when the engine obeys it, or when clients and tools ask for it and there
//! is one true answer (`cluster-enabled no`). What cannot be obeyed is refused, never remembered.
//! Why, says the table of all directives in [`conf`].

#[cfg(feature = "durable")]
mod keeping;
mod parameters;
mod setting;

use std::io;
use std::path::Path;

use redstart_protocol::Value;

use self::parameters::{PARAMETERS, Parameter};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::conf::{self, Directive, Statement, Support};
use crate::data::glob;
use crate::keyspace::shard::Counters;
use crate::state::Environment;

pub(super) const TABLE: &[Row] = &[
    row("config|get", get),
    row("config|set", set),
    row("config|resetstat", resetstat).all_shards(),
    row("config|rewrite", rewrite),
    row("config|help", help),
];

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    // A name is answered as it was written, a pattern with the names it matches.
    let host = ctx.env.host.read();
    let hosted = host
        .settings()
        .filter(|(name, _)| parameter(name).is_none());
    let known: Vec<(&str, Vec<u8>)> = PARAMETERS
        .iter()
        .map(|parameter| (parameter.name, parameter.setting.show(ctx.env)))
        .chain(hosted.map(|(name, value)| (name, value.into())))
        .collect();
    let mut taken = vec![false; known.len()];
    let mut found = Vec::new();
    for pattern in &args[2..] {
        let is_pattern = pattern.iter().any(|byte| b"*?[".contains(byte));
        for ((name, value), taken) in known.iter().zip(&mut taken) {
            let name = name.as_bytes();
            let shown = match is_pattern {
                true if glob::matches_ignoring_case(pattern, name) => name,
                false if pattern.eq_ignore_ascii_case(name) => pattern,
                _ => continue,
            };
            if !std::mem::replace(taken, true) {
                found.push((Value::bulk(shown), Value::bulk(&**value)));
            }
        }
    }

    Ok(Value::Map(found))
}

fn parameter(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
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
            if ctx.env.host.read().value(name).is_some() {
                return Err(failed(name, "can't set immutable config"));
            }
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
        let change = parameter.setting.parse(parameter.name, value, ctx.env);
        changes.push(change.map_err(|flaw| failed(parameter.name.as_bytes(), &flaw))?);
    }

    for change in changes {
        change(ctx.env);
    }
    ctx.env.refresh_attention();

    Ok(Value::OK)
}

fn failed(name: &[u8], flaw: &str) -> CommandError {
    const BEFORE: &str = "ERR CONFIG SET failed (possibly related to argument '";
    CommandError::quoting(BEFORE, name, &format!("') - {flaw}"))
}

fn resetstat(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    for shard in ctx.space.shards_mut() {
        shard.counters = Counters::default();
        shard.tallies.reset();
    }
    ctx.env.registry.reset_totals();
    ctx.env.stats.reset();
    ctx.env.calls.reset();
    Ok(Value::OK)
}

fn rewrite(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let Some(file) = ctx.env.host.read().file().map(Path::to_owned) else {
        return Err(CommandError::new(
            "ERR The server is running without a config file",
        ));
    };
    let statements = statements(ctx.env);

    let written = read_if_there(&file)
        .map(|old| conf::rewrite(&old, &statements))
        .and_then(|text| conf::replace_file(&file, &text));

    match written {
        Ok(()) => Ok(Value::OK),
        Err(error) => {
            let text = error.to_string();
            let reason = text.split(" (os error").next().unwrap_or_default();
            Err(CommandError::new(format!(
                "ERR Rewriting config file: {reason}"
            )))
        }
    }
}

/// What the configuration file should say.
fn statements(env: &Environment) -> Vec<Statement> {
    let host = env.host.read();
    let of = |directive: &Directive| match directive.support {
        Support::Engine { default } => parameter(directive.name)
            .map(|parameter| parameter.setting.statements(parameter.name, default, env))
            .unwrap_or_default(),
        Support::Program { .. } => host.statement(directive).into_iter().collect(),
        Support::Alias(_) | Support::Only { .. } => Vec::new(),
    };
    conf::DIRECTIVES.iter().flat_map(of).collect()
}

/// A file that has gone meanwhile is written anew.
fn read_if_there(file: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
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
