//! Hashes.

use bytes::Bytes;
use redstart_protocol::number::LongDouble;
use redstart_protocol::{Value, number};

use super::args::{self, Args, Choice, integer, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::keys::{ScanRule, cursor, scan_reply};
use super::{Row, element, row};
use crate::data::{Element, Hash};
use crate::keyspace::change::Event;

pub(super) const TABLE: &[Row] = &[
    row("hset", hset),
    row("hmset", hmset),
    row("hsetnx", hsetnx),
    row("hget", hget),
    row("hmget", hmget),
    row("hgetall", hgetall),
    row("hkeys", hkeys),
    row("hvals", hvals),
    row("hlen", hlen),
    row("hstrlen", hstrlen),
    row("hexists", hexists),
    row("hdel", hdel),
    row("hincrby", hincrby),
    row("hincrbyfloat", hincrbyfloat),
    row("hrandfield", hrandfield),
    row("hscan", hscan),
];

const HSET: Event = Event::hash("hset");

fn hset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(set_fields(ctx, args, "hset")?))
}

fn hmset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    set_fields(ctx, args, "hmset")?;
    Ok(Value::OK)
}

/// How many fields were new.
fn set_fields(ctx: &mut Ctx<'_>, args: &[&[u8]], name: &str) -> Result<usize, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::arity(name));
    }
    let (limits, seed) = (ctx.env.config.hash_limits(), ctx.space.seed());
    let created = ctx.edit_or_create(args[1], |hash: &mut Hash| {
        let pairs = args[2..].chunks_exact(2);
        pairs
            .filter(|pair| hash.set(pair[0], pair[1], limits, seed))
            .count()
    })?;
    ctx.changed(args[1], HSET);
    Ok(created)
}

fn hsetnx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (limits, seed) = (ctx.env.config.hash_limits(), ctx.space.seed());
    let created = ctx.edit_or_create(args[1], |hash: &mut Hash| {
        // An existing field is left alone: setting it could change the hash's form.
        !hash.contains(args[2], seed) && hash.set(args[2], args[3], limits, seed)
    })?;
    if created {
        ctx.changed(args[1], HSET);
    }
    Ok(Value::Integer(i64::from(created)))
}

fn hget(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let value = ctx
        .read_as::<Hash>(args[1])?
        .and_then(|hash| hash.get(args[2], seed));
    Ok(value.map_or(Value::Null, element))
}

fn hmget(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let hash = ctx.read_as::<Hash>(args[1])?;
    let values = args[2..].iter().map(|field| {
        let value = hash.and_then(|hash| hash.get(field, seed));
        value.map_or(Value::Null, element)
    });
    Ok(Value::Array(values.collect()))
}

fn hgetall(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let pairs = ctx
        .read_as::<Hash>(args[1])?
        .into_iter()
        .flat_map(Hash::iter);
    Ok(Value::Map(
        pairs
            .map(|(field, value)| (element(field), element(value)))
            .collect(),
    ))
}

fn hkeys(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let pairs = ctx
        .read_as::<Hash>(args[1])?
        .into_iter()
        .flat_map(Hash::iter);
    Ok(Value::Array(
        pairs.map(|(field, _)| element(field)).collect(),
    ))
}

fn hvals(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let pairs = ctx
        .read_as::<Hash>(args[1])?
        .into_iter()
        .flat_map(Hash::iter);
    Ok(Value::Array(
        pairs.map(|(_, value)| element(value)).collect(),
    ))
}

fn hlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(
        ctx.read_as::<Hash>(args[1])?.map_or(0, Hash::len),
    ))
}

fn hstrlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let value = ctx
        .read_as::<Hash>(args[1])?
        .and_then(|hash| hash.get(args[2], seed));
    Ok(Value::from(value.map_or(0, Element::len)))
}

fn hexists(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let found = ctx
        .read_as::<Hash>(args[1])?
        .is_some_and(|hash| hash.contains(args[2], seed));
    Ok(Value::Integer(i64::from(found)))
}

