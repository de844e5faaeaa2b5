//! Replies as trees, exactly as they came: RESP2's and RESP3's nulls stay different, and a double
//! keeps its digits.

use std::fmt;

use crate::frame::{FrameError, FrameScanner};

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// RESP2's null bulk string, `$-1`.
    NullBulk,
    /// RESP2's null array, `*-1`.
    NullArray,
    /// RESP3's null, `_`.
    Null,
    /// A status such as `OK`.
    Simple(Vec<u8>),
    /// An error, without the leading `-`.
    Error(Vec<u8>),
    /// A signed 64-bit integer.
    Integer(i64),
    /// A binary-safe string.
    Bulk(Vec<u8>),
    /// An ordered sequence.
    Array(Vec<Reply>),
    /// Pairs, in the order sent.
    Map(Vec<(Reply, Reply)>),
    /// An unordered collection, in the order sent.
    Set(Vec<Reply>),
    /// An out-of-band message.
    Push(Vec<Reply>),
    /// A double, as the digits sent.
    Double(Vec<u8>),
    /// A truth value.
    Boolean(bool),
    /// An integer of any size, as the digits sent.
    BigNumber(Vec<u8>),
    /// Text behind its three-letter format and a colon.
    Verbatim(Vec<u8>),
    /// An error that may hold any bytes.
    BlobError(Vec<u8>),
    /// Attributes, and the value they describe.
    Attribute(Vec<(Reply, Reply)>, Box<Reply>),
}

impl Reply {
    /// The reply that `bytes` hold. They must hold exactly one.
    pub fn parse(bytes: &[u8]) -> Result<Reply, FrameError> {
        // The scanner has checked every length before the tree is built.
        if FrameScanner::new().scan(bytes)? != Some(bytes.len()) {
            return Err(FrameError::at(bytes.len(), "not exactly one reply"));
        }
        let mut position = 0;
        read(bytes, &mut position)
    }

    /// The wire form. Parsing and writing gives the bytes back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// The content of a bulk, simple or verbatim string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Reply::Bulk(bytes) | Reply::Simple(bytes) => Some(bytes),
            Reply::Verbatim(bytes) => bytes.get(4..),
            _ => None,
        }
    }

    /// The content of an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Reply::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The elements of an array, a set or a push.
    pub fn as_elements(&self) -> Option<&[Reply]> {
        match self {
            Reply::Array(elements) | Reply::Set(elements) | Reply::Push(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_) | Reply::BlobError(_))
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Reply::NullBulk => out.extend_from_slice(b"$-1\r\n"),
            Reply::NullArray => out.extend_from_slice(b"*-1\r\n"),
            Reply::Null => out.extend_from_slice(b"_\r\n"),
            Reply::Simple(text) => line(out, b'+', text),
            Reply::Error(text) => line(out, b'-', text),
            Reply::Integer(number) => line(out, b':', number.to_string().as_bytes()),
            Reply::Bulk(bytes) => blob(out, b'$', bytes),
            Reply::Array(elements) => aggregate(out, b'*', elements),
            Reply::Map(pairs) => pairs_of(out, b'%', pairs),
            Reply::Set(elements) => aggregate(out, b'~', elements),
            Reply::Push(elements) => aggregate(out, b'>', elements),
            Reply::Double(digits) => line(out, b',', digits),
            Reply::Boolean(truth) => line(out, b'#', if *truth { b"t" } else { b"f" }),
            Reply::BigNumber(digits) => line(out, b'(', digits),
            Reply::Verbatim(bytes) => blob(out, b'=', bytes),
            Reply::BlobError(bytes) => blob(out, b'!', bytes),
            Reply::Attribute(pairs, value) => {
                pairs_of(out, b'|', pairs);
                value.write(out);
            }
        }
    }
}

