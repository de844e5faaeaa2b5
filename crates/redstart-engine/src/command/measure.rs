//! What is measured of every command, wherever it was called from: how often, how long, with which
//! errors; and to whom it is shown.
//!
//! Reading a clock takes as long as a short command does. So commands that are short by nature are
//! timed one call in 64, unless somebody wants to know exactly: `slowlog-log-slower-than`
//! below its default, or a `latency-monitor-threshold`.

use redstart_protocol::Value;
use redstart_protocol::facts::Flags;

use super::Command;
use super::ctx::{Ctx, Origin};
use super::redact::redacted;
use crate::keyspace::tally::Tally;
use crate::state::Environment;
use crate::state::attention::Attention;
use crate::state::calls::Fault;
use crate::state::monitors::CalledBy;
use crate::state::slowlog::{self, Entry};

/// Arguments from which on no command is short.
const MANY_ARGS: usize = 10;

/// Whether a command takes about the same short time whatever is in its key.
pub(super) fn is_short(name: &str, flags: Flags) -> bool {
    flags.contains(Flags::FAST) || matches!(name, "set" | "setex" | "psetex")
}

/// The start of a call that is timed.
#[inline]
pub(super) fn begin(ctx: &mut Ctx<'_>, command: &Command, args: &[&[u8]]) -> Option<u64> {
    ctx.attention = ctx.env.attention.paid();
    if ctx.attention & Attention::TIMING == 0
        && command.is_short
        && args.len() < MANY_ARGS
        && let Some(tally) = ctx.space.tally_at_hand(command.index)
        && !Tally::is_next_timed(tally.calls)
    {
        return None;
    }
    begin_timed(ctx, command, args)
}

#[cold]
fn begin_timed(ctx: &mut Ctx<'_>, command: &Command, args: &[&[u8]]) -> Option<u64> {
    let exactly = ctx.attention & Attention::TIMING != 0;
    let is_timed = exactly || !command.is_short || args.len() >= MANY_ARGS || {
        let calls = ctx.space.calls(command.index);
        Tally::is_next_timed(calls.unwrap_or_else(|| ctx.env.calls.free(command.index)))
    };
    is_timed.then(|| ctx.env.clock.monotonic_us())
}

/// The end of a call.
#[inline]
pub(super) fn end(
    ctx: &mut Ctx<'_>,
    command: &Command,
    args: &[&[u8]],
    started_us: Option<u64>,
    value: &Value,
) {
    if started_us.is_none()
        && ctx.attention == 0
        && !value.is_error()
        && let Some(tally) = ctx.space.tally_at_hand(command.index)
    {
        tally.calls += 1;
        return;
    }
    end_watched(ctx, command, args, started_us, value);
}

/// The end of a call that takes more than an addition.
#[cold]
fn end_watched(
    ctx: &mut Ctx<'_>,
    command: &Command,
    args: &[&[u8]],
    started_us: Option<u64>,
    value: &Value,
) {
    count(ctx, command, args, started_us);
    if let Value::Error(text) = value {
        let told = !std::mem::take(&mut ctx.error_counted);
        let fault = Fault::Failed(command.index);
        ctx.env.calls.note_error(fault, text, told);
    }
    // A client is shown its own command after the reply to it.
    if ctx.attention & Attention::SHOWING != 0 && ctx.origin != Origin::Client {
        show(ctx, command, args);
    }
}

/// Counts a call, wherever it is counted, and takes its time into account if it has one.
fn count(ctx: &mut Ctx<'_>, command: &Command, args: &[&[u8]], started_us: Option<u64>) {
    let usec = started_us.map(|started| ctx.env.clock.monotonic_us().saturating_sub(started));
    let speaks_for = match (ctx.space.tally(command.index), usec) {
        (None, usec) => ctx.env.calls.count_free(command.index, usec),
        (Some(tally), usec) => {
            tally.calls += 1;
            usec.map_or(0, |usec| tally.account(usec))
        }
    };
    let Some(usec) = usec else { return };
    if ctx
        .env
        .config
        .latency_tracking
        .load(std::sync::atomic::Ordering::Relaxed)
    {
        ctx.env.calls.note_time(command.index, usec, speaks_for);
    }
    if ctx.env.config.is_slow(usec) && !command.has(Flags::SKIP_SLOWLOG) {
        note_slow(ctx, command, args, usec);
    }
    if ctx.env.latency.is_on() && !command.is_exec {
        let event = match command.has(Flags::FAST) {
            true => "fast-command",
            false => "command",
        };
        ctx.env.latency.note(event, ctx.now_ms() / 1_000, usec);
    }
}

fn note_slow(ctx: &Ctx<'_>, command: &Command, args: &[&[u8]], usec: u64) {
    let (address, name) = match ctx.origin {
        // A script has neither.
        Origin::Script => ("?:0".into(), Default::default()),
        Origin::Client | Origin::Transaction => {
            let info = &ctx.session.info;
            let name = info.words.lock().name.clone();
            (info.address.clone().into(), name)
        }
    };
    let entry = Entry {
        id: 0,
        at_s: ctx.env.clock.now_us() / 1_000_000,
        usec,
        args: slowlog::abridged(&redacted(command, args)),
        address,
        name,
    };
    ctx.env.slowlog.note(entry, ctx.env.config.slowlog_len());
}

/// Shows a command to those who MONITOR, unless it is one that is not shown.
#[cold]
pub(crate) fn show(ctx: &Ctx<'_>, command: &Command, args: &[&[u8]]) {
    if !command.has(Flags::SKIP_MONITOR) && !command.has(Flags::ADMIN) {
        show_always(ctx, command, args);
    }
}

/// Shows a command that shows itself.
pub(super) fn show_always(ctx: &Ctx<'_>, command: &Command, args: &[&[u8]]) {
    let by = match ctx.origin {
        Origin::Script => CalledBy::Script,
        Origin::Client | Origin::Transaction => CalledBy::Client(&ctx.session.info.address),
    };
    let now_us = ctx.env.clock.now_us();
    let args = redacted(command, args);
    ctx.env.monitors.show(now_us, ctx.session.db, by, &args);
}

/// A command was answered with an error before it could run.
#[cold]
pub(crate) fn turned_away(env: &Environment, args: &[&[u8]], value: &Value) {
    let fault = match super::find(args) {
        Ok(command) => Fault::Rejected(command.index),
        Err(_) => Fault::Unknown,
    };
    if let Value::Error(text) = value {
        env.calls.note_error(fault, text, true);
    }
}
