//! The library `struct`: numbers and texts packed into bytes as C lays out structures.

use redstart_protocol::number::parse_f64;

use super::datum::Datum;
use super::error::{Outcome, Raise, c_string};
use super::host::Host;
use super::vm::{Answer, Args, Kind, Native, to_integer};

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
        name: "size",
        run: size,
    },
];

fn pack<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    let mut format = Format::new(args.text(1)?);
    let mut packed = Vec::new();
    let mut next = 2;
    while let Some(option) = format.next()? {
        packed.resize(packed.len() + format.padding(packed.len(), option), 0);
        match option.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = wrap(number(args, next)?);
                next += 1;
                pack_integer(value, option.size, format.big_endian, &mut packed);
            }
            b'x' => packed.push(0),
            b'f' => {
                let value = number(args, next)? as f32;
                next += 1;
                packed.extend(ordered(value.to_le_bytes(), format.big_endian));
            }
            b'd' => {
                let value = number(args, next)?;
                next += 1;
                packed.extend(ordered(value.to_le_bytes(), format.big_endian));
            }
            b'c' | b's' => {
                let text = text(args, next)?;
                // The original counts on before it checks.
                next += 1;
                let len = match option.size {
                    0 => text.len(),
                    len => len,
                };
                let kept = text
                    .get(..len)
                    .ok_or_else(|| Raise::argument(next, "string too short"))?;
                packed.extend_from_slice(kept);
                if option.letter == b's' {
                    packed.push(0);
                }
            }
            _ => format.control(option.letter)?,
        }
        if packed.len() > host.allowance() {
            return Err(Raise::Memory);
        }
    }
    Ok(Answer::One(Datum::owned(packed)))
}

fn unpack<'a>(args: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    let mut format = Format::new(args.text(1)?);
    let data = args.text(2)?;
    let start = args.optional_integer(3, 1)?;
    if start == 0 {
        return Err(Raise::argument(3, "offset must be 1 or greater"));
    }
    // Negative offsets are huge ones, as in C.
    let mut position = (start as usize).wrapping_sub(1);
    let field = |position: usize, size: usize| {
        let end = position.checked_add(size);
        let bytes = end.and_then(|end| data.get(position..end));
        bytes.ok_or_else(|| Raise::argument(2, "data string too short"))
    };
    let mut results = Vec::new();
    while let Some(option) = format.next()? {
        position = position.wrapping_add(format.padding(position, option));
        let bytes = field(position, option.size)?;
        if args.room() < results.len() + 2 {
            return Err(Raise::text("stack overflow (too many results)"));
        }
        let mut size = option.size;
        match option.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let signed = option.letter.is_ascii_lowercase();
                let value = unpack_integer(bytes, format.big_endian, signed);
                results.push(Datum::Number(value));
            }
            b'x' => {}
            b'f' => {
                let bytes = bytes.try_into().expect("the size of this option");
                let value = f32::from_le_bytes(ordered(bytes, format.big_endian));
                results.push(Datum::Number(f64::from(value)));
            }
            b'd' => {
                let bytes = bytes.try_into().expect("the size of this option");
                let value = f64::from_le_bytes(ordered(bytes, format.big_endian));
                results.push(Datum::Number(value));
            }
            b'c' => {
                if size == 0 {
                    let previous = results.pop().and_then(|previous| as_size(&previous));
                    size =
                        previous.ok_or_else(|| Raise::text("format 'c0' needs a previous size"))?;
                }
                results.push(Datum::text(field(position, size)?));
            }
            b's' => {
                let rest = data.get(position..).unwrap_or_default();
                let end = rest.iter().position(|&byte| byte == 0);
                let end = end.ok_or_else(|| Raise::text("unfinished string in data"))?;
                results.push(Datum::text(&rest[..end]));
                size = end + 1;
            }
            _ => format.control(option.letter)?,
        }
        position = position.wrapping_add(size);
    }
    // As a signed number, which it is after a negative offset.
    results.push(Datum::Number(position.wrapping_add(1) as i64 as f64));
    Ok(Answer::Many(results))
}

fn size<'a>(args: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    let mut format = Format::new(args.text(1)?);
    let mut position = 0usize;
    while let Some(option) = format.next()? {
        position += format.padding(position, option);
        match option.letter {
            b's' => return Err(Raise::argument(1, "option 's' has no fixed size")),
            b'c' if option.size == 0 => {
                return Err(Raise::argument(1, "option 'c0' has no fixed size"));
            }
            // Unknown letters have no size and no meaning here.
            letter if letter.is_ascii_alphanumeric() => {}
            letter => format.control(letter)?,
        }
        position += option.size;
    }
    Ok(Answer::One(Datum::Number(position as f64)))
}

