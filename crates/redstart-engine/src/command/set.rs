//! Sets.

use redstart_protocol::Value;
use redstart_protocol::number::parse_i64;

use super::args::{self, Args, Choice};
use super::ctx::Ctx;
use super::error::CommandError;
use super::keys::{ScanRule, cursor, scan_reply};
use super::{Row, element, row};
use crate::data::{Blob, Element, Set};
use crate::keyspace::Ttl;
use crate::keyspace::change::Event;
use crate::keyspace::object::Object;

pub(super) const TABLE: &[Row] = &[
    row("sadd", sadd),
    row("srem", srem),
    row("sismember", sismember),
    row("smismember", smismember),
    row("scard", scard),
    row("smembers", smembers),
    row("spop", spop),
    row("srandmember", srandmember),
    row("smove", smove),
    row("sinter", sinter),
    row("sinterstore", sinterstore),
    row("sintercard", sintercard),
    row("sunion", sunion),
    row("sunionstore", sunionstore),
    row("sdiff", sdiff),
    row("sdiffstore", sdiffstore),
    row("sscan", sscan),
];

fn sadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (max_integers, seed) = (ctx.env.config.set_max_integers(), ctx.space.seed());
    let added = ctx.edit_or_create(args[1], |set: &mut Set| {
        args[2..]
            .iter()
            .filter(|member| set.insert(member, max_integers, seed))
            .count()
    })?;
    if added > 0 {
        ctx.changed(args[1], Event::set("sadd"));
    }
    Ok(Value::from(added))
}

fn srem(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let removed = ctx.edit(args[1], |set: &mut Set| {
        args[2..]
            .iter()
            .filter(|member| set.remove(member, seed))
            .count()
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        ctx.changed(args[1], Event::set("srem"));
        ctx.removed_if_empty(args[1]);
    }
    Ok(Value::from(removed))
}

fn sismember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let found = ctx
        .read_as::<Set>(args[1])?
        .is_some_and(|set| set.contains(args[2], seed));
    Ok(Value::Integer(i64::from(found)))
}

fn smismember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let set = ctx.read_as::<Set>(args[1])?;
    let found = args[2..].iter().map(|member| {
        let found = set.is_some_and(|set| set.contains(member, seed));
        Value::Integer(i64::from(found))
    });
    Ok(Value::Array(found.collect()))
}

fn scard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(
        ctx.read_as::<Set>(args[1])?.map_or(0, Set::len),
    ))
}

fn smembers(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let members = ctx.read_as::<Set>(args[1])?.into_iter().flat_map(Set::iter);
    Ok(Value::Set(members.map(element).collect()))
}

fn spop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let key = args[1];
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = args.get(2).map(|count| args::count(count)).transpose()?;

    let (seed, mut rng) = (ctx.space.seed(), ctx.space.rng().fork());
    let popped = ctx.edit(key, |set: &mut Set| {
        let wanted = count.unwrap_or(1);
        if wanted >= set.len() {
            let all: Vec<Blob> = set.iter().map(|member| member.to_blob()).collect();
            *set = Set::new();
            return all;
        }
        (0..wanted)
            .filter_map(|_| set.pop_random(&mut rng, seed))
            .collect()
    })?;
    let popped = popped.unwrap_or_default();
    if !popped.is_empty() {
        ctx.changed(key, Event::set("spop"));
        let gone = !ctx.contains(key);
        ctx.removed_if_empty(key);
        if gone {
            ctx.effect(&[b"DEL", key]);
        } else {
            let command: [&[u8]; 2] = [b"SREM", key];
            let members = popped.iter().map(|member| &**member);
            let effect: Vec<&[u8]> = command.into_iter().chain(members).collect();
            ctx.effect(&effect);
        }
    }

    let mut members = popped.iter().map(Value::bulk);
    Ok(match count {
        None => members.next().unwrap_or(Value::Null),
        Some(_) => Value::Set(members.collect()),
    })
}

