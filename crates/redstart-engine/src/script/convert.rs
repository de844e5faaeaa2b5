//! From what commands answer to what scripts see, and from what scripts return to replies.

use std::vec;

use redstart_protocol::{Resp, Value, number};

use super::datum::Datum;
use super::error::{c_string, one_line};
use super::vm::to_integer;

/// How deep tables that a script returns may nest. Redis stops when Lua's stack is full, at about
/// 8,000; there is no client that could read such a reply.
pub(super) const DEPTH_MAX: usize = 1000;

/// What `redis.call` returns for a reply.
pub(super) fn to_lua(value: &Value, resp: Resp) -> Datum<'_> {
    match (value, resp) {
        (Value::Null | Value::NullArray, Resp::V2) => Datum::Boolean(false),
        (Value::Null | Value::NullArray, Resp::V3) => Datum::Nil,
        (Value::Simple(text), _) => Datum::field("ok", Datum::text(text)),
        (Value::Error(text), _) => failure(error_text(text), true),
        (Value::Integer(integer), _) => Datum::Number(*integer as f64),
        (Value::Bulk(text), _) => Datum::text(text),
        (Value::Array(items) | Value::Push(items), _) | (Value::Set(items), Resp::V2) => {
            Datum::List(items.iter().map(|item| to_lua(item, resp)).collect())
        }
        (Value::Map(pairs), Resp::V2) => Datum::List(
            pairs
                .iter()
                .flat_map(|(key, value)| [to_lua(key, resp), to_lua(value, resp)])
                .collect(),
        ),
        (Value::Map(pairs), Resp::V3) => {
            let pairs = pairs
                .iter()
                .map(|(key, value)| (to_lua(key, resp), to_lua(value, resp)));
            Datum::field("map", Datum::Table(pairs.collect()))
        }
        (Value::Set(items), Resp::V3) => {
            let members = items
                .iter()
                .map(|item| (to_lua(item, resp), Datum::Boolean(true)));
            Datum::field("set", Datum::Table(members.collect()))
        }
        (Value::Double(double), Resp::V2) => {
            Datum::owned(number::format_g17(*double).as_str().as_bytes())
        }
        (Value::Double(double), Resp::V3) => Datum::field("double", Datum::Number(*double)),
        (Value::Decimal(text), Resp::V2) => Datum::text(text),
        (Value::Decimal(text), Resp::V3) => {
            let double = number::parse_range_f64(text).unwrap_or(f64::NAN);
            Datum::field("double", Datum::Number(double))
        }
        (Value::Boolean(boolean), Resp::V2) => Datum::Number(f64::from(u8::from(*boolean))),
        (Value::Boolean(boolean), Resp::V3) => Datum::Boolean(*boolean),
        (Value::BigNumber(digits), Resp::V2) => Datum::text(digits),
        (Value::BigNumber(digits), Resp::V3) => Datum::field("big_number", Datum::text(digits)),
        (Value::Verbatim(_, text), Resp::V2) => Datum::text(text),
        (Value::Verbatim(format, text), Resp::V3) => {
            let fields = vec![
                (Datum::text(b"string"), Datum::text(text)),
                (Datum::text(b"format"), Datum::text(format)),
            ];
            Datum::field("verbatim_string", Datum::Table(fields))
        }
    }
}

/// The table that stands for an error.
pub(super) fn failure(text: Vec<u8>, counted: bool) -> Datum<'static> {
    let mut fields = vec![(Datum::text(b"err"), Datum::owned(text))];
    if counted {
        fields.push((
            Datum::text(b"ignore_error_stats_update"),
            Datum::Boolean(true),
        ));
    }
    Datum::Table(fields)
}

/// An error as scripts see it: always with a code, never with a line end at its end.
pub(super) fn error_text(text: &[u8]) -> Vec<u8> {
    let text = c_string(text);
    let (code, message) = match text.iter().position(|&byte| byte == b' ') {
        Some(space) => (&text[..space], &text[space + 1..]),
        None => (b"ERR".as_slice(), text),
    };
    [code, b" ", trim_line_ends(message)].concat()
}

/// The reply for what a script returned.
///
/// Tables may nest deep, so this keeps what it has begun in a list of its own instead of calling
/// itself.
pub(super) fn to_reply(datum: &Datum<'_>, resp: Resp) -> Value {
    let mut begun: Vec<Begun<'_, '_>> = Vec::new();
    let mut next = Item::Datum(datum);
    loop {
        let mut done = match shape(next, resp) {
            Shape::Value(value) => value,
            Shape::Items(kind, items) => {
                let mut new = Begun {
                    kind,
                    done: Vec::with_capacity(items.len()),
                    rest: items.into_iter(),
                };
                if let Some(item) = new.rest.next() {
                    begun.push(new);
                    next = item;
                    continue;
                }
                new.close()
            }
        };
        next = loop {
            let Some(mut around) = begun.pop() else {
                return done;
            };
            around.done.push(done);
            if let Some(item) = around.rest.next() {
                begun.push(around);
                break item;
            }
            done = around.close();
        };
    }
}

/// A reply made of others, some of which are still to be made.
struct Begun<'d, 'a> {
    kind: Kind,
    done: Vec<Value>,
    rest: vec::IntoIter<Item<'d, 'a>>,
}