/// An argument to be packed. The first that is missing counts as nil, because the original puts one
/// behind them.
fn number(args: &Args<'_>, index: usize) -> Outcome<f64> {
    match args.kind(index) {
        Kind::Missing => Err(Raise::argument(index, "number expected, got nil")),
        _ => args.number(index),
    }
}

fn text<'a>(args: &Args<'a>, index: usize) -> Outcome<&'a [u8]> {
    match args.kind(index) {
        Kind::Missing => Err(Raise::argument(index, "string expected, got nil")),
        _ => args.text(index),
    }
}

/// One option of a format, with its size in bytes; zero if it has none of its own.
#[derive(Clone, Copy)]
struct Field {
    letter: u8,
    size: usize,
}

struct Format<'a> {
    rest: &'a [u8],
    big_endian: bool,
    alignment: usize,
}

impl<'a> Format<'a> {
    const INTEGER_BYTES_MAX: i32 = 32;
    const ALIGNMENT_MAX: i32 = 8;

    fn new(format: &'a [u8]) -> Format<'a> {
        Format {
            rest: c_string(format),
            big_endian: cfg!(target_endian = "big"),
            alignment: 1,
        }
    }

    fn next(&mut self) -> Outcome<Option<Field>> {
        let Some((&letter, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let size = match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(1)?,
            b'i' | b'I' => {
                let size = self.count(4)?;
                if size > Format::INTEGER_BYTES_MAX {
                    return Err(Raise::text(format!(
                        "integral size {size} is larger than limit of {}",
                        Format::INTEGER_BYTES_MAX
                    )));
                }
                size
            }
            _ => 0,
        };
        Ok(Some(Field {
            letter,
            size: size as usize,
        }))
    }

    /// A number behind an option.
    fn count(&mut self, default: i32) -> Outcome<i32> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        if digits == 0 {
            return Ok(default);
        }
        let (digits, rest) = self.rest.split_at(digits);
        self.rest = rest;
        digits
            .iter()
            .try_fold(0i32, |count, digit| {
                count.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
            })
            .ok_or_else(|| Raise::text("integral size overflow"))
    }

    /// Bytes to skip before a field at `position`.
    fn padding(&self, position: usize, option: Field) -> usize {
        if option.size == 0 || option.letter == b'c' {
            return 0;
        }
        // The original computes this for sizes that are no powers of two as well.
        let size = option.size.min(self.alignment);
        size.wrapping_sub(position & (size - 1)) & (size - 1)
    }

    /// What is not a field: byte order, alignment, space.
    fn control(&mut self, letter: u8) -> Outcome<()> {
        match letter {
            b' ' => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let alignment = self.count(Format::ALIGNMENT_MAX)?;
                if alignment <= 0 || alignment & (alignment - 1) != 0 {
                    return Err(Raise::text(format!(
                        "alignment {alignment} is not a power of 2"
                    )));
                }
                self.alignment = alignment as usize;
            }
            letter => {
                let mut text = b"invalid format option '".to_vec();
                text.extend([letter, b'\'']);
                return Err(Raise::Argument(1, text));
            }
        }
        Ok(())
    }
}

/// What C's casts make of a number on the machines Redis runs on.
fn wrap(number: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if number >= HALF {
        (to_integer(number - HALF) as u64) ^ (1 << 63)
    } else {
        to_integer(number) as u64
    }
}

fn pack_integer(value: u64, size: usize, big_endian: bool, packed: &mut Vec<u8>) {
    let mut bytes = [0; Format::INTEGER_BYTES_MAX as usize];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    let bytes = &mut bytes[..size];
    if big_endian {
        bytes.reverse();
    }
    packed.extend_from_slice(bytes);
}

fn unpack_integer(bytes: &[u8], big_endian: bool, signed: bool) -> f64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let value = if big_endian {
        bytes.iter().fold(0, add)
    } else {
        bytes.iter().rev().fold(0, add)
    };
    if !signed {
        return value as f64;
    }
    // For sizes other than one to eight the original's shift is what the processor makes of it.
    let sign = (bytes.len() as u32 * 8).wrapping_sub(1) % 64;
    let mask = u64::MAX << sign;
    let value = if value & mask != 0 {
        value | mask
    } else {
        value
    };
    value as i64 as f64
}

fn ordered<const N: usize>(mut bytes: [u8; N], big_endian: bool) -> [u8; N] {
    if big_endian {
        bytes.reverse();
    }
    bytes
}

/// A result as the size of the next one.
fn as_size(datum: &Datum<'_>) -> Option<usize> {
    match datum {
        Datum::Number(number) => Some(to_integer(*number) as usize),
        Datum::Text(text) => parse_f64(text).map(|number| to_integer(number) as usize),
        _ => None,
    }
}
