//! From JSON to Lua.

use std::borrow::Cow;

use redstart_protocol::number;

use super::super::datum::Datum;
use super::super::error::{Outcome, Raise};
use super::Settings;

/// Reads a JSON text of at most `values` values.
pub(super) fn decode<'a>(text: &'a [u8], settings: &Settings, values: usize) -> Outcome<Datum<'a>> {
    if let [0, _, ..] | [_, 0, ..] = text {
        return Err(Raise::text("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser {
        text,
        position: 0,
        settings,
        values,
    };
    parser.document()
}

struct Parser<'a, 's> {
    text: &'a [u8],
    position: usize,
    settings: &'s Settings,
    /// How many more values there may be.
    values: usize,
}

/// An array or an object that is being read.
enum Open<'a> {
    Array(Vec<Datum<'a>>),
    Object {
        pairs: Vec<(Datum<'a>, Datum<'a>)>,
        key: Datum<'a>,
    },
}

struct Token<'a> {
    kind: Kind<'a>,
    /// Where it begins, or where it is wrong.
    position: usize,
}

enum Kind<'a> {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Cow<'a, [u8]>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Fault(&'static str),
}

impl<'a> Parser<'a, '_> {
    fn document(&mut self) -> Outcome<Datum<'a>> {
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut token = self.token();
        loop {
            self.values = self.values.checked_sub(1).ok_or(Raise::Memory)?;
            let mut done = match token.kind {
                Kind::Text(text) => Datum::Text(text),
                Kind::Number(number) => Datum::Number(number),
                Kind::Boolean(boolean) => Datum::Boolean(boolean),
                Kind::Null => Datum::Null,
                Kind::ObjectBegin => {
                    self.descend(open.len() + 1)?;
                    token = self.token();
                    if !matches!(token.kind, Kind::ObjectEnd) {
                        let key = self.key(token)?;
                        let pairs = Vec::new();
                        open.push(Open::Object { pairs, key });
                        token = self.token();
                        continue;
                    }
                    Datum::List(Vec::new())
                }
                Kind::ArrayBegin => {
                    self.descend(open.len() + 1)?;
                    token = self.token();
                    if !matches!(token.kind, Kind::ArrayEnd) {
                        open.push(Open::Array(Vec::new()));
                        continue;
                    }
                    Datum::List(Vec::new())
                }
                _ => return Err(unexpected("value", &token)),
            };
            // What ends here may be the end of what it lies in, and so on.
            token = loop {
                match open.pop() {
                    None => {
                        let end = self.token();
                        return match end.kind {
                            Kind::End => Ok(done),
                            _ => Err(unexpected("the end", &end)),
                        };
                    }
                    Some(Open::Array(mut items)) => {
                        items.push(done);
                        let next = self.token();
                        match next.kind {
                            Kind::ArrayEnd => done = Datum::List(items),
                            Kind::Comma => {
                                open.push(Open::Array(items));
                                break self.token();
                            }
                            _ => return Err(unexpected("comma or array end", &next)),
                        }
                    }
                    Some(Open::Object { mut pairs, key }) => {
                        pairs.push((key, done));
                        let next = self.token();
                        match next.kind {
                            Kind::ObjectEnd => done = Datum::Table(pairs),
                            Kind::Comma => {
                                let key = self.token();
                                let key = self.key(key)?;
                                open.push(Open::Object { pairs, key });
                                break self.token();
                            }
                            _ => return Err(unexpected("comma or object end", &next)),
                        }
                    }
                }
            };
        }
    }

    fn descend(&self, depth: usize) -> Outcome<()> {
        if depth > self.settings.decode_depth() {
            return Err(Raise::text(format!(
                "Found too many nested data structures ({depth}) at character {}",
                self.position
            )));
        }
        Ok(())
    }

    /// The key that a token is, and the colon behind it.
    fn key(&mut self, token: Token<'a>) -> Outcome<Datum<'a>> {
        let Kind::Text(key) = token.kind else {
            return Err(unexpected("object key string", &token));
        };
        let colon = self.token();
        match colon.kind {
            Kind::Colon => Ok(Datum::Text(key)),
            _ => Err(unexpected("colon", &colon)),
        }
    }

    fn token(&mut self) -> Token<'a> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.position += 1;
        }
        let position = self.position;
        let single = |kind| (kind, 1);
        let rest = &self.text[position..];
        let (kind, len) = match rest {
            // The original takes the text for a C string.
            [] | [0, ..] => (Kind::End, 0),
            [b'{', ..] => single(Kind::ObjectBegin),
            [b'}', ..] => single(Kind::ObjectEnd),
            [b'[', ..] => single(Kind::ArrayBegin),
            [b']', ..] => single(Kind::ArrayEnd),
            [b',', ..] => single(Kind::Comma),
            [b':', ..] => single(Kind::Colon),
            [b'"', ..] => {
                let kind = self.string();
                let position = match kind {
                    Kind::Fault(_) => self.position,
                    _ => position,
                };
                return Token { kind, position };
            }
            [b'-' | b'0'..=b'9', ..] => self.number(rest),
            [b't', b'r', b'u', b'e', ..] => (Kind::Boolean(true), 4),
            [b'f', b'a', b'l', b's', b'e', ..] => (Kind::Boolean(false), 5),
            [b'n', b'u', b'l', b'l', ..] => (Kind::Null, 4),
            [b'+' | b'i' | b'I' | b'n' | b'N', ..]
                if self.settings.decode_invalid_numbers && is_invalid_number(rest) =>
            {
                self.number(rest)
            }
            _ => (Kind::Fault("invalid token"), 0),
        };
        self.position += len;
        Token { kind, position }
    }

    fn number(&self, rest: &[u8]) -> (Kind<'a>, usize) {
        if !self.settings.decode_invalid_numbers && is_invalid_number(rest) {
            return (Kind::Fault("invalid number"), 0);
        }
        match read_number(rest) {
            Some((number, len)) => (Kind::Number(number), len),
            None => (Kind::Fault("invalid number"), 0),
        }
    }

    /// Reads a string whose opening quote is next. On a fault the position is where it is.
    fn string(&mut self) -> Kind<'a> {
        self.position += 1;
        let start = self.position;
        let mut unescaped: Option<Vec<u8>> = None;
        let mut plain = start;
        loop {
            match self.peek() {
                None | Some(0) => return Kind::Fault("unexpected end of string"),
                Some(b'"') => break,
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_default();
                    text.extend_from_slice(&self.text[plain..self.position]);
                    match escape(&self.text[self.position..], text) {
                        Ok(len) => self.position += len,
                        Err(fault) => return Kind::Fault(fault),
                    }
                    plain = self.position;
                }
                Some(_) => self.position += 1,
            }
        }
        let last = &self.text[plain..self.position];
        self.position += 1;
        Kind::Text(match unescaped {
            Some(mut text) => {
                text.extend_from_slice(last);
                Cow::Owned(text)
            }
            None => Cow::Borrowed(last),
        })
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }
}

