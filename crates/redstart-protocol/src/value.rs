//! RESP values: what a command answers and what a server sends.
//!
//! One type serves both protocol versions. A value keeps its RESP3 shape (map, set, double …) and
//! the encoder lowers it for a RESP2 peer, so that a command says what it means only once.

use bytes::Bytes;

use crate::Octets;

/// The protocol version a peer speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resp {
    /// RESP2, what every connection starts with.
    #[default]
    V2,
    /// RESP3, after `HELLO 3`.
    V3,
}

/// One RESP value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Absent. `$-1` in RESP2, `_` in RESP3.
    Null,
    /// Absent, where RESP2 says so with a null array (`*-1`). `_` in RESP3.
    NullArray,
    /// A status such as `OK`.
    Simple(Octets),
    /// An error: its code, a space and the text, without the leading `-`.
    Error(Octets),
    /// A signed 64-bit integer.
    Integer(i64),
    /// A binary-safe string.
    Bulk(Octets),
    /// An ordered sequence.
    Array(Vec<Value>),
    /// Pairs in the order sent. A flat array in RESP2.
    Map(Vec<(Value, Value)>),
    /// An unordered collection. An array in RESP2.
    Set(Vec<Value>),
    /// An out-of-band message. An array in RESP2.
    Push(Vec<Value>),
    /// A double. A bulk string in RESP2.
    Double(f64),
    /// A double whose digits the command chose, such as a coordinate. A bulk string in RESP2.
    Decimal(Octets),
    /// A truth value. `0` or `1` in RESP2.
    Boolean(bool),
    /// An integer of any size, as decimal digits. A bulk string in RESP2.
    BigNumber(Octets),
    /// Text with a three-letter format (`txt`, `mkd`). A bulk string in RESP2.
    Verbatim([u8; 3], Octets),
}

impl Value {
    /// The status `OK`.
    pub const OK: Value = Value::Simple(Octets::from_static(b"OK"));

    /// A status from fixed text.
    pub const fn simple(text: &'static str) -> Value {
        Value::Simple(Octets::from_static(text.as_bytes()))
    }

    /// An error from its code and text, without the leading `-`.
    pub fn error(text: impl Into<String>) -> Value {
        Value::Error(text.into().into())
    }

    /// A bulk string, copied.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Value {
        Value::Bulk(bytes.as_ref().into())
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Value {
        Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Value {
        Value::Bulk(bytes.into())
    }
}
