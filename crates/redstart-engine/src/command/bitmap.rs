//! Strings as rows of bits. BITFIELD has a file of its own.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

use redstart_protocol::{Value, number};

use super::args::{integer, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::string::buffer;
use super::{Row, row};
use crate::data::bits::{self, Operation};
use crate::keyspace::Ttl;
use crate::keyspace::change::Event;
use crate::keyspace::object::{Object, StringView};

pub(super) const TABLE: &[Row] = &[
    row("setbit", setbit),
    row("getbit", getbit),
    row("bitcount", bitcount),
    row("bitpos", bitpos),
    row("bitop", bitop),
];

fn setbit(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, offset) = (args[1], offset(ctx, args[2])?);
    let bit = match number::parse_i64(args[3]) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::BIT_OUT_OF_RANGE),
    };

    let (was, has_grown) = edit(ctx, key, offset, |bytes| bits::set(bytes, offset, bit))?;
    if has_grown || was != bit {
        ctx.changed(key, SETBIT);
    }

    Ok(Value::Integer(i64::from(was)))
}

fn getbit(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let offset = offset(ctx, args[2])?;
    let bit = match ctx.read_string(args[1])? {
        Some(string) => bits::get(&string.as_bytes(), offset),
        None => false,
    };
    Ok(Value::Integer(i64::from(bit)))
}

fn bitcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    // What is not there has no bits, whatever the other arguments are.
    let Some(string) = ctx.read_string(args[1])? else {
        return Ok(Value::Integer(0));
    };
    let bytes = string.as_bytes();
    let count = match *args {
        [_, _] => bits::count(&bytes),
        [_, _, start, end] => count_within(&bytes, start, end, None)?,
        [_, _, start, end, unit] => count_within(&bytes, start, end, Some(unit))?,
        _ => return Err(CommandError::SYNTAX),
    };
    Ok(Value::Integer(count as i64))
}

fn count_within(
    bytes: &[u8],
    start: &[u8],
    end: &[u8],
    unit: Option<&[u8]>,
) -> Result<u64, CommandError> {
    let (start, end) = (integer(start)?, integer(end)?);
    // Both ends negative and crossed is empty, even where the unit is none.
    if start < 0 && end < 0 && start > end {
        return Ok(0);
    }
    let unit = unit.map_or(Ok(Unit::Byte), Unit::parse)?;
    let bits = unit.bits(start, Some(end), bytes.len());
    Ok(bits.map_or(0, |bits| bits::count_within(bytes, bits)))
}

fn bitpos(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let bit = match integer(args[2])? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::new("ERR The bit argument must be 1 or 0.")),
    };
    // What is not there is a row of zeros without end, whatever the other arguments are.
    let Some(string) = ctx.read_string(args[1])? else {
        return Ok(Value::Integer(if bit { -1 } else { 0 }));
    };
    if args.len() > 6 {
        return Err(CommandError::SYNTAX);
    }
    let start = args.get(3).map_or(Ok(0), |start| integer(start))?;
    let unit = args
        .get(5)
        .map_or(Ok(Unit::Byte), |unit| Unit::parse(unit))?;
    let end = args.get(4).map(|end| integer(end)).transpose()?;

    let bytes = string.as_bytes();
    let Some(bits) = unit.bits(start, end, bytes.len()) else {
        return Ok(Value::Integer(-1));
    };
    Ok(Value::Integer(match bits::position(&bytes, bits, bit) {
        Some(position) => position as i64,
        // Zeros follow the string, unless it was said where to stop.
        None if !bit && end.is_none() => bytes.len() as i64 * 8,
        None => -1,
    }))
}

