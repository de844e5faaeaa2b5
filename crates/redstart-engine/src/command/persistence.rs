//! Keeping data: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.
//!
//! A snapshot in the background is of the moment of the command, which therefore needs all shards;
//! it is written afterwards, without them.

use redstart_protocol::Value;

#[cfg(feature = "durable")]
use super::args::is;
use super::ctx::Ctx;
#[cfg(feature = "durable")]
use super::ctx::Origin;
use super::error::CommandError;
use super::{Row, row};
#[cfg(feature = "durable")]
use crate::durable::Purpose;
#[cfg(feature = "durable")]
use crate::state::snapshots;

pub(super) const TABLE: &[Row] = &[
    #[cfg(feature = "durable")]
    row("save", save),
    #[cfg(feature = "durable")]
    row("bgsave", bgsave).all_shards(),
    #[cfg(feature = "durable")]
    row("bgrewriteaof", bgrewriteaof).all_shards(),
    row("lastsave", lastsave),
];

/// When the last snapshot was completed; until then the moment of the start, as in Redis.
fn lastsave(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let started_s = ctx.env.started_us / 1_000_000;
    #[cfg(feature = "durable")]
    let durable = ctx.env.durable.as_ref();
    #[cfg(feature = "durable")]
    let started_s = durable.map_or(started_s, |durable| durable.saves().last_save_s);
    Ok(Value::Integer(started_s as i64))
}

/// The caller waits for it, as in Redis; others do not. No lock is held: a transaction cannot hold
/// this command.
#[cfg(feature = "durable")]
fn save(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let durable = ctx.env.durable.as_ref().ok_or(CommandError::NOT_KEPT)?;
    if durable.saves().is_saving() {
        return Err(CommandError::SAVE_IN_PROGRESS);
    }

    match snapshots::save(ctx.env) {
        true => Ok(Value::OK),
        false => Err(CommandError::new("ERR")),
    }
}

#[cfg(feature = "durable")]
fn bgsave(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let schedules = match args {
        [_] => false,
        [_, word] if is(word, "SCHEDULE") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    let durable = ctx.env.durable.as_ref().ok_or(CommandError::NOT_KEPT)?;
    let saves = durable.saves();
    if saves.is_saving() {
        return Err(CommandError::SAVE_IN_PROGRESS);
    }

    let in_transaction = ctx.origin == Origin::Transaction;
    if saves.running.is_some() || in_transaction {
        if !schedules && !in_transaction {
            return Err(CommandError::new(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        durable.schedule(Purpose::Save);
        return Ok(Value::simple("Background saving scheduled"));
    }
    snapshots::begin(ctx.env, &mut ctx.space, Purpose::Save);

    Ok(Value::simple("Background saving started"))
}

#[cfg(feature = "durable")]
fn bgrewriteaof(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let durable = ctx.env.durable.as_ref().ok_or(CommandError::NOT_KEPT)?;
    let saves = durable.saves();
    if saves.is_rewriting() {
        return Err(CommandError::new(
            "ERR Background append only file rewriting already in progress",
        ));
    }

    if saves.running.is_some() || ctx.origin == Origin::Transaction {
        durable.schedule(Purpose::Rewrite);
        return Ok(Value::simple(
            "Background append only file rewriting scheduled",
        ));
    }
    snapshots::begin(ctx.env, &mut ctx.space, Purpose::Rewrite);

    Ok(Value::simple(
        "Background append only file rewriting started",
    ))
}
