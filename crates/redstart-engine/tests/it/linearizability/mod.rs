//! What several clients see of an engine at once can be explained by some order in which their
//! operations happened one at a time: recorded histories of threads that really run side by side,
//! with commands on several keys, transactions, WATCH and scripts.

pub(crate) mod checker;
pub(crate) mod history;
pub(crate) mod model;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use redstart_engine::{ChangeObserver, Engine, Event, Value};

use crate::twin::random;
use checker::{Operation, linearization};
use history::Recorded;
use model::{Command, Input, Keyspace};
use random::Random;

/// Histories at each number of shards.
const HISTORIES: u64 = 1_000;

/// Lets go of the processor under the locks, now and then, so that others run into them.
#[derive(Debug, Default)]
struct Hesitation(AtomicU64);

impl ChangeObserver for Hesitation {
    fn changed(&self, _: u8, _: &[u8], _: Event) {
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            std::thread::yield_now();
        }
    }
}

/// Three to five threads, a few operations each.
fn record(engine: &Engine, seed: u64) -> Vec<Recorded> {
    let mut random = Random::new(seed);
    let threads = 3 + random.below(3);
    let plans: Vec<Vec<Input>> = (0..threads)
        .map(|_| history::plan(&mut random, 24 / threads, cfg!(feature = "script")))
        .collect();
    let (clock, barrier) = (AtomicU64::new(0), Barrier::new(threads));
    let mut recorded = Vec::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = plans
            .into_iter()
            .enumerate()
            .map(|(number, plan)| {
                let (clock, barrier) = (&clock, &barrier);
                let mut client = engine.connect_embedded();
                let mut random = Random::new(seed ^ number as u64);
                scope.spawn(move || {
                    barrier.wait();
                    history::carry_out(&mut client, number, plan, clock, || {
                        if random.chance(30) {
                            std::thread::yield_now();
                        }
                    })
                })
            })
            .collect();
        for thread in running {
            recorded.extend(thread.join().expect("a client does not panic"));
        }
    });
    recorded
}

/// How many pairs of operations were under way at the same time.
fn overlaps(history: &[Recorded]) -> usize {
    let pairs = history.iter().enumerate().flat_map(|(index, one)| {
        let others = history[index + 1..].iter();
        others.filter(|other| one.called < other.returned && other.called < one.returned)
    });
    pairs.count()
}

fn shown(history: &[Recorded]) -> String {
    let mut history = history.to_vec();
    history.sort_by_key(|operation| operation.called);
    let lines = history.iter().map(|operation| {
        let Operation {
            client,
            input,
            output,
            called,
            returned,
        } = operation;
        format!("{called:3}-{returned:3} client {client}: {input:?} -> {output:?}\n")
    });
    lines.collect()
}

fn live_through(shards: usize) {
    let mut overlapping = 0;
    for seed in 0..HISTORIES {
        let engine = Engine::builder()
            .shards(shards)
            .seed(seed)
            .change_observer(Arc::new(Hesitation::default()))
            .build();
        let history = record(&engine, seed);
        overlapping += usize::from(overlaps(&history) >= 2);
        assert!(
            linearization(&Keyspace::default(), &history).is_some(),
            "seed {seed}, {shards} shards: no order explains\n{}",
            shown(&history)
        );
    }
    // Else this proved nothing.
    assert!(
        overlapping > HISTORIES as usize / 20,
        "only {overlapping} histories overlapped"
    );
}

#[test]
fn histories_on_one_shard_are_linearizable() {
    live_through(1);
}

#[test]
fn histories_on_sixteen_shards_are_linearizable() {
    live_through(16);
}

/// A history from (client, input, output, called, returned).
fn written(operations: &[(usize, Input, Value, u64, u64)]) -> Vec<Recorded> {
    let operations = operations.iter().cloned();
    let operations = operations.map(|(client, input, output, called, returned)| Operation {
        client,
        input,
        output,
        called,
        returned,
    });
    operations.collect()
}

