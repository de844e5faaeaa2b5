//! The account of memory that `maxmemory` goes by, beside the allocator's own count: byte for byte
//! the same after every command of a random history.
//!
//! A binary of its own, because it brings its own allocator: one that counts what the thread of
//! the test allocates, whatever the harness does meanwhile on another.

#[allow(dead_code, reason = "not all that the twins need is needed here")]
#[path = "it/twin/generate/mod.rs"]
mod generate;
#[path = "it/twin/random.rs"]
mod random;
#[allow(dead_code, reason = "histories are not read from files here")]
#[path = "it/twin/script.rs"]
mod script;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use redstart_engine::{Client, Engine, SimulatedClock, Value};

/// The system's allocator, with an account for each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    // Made at compile time and without a destructor, so that using it allocates nothing and it is
    // there for as long as its thread is.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator with the arguments it came with, and its
// answer is returned as it is; what is done besides touches only a number of this thread.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.set(BYTES.get() + layout.size() as i64);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as i64);
        // SAFETY: the caller keeps to the contract of `dealloc`, and all blocks are the system's.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        BYTES.set(BYTES.get() + size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps to the contract of `realloc`, and all blocks are the system's.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Bytes that this thread has allocated and not given back.
fn allocated() -> i64 {
    BYTES.get()
}

/// Bytes that the engine says its keys and values take.
fn accounted(client: &mut Client) -> i64 {
    let Value::Verbatim(_, report) = client.call(&[b"INFO", b"memory"]) else {
        panic!("INFO answers with a text");
    };
    let report = std::str::from_utf8(&report).expect("INFO is text");
    let line = report
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|number| number.parse().ok())
        .expect("INFO tells the memory used")
}

/// An engine whose account is compared after every step.
struct Subject {
    engine: Engine,
    client: Client,
    clock: SimulatedClock,
    accounted: i64,
}

impl Subject {
    fn new(shards: usize) -> Subject {
        let clock = SimulatedClock::new(1_700_000_000_000_000);
        let engine = Engine::builder()
            .shards(shards)
            .seed(1)
            .clock(clock.clone())
            .build();
        let mut client = engine.connect_embedded();
        // So that large forms come up soon.
        for parameter in ["hash-max-listpack-entries", "zset-max-listpack-entries"] {
            client.call(&[b"CONFIG", b"SET", parameter.as_bytes(), b"4"]);
        }
        // Calls and errors are counted, and times kept, in memory that is not the keys'.
        client.call(&[b"CONFIG", b"SET", b"latency-tracking", b"no"]);
        client.call(&[b"SET", b"text", b"x"]);
        let failing: [&[&[u8]]; 3] = [&[b"DEBUG"], &[b"INCR", b"text"], &[b"LPUSH", b"text", b"x"]];
        for failing in failing {
            assert!(client.call(failing).is_error());
        }
        client.call(&[b"DEL", b"text"]);
        for n in 0..1_000 {
            client.call(&[b"GET", n.to_string().as_bytes()]);
        }
        let accounted = accounted(&mut client);
        Subject {
            engine,
            client,
            clock,
            accounted,
        }
    }

    /// Does something and compares what both accounts say it took.
    fn compare(&mut self, what: &[&[u8]], act: impl FnOnce(&mut Subject)) {
        let before = allocated();
        act(self);
        let accounted = accounted(&mut self.client);
        let (ours, theirs) = (accounted - self.accounted, allocated() - before);
        self.accounted = accounted;
        let shown = what.join(&b' ').escape_ascii().to_string();
        assert_eq!(ours, theirs, "{shown}");
    }

    fn call(&mut self, args: &[&[u8]]) {
        self.compare(args, |subject| {
            subject.client.call(args);
        });
    }

    /// Has everything expire that can.
    fn expire(&mut self) {
        self.clock.advance(Duration::from_secs(10_000_000));
        self.compare(&[b"expiry"], |subject| {
            for _ in 0..100 {
                subject.engine.tick();
            }
        });
    }
}

#[test]
fn what_is_accounted_is_what_is_allocated() {
    for shards in [1, 16] {
        for name in [
            "strings",
            "keys",
            "hashes",
            "lists",
            "sets",
            "sorted_sets",
            "mixed",
        ] {
            small(shards, name);
        }
        large(shards);
    }
}

/// The histories that the engine's twin lives through.
fn small(shards: usize, family: &str) {
    let family = generate::FAMILIES.iter().find(|one| one.name == family);
    let family = family.expect("a family of that name");
    let mut subject = Subject::new(shards);
    for (index, step) in family.history(1, 2_000, |_| true).iter().enumerate() {
        let words: Vec<&[u8]> = step.args.iter().map(Vec::as_slice).collect();
        if index % 100 == 99 {
            subject.expire();
        }
        subject.call(&words);
    }
}

/// Many keys, and a large value of every type, that come and go.
fn large(shards: usize) {
    let mut subject = Subject::new(shards);
    let mut random = random::Random::new(2);
    let long = "v".repeat(60);
    for round in 0..8_000 {
        // Up, down, up: tables grow and shrink.
        let grows = (round / 2_000) % 2 == 0;
        let member = format!("{}{}", random.below(3_000), &long[..random.below(60)]);
        let member = member.as_bytes();
        let score = random.below(500).to_string();
        let command: &[&[u8]] = match (random.below(6), grows) {
            (0, true) => &[b"SET", member, member],
            (0, false) => &[b"DEL", member],
            (1, true) => &[b"HSET", b"h", member, member],
            (1, false) => &[b"HRANDFIELD", b"h"],
            (2, true) => &[b"RPUSH", b"l", member, member],
            (2, false) => &[b"LTRIM", b"l", b"3", b"-3"],
            (3, true) => &[b"SADD", b"s", member],
            (3, false) => &[b"SPOP", b"s", b"3"],
            (4, true) => &[b"ZADD", b"z", score.as_bytes(), member],
            (4, false) => &[b"ZPOPMIN", b"z", b"3"],
            _ => match random.below(8) {
                0 => &[b"COPY", b"h", b"h2", b"REPLACE"],
                1 => &[b"COPY", b"l", b"l2", b"REPLACE"],
                2 => &[b"COPY", b"s", b"s2", b"REPLACE"],
                3 => &[b"COPY", b"z", b"z2", b"REPLACE"],
                4 => &[b"SUNIONSTORE", b"s3", b"s", b"s2"],
                5 => &[b"ZUNIONSTORE", b"z3", b"2", b"z", b"s"],
                6 => &[b"ZRANGESTORE", b"z4", b"z", b"3", b"-3"],
                _ => &[b"DEL", b"h2", b"l2", b"s2", b"z2"],
            },
        };
        subject.call(command);
    }
    subject.call(&[b"FLUSHALL"]);
    assert_eq!(accounted(&mut subject.client), 0);
}
