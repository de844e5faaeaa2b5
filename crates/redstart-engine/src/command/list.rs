//! Lists.

use std::ops::Range;

use redstart_protocol::Value;

use super::args::{self, Args, integer, integer_within, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, element, row};
use crate::data::{Blob, End, List, Side};
use crate::keyspace::change::Event;

pub(super) const TABLE: &[Row] = &[
    row("lpush", lpush),
    row("rpush", rpush),
    row("lpushx", lpushx),
    row("rpushx", rpushx),
    row("lpop", lpop),
    row("rpop", rpop),
    row("llen", llen),
    row("lindex", lindex),
    row("lset", lset),
    row("lrange", lrange),
    row("ltrim", ltrim),
    row("lrem", lrem),
    row("linsert", linsert),
    row("lpos", lpos),
    row("lmove", lmove),
    row("rpoplpush", rpoplpush),
    row("lmpop", lmpop),
];

fn lpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    push(ctx, args, End::Head, true)
}

fn rpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    push(ctx, args, End::Tail, true)
}

fn lpushx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    push(ctx, args, End::Head, false)
}

fn rpushx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    push(ctx, args, End::Tail, false)
}

fn push(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    end: End,
    may_create: bool,
) -> Result<Value, CommandError> {
    let key = args[1];
    let add = |list: &mut List| {
        for element in &args[2..] {
            list.push(end, element);
        }
        list.len()
    };
    let len = match may_create {
        true => ctx.edit_or_create(key, add)?,
        false => match ctx.edit(key, add)? {
            Some(len) => len,
            None => return Ok(Value::Integer(0)),
        },
    };
    ctx.changed(key, pushed(end));
    Ok(Value::from(len))
}

fn lpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    pop(ctx, args, End::Head, "lpop")
}

fn rpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    pop(ctx, args, End::Tail, "rpop")
}

fn pop(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End, name: &str) -> Result<Value, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::arity(name));
    }
    let count = args.get(2).map(|count| args::count(count)).transpose()?;

    let popped = take(ctx, args[1], end, count.unwrap_or(1))?;

    Ok(match (popped, count) {
        (None, None) => Value::Null,
        (None, Some(_)) => Value::NullArray,
        (Some(popped), None) => popped.first().map_or(Value::Null, Value::bulk),
        (Some(popped), Some(_)) => Value::Array(popped.iter().map(Value::bulk).collect()),
    })
}

/// Takes up to `count` elements from an end; `None` where there is no list.
fn take(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: End,
    count: usize,
) -> Result<Option<Vec<Blob>>, CommandError> {
    let popped = ctx.edit(key, |list: &mut List| -> Vec<Blob> {
        (0..count.min(list.len()))
            .filter_map(|_| list.pop(end))
            .collect()
    })?;
    if popped.as_ref().is_some_and(|popped| !popped.is_empty()) {
        ctx.changed(key, self::popped(end));
        ctx.removed_if_empty(key);
    }
    Ok(popped)
}

fn llen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(
        ctx.read_as::<List>(args[1])?.map_or(0, List::len),
    ))
}

fn lindex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let Some(list) = ctx.read_as::<List>(args[1])? else {
        return Ok(Value::Null);
    };
    let index = integer(args[2])?;
    let found = position(index, list.len()).and_then(|index| list.get(index));
    Ok(found.map_or(Value::Null, element))
}

fn lset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let Some(list) = ctx.lookup_as::<List>(args[1])? else {
        return Err(CommandError::NO_SUCH_KEY);
    };
    let index = position(integer(args[2])?, list.len()).ok_or(CommandError::OUT_OF_RANGE)?;
    ctx.edit(args[1], |list: &mut List| list.set(index, args[3]))?;
    ctx.changed(args[1], Event::list("lset"));
    Ok(Value::OK)
}

fn lrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (start, stop) = (integer(args[2])?, integer(args[3])?);
    let Some(list) = ctx.read_as::<List>(args[1])? else {
        return Ok(Value::Array(Vec::new()));
    };
    let elements = list.range(clamp(start, stop, list.len()));
    Ok(Value::Array(elements.map(element).collect()))
}

fn ltrim(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, start, stop) = (args[1], integer(args[2])?, integer(args[3])?);
    let trimmed = ctx.edit(key, |list: &mut List| {
        list.trim(clamp(start, stop, list.len()));
    })?;
    if trimmed.is_some() {
        ctx.changed(key, Event::list("ltrim"));
        ctx.removed_if_empty(key);
    }
    Ok(Value::OK)
}

fn lrem(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, count, element) = (args[1], integer(args[2])?, args[3]);
    let from = if count < 0 { End::Tail } else { End::Head };
    let count_max = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    };

    let removed = ctx.edit(key, |list: &mut List| list.remove(element, from, count_max))?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        ctx.changed(key, Event::list("lrem"));
        ctx.removed_if_empty(key);
    }

    Ok(Value::from(removed))
}

