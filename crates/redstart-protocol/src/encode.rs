//! Values to bytes, for a peer of either protocol version.
//!
//! [`encode`] writes any value. The functions beside it write the replies that a hot path answers
//! with, for callers that have no [`Value`] and need none.

use bytes::BytesMut;

use crate::number::{self, format_g17};
use crate::{Resp, Value};

/// Appends a value exactly as Redis 7.0 writes it to a peer of this protocol version.
///
/// ```
/// use bytes::BytesMut;
/// use redstart_protocol::{Resp, Value, encode};
///
/// let mut out = BytesMut::new();
/// encode(&Value::Map(vec![(Value::bulk("a"), Value::Double(0.5))]), Resp::V2, &mut out);
/// assert_eq!(&out[..], b"*2\r\n$1\r\na\r\n$3\r\n0.5\r\n");
/// ```
pub fn encode(value: &Value, resp: Resp, out: &mut BytesMut) {
    match value {
        Value::Null => null(resp, out),
        Value::NullArray => null_array(resp, out),
        Value::Simple(text) => simple(text, out),
        Value::Error(text) => error(text, out),
        Value::Integer(number) => integer(*number, out),
        Value::Bulk(bytes) => bulk(bytes, out),
        Value::Array(items) => {
            array_header(items.len(), out);
            encode_all(items, resp, out);
        }
        Value::Map(pairs) => {
            map_header(pairs.len(), resp, out);
            for (key, value) in pairs {
                encode(key, resp, out);
                encode(value, resp, out);
            }
        }
        Value::Set(items) => {
            set_header(items.len(), resp, out);
            encode_all(items, resp, out);
        }
        Value::Push(items) => {
            push_header(items.len(), resp, out);
            encode_all(items, resp, out);
        }
        Value::Double(number) => double(*number, resp, out),
        Value::Decimal(text) => bulk_or_line(b',', text, resp, out),
        Value::Boolean(truth) => boolean(*truth, resp, out),
        Value::BigNumber(digits) => bulk_or_line(b'(', digits, resp, out),
        Value::Verbatim(format, text) => verbatim(*format, text, resp, out),
    }
}

/// Appends the status `OK`.
#[inline]
pub fn ok(out: &mut BytesMut) {
    out.extend_from_slice(b"+OK\r\n");
}

/// Appends a status. A line break in it would end the reply early and becomes a space.
pub fn simple(text: &[u8], out: &mut BytesMut) {
    line(b'+', text, out);
}

/// Appends an error: its code, a space and the text, without the leading `-`. Line breaks around it
/// go, and those inside become spaces.
pub fn error(text: &[u8], out: &mut BytesMut) {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(is_text)
        .map_or(start, |last| last + 1);
    line(b'-', &text[start..end], out);
}

/// Appends an integer.
#[inline]
pub fn integer(number: i64, out: &mut BytesMut) {
    if let Ok(digit @ 0..=9) = u8::try_from(number) {
        out.extend_from_slice(&[b':', b'0' + digit, b'\r', b'\n']);
        return;
    }
    let mut line = LINE;
    let mut start = number::write_digits(number.unsigned_abs(), &mut line, LINE_END);
    if number < 0 {
        start -= 1;
        line[start] = b'-';
    }
    start -= 1;
    line[start] = b':';
    out.extend_from_slice(&line[start..]);
}