/// A reply reads like redis-cli's, on one line.
impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |out: &mut fmt::Formatter<'_>, open: &str, elements: &[Reply], close: &str| {
            out.write_str(open)?;
            for (index, element) in elements.iter().enumerate() {
                write!(out, "{}{element}", if index == 0 { "" } else { ", " })?;
            }
            out.write_str(close)
        };
        let pairs = |out: &mut fmt::Formatter<'_>, pairs: &[(Reply, Reply)]| {
            out.write_str("{")?;
            for (index, (key, value)) in pairs.iter().enumerate() {
                write!(out, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
            }
            out.write_str("}")
        };
        match self {
            Reply::NullBulk => out.write_str("(null bulk)"),
            Reply::NullArray => out.write_str("(null array)"),
            Reply::Null => out.write_str("(null)"),
            Reply::Simple(text) => write!(out, "+{}", text.escape_ascii()),
            Reply::Error(text) => write!(out, "-{}", text.escape_ascii()),
            Reply::Integer(number) => write!(out, "{number}"),
            Reply::Bulk(bytes) => write!(out, "\"{}\"", bytes.escape_ascii()),
            Reply::Array(elements) => list(out, "[", elements, "]"),
            Reply::Map(entries) => pairs(out, entries),
            Reply::Set(elements) => list(out, "~[", elements, "]"),
            Reply::Push(elements) => list(out, ">[", elements, "]"),
            Reply::Double(digits) => write!(out, ",{}", digits.escape_ascii()),
            Reply::Boolean(truth) => write!(out, "#{truth}"),
            Reply::BigNumber(digits) => write!(out, "({}", digits.escape_ascii()),
            Reply::Verbatim(bytes) => write!(out, "={}", bytes.escape_ascii()),
            Reply::BlobError(bytes) => write!(out, "!{}", bytes.escape_ascii()),
            Reply::Attribute(entries, value) => {
                out.write_str("|")?;
                pairs(out, entries)?;
                write!(out, " {value}")
            }
        }
    }
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn blob(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    line(out, kind, bytes.len().to_string().as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn aggregate(out: &mut Vec<u8>, kind: u8, elements: &[Reply]) {
    line(out, kind, elements.len().to_string().as_bytes());
    for element in elements {
        element.write(out);
    }
}

fn pairs_of(out: &mut Vec<u8>, kind: u8, pairs: &[(Reply, Reply)]) {
    line(out, kind, pairs.len().to_string().as_bytes());
    for (key, value) in pairs {
        key.write(out);
        value.write(out);
    }
}

/// Reads the reply at `position` from bytes whose framing the scanner has accepted.
fn read(bytes: &[u8], position: &mut usize) -> Result<Reply, FrameError> {
    let start = *position;
    let rest = bytes.get(start..).unwrap_or_default();
    let end = rest
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .ok_or(FrameError::at(start, "a line without an end"))?;
    let kind = rest[0];
    let text = &rest[1..end];
    *position += end + 2;

    let number = || {
        std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
    };
    let count = || number().ok_or(FrameError::at(start, "a length that is none"));
    let elements = |position: &mut usize, count: i64| -> Result<Vec<Reply>, FrameError> {
        (0..count).map(|_| read(bytes, position)).collect()
    };
    let pairs = |position: &mut usize, count: i64| -> Result<Vec<(Reply, Reply)>, FrameError> {
        (0..count)
            .map(|_| Ok((read(bytes, position)?, read(bytes, position)?)))
            .collect()
    };
    let body = |position: &mut usize, length: i64| -> Vec<u8> {
        let length = usize::try_from(length).unwrap_or(0);
        let content = bytes
            .get(*position..*position + length)
            .unwrap_or_default()
            .to_vec();
        *position += length + 2;
        content
    };
    Ok(match kind {
        b'+' => Reply::Simple(text.to_vec()),
        b'-' => Reply::Error(text.to_vec()),
        b':' => Reply::Integer(number().ok_or(FrameError::at(start, "an integer that is none"))?),
        b'_' => Reply::Null,
        b',' => Reply::Double(text.to_vec()),
        b'#' => Reply::Boolean(text == b"t"),
        b'(' => Reply::BigNumber(text.to_vec()),
        b'$' => match count()? {
            -1 => Reply::NullBulk,
            length => Reply::Bulk(body(position, length)),
        },
        b'=' => Reply::Verbatim(body(position, count()?)),
        b'!' => Reply::BlobError(body(position, count()?)),
        b'*' => match count()? {
            -1 => Reply::NullArray,
            count => Reply::Array(elements(position, count)?),
        },
        b'~' => Reply::Set(elements(position, count()?)?),
        b'>' => Reply::Push(elements(position, count()?)?),
        b'%' => Reply::Map(pairs(position, count()?)?),
        b'|' => {
            let attributes = pairs(position, count()?)?;
            Reply::Attribute(attributes, Box::new(read(bytes, position)?))
        }
        _ => return Err(FrameError::at(start, "an unknown type byte")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_written_as_it_was_read() {
        for bytes in [
            &b"*4\r\n$-1\r\n*-1\r\n_\r\n:-7\r\n"[..],
            b"%1\r\n$1\r\na\r\n~2\r\n,1.50\r\n#f\r\n",
            b">2\r\n=6\r\ntxt:ab\r\n(123\r\n",
            b"|1\r\n+a\r\n:1\r\n-ERR x\r\n",
            b"!5\r\nERR x\r\n",
            b"$4\r\na\r\nb\r\n",
        ] {
            assert_eq!(
                Reply::parse(bytes).map(|reply| reply.to_bytes()),
                Ok(bytes.to_vec())
            );
        }
    }

    #[test]
    fn more_or_less_than_one_reply_is_refused() {
        assert!(Reply::parse(b"+OK\r\n+OK\r\n").is_err());
        assert!(Reply::parse(b"*2\r\n:1\r\n").is_err());
        assert!(Reply::parse(b"").is_err());
    }
}
