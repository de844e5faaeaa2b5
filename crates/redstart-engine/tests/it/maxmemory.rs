//! `maxmemory` holds under every policy, each policy removes what it should, and the account of
//! memory that all of this goes by neither drifts nor lies.
//!
//! Room is made before a command, so memory may pass the limit by what one command takes; the
//! next one, whatever it is, brings it back.

use std::time::Duration;

use redstart_engine::{Client, Engine, EvictionPolicy, SimulatedClock, Value};

use crate::contents::bytes;
use crate::twin;
use crate::twin::random::Random;

const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// What one command may take beyond its own words: a table of keys splits a segment.
const SLACK: u64 = 64 * 1024;

/// An engine of its own, on a clock that stands.
struct Subject {
    client: Client,
    clock: SimulatedClock,
}

impl Subject {
    fn new(shards: usize, seed: u64) -> Subject {
        let clock = SimulatedClock::new(1_700_000_000_000_000);
        let engine = Engine::builder()
            .shards(shards)
            .seed(seed)
            .clock(clock.clone())
            .build();
        let client = engine.connect_embedded();
        Subject { client, clock }
    }

    fn call(&mut self, line: &str) -> Value {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.client.call(&words)
    }

    fn limit(&mut self, policy: EvictionPolicy, limit: u64) {
        let name = policy.name();
        for line in [
            format!("CONFIG SET maxmemory-policy {name}"),
            format!("CONFIG SET maxmemory {limit}"),
        ] {
            assert_eq!(self.call(&line), Value::OK);
        }
    }

    /// Sets a limit that leaves room for some of hundred parts of what is there.
    fn shrink_to(&mut self, policy: EvictionPolicy, percent: u64) {
        let limit = self.used() * percent / 100;
        self.limit(policy, limit);
        self.call("PING");
        assert!(self.used() <= limit);
    }

    fn used(&mut self) -> u64 {
        let report = bytes(match self.call("INFO memory") {
            Value::Verbatim(_, text) => Value::Bulk(text),
            other => other,
        });
        let report = String::from_utf8(report).expect("INFO is text");
        report
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"))
            .and_then(|number| number.parse().ok())
            .expect("INFO tells the memory used")
    }

    fn size(&mut self) -> usize {
        match self.call("DBSIZE") {
            Value::Integer(size) => size as usize,
            other => panic!("DBSIZE answers {other:?}"),
        }
    }

    /// How many of these keys are there. OBJECT leaves no trace in them.
    fn count(&mut self, keys: impl Iterator<Item = String>) -> usize {
        keys.filter(|key| self.call(&format!("OBJECT ENCODING {key}")) != Value::Null)
            .count()
    }
}

fn is_out_of_memory(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if **text == *OUT_OF_MEMORY.as_bytes())
}

/// A write of some type, now and then with a time to live.
fn write(random: &mut Random) -> String {
    let (key, name) = (random.below(5_000), random.below(50));
    let value = "v".repeat(random.below(300) + 1);
    match random.below(8) {
        0 | 1 => format!("SET s{key} {value}"),
        2 => format!("SET t{key} {value} EX {}", 10 + random.below(10_000)),
        3 => format!("HSET h{} f{name} {value}", key % 500),
        4 => format!("RPUSH l{} {value} {key}", key % 500),
        5 => format!("SADD m{} {value}{name}", key % 500),
        6 => format!("ZADD z{} {key} {value}{name}", key % 500),
        _ => format!(
            "EXPIRE {}{} {}",
            "slhmz".split_at(name % 5).1.split_at(1).0,
            key % 500,
            10 + key
        ),
    }
}

#[test]
fn the_limit_holds_under_every_policy() {
    const LIMIT: u64 = 200_000;
    for (index, policy) in EvictionPolicy::ALL.into_iter().enumerate() {
        for shards in [1, 16] {
            let mut subject = Subject::new(shards, index as u64);
            subject.limit(policy, LIMIT);
            let mut random = Random::new(index as u64);
            let (mut accepted, mut refused) = (0, 0);
            for _ in 0..2_000 {
                let before = subject.used();
                let line = write(&mut random);
                let reply = subject.call(&line);
                let after = subject.used();
                if is_out_of_memory(&reply) {
                    assert!(before > LIMIT, "{policy:?}: {line} is refused at {before}");
                    refused += 1;
                    // Then something has to go by hand.
                    let key = line.split(' ').nth(1).expect("every write has a key");
                    subject.call(&format!(
                        "DEL {key} s{} h{}",
                        random.below(5_000),
                        random.below(500)
                    ));
                    continue;
                }
                assert!(!reply.is_error(), "{line}: {reply:?}");
                assert!(
                    after <= LIMIT + SLACK + 2 * line.len() as u64,
                    "{policy:?}: {after} after {line}"
                );
                if !line.starts_with("EXPIRE") {
                    accepted += 1;
                }
            }
            let may_refuse =
                policy.name().starts_with("volatile") || policy == EvictionPolicy::NoEviction;
            assert!(may_refuse || refused == 0, "{policy:?} refused {refused}");
            assert!(
                accepted > 500 && subject.used() > LIMIT / 2,
                "{policy:?}: the limit was never met"
            );
        }
    }
}

