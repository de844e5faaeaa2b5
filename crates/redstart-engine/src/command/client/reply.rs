//! CLIENT REPLY: a client that does not want to hear.

use redstart_protocol::Value;

use crate::command::args::is;
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;
use crate::state::session::Replies;

/// The reply to `OFF` and `SKIP` is left out by what they set.
pub(super) fn reply(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let replies = match args[2] {
        mode if is(mode, "ON") => Replies::On,
        mode if is(mode, "OFF") => Replies::Off,
        mode if is(mode, "SKIP") => match ctx.session.replies {
            Replies::Off => Replies::Off,
            _ => Replies::SkipThisAndNext,
        },
        _ => return Err(CommandError::SYNTAX),
    };
    ctx.session.replies = replies;
    Ok(Value::OK)
}
