//! DEBUG, for tests: refused unless the engine was built with `debug_commands`.

use std::sync::atomic::Ordering;

use redstart_protocol::{Octets, Resp, Value, number};

use super::args::{integer, is};
use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::keyspace::Ttl;
use crate::keyspace::access::Tracking;
use crate::keyspace::change::Event;
use crate::keyspace::digest::Digest;
use crate::keyspace::object::Object;

pub(super) const TABLE: &[Row] = &[row("debug", debug).all_shards().for_debugging()];

/// Redis knows one command here and no subcommands, hence this one table more.
fn debug(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    match (args[1], &args[2..]) {
        (word, []) if is(word, "HELP") => Ok(help()),
        (word, [seconds]) if is(word, "SLEEP") => sleep(ctx, seconds),
        (word, [enabled]) if is(word, "SET-ACTIVE-EXPIRE") => set_active_expire(ctx, enabled),
        (word, []) if is(word, "DIGEST") => Ok(simple(Digest::of_all(&ctx.space).to_string())),
        (word, keys) if is(word, "DIGEST-VALUE") => Ok(digest_values(ctx, keys)),
        (word, [key]) if is(word, "OBJECT") => object(ctx, key),
        (word, [kind]) if is(word, "PROTOCOL") => protocol(ctx, kind),
        (word, [text]) if is(word, "ERROR") => Err(CommandError::from_bytes(text.to_vec())),
        (word, [message]) if is(word, "LOG") => Ok(log(message)),
        (word, [_] | [_, _] | [_, _, _]) if is(word, "POPULATE") => populate(ctx, &args[2..]),
        (word, _) => Err(CommandError::subcommand_syntax("DEBUG", word)),
    }
}

/// Nobody is served until the time is over, and the caller is answered then. No thread sleeps:
/// clients are paused, and this one comes back.
fn sleep(ctx: &mut Ctx<'_>, seconds: &[u8]) -> Result<Value, CommandError> {
    if std::mem::take(&mut ctx.session.is_called_again) {
        return Ok(Value::OK);
    }
    // Redis takes for zero what it cannot read.
    let seconds = number::parse_f64(seconds).unwrap_or(0.0).max(0.0);

    let now_us = ctx.env.clock.monotonic_us();
    let until_us = now_us.saturating_add((seconds * 1e6) as u64);
    ctx.env.pause.start(now_us, until_us, false);
    if ctx.origin == Origin::Client {
        ctx.again_at = Some(until_us);
    }

    Ok(Value::OK)
}

/// A number that is zero, or cannot be read, switches the periodic removal of expired keys off.
fn set_active_expire(ctx: &mut Ctx<'_>, enabled: &[u8]) -> Result<Value, CommandError> {
    let enabled = number::parse_i64(enabled).unwrap_or(0) != 0;
    ctx.env
        .config
        .active_expire
        .store(enabled, Ordering::Relaxed);
    Ok(Value::OK)
}

fn digest_values(ctx: &Ctx<'_>, keys: &[&[u8]]) -> Value {
    let digest = |key: &&[u8]| {
        let digest = ctx.peek(key).map_or_else(Digest::default, Digest::of_value);
        simple(digest.to_string())
    };
    Value::Array(keys.iter().map(digest).collect())
}

/// Without the length of a serialized form, which there is none of yet.
fn object(ctx: &Ctx<'_>, key: &[u8]) -> Result<Value, CommandError> {
    let now_s = ctx.now_ms() / 1_000;
    let entry = ctx.peek(key).ok_or(CommandError::NO_SUCH_KEY)?;
    let idle_s = match ctx.space.tracking() {
        Tracking::Recency => entry.access.idle_s(now_s),
        Tracking::Frequency { .. } => 0,
    };
    let address = std::ptr::from_ref(&entry.object).addr();
    let encoding = entry.object.encoding();
    let used = now_s.wrapping_sub(idle_s) & 0xFF_FFFF;
    Ok(simple(format!(
        "Value at:{address:#x} refcount:1 encoding:{encoding} lru:{used} lru_seconds_idle:{idle_s}"
    )))
}