fn unexpected(expected: &str, token: &Token<'_>) -> Raise {
    let found = match token.kind {
        Kind::ObjectBegin => "T_OBJ_BEGIN",
        Kind::ObjectEnd => "T_OBJ_END",
        Kind::ArrayBegin => "T_ARR_BEGIN",
        Kind::ArrayEnd => "T_ARR_END",
        Kind::Text(_) => "T_STRING",
        Kind::Number(_) => "T_NUMBER",
        Kind::Boolean(_) => "T_BOOLEAN",
        Kind::Null => "T_NULL",
        Kind::Colon => "T_COLON",
        Kind::Comma => "T_COMMA",
        Kind::End => "T_END",
        Kind::Fault(what) => what,
    };
    Raise::text(format!(
        "Expected {expected} but found {found} at character {}",
        token.position + 1
    ))
}

/// Adds what the escape at the beginning of `rest` stands for, and returns its length.
fn escape(rest: &[u8], text: &mut Vec<u8>) -> Result<usize, &'static str> {
    const INVALID_UNICODE: &str = "invalid unicode escape code";
    let byte = match rest.get(1) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
        Some(b'b') => 8,
        Some(b't') => b'\t',
        Some(b'n') => b'\n',
        Some(b'f') => 12,
        Some(b'r') => b'\r',
        Some(b'u') => {
            let (point, len) = code_point(rest).ok_or(INVALID_UNICODE)?;
            let mut utf8 = [0; 4];
            text.extend_from_slice(point.encode_utf8(&mut utf8).as_bytes());
            return Ok(len);
        }
        _ => return Err("invalid escape code"),
    };
    text.push(byte);
    Ok(2)
}

