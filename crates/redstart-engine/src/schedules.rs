//! The lock plan under a scheduler that chooses who goes on at every lock: no schedule ends in a
//! deadlock (shuttle panics at one), and what must hold holds in all of them.
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test -p redstart-engine --lib --no-default-features schedules
//! ```
//!
//! Every lock of the engine is a place where another thread may go on; what is atomic without a
//! lock is not. `SHUTTLE_SCHEDULES` sets how many schedules each test explores.

#[path = "../tests/it/linearizability/checker.rs"]
mod checker;
#[path = "../tests/it/linearizability/history.rs"]
mod history;
#[path = "../tests/it/linearizability/model.rs"]
mod model;
#[path = "../tests/it/twin/random.rs"]
mod random;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redstart_protocol::Value;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

use crate::{Client, Engine, EvictionPolicy, Outbox, Peer, SimulatedClock};

/// Few enough that schedules meet at the same locks, enough for an order among them.
const SHARDS: usize = 4;

/// Keys in four different shards, in their order.
const KEYS: [&str; 4] = ["n", "c", "d", "a"];

/// Runs `test` under many schedules: half of them random, half with few but well-placed switches.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("SHUTTLE_SCHEDULES").ok();
    let schedules = schedules.map_or(4_000, |text| text.parse().expect("a number of schedules"));
    let test = Arc::new(test);
    let run = |random: bool| {
        let mut config = Config::new();
        config.stack_size = 1 << 20;
        let test = Arc::clone(&test);
        match random {
            true => Runner::new(RandomScheduler::new(schedules / 2), config).run(move || test()),
            false => Runner::new(PctScheduler::new(3, schedules / 2), config).run(move || test()),
        }
    };
    run(true);
    run(false);
}

fn engine() -> Engine {
    Engine::builder().shards(SHARDS).seed(1).build()
}

fn call(client: &mut Client, line: &str) -> Value {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    client.call(&words)
}

/// A transaction's replies, or `None` if something watched had changed.
fn transact(client: &mut Client, lines: &[&str]) -> Option<Vec<Value>> {
    assert_eq!(call(client, "MULTI"), Value::OK);
    for line in lines {
        assert_eq!(call(client, line), Value::simple("QUEUED"));
    }
    match call(client, "EXEC") {
        Value::Array(replies) => Some(replies),
        Value::NullArray => None,
        other => panic!("EXEC answers {other:?}"),
    }
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        Value::Null => 0,
        Value::Bulk(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("a number"),
        other => panic!("no number: {other:?}"),
    }
}

fn numbers(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(items) => items.iter().map(number).collect(),
        other => panic!("no array: {other:?}"),
    }
}

