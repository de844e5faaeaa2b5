//! CLIENT SETNAME, GETNAME and SETINFO: what clients call themselves.

use bytes::Bytes;
use redstart_protocol::Value;

use crate::command::args::is;
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;

pub(super) fn setname(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let name = checked(args[2])?;
    ctx.session.info.words.lock().name = name;
    Ok(Value::OK)
}

pub(super) fn getname(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let name = ctx.session.info.words.lock().name.clone();
    Ok(match name.is_empty() {
        true => Value::Null,
        false => name.into(),
    })
}

/// Of Redis 7.2: clients of today say what they are when they connect.
pub(super) fn setinfo(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (attribute, value) = (args[2], args[3]);
    let is_name = is(attribute, "LIB-NAME");
    if !is_name && !is(attribute, "LIB-VER") {
        return Err(CommandError::quoting(
            "ERR Unrecognized option '",
            attribute,
            "'",
        ));
    }
    if !value.iter().all(u8::is_ascii_graphic) {
        let attribute = attribute.to_ascii_lowercase();
        const FLAW: &str = " cannot contain spaces, newlines or special characters.";
        return Err(CommandError::quoting("ERR ", &attribute, FLAW));
    }

    let value = Bytes::copy_from_slice(value);
    let mut words = ctx.session.info.words.lock();
    match is_name {
        true => words.library_name = value,
        false => words.library_version = value,
    }

    Ok(Value::OK)
}

/// A name fit for CLIENT LIST, where spaces part the fields. An empty one takes the name away.
pub(in crate::command) fn checked(name: &[u8]) -> Result<Bytes, CommandError> {
    match name.iter().all(u8::is_ascii_graphic) {
        true => Ok(Bytes::copy_from_slice(name)),
        false => Err(CommandError::new(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        )),
    }
}
