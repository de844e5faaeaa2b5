//! Strings.

use bytes::Bytes;
use redstart_protocol::Value;
use redstart_protocol::number::LongDouble;

use super::args::{Args, integer, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, expiry, row};
use crate::keyspace::Ttl;
use crate::keyspace::change::Event;
use crate::keyspace::object::{Object, StringView};

pub(super) const TABLE: &[Row] = &[
    row("get", get),
    row("set", set),
    row("setnx", setnx),
    row("setex", setex),
    row("psetex", psetex),
    row("getset", getset),
    row("getdel", getdel),
    row("getex", getex),
    row("mget", mget),
    row("mset", mset),
    row("msetnx", msetnx),
    row("append", append),
    row("strlen", strlen),
    row("getrange", getrange),
    row("substr", getrange),
    row("setrange", setrange),
    row("incr", incr),
    row("decr", decr),
    row("incrby", incrby),
    row("decrby", decrby),
    row("incrbyfloat", incrbyfloat),
    row("lcs", super::lcs::lcs),
];

const SET: Event = Event::string("set");

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(bulk_or_null(ctx.read_string(args[1])?))
}

/// What SET was asked for besides key and value.
#[derive(Default)]
struct SetRule<'a> {
    only_if_absent: bool,
    only_if_present: bool,
    get: bool,
    keep_ttl: bool,
    expire: Option<expiry::Deadline<'a>>,
}

impl<'a> SetRule<'a> {
    fn parse(args: &mut Args<'a>) -> Result<SetRule<'a>, CommandError> {
        let mut rule = SetRule::default();
        while let Some(word) = args.try_next() {
            // The same unit may be given again, and the last one counts.
            let fits =
                |unit| !rule.keep_ttl && rule.expire.is_none_or(|deadline| deadline.unit() == unit);
            match word {
                _ if is(word, "NX") && !rule.only_if_present => rule.only_if_absent = true,
                _ if is(word, "XX") && !rule.only_if_absent => rule.only_if_present = true,
                _ if is(word, "GET") => rule.get = true,
                _ if is(word, "KEEPTTL") && rule.expire.is_none() => rule.keep_ttl = true,
                _ => match expiry::Unit::of(word).filter(|&unit| fits(unit)) {
                    Some(unit) => rule.expire = Some(expiry::Deadline::new(unit, args.next()?)),
                    None => return Err(CommandError::SYNTAX),
                },
            }
        }
        Ok(rule)
    }
}

fn set(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, value) = (args[1], args[2]);
    if args.len() == 3 {
        ctx.put(key, Object::string(value), Ttl::Clear);
        ctx.changed(key, SET);
        return Ok(Value::OK);
    }
    let rule = SetRule::parse(&mut Args::at(args, 3))?;
    let ttl = match rule.expire {
        Some(deadline) => Ttl::At(deadline.resolve(ctx.now_ms(), "set")?),
        None if rule.keep_ttl => Ttl::Keep,
        None => Ttl::Clear,
    };

    let old = match rule.get {
        true => bulk_or_null(ctx.read_string(key)?),
        false => Value::Null,
    };
    let present = ctx.contains(key);
    if (rule.only_if_absent && present) || (rule.only_if_present && !present) {
        ctx.lookup(key);
        return Ok(old);
    }
    ctx.put(key, Object::string(value), ttl);
    ctx.changed(key, SET);
    if let Ttl::At(at_ms) = ttl {
        note_expire(ctx, key);
        ctx.effect(&[b"SET", key, value, b"PXAT", at_ms.to_string().as_bytes()]);
    }

    Ok(if rule.get { old } else { Value::OK })
}

fn setnx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.lookup(args[1]).is_some() {
        return Ok(Value::Integer(0));
    }
    ctx.put(args[1], Object::string(args[2]), Ttl::Clear);
    ctx.changed(args[1], SET);
    Ok(Value::Integer(1))
}

fn setex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_with_ttl(ctx, args, expiry::Unit::Seconds, "setex")
}

fn psetex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_with_ttl(ctx, args, expiry::Unit::Milliseconds, "psetex")
}

fn set_with_ttl(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    unit: expiry::Unit,
    name: &str,
) -> Result<Value, CommandError> {
    let (key, value) = (args[1], args[3]);
    let at_ms = expiry::Deadline::new(unit, args[2]).resolve(ctx.now_ms(), name)?;

    ctx.put(key, Object::string(value), Ttl::At(at_ms));
    ctx.changed(key, SET);
    note_expire(ctx, key);
    ctx.effect(&[b"SET", key, value, b"PXAT", at_ms.to_string().as_bytes()]);

    Ok(Value::OK)
}

