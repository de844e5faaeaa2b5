//! The log of effects says all there is to say: replayed into an empty engine it leaves the same
//! keys, whatever the shards, the seed and the time of day are there.
//!
//! The replaying engine stands in 1970 until the log is through, as a log is read long after it
//! was written and no deadline in it may pass before its time. So an effect that depends on when
//! it is carried out, or on chance, or on where a key lives, is found out here.

use std::borrow::Cow;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use redstart_engine::{
    Client, Effect, EffectLog, Engine, EvictionPolicy, Outbox, Peer, SimulatedClock, StringView,
    Value,
};

use crate::contents::Contents;
use crate::twin;
use crate::twin::random::Random;

/// Where every history begins.
const START_US: u64 = 1_700_000_000_000_000;

/// Keeps what an engine logs.
#[derive(Debug, Default)]
struct Recorder {
    batches: Mutex<Vec<(Vec<Effect>, bool)>>,
}

impl Recorder {
    fn effects(&self) -> Vec<Effect> {
        let batches = self.batches.lock().expect("no test panics while recording");
        batches
            .iter()
            .flat_map(|(effects, _)| effects.clone())
            .collect()
    }
}

impl EffectLog for Recorder {
    fn append(&self, effects: &[Effect], atomic: bool) -> u64 {
        let mut batches = self.batches.lock().expect("no test panics while recording");
        batches.push((effects.to_vec(), atomic));
        batches.len() as u64
    }
}

/// One thing that happens to an engine.
#[derive(Clone, Debug)]
enum Step {
    Command(usize, Vec<Vec<u8>>),
    /// Milliseconds pass.
    Wait(u64),
    Tick,
    /// A native step reads a string and sets another, to live for some milliseconds.
    Native(Vec<u8>, u64),
}

/// A history of a family with short times to live and time that passes.
fn history(family: &str, seed: u64, length: usize) -> Vec<Step> {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut steps = Vec::new();
    for (client, mut args) in twin::history(family, seed, length) {
        match random.below(100) {
            0..8 => steps.push(Step::Wait(random.below(40) as u64)),
            8..10 => steps.push(Step::Wait(random.below(3_000) as u64)),
            10..12 => steps.push(Step::Tick),
            12..16 => {
                let key = random.pick(&["a", "b", "c", "d"]).as_bytes().to_vec();
                let ttl = random.below(100).to_string().into_bytes();
                args = vec![b"PEXPIRE".to_vec(), key, ttl];
            }
            16..18 => {
                let key = random.pick(&["a", "b", "c", "d"]).as_bytes().to_vec();
                steps.push(Step::Native(key, random.below(200) as u64));
            }
            _ => {}
        }
        steps.push(Step::Command(client, args));
    }
    steps
}

fn client_of(engine: &Engine) -> Client {
    engine.connect(Outbox::values(|| {}), Peer::embedded())
}

fn call(client: &mut Client, args: &[Vec<u8>]) -> Value {
    let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    client.call(&args)
}

fn take(step: &Step, clients: &mut [Client], engine: &Engine, clock: &SimulatedClock) {
    match step {
        Step::Command(client, args) => {
            call(&mut clients[*client], args);
        }
        Step::Wait(ms) => clock.advance(Duration::from_millis(*ms)),
        Step::Tick => engine.tick(),
        Step::Native(key, ttl_ms) => {
            let _ = clients[0].with_string(key, |slot| {
                let longer = slot.read(|old| {
                    let old = old.map_or(Cow::Borrowed(&b"new"[..]), StringView::as_bytes);
                    [&*old, b"+"].concat()
                });
                if let Ok(longer) = longer {
                    // Refused when memory is short, which then is no effect.
                    let end = &longer[longer.len().saturating_sub(20)..];
                    let _ = slot.set(StringView::Bytes(end), *ttl_ms);
                }
            });
        }
    }
}

/// An engine that went through something, and what it logged.
struct Original {
    engine: Engine,
    clock: SimulatedClock,
    log: Arc<Recorder>,
}

impl Original {
    fn new(shards: usize, seed: u64, limit: Option<(u64, EvictionPolicy)>) -> Original {
        let (clock, log) = (SimulatedClock::new(START_US), Arc::new(Recorder::default()));
        let (bytes, policy) = limit.unwrap_or((0, EvictionPolicy::NoEviction));
        let engine = Engine::builder()
            .shards(shards)
            .clock(clock.clone())
            .seed(seed)
            .max_memory(bytes, policy)
            .effect_log(Arc::clone(&log) as Arc<dyn EffectLog>)
            .build();
        Original { engine, clock, log }
    }