#[test]
fn without_eviction_writes_are_refused_and_all_else_goes_on() {
    let mut subject = Subject::new(16, 1);
    subject.call("SET there 1");
    subject.limit(EvictionPolicy::NoEviction, 1);
    for refused in [
        "SET a b",
        "INCR there",
        "RPUSH l x",
        "HSET h f v",
        "SADD s m",
        "ZADD z 1 m",
        "COPY there t",
    ] {
        assert!(is_out_of_memory(&subject.call(refused)), "{refused}");
    }
    assert_eq!(subject.call("GET there"), Value::bulk("1"));
    assert_eq!(subject.call("EXPIRE there 100"), Value::Integer(1));
    assert_eq!(subject.call("PERSIST there"), Value::Integer(1));
    // A command that cannot be queued makes the transaction fail as a whole.
    subject.call("MULTI");
    assert!(is_out_of_memory(&subject.call("SET a b")));
    assert!(subject.call("EXEC").is_error());
    assert_eq!(subject.call("DEL there"), Value::Integer(1));
    subject.limit(EvictionPolicy::NoEviction, 0);
    assert_eq!(subject.call("SET a b"), Value::OK);
}

#[test]
fn volatile_policies_leave_persistent_keys_alone() {
    for policy in EvictionPolicy::ALL {
        if !policy.name().starts_with("volatile") {
            continue;
        }
        let mut subject = Subject::new(16, 3);
        let value = "v".repeat(100);
        for key in 0..1_000 {
            subject.call(&format!("SET p{key} {value}"));
            subject.call(&format!("SET v{key} {value} EX {}", 1_000 + key));
        }
        let limit = subject.used();
        subject.limit(policy, limit);
        let mut more = 0;
        while !is_out_of_memory(&subject.call(&format!("SET more{more} {value}"))) {
            more += 1;
        }
        let persistent = (0..1_000).map(|key| format!("p{key}"));
        assert_eq!(subject.count(persistent), 1_000, "{policy:?}");
        let volatile = (0..1_000).map(|key| format!("v{key}"));
        assert_eq!(subject.count(volatile), 0, "{policy:?} gave up too early");
        // Not quite as many as went: tables grow in steps.
        assert!(
            (500..=1_100).contains(&more),
            "{policy:?} made room for {more}"
        );
    }
}

#[test]
fn a_few_volatile_keys_are_found_among_many() {
    for (shards, policy) in [
        (1, EvictionPolicy::VolatileLru),
        (16, EvictionPolicy::VolatileRandom),
    ] {
        let mut subject = Subject::new(shards, 5);
        for key in 0..30_000 {
            subject.call(&format!("SET p{key} v"));
        }
        for key in 0..10 {
            subject.call(&format!("SET v{key} {} EX 1000", "v".repeat(1_000)));
        }
        let limit = subject.used() - 9_500;
        subject.limit(policy, limit);
        let reply = subject.call("SET one more");
        assert_eq!(reply, Value::OK, "{policy:?} with {shards} shards");
        assert!(subject.used() <= limit + SLACK);
    }
}

/// Keys that are used all the time and keys that are not, a thousand each.
fn hot_and_cold(subject: &mut Subject) -> [Vec<String>; 2] {
    let value = "v".repeat(200);
    let [hot, cold] = ["hot", "cold"].map(|kind| {
        (0..1_000)
            .map(|key| format!("{kind}{key}"))
            .collect::<Vec<_>>()
    });
    for key in hot.iter().chain(&cold) {
        subject.call(&format!("SET {key} {value} EX 100000"));
    }
    [hot, cold]
}

