//! CLIENT LIST and CLIENT INFO: a line a client.

use std::sync::atomic::Ordering;

use redstart_protocol::{Resp, Value};

use super::{Known, Type};
use crate::command::args::{Args, integer};
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;

pub(super) fn info(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let now_us = ctx.space.now_us();
    let mut lines = Vec::new();
    line(&mut lines, (&ctx.session.info, &ctx.session.outbox), now_us);
    Ok(text(lines))
}

pub(super) fn list(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let wanted = Wanted::parse(&mut Args::at(args, 2))?;

    let now_us = ctx.space.now_us();
    let registry = &ctx.env.registry;
    let mut clients = registry.all();
    match wanted {
        Wanted::All => {}
        Wanted::Of(kind) => clients.retain(|(client, _)| Type::of(client) == kind),
        Wanted::Ids(ids) => {
            clients = ids.into_iter().filter_map(|id| registry.get(id)).collect();
        }
    }
    let mut lines = Vec::new();
    for (client, outbox) in &clients {
        line(&mut lines, (client, outbox), now_us);
    }

    Ok(text(lines))
}

/// Which clients are listed.
enum Wanted {
    All,
    Of(Type),
    /// In this order, one named twice being listed twice.
    Ids(Vec<u64>),
}

impl Wanted {
    fn parse(args: &mut Args<'_>) -> Result<Wanted, CommandError> {
        match args.left() {
            0 => Ok(Wanted::All),
            2 if args.accept("TYPE") => Ok(Wanted::Of(Type::parse(args.next()?)?)),
            2.. if args.accept("ID") => {
                // Ids are positive: no client has the number that a negative one becomes.
                let id = |arg: &&[u8]| match integer(arg) {
                    Ok(id) => Ok(id as u64),
                    Err(_) => Err(CommandError::new("ERR Invalid client ID")),
                };
                args.rest()
                    .iter()
                    .map(id)
                    .collect::<Result<_, _>>()
                    .map(Wanted::Ids)
            }
            _ => Err(CommandError::SYNTAX),
        }
    }
}

/// Redis 7.0's fields, and the two that 7.2 added behind them. What only a Redis server has (a file
/// descriptor, a buffer for replies) is told as none.
fn line(lines: &mut Vec<u8>, (client, outbox): Known<'_>, now_us: u64) {
    let words = client.words.lock().clone();
    let load = |number: &std::sync::atomic::AtomicU32| number.load(Ordering::Relaxed);
    let seconds_since = |then_us: u64| now_us.saturating_sub(then_us) / 1_000_000;
    let pending = outbox.pending_bytes();
    let input_bytes = client.input_bytes.load(Ordering::Relaxed);
    let input_room = client.input_room.load(Ordering::Relaxed);
    let last_command =
        crate::command::all().get((load(&client.last_command) as usize).wrapping_sub(1));
    let resp = match client.resp() {
        Resp::V2 => 2,
        Resp::V3 => 3,
    };
    let fields: &[(&str, &dyn std::fmt::Display)] = &[
        ("id", &client.id),
        ("addr", &client.address),
        ("laddr", &client.local_address),
        ("fd", &-1),
        ("name", &words.name.escape_ascii()),
        ("age", &seconds_since(client.created_us)),
        (
            "idle",
            &seconds_since(client.last_active_us.load(Ordering::Relaxed)),
        ),
        ("flags", &flags((client, outbox))),
        ("db", &client.db()),
        ("sub", &load(&client.channels)),
        ("psub", &load(&client.patterns)),
        ("ssub", &load(&client.shard_channels)),
        ("multi", &(i64::from(load(&client.queued)) - 1)),
        ("qbuf", &input_bytes),
        ("qbuf-free", &input_room),
        ("argv-mem", &0),
        ("multi-mem", &0),
        ("rbs", &0),
        ("rbp", &0),
        ("obl", &pending),
        ("oll", &0),
        ("omem", &0),
        ("tot-mem", &(pending + input_bytes + input_room)),
        ("events", &"r"),
        ("cmd", &last_command.map_or("NULL", |command| command.name)),
        ("user", &"default"),
        ("redir", &-1),
        ("resp", &resp),
        ("lib-name", &words.library_name.escape_ascii()),
        ("lib-ver", &words.library_version.escape_ascii()),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.extend_from_slice(fields.join(" ").as_bytes());
    lines.push(b'\n');
}

/// One letter a property, `N` for none.
fn flags((client, outbox): Known<'_>) -> String {
    let letters = [
        ('O', client.monitoring.load(Ordering::Relaxed)),
        ('S', client.is_replica.load(Ordering::Relaxed)),
        ('P', client.is_subscriber()),
        ('x', client.queued.load(Ordering::Relaxed) > 0),
        ('A', outbox.is_closed()),
        // Only a socket's path begins with a slash.
        ('U', client.address.starts_with('/')),
        ('e', client.no_evict.load(Ordering::Relaxed)),
    ];
    let shown: String = letters
        .iter()
        .filter(|(_, is)| *is)
        .map(|(letter, _)| letter)
        .collect();
    match shown.is_empty() {
        true => "N".into(),
        false => shown,
    }
}

fn text(lines: Vec<u8>) -> Value {
    Value::Verbatim(*b"txt", lines.into())
}