/// Appends a bulk string.
#[inline]
pub fn bulk(bytes: &[u8], out: &mut BytesMut) {
    out.reserve(bytes.len() + LINE.len() + 2);
    header(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends the absence of a value.
#[inline]
pub fn null(resp: Resp, out: &mut BytesMut) {
    out.extend_from_slice(match resp {
        Resp::V2 => b"$-1\r\n",
        Resp::V3 => b"_\r\n",
    });
}

/// Appends the absence of an array.
#[inline]
pub fn null_array(resp: Resp, out: &mut BytesMut) {
    out.extend_from_slice(match resp {
        Resp::V2 => b"*-1\r\n",
        Resp::V3 => b"_\r\n",
    });
}

/// Appends a double.
pub fn double(number: f64, resp: Resp, out: &mut BytesMut) {
    bulk_or_line(b',', &format_g17(number), resp, out);
}

/// Appends a truth value.
#[inline]
pub fn boolean(truth: bool, resp: Resp, out: &mut BytesMut) {
    out.extend_from_slice(match (resp, truth) {
        (Resp::V2, false) => b":0\r\n",
        (Resp::V2, true) => b":1\r\n",
        (Resp::V3, false) => b"#f\r\n",
        (Resp::V3, true) => b"#t\r\n",
    });
}

/// Opens an array of this many values, which the caller appends.
#[inline]
pub fn array_header(len: usize, out: &mut BytesMut) {
    header(b'*', len, out);
}

/// Opens a map of this many pairs, which the caller appends key by value.
#[inline]
pub fn map_header(pairs: usize, resp: Resp, out: &mut BytesMut) {
    match resp {
        Resp::V2 => header(b'*', pairs * 2, out),
        Resp::V3 => header(b'%', pairs, out),
    }
}

/// Opens a set of this many values, which the caller appends.
#[inline]
pub fn set_header(len: usize, resp: Resp, out: &mut BytesMut) {
    header(if resp == Resp::V3 { b'~' } else { b'*' }, len, out);
}

/// Opens an out-of-band message of this many values, which the caller appends.
#[inline]
pub fn push_header(len: usize, resp: Resp, out: &mut BytesMut) {
    header(if resp == Resp::V3 { b'>' } else { b'*' }, len, out);
}

/// Appends a request: an array of bulk strings.
pub fn request(args: &[&[u8]], out: &mut BytesMut) {
    array_header(args.len(), out);
    for arg in args {
        bulk(arg, out);
    }
}

fn encode_all(items: &[Value], resp: Resp, out: &mut BytesMut) {
    for item in items {
        encode(item, resp, out);
    }
}

fn verbatim(format: [u8; 3], text: &[u8], resp: Resp, out: &mut BytesMut) {
    match resp {
        Resp::V2 => bulk(text, out),
        Resp::V3 => {
            header(b'=', text.len() + 4, out);
            out.extend_from_slice(&format);
            out.extend_from_slice(b":");
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A RESP3 type that fits on a line and is a bulk string in RESP2.
fn bulk_or_line(kind: u8, text: &[u8], resp: Resp, out: &mut BytesMut) {
    match resp {
        Resp::V2 => bulk(text, out),
        Resp::V3 => line(kind, text, out),
    }
}

fn line(kind: u8, text: &[u8], out: &mut BytesMut) {
    out.reserve(text.len() + 3);
    out.extend_from_slice(&[kind]);
    let start = out.len();
    out.extend_from_slice(text);
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// A number with its type byte is written to the end of this, before the line break.
const LINE: [u8; 32] = {
    let mut line = [0; 32];
    line[LINE_END] = b'\r';
    line[LINE_END + 1] = b'\n';
    line
};
const LINE_END: usize = 30;

#[inline]
fn header(kind: u8, len: usize, out: &mut BytesMut) {
    if let Ok(digit @ 0..=9) = u8::try_from(len) {
        out.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
        return;
    }
    let mut line = LINE;
    let start = number::write_digits(len as u64, &mut line, LINE_END) - 1;
    line[start] = kind;
    out.extend_from_slice(&line[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Octets;

    #[track_caller]
    fn check(value: Value, resp2: &str, resp3: &str) {
        for (resp, expected) in [(Resp::V2, resp2), (Resp::V3, resp3)] {
            let mut out = BytesMut::new();
            encode(&value, resp, &mut out);
            assert_eq!(
                out.escape_ascii().to_string(),
                expected.as_bytes().escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn every_type_in_both_versions() {
        let one = || vec![Value::Integer(1)];
        check(Value::Null, "$-1\r\n", "_\r\n");
        check(Value::NullArray, "*-1\r\n", "_\r\n");
        check(Value::OK, "+OK\r\n", "+OK\r\n");
        check(Value::error("ERR no"), "-ERR no\r\n", "-ERR no\r\n");
        check(Value::Integer(-12), ":-12\r\n", ":-12\r\n");
        check(
            Value::bulk("a\r\nb"),
            "$4\r\na\r\nb\r\n",
            "$4\r\na\r\nb\r\n",
        );
        check(Value::bulk(""), "$0\r\n\r\n", "$0\r\n\r\n");
        check(Value::Array(one()), "*1\r\n:1\r\n", "*1\r\n:1\r\n");
        check(Value::Set(one()), "*1\r\n:1\r\n", "~1\r\n:1\r\n");
        check(Value::Push(one()), "*1\r\n:1\r\n", ">1\r\n:1\r\n");
        check(
            Value::Map(vec![(Value::bulk("k"), Value::Null)]),
            "*2\r\n$1\r\nk\r\n$-1\r\n",
            "%1\r\n$1\r\nk\r\n_\r\n",
        );
        check(Value::Double(-0.0), "$2\r\n-0\r\n", ",-0\r\n");
        check(Value::Double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
        check(
            Value::Decimal(Octets::from_static(b"13.36138933897018433")),
            "$20\r\n13.36138933897018433\r\n",
            ",13.36138933897018433\r\n",
        );
        check(Value::Boolean(true), ":1\r\n", "#t\r\n");
        check(Value::Boolean(false), ":0\r\n", "#f\r\n");
        check(
            Value::BigNumber(Octets::from_static(b"-12")),
            "$3\r\n-12\r\n",
            "(-12\r\n",
        );
        check(
            Value::Verbatim(*b"txt", Octets::from_static(b"a\nb")),
            "$3\r\na\nb\r\n",
            "=7\r\ntxt:a\nb\r\n",
        );
    }

    #[test]
    fn a_line_break_cannot_end_a_line_early() {
        check(Value::simple("a\r\nb\n"), "+a  b \r\n", "+a  b \r\n");
        check(Value::error("\nA\r\nb\n\r"), "-A  b\r\n", "-A  b\r\n");
        check(Value::error("\r\n"), "-\r\n", "-\r\n");
    }

    #[test]
    fn extreme_integers_and_lengths() {
        check(
            Value::Integer(i64::MIN),
            ":-9223372036854775808\r\n",
            ":-9223372036854775808\r\n",
        );
        let mut out = BytesMut::new();
        array_header(usize::MAX, &mut out);
        assert_eq!(&out[..], b"*18446744073709551615\r\n");
    }
}
