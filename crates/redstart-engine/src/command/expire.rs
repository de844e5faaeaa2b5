//! Times to live: the EXPIRE family, TTL and its kin, PERSIST.

use redstart_protocol::Value;

use super::args::{Args, c_string, integer};
use super::ctx::Ctx;
use super::error::CommandError;
use super::expiry::Unit;
use super::{Row, row};
use crate::keyspace::change::Event;

pub(super) const TABLE: &[Row] = &[
    row("expire", expire),
    row("pexpire", pexpire),
    row("expireat", expireat),
    row("pexpireat", pexpireat),
    row("ttl", ttl),
    row("pttl", pttl),
    row("expiretime", expiretime),
    row("pexpiretime", pexpiretime),
    row("persist", persist),
];

fn expire(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_deadline(ctx, args, Unit::Seconds, "expire")
}

fn pexpire(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_deadline(ctx, args, Unit::Milliseconds, "pexpire")
}

fn expireat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_deadline(ctx, args, Unit::UnixSeconds, "expireat")
}

fn pexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_deadline(ctx, args, Unit::UnixMilliseconds, "pexpireat")
}

/// When a deadline may be set at all.
#[derive(Default)]
struct Condition {
    if_none: bool,
    if_some: bool,
    if_later: bool,
    if_earlier: bool,
}

impl Condition {
    fn parse(args: &mut Args<'_>) -> Result<Condition, CommandError> {
        let mut condition = Condition::default();
        while args.left() > 0 {
            if args.accept("NX") {
                condition.if_none = true;
            } else if args.accept("XX") {
                condition.if_some = true;
            } else if args.accept("GT") {
                condition.if_later = true;
            } else if args.accept("LT") {
                condition.if_earlier = true;
            } else {
                let text = [b"ERR Unsupported option ", c_string(args.next()?)].concat();
                return Err(CommandError::from_bytes(text));
            }
        }
        if condition.if_none && (condition.if_some || condition.if_later || condition.if_earlier) {
            return Err(CommandError::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if condition.if_later && condition.if_earlier {
            return Err(CommandError::new(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(condition)
    }

    /// No deadline counts as one that never comes.
    fn allows(&self, old: Option<u64>, new: i64) -> bool {
        let old = old.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
        !(self.if_none && old.is_some()
            || self.if_some && old.is_none()
            || self.if_later && old.is_none_or(|old| new <= old)
            || self.if_earlier && old.is_some_and(|old| new >= old))
    }
}

fn set_deadline(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    unit: Unit,
    name: &str,
) -> Result<Value, CommandError> {
    let key = args[1];
    let condition = Condition::parse(&mut Args::at(args, 3))?;
    let (db, now_ms) = (ctx.db(), ctx.now_ms());
    let at_ms = absolute(integer(args[2])?, unit, now_ms, name)?;

    let Some(entry) = ctx.lookup(key) else {
        return Ok(Value::Integer(0));
    };
    let old = entry.expires_ms();
    if !condition.allows(old, at_ms) {
        return Ok(Value::Integer(0));
    }
    if at_ms <= now_ms as i64 {
        ctx.take(key);
        ctx.changed(key, Event::generic("del"));
        ctx.effect(&[b"DEL", key]);
    } else {
        ctx.space.set_expires(db, key, Some(at_ms as u64));
        ctx.changed(key, Event::generic("expire"));
        ctx.effect(&[b"PEXPIREAT", key, at_ms.to_string().as_bytes()]);
    }

    Ok(Value::Integer(1))
}

/// Milliseconds since 1970; negative where the deadline lies before that.
fn absolute(number: i64, unit: Unit, now_ms: u64, name: &str) -> Result<i64, CommandError> {
    let invalid = || CommandError::invalid_expire(name);
    let ms = match unit.in_seconds() {
        true => number.checked_mul(1_000).ok_or_else(invalid)?,
        false => number,
    };
    match unit.is_from_now() {
        true => ms.checked_add(now_ms as i64).ok_or_else(invalid),
        false => Ok(ms),
    }
}

fn ttl(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let now_ms = ctx.now_ms() as i64;
    Ok(deadline(ctx, args[1], |at_ms| {
        ((at_ms - now_ms).max(0) + 500) / 1_000
    }))
}

fn pttl(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let now_ms = ctx.now_ms() as i64;
    Ok(deadline(ctx, args[1], |at_ms| (at_ms - now_ms).max(0)))
}

fn expiretime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(deadline(ctx, args[1], |at_ms| (at_ms + 500) / 1_000))
}

fn pexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(deadline(ctx, args[1], |at_ms| at_ms))
}

/// -2 without a key, -1 without a deadline.
fn deadline(ctx: &mut Ctx<'_>, key: &[u8], show: impl FnOnce(i64) -> i64) -> Value {
    Value::Integer(match ctx.inspect(key).map(|entry| entry.expires_ms()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => show(i64::try_from(at_ms).unwrap_or(i64::MAX)),
    })
}

fn persist(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, db) = (args[1], ctx.db());
    if ctx
        .lookup(key)
        .is_none_or(|entry| entry.expires_ms().is_none())
    {
        return Ok(Value::Integer(0));
    }
    ctx.space.set_expires(db, key, None);
    ctx.changed(key, Event::generic("persist"));
    Ok(Value::Integer(1))
}
