//! MONITOR: a client is shown every command.

use std::sync::atomic::Ordering;

use redstart_protocol::Value;

use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, row};
use crate::state::Environment;
use crate::state::session::Session;

pub(super) const TABLE: &[Row] = &[row("monitor", monitor)];

fn monitor(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.origin != Origin::Client {
        return Err(CommandError::NOT_A_WAITING_CLIENT);
    }
    // Whoever monitors already is not answered.
    if ctx.session.monitoring {
        ctx.replied = true;
        return Ok(Value::Null);
    }

    let session = &mut *ctx.session;
    session.monitoring = true;
    session.info.monitoring.store(true, Ordering::Relaxed);
    ctx.env
        .monitors
        .enter(session.info.id, &session.outbox, &ctx.env.attention);

    Ok(Value::OK)
}

/// Ends it: RESET, or the client is gone.
pub(super) fn leave(env: &Environment, session: &mut Session) {
    if session.monitoring {
        session.monitoring = false;
        session.info.monitoring.store(false, Ordering::Relaxed);
        env.monitors.leave(session.info.id, &env.attention);
    }
}
