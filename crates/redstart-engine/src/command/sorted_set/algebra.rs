//! Union, intersection and difference of sorted sets and sets. A set's members score 1.

use hashbrown::HashMap;
use redstart_protocol::Value;

use super::super::args::{Args, float, integer, integer_within, is};
use super::super::ctx::Ctx;
use super::super::error::CommandError;
use super::{members_reply, store};
use crate::data::{Blob, Element, Limits, Seed, Set, SortedSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// How the scores of a member that several inputs have become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            // Infinities of both signs cancel out to zero, by Redis' decree.
            Aggregate::Sum => zero_if_nan(a + b),
            // Spelt out, because zeros of both signs are equal and the first one stays.
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The result is computed in the large form, which knows zeros of both signs; what is kept is packed
/// afterwards.
pub(in crate::command) const UNPACKED: Limits = Limits {
    max_entries: 0,
    max_value: 0,
};

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Reply,
    Store,
    Count,
}

struct Request<'a> {
    keys: &'a [&'a [u8]],
    weights: Option<Vec<f64>>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

pub(super) fn zunion(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply(ctx, args, Operation::Union)
}

pub(super) fn zinter(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply(ctx, args, Operation::Intersection)
}

pub(super) fn zdiff(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply(ctx, args, Operation::Difference)
}

fn reply(ctx: &mut Ctx<'_>, args: &[&[u8]], operation: Operation) -> Result<Value, CommandError> {
    let request = parse(ctx, args, 1, operation, Purpose::Reply)?;
    let set = compute(ctx, &request, operation)?;
    Ok(members_reply(
        set.iter(),
        request.with_scores,
        ctx.is_resp3(),
    ))
}

pub(super) fn zunionstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    keep(ctx, args, Operation::Union, "zunionstore")
}

pub(super) fn zinterstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    keep(ctx, args, Operation::Intersection, "zinterstore")
}

pub(super) fn zdiffstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    keep(ctx, args, Operation::Difference, "zdiffstore")
}

fn keep(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    operation: Operation,
    name: &'static str,
) -> Result<Value, CommandError> {
    let request = parse(ctx, args, 2, operation, Purpose::Store)?;
    let set = compute(ctx, &request, operation)?;
    Ok(store(ctx, args[1], set, name))
}

pub(super) fn zintercard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let request = parse(ctx, args, 1, Operation::Intersection, Purpose::Count)?;
    let set = compute(ctx, &request, Operation::Intersection)?;
    Ok(Value::from(set.len()))
}

