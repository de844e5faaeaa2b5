//! Pub/sub: channels, patterns and shard channels.
//!
//! A subscription is entered and confirmed in one step under the lock of pub/sub, so no message
//! comes before its confirmation and none after that of the end.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use redstart_protocol::Value;

use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, row};
use crate::state::Environment;
use crate::state::pubsub::Kind;
use crate::state::session::Session;

pub(super) const TABLE: &[Row] = &[
    row("subscribe", subscribe),
    row("unsubscribe", unsubscribe),
    row("psubscribe", psubscribe),
    row("punsubscribe", punsubscribe),
    row("ssubscribe", ssubscribe),
    row("sunsubscribe", sunsubscribe),
    row("publish", publish),
    row("spublish", spublish),
    row("pubsub|channels", channels),
    row("pubsub|shardchannels", shard_channels),
    row("pubsub|numsub", numsub),
    row("pubsub|shardnumsub", shard_numsub),
    row("pubsub|numpat", numpat),
    row("pubsub|help", help),
];

fn subscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    enter_all(ctx, Kind::Channel, &args[1..])
}

fn psubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    enter_all(ctx, Kind::Pattern, &args[1..])
}

fn ssubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    enter_all(ctx, Kind::ShardChannel, &args[1..])
}

fn enter_all(ctx: &mut Ctx<'_>, kind: Kind, names: &[&[u8]]) -> Result<Value, CommandError> {
    let in_transaction = ctx.origin == Origin::Transaction;
    if in_transaction && kind == Kind::ShardChannel {
        return Err(CommandError::new(
            "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
        ));
    }
    let names: Vec<Bytes> = names
        .iter()
        .map(|name| Bytes::copy_from_slice(name))
        .collect();
    for name in names {
        let Session { info, outbox, .. } = &*ctx.session;
        let (id, outbox) = (info.id, outbox.clone());
        subscriptions(ctx.session, kind).insert(name.clone());
        let confirmation = confirm(words(kind).0, Some(&name), count(ctx.session, kind));
        let confirmations = &mut ctx.confirmations;
        ctx.env
            .pubsub
            .subscribe(kind, &name, id, &outbox, || match in_transaction {
                true => confirmations.push(confirmation),
                false => outbox.push(confirmation),
            });
    }
    publish_counts(ctx.session);
    ctx.replied = true;
    Ok(Value::Null)
}

fn unsubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    leave_some(ctx, Kind::Channel, &args[1..])
}

fn punsubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    leave_some(ctx, Kind::Pattern, &args[1..])
}

fn sunsubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    leave_some(ctx, Kind::ShardChannel, &args[1..])
}

fn leave_some(ctx: &mut Ctx<'_>, kind: Kind, names: &[&[u8]]) -> Result<Value, CommandError> {
    let names: Vec<Bytes> = match names {
        [] => subscriptions(ctx.session, kind).iter().cloned().collect(),
        _ => names
            .iter()
            .map(|name| Bytes::copy_from_slice(name))
            .collect(),
    };
    let outbox = ctx.session.outbox.clone();
    let mut tell = |confirmation| match ctx.origin {
        Origin::Transaction => ctx.confirmations.push(confirmation),
        Origin::Client | Origin::Script => outbox.push(confirmation),
    };
    if names.is_empty() {
        tell(confirm(words(kind).1, None, count(ctx.session, kind)));
    }
    for name in names {
        leave(ctx.env, ctx.session, kind, &name, &mut tell);
    }
    publish_counts(ctx.session);
    ctx.replied = true;
    Ok(Value::Null)
}

fn leave(
    env: &Environment,
    session: &mut Session,
    kind: Kind,
    name: &Bytes,
    tell: impl FnOnce(Value),
) {
    subscriptions(session, kind).remove(name);
    let confirmation = confirm(words(kind).1, Some(name), count(session, kind));
    env.pubsub
        .unsubscribe(kind, name, session.info.id, || tell(confirmation));
}

