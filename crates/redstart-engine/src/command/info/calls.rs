//! What INFO tells of commands: how often they were called, how long they took, how they failed.

use super::{Ctx, Report};
use crate::command::{self, Command};
use crate::keyspace::tally::Tally;

/// What was counted of a command, wherever it was.
fn tally(ctx: &Ctx<'_>, command: &Command) -> Tally {
    let mut sum = ctx.env.calls.free_tally(command.index);
    for shard in ctx.space.shards() {
        sum.add(shard.tallies.get(command.index));
    }
    sum
}

/// All commands carried out.
pub(super) fn total(ctx: &Ctx<'_>) -> u64 {
    let of_shards = ctx.space.shards().flat_map(|shard| shard.tallies.iter());
    of_shards.map(|tally| tally.calls).sum::<u64>() + ctx.env.calls.free_total()
}

/// Calls are counted, the time they took is in part estimated: see [`command::measure`].
pub(super) fn command_stats(ctx: &Ctx<'_>, report: &mut Report) {
    let failures = ctx.env.calls.failures();
    for command in command::all() {
        let tally = tally(ctx, command);
        let (rejected, failed) = failures.of(command.index);
        if tally.calls == 0 && rejected == 0 && failed == 0 {
            continue;
        }
        let (calls, usec) = (tally.calls, tally.estimated_usec());
        let per_call = usec as f64 / calls.max(1) as f64;
        let line = format_args!(
            "calls={calls},usec={usec},usec_per_call={per_call:.2},rejected_calls={rejected},\
             failed_calls={failed}"
        );
        report.field(&format!("cmdstat_{}", command.name), line);
    }
}

pub(super) fn error_stats(ctx: &Ctx<'_>, report: &mut Report) {
    for (code, count) in ctx.env.calls.failures().by_code {
        // A script may have made it up, and a line has its form to keep.
        let keeps_form = |byte: u8| match byte {
            b':' | b',' | b'=' => '_',
            b'!'..=b'~' => byte as char,
            _ => '?',
        };
        let code: String = code.iter().map(|&byte| keeps_form(byte)).collect();
        report.field(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latency_stats(ctx: &Ctx<'_>, report: &mut Report) {
    use std::sync::atomic::Ordering;
    if !ctx.env.config.latency_tracking.load(Ordering::Relaxed) {
        return;
    }
    let percentiles = ctx.env.config.percentiles();
    for command in command::all() {
        let times = ctx.env.calls.times(command.index);
        if times.calls() == 0 {
            continue;
        }
        let share = |percent: &f64| {
            let usec = times.percentile(*percent) as f64 / 1_000.0;
            format!("p{percent}={usec:.3}")
        };
        let shares: Vec<String> = percentiles.iter().map(share).collect();
        let name = format!("latency_percentiles_usec_{}", command.name);
        report.field(&name, shares.join(","));
    }
}