fn hdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let removed = ctx.edit(args[1], |hash: &mut Hash| {
        args[2..]
            .iter()
            .filter(|field| hash.remove(field, seed))
            .count()
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        ctx.changed(args[1], Event::hash("hdel"));
        ctx.removed_if_empty(args[1]);
    }
    Ok(Value::from(removed))
}

fn hincrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, field, by) = (args[1], args[2], integer(args[3])?);
    let (limits, seed) = (ctx.env.config.hash_limits(), ctx.space.seed());

    let old = match ctx
        .lookup_as::<Hash>(key)?
        .and_then(|hash| hash.get(field, seed))
    {
        None => 0,
        Some(Element::Int(number)) => number,
        Some(Element::Str(text)) => {
            number::parse_i64(text).ok_or(CommandError::HASH_VALUE_NOT_AN_INTEGER)?
        }
    };
    let sum = old.checked_add(by).ok_or(CommandError::OVERFLOW)?;
    ctx.edit_or_create(key, |hash: &mut Hash| {
        hash.set(field, &number::format_i64(sum), limits, seed)
    })?;
    ctx.changed(key, Event::hash("hincrby"));

    Ok(Value::Integer(sum))
}

fn hincrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, field) = (args[1], args[2]);
    let by = LongDouble::parse(args[3]).ok_or(CommandError::NOT_A_FLOAT)?;
    if !by.is_finite() {
        return Err(CommandError::new("ERR value is NaN or Infinity"));
    }
    let (limits, seed) = (ctx.env.config.hash_limits(), ctx.space.seed());

    let old = match ctx
        .lookup_as::<Hash>(key)?
        .and_then(|hash| hash.get(field, seed))
    {
        None => LongDouble::from(0),
        Some(value) => {
            LongDouble::parse(&value.to_bytes()).ok_or(CommandError::HASH_VALUE_NOT_A_FLOAT)?
        }
    };
    let sum = old.checked_add(by).ok_or(CommandError::NAN_OR_INFINITY)?;
    let text = Bytes::from(sum.to_string());
    ctx.edit_or_create(key, |hash: &mut Hash| hash.set(field, &text, limits, seed))?;
    ctx.changed(key, Event::hash("hincrbyfloat"));
    ctx.effect(&[b"HSET", key, field, &text]);

    Ok(text.into())
}

fn hrandfield(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut rng = ctx.space.rng().fork();
    let Some(count) = args.get(2) else {
        let field = ctx
            .read_as::<Hash>(args[1])?
            .and_then(|hash| hash.random(&mut rng));
        return Ok(field.map_or(Value::Null, |(field, _)| element(field)));
    };
    let with_values = args.get(3).is_some();
    let choice = args::choice(count, false)?;
    if args.len() > 4 || args.get(3).is_some_and(|word| !is(word, "WITHVALUES")) {
        return Err(CommandError::SYNTAX);
    }
    if with_values {
        args::choice(count, true)?;
    }

    let paired = ctx.is_resp3();
    let Some(hash) = ctx.read_as::<Hash>(args[1])? else {
        return Ok(Value::Array(Vec::new()));
    };
    let chosen: Vec<_> = match choice {
        Choice::Distinct(count) => hash.sample(count, &mut rng),
        Choice::Repeated(count) => (0..count).filter_map(|_| hash.random(&mut rng)).collect(),
    };

    let reply = chosen
        .into_iter()
        .flat_map(|(field, value)| match (with_values, paired) {
            (false, _) => vec![element(field)],
            (true, false) => vec![element(field), element(value)],
            (true, true) => vec![Value::Array(vec![element(field), element(value)])],
        });
    Ok(Value::Array(reply.collect()))
}

fn hscan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let from = cursor(args[2])?;
    let seed = ctx.space.seed();
    let hash = ctx.read_as::<Hash>(args[1])?;
    let Some(hash) = hash else {
        return Ok(scan_reply(0, Vec::new()));
    };
    let rule = ScanRule::parse(&mut Args::at(args, 3), false)?;

    let mut items = Vec::new();
    let next = hash.scan(from, rule.count, seed, |field, value| {
        if rule.matches(&field.to_bytes()) {
            items.extend([element(field), element(value)]);
        }
    });

    Ok(scan_reply(next, items))
}