fn srandmember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut rng = ctx.space.rng().fork();
    let Some(count) = args.get(2) else {
        let member = ctx
            .read_as::<Set>(args[1])?
            .and_then(|set| set.random(&mut rng));
        return Ok(member.map_or(Value::Null, element));
    };
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let choice = args::choice(count, false)?;

    let Some(set) = ctx.read_as::<Set>(args[1])? else {
        return Ok(Value::Array(Vec::new()));
    };
    let chosen: Vec<_> = match choice {
        Choice::Distinct(count) => set.sample(count, &mut rng),
        Choice::Repeated(count) => (0..count).filter_map(|_| set.random(&mut rng)).collect(),
    };
    Ok(Value::Array(chosen.into_iter().map(element).collect()))
}

fn smove(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (from, to, member) = (args[1], args[2], args[3]);
    let (max_integers, seed) = (ctx.env.config.set_max_integers(), ctx.space.seed());
    let is_there = ctx.lookup(from).is_some();
    ctx.lookup(to);
    if !is_there {
        return Ok(Value::Integer(0));
    }
    let found = ctx
        .peek_as::<Set>(from)?
        .is_some_and(|set| set.contains(member, seed));
    ctx.peek_as::<Set>(to)?;
    if !found || from == to {
        return Ok(Value::Integer(i64::from(found)));
    }

    ctx.edit(from, |set: &mut Set| set.remove(member, seed))?;
    ctx.changed(from, Event::set("srem"));
    ctx.removed_if_empty(from);
    let added = ctx.edit_or_create(to, |set: &mut Set| set.insert(member, max_integers, seed))?;
    if added {
        ctx.changed(to, Event::set("sadd"));
    }

    Ok(Value::Integer(1))
}

fn sinter(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let members = intersection(ctx, &args[1..], usize::MAX)?;
    Ok(Value::Set(members.iter().map(Value::bulk).collect()))
}

fn sinterstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let members = intersection(ctx, &args[2..], usize::MAX)?;
    Ok(store(
        ctx,
        args[1],
        members,
        ctx.env.config.set_max_integers(),
        "sinterstore",
    ))
}

fn sintercard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (keys, mut options) = args::counted_keys(args, 1)?;
    let mut limit = 0;
    while options.left() > 0 {
        if options.left() > 1 && options.accept("LIMIT") {
            let text = "ERR LIMIT can't be negative";
            limit = args::integer_within(options.next()?, 0..=i64::MAX, text)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let limit = if limit == 0 {
        usize::MAX
    } else {
        limit as usize
    };

    Ok(Value::from(intersection(ctx, keys, limit)?.len()))
}

/// Up to `limit` members that all sets have. A missing set has none.
fn intersection(
    ctx: &mut Ctx<'_>,
    keys: &[&[u8]],
    limit: usize,
) -> Result<Vec<Blob>, CommandError> {
    let seed = ctx.space.seed();
    let mut sets = sets(ctx, keys)?;
    sets.sort_by_key(|set| set.map_or(0, Set::len));
    let Some((Some(smallest), others)) = sets.split_first() else {
        return Ok(Vec::new());
    };
    let in_others = |member: &Blob| {
        others
            .iter()
            .all(|set| set.is_some_and(|set| set.contains(member, seed)))
    };
    let members = smallest.iter().map(|member| member.to_blob());
    Ok(members.filter(in_others).take(limit).collect())
}

fn sunion(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let union = union(ctx, &args[1..])?;
    Ok(Value::Set(union.iter().map(element).collect()))
}

fn sunionstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let union = union(ctx, &args[2..])?;
    let members = union.iter().map(|member| member.to_blob()).collect();
    Ok(store(
        ctx,
        args[1],
        members,
        ctx.env.config.set_max_integers(),
        "sunionstore",
    ))
}

