//! Between our values and redis-rs' types, which stay behind this file.

use bytes::Bytes;
use redis::{Cmd, Pipeline, ToRedisArgs as _, VerbatimFormat};
use redstart_protocol::Value;

use crate::store::argument::Arguments;

pub(super) fn command(arguments: &Arguments) -> Cmd {
    let mut command = Cmd::with_capacity(arguments.len(), arguments.byte_len());
    for argument in arguments.iter() {
        command.arg(argument);
    }
    command
}

pub(super) fn pipeline(commands: &[Arguments]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for arguments in commands {
        pipeline.add_command(command(arguments));
    }
    pipeline
}

/// A reply as the rest of the store knows it. Attributes are dropped: no server sends one unasked.
pub(super) fn value(reply: redis::Value) -> Value {
    match reply {
        redis::Value::Nil => Value::Null,
        redis::Value::Int(number) => Value::Integer(number),
        redis::Value::BulkString(bytes) => Value::Bulk(bytes.into()),
        redis::Value::Array(items) => Value::Array(values(items)),
        redis::Value::SimpleString(text) => Value::Simple(text.into()),
        redis::Value::Okay => Value::OK,
        redis::Value::Map(pairs) => Value::Map(
            pairs
                .into_iter()
                .map(|(key, item)| (value(key), value(item)))
                .collect(),
        ),
        redis::Value::Attribute { data, .. } => value(*data),
        redis::Value::Set(items) => Value::Set(values(items)),
        redis::Value::Double(number) => Value::Double(number),
        redis::Value::Boolean(truth) => Value::Boolean(truth),
        redis::Value::VerbatimString { format, text } => {
            Value::Verbatim(format_code(&format), text.into())
        }
        // Bytes or a parsed number, depending on redis-rs' features; as an argument, digits in both
        // cases.
        redis::Value::BigNumber(digits) => Value::BigNumber(digits.to_redis_args().concat().into()),
        redis::Value::Push { kind, data } => {
            let mut items = vec![Value::bulk(kind.to_string())];
            items.extend(data.into_iter().map(value));
            Value::Push(items)
        }
        redis::Value::ServerError(error) => Value::Error(error_text(&error).into()),
        // The type may grow.
        _ => Value::error("ERR a reply of a kind that this client does not know"),
    }
}

fn values(items: Vec<redis::Value>) -> Vec<Value> {
    items.into_iter().map(value).collect()
}

fn error_text(error: &redis::ServerError) -> Bytes {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()).into(),
        None => error.code().to_owned().into(),
    }
}

fn format_code(format: &VerbatimFormat) -> [u8; 3] {
    match format {
        VerbatimFormat::Text => *b"txt",
        VerbatimFormat::Markdown => *b"mkd",
        VerbatimFormat::Unknown(code) => code.as_bytes().try_into().unwrap_or(*b"txt"),
        _ => *b"txt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_big_number_is_its_digits() {
        let digits = "3492890328409238509324850943850943825024385";
        let reply = redis::parse_redis_value(format!("({digits}\r\n").as_bytes()).unwrap();
        assert_eq!(value(reply), Value::BigNumber(digits.into()));
    }
}