/// Reads a request whose number of keys is argument `at`. The keys' types are checked before the
/// options are read, as Redis does.
fn parse<'a>(
    ctx: &mut Ctx<'_>,
    args: &'a [&'a [u8]],
    at: usize,
    operation: Operation,
    purpose: Purpose,
) -> Result<Request<'a>, CommandError> {
    let count = integer(args[at])?;
    if count < 1 {
        let name = String::from_utf8_lossy(args[0]).to_ascii_lowercase();
        return Err(CommandError::new(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    let end = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .saturating_add(at + 1);
    let keys = args.get(at + 1..end).ok_or(CommandError::SYNTAX)?;
    for key in keys {
        ctx.read(key);
        input(ctx, key)?;
    }

    let (mut weights, mut aggregate) = (None, Aggregate::Sum);
    let (mut with_scores, mut limit) = (false, usize::MAX);
    let weighs = operation != Operation::Difference && purpose != Purpose::Count;
    let mut options = Args::at(args, end);
    while options.left() > 0 {
        if weighs && options.left() > keys.len() && options.accept("WEIGHTS") {
            let not_a_float = |_| CommandError::new("ERR weight value is not a float");
            let read = keys
                .iter()
                .map(|_| float(options.next()?).map_err(not_a_float));
            weights = Some(read.collect::<Result<_, _>>()?);
        } else if weighs && options.left() > 1 && options.accept("AGGREGATE") {
            aggregate = match options.next()? {
                word if is(word, "SUM") => Aggregate::Sum,
                word if is(word, "MIN") => Aggregate::Min,
                word if is(word, "MAX") => Aggregate::Max,
                _ => return Err(CommandError::SYNTAX),
            };
        } else if purpose == Purpose::Reply && options.accept("WITHSCORES") {
            with_scores = true;
        } else if purpose == Purpose::Count && options.left() > 1 && options.accept("LIMIT") {
            let text = "ERR LIMIT can't be negative";
            limit = match integer_within(options.next()?, 0..=i64::MAX, text)? {
                0 => usize::MAX,
                limit => limit as usize,
            };
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(Request {
        keys,
        weights,
        aggregate,
        with_scores,
        limit,
    })
}

/// An input: a sorted set, or a set.
#[derive(Clone, Copy)]
enum Input<'a> {
    Scored(&'a SortedSet),
    Plain(&'a Set),
    Missing,
}

impl<'a> Input<'a> {
    fn len(self) -> usize {
        match self {
            Input::Scored(set) => set.len(),
            Input::Plain(set) => set.len(),
            Input::Missing => 0,
        }
    }

    fn score(self, member: &[u8], seed: Seed) -> Option<f64> {
        match self {
            Input::Scored(set) => set.score(member, seed),
            Input::Plain(set) => set.contains(member, seed).then_some(1.0),
            Input::Missing => None,
        }
    }

    fn members(self) -> impl Iterator<Item = (Element<'a>, f64)> {
        let (scored, plain) = match self {
            Input::Scored(set) => (Some(set.iter()), None),
            Input::Plain(set) => (None, Some(set.iter().map(|member| (member, 1.0)))),
            Input::Missing => (None, None),
        };
        scored
            .into_iter()
            .flatten()
            .chain(plain.into_iter().flatten())
    }
}

/// The input at a key that has been looked at.
fn input<'a>(ctx: &'a Ctx<'_>, key: &[u8]) -> Result<Input<'a>, CommandError> {
    match ctx.peek_as::<SortedSet>(key) {
        Ok(Some(set)) => Ok(Input::Scored(set)),
        Ok(None) => Ok(Input::Missing),
        Err(_) => ctx
            .peek_as::<Set>(key)
            .map(|set| set.map_or(Input::Missing, Input::Plain)),
    }
}

fn compute(
    ctx: &Ctx<'_>,
    request: &Request<'_>,
    operation: Operation,
) -> Result<SortedSet, CommandError> {
    let (limits, seed) = (UNPACKED, ctx.space.seed());
    let inputs = request.keys.iter().map(|key| input(ctx, key));
    let inputs: Vec<Input<'_>> = inputs.collect::<Result<_, _>>()?;
    let weight = |at: usize| request.weights.as_ref().map_or(1.0, |weights| weights[at]);
    let mut weighted: Vec<(Input<'_>, f64)> = inputs
        .into_iter()
        .enumerate()
        .map(|(at, input)| (input, weight(at)))
        .collect();
    Ok(match operation {
        Operation::Difference => difference(&weighted, limits, seed),
        Operation::Union => {
            weighted.sort_by_key(|(input, _)| input.len());
            union(&weighted, request.aggregate, limits, seed)
        }
        Operation::Intersection => {
            weighted.sort_by_key(|(input, _)| input.len());
            intersection(&weighted, request, limits, seed)
        }
    })
}

fn union(
    inputs: &[(Input<'_>, f64)],
    aggregate: Aggregate,
    limits: Limits,
    seed: Seed,
) -> SortedSet {
    let mut scores: HashMap<Blob, f64, foldhash::fast::RandomState> = HashMap::default();
    for (input, weight) in inputs {
        for (member, score) in input.members() {
            let score = zero_if_nan(weight * score);
            let total = scores.entry(member.to_blob());
            total
                .and_modify(|total| *total = aggregate.of(*total, score))
                .or_insert(score);
        }
    }
    let mut result = SortedSet::new();
    for (member, score) in &scores {
        result.insert(member, *score, limits, seed);
    }
    result
}

fn intersection(
    inputs: &[(Input<'_>, f64)],
    request: &Request<'_>,
    limits: Limits,
    seed: Seed,
) -> SortedSet {
    let mut result = SortedSet::new();
    let Some(((smallest, weight), others)) = inputs.split_first() else {
        return result;
    };
    for (member, score) in smallest.members() {
        if result.len() >= request.limit {
            break;
        }
        let bytes = member.to_bytes();
        let in_all = others
            .iter()
            .try_fold(zero_if_nan(weight * score), |sum, (input, weight)| {
                let score = input.score(&bytes, seed)?;
                Some(request.aggregate.of(sum, weight * score))
            });
        if let Some(score) = in_all {
            result.insert(&bytes, score, limits, seed);
        }
    }
    result
}

fn difference(inputs: &[(Input<'_>, f64)], limits: Limits, seed: Seed) -> SortedSet {
    let mut result = SortedSet::new();
    let Some(((first, _), others)) = inputs.split_first() else {
        return result;
    };
    for (member, score) in first.members() {
        let member: Blob = member.to_blob();
        if others
            .iter()
            .all(|(input, _)| input.score(&member, seed).is_none())
        {
            result.insert(&member, score, limits, seed);
        }
    }
    result
}