fn union(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> Result<Set, CommandError> {
    let (max_integers, seed) = (ctx.env.config.set_max_integers(), ctx.space.seed());
    let mut union = Set::new();
    for member in sets(ctx, keys)?.into_iter().flatten().flat_map(Set::iter) {
        union.insert(&member.to_bytes(), max_integers, seed);
    }
    Ok(union)
}

fn sdiff(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let members = difference(ctx, &args[1..])?;
    Ok(Value::Set(members.iter().map(Value::bulk).collect()))
}

fn sdiffstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let keys = &args[2..];
    let members = difference(ctx, keys)?;
    let max_integers = match outgrows_integers(ctx, keys)? {
        true => 0,
        false => ctx.env.config.set_max_integers(),
    };
    Ok(store(ctx, args[1], members, max_integers, "sdiffstore"))
}

/// Whether the difference is a hash table although it holds few integers only. Redis either looks
/// each member of the first set up in the others or takes the others' members out of a copy of it,
/// whatever it takes for less work; and a copy keeps the form it once had.
fn outgrows_integers(ctx: &Ctx<'_>, keys: &[&[u8]]) -> Result<bool, CommandError> {
    let max_integers = ctx.env.config.set_max_integers();
    let sets = found(ctx, keys)?;
    let Some(Some(first)) = sets.first() else {
        return Ok(false);
    };
    let present = sets.iter().flatten();
    let look_ups = first.len().saturating_mul(present.clone().count()) / 2;
    let removals: usize = present.map(|set| set.len()).sum();
    let is_integer = |member: Element<'_>| parse_i64(&member.to_bytes()).is_some();
    Ok(look_ups > removals && (first.len() > max_integers || !first.iter().all(is_integer)))
}

fn difference(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> Result<Vec<Blob>, CommandError> {
    let seed = ctx.space.seed();
    let sets = sets(ctx, keys)?;
    let Some((Some(first), others)) = sets.split_first() else {
        return Ok(Vec::new());
    };
    let in_none = |member: &Blob| {
        !others
            .iter()
            .flatten()
            .any(|set| set.contains(member, seed))
    };
    Ok(first
        .iter()
        .map(|member| member.to_blob())
        .filter(in_none)
        .collect())
}

/// The sets at `keys`, all of them looked at, so that one of another type is an error wherever it
/// stands.
fn sets<'a>(ctx: &'a mut Ctx<'_>, keys: &[&[u8]]) -> Result<Vec<Option<&'a Set>>, CommandError> {
    for key in keys {
        ctx.read_as::<Set>(key)?;
    }
    found(ctx, keys)
}

/// The sets at `keys` that have been looked at.
fn found<'a>(ctx: &'a Ctx<'_>, keys: &[&[u8]]) -> Result<Vec<Option<&'a Set>>, CommandError> {
    keys.iter().map(|key| ctx.peek_as::<Set>(key)).collect()
}

/// Replaces `key` by a set of these members, or removes it where there are none.
fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    members: Vec<Blob>,
    max_integers: usize,
    name: &'static str,
) -> Value {
    let seed = ctx.space.seed();
    if members.is_empty() {
        if ctx.take(key).is_some() {
            ctx.changed(key, Event::generic("del"));
        }
        return Value::Integer(0);
    }
    let mut set = Set::new();
    for member in &members {
        set.insert(member, max_integers, seed);
    }
    let len = set.len();
    ctx.put(key, Object::Set(Box::new(set)), Ttl::Clear);
    ctx.changed(key, Event::set(name));
    Value::from(len)
}

fn sscan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let from = cursor(args[2])?;
    let seed = ctx.space.seed();
    let set = ctx.read_as::<Set>(args[1])?;
    let Some(set) = set else {
        return Ok(scan_reply(0, Vec::new()));
    };
    let rule = ScanRule::parse(&mut Args::at(args, 3), false)?;

    let mut items = Vec::new();
    let next = set.scan(from, rule.count, seed, |member| {
        if rule.matches(&member.to_bytes()) {
            items.push(element(member));
        }
    });

    Ok(scan_reply(next, items))
}
