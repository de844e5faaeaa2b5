//! Time and keys: to the millisecond as in Redis, which is asked; and whatever is due is gone
//! after a bounded number of ticks, though nobody looks at it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redstart_engine::{ChangeObserver, Client, Engine, Event, EventClass, SimulatedClock, Value};
use redstart_testkit::{RawConnection, Reply, Server, ServerBinary};

const START_US: u64 = 1_700_000_000_000_000;

fn engine(shards: usize, clock: &SimulatedClock) -> Engine {
    Engine::builder()
        .shards(shards)
        .seed(1)
        .clock(clock.clone())
        .build()
}

fn call(client: &mut Client, line: &str) -> Value {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let reply = client.call(&words);
    assert!(!reply.is_error(), "{line}: {reply:?}");
    reply
}

fn integer(client: &mut Client, line: &str) -> i64 {
    match call(client, line) {
        Value::Integer(number) => number,
        other => panic!("{line}: {other:?}"),
    }
}

/// Redis 7.0, which is the judge.
struct Judge {
    _server: Server,
    connection: RawConnection,
}

impl Judge {
    fn new() -> Judge {
        let binary = ServerBinary::from_path().unwrap_or_else(|error| panic!("{error}"));
        assert!(
            binary.version().starts_with("7.0."),
            "redis-server 7.0 is needed, not {binary}"
        );
        let server = Server::builder(binary)
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        let connection = server.connect().expect("a connection");
        Judge {
            _server: server,
            connection,
        }
    }

    fn call(&mut self, line: &str) -> Reply {
        let words: Vec<&str> = line.split(' ').collect();
        self.connection.call(&words).expect("the server answers")
    }

    fn integer(&mut self, line: &str) -> i64 {
        let reply = self.call(line);
        reply
            .as_integer()
            .unwrap_or_else(|| panic!("{line}: {reply:?}"))
    }

    /// Sends commands at once, so that they run right behind each other.
    fn pipeline(&mut self, lines: &[&str]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            RawConnection::encode(&words, &mut bytes);
        }
        self.connection.send(&bytes).expect("the server listens");
        lines
            .iter()
            .map(|_| self.connection.receive().expect("the server answers"))
            .collect()
    }
}

/// The answer of TIME in milliseconds.
fn milliseconds(reply: &Reply) -> i64 {
    let parts = reply.as_elements().expect("TIME answers with an array");
    let number = |part: &Reply| -> i64 {
        let text = std::str::from_utf8(part.as_bytes().expect("digits")).expect("digits");
        text.parse().expect("a number")
    };
    number(&parts[0]) * 1_000 + number(&parts[1]) / 1_000
}

#[test]
fn seconds_are_rounded_as_redis_rounds_them() {
    let mut judge = Judge::new();
    let clock = SimulatedClock::new(START_US);
    let mut client = engine(1, &clock).connect_embedded();
    for left_ms in [
        1, 2, 499, 500, 501, 999, 1_000, 1_001, 1_499, 1_500, 1_501, 9_999, 100_500,
    ] {
        let set = format!("SET k v PX {left_ms}");
        // Time passes for Redis: what counts is a moment at which that much is still left.
        let theirs = (0..10_000).find_map(|_| {
            let replies = judge.pipeline(&[&set, "PTTL k", "TTL k", "PTTL k"]);
            let numbers: Vec<i64> = replies[1..].iter().filter_map(Reply::as_integer).collect();
            (numbers[0] == left_ms && numbers[2] == left_ms).then_some(numbers[1])
        });
        call(&mut client, &set);
        assert_eq!(integer(&mut client, "PTTL k"), left_ms);
        let ours = integer(&mut client, "TTL k");
        assert_eq!(Some(ours), theirs, "TTL with {left_ms} ms left");
    }
    for at_ms in [
        4_102_444_800_000i64,
        4_102_444_800_499,
        4_102_444_800_500,
        4_102_444_800_999,
    ] {
        let set = format!("SET k v PXAT {at_ms}");
        judge.call(&set);
        call(&mut client, &set);
        for ask in ["EXPIRETIME k", "PEXPIRETIME k"] {
            assert_eq!(
                integer(&mut client, ask),
                judge.integer(ask),
                "{ask} of {at_ms}"
            );
        }
    }
}

/// Whether a key is there a number of milliseconds after its deadline, as Redis has it.
fn theirs_at(judge: &mut Judge, after_ms: i64) -> i64 {
    for _ in 0..1_000 {
        let now_ms = milliseconds(&judge.call("TIME"));
        let at_ms = now_ms + 5;
        judge.call(&format!("SET k v PXAT {at_ms}"));
        loop {
            let replies = judge.pipeline(&["TIME", "EXISTS k", "TIME"]);
            let (before, after) = (milliseconds(&replies[0]), milliseconds(&replies[2]));
            if before == at_ms + after_ms && after == before {
                return replies[1]
                    .as_integer()
                    .expect("EXISTS answers with a number");
            }
            if before > at_ms + after_ms {
                break;
            }
        }
    }
    panic!("the moment never came");
}

