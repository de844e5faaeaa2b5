//! Ranges of sorted sets: by rank, by score, by member.

use std::ops::Range;

use redstart_protocol::{Value, number};

use super::super::args::{Args, integer};
use super::super::ctx::Ctx;
use super::super::error::CommandError;
use super::super::list::clamp;
use super::algebra::UNPACKED;
use super::{collect, members_reply, store};
use crate::data::{Bound, SortedSet};
use crate::keyspace::change::Event;

/// What the two ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Member,
}

/// A range as it was asked for.
#[derive(Clone, Copy)]
enum Span<'a> {
    Ranks(i64, i64),
    Bounds(Bound<'a>, Bound<'a>),
}

impl<'a> Span<'a> {
    fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Span<'a>, CommandError> {
        Ok(match by {
            By::Rank => Span::Ranks(integer(min)?, integer(max)?),
            By::Score => {
                let ((min, open_min), (max, open_max)) = (score_end(min)?, score_end(max)?);
                let from = if open_min {
                    Bound::AfterScore
                } else {
                    Bound::BeforeScore
                };
                let to = if open_max {
                    Bound::BeforeScore
                } else {
                    Bound::AfterScore
                };
                Span::Bounds(from(min), to(max))
            }
            By::Member => Span::Bounds(
                member_end(min, Bound::BeforeMember, Bound::AfterMember)?,
                member_end(max, Bound::AfterMember, Bound::BeforeMember)?,
            ),
        })
    }

    /// The ranks it covers in a set; counted from the last member if `reverse`.
    fn ranks(&self, set: &SortedSet, reverse: bool) -> Range<usize> {
        match *self {
            Span::Bounds(from, to) => set.ranks(&from, &to),
            Span::Ranks(start, stop) => {
                let ranks = clamp(start, stop, set.len());
                match reverse && !ranks.is_empty() {
                    true => set.len() - ranks.end..set.len() - ranks.start,
                    false => ranks,
                }
            }
        }
    }
}

/// A score and whether it is excluded.
fn score_end(text: &[u8]) -> Result<(f64, bool), CommandError> {
    let (number, open) = match text {
        [b'(', number @ ..] => (number, true),
        _ => (text, false),
    };
    let score = number::parse_range_f64(number).ok_or(CommandError::MIN_MAX_NOT_FLOAT)?;
    Ok((score, open))
}

fn member_end<'a>(
    text: &'a [u8],
    closed: fn(&'a [u8]) -> Bound<'a>,
    open: fn(&'a [u8]) -> Bound<'a>,
) -> Result<Bound<'a>, CommandError> {
    match text {
        b"-" => Ok(Bound::First),
        b"+" => Ok(Bound::Last),
        [b'[', member @ ..] => Ok(closed(member)),
        [b'(', member @ ..] => Ok(open(member)),
        _ => Err(CommandError::MIN_MAX_NOT_STRING),
    }
}

/// A whole request of the ZRANGE kind.
struct Request<'a> {
    span: Span<'a>,
    reverse: bool,
    offset: i64,
    /// Negative for no limit.
    limit: i64,
    with_scores: bool,
}