fn is_linearizable(operations: &[(usize, Input, Value, u64, u64)]) -> bool {
    linearization(&Keyspace::default(), &written(operations)).is_some()
}

#[test]
fn the_checker_accepts_any_order_of_what_overlaps() {
    let incr = || Input::Command(Command::Incr("a"));
    let get = || Input::Command(Command::Get("a"));
    for (first, second) in [(1, 2), (2, 1)] {
        assert!(is_linearizable(&[
            (0, incr(), Value::Integer(first), 0, 3),
            (1, incr(), Value::Integer(second), 1, 2),
            (2, get(), Value::bulk("2"), 4, 5),
        ]));
    }
    // The read may fall between two writes that both surround it.
    assert!(is_linearizable(&[
        (0, incr(), Value::Integer(1), 0, 9),
        (1, incr(), Value::Integer(2), 1, 8),
        (2, get(), Value::bulk("1"), 3, 4),
    ]));
}

#[test]
fn the_checker_refuses_lost_updates_stale_and_torn_reads() {
    let incr = || Input::Command(Command::Incr("a"));
    let get = |key| Input::Command(Command::Get(key));
    let mset = || Input::Command(Command::Mset(vec![("a", 1), ("b", 1)]));
    let mget = || Input::Command(Command::Mget(vec!["a", "b"]));
    let one = || Value::bulk("1");
    // Two increments that both saw nothing.
    assert!(!is_linearizable(&[
        (0, incr(), Value::Integer(1), 0, 2),
        (1, incr(), Value::Integer(1), 1, 3),
    ]));
    // A read that began after a write had returned, and did not see it.
    assert!(!is_linearizable(&[
        (0, incr(), Value::Integer(1), 0, 1),
        (1, get("a"), Value::Null, 2, 3),
    ]));
    // Half of a write.
    assert!(!is_linearizable(&[
        (0, mset(), Value::OK, 0, 3),
        (1, mget(), Value::Array(vec![one(), Value::Null]), 1, 2),
    ]));
    // Two readers that saw two writes in different orders.
    assert!(!is_linearizable(&[
        (0, Input::Command(Command::Set("a", 1)), Value::OK, 0, 9),
        (1, Input::Command(Command::Set("b", 1)), Value::OK, 0, 9),
        (2, get("a"), one(), 1, 2),
        (2, get("b"), Value::Null, 3, 4),
        (3, get("b"), one(), 1, 2),
        (3, get("a"), Value::Null, 3, 4),
    ]));
}

#[test]
fn the_checker_knows_what_watching_promises() {
    let watch = || Input::Watch(vec!["a"]);
    let set = |client| (client, Input::Command(Command::Set("a", 5)), Value::OK);
    let exec = |output, called, returned| {
        let commands = vec![Command::Incr("a")];
        (0, Input::Exec(commands), output, called, returned)
    };
    let with = |output: Value, (called, returned): (u64, u64)| {
        let (client, input, ok) = set(1);
        is_linearizable(&[
            (0, watch(), Value::OK, 0, 1),
            (client, input, ok, called, returned),
            exec(output, 4, 5),
        ])
    };
    let (done, refused) = (Value::Array(vec![Value::Integer(6)]), Value::NullArray);
    // A change in between must be noticed; one beside it may fall on either side.
    assert!(with(refused.clone(), (2, 3)));
    assert!(!with(done.clone(), (2, 3)));
    assert!(with(done.clone(), (0, 3)) && with(refused, (0, 3)));
    // Nothing has changed, so nothing may be refused.
    assert!(!is_linearizable(&[
        (0, watch(), Value::OK, 0, 1),
        exec(Value::NullArray, 2, 3),
    ]));
    // Nobody comes between the commands of a transaction.
    let pair = || Input::Exec(vec![Command::Incr("a"), Command::Incr("a")]);
    let replies = |a, b| Value::Array(vec![Value::Integer(a), Value::Integer(b)]);
    assert!(!is_linearizable(&[
        (0, pair(), replies(1, 3), 0, 3),
        (1, pair(), replies(2, 4), 1, 2),
    ]));
}
