//! A reply for people, as redis-cli shows it on a terminal.

use redstart_protocol::Value;

use crate::output::Style;

/// The reply, every line ended.
pub(crate) fn to_text(value: &Value, style: Style) -> String {
    let mut text = String::new();
    write(&mut text, value, 0, style);
    text
}

fn write(out: &mut String, value: &Value, indent: usize, style: Style) {
    match value {
        Value::Array(items) | Value::Push(items) => {
            write_items(out, items, ')', "(empty array)", indent, style);
        }
        Value::Set(items) => write_items(out, items, '~', "(empty set)", indent, style),
        Value::Map(pairs) => write_pairs(out, pairs, indent, style),
        _ => {
            out.push_str(&scalar(value, style));
            out.push('\n');
        }
    }
}

fn write_items(
    out: &mut String,
    items: &[Value],
    mark: char,
    empty: &str,
    indent: usize,
    style: Style,
) {
    if items.is_empty() {
        out.push_str(&style.faint(empty));
        out.push('\n');
    }
    let width = items.len().to_string().len();
    for (index, item) in items.iter().enumerate() {
        pad(out, index, indent);
        out.push_str(&style.faint(&format!("{:>width$}{mark} ", index + 1)));
        write(out, item, indent + width + 2, style);
    }
}

fn write_pairs(out: &mut String, pairs: &[(Value, Value)], indent: usize, style: Style) {
    if pairs.is_empty() {
        out.push_str(&style.faint("(empty hash)"));
        out.push('\n');
    }
    let width = pairs.len().to_string().len();
    for (index, (key, value)) in pairs.iter().enumerate() {
        pad(out, index, indent);
        out.push_str(&style.faint(&format!("{:>width$}# ", index + 1)));
        out.push_str(&scalar(key, style));
        out.push_str(" => ");
        if is_nested(value) {
            out.push('\n');
            out.push_str(&" ".repeat(indent + width + 2));
        }
        write(out, value, indent + width + 2, style);
    }
}

/// The first line of a nested reply stands behind its number already.
fn pad(out: &mut String, index: usize, indent: usize) {
    if index > 0 {
        out.push_str(&" ".repeat(indent));
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => !items.is_empty(),
        Value::Map(pairs) => !pairs.is_empty(),
        _ => false,
    }
}

fn scalar(value: &Value, style: Style) -> String {
    match value {
        Value::Null | Value::NullArray => style.faint("(nil)"),
        Value::Simple(text) => style.green(&String::from_utf8_lossy(text)),
        Value::Error(text) => style.red(&format!("(error) {}", String::from_utf8_lossy(text))),
        Value::Integer(number) => format!("{} {number}", style.faint("(integer)")),
        Value::Bulk(bytes) => quote(bytes),
        Value::Boolean(truth) => format!("({truth})"),
        Value::Verbatim(_, text) => String::from_utf8_lossy(text)
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        other => format!("{} {}", style.faint(kind(other)), super::raw::number(other)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::BigNumber(_) => "(big number)",
        _ => "(double)",
    }
}

/// A string in quotes, with escapes for what a terminal would not show.
fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'"' => text.push_str("\\\""),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            b' '..=b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, expected: &str) {
        assert_eq!(to_text(&value, Style::PLAIN), expected);
    }

    #[test]
    fn scalars_as_redis_cli_shows_them() {
        check(Value::OK, "OK\n");
        check(Value::Null, "(nil)\n");
        check(Value::Integer(-7), "(integer) -7\n");
        check(
            Value::bulk(b"a\"\\b\n\x01\xff"),
            "\"a\\\"\\\\b\\n\\x01\\xff\"\n",
        );
        check(Value::error("ERR no"), "(error) ERR no\n");
        check(Value::Double(2.5), "(double) 2.5\n");
        check(Value::Boolean(true), "(true)\n");
        check(Value::Verbatim(*b"txt", "a\nb\n".into()), "a\nb\n");
    }

    #[test]
    fn nested_replies_are_indented_by_the_width_of_their_numbers() {
        let inner = Value::Array(vec![Value::Integer(2), Value::Array(vec![])]);
        let outer = Value::Array(vec![Value::Integer(1), inner, Value::Null]);
        let expected = "1) (integer) 1\n2) 1) (integer) 2\n   2) (empty array)\n3) (nil)\n";
        check(outer, expected);

        let mut items = vec![Value::Integer(0); 9];
        items.push(Value::Array(vec![Value::Integer(1), Value::Integer(2)]));
        let text = to_text(&Value::Array(items), Style::PLAIN);
        assert!(text.starts_with(" 1) (integer) 0\n 2)"), "{text}");
        assert!(
            text.ends_with("10) 1) (integer) 1\n    2) (integer) 2\n"),
            "{text}"
        );
    }

    #[test]
    fn maps_and_sets() {
        let list = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
        let map = Value::Map(vec![
            (Value::bulk("b"), Value::Integer(1)),
            (Value::bulk("c"), list),
            (Value::bulk("d"), Value::Set(vec![])),
        ]);
        let expected = "1# \"b\" => (integer) 1\n\
                        2# \"c\" => \n   1) (integer) 1\n   2) (integer) 2\n\
                        3# \"d\" => (empty set)\n";
        check(map, expected);
        check(Value::Map(vec![]), "(empty hash)\n");
        check(Value::Set(vec![Value::bulk("x")]), "1~ \"x\"\n");
    }
}
