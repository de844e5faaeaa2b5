//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC runs under the union of the locks of everything queued, so nothing of another client comes
//! between. There is no rollback: a command that fails does not keep the others from running.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use redstart_protocol::{Resp, Value};

use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, row};
use crate::state::session::{Replies as ReplyMode, Session, Transaction};

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
    let origin = ctx.origin;
    let reply = carry_out(ctx, &transaction);
    ctx.origin = origin;
    // CLIENT INFO among the commands still tells of the transaction.
    ctx.session.info.queued.store(0, Ordering::Relaxed);
    reply
}

fn carry_out(ctx: &mut Ctx<'_>, transaction: &Transaction) -> Result<Value, CommandError> {
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
    let commands = transaction.queue.len();
    let mut replies = Replies::new(commands, ctx.session.resp);
    for queued in &transaction.queue {
        let args: Vec<&[u8]> = queued.iter().map(|arg| &**arg).collect();
        let command = super::find(&args)?;
        ctx.resp = ctx.session.resp;
        let reply = super::invoke(ctx, command, &args);
        replies.speak(ctx.resp);
        match std::mem::take(&mut ctx.replied) {
            false => replies.all.push(reply),
            true => replies.all.append(&mut ctx.confirmations),
        }
    }
    // What the queued commands did is logged already; EXEC itself has no effect of its own.
    ctx.effect_logged = true;

    if !replies.are_regular(commands) && ctx.session.replies == ReplyMode::On {
        let spoken = |index| replies.spoken(index);
        ctx.session
            .outbox
            .push_mixed(commands, &replies.all, spoken);
        ctx.replied = true;
    }
    Ok(Value::Array(replies.all))
}

/// What the commands of a transaction answered.
struct Replies {
    all: Vec<Value>,
    /// The protocol of the first.
    resp: Resp,
    /// From which reply on another is spoken: HELLO may change it in the middle.
    changes: Vec<(usize, Resp)>,
}

impl Replies {
    fn new(commands: usize, resp: Resp) -> Replies {
        Replies {
            all: Vec::with_capacity(commands),
            resp,
            changes: Vec::new(),
        }
    }

    /// The next reply is for a peer of this protocol.
    fn speak(&mut self, resp: Resp) {
        let next = self.all.len();
        if self.spoken(next) != resp {
            self.changes.push((next, resp));
        }
    }

    fn spoken(&self, index: usize) -> Resp {
        let change = self.changes.iter().rfind(|(from, _)| *from <= index);
        change.map_or(self.resp, |(_, resp)| *resp)
    }

    /// Whether it is one reply a command, all in one protocol. Of several channels Redis confirms
    /// each, though it has announced one reply for the command.
    fn are_regular(&self, commands: usize) -> bool {
        self.all.len() == commands && self.changes.is_empty()
    }
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
