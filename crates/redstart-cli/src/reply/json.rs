//! A reply for programs: one JSON value.
//!
//! Text is a string; bytes that are not UTF-8 are `{"base16": "…"}`, so that nothing is lost; an
//! error is `{"error": "…"}`. A map whose keys are all text is an object, any other an array of
//! pairs. Doubles that JSON does not know (`inf`, `nan`) are strings.

use redstart_protocol::Value;
use serde_json::{Map, Number, Value as Json};

/// The reply as JSON.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::NullArray => Json::Null,
        Value::Simple(text) | Value::Bulk(text) | Value::Verbatim(_, text) => string(text),
        Value::Error(text) => {
            let text = String::from_utf8_lossy(text).into_owned();
            Json::Object(Map::from_iter([("error".to_owned(), Json::String(text))]))
        }
        Value::Integer(number) => Json::from(*number),
        Value::Boolean(truth) => Json::Bool(*truth),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            items.iter().map(to_json).collect()
        }
        Value::Map(pairs) => map(pairs),
        other => double(&super::raw::number(other)),
    }
}

fn string(bytes: &[u8]) -> Json {
    match str::from_utf8(bytes) {
        Ok(text) => Json::String(text.to_owned()),
        Err(_) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Json::Object(Map::from_iter([(
                "base16".to_owned(),
                Json::String(digits),
            )]))
        }
    }
}

fn map(pairs: &[(Value, Value)]) -> Json {
    let named: Option<Map<String, Json>> = pairs
        .iter()
        .map(|(key, value)| match to_json(key) {
            Json::String(name) => Some((name, to_json(value))),
            _ => None,
        })
        .collect();
    match named {
        Some(object) if object.len() == pairs.len() => Json::Object(object),
        _ => pairs
            .iter()
            .map(|(key, value)| Json::from(vec![to_json(key), to_json(value)]))
            .collect(),
    }
}

/// A number where JSON can say it exactly, else its digits.
fn double(digits: &str) -> Json {
    match digits.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) if digits.len() <= 17 => Json::Number(number),
        _ => Json::String(digits.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, expected: &str) {
        assert_eq!(to_json(&value).to_string(), expected);
    }

    #[test]
    fn every_kind_of_reply() {
        check(Value::OK, r#""OK""#);
        check(Value::Null, "null");
        check(Value::Integer(i64::MAX), "9223372036854775807");
        check(Value::Double(1.5), "1.5");
        check(Value::Double(f64::INFINITY), r#""inf""#);
        check(Value::bulk([0xff, 0]), r#"{"base16":"ff00"}"#);
        check(Value::error("ERR no"), r#"{"error":"ERR no"}"#);
        check(
            Value::Array(vec![Value::Boolean(true), Value::Null]),
            "[true,null]",
        );
    }

    #[test]
    fn a_map_is_an_object_when_its_keys_are_names() {
        let pair = |key| (key, Value::Integer(1));
        check(Value::Map(vec![pair(Value::bulk("a"))]), r#"{"a":1}"#);
        check(Value::Map(vec![pair(Value::Integer(5))]), "[[5,1]]");
        check(
            Value::Map(vec![pair(Value::bulk("a")), pair(Value::bulk("a"))]),
            r#"[["a",1],["a",1]]"#,
        );
    }
}