/// The `expire` event that follows a `set` with a time to live. One change, two events.
fn note_expire(ctx: &mut Ctx<'_>, key: &[u8]) {
    let changes = ctx.space.changes();
    ctx.changed(key, Event::generic("expire"));
    ctx.space.set_changes(changes);
}

fn getset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let old = bulk_or_null(ctx.read_string(args[1])?);
    ctx.put(args[1], Object::string(args[2]), Ttl::Clear);
    ctx.changed(args[1], SET);
    ctx.effect(&[b"SET", args[1], args[2]]);
    Ok(old)
}

fn getdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let old = bulk_or_null(ctx.read_string(args[1])?);
    if old != Value::Null {
        ctx.take(args[1]);
        ctx.changed(args[1], Event::generic("del"));
        ctx.effect(&[b"DEL", args[1]]);
    }
    Ok(old)
}

fn getex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let key = args[1];
    let (mut persist, mut deadline) = (false, None::<expiry::Deadline<'_>>);
    let mut options = Args::at(args, 2);
    while let Some(word) = options.try_next() {
        let fits = |unit| !persist && deadline.is_none_or(|deadline| deadline.unit() == unit);
        match expiry::Unit::of(word) {
            _ if is(word, "PERSIST") && deadline.is_none() => persist = true,
            Some(unit) if fits(unit) => {
                deadline = Some(expiry::Deadline::new(unit, options.next()?))
            }
            _ => return Err(CommandError::SYNTAX),
        }
    }

    let value = bulk_or_null(ctx.read_string(key)?);
    if value == Value::Null {
        return Ok(value);
    }
    let (db, now_ms) = (ctx.db(), ctx.now_ms());
    if let Some(deadline) = deadline {
        let at_ms = deadline.resolve(now_ms, "getex")?;
        if at_ms <= now_ms {
            ctx.take(key);
            ctx.changed(key, Event::generic("del"));
            ctx.effect(&[b"DEL", key]);
        } else {
            ctx.space.set_expires(db, key, Some(at_ms));
            ctx.changed(key, Event::generic("expire"));
            ctx.effect(&[b"PEXPIREAT", key, at_ms.to_string().as_bytes()]);
        }
    } else if persist
        && ctx
            .peek(key)
            .is_some_and(|entry| entry.expires_ms().is_some())
    {
        ctx.space.set_expires(db, key, None);
        ctx.changed(key, Event::generic("persist"));
        ctx.effect(&[b"PERSIST", key]);
    }

    Ok(value)
}

fn mget(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let values = args[1..].iter().map(|key| {
        // A key of another type is answered as if it were not there.
        ctx.read_string(key).map_or(Value::Null, bulk_or_null)
    });
    Ok(Value::Array(values.collect()))
}

fn mset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::arity("mset"));
    }
    put_pairs(ctx, &args[1..]);
    Ok(Value::OK)
}

fn msetnx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::arity("msetnx"));
    }
    if args[1..]
        .iter()
        .step_by(2)
        .any(|key| ctx.lookup(key).is_some())
    {
        return Ok(Value::Integer(0));
    }
    put_pairs(ctx, &args[1..]);
    Ok(Value::Integer(1))
}

fn put_pairs(ctx: &mut Ctx<'_>, pairs: &[&[u8]]) {
    for pair in pairs.chunks_exact(2) {
        ctx.put(pair[0], Object::string(pair[1]), Ttl::Clear);
        ctx.changed(pair[0], SET);
    }
}

fn append(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, tail) = (args[1], args[2]);
    let len = match ctx.lookup_string(key)? {
        None => {
            ctx.put(key, Object::string(tail), Ttl::Clear);
            tail.len()
        }
        Some(old) => {
            let len = old.len();
            check_length(ctx, len as u64, tail.len() as u64)?;
            ctx.update(key, |object| buffer(object).extend_from_slice(tail));
            len + tail.len()
        }
    };
    ctx.changed(key, Event::string("append"));
    Ok(Value::from(len))
}

fn strlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let len = ctx.read_string(args[1])?.map_or(0, StringView::len);
    Ok(Value::from(len))
}

