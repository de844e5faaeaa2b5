//! Recording what clients see of an engine.

use std::sync::atomic::{AtomicU64, Ordering};

use redstart_engine::{Client, Value};

use super::checker::Operation;
use super::model::{Command, Input, SCRIPT};
use super::random::Random;

/// One operation of a recorded history.
pub(crate) type Recorded = Operation<Input, Value>;

/// Few keys, in different slots and so in different shards.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// What one client is going to do.
pub(crate) fn plan(random: &mut Random, length: usize, with_scripts: bool) -> Vec<Input> {
    let mut plan = Vec::with_capacity(length);
    while plan.len() < length {
        match random.below(100) {
            0..60 => plan.push(Input::Command(command(random))),
            60..78 => plan.push(Input::Exec(commands(random))),
            78..90 => {
                plan.push(Input::Watch(keys(random, 2)));
                if random.chance(50) {
                    plan.push(Input::Command(Command::Get(key(random))));
                }
                if random.chance(10) {
                    plan.push(Input::Unwatch);
                }
                plan.push(Input::Exec(commands(random)));
            }
            _ if with_scripts => plan.push(Input::Script(key(random), key(random))),
            _ => {}
        }
    }
    plan
}

fn key(random: &mut Random) -> &'static str {
    KEYS[random.below(KEYS.len())]
}

fn keys(random: &mut Random, most: usize) -> Vec<&'static str> {
    (0..=random.below(most)).map(|_| key(random)).collect()
}

fn commands(random: &mut Random) -> Vec<Command> {
    (0..random.below(4)).map(|_| command(random)).collect()
}

fn command(random: &mut Random) -> Command {
    match random.below(100) {
        0..15 => Command::Get(key(random)),
        15..25 => Command::Set(key(random), random.below(100) as i64),
        25..50 => Command::Incr(key(random)),
        50..55 => Command::Getdel(key(random)),
        55..60 => Command::Del(keys(random, 3)),
        60..75 => {
            let value = random.below(100) as i64;
            Command::Mset(
                keys(random, 3)
                    .into_iter()
                    .map(|key| (key, value))
                    .collect(),
            )
        }
        75..90 => Command::Mget(keys(random, 4)),
        _ => Command::Rename(key(random), key(random)),
    }
}

/// Carries a plan out and notes what is answered, and when by a clock that all clients share.
/// `between` runs between any two operations.
pub(crate) fn carry_out(
    client: &mut Client,
    number: usize,
    plan: Vec<Input>,
    clock: &AtomicU64,
    mut between: impl FnMut(),
) -> Vec<Recorded> {
    let mut history = Vec::with_capacity(plan.len());
    for input in plan {
        between();
        if let Input::Exec(commands) = &input {
            assert_eq!(client.call(&[b"MULTI"]), Value::OK);
            for command in commands {
                assert_eq!(call(client, &command.words()), Value::simple("QUEUED"));
                between();
            }
        }
        let words = words(&input);
        let called = clock.fetch_add(1, Ordering::SeqCst);
        let output = call(client, &words);
        let returned = clock.fetch_add(1, Ordering::SeqCst);
        history.push(Operation {
            client: number,
            input,
            output,
            called,
            returned,
        });
    }
    history
}

fn words(input: &Input) -> Vec<String> {
    match input {
        Input::Command(command) => command.words(),
        Input::Unwatch => vec!["UNWATCH".to_owned()],
        Input::Exec(_) => vec!["EXEC".to_owned()],
        Input::Watch(keys) => {
            let keys = keys.iter().map(|key| (*key).to_owned());
            std::iter::once("WATCH".to_owned()).chain(keys).collect()
        }
        Input::Script(first, second) => {
            let words = ["EVAL", SCRIPT, "2", first, second];
            words.map(str::to_owned).to_vec()
        }
    }
}

fn call(client: &mut Client, words: &[String]) -> Value {
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    client.call(&words)
}