/// Ends all subscriptions of a client without a word: RESET, or the client is gone.
pub(super) fn leave_all(env: &Environment, session: &mut Session) {
    for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
        let names: Vec<Bytes> = subscriptions(session, kind).iter().cloned().collect();
        for name in names {
            leave(env, session, kind, &name, drop);
        }
    }
    publish_counts(session);
}

fn publish(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let receivers = ctx.env.pubsub.publish(args[1], args[2]);
    Ok(Value::Integer(receivers))
}

fn spublish(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let receivers = ctx.env.pubsub.publish_to_shard(args[1], args[2]);
    Ok(Value::Integer(receivers))
}

fn channels(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    list(ctx, Kind::Channel, args)
}

fn shard_channels(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    list(ctx, Kind::ShardChannel, args)
}

fn list(ctx: &mut Ctx<'_>, kind: Kind, args: &[&[u8]]) -> Result<Value, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::subcommand_syntax("PUBSUB", args[1]));
    }
    let names = ctx.env.pubsub.active(kind, args.get(2).copied());
    Ok(Value::Array(names.into_iter().map(Value::from).collect()))
}

fn numsub(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(count_each(ctx, Kind::Channel, &args[2..]))
}

fn shard_numsub(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(count_each(ctx, Kind::ShardChannel, &args[2..]))
}

/// Names and numbers side by side: an array in RESP3 too, not a map.
fn count_each(ctx: &Ctx<'_>, kind: Kind, names: &[&[u8]]) -> Value {
    let count = |name: &[u8]| Value::from(ctx.env.pubsub.subscribers(kind, name));
    Value::Array(
        names
            .iter()
            .flat_map(|name| [Value::bulk(name), count(name)])
            .collect(),
    )
}

fn numpat(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(ctx.env.pubsub.patterns()))
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(super::help_of(
        "PUBSUB",
        &[
            (
                "CHANNELS [<pattern>]",
                "Channels with subscribers, all or those matching the pattern.",
            ),
            ("NUMPAT", "The number of patterns subscribed to."),
            (
                "NUMSUB [<channel> ...]",
                "The number of subscribers of each channel.",
            ),
            (
                "SHARDCHANNELS [<pattern>]",
                "Shard channels with subscribers.",
            ),
            (
                "SHARDNUMSUB [<channel> ...]",
                "The number of subscribers of each shard channel.",
            ),
        ],
    ))
}

fn subscriptions(session: &mut Session, kind: Kind) -> &mut std::collections::BTreeSet<Bytes> {
    match kind {
        Kind::Channel => &mut session.channels,
        Kind::Pattern => &mut session.patterns,
        Kind::ShardChannel => &mut session.shard_channels,
    }
}

/// What a confirmation counts: channels and patterns together, shard channels apart.
fn count(session: &Session, kind: Kind) -> usize {
    match kind {
        Kind::ShardChannel => session.shard_channels.len(),
        Kind::Channel | Kind::Pattern => session.channels.len() + session.patterns.len(),
    }
}

fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Channel => ("subscribe", "unsubscribe"),
        Kind::Pattern => ("psubscribe", "punsubscribe"),
        Kind::ShardChannel => ("ssubscribe", "sunsubscribe"),
    }
}

fn confirm(word: &'static str, name: Option<&Bytes>, count: usize) -> Value {
    let name = name.map_or(Value::Null, |name| name.clone().into());
    Value::Push(vec![Value::bulk(word), name, Value::from(count)])
}

/// The numbers CLIENT LIST shows.
fn publish_counts(session: &Session) {
    let info = &session.info;
    info.channels
        .store(session.channels.len() as u32, Ordering::Relaxed);
    info.patterns
        .store(session.patterns.len() as u32, Ordering::Relaxed);
    info.shard_channels
        .store(session.shard_channels.len() as u32, Ordering::Relaxed);
}
