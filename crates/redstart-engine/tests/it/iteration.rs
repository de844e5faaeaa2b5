//! What SCAN and its kin promise: whoever is there from the first call to the last is visited,
//! however much comes and goes in between; nobody is visited who was never there; and cursors are
//! numbers that every client can hold.

use std::collections::BTreeSet;

use redstart_engine::{Client, Engine, Value};

use crate::contents::{array, bytes};
use crate::twin::random::Random;

/// What is iterated over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Keys,
    Hash,
    Set,
    /// A set that begins as one of integers.
    Integers,
    SortedSet,
}

const ALL: [Kind; 5] = [
    Kind::Keys,
    Kind::Hash,
    Kind::Set,
    Kind::Integers,
    Kind::SortedSet,
];

struct Subject {
    kind: Kind,
    client: Client,
}

impl Subject {
    fn new(kind: Kind, shards: usize, seed: u64) -> Subject {
        let engine = Engine::builder().shards(shards).seed(seed).build();
        let client = engine.connect_embedded();
        Subject { kind, client }
    }

    fn call(&mut self, line: &str) -> Value {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let reply = self.client.call(&words);
        assert!(!reply.is_error(), "{line}: {reply:?}");
        reply
    }

    /// The name with a number.
    fn name(&self, number: usize) -> String {
        match self.kind {
            Kind::Integers if !number.is_multiple_of(50) => number.to_string(),
            _ => format!("name:{number}"),
        }
    }

    fn add(&mut self, number: usize) {
        let name = self.name(number);
        self.call(&match self.kind {
            Kind::Keys if number.is_multiple_of(3) => format!("HSET {name} f v"),
            Kind::Keys => format!("SET {name} v"),
            Kind::Hash => format!("HSET h {name} v{number}"),
            Kind::Set | Kind::Integers => format!("SADD s {name}"),
            Kind::SortedSet => format!("ZADD z {} {name}", number % 100),
        });
    }

    fn remove(&mut self, number: usize) {
        let name = self.name(number);
        self.call(&match self.kind {
            Kind::Keys => format!("DEL {name}"),
            Kind::Hash => format!("HDEL h {name}"),
            Kind::Set | Kind::Integers => format!("SREM s {name}"),
            Kind::SortedSet => format!("ZREM z {name}"),
        });
    }

    /// The next cursor, and the names visited.
    fn scan(&mut self, cursor: u64, options: &str) -> (u64, Vec<String>) {
        let command = match self.kind {
            Kind::Keys => format!("SCAN {cursor}{options}"),
            Kind::Hash => format!("HSCAN h {cursor}{options}"),
            Kind::Set | Kind::Integers => format!("SSCAN s {cursor}{options}"),
            Kind::SortedSet => format!("ZSCAN z {cursor}{options}"),
        };
        let mut parts = array(self.call(&command)).into_iter();
        let next = String::from_utf8(bytes(parts.next().expect("a cursor"))).expect("digits");
        let items = array(parts.next().expect("the items"));
        // Values and scores stand behind fields and members.
        let step = match self.kind {
            Kind::Hash | Kind::SortedSet => 2,
            _ => 1,
        };
        let names = items
            .into_iter()
            .step_by(step)
            .map(|item| String::from_utf8(bytes(item)).expect("the names are text"));
        (next.parse().expect("a number"), names.collect())
    }
}

/// How what is there changes during an iteration.
#[derive(Clone, Copy, Debug)]
enum Weather {
    Still,
    Growth,
    Shrinkage,
    Churn,
}

