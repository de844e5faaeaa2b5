//! LATENCY: events that took long, and how long commands take.

use std::fmt::Write as _;

use redstart_protocol::Value;

use super::ctx::Ctx;
use super::error::CommandError;
use super::{Command, Row, help_of, row};
use crate::state::latency::Series;

pub(super) const TABLE: &[Row] = &[
    row("latency|latest", latest),
    row("latency|history", history),
    row("latency|graph", graph),
    row("latency|doctor", doctor),
    row("latency|reset", reset),
    row("latency|histogram", histogram),
    row("latency|help", help),
];

fn latest(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let line = |(name, series): (&str, Series)| {
        let (at_s, ms) = series.samples.back().copied()?;
        Some(Value::Array(vec![
            Value::bulk(name),
            number(at_s),
            number(ms),
            number(series.max_ms),
        ]))
    };
    let events = ctx.env.latency.all();
    Ok(Value::Array(events.into_iter().filter_map(line).collect()))
}

fn history(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let series = ctx.env.latency.of(args[2]).unwrap_or_default();
    let sample = |(at_s, ms)| Value::Array(vec![number(at_s), number(ms)]);
    Ok(Value::Array(
        series.samples.into_iter().map(sample).collect(),
    ))
}

/// A bar a sample, the newest last.
fn graph(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    const WIDTH: u64 = 60;
    let Some(series) = ctx.env.latency.of(args[2]) else {
        const BEFORE: &str = "ERR No samples available for event '";
        return Err(CommandError::quoting(BEFORE, args[2], "'"));
    };

    let now_s = ctx.now_ms() / 1_000;
    let times = || series.samples.iter().map(|&(_, ms)| ms);
    let (high, low) = (times().max().unwrap_or(0), times().min().unwrap_or(0));
    let name = String::from_utf8_lossy(args[2]);
    let mut text = format!(
        "{name} - high {high} ms, low {low} ms (all time high {} ms)\n",
        series.max_ms
    );
    for &(at_s, ms) in &series.samples {
        let age = format!("{}s ago", now_s.saturating_sub(at_s));
        let bar = "#".repeat((ms * WIDTH / high.max(1)).max(1) as usize);
        writeln!(text, "{age:>12} |{bar} {ms} ms").expect("strings can be written to");
    }

    Ok(Value::Verbatim(*b"txt", text.into()))
}

fn doctor(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let events = ctx.env.latency.all();
    let text = match (ctx.env.latency.is_on(), events.is_empty()) {
        (false, _) => "Nothing is measured: latency-monitor-threshold is 0. CONFIG SET \
                       latency-monitor-threshold 100 notes whatever takes 100 milliseconds.\n"
            .to_owned(),
        (true, true) => "Nothing has taken longer than latency-monitor-threshold.\n".to_owned(),
        (true, false) => events
            .iter()
            .map(|(name, series)| finding(name, series))
            .collect(),
    };
    Ok(Value::Verbatim(*b"txt", text.into()))
}

/// What one event was like, and what is to be done about it.
fn finding(name: &str, series: &Series) -> String {
    let advice = match name {
        "command" => {
            "SLOWLOG GET tells which commands. Those that read whole collections (KEYS, SMEMBERS, \
             HGETALL, LRANGE 0 -1) have steps in SCAN, SSCAN, HSCAN and ranges; long scripts can \
             be cut."
        }
        "fast-command" => {
            "Commands of this kind are short by nature: the machine was busy with something else, \
             or a value is very large (MEMORY USAGE)."
        }
        "expire-cycle" => {
            "Many keys expire at the same moment. Times to live that differ a little spread the \
             work."
        }
        "eviction-cycle" => {
            "Memory is short and keys have to make room before commands run: raise maxmemory, or \
             store less."
        }
        _ if name.starts_with("aof") || name.starts_with("rdb") => {
            "The disk is slow, or has other work."
        }
        _ => "There is no advice for this event.",
    };
    let samples = series.samples.len() as u64;
    let sum: u64 = series.samples.iter().map(|&(_, ms)| ms).sum();
    let mean = sum / samples.max(1);
    format!(
        "{name}: {samples} times, {mean} ms on average, {} ms at most. {advice}\n",
        series.max_ms
    )
}

fn reset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let events = &args[2..];
    let is_wanted = |name: &str| events.is_empty() || events.contains(&name.as_bytes());
    Ok(Value::from(ctx.env.latency.forget(is_wanted)))
}

fn histogram(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let commands: Vec<&Command> = match &args[2..] {
        [] => super::all().iter().collect(),
        names => names.iter().flat_map(|name| named(name)).collect(),
    };
    let told = commands.into_iter().filter_map(|command| {
        let times = ctx.env.calls.times(command.index);
        let limits = times.doublings().into_iter();
        let limits = limits.map(|(usec, calls)| (number(usec), number(calls)));
        let pairs = vec![
            (Value::bulk("calls"), number(times.calls())),
            (Value::bulk("histogram_usec"), Value::Map(limits.collect())),
        ];
        (times.calls() > 0).then(|| (Value::bulk(command.name), Value::Map(pairs)))
    });
    Ok(Value::Map(told.collect()))
}

/// The command of that name, or all of a container.
fn named(name: &[u8]) -> impl Iterator<Item = &'static Command> {
    let name = name.to_ascii_lowercase();
    super::all().iter().filter(move |command| {
        let of = command.name.as_bytes();
        let rest = of.strip_prefix(&*name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"|"))
    })
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(help_of(
        "LATENCY",
        &[
            ("DOCTOR", "What took long, and what may be done about it."),
            ("GRAPH <event>", "The samples of an event as bars."),
            (
                "HISTOGRAM [<command> ...]",
                "How many calls of each command took no longer than some microseconds.",
            ),
            ("HISTORY <event>", "When an event took long, and how long."),
            ("LATEST", "The last time each event took long."),
            (
                "RESET [<event> ...]",
                "Forgets the samples of these events, or of all.",
            ),
        ],
    ))
}

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
