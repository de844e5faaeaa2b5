//! From Lua to JSON.

use std::iter::Peekable;
use std::{mem, slice, vec};

use redstart_protocol::number::format_g;

use super::super::datum::Datum;
use super::super::error::{Outcome, Raise};
use super::super::host::Host;
use super::super::vm::to_int;
use super::{InvalidNumbers, Settings};

/// The JSON text of a value that was read down to [`Settings::encode_depth`].
pub(super) fn encode(datum: &Datum<'_>, settings: &Settings, host: &Host) -> Outcome<Vec<u8>> {
    let mut encoder = Encoder {
        settings,
        host,
        json: Vec::new(),
    };
    encoder.document(datum)?;
    Ok(encoder.json)
}

struct Encoder<'e> {
    settings: &'e Settings,
    host: &'e Host,
    json: Vec<u8>,
}

impl Encoder<'_> {
    /// Tables may nest deep, so this keeps what it has begun in a list of its own instead of calling
    /// itself.
    fn document(&mut self, datum: &Datum<'_>) -> Outcome<()> {
        let mut begun: Vec<Begun<'_, '_>> = Vec::new();
        let mut next = datum;
        loop {
            if let Some(new) = self.start(next, begun.len() + 1)? {
                begun.push(new);
            }
            next = loop {
                let Some(around) = begun.last_mut() else {
                    return Ok(());
                };
                if let Some(item) = self.next_item(around)? {
                    break item;
                }
                let end = match around {
                    Begun::Object { .. } => b"}",
                    Begun::List { .. } | Begun::Sparse { .. } => b"]",
                };
                self.push(end)?;
                begun.pop();
            };
        }
    }

    /// Writes a value, of tables only the bracket that they begin with.
    fn start<'d, 'a>(
        &mut self,
        datum: &'d Datum<'a>,
        depth: usize,
    ) -> Outcome<Option<Begun<'d, 'a>>> {
        match datum {
            Datum::Text(text) => self.text(text)?,
            Datum::Number(number) => self.number(*number)?,
            Datum::Boolean(true) => self.push(b"true")?,
            Datum::Boolean(false) => self.push(b"false")?,
            Datum::Nil | Datum::Null => self.push(b"null")?,
            Datum::List(items) => {
                self.push(b"[")?;
                let rest = items.iter();
                return Ok(Some(Begun::List { rest, first: true }));
            }
            Datum::Table(pairs) => {
                if let Some(indexed) = self.indexed(pairs)? {
                    self.push(b"[")?;
                    let rest = indexed.into_iter().peekable();
                    return Ok(Some(Begun::Sparse { rest, index: 0 }));
                }
                self.push(b"{")?;
                let rest = pairs.iter();
                return Ok(Some(Begun::Object { rest, first: true }));
            }
            Datum::TooDeep => {
                let text = format!("Cannot serialise, excessive nesting ({depth})");
                return Err(Raise::text(text));
            }
            Datum::Opaque(_) => return Err(refuse(datum, "type not supported")),
        }
        Ok(None)
    }

    /// Writes what stands before the next item, and returns the item.
    fn next_item<'d, 'a>(&mut self, begun: &mut Begun<'d, 'a>) -> Outcome<Option<&'d Datum<'a>>> {
        match begun {
            Begun::List { rest, first } => {
                let Some(item) = rest.next() else {
                    return Ok(None);
                };
                self.comma(first)?;
                Ok(Some(item))
            }
            Begun::Sparse { rest, index } => {
                while let Some((next, _)) = rest.peek() {
                    self.comma(&mut (*index == 0))?;
                    *index += 1;
                    if next == index {
                        break;
                    }
                    self.push(b"null")?;
                }
                Ok(rest.next().map(|(_, item)| item))
            }
            Begun::Object { rest, first } => {
                let Some((key, value)) = rest.next() else {
                    return Ok(None);
                };
                self.comma(first)?;
                match key {
                    Datum::Number(number) => {
                        self.push(b"\"")?;
                        self.number(*number)?;
                        self.push(b"\"")?;
                    }
                    Datum::Text(text) => self.text(text)?,
                    _ => return Err(refuse(key, "table key must be a number or string")),
                }
                self.push(b":")?;
                Ok(Some(value))
            }
        }
    }

    fn comma(&mut self, first: &mut bool) -> Outcome<()> {
        if mem::replace(first, false) {
            return Ok(());
        }
        self.push(b",")
    }

    /// The items of a table that is an array: all its keys are positive integers, and there are
    /// enough of them for the largest.
    fn indexed<'d, 'a>(
        &self,
        pairs: &'d [(Datum<'a>, Datum<'a>)],
    ) -> Outcome<Option<Vec<(i32, &'d Datum<'a>)>>> {
        let mut indexed = Vec::new();
        let mut max = 0;
        for (key, value) in pairs {
            match key {
                Datum::Number(key) if *key >= 1.0 && key.floor() == *key => {
                    let index = to_int(*key);
                    if *key > f64::from(max) {
                        max = index;
                    }
                    indexed.push((index, value));
                }
                _ => return Ok(None),
            }
        }
        let settings = self.settings;
        let items = indexed.len() as i32;
        if settings.sparse_ratio > 0
            && max > items.wrapping_mul(settings.sparse_ratio)
            && max > settings.sparse_safe
        {
            if !settings.sparse_convert {
                let table = Datum::TooDeep;
                return Err(refuse(&table, "excessively sparse array"));
            }
            return Ok(None);
        }
        if max <= 0 {
            return Ok(None);
        }
        indexed.sort_by_key(|(index, _)| *index);
        Ok(Some(indexed))
    }

    fn number(&mut self, number: f64) -> Outcome<()> {
        if !number.is_finite() {
            match self.settings.encode_invalid_numbers {
                InvalidNumbers::Refuse => {
                    return Err(refuse(&Datum::Number(number), "must not be NaN or Inf"));
                }
                InvalidNumbers::Null => return self.push(b"null"),
                InvalidNumbers::Write if number.is_nan() => return self.push(b"nan"),
                InvalidNumbers::Write => {}
            }
        }
        let precision = self.settings.number_precision as u8;
        self.push(format_g(number, precision).as_str().as_bytes())
    }

    fn text(&mut self, text: &[u8]) -> Outcome<()> {
        self.push(b"\"")?;
        let mut plain = text;
        while let Some(index) = plain.iter().position(|&byte| escaped(byte)) {
            self.push(&plain[..index])?;
            self.escape(plain[index])?;
            plain = &plain[index + 1..];
        }
        self.push(plain)?;
        self.push(b"\"")
    }

    fn escape(&mut self, byte: u8) -> Outcome<()> {
        match byte {
            8 => self.push(b"\\b"),
            b'\t' => self.push(b"\\t"),
            b'\n' => self.push(b"\\n"),
            12 => self.push(b"\\f"),
            b'\r' => self.push(b"\\r"),
            b'"' | b'\\' | b'/' => self.push(&[b'\\', byte]),
            byte => self.push(format!("\\u{byte:04x}").as_bytes()),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Outcome<()> {
        if self.json.len() + bytes.len() > self.host.allowance() {
            return Err(Raise::Memory);
        }
        self.json.extend_from_slice(bytes);
        self.host.charge(4 + bytes.len() as u64 / 4)
    }
}

/// An array or an object that is being written.
enum Begun<'d, 'a> {
    List {
        rest: slice::Iter<'d, Datum<'a>>,
        first: bool,
    },
    /// An array with gaps; `index` is the last that was written.
    Sparse {
        rest: Peekable<vec::IntoIter<(i32, &'d Datum<'a>)>>,
        index: i32,
    },
    Object {
        rest: slice::Iter<'d, (Datum<'a>, Datum<'a>)>,
        first: bool,
    },
}

fn escaped(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'"' | b'\\' | b'/' | 0x7F)
}

fn refuse(datum: &Datum<'_>, reason: &str) -> Raise {
    Raise::text(format!("Cannot serialise {}: {reason}", datum.type_name()))
}