fn bitop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (target, keys) = (args[2], &args[3..]);
    let operation = match args[1] {
        word if is(word, "AND") => Some(Operation::And),
        word if is(word, "OR") => Some(Operation::Or),
        word if is(word, "XOR") => Some(Operation::Xor),
        word if is(word, "NOT") => None,
        _ => return Err(CommandError::SYNTAX),
    };
    if operation.is_none() && keys.len() != 1 {
        return Err(CommandError::new(
            "ERR BITOP NOT must be called with a single source key.",
        ));
    }

    for key in keys {
        ctx.read_string(key)?;
    }
    let sources: Vec<Cow<'_, [u8]>> = keys
        .iter()
        .map(|key| {
            let string = ctx.peek(key).and_then(|entry| entry.object.as_string());
            string.map_or(Cow::Borrowed(&b""[..]), StringView::as_bytes)
        })
        .collect();
    let sources: Vec<&[u8]> = sources.iter().map(|source| &**source).collect();
    let result = match operation {
        Some(operation) => bits::combine(operation, &sources),
        None => bits::invert(sources[0]),
    };
    let len = result.len();
    if len > 0 {
        ctx.put(target, Object::Raw(Box::new(result)), Ttl::Clear);
        ctx.changed(target, Event::string("set"));
    } else if ctx.take(target).is_some() {
        ctx.changed(target, Event::generic("del"));
    }

    Ok(Value::from(len))
}

pub(super) const SETBIT: Event = Event::string("setbit");

/// The place of a bit: not negative, and inside the longest string there can be.
pub(super) fn offset(ctx: &Ctx<'_>, arg: &[u8]) -> Result<u64, CommandError> {
    within_string(ctx, number::parse_i64(arg))
}

pub(super) fn within_string(ctx: &Ctx<'_>, offset: Option<i64>) -> Result<u64, CommandError> {
    let len_max = ctx.env.config.proto_max_bulk_len.load(Ordering::Relaxed);
    offset
        .and_then(|offset| u64::try_from(offset).ok())
        .filter(|offset| offset / 8 < len_max)
        .ok_or(CommandError::BIT_OFFSET_OUT_OF_RANGE)
}

/// Changes the bytes of a string that is made, or made longer, to have a bit at `last`. What the
/// change returned, and whether the string had to grow.
pub(super) fn edit<R>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    last: u64,
    change: impl FnOnce(&mut Vec<u8>) -> R,
) -> Result<(R, bool), CommandError> {
    let len = (last / 8) as usize + 1;
    let old_len = ctx.lookup_string(key)?.map(StringView::len);
    if old_len.is_none() {
        ctx.put(key, Object::Raw(Box::default()), Ttl::Clear);
    }
    let result = ctx.update(key, |object| {
        let bytes = buffer(object);
        if bytes.len() < len {
            bytes.resize(len, 0);
        }
        change(bytes)
    });
    let result = result.expect("the key was just found or made");
    Ok((result, old_len < Some(len)))
}

/// What the ends of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn parse(word: &[u8]) -> Result<Unit, CommandError> {
        match word {
            _ if is(word, "BYTE") => Ok(Unit::Byte),
            _ if is(word, "BIT") => Ok(Unit::Bit),
            _ => Err(CommandError::SYNTAX),
        }
    }

    /// The bits of a range in a string of so many bytes, `None` where it is empty. A negative end
    /// counts from behind; without one the range goes on to the last bit.
    fn bits(self, start: i64, end: Option<i64>, len: usize) -> Option<RangeInclusive<u64>> {
        let bits_each = if self == Unit::Byte { 8 } else { 1 };
        let len = len as i64 * (8 / bits_each);
        let from_end = |index: i64| {
            if index < 0 {
                (len + index).max(0)
            } else {
                index
            }
        };
        let start = from_end(start);
        let end = end.map_or(len - 1, from_end).min(len - 1);
        (start <= end).then(|| {
            let (first, last) = (start * bits_each, (end + 1) * bits_each - 1);
            first as u64..=last as u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_string() {
        let bits = |unit: Unit, start, end| unit.bits(start, end, 3).map(|bits| bits.into_inner());
        for (range, expected) in [
            ((0, Some(-1)), Some((0, 23))),
            ((1, None), Some((8, 23))),
            ((-1, None), Some((16, 23))),
            ((i64::MIN, Some(i64::MAX)), Some((0, 23))),
            ((i64::MIN, Some(i64::MIN)), Some((0, 7))),
            ((2, Some(1)), None),
            ((3, Some(9)), None),
        ] {
            assert_eq!(bits(Unit::Byte, range.0, range.1), expected, "{range:?}");
        }
        assert_eq!(bits(Unit::Bit, 5, Some(-3)), Some((5, 21)));
        assert_eq!(bits(Unit::Bit, 24, Some(30)), None);
        assert_eq!(Unit::Byte.bits(0, None, 0), None);
        assert_eq!(Unit::Bit.bits(0, Some(0), 0), None);
    }
}
