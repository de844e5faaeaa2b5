//! Sorted sets: members and their scores. Ranges, algebra and popping have files of their own.

mod algebra;
mod pop;
mod range;

use redstart_protocol::{Value, number};

pub(super) use algebra::UNPACKED;

use super::args::{self, Args};
use super::ctx::Ctx;
use super::error::CommandError;
use super::keys::{ScanRule, cursor, scan_reply};
use super::{Row, element, row};
use crate::data::{Element, Limits, Seed, SortedSet};
use crate::keyspace::Ttl;
use crate::keyspace::change::Event;
use crate::keyspace::object::Object;

pub(super) const TABLE: &[Row] = &[
    row("zadd", zadd),
    row("zincrby", zincrby),
    row("zrem", zrem),
    row("zscore", zscore),
    row("zmscore", zmscore),
    row("zcard", zcard),
    row("zrank", zrank),
    row("zrevrank", zrevrank),
    row("zscan", zscan),
    row("zcount", range::zcount),
    row("zlexcount", range::zlexcount),
    row("zrange", range::zrange),
    row("zrangestore", range::zrangestore),
    row("zrevrange", range::zrevrange),
    row("zrangebyscore", range::zrangebyscore),
    row("zrevrangebyscore", range::zrevrangebyscore),
    row("zrangebylex", range::zrangebylex),
    row("zrevrangebylex", range::zrevrangebylex),
    row("zremrangebyrank", range::zremrangebyrank),
    row("zremrangebyscore", range::zremrangebyscore),
    row("zremrangebylex", range::zremrangebylex),
    row("zunion", algebra::zunion),
    row("zunionstore", algebra::zunionstore),
    row("zinter", algebra::zinter),
    row("zinterstore", algebra::zinterstore),
    row("zintercard", algebra::zintercard),
    row("zdiff", algebra::zdiff),
    row("zdiffstore", algebra::zdiffstore),
    row("zpopmin", pop::zpopmin),
    row("zpopmax", pop::zpopmax),
    row("zmpop", pop::zmpop),
    row("zrandmember", pop::zrandmember),
];

/// When and how ZADD changes a score.
#[derive(Clone, Copy, Default)]
struct AddRule {
    only_new: bool,
    only_old: bool,
    only_greater: bool,
    only_less: bool,
    increment: bool,
    count_changed: bool,
}

