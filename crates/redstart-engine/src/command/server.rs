//! The server as a whole: its clock, its keys, its end.

use std::ops::RangeInclusive;

use redstart_protocol::Value;

use super::args::{Args, integer_within, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row};
use crate::keyspace::shard::DATABASES;

/// What fits into an `int` of C.
const I32: RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

pub(super) const TABLE: &[Row] = &[
    row("time", time),
    row("dbsize", dbsize).all_shards(),
    row("flushdb", flushdb).all_shards(),
    row("flushall", flushall).all_shards(),
    row("swapdb", swapdb).all_shards(),
    row("shutdown", shutdown),
];

fn time(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    // Read anew each time, unlike the time that keys expire by: a script may wait for it to pass.
    let now_us = ctx.env.clock.now_us();
    let number = |number: u64| Value::bulk(number.to_string());
    Ok(Value::Array(vec![
        number(now_us / 1_000_000),
        number(now_us % 1_000_000),
    ]))
}

fn dbsize(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(ctx.space.len(ctx.db())))
}

fn flushdb(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    check_mode(args)?;
    ctx.space.clear(ctx.db());
    ctx.effect(&[b"FLUSHDB"]);
    Ok(Value::OK)
}

fn flushall(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    check_mode(args)?;
    for db in 0..DATABASES {
        ctx.space.clear(db);
    }
    ctx.effect(&[b"FLUSHALL"]);
    Ok(Value::OK)
}

fn swapdb(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.env.options.cluster_strict {
        return Err(CommandError::new(
            "ERR SWAPDB is not allowed in cluster mode",
        ));
    }
    let number = |arg, text| integer_within(arg, I32, text);
    let one = number(args[1], "ERR invalid first DB index")?;
    let other = number(args[2], "ERR invalid second DB index")?;
    let database = |number| {
        u8::try_from(number)
            .ok()
            .filter(|number| *number < ctx.env.options.databases)
            .ok_or(CommandError::DB_OUT_OF_RANGE)
    };
    let (one, other) = (database(one)?, database(other)?);

    ctx.space.swap(one, other);

    Ok(Value::OK)
}

/// SYNC and ASYNC say when memory is given back. Here that is always at once.
fn check_mode(args: &[&[u8]]) -> Result<(), CommandError> {
    match args {
        [_] => Ok(()),
        [_, mode] if is(mode, "SYNC") || is(mode, "ASYNC") => Ok(()),
        _ => Err(CommandError::SYNTAX),
    }
}