fn protocol(ctx: &Ctx<'_>, kind: &[u8]) -> Result<Value, CommandError> {
    let digits = || [0, 1, 2].map(Value::Integer).to_vec();
    Ok(match kind {
        _ if is(kind, "string") => Value::bulk("Hello World"),
        _ if is(kind, "integer") => Value::Integer(12345),
        _ if is(kind, "double") => Value::Double(3_141.0 / 1_000.0),
        _ if is(kind, "bignum") => Value::BigNumber(Octets::from_static(
            b"1234567999999999999999999999999999999",
        )),
        _ if is(kind, "null") => Value::Null,
        _ if is(kind, "array") => Value::Array(digits()),
        _ if is(kind, "set") => Value::Set(digits()),
        _ if is(kind, "map") => {
            let truths = [false, true, false].map(Value::Boolean);
            Value::Map(digits().into_iter().zip(truths).collect())
        }
        // Attributes are not sent, only what they would be about.
        _ if is(kind, "attrib") => Value::bulk("Some real reply following the attribute"),
        _ if is(kind, "push") => {
            if ctx.resp == Resp::V2 {
                return Err(CommandError::new(
                    "ERR RESP2 is not supported by this command",
                ));
            }
            let push = vec![Value::bulk("server-cpu-usage"), Value::Integer(42)];
            ctx.session.outbox.push(Value::Push(push));
            Value::bulk("Some real reply following the push reply")
        }
        _ if is(kind, "verbatim") => {
            Value::Verbatim(*b"txt", Octets::from_static(b"This is a verbatim\nstring"))
        }
        _ if is(kind, "true") => Value::Boolean(true),
        _ if is(kind, "false") => Value::Boolean(false),
        _ => {
            return Err(CommandError::new(
                "ERR Wrong protocol type name. Please use one of the following: string|integer|\
                 double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    })
}

#[cfg_attr(
    not(feature = "server"),
    allow(unused_variables, reason = "nobody keeps a log")
)]
fn log(message: &[u8]) -> Value {
    #[cfg(feature = "server")]
    tracing::warn!("DEBUG LOG: {}", message.escape_ascii());
    Value::OK
}

fn populate(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let natural = |arg: &[u8]| {
        let number = integer(arg)
            .ok()
            .and_then(|number| u64::try_from(number).ok());
        number.ok_or(CommandError::new(
            "ERR value is out of range, must be positive",
        ))
    };
    let count = natural(args[0])?;
    let prefix = args.get(1).copied().unwrap_or(b"key");
    let size = args.get(2).map_or(Ok(0), |size| natural(size))?;
    if size > ctx.env.config.proto_max_bulk_len.load(Ordering::Relaxed) {
        return Err(CommandError::STRING_TOO_LONG);
    }

    for number in 0..count {
        let full = ctx.env.config.maxmemory.load(Ordering::Relaxed);
        if full > 0 && number % 1_024 == 0 && ctx.space.memory() as u64 > full {
            return Err(CommandError::OUT_OF_MEMORY);
        }
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if ctx.contains(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size as usize, 0);
        }
        ctx.put(&key, Object::string(&value), Ttl::Clear);
        ctx.changed(&key, Event::string("set"));
        ctx.effect(&[b"SET", &key, &value]);
    }

    Ok(Value::OK)
}

fn help() -> Value {
    help_of(
        "DEBUG",
        &[
            (
                "DIGEST",
                "A fingerprint of all data, equal to that of a Redis server with the same.",
            ),
            (
                "DIGEST-VALUE <key> [<key> ...]",
                "A fingerprint of each value.",
            ),
            ("ERROR <text>", "Answers an error of this text."),
            ("LOG <message>", "Writes a message into the log."),
            ("OBJECT <key>", "How a value is stored."),
            (
                "POPULATE <count> [<prefix>] [<size>]",
                "Sets that many strings, if they are not there.",
            ),
            ("PROTOCOL <type>", "Answers an example of a protocol type."),
            (
                "SET-ACTIVE-EXPIRE (0|1)",
                "Whether expired keys are removed before someone asks.",
            ),
            ("SLEEP <seconds>", "Serves nobody for a while."),
        ],
    )
}

fn simple(text: String) -> Value {
    Value::Simple(text.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redstart_protocol::Value;

    use crate::{Client, Engine, Flow, Outbox, Peer, SimulatedClock};

    fn engine() -> Engine {
        Engine::builder().debug_commands(true).build()
    }

    fn call(client: &mut Client, line: &str) -> Value {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.call(&args)
    }

    #[test]
    fn nobody_is_served_who_was_not_meant_to_be() {
        let engine = Engine::builder().build();
        let reply = call(&mut engine.connect_embedded(), "DEBUG DIGEST");
        let Value::Error(text) = reply else {
            panic!("served: {reply:?}")
        };
        assert!(text.starts_with(b"ERR DEBUG command not allowed."));
    }

    /// The digests that redis-server 7.0.15 gives.
    #[test]
    fn digests_are_those_of_redis() {
        let engine = engine();
        let mut client = engine.connect_embedded();
        let digest = |client: &mut Client| call(client, "DEBUG DIGEST");
        assert_eq!(
            digest(&mut client),
            Value::simple("0000000000000000000000000000000000000000")
        );
        for line in [
            "SET a 12345",
            "SET b hello",
            "RPUSH l a b c",
            "SADD s 1 2 3",
            "HSET h a 1 b 2",
            "ZADD z 1 a 2.5 b",
        ] {
            call(&mut client, line);
        }
        assert_eq!(
            digest(&mut client),
            Value::simple("f37dd76945b6b22472abb567e2852428838d91e8")
        );
        let values = [
            "e1cf90774e995ae03de66e8109dc5cb9d9c2dc83",
            "36b23a1456b2dce2c3ed252c456761301dba8060",
            "8bf72d812571eea9b927f3c11beb0c4165a6ff89",
            "2a462a3f51a1db89738ebbeef0c47ce1bbc85246",
            "6c8f22b3bf510fdcfd6122dd0f908a80e88243bf",
            "c45c5b051acd64070e5ed1a949939d5145f806c5",
            "0000000000000000000000000000000000000000",
        ];
        assert_eq!(
            call(&mut client, "DEBUG DIGEST-VALUE a b l s h z nosuch"),
            Value::Array(values.map(Value::simple).to_vec())
        );
        call(&mut client, "EXPIRE a 100");
        assert_eq!(
            digest(&mut client),
            Value::simple("a3cf2ce3c89e510d78f1eeefc9946c207eacdd21")
        );
        call(&mut client, "SELECT 3");
        call(&mut client, "SET a 1");
        assert_eq!(
            digest(&mut client),
            Value::simple("9d7ad569c9050a590a371dae48c9297230daf386")
        );
    }

    #[test]
    fn a_sleeper_is_answered_when_the_time_is_over_and_nobody_before() {
        let clock = SimulatedClock::new(1_700_000_000_000_000);
        let engine = Engine::builder()
            .clock(clock.clone())
            .debug_commands(true)
            .build();
        let connect = || engine.connect(Outbox::values(|| {}), Peer::remote("a:1", "b:2"));
        let (mut sleeper, mut other) = (connect(), connect());
        let sleep: &[&[u8]] = &[b"DEBUG", b"SLEEP", b"0.5"];
        let until = Flow::Paused(500_000);
        assert_eq!(sleeper.execute(sleep), until);
        assert_eq!(other.execute(&[b"PING"]), until);
        assert_eq!(sleeper.execute(sleep), until);
        clock.advance(Duration::from_millis(500));
        assert_eq!(sleeper.execute(sleep), Flow::Done);
        assert_eq!(sleeper.outbox().take_value(), Some(Value::OK));
        assert_eq!(sleeper.outbox().take_value(), None);
        assert_eq!(other.execute(&[b"PING"]), Flow::Done);
    }

    #[test]
    fn in_a_transaction_only_the_others_sleep() {
        let engine = engine();
        let mut client = engine.connect(Outbox::values(|| {}), Peer::remote("a:1", "b:2"));
        for args in [
            &[&b"MULTI"[..]][..],
            &[b"DEBUG", b"SLEEP", b"100"],
            &[b"EXEC"],
        ] {
            assert_eq!(client.execute(args), Flow::Done);
        }
        assert!(matches!(client.execute(&[b"PING"]), Flow::Paused(_)));
    }

    #[test]
    fn populating_keeps_what_is_there() {
        let engine = engine();
        let mut client = engine.connect_embedded();
        call(&mut client, "SET key:1 mine");
        assert_eq!(call(&mut client, "DEBUG POPULATE 3"), Value::OK);
        assert_eq!(
            call(&mut client, "MGET key:0 key:1 key:2 key:3"),
            Value::Array(vec![
                Value::bulk("value:0"),
                Value::bulk("mine"),
                Value::bulk("value:2"),
                Value::Null
            ])
        );
        call(&mut client, "DEBUG POPULATE 1 long 9");
        assert_eq!(call(&mut client, "GET long:0"), Value::bulk("value:0\0\0"));
        assert!(call(&mut client, "DEBUG POPULATE 1 huge 9999999999999").is_error());
    }
}