impl AddRule {
    /// Reads options and settles `increment` where the command's name has not.
    fn parse(args: &mut Args<'_>, increment: bool) -> Result<AddRule, CommandError> {
        let mut rule = AddRule {
            increment,
            ..AddRule::default()
        };
        loop {
            match () {
                _ if args.accept("NX") => rule.only_new = true,
                _ if args.accept("XX") => rule.only_old = true,
                _ if args.accept("GT") => rule.only_greater = true,
                _ if args.accept("LT") => rule.only_less = true,
                _ if args.accept("CH") => rule.count_changed = true,
                _ if args.accept("INCR") => rule.increment = true,
                _ => break,
            }
        }
        let pairs = args.left() / 2;
        if pairs == 0 || !args.left().is_multiple_of(2) {
            return Err(CommandError::SYNTAX);
        }
        if rule.only_new && rule.only_old {
            return Err(CommandError::new(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        let exclusive = [rule.only_new, rule.only_greater, rule.only_less];
        if exclusive.into_iter().filter(|&set| set).count() > 1 {
            return Err(CommandError::new(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if rule.increment && pairs > 1 {
            return Err(CommandError::new(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(rule)
    }

    /// The score a member gets that has `old`; `None` to leave it as it is.
    fn decide(&self, old: Option<f64>, given: f64) -> Option<f64> {
        let Some(old) = old else {
            return (!self.only_old).then_some(given);
        };
        let new = if self.increment { old + given } else { given };
        let refused =
            self.only_new || self.only_greater && new <= old || self.only_less && new >= old;
        (!refused).then_some(new)
    }
}

pub(super) fn zadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    add(ctx, args, false)
}

/// ZINCRBY is ZADD with INCR, and takes its other options too.
fn zincrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    add(ctx, args, true)
}

fn add(ctx: &mut Ctx<'_>, args: &[&[u8]], increment: bool) -> Result<Value, CommandError> {
    let mut options = Args::at(args, 2);
    let rule = AddRule::parse(&mut options, increment)?;
    let (key, pairs) = (args[1], options.rest());
    let scores = pairs.iter().step_by(2).map(|score| args::float(score));
    let scores: Vec<f64> = scores.collect::<Result<_, _>>()?;
    let members = pairs.iter().skip(1).step_by(2);

    let (limits, seed) = (ctx.env.config.sorted_set_limits(), ctx.space.seed());
    let old_set = ctx.lookup_as::<SortedSet>(key)?;
    if old_set.is_none() && rule.only_old {
        return Ok(if rule.increment {
            Value::Null
        } else {
            Value::Integer(0)
        });
    }
    if rule.increment {
        let old = old_set.and_then(|set| set.score(pairs[1], seed));
        if old.is_some_and(|old| (old + scores[0]).is_nan()) {
            return Err(CommandError::new(
                "ERR resulting score is not a number (NaN)",
            ));
        }
    }
    let (mut added, mut updated, mut last) = (0, 0, None);
    ctx.edit_or_create(key, |set: &mut SortedSet| {
        for (&score, member) in scores.iter().zip(members) {
            let update = set.update(member, limits, seed, |old| rule.decide(old, score));
            match (update.old, update.new) {
                (None, Some(_)) => added += 1,
                (Some(old), Some(new)) => updated += i64::from(old != new),
                (_, None) => {}
            }
            last = update.new;
        }
    })?;
    if added + updated > 0 {
        ctx.changed(
            key,
            Event::sorted_set(if rule.increment { "zincr" } else { "zadd" }),
        );
    }

    Ok(match rule {
        AddRule {
            increment: true, ..
        } => last.map_or(Value::Null, Value::Double),
        AddRule {
            count_changed: true,
            ..
        } => Value::Integer(added + updated),
        _ => Value::Integer(added),
    })
}

fn zrem(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let removed = ctx.edit(args[1], |set: &mut SortedSet| {
        args[2..]
            .iter()
            .filter(|member| set.remove(member, seed).is_some())
            .count()
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        ctx.changed(args[1], Event::sorted_set("zrem"));
        ctx.removed_if_empty(args[1]);
    }
    Ok(Value::from(removed))
}

fn zscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let score = ctx
        .read_as::<SortedSet>(args[1])?
        .and_then(|set| set.score(args[2], seed));
    Ok(score.map_or(Value::Null, Value::Double))
}

fn zmscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let set = ctx.read_as::<SortedSet>(args[1])?;
    let scores = args[2..].iter().map(|member| {
        let score = set.and_then(|set| set.score(member, seed));
        score.map_or(Value::Null, Value::Double)
    });
    Ok(Value::Array(scores.collect()))
}

fn zcard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(
        ctx.read_as::<SortedSet>(args[1])?.map_or(0, SortedSet::len),
    ))
}

fn zrank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(rank(ctx, args)?.map_or(Value::Null, |(rank, _)| Value::from(rank)))
}

fn zrevrank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(rank(ctx, args)?.map_or(Value::Null, |(rank, len)| Value::from(len - 1 - rank)))
}

/// A member's rank and the size of the set.
fn rank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Option<(usize, usize)>, CommandError> {
    let seed = ctx.space.seed();
    let set = ctx.read_as::<SortedSet>(args[1])?;
    Ok(set.and_then(|set| Some((set.rank(args[2], seed)?.0, set.len()))))
}

fn zscan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let from = cursor(args[2])?;
    let seed = ctx.space.seed();
    let set = ctx.read_as::<SortedSet>(args[1])?;
    let Some(set) = set else {
        return Ok(scan_reply(0, Vec::new()));
    };
    let rule = ScanRule::parse(&mut Args::at(args, 3), false)?;

    let packed = set.encoding() == "listpack";
    let mut items = Vec::new();
    let next = set.scan(from, rule.count, seed, |member, score| {
        if rule.matches(&member.to_bytes()) {
            items.extend([element(member), Value::bulk(&*score_text(score, packed))]);
        }
    });

    Ok(scan_reply(next, items))
}

/// A score as ZSCAN writes it. A packed set holds whole numbers as integers, and shows them so.
fn score_text(score: f64, packed: bool) -> number::NumberText {
    const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
    match packed && score.trunc() == score && score.abs() < INTEGER_MAX {
        true => number::format_i64(score as i64),
        false => number::format_g17(score),
    }
}

/// Members, with their scores if asked for: side by side in RESP2, in pairs in RESP3.
fn members_reply<'a>(
    members: impl Iterator<Item = (Element<'a>, f64)>,
    with_scores: bool,
    paired: bool,
) -> Value {
    if !with_scores {
        return Value::Array(members.map(|(member, _)| element(member)).collect());
    }
    let members = members.map(|(member, score)| [element(member), Value::Double(score)]);
    Value::Array(match paired {
        true => members.map(|pair| Value::Array(pair.into())).collect(),
        false => members.flatten().collect(),
    })
}

/// Replaces `key` by a computed set, or removes it where that is empty; the size.
pub(super) fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    mut set: SortedSet,
    name: &'static str,
) -> Value {
    let len = set.len();
    if len == 0 {
        if ctx.take(key).is_some() {
            ctx.changed(key, Event::generic("del"));
        }
    } else {
        set.pack(ctx.env.config.sorted_set_limits());
        ctx.put(key, Object::SortedSet(Box::new(set)), Ttl::Clear);
        ctx.changed(key, Event::sorted_set(name));
    }
    Value::from(len)
}

/// A sorted set of the given members.
pub(super) fn collect<'a>(
    members: impl Iterator<Item = (Element<'a>, f64)>,
    limits: Limits,
    seed: Seed,
) -> SortedSet {
    let mut set = SortedSet::new();
    for (member, score) in members {
        set.insert(&member.to_bytes(), score, limits, seed);
    }
    set
}
