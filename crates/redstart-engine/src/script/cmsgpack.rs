//! The library `cmsgpack`: MessagePack.

use super::datum::Datum;
use super::error::{Outcome, Raise};
use super::host::Host;
use super::vm::{Answer, Args, Native, to_integer};

pub(super) static FUNCTIONS: &[Native] = &[
    Native {
        name: "pack",
        run: pack,
    },
    Native {
        name: "unpack",
        run: unpack,
    },
    Native {
        name: "unpack_one",
        run: unpack_one,
    },
    Native {
        name: "unpack_limit",
        run: unpack_limit,
    },
];

pub(super) static TEXTS: &[(&str, &str)] = &[
    ("_NAME", "cmsgpack"),
    ("_VERSION", "lua-cmsgpack 0.4.0"),
    ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
    ("_DESCRIPTION", "MessagePack C implementation for Lua"),
];

fn pack<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    /// Tables that lie deeper are packed as nil.
    const DEPTH_MAX: usize = 16;
    if args.len() == 0 {
        return Err(Raise::argument(0, "MessagePack pack needs input."));
    }
    if args.room() < args.len() {
        let text = "Too many arguments for MessagePack pack.";
        return Err(Raise::argument(0, text));
    }
    let mut packer = Packer {
        host,
        packed: Vec::new(),
    };
    for index in 1..=args.len() {
        packer.datum(&args.datum(index, DEPTH_MAX)?)?;
    }
    Ok(Answer::One(Datum::owned(packer.packed)))
}

fn unpack<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    unpack_some(args, host, 0, 0)
}

fn unpack_one<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    let offset = args.optional_integer(2, 0)?;
    unpack_some(args, host, 1, offset)
}

fn unpack_limit<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    let limit = args.integer(2)?;
    let offset = args.optional_integer(3, 0)?;
    unpack_some(args, host, limit, offset)
}

/// Neither limit nor offset means everything; otherwise the offset to go on from comes first, and -1
/// when nothing is left.
fn unpack_some<'a>(
    args: &Args<'a>,
    host: &'a Host,
    limit: i64,
    offset: i64,
) -> Outcome<Answer<'a>> {
    let data = args.text(1)?;
    let len = data.len();
    if offset < 0 || limit < 0 {
        // The original shows the length for the limit.
        return Err(Raise::text(format!(
            "Invalid request to unpack with offset of {} and limit of {}.",
            offset as i32, len as i32
        )));
    }
    let Some(rest) = usize::try_from(offset)
        .ok()
        .and_then(|offset| data.get(offset..))
    else {
        return Err(Raise::text(format!(
            "Start offset {} greater than input length {}.",
            offset as i32, len as i32
        )));
    };
    host.charge(rest.len() as u64 * 4)?;
    let everything = limit == 0 && offset == 0;
    let limit = if everything {
        i32::MAX as usize
    } else {
        limit as usize
    };
    let mut unpacker = Unpacker {
        rest,
        room: args.room(),
        values: host.values_max(),
    };
    let mut results = Vec::new();
    while !unpacker.rest.is_empty() && results.len() < limit {
        results.push(unpacker.value(results.len())?);
    }
    if !everything {
        let next = match unpacker.rest {
            [] => -1.0,
            rest => (len - rest.len()) as f64,
        };
        results.insert(0, Datum::Number(next));
    }
    Ok(Answer::Many(results))
}

struct Packer<'h> {
    host: &'h Host,
    packed: Vec<u8>,
}