fn getrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (start, end) = (integer(args[2])?, integer(args[3])?);
    let Some(string) = ctx.read_string(args[1])? else {
        return Ok(Value::bulk(b""));
    };

    let len = string.len() as i64;
    // Both ends negative and crossed is empty even where clamping would make them meet.
    if start < 0 && end < 0 && start > end {
        return Ok(Value::bulk(b""));
    }
    let from_end = |index: i64| {
        if index < 0 {
            (len + index).max(0)
        } else {
            index
        }
    };
    let (start, end) = (
        from_end(start.max(-len)),
        from_end(end.max(-len - 1)).min(len - 1),
    );
    if start > end || len == 0 {
        return Ok(Value::bulk(b""));
    }
    let range = start as usize..=end as usize;
    Ok(match string {
        StringView::Bytes(bytes) => Value::bulk(&bytes[range]),
        StringView::Int(number) => Value::bulk(&number.to_string().as_bytes()[range]),
    })
}

fn setrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, offset, patch) = (args[1], integer(args[2])?, args[3]);
    let offset = u64::try_from(offset).map_err(|_| CommandError::OFFSET_OUT_OF_RANGE)?;

    let old = ctx.lookup_string(key)?.map(StringView::len);
    if patch.is_empty() {
        return Ok(Value::from(old.unwrap_or(0)));
    }
    check_length(ctx, offset, patch.len() as u64)?;
    if old.is_none() {
        ctx.put(key, Object::Raw(Box::default()), Ttl::Clear);
    }
    let end = offset as usize + patch.len();
    let len = ctx.update(key, |object| {
        let bytes = buffer(object);
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset as usize..end].copy_from_slice(patch);
        bytes.len()
    });
    ctx.changed(key, Event::string("setrange"));

    Ok(Value::from(len.unwrap_or(0)))
}

/// The bytes of a string object, in a form that can grow.
pub(super) fn buffer(object: &mut Object) -> &mut Vec<u8> {
    if !matches!(object, Object::Raw(_)) {
        let bytes = object
            .as_string()
            .map(StringView::to_vec)
            .unwrap_or_default();
        *object = Object::Raw(Box::new(bytes));
    }
    match object {
        Object::Raw(bytes) => bytes,
        _ => unreachable!("it was just made raw"),
    }
}

fn check_length(ctx: &Ctx<'_>, base: u64, more: u64) -> Result<(), CommandError> {
    let max = ctx
        .env
        .config
        .proto_max_bulk_len
        .load(std::sync::atomic::Ordering::Relaxed);
    match base.checked_add(more).is_some_and(|len| len <= max) {
        true => Ok(()),
        false => Err(CommandError::STRING_TOO_LONG),
    }
}

fn incr(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    add(ctx, args[1], 1)
}

fn decr(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    add(ctx, args[1], -1)
}

fn incrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    add(ctx, args[1], integer(args[2])?)
}

fn decrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    match integer(args[2])?.checked_neg() {
        Some(by) => add(ctx, args[1], by),
        None => Err(CommandError::new("ERR decrement would overflow")),
    }
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], by: i64) -> Result<Value, CommandError> {
    let added = ctx.update(key, |object| -> Result<i64, CommandError> {
        let string = object.as_string().ok_or(CommandError::WRONG_TYPE)?;
        let old = string.as_i64().ok_or(CommandError::NOT_AN_INTEGER)?;
        let sum = old.checked_add(by).ok_or(CommandError::OVERFLOW)?;
        *object = Object::Int(sum);
        Ok(sum)
    });
    let sum = match added {
        Some(sum) => sum?,
        None => {
            ctx.put(key, Object::Int(by), Ttl::Clear);
            by
        }
    };
    ctx.changed(key, Event::string("incrby"));
    Ok(Value::Integer(sum))
}

fn incrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let key = args[1];
    let old = match ctx.lookup_string(key)? {
        None => None,
        Some(string) => Some(LongDouble::parse(&string.to_vec()).ok_or(CommandError::NOT_A_FLOAT)?),
    };
    let by = LongDouble::parse(args[2]).ok_or(CommandError::NOT_A_FLOAT)?;

    let sum = old
        .unwrap_or(LongDouble::from(0))
        .checked_add(by)
        .ok_or(CommandError::NAN_OR_INFINITY)?;
    let text = Bytes::from(sum.to_string());
    let object = Object::Str((&*text).into());
    match old {
        Some(_) => ctx.update(key, |old| *old = object).unwrap_or_default(),
        None => ctx.put(key, object, Ttl::Clear),
    }
    ctx.changed(key, Event::string("incrbyfloat"));
    ctx.effect(&[b"SET", key, &text, b"KEEPTTL"]);

    Ok(text.into())
}

fn bulk_or_null(string: Option<StringView<'_>>) -> Value {
    string.map_or(Value::Null, |string| Value::Bulk(string.to_octets()))
}
