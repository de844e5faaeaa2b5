//! Taking members from the ends of sorted sets, and choosing some at random.

use redstart_protocol::Value;

use super::super::args::{self, Choice, integer_within, is};
use super::super::ctx::Ctx;
use super::super::error::CommandError;
use super::members_reply;
use crate::data::{Blob, SortedSet};
use crate::keyspace::change::Event;

/// Which end of the order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extreme {
    Min,
    Max,
}

impl Extreme {
    fn command(self) -> &'static str {
        match self {
            Extreme::Min => "zpopmin",
            Extreme::Max => "zpopmax",
        }
    }
}

pub(super) fn zpopmin(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    pop(ctx, args, Extreme::Min)
}

pub(super) fn zpopmax(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    pop(ctx, args, Extreme::Max)
}

fn pop(ctx: &mut Ctx<'_>, args: &[&[u8]], from: Extreme) -> Result<Value, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = args.get(2).map(|count| args::count(count)).transpose()?;

    let popped = take(ctx, args[1], from, count.unwrap_or(1))?.unwrap_or_default();

    Ok(pairs_reply(&popped, ctx.is_resp3() && count.is_some()))
}

/// Takes up to `count` members from an end; `None` where there is no set.
fn take(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    from: Extreme,
    count: usize,
) -> Result<Option<Vec<(Blob, f64)>>, CommandError> {
    let seed = ctx.space.seed();
    let popped = ctx.edit(key, |set: &mut SortedSet| -> Vec<(Blob, f64)> {
        let count = count.min(set.len());
        let pop = |_| match from {
            Extreme::Min => set.pop_first(seed),
            Extreme::Max => set.pop_last(seed),
        };
        (0..count).filter_map(pop).collect()
    })?;
    if popped.as_ref().is_some_and(|popped| !popped.is_empty()) {
        ctx.changed(key, Event::sorted_set(from.command()));
        ctx.removed_if_empty(key);
    }
    Ok(popped)
}

fn pairs_reply(popped: &[(Blob, f64)], paired: bool) -> Value {
    let pairs = popped
        .iter()
        .map(|(member, score)| [Value::bulk(&**member), Value::Double(*score)]);
    Value::Array(match paired {
        true => pairs.map(|pair| Value::Array(pair.into())).collect(),
        false => pairs.flatten().collect(),
    })
}

pub(super) fn zmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (keys, mut options) = match args::counted_keys(args, 1) {
        Err(error) if error == CommandError::TOO_MANY_KEYS => return Err(CommandError::SYNTAX),
        parsed => parsed?,
    };
    let from = match options.next()? {
        word if is(word, "MIN") => Extreme::Min,
        word if is(word, "MAX") => Extreme::Max,
        _ => return Err(CommandError::SYNTAX),
    };
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
        let popped = take(ctx, key, from, count.unwrap_or(1))?;
        let Some(popped) = popped else { continue };
        let effect = from.command().to_ascii_uppercase();
        ctx.effect(&[effect.as_bytes(), key, popped.len().to_string().as_bytes()]);
        return Ok(Value::Array(vec![
            Value::bulk(key),
            pairs_reply(&popped, true),
        ]));
    }

    Ok(Value::NullArray)
}

pub(super) fn zrandmember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut rng = ctx.space.rng().fork();
    let Some(count) = args.get(2) else {
        let member = ctx
            .read_as::<SortedSet>(args[1])?
            .and_then(|set| set.random(&mut rng));
        return Ok(member.map_or(Value::Null, |(member, _)| super::element(member)));
    };
    let with_scores = args.get(3).is_some();
    let choice = args::choice(count, false)?;
    if args.len() > 4 || args.get(3).is_some_and(|word| !is(word, "WITHSCORES")) {
        return Err(CommandError::SYNTAX);
    }
    if with_scores {
        args::choice(count, true)?;
    }

    let paired = ctx.is_resp3();
    let Some(set) = ctx.read_as::<SortedSet>(args[1])? else {
        return Ok(Value::Array(Vec::new()));
    };
    let chosen: Vec<_> = match choice {
        Choice::Distinct(count) => set.sample(count, &mut rng),
        Choice::Repeated(count) => (0..count).filter_map(|_| set.random(&mut rng)).collect(),
    };

    Ok(members_reply(chosen.into_iter(), with_scores, paired))
}