impl Packer<'_> {
    fn datum(&mut self, datum: &Datum<'_>) -> Outcome<()> {
        match datum {
            Datum::Text(text) => self.text(text)?,
            Datum::Boolean(true) => self.packed.push(0xC3),
            Datum::Boolean(false) => self.packed.push(0xC2),
            Datum::Number(number) => self.number(*number),
            Datum::List(items) => {
                self.head(items.len(), 0x90, 0xDC);
                items.iter().try_for_each(|item| self.datum(item))?;
            }
            Datum::Table(pairs) => match array(pairs) {
                Some(items) => {
                    self.head(items.len(), 0x90, 0xDC);
                    items.into_iter().try_for_each(|item| self.datum(item))?;
                }
                None => {
                    self.head(pairs.len(), 0x80, 0xDE);
                    for (key, value) in pairs {
                        self.datum(key)?;
                        self.datum(value)?;
                    }
                }
            },
            Datum::Nil | Datum::Null | Datum::Opaque(_) | Datum::TooDeep => self.packed.push(0xC0),
        }
        if self.packed.len() > self.host.allowance() {
            return Err(Raise::Memory);
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) -> Outcome<()> {
        if text.len() > self.host.allowance() {
            return Err(Raise::Memory);
        }
        match text.len() {
            len @ 0..=31 => self.packed.push(0xA0 | len as u8),
            len @ 32..=0xFF => self.packed.extend([0xD9, len as u8]),
            len @ 0x100..=0xFFFF => {
                self.packed.push(0xDA);
                self.packed.extend((len as u16).to_be_bytes());
            }
            len => {
                self.packed.push(0xDB);
                self.packed.extend((len as u32).to_be_bytes());
            }
        }
        self.packed.extend_from_slice(text);
        Ok(())
    }

    fn number(&mut self, number: f64) {
        let integer = to_integer(number);
        if integer as f64 == number {
            return self.integer(integer);
        }
        let short = number as f32;
        if f64::from(short) == number {
            self.packed.push(0xCA);
            self.packed.extend(short.to_be_bytes());
        } else {
            self.packed.push(0xCB);
            self.packed.extend(number.to_be_bytes());
        }
    }

    fn integer(&mut self, integer: i64) {
        let packed = &mut self.packed;
        let mut add = |code: u8, bytes: usize| {
            packed.push(code);
            packed.extend_from_slice(&integer.to_be_bytes()[8 - bytes..]);
        };
        match integer {
            -32..=0x7F => packed.push(integer as u8),
            0x80..=0xFF => add(0xCC, 1),
            0x100..=0xFFFF => add(0xCD, 2),
            0x1_0000..=0xFFFF_FFFF => add(0xCE, 4),
            0x1_0000_0000.. => add(0xCF, 8),
            -0x80..=-33 => add(0xD0, 1),
            -0x8000..=-0x81 => add(0xD1, 2),
            -0x8000_0000..=-0x8001 => add(0xD2, 4),
            ..=-0x8000_0001 => add(0xD3, 8),
        }
    }

    /// The head of an array or a map: in one byte, or a code and a length.
    fn head(&mut self, len: usize, short: u8, long: u8) {
        match len {
            0..=15 => self.packed.push(short | len as u8),
            16..=0xFFFF => {
                self.packed.push(long);
                self.packed.extend((len as u16).to_be_bytes());
            }
            _ => {
                self.packed.push(long + 1);
                self.packed.extend((len as u32).to_be_bytes());
            }
        }
    }
}

/// The values of a table whose keys are 1 to its length, in whatever order it has them.
fn array<'d, 'a>(pairs: &'d [(Datum<'a>, Datum<'a>)]) -> Option<Vec<&'d Datum<'a>>> {
    let mut items = vec![None; pairs.len()];
    for (key, value) in pairs {
        let Datum::Number(key) = key else {
            return None;
        };
        let index = to_integer(*key);
        if index as f64 != *key || index < 1 {
            return None;
        }
        *items.get_mut(index as usize - 1)? = Some(value);
    }
    items.into_iter().collect()
}

struct Unpacker<'a> {
    rest: &'a [u8],
    /// How many values fit on Lua's stack.
    room: usize,
    /// How many more values there may be in all.
    values: usize,
}

/// An array or a map that is being read.
enum Open<'a> {
    Array {
        items: Vec<Datum<'a>>,
        missing: usize,
    },
    Map {
        pairs: Vec<(Datum<'a>, Datum<'a>)>,
        key: Option<Datum<'a>>,
        missing: usize,
    },
}

/// What an object begins with.
enum Start<'a> {
    Value(Datum<'a>),
    Array(usize),
    Map(usize),
}

impl<'a> Unpacker<'a> {
    /// The original goes as deep as Lua's stack lets it, at about 4,000.
    const DEPTH_MAX: usize = 1000;

