//! SLOWLOG: the commands that took long.

use redstart_protocol::{Value, number};

use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::state::slowlog::Entry;

pub(super) const TABLE: &[Row] = &[
    row("slowlog|get", get),
    row("slowlog|len", len),
    row("slowlog|reset", reset),
    row("slowlog|help", help),
];

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    /// How many are shown to those who do not say.
    const SHOWN: usize = 10;
    const TOO_FEW: &str = "ERR count should be greater than or equal to -1";
    let count = match args {
        [_, _] => SHOWN,
        [_, _, count] => match number::parse_i64(count) {
            Some(-1) => usize::MAX,
            Some(count) => usize::try_from(count).map_err(|_| CommandError::new(TOO_FEW))?,
            None => return Err(CommandError::new(TOO_FEW)),
        },
        _ => return Err(CommandError::subcommand_syntax("SLOWLOG", args[1])),
    };

    let entries = ctx.env.slowlog.newest(count);

    Ok(Value::Array(entries.into_iter().map(shown).collect()))
}

fn shown(entry: Entry) -> Value {
    let args = entry.args.iter().map(Value::bulk).collect();
    Value::Array(vec![
        Value::Integer(entry.id as i64),
        Value::Integer(entry.at_s as i64),
        Value::Integer(entry.usec as i64),
        Value::Array(args),
        Value::bulk(&entry.address),
        Value::bulk(&entry.name),
    ])
}

fn len(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(ctx.env.slowlog.len()))
}

fn reset(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    ctx.env.slowlog.reset();
    Ok(Value::OK)
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(help_of(
        "SLOWLOG",
        &[
            (
                "GET [<count>]",
                "The newest slow commands, 10 unless told otherwise, -1 for all: id, time, \
                 microseconds, arguments, the client's address and name.",
            ),
            ("LEN", "How many slow commands are remembered."),
            ("RESET", "Forgets them."),
        ],
    ))
}
