//! MEMORY: what takes memory.

use std::sync::atomic::Ordering;

use redstart_protocol::Value;

use super::args::{Args, integer};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::keyspace::shard::DATABASES;
use crate::state::process;

pub(super) const TABLE: &[Row] = &[
    row("memory|usage", usage),
    row("memory|stats", stats).all_shards(),
    row("memory|doctor", doctor).all_shards(),
    row("memory|purge", purge),
    row("memory|malloc-stats", malloc_stats),
    row("memory|help", help),
];

/// Sizes are known, not sampled, so it does not matter how many samples are asked for.
fn usage(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut options = Args::new(&args[2..]);
    while options.left() > 0 {
        if options.left() < 2 || !options.accept("SAMPLES") {
            return Err(CommandError::SYNTAX);
        }
        if integer(options.next()?)? < 0 {
            return Err(CommandError::SYNTAX);
        }
    }

    let usage = ctx.peek(args[2]).map(|entry| entry.memory());

    Ok(usage.map_or(Value::Null, Value::from))
}

/// Redis' fields. There is no allocator to ask, so what is allocated is what keys are known to
/// take, and what would be about the allocator alone is left out.
fn stats(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let used = ctx.space.memory();
    let peak = ctx.env.stats.note_memory(used as u64);
    let clients = ctx.env.registry.pending_output();
    let resident = process::resident_memory().unwrap_or(used as u64);
    let keys: usize = (0..DATABASES).map(|db| ctx.space.len(db)).sum();
    let tables: usize = (0..DATABASES).map(|db| ctx.space.table_memory(db)).sum();
    let integer = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let percent = |of: u64, all: u64| Value::Double(of as f64 * 100.0 / all.max(1) as f64);
    let ratio = resident as f64 / (used as f64).max(1.0);

    let mut fields = vec![
        ("peak.allocated".to_owned(), integer(peak)),
        ("total.allocated".to_owned(), Value::from(used)),
        ("startup.allocated".to_owned(), Value::Integer(0)),
        ("replication.backlog".to_owned(), Value::Integer(0)),
        ("clients.slaves".to_owned(), Value::Integer(0)),
        ("clients.normal".to_owned(), Value::from(clients)),
        ("cluster.links".to_owned(), Value::Integer(0)),
        ("aof.buffer".to_owned(), Value::Integer(0)),
        ("lua.caches".to_owned(), Value::Integer(0)),
        ("functions.caches".to_owned(), Value::Integer(0)),
    ];
    for db in 0..DATABASES {
        if ctx.space.len(db) > 0 {
            let parts = [
                ("overhead.hashtable.main", ctx.space.table_memory(db)),
                ("overhead.hashtable.expires", 0),
                ("overhead.hashtable.slot-to-keys", 0),
            ];
            let pair = |(name, bytes)| (Value::bulk(name), Value::from(bytes));
            let parts = parts.into_iter().map(pair).collect();
            fields.push((format!("db.{db}"), Value::Map(parts)));
        }
    }
    fields.extend([
        ("overhead.total".to_owned(), Value::from(tables)),
        ("keys.count".to_owned(), Value::from(keys)),
        (
            "keys.bytes-per-key".to_owned(),
            Value::from(used / keys.max(1)),
        ),
        (
            "dataset.bytes".to_owned(),
            Value::from(used.saturating_sub(tables)),
        ),
        (
            "dataset.percentage".to_owned(),
            percent(used.saturating_sub(tables) as u64, used as u64),
        ),
        ("peak.percentage".to_owned(), percent(used as u64, peak)),
        ("fragmentation".to_owned(), Value::Double(ratio)),
        (
            "fragmentation.bytes".to_owned(),
            integer(resident.saturating_sub(used as u64)),
        ),
    ]);

    let pair = |(name, value): (String, Value)| (Value::bulk(name), value);
    Ok(Value::Map(fields.into_iter().map(pair).collect()))
}

fn doctor(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let used = ctx.space.memory() as u64;
    let limit = ctx.env.config.maxmemory.load(Ordering::Relaxed);
    let peak = ctx.env.stats.note_memory(used);
    let mut findings = String::new();
    if limit == 0 {
        findings.push_str(
            "There is no limit: keys may take all the memory of the machine. CONFIG SET \
             maxmemory sets one.\n",
        );
    } else if used > limit / 10 * 9 {
        findings.push_str(
            "Keys take more than nine tenths of maxmemory: soon keys are evicted, or writes \
             refused where the policy is noeviction.\n",
        );
    }
    if peak > used.saturating_mul(3) / 2 && peak > 64 << 20 {
        findings.push_str(
            "Keys once took half as much again as they do now. The allocator may still hold that \
             memory; it is used again when keys need it.\n",
        );
    }
    if findings.is_empty() {
        findings.push_str("Nothing is wrong with memory.\n");
    }
    Ok(Value::Verbatim(*b"txt", findings.into()))
}

/// Nothing is kept that could be given back.
fn purge(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::OK)
}

fn malloc_stats(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    const TEXT: &str = "The engine uses the allocator of the program it is part of, and that one \
                        cannot be asked.\n";
    Ok(Value::Verbatim(*b"txt", TEXT.as_bytes().into()))
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(help_of(
        "MEMORY",
        &[
            ("DOCTOR", "What may be wrong with memory."),
            ("MALLOC-STATS", "What the allocator tells."),
            ("PURGE", "Has the allocator give memory back."),
            ("STATS", "What takes how much."),
            (
                "USAGE <key> [SAMPLES <count>]",
                "The bytes that a key and its value take.",
            ),
        ],
    ))
}