#[derive(Clone, Copy)]
enum Kind {
    Array,
    Set,
    /// Keys and values in turn.
    Map,
}

impl Begun<'_, '_> {
    fn close(self) -> Value {
        match self.kind {
            Kind::Array => Value::Array(self.done),
            Kind::Set => Value::Set(self.done),
            Kind::Map => {
                let mut pairs = Vec::with_capacity(self.done.len() / 2);
                let mut done = self.done.into_iter();
                while let (Some(key), Some(value)) = (done.next(), done.next()) {
                    pairs.push((key, value));
                }
                Value::Map(pairs)
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Item<'d, 'a> {
    Datum(&'d Datum<'a>),
    /// A key of a list.
    Index(i64),
}

enum Shape<'d, 'a> {
    Value(Value),
    Items(Kind, Vec<Item<'d, 'a>>),
}

fn shape<'d, 'a>(item: Item<'d, 'a>, resp: Resp) -> Shape<'d, 'a> {
    let datum = match item {
        Item::Datum(datum) => datum,
        Item::Index(index) => return Shape::Value(Value::Integer(index)),
    };
    Shape::Value(match datum {
        Datum::Text(text) => Value::bulk(text),
        Datum::Number(number) => Value::Integer(to_integer(*number)),
        Datum::Boolean(boolean) => match (resp, boolean) {
            (Resp::V3, _) => Value::Boolean(*boolean),
            (Resp::V2, true) => Value::Integer(1),
            (Resp::V2, false) => Value::Null,
        },
        Datum::List(items) => {
            return Shape::Items(Kind::Array, items.iter().map(Item::Datum).collect());
        }
        Datum::Table(pairs) => return table(pairs),
        Datum::TooDeep => Value::error("ERR reached lua stack limit"),
        Datum::Nil | Datum::Null | Datum::Opaque(_) => Value::Null,
    })
}

/// What a table stands for, by the names of its fields.
fn table<'d, 'a>(pairs: &'d [(Datum<'a>, Datum<'a>)]) -> Shape<'d, 'a> {
    if let Some(Datum::Text(text)) = get(pairs, b"err") {
        let text = one_line(trim_line_ends(c_string(text)));
        return Shape::Value(Value::Error(text.into()));
    }
    if let Some(Datum::Text(text)) = get(pairs, b"ok") {
        return Shape::Value(Value::Simple(one_line(c_string(text)).into()));
    }
    if let Some(Datum::Number(double)) = get(pairs, b"double") {
        return Shape::Value(Value::Double(*double));
    }
    if let Some(Datum::Text(digits)) = get(pairs, b"big_number") {
        return Shape::Value(Value::BigNumber(one_line(digits).into()));
    }
    if let Some(Datum::Table(fields)) = get(pairs, b"verbatim_string")
        && let Some(Datum::Text(format)) = get(fields, b"format")
        && let Some(Datum::Text(text)) = get(fields, b"string")
    {
        let mut letters = [b' '; 3];
        for (letter, given) in letters.iter_mut().zip(c_string(format)) {
            *letter = *given;
        }
        return Shape::Value(Value::Verbatim(letters, (&**text).into()));
    }
    if let Some(entries) = get(pairs, b"map").and_then(entries) {
        let both = entries.into_iter().flat_map(|(key, value)| [key, value]);
        return Shape::Items(Kind::Map, both.collect());
    }
    if let Some(entries) = get(pairs, b"set").and_then(entries) {
        let keys = entries.into_iter().map(|(key, _)| key);
        return Shape::Items(Kind::Set, keys.collect());
    }
    let items = sequence(pairs);
    Shape::Items(Kind::Array, items.into_iter().map(Item::Datum).collect())
}

fn get<'d, 'a>(pairs: &'d [(Datum<'a>, Datum<'a>)], name: &[u8]) -> Option<&'d Datum<'a>> {
    let found = pairs
        .iter()
        .find(|(key, _)| matches!(key, Datum::Text(text) if text[..] == *name));
    found.map(|(_, value)| value)
}

/// Keys and values of a table.
fn entries<'d, 'a>(datum: &'d Datum<'a>) -> Option<Vec<(Item<'d, 'a>, Item<'d, 'a>)>> {
    match datum {
        Datum::Table(pairs) => {
            let items = pairs
                .iter()
                .map(|(key, value)| (Item::Datum(key), Item::Datum(value)));
            Some(items.collect())
        }
        Datum::List(items) => Some(
            (1..)
                .map(Item::Index)
                .zip(items.iter().map(Item::Datum))
                .collect(),
        ),
        _ => None,
    }
}

/// The values at 1, 2, … up to the first index that has none.
fn sequence<'d, 'a>(pairs: &'d [(Datum<'a>, Datum<'a>)]) -> Vec<&'d Datum<'a>> {
    let mut indexed: Vec<(f64, &Datum<'a>)> = pairs
        .iter()
        .filter_map(|(key, value)| match key {
            Datum::Number(index) if *index >= 1.0 => Some((*index, value)),
            _ => None,
        })
        .collect();
    indexed.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    let whole = indexed
        .into_iter()
        .filter(|(index, _)| index.fract() == 0.0);
    whole
        .zip(1..)
        .take_while(|((index, _), expected)| *index == f64::from(*expected))
        .map(|((_, value), _)| value)
        .collect()
}

fn trim_line_ends(mut text: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}