#[test]
fn recency_keeps_what_was_used_last() {
    for policy in [EvictionPolicy::AllKeysLru, EvictionPolicy::VolatileLru] {
        for shards in [1, 16] {
            let mut subject = Subject::new(shards, 7);
            let [hot, cold] = hot_and_cold(&mut subject);
            for _ in 0..3 {
                subject.clock.advance(Duration::from_secs(60));
                for key in &hot {
                    subject.call(&format!("GET {key}"));
                }
            }
            subject.clock.advance(Duration::from_secs(5));
            subject.shrink_to(policy, 75);
            let kept = subject.count(hot.into_iter());
            let left = subject.count(cold.into_iter());
            assert!(
                kept >= 990,
                "{policy:?}, {shards} shards: {kept} hot and {left} cold keys"
            );
        }
    }
}

#[test]
fn frequency_keeps_what_is_used_often() {
    for policy in [EvictionPolicy::AllKeysLfu, EvictionPolicy::VolatileLfu] {
        for shards in [1, 16] {
            let mut subject = Subject::new(shards, 9);
            subject.limit(policy, 0);
            let [hot, cold] = hot_and_cold(&mut subject);
            for _ in 0..40 {
                for key in &hot {
                    subject.call(&format!("GET {key}"));
                }
            }
            subject.clock.advance(Duration::from_secs(5));
            // Recency would now keep the others.
            for key in &cold {
                subject.call(&format!("GET {key}"));
            }
            subject.shrink_to(policy, 75);
            let kept = subject.count(hot.into_iter());
            let left = subject.count(cold.into_iter());
            assert!(
                kept >= 960,
                "{policy:?}, {shards} shards: {kept} hot and {left} cold keys"
            );
        }
    }
}

#[test]
fn the_nearest_deadline_goes_first() {
    for shards in [1, 16] {
        let mut subject = Subject::new(shards, 11);
        let value = "v".repeat(200);
        for key in 0..2_000 {
            let seconds = if key % 2 == 0 { 100 } else { 100_000 };
            subject.call(&format!("SET k{key} {value} EX {}", seconds + key));
        }
        subject.shrink_to(EvictionPolicy::VolatileTtl, 75);
        let late = subject.count((0..1_000).map(|key| format!("k{}", 2 * key + 1)));
        assert!(
            late >= 990,
            "{shards} shards: {late} of those with time left"
        );
    }
}

#[test]
fn chance_prefers_nobody() {
    for policy in [
        EvictionPolicy::AllKeysRandom,
        EvictionPolicy::VolatileRandom,
    ] {
        for shards in [1, 16] {
            let mut subject = Subject::new(shards, 13);
            let [hot, cold] = hot_and_cold(&mut subject);
            for key in &hot {
                subject.call(&format!("GET {key}"));
            }
            subject.shrink_to(policy, 75);
            let total = subject.size();
            let kept = subject.count(hot.into_iter());
            let left = subject.count(cold.into_iter());
            assert_eq!(kept + left, total);
            // Five standard deviations.
            assert!(
                kept.abs_diff(left) < 220,
                "{policy:?}, {shards} shards: {kept} and {left}"
            );
        }
    }
}

#[test]
fn every_database_is_looked_at() {
    for shards in [1, 16] {
        let mut subject = Subject::new(shards, 15);
        let value = "v".repeat(200);
        for db in [5, 0] {
            subject.call(&format!("SELECT {db}"));
            for key in 0..1_000 {
                subject.call(&format!("SET k{key} {value}"));
            }
            subject.clock.advance(Duration::from_secs(60));
        }
        subject.shrink_to(EvictionPolicy::AllKeysLru, 75);
        let recent = subject.size();
        subject.call("SELECT 5");
        let old = subject.size();
        assert!(
            recent >= 950,
            "{shards} shards: {recent} recent and {old} old keys"
        );
    }
}

#[test]
fn nothing_is_left_of_what_was_deleted() {
    for family in [
        "strings",
        "keys",
        "hashes",
        "lists",
        "sets",
        "sorted_sets",
        "mixed",
    ] {
        for shards in [1, 16] {
            let mut subject = Subject::new(shards, 17);
            assert_eq!(subject.used(), 0);
            for (_, args) in twin::history(family, 17, 1_000) {
                let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
                subject.client.call(&words);
            }
            for db in 0..3 {
                subject.call(&format!("SELECT {db}"));
                while let Value::Bulk(key) = subject.call("RANDOMKEY") {
                    subject.client.call(&[b"DEL", &key]);
                }
            }
            // The tables of a few entries that a database keeps for the next key.
            let used = subject.used();
            assert!(
                used <= 3 * shards as u64 * 16 * 100,
                "{family}: {used} bytes are left"
            );
            subject.call("FLUSHALL");
            assert_eq!(subject.used(), 0, "{family}");
        }
    }
}