/// One `\u` escape, or two that make a pair of surrogates.
fn code_point(rest: &[u8]) -> Option<(char, usize)> {
    let first = hex4(rest.get(2..6)?)?;
    if first & 0xF800 != 0xD800 {
        return Some((char::from_u32(first)?, 6));
    }
    if rest.get(6..8)? != b"\\u" {
        return None;
    }
    let second = hex4(rest.get(8..12)?)?;
    if first & 0x400 != 0 || second & 0xFC00 != 0xDC00 {
        return None;
    }
    let point = ((first & 0x3FF) << 10 | second & 0x3FF) + 0x1_0000;
    Some((char::from_u32(point)?, 12))
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(value << 4 | digit)
    })
}

/// Numbers that C reads and JSON forbids.
fn is_invalid_number(text: &[u8]) -> bool {
    if text.first() == Some(&b'+') {
        return true;
    }
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0', b'x' | b'X' | b'0'..=b'9', ..] => true,
        [first, ..] if *first <= b'9' => false,
        [a, b, c, ..] => [b"inf", b"nan"]
            .iter()
            .any(|word| [*a, *b, *c].eq_ignore_ascii_case(*word)),
        _ => false,
    }
}

/// C's `strtod`: the longest beginning of the text that is a number, and its length.
fn read_number(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let negative = text.first() == Some(&b'-');
    let rest = &text[sign..];
    let (magnitude, len) = if starts_with_word(rest, b"infinity") {
        (f64::INFINITY, 8)
    } else if starts_with_word(rest, b"inf") {
        (f64::INFINITY, 3)
    } else if starts_with_word(rest, b"nan") {
        (f64::NAN, 3 + payload(&rest[3..]))
    } else if let Some(len) = hexadecimal(rest) {
        (number::parse_range_f64(&rest[..len])?, len)
    } else {
        let len = decimal(rest)?;
        let digits = std::str::from_utf8(&rest[..len]).ok()?;
        (digits.parse().ok()?, len)
    };
    let number = if negative { -magnitude } else { magnitude };
    Some((number, sign + len))
}

fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The length of `(…)` behind `nan`.
fn payload(rest: &[u8]) -> usize {
    let Some(inner) = rest.strip_prefix(b"(") else {
        return 0;
    };
    let len = inner
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    match inner.get(len) {
        Some(b')') => len + 2,
        _ => 0,
    }
}

fn decimal(text: &[u8]) -> Option<usize> {
    mantissa(text, |byte| byte.is_ascii_digit()).map(|len| len + exponent(&text[len..], b'e'))
}

fn hexadecimal(text: &[u8]) -> Option<usize> {
    let [b'0', b'x' | b'X', rest @ ..] = text else {
        return None;
    };
    let len = mantissa(rest, |byte| byte.is_ascii_hexdigit())?;
    Some(2 + len + exponent(&rest[len..], b'p'))
}

/// Digits with at most one point among them.
fn mantissa(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<usize> {
    let whole = text.iter().take_while(|byte| is_digit(byte)).count();
    let fraction = match text.get(whole) {
        Some(b'.') => {
            let digits = text[whole + 1..].iter().take_while(|byte| is_digit(byte));
            Some(digits.count())
        }
        _ => None,
    };
    match (whole, fraction) {
        (0, None | Some(0)) => None,
        (_, None) => Some(whole),
        (_, Some(fraction)) => Some(whole + 1 + fraction),
    }
}

fn exponent(text: &[u8], letter: u8) -> usize {
    if !text
        .first()
        .is_some_and(|byte| byte.eq_ignore_ascii_case(&letter))
    {
        return 0;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'-' | b'+')));
    let digits = text[1 + sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    match digits.count() {
        0 => 0,
        digits => 1 + sign + digits,
    }
}