/// Iterates once from start to end, changing things between the calls.
fn iterate(
    subject: &mut Subject,
    weather: Weather,
    there: &mut BTreeSet<usize>,
    random: &mut Random,
) {
    const NUMBERS: usize = 60_000;
    let (mut always, mut ever) = (there.clone(), there.clone());
    let (mut seen, mut calls, mut cursor) = (BTreeSet::new(), 0usize, 0);
    loop {
        let options = match random.below(5) {
            0 => String::new(),
            1 => " COUNT 1".to_owned(),
            2 => " COUNT 3 MATCH *".to_owned(),
            _ => format!(" COUNT {}", 1 + random.below(200)),
        };
        let (next, names) = subject.scan(cursor, &options);
        assert!(next < 1 << 53, "{:?}: cursor {next}", subject.kind);
        seen.extend(names);
        calls += 1;
        if next == 0 {
            break;
        }
        cursor = next;
        let changes = match weather {
            Weather::Still => 0,
            _ => random.below(60),
        };
        for _ in 0..changes {
            let grows = match weather {
                Weather::Growth => calls < 1_000,
                Weather::Shrinkage | Weather::Still => false,
                Weather::Churn => random.chance(50),
            };
            if grows {
                let number = random.below(NUMBERS);
                subject.add(number);
                there.insert(number);
                ever.insert(number);
            } else {
                // Keep one, so that what is iterated over does not go away as a whole.
                let from = random.below(NUMBERS);
                let number = there.range(from..).next().or(there.first()).copied();
                if let Some(number) = number.filter(|_| there.len() > 1) {
                    subject.remove(number);
                    there.remove(&number);
                    always.remove(&number);
                }
            }
        }
    }
    let names = |numbers: &BTreeSet<usize>| -> BTreeSet<String> {
        numbers.iter().map(|number| subject.name(*number)).collect()
    };
    let (kind, missed) = (
        subject.kind,
        names(&always)
            .difference(&seen)
            .cloned()
            .collect::<Vec<_>>(),
    );
    assert!(
        missed.is_empty(),
        "{kind:?}, {weather:?}: {missed:?} were there all the time"
    );
    let ghosts: Vec<_> = seen.difference(&names(&ever)).cloned().collect();
    assert!(
        ghosts.is_empty(),
        "{kind:?}, {weather:?}: {ghosts:?} were never there"
    );
}

fn live_through(kind: Kind, shards: usize) {
    use Weather::{Churn, Growth, Shrinkage, Still};
    for seed in 0..4 {
        let mut random = Random::new(seed);
        let mut subject = Subject::new(kind, shards, seed);
        let mut there = BTreeSet::new();
        for number in 0..[1, 20, 600, 3_000][seed as usize] {
            subject.add(number);
            there.insert(number);
        }
        for weather in [
            Still, Growth, Churn, Still, Shrinkage, Growth, Shrinkage, Churn,
        ] {
            iterate(&mut subject, weather, &mut there, &mut random);
        }
    }
}

#[test]
fn whoever_is_there_throughout_is_visited() {
    for kind in ALL {
        live_through(kind, 1);
    }
    live_through(Kind::Keys, 16);
    live_through(Kind::Keys, 64);
}

#[test]
fn filters_leave_the_others_out_and_nobody_else() {
    let mut subject = Subject::new(Kind::Keys, 16, 1);
    for number in 0..1_000 {
        subject.add(number);
    }
    for (options, expected) in [
        (" TYPE hash", (0..1_000).filter(|n| n % 3 == 0).count()),
        (
            " TYPE string COUNT 7",
            (0..1_000).filter(|n| n % 3 != 0).count(),
        ),
        (
            " MATCH name:9* TYPE hash",
            (0..1_000)
                .filter(|n: &usize| n.is_multiple_of(3) && n.to_string().starts_with('9'))
                .count(),
        ),
        (" TYPE list", 0),
    ] {
        let (mut cursor, mut found) = (0, BTreeSet::new());
        loop {
            let (next, names) = subject.scan(cursor, options);
            found.extend(names);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(found.len(), expected, "{options}");
    }
}

#[test]
fn a_cursor_nobody_gave_out_is_harmless() {
    for kind in ALL {
        let mut subject = Subject::new(kind, 16, 1);
        for number in 0..2_000 {
            subject.add(number);
        }
        let mut random = Random::new(1);
        for _ in 0..300 {
            let shift = random.below(64) as u32;
            let (next, names) = subject.scan(random.next() >> shift, " COUNT 5");
            assert!(next < 1 << 53 && names.len() <= 2_000);
        }
    }
}

#[test]
fn what_expires_in_between_is_no_longer_visited() {
    let clock = redstart_engine::SimulatedClock::new(1_700_000_000_000_000);
    let engine = Engine::builder().clock(clock.clone()).seed(1).build();
    let client = engine.connect_embedded();
    let mut subject = Subject {
        kind: Kind::Keys,
        client,
    };
    for number in 0..500 {
        subject.call(&format!("SET lasting{number} v"));
        subject.call(&format!("PSETEX passing{number} 100 v"));
    }
    let (mut cursor, mut names) = subject.scan(0, " COUNT 100");
    clock.advance(std::time::Duration::from_millis(101));
    let before = names.len();
    while cursor != 0 {
        let (next, more) = subject.scan(cursor, " COUNT 100");
        names.extend(more);
        cursor = next;
    }
    assert!(
        names[before..]
            .iter()
            .all(|name| name.starts_with("lasting"))
    );
    let lasting: BTreeSet<_> = names
        .iter()
        .filter(|name| name.starts_with("lasting"))
        .collect();
    assert_eq!(lasting.len(), 500);
}