/// A thread with a client of its own.
fn client(engine: &Engine, act: impl FnOnce(Client) + Send + 'static) -> thread::JoinHandle<()> {
    let client = engine.connect_embedded();
    thread::spawn(move || act(client))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn the_keys_are_in_shards_of_their_own() {
    let shards = crate::keyspace::shards::Shards::new(SHARDS, crate::data::Seed::new(1));
    assert_eq!(
        KEYS.map(|key| shards.shard_of(key.as_bytes())),
        [0, 1, 2, 3]
    );
}

#[test]
fn the_sum_of_what_transactions_move_stays_the_same() {
    explore(|| {
        let engine = engine();
        call(&mut engine.connect_embedded(), "MSET n 10 c 10");
        let mover = |lines: [&'static str; 2]| {
            client(&engine, move |mut client| {
                for _ in 0..2 {
                    transact(&mut client, &lines).expect("nothing is watched");
                }
            })
        };
        let reader = client(&engine, |mut client| {
            for _ in 0..3 {
                let balances = numbers(&call(&mut client, "MGET c n"));
                assert_eq!(balances.iter().sum::<i64>(), 20, "{balances:?}");
            }
        });
        join([
            mover(["DECR n", "INCR c"]),
            mover(["DECR c", "INCR n"]),
            reader,
        ]);
        assert_eq!(
            numbers(&call(&mut engine.connect_embedded(), "MGET n c")),
            [10, 10]
        );
    });
}

#[test]
fn commands_on_many_keys_in_opposite_orders_neither_deadlock_nor_tear() {
    explore(|| {
        let engine = engine();
        call(&mut engine.connect_embedded(), "MSET n 0 d 0 a 0 c 0");
        let writer = |lines: [&'static str; 2]| {
            client(&engine, move |mut client| {
                for line in lines {
                    assert!(!call(&mut client, line).is_error(), "{line}");
                }
            })
        };
        let reader = client(&engine, |mut client| {
            for _ in 0..2 {
                let seen = numbers(&call(&mut client, "MGET c a d n"));
                assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
            }
        });
        join([
            writer(["MSET n 1 d 1 a 1 c 1", "MSET c 2 a 2 d 2 n 2"]),
            writer(["MSET c 3 d 3 a 3 n 3", "MSET a 4 n 4 c 4 d 4"]),
            reader,
        ]);
    });
}

#[test]
fn a_renamed_key_is_always_somewhere() {
    explore(|| {
        let engine = engine();
        call(&mut engine.connect_embedded(), "SET n 1");
        let mover = |from: &'static str, to: &'static str| {
            client(&engine, move |mut client| {
                for _ in 0..2 {
                    call(&mut client, &format!("RENAME {from} {to}"));
                }
            })
        };
        let reader = client(&engine, |mut client| {
            for _ in 0..2 {
                assert_eq!(number(&call(&mut client, "EXISTS c d n")), 1);
            }
        });
        join([
            mover("n", "c"),
            mover("c", "n"),
            mover("n", "d"),
            mover("d", "c"),
            reader,
        ]);
    });
}

#[test]
fn optimistic_increments_lose_nothing() {
    explore(|| {
        let engine = engine();
        let done = Arc::new(AtomicU64::new(0));
        let increments = (0..3).map(|_| {
            let done = Arc::clone(&done);
            client(&engine, move |mut client| {
                for _ in 0..2 {
                    call(&mut client, "WATCH c a");
                    let old = number(&call(&mut client, "GET c"));
                    let set = format!("MSET c {new} a {new}", new = old + 1);
                    if transact(&mut client, &[&set]).is_some() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        join(increments.collect::<Vec<_>>());
        let done = done.load(Ordering::Relaxed) as i64;
        assert!(done > 0, "somebody always gets through");
        assert_eq!(
            numbers(&call(&mut engine.connect_embedded(), "MGET c a")),
            [done, done]
        );
    });
}

#[test]
fn commands_on_the_whole_database_see_whole_commands() {
    explore(|| {
        let engine = engine();
        let writer = |lines: [&'static str; 3]| {
            client(&engine, move |mut client| {
                for line in lines {
                    assert!(!call(&mut client, line).is_error(), "{line}");
                }
            })
        };
        let reader = client(&engine, |mut client| {
            assert_eq!(number(&call(&mut client, "DBSIZE")) % 2, 0);
            let Value::Array(scanned) = call(&mut client, "SCAN 0 COUNT 100") else {
                panic!("SCAN answers with an array");
            };
            let Some(Value::Array(keys)) = scanned.get(1) else {
                panic!("SCAN answers with keys");
            };
            assert_eq!(keys.len() % 2, 0, "{keys:?}");
            let Value::Array(keys) = call(&mut client, "KEYS *") else {
                panic!("KEYS answers with an array");
            };
            assert_eq!(keys.len() % 2, 0, "{keys:?}");
        });
        join([
            writer(["MSET n 1 c 1", "FLUSHALL", "MSET c 1 n 1"]),
            writer(["MSET a 1 d 1", "DEL d a", "MSET d 2 a 2"]),
            reader,
        ]);
    });
}

#[test]
fn messages_are_in_the_order_of_what_they_tell_of() {
    explore(|| {
        let engine = engine();
        let subscribers: Vec<Client> = (0..2)
            .map(|_| {
                let mut subscriber = engine.connect(Outbox::values(|| {}), Peer::embedded());
                let _ = subscriber.execute(&[b"SUBSCRIBE", b"news"]);
                subscriber
            })
            .collect();
        let told = Arc::new(Mutex::new(Vec::new()));
        let publishers = ["x", "y"].map(|name| {
            let told = Arc::clone(&told);
            client(&engine, move |mut client| {
                for turn in 0..2 {
                    let message = format!("{name}{turn}");
                    let lines = ["INCR c".to_owned(), format!("PUBLISH news {message}")];
                    let lines = [lines[0].as_str(), lines[1].as_str()];
                    let replies = transact(&mut client, &lines).expect("nothing is watched");
                    assert_eq!(replies[1], Value::Integer(2));
                    let mut told = told.lock().expect("no thread panics with this");
                    told.push((number(&replies[0]), message));
                }
            })
        });
        // Somebody else comes and goes all the while.
        let visitor = {
            let engine = engine.clone();
            thread::spawn(move || {
                let mut visitor = engine.connect(Outbox::values(|| {}), Peer::embedded());
                let _ = visitor.execute(&[b"PSUBSCRIBE", b"other*"]);
                let _ = visitor.execute(&[b"PUNSUBSCRIBE"]);
            })
        };
        join(publishers.into_iter().chain([visitor]));

        let mut told = told.lock().expect("no thread panics with this").clone();
        told.sort();
        let expected: Vec<String> = told.into_iter().map(|(_, message)| message).collect();
        for subscriber in subscribers {
            let outbox = subscriber.outbox();
            let pushes = std::iter::from_fn(|| outbox.take_value()).skip(1);
            let received: Vec<String> = pushes
                .map(|push| match push {
                    Value::Push(parts) => match &parts[2] {
                        Value::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
                        other => panic!("no message: {other:?}"),
                    },
                    other => panic!("no push: {other:?}"),
                })
                .collect();
            assert_eq!(received, expected);
        }
    });
}

#[test]
fn upkeep_and_eviction_stand_in_nobody_s_way() {
    explore(|| {
        let clock = SimulatedClock::new(1_700_000_000_000_000);
        let engine = Engine::builder()
            .shards(SHARDS)
            .seed(1)
            .clock(clock.clone())
            .max_memory(1_000, EvictionPolicy::AllKeysRandom)
            .build();
        let writers = [
            ["MSET n 1 c 1", "PEXPIRE c 5"],
            ["MSET d 1 a 1", "PEXPIRE a 5"],
        ];
        let writers = writers.map(|lines| {
            client(&engine, move |mut client| {
                for line in lines {
                    assert!(!call(&mut client, line).is_error(), "{line}");
                }
            })
        });
        let ticker = {
            let engine = engine.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    clock.advance(Duration::from_millis(10));
                    engine.tick();
                }
            })
        };
        let reader = client(&engine, |mut client| {
            call(&mut client, "MGET c a d n");
            call(&mut client, "INFO");
        });
        join(writers.into_iter().chain([ticker, reader]));
    });
}

#[test]
fn every_schedule_is_linearizable() {
    let seed = AtomicU64::new(0);
    explore(move || {
        let mut random = random::Random::new(seed.fetch_add(1, Ordering::Relaxed));
        let engine = engine();
        let (moments, recorded) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let threads = (0..3).map(|number| {
            let plan = history::plan(&mut random, 5, false);
            let (moments, recorded) = (Arc::clone(&moments), Arc::clone(&recorded));
            client(&engine, move |mut client| {
                let history = history::carry_out(&mut client, number, plan, &moments, || {});
                recorded
                    .lock()
                    .expect("no thread panics with this")
                    .extend(history);
            })
        });
        join(threads.collect::<Vec<_>>());
        let history = recorded.lock().expect("no thread panics with this");
        let order = checker::linearization(&model::Keyspace::default(), &history);
        assert!(order.is_some(), "no order explains {history:#?}");
    });
}