    /// Reads one object. `results` values are on Lua's stack already.
    fn value(&mut self, results: usize) -> Outcome<Datum<'a>> {
        let mut open: Vec<Open<'a>> = Vec::new();
        loop {
            if results + 2 * open.len() >= self.room || open.len() > Unpacker::DEPTH_MAX {
                return Err(Raise::text(
                    "stack overflow (too many return values at once; \
                     use unpack_one or unpack_limit instead.)",
                ));
            }
            self.values = self.values.checked_sub(1).ok_or(Raise::Memory)?;
            let mut done = match self.start()? {
                Start::Value(datum) => datum,
                Start::Array(0) | Start::Map(0) => Datum::List(Vec::new()),
                Start::Array(missing) => {
                    let items = Vec::new();
                    open.push(Open::Array { items, missing });
                    continue;
                }
                Start::Map(missing) => {
                    open.push(Open::Map {
                        pairs: Vec::new(),
                        key: None,
                        missing,
                    });
                    continue;
                }
            };
            loop {
                match open.last_mut() {
                    None => return Ok(done),
                    Some(container) => {
                        if !container.add(done)? {
                            break;
                        }
                    }
                }
                done = open.pop().map_or(Datum::Nil, Open::close);
            }
        }
    }

    fn start(&mut self) -> Outcome<Start<'a>> {
        let [code] = self.take()?;
        let number = |number: f64| Ok(Start::Value(Datum::Number(number)));
        match code {
            0x00..=0x7F | 0xE0..=0xFF => number(f64::from(code as i8)),
            0x80..=0x8F => Ok(Start::Map(usize::from(code & 0xF))),
            0x90..=0x9F => Ok(Start::Array(usize::from(code & 0xF))),
            0xA0..=0xBF => self.text(usize::from(code & 0x1F)),
            0xC0 => Ok(Start::Value(Datum::Nil)),
            0xC2 => Ok(Start::Value(Datum::Boolean(false))),
            0xC3 => Ok(Start::Value(Datum::Boolean(true))),
            0xCA => number(f64::from(f32::from_be_bytes(self.take()?))),
            0xCB => number(f64::from_be_bytes(self.take()?)),
            0xCC => number(f64::from(u8::from_be_bytes(self.take()?))),
            0xCD => number(f64::from(u16::from_be_bytes(self.take()?))),
            0xCE => number(f64::from(u32::from_be_bytes(self.take()?))),
            // Lua's integers are signed, so that large unsigned ones come out negative.
            0xCF | 0xD3 => number(i64::from_be_bytes(self.take()?) as f64),
            0xD0 => number(f64::from(i8::from_be_bytes(self.take()?))),
            0xD1 => number(f64::from(i16::from_be_bytes(self.take()?))),
            0xD2 => number(f64::from(i32::from_be_bytes(self.take()?))),
            0xD9 => {
                let len = u8::from_be_bytes(self.take()?);
                self.text(usize::from(len))
            }
            0xDA => {
                let len = u16::from_be_bytes(self.take()?);
                self.text(usize::from(len))
            }
            0xDB => {
                let len = u32::from_be_bytes(self.take()?);
                self.text(len as usize)
            }
            0xDC => Ok(Start::Array(usize::from(u16::from_be_bytes(self.take()?)))),
            0xDD => Ok(Start::Array(u32::from_be_bytes(self.take()?) as usize)),
            0xDE => Ok(Start::Map(usize::from(u16::from_be_bytes(self.take()?)))),
            0xDF => Ok(Start::Map(u32::from_be_bytes(self.take()?) as usize)),
            0xC1 | 0xC4..=0xC9 | 0xD4..=0xD8 => Err(Raise::text("Bad data format in input.")),
        }
    }

    fn text(&mut self, len: usize) -> Outcome<Start<'a>> {
        let (text, rest) = self.rest.split_at_checked(len).ok_or_else(missing)?;
        self.rest = rest;
        Ok(Start::Value(Datum::text(text)))
    }

    fn take<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(missing)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

impl<'a> Open<'a> {
    /// Adds the next value and says whether it was the last.
    fn add(&mut self, datum: Datum<'a>) -> Outcome<bool> {
        match self {
            Open::Array { items, missing } => {
                items.push(datum);
                *missing -= 1;
                Ok(*missing == 0)
            }
            Open::Map {
                pairs,
                key,
                missing,
            } => {
                let Some(key) = key.take() else {
                    *key = Some(datum);
                    return Ok(false);
                };
                match key {
                    Datum::Nil => return Err(Raise::Bare("table index is nil")),
                    Datum::Number(number) if number.is_nan() => {
                        return Err(Raise::Bare("table index is NaN"));
                    }
                    key => pairs.push((key, datum)),
                }
                *missing -= 1;
                Ok(*missing == 0)
            }
        }
    }

    fn close(self) -> Datum<'a> {
        match self {
            Open::Array { items, .. } => Datum::List(items),
            Open::Map { pairs, .. } => Datum::Table(pairs),
        }
    }
}

fn missing() -> Raise {
    Raise::text("Missing bytes in input.")
}