#[test]
fn a_key_lives_through_the_millisecond_of_its_deadline() {
    let mut judge = Judge::new();
    for after_ms in [-1, 0, 1] {
        let clock = SimulatedClock::new(START_US);
        let mut client = engine(1, &clock).connect_embedded();
        call(&mut client, "SET k v PX 5");
        clock.advance(Duration::from_millis((5 + after_ms) as u64));
        let theirs = theirs_at(&mut judge, after_ms);
        let ours = integer(&mut client, "EXISTS k");
        assert_eq!(ours, theirs, "{after_ms} ms after the deadline");
        // It is the whole millisecond that counts.
        clock.advance(Duration::from_micros(999));
        assert_eq!(integer(&mut client, "EXISTS k"), ours);
    }
}

#[test]
fn an_expired_key_is_gone_for_every_command() {
    for line in [
        "GET k",
        "EXISTS k",
        "TYPE k",
        "TTL k",
        "OBJECT ENCODING k",
        "KEYS *",
        "SCAN 0",
        "RANDOMKEY",
        "STRLEN k",
        "HGETALL k",
        "SMEMBERS k",
        "LRANGE k 0 -1",
        "ZCARD k",
        "DEL k",
        "PERSIST k",
        "EXPIRE k 10",
        "RENAMENX k other",
        "COPY k other",
        "SINTER k",
        "ZUNION 1 k",
        "GETDEL k",
        "APPEND k x",
        "INCR k",
        "SETNX k x",
        "SET k x XX",
        "SET k x GET",
        "SET k x KEEPTTL",
        "LPUSH k x",
        "LPUSHX k x",
        "SADD k x",
        "ZADD k 1 x",
        "HSET k f v",
        "MSETNX k 1",
        "TOUCH k",
        "SETRANGE k 2 x",
        "GETEX k",
        "INCRBYFLOAT k 1.5",
        "LMOVE k k LEFT LEFT",
        "SMOVE k o x",
    ] {
        let clock = SimulatedClock::new(START_US);
        // Two engines: one where the key expired, one where it never was.
        let answer = |was_there: bool| {
            let engine = engine(16, &clock);
            let mut client = engine.connect_embedded();
            if was_there {
                call(&mut client, "SET k old PX 10");
            }
            let later = SimulatedClock::clone(&clock);
            later.advance(Duration::from_millis(11));
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let reply = client.call(&words);
            (reply, crate::contents::Contents::of(&engine))
        };
        assert_eq!(answer(true), answer(false), "{line}");
    }
}

#[derive(Debug, Default)]
struct Expired(Mutex<usize>);

impl ChangeObserver for Expired {
    fn changed(&self, _: u8, _: &[u8], event: Event) {
        if event.class == EventClass::Expired {
            *self.0.lock().expect("no test panics while observing") += 1;
        }
    }
}

#[test]
fn what_is_due_is_gone_after_some_ticks() {
    // Keys that last, keys that go, in this many databases; and how many ticks that may take: one
    // for every four hundred keys of a shard, which is looked at from one end to the other.
    for (lasting, passing, databases, shards) in [
        (0, 20_000, 1, 1),
        (20_000, 50, 1, 1),
        (20_000, 50, 1, 16),
        (3_000, 3_000, 3, 16),
        (10_000, 1, 16, 1),
    ] {
        let clock = SimulatedClock::new(START_US);
        let expired = Arc::new(Expired::default());
        let engine = Engine::builder()
            .shards(shards)
            .seed(1)
            .clock(clock.clone())
            .change_observer(Arc::clone(&expired) as Arc<dyn ChangeObserver>)
            .build();
        let mut client = engine.connect_embedded();
        for db in 0..databases {
            call(&mut client, &format!("SELECT {db}"));
            for key in 0..lasting / databases {
                call(&mut client, &format!("SET lasting{key} v"));
            }
            for key in 0..passing {
                call(
                    &mut client,
                    &format!("SET passing{key} v PX {}", 1 + key % 1_000),
                );
            }
        }
        engine.tick();
        let entries = lasting + passing * databases;
        // Slots are not spread quite evenly over the shards.
        let ticks = entries * 2 / shards / 400 + 2;
        clock.advance(Duration::from_millis(1_001));
        for _ in 0..ticks {
            engine.tick();
        }
        assert_eq!(
            *expired.0.lock().expect("nobody panicked"),
            passing * databases,
            "{lasting} lasting and {passing} passing keys, {shards} shards, {ticks} ticks"
        );
        for db in 0..databases {
            call(&mut client, &format!("SELECT {db}"));
            assert_eq!(integer(&mut client, "DBSIZE") as usize, lasting / databases);
        }
    }
}

#[test]
fn a_clock_put_back_brings_nothing_to_life_and_loses_nothing() {
    let clock = SimulatedClock::new(START_US);
    let engine = engine(16, &clock);
    let mut client = engine.connect_embedded();
    call(&mut client, "SET k v PX 1000");
    call(&mut client, "SET gone v PX 10");
    clock.advance(Duration::from_millis(20));
    assert_eq!(call(&mut client, "GET gone"), Value::Null);
    clock.set_wall_us(START_US - 3_600_000_000);
    engine.tick();
    assert_eq!(call(&mut client, "GET gone"), Value::Null);
    assert_eq!(call(&mut client, "GET k"), Value::bulk("v"));
    assert_eq!(integer(&mut client, "PTTL k"), 3_601_000);
    clock.set_wall_us(START_US + 1_001_000);
    assert_eq!(call(&mut client, "GET k"), Value::Null);
}
