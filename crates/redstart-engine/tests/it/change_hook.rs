//! Every mutation passes the one hook: after each command of a random history, the keys that are
//! not what they were before are among those the observer heard of, and a client that watched
//! them is told so. (A flush has no events, as in Redis; WATCH sees it all the same.)

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redstart_engine::{ChangeObserver, Client, Engine, Event, EventClass, SimulatedClock, Value};

use crate::contents::Contents;
use crate::twin;
use crate::twin::random::Random;

/// What an observer was told since it was last asked.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(u8, Vec<u8>, Event)>>);

impl Heard {
    fn take(&self) -> Vec<(u8, Vec<u8>, Event)> {
        std::mem::take(&mut self.0.lock().expect("no test panics while observing"))
    }
}

impl ChangeObserver for Heard {
    fn changed(&self, db: u8, key: &[u8], event: Event) {
        let mut heard = self.0.lock().expect("no test panics while observing");
        heard.push((db, key.to_vec(), event));
    }
}

/// Watches every key there is, and every word that may be the name of one that comes to be.
fn watch(watcher: &mut Client, before: &Contents, words: &[Vec<u8>]) {
    for db in 0..3u8 {
        let number = db.to_string();
        watcher.call(&[b"SELECT", number.as_bytes()]);
        let mut args: Vec<&[u8]> = vec![b"WATCH"];
        args.extend(words.iter().map(Vec::as_slice));
        let there = before.0.keys().filter(|(of, _)| *of == db);
        args.extend(there.map(|(_, key)| key.as_slice()));
        assert_eq!(watcher.call(&args), Value::OK);
    }
}

/// Whether something watched has changed.
fn is_told(watcher: &mut Client) -> bool {
    watcher.call(&[b"MULTI"]);
    watcher.call(&[b"EXEC"]) == Value::NullArray
}

fn live_through(family: &str, histories: u64) {
    for seed in 0..histories {
        let shards = if seed % 2 == 0 { 1 } else { 16 };
        let (clock, heard) = (
            SimulatedClock::new(1_700_000_000_000_000),
            Arc::new(Heard::default()),
        );
        let engine = Engine::builder()
            .shards(shards)
            .clock(clock.clone())
            .seed(seed)
            .change_observer(Arc::clone(&heard) as Arc<dyn ChangeObserver>)
            .build();
        let mut watcher = engine.connect_embedded();
        let mut clients: Vec<Client> = (0..3).map(|_| engine.connect_embedded()).collect();
        let mut random = Random::new(seed);
        // Reading the keys removes those whose time has come, so that none goes during a command.
        let mut before = Contents::of(&engine);
        // The words of what each client may have queued.
        let mut queued = vec![Vec::new(); clients.len()];
        for (client, args) in twin::history(family, seed + 1_000, 150) {
            if random.chance(10) {
                clock.advance(Duration::from_millis(random.below(2_000) as u64));
                before = Contents::of(&engine);
            }
            queued[client].extend(args.clone());
            watch(&mut watcher, &before, &queued[client]);
            heard.take();
            let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            clients[client].call(&words);
            let events = heard.take();
            let told = is_told(&mut watcher);

            let after = Contents::of(&engine);
            let command = words
                .iter()
                .map(|word| format!("\"{}\" ", word.escape_ascii()));
            let command = command.collect::<String>();
            let name = words[0].escape_ascii().to_string().to_uppercase();
            let changed = before.differing(&after);
            assert!(
                changed.is_empty() || told,
                "{family}, seed {seed}: {command} changed {changed:?} and no watcher was told"
            );
            let known: BTreeSet<(u8, Vec<u8>)> =
                events.into_iter().map(|(db, key, _)| (db, key)).collect();
            // Whole databases are emptied and exchanged without a word on each key.
            let says_so = queued[client].iter().any(|word| {
                word.to_ascii_lowercase()
                    .windows(5)
                    .any(|part| part == b"flush" || part == b"swapd")
            });
            let flushed = says_so || name.starts_with("EVALSHA") && after.0.is_empty();
            assert!(
                changed.is_subset(&known) || flushed,
                "{family}, seed {seed}: {command} changed {changed:?} and told of {known:?}"
            );
            assert!(
                told != known.is_empty() || flushed,
                "{family}, seed {seed}: {command} told of {known:?}, and the watcher {told}"
            );
            if ["EXEC", "DISCARD"].contains(&name.as_str()) || family != "transactions" {
                queued[client].clear();
            }
            before = after;
        }
    }
}

macro_rules! families {
    ($($family:ident),* $(,)?) => {
        $(
            #[test]
            fn $family() {
                live_through(stringify!($family), 10);
            }
        )*
    };
}

families!(
    strings,
    bitmaps,
    keys,
    payloads,
    hashes,
    lists,
    sets,
    sorted_sets,
    sort,
    geo,
    hyperloglogs,
    transactions,
    scripts,
    mixed
);

#[test]
fn expiry_and_eviction_have_events_of_their_own() {
    let (clock, heard) = (
        SimulatedClock::new(1_700_000_000_000_000),
        Arc::new(Heard::default()),
    );
    let engine = Engine::builder()
        .clock(clock.clone())
        .seed(1)
        .change_observer(Arc::clone(&heard) as Arc<dyn ChangeObserver>)
        .build();
    let mut client = engine.connect_embedded();
    for key in [&b"lazily"[..], b"actively"] {
        client.call(&[b"PSETEX", key, b"10", b"v"]);
    }
    clock.advance(Duration::from_millis(11));
    heard.take();
    assert_eq!(client.call(&[b"GET", b"lazily"]), Value::Null);
    let lazily = heard.take();
    engine.tick();
    let actively = heard.take();
    let expired = |key: &[u8]| {
        let event = Event {
            class: EventClass::Expired,
            name: "expired",
        };
        vec![(0, key.to_vec(), event)]
    };
    assert_eq!(
        (lazily, actively),
        (expired(b"lazily"), expired(b"actively"))
    );

    client.call(&[b"SET", b"victim", b"v"]);
    client.call(&[b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-random"]);
    heard.take();
    client.call(&[b"CONFIG", b"SET", b"maxmemory", b"1"]);
    client.call(&[b"PING"]);
    let heard = heard.take();
    let evicted = Event {
        class: EventClass::Evicted,
        name: "evicted",
    };
    assert_eq!(heard, [(0, b"victim".to_vec(), evicted)]);
}
