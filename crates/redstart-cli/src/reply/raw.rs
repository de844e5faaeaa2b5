//! A reply for pipes: the bytes themselves, as redis-cli writes them where no terminal is.

use bytes::BytesMut;
use redstart_protocol::{Resp, Value, encode};

/// The reply's bytes, ended by a newline.
pub(crate) fn to_raw(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, value);
    bytes.push(b'\n');
    bytes
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null | Value::NullArray => {}
        Value::Simple(text) | Value::Error(text) | Value::Bulk(text) | Value::Verbatim(_, text) => {
            out.extend_from_slice(text);
        }
        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Boolean(truth) => out.extend_from_slice(format!("({truth})").as_bytes()),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                write(out, item);
            }
        }
        Value::Map(pairs) => {
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                write(out, key);
                out.push(b' ');
                write(out, value);
            }
        }
        other => out.extend_from_slice(number(other).as_bytes()),
    }
}

/// The digits of a double or a big number, as the protocol spells them.
pub(super) fn number(value: &Value) -> String {
    let mut wire = BytesMut::new();
    encode(value, Resp::V3, &mut wire);
    let digits = wire
        .get(1..wire.len().saturating_sub(2))
        .unwrap_or_default();
    String::from_utf8_lossy(digits).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, expected: &[u8]) {
        assert_eq!(to_raw(&value), expected);
    }

    #[test]
    fn bytes_are_left_alone() {
        check(Value::bulk(b"a\n\xff"), b"a\n\xff\n");
        check(Value::Null, b"\n");
        check(Value::Integer(5), b"5\n");
        check(Value::Double(1.5), b"1.5\n");
        check(Value::Boolean(false), b"(false)\n");
        check(Value::error("ERR no"), b"ERR no\n");
    }

    #[test]
    fn items_stand_on_lines_of_their_own() {
        let inner = Value::Array(vec![Value::bulk("b"), Value::Integer(2)]);
        check(
            Value::Array(vec![Value::bulk("a"), inner, Value::Null]),
            b"a\nb\n2\n\n",
        );
        check(
            Value::Map(vec![(Value::bulk("k"), Value::bulk("v"))]),
            b"k v\n",
        );
    }
}
