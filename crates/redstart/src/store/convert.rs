//! From replies to Rust values.
//!
//! Both protocol versions are understood: what RESP3 calls a map may arrive as a flat array, a
//! double as a string, a truth value as 0 or 1.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use bytes::Bytes;
use redstart_protocol::Value;

/// A type that a reply can become.
pub trait FromValue: Sized {
    /// Takes the reply apart.
    fn from_value(value: Value) -> Result<Self, Mismatch>;
}

/// A reply of another kind than was asked for. It names the kinds and not the contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got}")]
pub struct Mismatch {
    /// What was asked for.
    pub expected: &'static str,
    /// What came.
    pub got: &'static str,
}

impl Mismatch {
    pub(crate) fn new(expected: &'static str, got: &Value) -> Mismatch {
        Mismatch {
            expected,
            got: kind(got),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null | Value::NullArray => "nothing",
        Value::Simple(_) => "a status",
        Value::Error(_) => "an error",
        Value::Integer(_) => "an integer",
        Value::Bulk(_) => "a string",
        Value::Array(_) => "an array",
        Value::Map(_) => "a map",
        Value::Set(_) => "a set",
        Value::Push(_) => "a push message",
        Value::Double(_) | Value::Decimal(_) => "a double",
        Value::Boolean(_) => "a truth value",
        Value::BigNumber(_) => "a big number",
        Value::Verbatim(..) => "a text",
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Value, Mismatch> {
        Ok(value)
    }
}

/// Any reply will do.
impl FromValue for () {
    fn from_value(_: Value) -> Result<(), Mismatch> {
        Ok(())
    }
}

impl FromValue for Bytes {
    fn from_value(value: Value) -> Result<Bytes, Mismatch> {
        match value {
            Value::Bulk(bytes)
            | Value::Simple(bytes)
            | Value::Decimal(bytes)
            | Value::BigNumber(bytes)
            | Value::Verbatim(_, bytes) => Ok(bytes.into()),
            Value::Integer(number) => Ok(number.to_string().into()),
            Value::Double(number) => Ok(number.to_string().into()),
            other => Err(Mismatch::new("a string", &other)),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Vec<u8>, Mismatch> {
        Bytes::from_value(value).map(Vec::from)
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<String, Mismatch> {
        let bytes = Bytes::from_value(value)?;
        String::from_utf8(bytes.into()).map_err(|_| Mismatch {
            expected: "a utf-8 string",
            got: "other bytes",
        })
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<i64, Mismatch> {
        match &value {
            Value::Integer(number) => Ok(*number),
            Value::Boolean(truth) => Ok(i64::from(*truth)),
            Value::Bulk(text) | Value::Simple(text) => {
                parse(text).ok_or(Mismatch::new("an integer", &value))
            }
            _ => Err(Mismatch::new("an integer", &value)),
        }
    }
}

macro_rules! smaller_integers {
    ($($kind:ty),*) => {$(
        impl FromValue for $kind {
            fn from_value(value: Value) -> Result<$kind, Mismatch> {
                const EXPECTED: &str = concat!("an integer that fits ", stringify!($kind));
                let number = i64::from_value(value)?;
                <$kind>::try_from(number)
                    .map_err(|_| Mismatch { expected: EXPECTED, got: "another integer" })
            }
        }
    )*};
}

smaller_integers!(u16, u32, u64, usize, i16, i32, isize);

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<f64, Mismatch> {
        match &value {
            Value::Double(number) => Ok(*number),
            #[expect(clippy::cast_precision_loss, reason = "asked for as a double")]
            Value::Integer(number) => Ok(*number as f64),
            Value::Bulk(text) | Value::Simple(text) | Value::Decimal(text) => {
                parse(text).ok_or(Mismatch::new("a number", &value))
            }
            _ => Err(Mismatch::new("a number", &value)),
        }
    }
}

/// `1`, `OK` and true are true; `0`, false and nothing are false (SET with NX answers OK or
/// nothing).
impl FromValue for bool {
    fn from_value(value: Value) -> Result<bool, Mismatch> {
        match &value {
            Value::Boolean(truth) => Ok(*truth),
            Value::Integer(0) | Value::Null | Value::NullArray => Ok(false),
            Value::Integer(1) => Ok(true),
            Value::Simple(text) if text.as_ref() == b"OK" => Ok(true),
            _ => Err(Mismatch::new("a truth value", &value)),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Option<T>, Mismatch> {
        match value {
            Value::Null | Value::NullArray => Ok(None),
            present => T::from_value(present).map(Some),
        }
    }
}

/// One element per item; a map becomes its pairs.
impl<T: FromItem> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Vec<T>, Mismatch> {
        items(value)?.into_iter().map(T::from_value).collect()
    }
}

/// What [`Vec`] can hold: everything but bytes, which are a string and not a list of numbers.
pub trait FromItem: FromValue {}

macro_rules! items_of_lists {
    ($($kind:ty),*) => {$(impl FromItem for $kind {})*};
}

items_of_lists!(
    Value,
    Bytes,
    Vec<u8>,
    String,
    i64,
    u16,
    u32,
    u64,
    usize,
    i16,
    i32,
    isize,
    f64,
    bool
);

impl<T: FromItem> FromItem for Option<T> {}
impl<T: FromItem> FromItem for Vec<T> {}
impl<A: FromValue, B: FromValue> FromItem for (A, B) {}

impl<A: FromValue, B: FromValue> FromValue for (A, B) {
    fn from_value(value: Value) -> Result<(A, B), Mismatch> {
        let items: [Value; 2] = items(value)?.try_into().map_err(|_| Mismatch {
            expected: "two items",
            got: "another number of items",
        })?;
        let [first, second] = items;
        Ok((A::from_value(first)?, B::from_value(second)?))
    }
}

impl<K, V, S> FromValue for HashMap<K, V, S>
where
    K: FromValue + Eq + Hash,
    V: FromValue,
    S: BuildHasher + Default,
{
    fn from_value(value: Value) -> Result<HashMap<K, V, S>, Mismatch> {
        pairs(value)
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: Value) -> Result<BTreeMap<K, V>, Mismatch> {
        pairs(value)
    }
}

fn items(value: Value) -> Result<Vec<Value>, Mismatch> {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => Ok(items),
        Value::Map(pairs) => Ok(pairs
            .into_iter()
            .map(|(key, value)| Value::Array(vec![key, value]))
            .collect()),
        other => Err(Mismatch::new("a list", &other)),
    }
}

fn pairs<K: FromValue, V: FromValue, C: FromIterator<(K, V)>>(value: Value) -> Result<C, Mismatch> {
    match value {
        Value::Map(pairs) => pairs
            .into_iter()
            .map(|(key, value)| Ok((K::from_value(key)?, V::from_value(value)?)))
            .collect(),
        Value::Array(items) if items.len() % 2 == 0 => {
            let mut items = items.into_iter();
            std::iter::from_fn(|| Some((items.next()?, items.next()?)))
                .map(|(key, value)| Ok((K::from_value(key)?, V::from_value(value)?)))
                .collect()
        }
        other => Err(Mismatch::new("a map", &other)),
    }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromValue + PartialEq + std::fmt::Debug>(value: Value, expected: T) {
        assert_eq!(T::from_value(value).unwrap(), expected);
    }

    #[test]
    fn numbers_come_as_numbers_or_text() {
        check(Value::Integer(7), 7_u32);
        check(Value::bulk("-7"), -7_i64);
        check(Value::bulk("1.5"), 1.5);
        check(Value::Double(2.5), 2.5);
        check(Value::Integer(7), "7".to_owned());
        assert_eq!(
            u16::from_value(Value::Integer(-1)).unwrap_err().to_string(),
            "expected an integer that fits u16, got another integer"
        );
    }

    #[test]
    fn absence_is_an_option() {
        check(Value::Null, None::<String>);
        check(Value::NullArray, None::<Vec<String>>);
        check(Value::bulk("x"), Some("x".to_owned()));
        assert_eq!(
            String::from_value(Value::Null).unwrap_err().to_string(),
            "expected a string, got nothing"
        );
    }

    #[test]
    fn a_map_may_be_flat() {
        let expected = BTreeMap::from([("a".to_owned(), 1_i64), ("b".to_owned(), 2)]);
        let flat = ["a", "1", "b", "2"].map(Value::bulk);
        check(Value::Array(flat.to_vec()), expected.clone());
        let pairs = vec![
            (Value::bulk("a"), Value::Integer(1)),
            (Value::bulk("b"), Value::Integer(2)),
        ];
        check(Value::Map(pairs.clone()), expected);
        check(
            Value::Map(pairs),
            vec![("a".to_owned(), 1_i64), ("b".to_owned(), 2)],
        );
    }

    #[test]
    fn set_with_nx_answers_a_truth_value() {
        check(Value::OK, true);
        check(Value::Null, false);
        check(Value::Integer(1), true);
        assert!(bool::from_value(Value::Integer(2)).is_err());
    }

    #[test]
    fn bytes_are_a_string() {
        check(Value::bulk(b"\xff\x00"), vec![255_u8, 0]);
        check(Value::Array(vec![Value::bulk("a")]), vec![b"a".to_vec()]);
        assert!(String::from_value(Value::bulk(b"\xff")).is_err());
    }
}