fn shutdown(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut words = Args::new(args);
    let (mut saves, mut does_not, mut aborts, mut hurries) = (false, false, false, false);
    let mut forces = false;
    while let Some(word) = words.try_next() {
        match word {
            _ if is(word, "SAVE") => saves = true,
            _ if is(word, "NOSAVE") => does_not = true,
            _ if is(word, "ABORT") => aborts = true,
            _ if is(word, "NOW") => hurries = true,
            _ if is(word, "FORCE") => forces = true,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    if (saves && does_not) || (aborts && (saves || does_not || hurries || forces)) {
        return Err(CommandError::SYNTAX);
    }
    if aborts {
        return Err(CommandError::new("ERR No shutdown in progress."));
    }

    // An engine inside its own process is not for clients to stop.
    if !(settle(ctx, saves, does_not) || forces) || !ctx.env.shutdown.request() {
        return Err(CommandError::new(
            "ERR Errors trying to SHUTDOWN. Check logs.",
        ));
    }
    ctx.session.closing = true;

    // As in Redis, the end of the connection is the answer.
    ctx.replied = true;
    Ok(Value::Null)
}

/// Leaves the data as safe as it can be made. No lock is held: a transaction cannot hold SHUTDOWN.
#[cfg(feature = "durable")]
fn settle(ctx: &Ctx<'_>, saves: bool, does_not: bool) -> bool {
    match &ctx.env.durable {
        None => !saves,
        Some(durable) => {
            let saves = saves || (durable.has_save_points() && !does_not);
            crate::state::snapshots::settle(ctx.env, saves)
        }
    }
}

/// There is nowhere to save to.
#[cfg(not(feature = "durable"))]
fn settle(_: &Ctx<'_>, saves: bool, _: bool) -> bool {
    !saves
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use redstart_protocol::Value;

    use crate::{Clock, Engine, Flow, Outbox, Peer, SimulatedClock};

    #[test]
    fn time_is_the_engine_s_clock() {
        let clock = SimulatedClock::new(1_700_000_000_123_456);
        let engine = Engine::builder().clock(clock).build();
        let time = engine.connect_embedded().call(&[b"TIME"]);
        let parts = vec![Value::bulk("1700000000"), Value::bulk("123456")];
        assert_eq!(time, Value::Array(parts));
    }

    /// A clock that moves on by a millisecond whenever it is read.
    #[derive(Debug)]
    struct RestlessClock(AtomicU64);

    impl Clock for RestlessClock {
        fn now_us(&self) -> u64 {
            self.0.fetch_add(1_000, Ordering::Relaxed)
        }

        fn monotonic_us(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[cfg(feature = "script")]
    #[test]
    fn time_passes_in_a_script() {
        const WAIT: &[u8] = b"local function now() \
                                  local time = redis.call('TIME') \
                                  return time[1] * 1000000 + time[2] \
                              end \
                              local till = now() + 50000 \
                              while now() < till do end \
                              return 'waited'";
        let engine = Engine::builder()
            .clock(RestlessClock(AtomicU64::new(1_700_000_000_000_000)))
            .build();
        let mut client = engine.connect_embedded();
        assert_eq!(client.call(&[b"EVAL", WAIT, b"0"]), Value::bulk("waited"));
    }

    #[test]
    fn time_passes_in_a_transaction_and_keys_do_not_expire() {
        let engine = Engine::builder()
            .clock(RestlessClock(AtomicU64::new(1_700_000_000_000_000)))
            .build();
        let mut client = engine.connect_embedded();
        for request in [
            &[b"MULTI".as_slice()][..],
            &[b"SET", b"k", b"v", b"PX", b"1"],
            &[b"TIME"],
            &[b"TIME"],
            &[b"GET", b"k"],
        ] {
            client.call(request);
        }
        let Value::Array(replies) = client.call(&[b"EXEC"]) else {
            panic!("EXEC answers with an array");
        };
        assert_ne!(replies[1], replies[2]);
        assert_eq!(replies[3], Value::bulk("v"));
    }

    #[test]
    fn flushdb_empties_one_database_and_flushall_all() {
        let engine = Engine::builder().build();
        let mut client = engine.connect_embedded();
        for db in [&b"0"[..], b"1", b"2"] {
            client.call(&[b"SELECT", db]);
            client.call(&[b"MSET", b"a", b"1", b"b", b"2"]);
        }
        let mut sizes = |command: &[&[u8]]| {
            assert_eq!(client.call(command), Value::OK);
            [&b"0"[..], b"1", b"2"].map(|db| {
                client.call(&[b"SELECT", db]);
                client.call(&[b"DBSIZE"])
            })
        };
        let [none, two] = [0, 2].map(Value::Integer);
        assert_eq!(
            sizes(&[b"FLUSHDB", b"ASYNC"]),
            [two.clone(), two.clone(), none.clone()]
        );
        assert_eq!(sizes(&[b"FLUSHALL"]), [none.clone(), none.clone(), none]);
    }

    #[test]
    fn a_flush_touches_watched_keys_that_were_there() {
        let engine = Engine::builder().build();
        let (mut watcher, mut other) = (engine.connect_embedded(), engine.connect_embedded());
        other.call(&[b"SET", b"there", b"1"]);
        for (key, undisturbed) in [(&b"there"[..], false), (b"absent", true)] {
            watcher.call(&[b"WATCH", key]);
            other.call(&[b"FLUSHALL"]);
            watcher.call(&[b"MULTI"]);
            let reply = watcher.call(&[b"EXEC"]);
            assert_eq!(reply == Value::Array(vec![]), undisturbed);
        }
    }

    #[test]
    fn shutdown_is_passed_on_to_whoever_serves() {
        let engine = Engine::builder().build();
        let mut client = engine.connect(Outbox::values(|| {}), Peer::remote("a:1", "b:2"));
        assert!(client.call(&[b"SHUTDOWN"]).is_error());
        let asked = Arc::new(AtomicBool::new(false));
        let server = Arc::downgrade(&asked);
        engine.on_shutdown(move || {
            let server = server.upgrade();
            server.is_some_and(|asked| !asked.swap(true, Ordering::Relaxed))
        });
        assert!(client.call(&[b"SHUTDOWN", b"SAVE"]).is_error());
        assert!(!asked.load(Ordering::Relaxed));
        assert_eq!(client.execute(&[b"SHUTDOWN", b"NOSAVE"]), Flow::Close);
        assert!(asked.load(Ordering::Relaxed));
        assert_eq!(client.outbox().take_value(), None);
        drop(asked);
        assert!(client.call(&[b"SHUTDOWN"]).is_error());
    }
}