    /// What a replay of the log gets wrong; empty where it does not.
    fn replay(&self, shards: usize) -> String {
        let clock = SimulatedClock::new(0);
        let replica = Engine::builder()
            .shards(shards)
            .clock(clock.clone())
            .seed(0x00d1_ffe2)
            .build();
        let mut client = replica.connect_embedded();
        let mut selected = 0;
        // Every command makes room before it runs, so the last one may have left too little; what
        // reads the contents would make it, behind the back of the log that is replayed.
        call(&mut client_of(&self.engine), &[b"PING".to_vec()]);
        let effects = self.log.effects();
        for effect in &effects {
            if effect.db != selected {
                selected = effect.db;
                call(
                    &mut client,
                    &[b"SELECT".to_vec(), selected.to_string().into_bytes()],
                );
            }
            let reply = call(&mut client, &effect.args);
            if let Value::Error(text) = reply {
                return format!("{} answers {}", shown(effect), text.escape_ascii());
            }
        }
        clock.set_wall_us(redstart_engine::Clock::now_us(&self.clock));
        let (ours, theirs) = (Contents::of(&self.engine), Contents::of(&replica));
        let mut text = ours.difference(&theirs);
        if !text.is_empty() {
            text.push_str("the log:\n");
            for effect in &effects {
                text.push_str(&shown(effect));
                text.push('\n');
            }
        }
        text
    }
}

fn shown(effect: &Effect) -> String {
    let words: Vec<String> = effect
        .args
        .iter()
        .map(|arg| format!("\"{}\"", arg.escape_ascii()))
        .collect();
    format!("db{} {}", effect.db, words.join(" "))
}

/// What goes wrong with a history, if anything.
fn wrong(steps: &[Step], shards: usize, limit: Option<(u64, EvictionPolicy)>) -> Option<String> {
    let original = Original::new(shards, 11, limit);
    let mut clients: Vec<Client> = (0..3).map(|_| client_of(&original.engine)).collect();
    for step in steps {
        take(step, &mut clients, &original.engine, &original.clock);
    }
    // The number of shards there has nothing to do with the number here.
    let text = original.replay(17 - shards);
    (!text.is_empty()).then_some(text)
}

/// Lives through many histories; the first bad one is made small and shown.
fn live_through(family: &str, limit: Option<(u64, EvictionPolicy)>, histories: u64) {
    for seed in 0..histories {
        let shards = if seed % 2 == 0 { 1 } else { 16 };
        let steps = history(family, seed, 300);
        if wrong(&steps, shards, limit).is_some() {
            let steps =
                crate::shrink::smallest(steps, |steps| wrong(steps, shards, limit).is_some());
            let text = wrong(&steps, shards, limit).unwrap_or_default();
            panic!("{family}, seed {seed}, {shards} shards:\n{steps:#?}\n{text}");
        }
    }
}

macro_rules! families {
    ($($family:ident),* $(,)?) => {
        $(
            #[test]
            fn $family() {
                live_through(stringify!($family), None, 20);
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
    scripts
);

#[test]
fn mixed() {
    live_through("mixed", None, 60);
}

#[test]
fn evictions_are_effects() {
    live_through("mixed", Some((2_000, EvictionPolicy::AllKeysRandom)), 20);
    live_through("mixed", Some((2_000, EvictionPolicy::VolatileTtl)), 20);
}

#[test]
fn the_order_of_the_log_is_the_order_of_execution() {
    const THREADS: usize = 4;
    for seed in 0..20 {
        let shards = if seed % 2 == 0 { 1 } else { 16 };
        let original = Original::new(shards, seed, None);
        let barrier = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for thread in 0..THREADS as u64 {
                let (original, barrier) = (&original, &barrier);
                scope.spawn(move || {
                    let families = ["mixed", "transactions", "strings", "sets"];
                    let family = families[(thread + seed) as usize % families.len()];
                    let steps = history(family, seed * 100 + thread, 400);
                    let mut clients: Vec<Client> =
                        (0..3).map(|_| client_of(&original.engine)).collect();
                    barrier.wait();
                    for step in &steps {
                        take(step, &mut clients, &original.engine, &original.clock);
                    }
                });
            }
        });
        let text = original.replay(17 - shards);
        assert!(text.is_empty(), "seed {seed}, {shards} shards: {text}");
    }
}

#[test]
fn a_transaction_is_one_batch() {
    let original = Original::new(16, 1, None);
    let mut client = client_of(&original.engine);
    let commands: [&[&[u8]]; 5] = [
        &[b"MULTI"],
        &[b"SET", b"a", b"1"],
        &[b"GET", b"a"],
        &[b"SADD", b"b", b"m"],
        &[b"EXEC"],
    ];
    for command in commands {
        client.call(command);
    }
    client.call(&[b"INCR", b"a"]);
    let batches = original.log.batches.lock().expect("nobody panicked");
    let shape: Vec<(usize, bool)> = batches
        .iter()
        .map(|(effects, atomic)| (effects.len(), *atomic))
        .collect();
    assert_eq!(shape, [(2, true), (1, false)]);
}
