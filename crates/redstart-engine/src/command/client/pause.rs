//! CLIENT PAUSE and UNPAUSE: holding back commands for a while.

use redstart_protocol::Value;

use crate::command::args::{integer, is};
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;

pub(super) fn pause(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    const NOT_A_MODE: &str = "ERR CLIENT PAUSE mode must be WRITE or ALL";
    const NOT_A_TIME: &str = "ERR timeout is not an integer or out of range";
    let writes_only = match args {
        [_, _, _] => false,
        [_, _, _, mode] if is(mode, "WRITE") => true,
        [_, _, _, mode] if is(mode, "ALL") => false,
        [_, _, _, _] => return Err(CommandError::new(NOT_A_MODE)),
        _ => return Err(CommandError::subcommand_syntax("CLIENT", args[1])),
    };
    let timeout_ms = integer(args[2]).map_err(|_| CommandError::new(NOT_A_TIME))?;
    let timeout_ms =
        u64::try_from(timeout_ms).map_err(|_| CommandError::new("ERR timeout is negative"))?;

    let now_us = ctx.env.clock.monotonic_us();
    let until_us = now_us.saturating_add(timeout_ms.saturating_mul(1_000));
    ctx.env.pause.start(now_us, until_us, writes_only);

    Ok(Value::OK)
}

pub(super) fn unpause(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    ctx.env.pause.stop();
    Ok(Value::OK)
}