fn linsert(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, pivot, element) = (args[1], args[3], args[4]);
    let side = match args[2] {
        word if is(word, "BEFORE") => Side::Before,
        word if is(word, "AFTER") => Side::After,
        _ => return Err(CommandError::SYNTAX),
    };
    let inserted = ctx.edit(key, |list: &mut List| {
        list.insert(pivot, side, element).then(|| list.len())
    })?;
    Ok(match inserted {
        None => Value::Integer(0),
        Some(None) => Value::Integer(-1),
        Some(Some(len)) => {
            ctx.changed(key, Event::list("linsert"));
            Value::from(len)
        }
    })
}

fn lpos(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (mut rank, mut count, mut looked_at_max) = (1, None, usize::MAX);
    let mut options = Args::at(args, 3);
    while options.left() > 0 {
        if options.left() > 1 && options.accept("RANK") {
            rank = options.int()?;
            if rank == 0 {
                return Err(CommandError::new(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second \
                     ... or use negative to start from the end of the list",
                ));
            }
        } else if options.left() > 1 && options.accept("COUNT") {
            let text = "ERR COUNT can't be negative";
            count = Some(integer_within(options.next()?, 0..=i64::MAX, text)? as usize);
        } else if options.left() > 1 && options.accept("MAXLEN") {
            let text = "ERR MAXLEN can't be negative";
            looked_at_max = match integer_within(options.next()?, 0..=i64::MAX, text)? {
                0 => usize::MAX,
                len => len as usize,
            };
        } else {
            return Err(CommandError::SYNTAX);
        }
    }

    let list = ctx.read_as::<List>(args[1])?;
    let from = if rank < 0 { End::Tail } else { End::Head };
    // The smallest integer has no positive twin, and C's negation leaves it as it is: Redis then
    // skips nothing.
    let skipped = rank.checked_abs().map_or(0, |rank| rank as usize - 1);
    let mut positions = list
        .into_iter()
        .flat_map(|list| list.positions(args[2], from, looked_at_max))
        .skip(skipped)
        .map(Value::from);

    Ok(match count {
        None => positions.next().unwrap_or(Value::Null),
        Some(0) => Value::Array(positions.collect()),
        Some(count) => Value::Array(positions.take(count).collect()),
    })
}

fn lmove(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (from, to) = (end(args[3])?, end(args[4])?);
    move_element(ctx, args[1], from, args[2], to)
}

fn rpoplpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    move_element(ctx, args[1], End::Tail, args[2], End::Head)
}

fn move_element(
    ctx: &mut Ctx<'_>,
    source: &[u8],
    from: End,
    destination: &[u8],
    to: End,
) -> Result<Value, CommandError> {
    if ctx.lookup_as::<List>(source)?.is_none() {
        return Ok(Value::Null);
    }
    ctx.lookup_as::<List>(destination)?;

    // The source stays even if it is emptied: it may be the destination too, and keep its time to
    // live.
    let same = source == destination;
    let moved = ctx.edit(source, |list: &mut List| {
        let element = list.pop(from);
        if let Some(element) = element.as_ref().filter(|_| same) {
            list.push(to, element);
        }
        element
    })?;
    let Some(element) = moved.flatten() else {
        return Ok(Value::Null);
    };
    if !same {
        ctx.edit_or_create(destination, |list: &mut List| list.push(to, &element))?;
    }
    ctx.changed(destination, pushed(to));
    ctx.changed(source, popped(from));
    ctx.removed_if_empty(source);

    Ok(Value::bulk(&*element))
}

fn lmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (keys, mut options) = match args::counted_keys(args, 1) {
        Err(error) if error == CommandError::TOO_MANY_KEYS => return Err(CommandError::SYNTAX),
        parsed => parsed?,
    };
    let end = end(options.next()?)?;
    let mut count = None;
    while options.left() > 0 {
        if count.is_none() && options.left() > 1 && options.accept("COUNT") {
            let text = "ERR count should be greater than 0";
            count = Some(integer_within(options.next()?, 1..=i64::MAX, text)? as usize);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }

    for &key in keys {
        let popped = take(ctx, key, end, count.unwrap_or(1))?;
        let Some(popped) = popped else { continue };
        let name: &[u8] = if end == End::Head { b"LPOP" } else { b"RPOP" };
        ctx.effect(&[name, key, popped.len().to_string().as_bytes()]);
        let elements = Value::Array(popped.iter().map(Value::bulk).collect());
        return Ok(Value::Array(vec![Value::bulk(key), elements]));
    }

    Ok(Value::NullArray)
}

/// LEFT or RIGHT.
fn end(word: &[u8]) -> Result<End, CommandError> {
    match word {
        _ if is(word, "LEFT") => Ok(End::Head),
        _ if is(word, "RIGHT") => Ok(End::Tail),
        _ => Err(CommandError::SYNTAX),
    }
}

fn pushed(end: End) -> Event {
    Event::list(if end == End::Head { "lpush" } else { "rpush" })
}

fn popped(end: End) -> Event {
    Event::list(if end == End::Head { "lpop" } else { "rpop" })
}

/// The place of an index, which counts from the end if it is negative.
fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 {
        index.checked_add(len as i64)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|&index| index < len)
}

/// The places from `start` to `stop`, both included, as far as they are there.
pub(super) fn clamp(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(len)
        } else {
            index
        }
    };
    let start = from_end(start).max(0);
    let end = from_end(stop).min(len - 1) + 1;
    match start < end {
        true => start as usize..end as usize,
        false => 0..0,
    }
}
