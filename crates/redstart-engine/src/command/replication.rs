//! Replication, as far as a primary has part in it: who follows, from where on, how far they are.

use redstart_protocol::Value;

#[cfg(feature = "durable")]
use super::args::{integer, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row};
#[cfg(feature = "durable")]
use crate::state::full_sync;

pub(super) const TABLE: &[Row] = &[
    row("role", role),
    #[cfg(feature = "durable")]
    row("replconf", replconf),
    #[cfg(feature = "durable")]
    row("psync", psync).all_shards(),
    #[cfg(feature = "durable")]
    row("sync", sync).all_shards(),
];

#[cfg(not(feature = "durable"))]
fn role(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::Array(vec![
        Value::bulk("master"),
        Value::Integer(0),
        Value::Array(Vec::new()),
    ]))
}

#[cfg(feature = "durable")]
fn role(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let replicas = ctx.env.replicas.all();
    let online = replicas.iter().filter(|replica| replica.is_online());
    let replicas = online.map(|replica| {
        Value::Array(vec![
            Value::bulk(replica.ip()),
            Value::bulk(replica.port.to_string()),
            Value::bulk(replica.acknowledged().to_string()),
        ])
    });
    Ok(Value::Array(vec![
        Value::bulk("master"),
        Value::Integer(ctx.env.replicas.offset() as i64),
        Value::Array(replicas.collect()),
    ]))
}

/// What a replica says of itself before it follows, and how far it has come once it does.
#[cfg(feature = "durable")]
fn replconf(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    for pair in args[1..].chunks_exact(2) {
        let (option, value) = (pair[0], pair[1]);
        match option {
            _ if is(option, "listening-port") => {
                let port = u16::try_from(integer(value)?);
                ctx.session.replica_port = port.map_err(|_| CommandError::NOT_AN_INTEGER)?;
            }
            _ if is(option, "capa") => ctx.session.takes_eof |= is(value, "eof"),
            _ if is(option, "ip-address") || is(option, "version") => {}
            _ if is(option, "ack") => {
                let offset = integer(value).unwrap_or(0);
                let offset = u64::try_from(offset).unwrap_or(0);
                if let Some(replica) = ctx.env.replicas.of(ctx.session.info.id) {
                    replica.acknowledge(offset, ctx.env.monotonic_s());
                }
                // Neither side waits for an answer.
                ctx.replied = true;
            }
            _ if is(option, "getack") => ctx.replied = true,
            _ => {
                let option = String::from_utf8_lossy(option);
                let text = format!("ERR Unrecognized REPLCONF option: {option}");
                return Err(CommandError::new(text));
            }
        }
    }
    Ok(Value::OK)
}

/// Whoever asks gets everything, from the beginning: what was streamed before is not kept.
#[cfg(feature = "durable")]
fn psync(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    follow(ctx, true)
}

#[cfg(feature = "durable")]
fn sync(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    follow(ctx, false)
}

#[cfg(feature = "durable")]
fn follow(ctx: &mut Ctx<'_>, announced: bool) -> Result<Value, CommandError> {
    /// Between two looks whether another snapshot is over.
    const MOMENT_US: u64 = 20_000;
    let is_called_again = std::mem::take(&mut ctx.session.is_called_again);
    if !ctx.session.outbox.is_encoded() {
        return Err(CommandError::new(
            "ERR replicas come through the port: nothing inside the process can be one",
        ));
    }
    if ctx.env.replicas.of(ctx.session.info.id).is_some() {
        // Redis ignores a second one, too.
        ctx.replied = true;
        return Ok(Value::Null);
    }
    let Some(snapshot) = ctx.space.begin_snapshot() else {
        if !is_called_again {
            tracing::info!("a replica waits until the snapshot at hand is taken");
        }
        ctx.again_at = Some(ctx.env.clock.monotonic_us() + MOMENT_US);
        return Err(CommandError::new(
            "ERR a snapshot is being taken, try again",
        ));
    };

    full_sync::begin(ctx.env, &ctx.space, ctx.session, snapshot, announced);
    ctx.replied = true;
    Ok(Value::Null)
}
