//! Bytes to values: what a client reads from a server.
//!
//! The decoder is incremental without ever starting over: complete parts of a nested reply are kept
//! on a stack while the rest is on its way. What a server claims about sizes reserves nothing;
//! memory grows with what has arrived, up to the limits.

use std::fmt;

use bytes::{Buf, BytesMut};

use crate::number::{parse_f64, parse_i64};
use crate::{Octets, Value};

/// How large replies may be.
#[derive(Clone, Copy, Debug)]
pub struct ReplyLimits {
    /// Bytes of one string.
    pub bulk_len_max: usize,
    /// Values in one array, map or set; a pair of a map is two.
    pub elements_max: usize,
    /// How deep values may be nested.
    pub depth_max: usize,
    /// Bytes of one reply, everything in it included.
    pub reply_len_max: usize,
}

impl Default for ReplyLimits {
    /// Strings as large as Redis allows, replies of 1 GiB, 16 million elements, 128 levels.
    fn default() -> ReplyLimits {
        ReplyLimits {
            bulk_len_max: 512 << 20,
            elements_max: 16 << 20,
            depth_max: 128,
            reply_len_max: 1 << 30,
        }
    }
}

/// Why the bytes of a server are no reply. Nothing behind such bytes can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// A value begins with a byte that stands for no type.
    UnknownType(u8),
    /// A length, number, truth value or line end is not what it must be.
    Malformed,
    /// A limit is exceeded.
    TooLarge,
    /// Values are nested too deep.
    TooDeep,
}

/// Reads replies of either protocol version, as they arrive.
///
/// ```
/// use bytes::BytesMut;
/// use redstart_protocol::{ReplyDecoder, Value};
///
/// let mut decoder = ReplyDecoder::default();
/// let mut buffer = BytesMut::from("*2\r\n:1\r\n$2\r\na");
/// assert_eq!(decoder.decode(&mut buffer), Ok(None));
/// buffer.extend_from_slice(b"b\r\n");
/// let pair = Value::Array(vec![Value::Integer(1), Value::bulk("ab")]);
/// assert_eq!(decoder.decode(&mut buffer), Ok(Some(pair)));
/// ```
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    limits: ReplyLimits,
    /// The open arrays, maps and sets, outermost first.
    open: Vec<Open>,
    /// So many bytes must be there before it is worth looking again.
    needed: usize,
    /// So many bytes of an unfinished line have no line end in them.
    searched: usize,
    /// So many bytes of this reply were taken from the buffer.
    taken: usize,
}

#[derive(Debug)]
struct Open {
    kind: Aggregate,
    missing: usize,
    values: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Aggregate {
    Array,
    Set,
    Push,
    Map,
    /// Remarks about the value that follows, which nobody here reads.
    Attribute,
}

/// What stands at the front of the buffer.
enum Item {
    Value(Value),
    Opening(Aggregate, usize),
}

impl ReplyDecoder {
    /// A decoder with limits of its own.
    pub fn new(limits: ReplyLimits) -> ReplyDecoder {
        ReplyDecoder {
            limits,
            ..ReplyDecoder::default()
        }
    }

