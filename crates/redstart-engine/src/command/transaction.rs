//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC runs under the union of the locks of everything queued, so nothing of another client comes
//! between. There is no rollback: a command that fails does not keep the others from running.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use redstart_protocol::Value;

use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, row};
use crate::state::session::{Session, Transaction};

pub(super) const TABLE: &[Row] = &[
    row("multi", multi),
    row("exec", exec),
    row("discard", discard),
    row("watch", watch),
    row("unwatch", unwatch),
];

fn multi(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.session.transaction.is_some() {
        return Err(CommandError::NESTED_MULTI);
    }
    ctx.session.transaction = Some(Transaction::default());
    ctx.session.info.queued.store(1, Ordering::Relaxed);
    Ok(Value::OK)
}

fn exec(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let Some(transaction) = ctx.session.transaction.take() else {
        return Err(CommandError::EXEC_WITHOUT_MULTI);
    };
    ctx.session.info.queued.store(0, Ordering::Relaxed);
    // A watched key whose time has come counts as changed, even if nobody has looked at it since.
    let watched: Vec<(u8, Bytes)> = ctx.session.watched.iter().cloned().collect();
    for (db, key) in &watched {
        ctx.space.contains(*db, key);
    }
    let dirty = ctx.session.is_dirty();
    ctx.session.forget_watched();
    if transaction.aborted {
        return Err(CommandError::EXEC_ABORT);
    }
    if dirty {
        return Ok(Value::NullArray);
    }

    ctx.origin = Origin::Transaction;
    let mut replies = Vec::with_capacity(transaction.queue.len());
    for queued in &transaction.queue {
        let args: Vec<&[u8]> = queued.iter().map(|arg| &**arg).collect();
        let command = super::find(&args)?;
        ctx.resp = ctx.session.resp;
        let reply = super::invoke(ctx, command, &args);
        match std::mem::take(&mut ctx.replied) {
            false => replies.push(reply),
            // Of several channels Redis confirms each, so there may be more replies than commands.
            true => replies.append(&mut ctx.confirmations),
        }
    }
    // What the queued commands did is logged already; EXEC itself has no effect of its own.
    ctx.effect_logged = true;

    Ok(Value::Array(replies))
}

fn discard(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.session.transaction.is_none() {
        return Err(CommandError::DISCARD_WITHOUT_MULTI);
    }
    abandon(ctx.session);
    Ok(Value::OK)
}

fn watch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.session.transaction.is_some() {
        return Err(CommandError::WATCH_IN_MULTI);
    }
    let db = ctx.db();
    for key in &args[1..] {
        // An expired key is gone before it is watched: its removal later is no change.
        ctx.contains(key);
        ctx.space.watch(db, key, &ctx.session.watch_flag);
        ctx.session
            .watched
            .insert((db, Bytes::copy_from_slice(key)));
    }
    ctx.session
        .info
        .watched
        .store(ctx.session.watched.len() as u32, Ordering::Relaxed);
    Ok(Value::OK)
}

fn unwatch(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    ctx.session.forget_watched();
    Ok(Value::OK)
}

/// Ends a transaction without carrying it out, and forgets what was watched.
pub(super) fn abandon(session: &mut Session) {
    session.transaction = None;
    session.info.queued.store(0, Ordering::Relaxed);
    session.forget_watched();
}