impl<'a> Request<'a> {
    /// Reads two ends and the options behind them. `by` and `reverse` are settled by the command's
    /// name, or left to its options.
    fn parse(
        args: &mut Args<'a>,
        by: Option<By>,
        reverse: Option<bool>,
        stores: bool,
    ) -> Result<Request<'a>, CommandError> {
        let (first, second) = (args.next()?, args.next()?);
        let (mut by, mut reverse) = (by, reverse);
        let (mut bounded, mut offset, mut limit, mut with_scores) = (false, 0, -1, false);
        while args.left() > 0 {
            if !stores && args.accept("WITHSCORES") {
                with_scores = true;
            } else if args.left() > 2 && args.accept("LIMIT") {
                (offset, limit) = (args.int()?, args.int()?);
                // A limit of -1 is the same as none, for the check below too.
                bounded = limit != -1;
            } else if reverse.is_none() && args.accept("REV") {
                reverse = Some(true);
            } else if by.is_none() && args.accept("BYLEX") {
                by = Some(By::Member);
            } else if by.is_none() && args.accept("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if bounded && by == By::Rank {
            return Err(CommandError::new(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && by == By::Member {
            return Err(CommandError::new(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (min, max) = match reverse && by != By::Rank {
            true => (second, first),
            false => (first, second),
        };
        let span = Span::parse(by, min, max)?;
        Ok(Request {
            span,
            reverse,
            offset,
            limit,
            with_scores,
        })
    }

    /// The ranks that are asked for of a set.
    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let ranks = self.span.ranks(set, self.reverse);
        if matches!(self.span, Span::Ranks(..)) {
            return ranks;
        }
        // A negative offset leaves nothing, as in Redis.
        let skipped =
            usize::try_from(self.offset).map_or(ranks.len(), |skip| skip.min(ranks.len()));
        let left = ranks.len() - skipped;
        let taken = usize::try_from(self.limit).map_or(left, |limit| limit.min(left));
        match self.reverse {
            false => ranks.start + skipped..ranks.start + skipped + taken,
            true => ranks.end - skipped - taken..ranks.end - skipped,
        }
    }
}

fn reply_range(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    by: Option<By>,
    reverse: Option<bool>,
) -> Result<Value, CommandError> {
    let request = Request::parse(&mut Args::at(args, 2), by, reverse, false)?;

    let paired = ctx.is_resp3();
    let Some(set) = ctx.read_as::<SortedSet>(args[1])? else {
        return Ok(Value::Array(Vec::new()));
    };
    let members = set.range(request.ranks(set));

    Ok(match request.reverse {
        false => members_reply(members, request.with_scores, paired),
        true => members_reply(members.rev(), request.with_scores, paired),
    })
}

pub(super) fn zrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply_range(ctx, args, None, None)
}

pub(super) fn zrevrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply_range(ctx, args, Some(By::Rank), Some(true))
}

pub(super) fn zrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply_range(ctx, args, Some(By::Score), Some(false))
}

pub(super) fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply_range(ctx, args, Some(By::Score), Some(true))
}

pub(super) fn zrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply_range(ctx, args, Some(By::Member), Some(false))
}

pub(super) fn zrevrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    reply_range(ctx, args, Some(By::Member), Some(true))
}

pub(super) fn zrangestore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let request = Request::parse(&mut Args::at(args, 3), None, None, true)?;

    let (limits, seed) = (ctx.env.config.sorted_set_limits(), ctx.space.seed());
    let result = match ctx.read_as::<SortedSet>(args[2])? {
        None => SortedSet::new(),
        Some(set) => {
            let ranks = request.ranks(set);
            // A pack does not know the sign of zero, so it matters whether there is one at first:
            // Redis knows a length beforehand only of ranks, and takes the members as they come.
            let by_rank = matches!(request.span, Span::Ranks(..));
            let limits = match by_rank && ranks.len() > limits.max_entries {
                true => UNPACKED,
                false => limits,
            };
            let members = set.range(ranks);
            match request.reverse {
                true => collect(members.rev(), limits, seed),
                false => collect(members, limits, seed),
            }
        }
    };

    Ok(store(ctx, args[1], result, "zrangestore"))
}

pub(super) fn zcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    count(ctx, args, By::Score)
}

pub(super) fn zlexcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    count(ctx, args, By::Member)
}

fn count(ctx: &mut Ctx<'_>, args: &[&[u8]], by: By) -> Result<Value, CommandError> {
    let span = Span::parse(by, args[2], args[3])?;
    let set = ctx.read_as::<SortedSet>(args[1])?;
    Ok(Value::from(
        set.map_or(0, |set| span.ranks(set, false).len()),
    ))
}

pub(super) fn zremrangebyrank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    remove(ctx, args, By::Rank, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    remove(ctx, args, By::Score, "zremrangebyscore")
}

pub(super) fn zremrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    remove(ctx, args, By::Member, "zremrangebylex")
}

fn remove(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    by: By,
    name: &'static str,
) -> Result<Value, CommandError> {
    let span = Span::parse(by, args[2], args[3])?;

    let seed = ctx.space.seed();
    let removed = ctx.edit(args[1], |set: &mut SortedSet| {
        let ranks = span.ranks(set, false);
        set.remove_range(ranks, seed)
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        ctx.changed(args[1], Event::sorted_set(name));
        ctx.removed_if_empty(args[1]);
    }

    Ok(Value::from(removed))
}