    /// Takes the next reply from the buffer, or nothing until more has arrived.
    ///
    /// Pushes are values like others: they may stand before any reply. After an error the connection
    /// is of no use.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Value>, ReplyError> {
        while let Some(item) = self.item(buffer)? {
            let value = match item {
                Item::Opening(kind, len) => {
                    self.open(kind, len, buffer.len())?;
                    None
                }
                Item::Value(value) => Some(value),
            };
            if let Some(value) = self.close(value) {
                self.taken = 0;
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn open(&mut self, kind: Aggregate, len: usize, arrived: usize) -> Result<(), ReplyError> {
        if self.open.len() >= self.limits.depth_max {
            return Err(ReplyError::TooDeep);
        }
        // No value is shorter than three bytes.
        let room = len.min(arrived / 3 + 1);
        self.open.push(Open {
            kind,
            missing: len,
            values: Vec::with_capacity(room),
        });
        Ok(())
    }

    /// Puts a value where it belongs, closes what is complete and returns the outermost value when
    /// that is.
    fn close(&mut self, mut value: Option<Value>) -> Option<Value> {
        loop {
            let Some(open) = self.open.last_mut() else {
                return value;
            };
            if let Some(value) = value.take() {
                open.values.push(value);
                open.missing -= 1;
            }
            if open.missing > 0 {
                return None;
            }
            let complete = self.open.pop()?;
            value = match complete.kind {
                Aggregate::Array => Some(Value::Array(complete.values)),
                Aggregate::Set => Some(Value::Set(complete.values)),
                Aggregate::Push => Some(Value::Push(complete.values)),
                Aggregate::Map => Some(Value::Map(pairs(complete.values))),
                Aggregate::Attribute => return None,
            };
        }
    }

    fn item(&mut self, buffer: &mut BytesMut) -> Result<Option<Item>, ReplyError> {
        if buffer.len() < self.needed {
            return Ok(None);
        }
        let Some(line_len) = self.line(buffer)? else {
            return Ok(None);
        };
        let (kind, text) = (buffer[0], &buffer[1..line_len]);
        let header_len = line_len + 2;
        let item = match kind {
            b'$' | b'!' | b'=' => match bulk_len(text)? {
                None => Item::Value(Value::Null),
                Some(len) => return self.bulk(kind, header_len, len, buffer),
            },
            b'*' if text == b"-1" => Item::Value(Value::NullArray),
            b'*' => Item::Opening(Aggregate::Array, self.elements(text, 1)?),
            b'~' => Item::Opening(Aggregate::Set, self.elements(text, 1)?),
            b'>' => Item::Opening(Aggregate::Push, self.elements(text, 1)?),
            b'%' => Item::Opening(Aggregate::Map, self.elements(text, 2)?),
            b'|' => Item::Opening(Aggregate::Attribute, self.elements(text, 2)?),
            _ => Item::Value(simple(kind, text)?),
        };
        self.take(header_len, buffer)?;
        Ok(Some(item))
    }

    /// The length of the first line, if it is complete.
    fn line(&mut self, buffer: &BytesMut) -> Result<Option<usize>, ReplyError> {
        let unsearched = &buffer[self.searched..];
        let Some(end) = unsearched.iter().position(|&byte| byte == b'\n') else {
            self.searched = buffer.len();
            self.needed = buffer.len() + 1;
            return match buffer.len() > self.limits.bulk_len_max {
                true => Err(ReplyError::TooLarge),
                false => Ok(None),
            };
        };
        let end = self.searched + end;
        // Too long is too long, however it arrives.
        if end > self.limits.bulk_len_max {
            return Err(ReplyError::TooLarge);
        }
        if end < 2 || buffer[end - 1] != b'\r' {
            return Err(ReplyError::Malformed);
        }
        Ok(Some(end - 1))
    }

    fn bulk(
        &mut self,
        kind: u8,
        header_len: usize,
        len: usize,
        buffer: &mut BytesMut,
    ) -> Result<Option<Item>, ReplyError> {
        let total = self.taken.saturating_add(len);
        if len > self.limits.bulk_len_max || total > self.limits.reply_len_max {
            return Err(ReplyError::TooLarge);
        }
        let whole = header_len + len + 2;
        if buffer.len() < whole {
            self.needed = whole;
            return Ok(None);
        }
        if &buffer[whole - 2..whole] != b"\r\n" {
            return Err(ReplyError::Malformed);
        }
        self.take(header_len, buffer)?;
        let bytes = detached(buffer, len);
        self.taken += len;
        self.take(2, buffer)?;
        let value = match kind {
            b'!' => Value::Error(bytes),
            b'=' => {
                let [a, b, c, b':', ..] = bytes[..] else {
                    return Err(ReplyError::Malformed);
                };
                Value::Verbatim([a, b, c], bytes[4..].into())
            }
            _ => Value::Bulk(bytes),
        };
        Ok(Some(Item::Value(value)))
    }

    fn elements(&self, text: &[u8], each: usize) -> Result<usize, ReplyError> {
        let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
        let count = count.ok_or(ReplyError::Malformed)?;
        match count.checked_mul(each) {
            Some(elements) if elements <= self.limits.elements_max => Ok(elements),
            _ => Err(ReplyError::TooLarge),
        }
    }

    fn take(&mut self, len: usize, buffer: &mut BytesMut) -> Result<(), ReplyError> {
        buffer.advance(len);
        self.searched = 0;
        self.needed = 0;
        self.taken += len;
        match self.taken > self.limits.reply_len_max {
            true => Err(ReplyError::TooLarge),
            false => Ok(()),
        }
    }
}

/// Takes bytes from the front. Small ones are copied, so that a short string does not keep a whole
/// read buffer alive; from some size on sharing the buffer is worth that.
fn detached(buffer: &mut BytesMut, len: usize) -> Octets {
    const COPIED_UP_TO: usize = 4 * 1024;
    if len > COPIED_UP_TO {
        return buffer.split_to(len).freeze().into();
    }
    let bytes = Octets::from(&buffer[..len]);
    buffer.advance(len);
    bytes
}

fn simple(kind: u8, text: &[u8]) -> Result<Value, ReplyError> {
    let value = match (kind, text) {
        (b'+', b"OK") => Some(Value::OK),
        (b'+', _) => Some(Value::Simple(text.into())),
        (b'-', _) => Some(Value::Error(text.into())),
        (b':', _) => parse_i64(text).map(Value::Integer),
        (b'_', b"") => Some(Value::Null),
        (b'#', b"t") => Some(Value::Boolean(true)),
        (b'#', b"f") => Some(Value::Boolean(false)),
        (b',', b"nan" | b"-nan") => Some(Value::Double(f64::NAN)),
        (b',', _) => parse_f64(text).map(Value::Double),
        (b'(', _) => is_number(text).then(|| Value::BigNumber(text.into())),
        (b'_' | b'#', _) => None,
        (unknown, _) => return Err(ReplyError::UnknownType(unknown)),
    };
    value.ok_or(ReplyError::Malformed)
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Nothing for RESP2's `-1`.
fn bulk_len(text: &[u8]) -> Result<Option<usize>, ReplyError> {
    match parse_i64(text) {
        Some(-1) => Ok(None),
        Some(len) => usize::try_from(len)
            .map(Some)
            .map_err(|_| ReplyError::Malformed),
        None => Err(ReplyError::Malformed),
    }
}

fn pairs(values: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        pairs.push((key, value));
    }
    pairs
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::UnknownType(kind) => {
                write!(
                    f,
                    "a reply begins with '{}', which is no type",
                    kind.escape_ascii()
                )
            }
            ReplyError::Malformed => f.write_str("a reply is malformed"),
            ReplyError::TooLarge => f.write_str("a reply is larger than the limits allow"),
            ReplyError::TooDeep => f.write_str("a reply is nested deeper than the limits allow"),
        }
    }
}

impl std::error::Error for ReplyError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Resp, encode};

    fn decode(bytes: &[u8]) -> Result<Option<Value>, ReplyError> {
        ReplyDecoder::default().decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn attributes_are_skipped_wherever_they_stand() {
        let bytes = b"|1\r\n+a\r\n*1\r\n:2\r\n*2\r\n|0\r\n:1\r\n|1\r\n|1\r\n:7\r\n:8\r\n:9\r\n$1\r\nx\r\n:2\r\n";
        let expected = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
        assert_eq!(decode(bytes), Ok(Some(expected)));
    }

    #[test]
    fn what_only_servers_of_another_version_send() {
        assert_eq!(decode(b"$-1\r\n"), Ok(Some(Value::Null)));
        assert_eq!(decode(b"*-1\r\n"), Ok(Some(Value::NullArray)));
        assert_eq!(
            decode(b"!7\r\nERR a\nb\r\n"),
            Ok(Some(Value::error("ERR a\nb")))
        );
        assert!(matches!(decode(b",-nan\r\n"), Ok(Some(Value::Double(nan))) if nan.is_nan()));
    }

    #[test]
    fn a_line_that_is_too_long_is_so_however_it_arrives() {
        let limits = ReplyLimits {
            bulk_len_max: 8,
            ..ReplyLimits::default()
        };
        for (line, expected) in [
            (&b"+123456\r\n"[..], Ok(Some(Value::simple("123456")))),
            (b"+1234567\r\n", Err(ReplyError::TooLarge)),
        ] {
            for width in [1, line.len()] {
                let (mut decoder, mut buffer) = (ReplyDecoder::new(limits), BytesMut::new());
                let mut decoded = line.chunks(width).map(|piece| {
                    buffer.extend_from_slice(piece);
                    decoder.decode(&mut buffer)
                });
                let decoded = decoded.find(|decoded| *decoded != Ok(None));
                assert_eq!(decoded.as_ref(), Some(&expected), "in pieces of {width}");
            }
        }
    }

    #[test]
    fn what_is_no_reply() {
        for (bytes, error) in [
            (&b"?1\r\n"[..], ReplyError::UnknownType(b'?')),
            (b"\r\n", ReplyError::Malformed),
            (b"+OK\n", ReplyError::Malformed),
            (b":\r\n", ReplyError::Malformed),
            (b":1x\r\n", ReplyError::Malformed),
            (b"$-2\r\n", ReplyError::Malformed),
            (b"$1\r\nabc\r\n", ReplyError::Malformed),
            (b"*-2\r\n", ReplyError::Malformed),
            (b"#x\r\n", ReplyError::Malformed),
            (b"_x\r\n", ReplyError::Malformed),
            (b",1.2.3\r\n", ReplyError::Malformed),
            (b"(12a\r\n", ReplyError::Malformed),
            (b"=3\r\ntxt\r\n", ReplyError::Malformed),
            (b"$536870913\r\n", ReplyError::TooLarge),
            (b"*16777217\r\n", ReplyError::TooLarge),
            (b"%9223372036854775807\r\n", ReplyError::TooLarge),
        ] {
            assert_eq!(decode(bytes), Err(error), "{}", bytes.escape_ascii());
        }
        assert_eq!(decode(&b"*1\r\n".repeat(129)), Err(ReplyError::TooDeep));
        assert_eq!(decode(&b"*1\r\n".repeat(128)), Ok(None));
    }

    #[test]
    fn a_reply_of_many_parts_has_a_limit_too() {
        let mut decoder = ReplyDecoder::new(ReplyLimits {
            reply_len_max: 30,
            ..ReplyLimits::default()
        });
        let mut buffer = BytesMut::from("$10\r\n0123456789\r\n$10\r\n0123456789\r\n");
        assert!(
            decoder
                .decode(&mut buffer)
                .is_ok_and(|value| value.is_some())
        );
        assert!(
            decoder
                .decode(&mut buffer)
                .is_ok_and(|value| value.is_some())
        );
        buffer.extend_from_slice(b"*2\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n");
        assert_eq!(decoder.decode(&mut buffer), Err(ReplyError::TooLarge));
    }

    #[test]
    fn a_claimed_length_reserves_nothing() {
        let mut decoder = ReplyDecoder::default();
        let mut buffer = BytesMut::from("*16000000\r\n*16000000\r\n$500000000\r\n");
        assert_eq!(decoder.decode(&mut buffer), Ok(None));
        assert!(decoder.open.iter().all(|open| open.values.capacity() < 100));
        assert!(buffer.capacity() < 1000);
    }

    fn value() -> impl Strategy<Value = Value> {
        let line = || "[^\r\n]{0,40}".prop_map(|text| Octets::from(text.into_bytes()));
        let bytes = || prop::collection::vec(any::<u8>(), 0..60).prop_map(Octets::from);
        let large = (4000usize..9000).prop_map(|len| Octets::from(vec![b'x'; len]));
        let leaf = prop_oneof![
            Just(Value::Null),
            Just(Value::NullArray),
            Just(Value::OK),
            line().prop_map(Value::Simple),
            line().prop_map(Value::Error),
            any::<i64>().prop_map(Value::Integer),
            bytes().prop_map(Value::Bulk),
            large.prop_map(Value::Bulk),
            (any::<f64>().prop_filter("comparable", |number| !number.is_nan()))
                .prop_map(Value::Double),
            any::<i16>()
                .prop_map(|tenths| { Value::Decimal(Octets::from(format!("{}.5", tenths))) }),
            any::<bool>().prop_map(Value::Boolean),
            any::<i128>().prop_map(|number| Value::BigNumber(Octets::from(number.to_string()))),
            bytes().prop_map(|bytes| Value::Verbatim(*b"txt", bytes)),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let many = || prop::collection::vec(inner.clone(), 0..6);
            prop_oneof![
                many().prop_map(Value::Array),
                many().prop_map(Value::Set),
                many().prop_map(Value::Push),
                prop::collection::vec((inner.clone(), inner.clone()), 0..6).prop_map(Value::Map),
            ]
        })
    }

    /// The value that a peer of this version understands.
    fn seen(value: Value, resp: Resp) -> Value {
        let all = |values: Vec<Value>| values.into_iter().map(|value| seen(value, resp)).collect();
        if resp == Resp::V3 {
            return match value {
                Value::NullArray => Value::Null,
                Value::Decimal(text) => Value::Double(parse_f64(&text).expect("a number")),
                Value::Array(values) => Value::Array(all(values)),
                Value::Set(values) => Value::Set(all(values)),
                Value::Push(values) => Value::Push(all(values)),
                Value::Map(pairs) => {
                    let pair = |(key, value)| (seen(key, resp), seen(value, resp));
                    Value::Map(pairs.into_iter().map(pair).collect())
                }
                value => value,
            };
        }
        match value {
            Value::Array(values) | Value::Set(values) | Value::Push(values) => {
                Value::Array(all(values))
            }
            Value::Map(pairs) => Value::Array(all(pairs
                .into_iter()
                .flat_map(|(key, value)| [key, value])
                .collect())),
            Value::Double(number) => Value::bulk(crate::number::format_g17(number)),
            Value::Decimal(text) | Value::BigNumber(text) | Value::Verbatim(_, text) => {
                Value::Bulk(text)
            }
            Value::Boolean(truth) => Value::Integer(i64::from(truth)),
            value => value,
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            values in prop::collection::vec(value(), 1..4),
            resp in prop_oneof![Just(Resp::V2), Just(Resp::V3)],
            pieces in prop::collection::vec(1usize..30, 1..20),
        ) {
            let mut bytes = BytesMut::new();
            values.iter().for_each(|value| encode(value, resp, &mut bytes));
            let mut decoder = ReplyDecoder::default();
            let mut buffer = BytesMut::new();
            let mut decoded = Vec::new();
            for piece in pieces.into_iter().cycle() {
                while let Some(value) = decoder.decode(&mut buffer).expect("well-formed") {
                    decoded.push(value);
                }
                if bytes.is_empty() {
                    break;
                }
                buffer.extend_from_slice(&bytes.split_to(piece.min(bytes.len())));
            }
            let expected: Vec<Value> =
                values.into_iter().map(|value| seen(value, resp)).collect();
            prop_assert_eq!(decoded, expected);
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"*$%~>|=!+-:,#(_0123\r\n"[..])], 0..200)
        ) {
            let mut decoder = ReplyDecoder::default();
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
        }
    }
}
