//! Random schedules: many callers, servers that fail in every way at once, and what must hold
//! whatever happens.
//!
//! A reply is of the request that gets it. What was acknowledged has happened, once if it may
//! happen only once. What is said not to have happened has not. No request outlives its deadline.
//! When all is well again everything works, and nothing is left over.
//!
//! `REDSTART_SCHEDULES` says how many, `REDSTART_SCHEDULE_SEED` the seed of the first. The suite
//! `simulated` of `cargo xtask ci` plays 5,000 of each kind so that a seed decides everything; one
//! that has failed there is played again, exactly, by the line that it prints.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::fate::{Chances, Door, Mood, up_to};
use super::world::first_count;
use super::{World, simulate};
use crate::store::error::{Error, Failure};
use crate::store::store::Backend;
use crate::store::{Result, Store, Value};

/// Of each kind of deployment.
const SCHEDULES: u64 = 1_000;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_server_that_fails_in_every_way_is_asked_exactly_as_promised() {
    let seen = ["BUSY", "EXECABORT", "LOADING", "MASTERDOWN", "READONLY"];
    play_many(1, &seen);
}

#[test]
fn a_cluster_that_fails_in_every_way_is_asked_exactly_as_promised() {
    let seen = [
        "ASK",
        "BUSY",
        "CLUSTERDOWN",
        "EXECABORT",
        "LOADING",
        "MOVED",
        "TRYAGAIN",
    ];
    play_many(3, &seen);
}

#[cfg(tokio_unstable)]
#[test]
fn a_seed_decides_everything() {
    for (seed, nodes) in (0..40).zip([1, 3].into_iter().cycle()) {
        let (one, other) = (play(seed, nodes), play(seed, nodes));
        assert_eq!(one.history, other.history, "seed {seed}, {nodes} nodes");
    }
}

/// Plays schedules; many of them meet all of these refusals, and every outcome.
fn play_many(nodes: usize, refusals: &[&str]) {
    let first = from_environment("REDSTART_SCHEDULE_SEED", 1);
    let schedules = from_environment("REDSTART_SCHEDULES", SCHEDULES);
    let mut seen = BTreeSet::new();
    let mut outcomes = [0; 3];
    for seed in first..first + schedules {
        let _told = Seed(seed);
        let played = play(seed, nodes);
        seen.extend(played.refusals);
        for (sum, count) in outcomes.iter_mut().zip(played.outcomes) {
            *sum += count;
        }
    }
    let [done, without_effect, open] = outcomes;
    println!("{schedules} schedules: {done} done, {without_effect} without effect, {open} open");
    if schedules >= SCHEDULES {
        assert!(seen.iter().eq(refusals), "{seen:?}");
        assert!(done > open && open > schedules && without_effect > schedules);
    }
}

pub(super) fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

/// Tells which seed it was when a schedule fails.
pub(super) struct Seed(pub(super) u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!("REDSTART_SCHEDULES=1 REDSTART_SCHEDULE_SEED={seed} plays it again");
            if cfg!(not(tokio_unstable)) {
                eprintln!("(some of it: all, if this was built with --cfg tokio_unstable)");
            }
        }
    }
}

/// What a schedule has come to.
struct Played {
    /// A number for all that happened.
    #[cfg_attr(
        not(tokio_unstable),
        expect(dead_code, reason = "without that, a seed is not all")
    )]
    history: u64,
    refusals: BTreeSet<String>,
    /// Commands that were done, that had no effect, and of which it is open.
    outcomes: [u64; 3],
}

fn play(seed: u64, nodes: usize) -> Played {
    simulate(seed, nodes, async |world| {
        let random = &world.random;
        let one_of = |choices: &[usize]| choices[random.below(choices.len() as u64) as usize];
        let max_in_flight = one_of(&[3, 64, 4096]);
        let store = world
            .store()
            .lanes(one_of(&[1, 2, 3]))
            .max_in_flight(max_in_flight)
            .connect_within(MILLISECOND * one_of(&[100, 2000]) as u32)
            .unresponsive_after(MILLISECOND * one_of(&[50, 500, 2000]) as u32)
            .lazy();
        let store = store.open().await.unwrap();
        let callers = Arc::new(Callers {
            world: Arc::clone(world),
            store,
            tags: 1 + random.below(4),
            numbers: AtomicU64::new(1),
        });

        let mut tasks = JoinSet::new();
        for _ in 0..one_of(&[1, 4, 12]) {
            let callers = Arc::clone(&callers);
            tasks.spawn(async move { callers.call().await });
        }
        let trouble = tokio::spawn(trouble(Arc::clone(world)));
        let asked: Vec<Asked> = tasks.join_all().await.into_iter().flatten().collect();
        trouble.await.unwrap();
        world.heal();

        // Whatever is still on its way may have its effect.
        world.time.sleep(20 * SECOND).await;
        for key in callers.keys() {
            let answer = callers.store.command(["GET", &key]).within(SECOND).await;
            answer.unwrap();
        }
        check(world, &asked);
        nothing_is_left(callers).await;
        let count = |outcome| asked.iter().filter(|one| one.outcome == outcome).count() as u64;
        Played {
            history: world.history(),
            refusals: world.refusals(),
            outcomes: [Outcome::Done, Outcome::WithoutEffect, Outcome::Open].map(count),
        }
    })
}

fn check(world: &World, asked: &[Asked]) {
    let mut counted: Vec<&str> = Vec::new();
    for one in asked {
        let times = world.executions(one.number);
        let possible = match (one.kind, one.outcome) {
            (Kind::Get, _) => continue,
            (Kind::Count, _) => {
                counted.push(&one.key);
                continue;
            }
            (Kind::Set, Outcome::Done) => 1..=u32::MAX,
            (Kind::Set, Outcome::Open) => 0..=u32::MAX,
            (Kind::Evaluate, Outcome::Done) => 1..=1,
            (Kind::Evaluate, Outcome::Open) => 0..=1,
            (_, Outcome::WithoutEffect) => 0..=0,
        };
        assert!(
            possible.contains(&times),
            "{one:?} was executed {times} times"
        );
    }
    counted.sort_unstable();
    counted.dedup();
    for key in counted {
        let of_key = |one: &&Asked| one.kind == Kind::Count && one.key == key;
        let count = |outcome| {
            let counts = asked.iter().filter(of_key);
            counts.filter(|one| one.outcome == outcome).count() as i64
        };
        let (done, open) = (count(Outcome::Done), count(Outcome::Open));
        let counted = world.count(key);
        let possible = done..=done + open;
        assert!(
            possible.contains(&counted),
            "{key}: {counted}, not in {possible:?}"
        );
        let mut replies: Vec<i64> = asked
            .iter()
            .filter(of_key)
            .filter_map(|one| one.count)
            .collect();
        replies.sort_unstable();
        let replied = replies.len();
        replies.dedup();
        assert_eq!(replies.len(), replied, "{key}: a count was answered twice");
    }
}

/// Everything is given back: permits while the store is open, the rest when it is not.
async fn nothing_is_left(callers: Arc<Callers>) {
    let world = Arc::clone(&callers.world);
    #[cfg_attr(not(feature = "embedded"), allow(irrefutable_let_patterns))]
    let Backend::Remote(remote) = callers.store.backend() else {
        panic!("the world is no engine of ours");
    };
    assert_eq!(remote.budget.requests_under_way(), 0);
    drop(callers);
    world.time.sleep(SECOND).await;
    assert_eq!(world.clients(), 0, "connections are left");
    let tasks = tokio::runtime::Handle::current().metrics();
    assert_eq!(tasks.num_alive_tasks(), 0, "tasks are left");
}

/// Who asks, and what.
struct Callers {
    world: Arc<World>,
    store: Store,
    /// How many hash tags keys have.
    tags: u64,
    numbers: AtomicU64,
}

/// One command, and what its caller came to know.
#[derive(Debug)]
struct Asked {
    kind: Kind,
    key: String,
    number: u64,
    outcome: Outcome,
    /// What a counter answered.
    count: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Get,
    /// Idempotent.
    Set,
    /// Never repeated.
    Count,
    /// Never repeated, and of two keys.
    Evaluate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    WithoutEffect,
    /// It may have happened.
    Open,
}

impl Callers {
    async fn call(&self) -> Vec<Asked> {
        let random = &self.world.random;
        let mut asked = Vec::new();
        for _ in 0..1 + random.below(12) {
            let within = MILLISECOND * [1, 20, 200, 2_000, 10_000][random.below(5) as usize];
            let late = self.world.time.monotonic() + within;
            match random.below(6) {
                0 => asked.extend(self.several(within, false).await),
                1 => asked.extend(self.several(within, true).await),
                _ => asked.push(self.one(within).await),
            }
            assert!(
                self.world.time.monotonic() <= late,
                "a request outlived its deadline"
            );
            self.world
                .time
                .sleep(up_to(100 * MILLISECOND, random))
                .await;
        }
        asked
    }

    async fn one(&self, within: Duration) -> Asked {
        let mut asked = self.asked(self.tag());
        let command = self.store.command(asked.words()).within(within);
        match self.unless_given_up(command.into_future(), within).await {
            Some(answer) => asked.learn(answer),
            None => asked.outcome = Outcome::Open,
        }
        asked
    }

    async fn several(&self, within: Duration, atomic: bool) -> Vec<Asked> {
        let tag = self.tag();
        let tag = || if atomic { tag } else { self.tag() };
        let mut asked: Vec<Asked> = (0..2 + self.world.random.below(4))
            .map(|_| self.asked(tag()))
            .collect();
        let mut pipeline = self.store.pipeline().within(within);
        if atomic {
            pipeline = pipeline.atomic();
        }
        for one in &asked {
            pipeline = pipeline.command(one.words());
        }
        match self.unless_given_up(pipeline.into_future(), within).await {
            Some(Ok(answers)) => {
                assert_eq!(answers.len(), asked.len());
                for (one, answer) in asked.iter_mut().zip(answers) {
                    one.learn(answer);
                }
            }
            Some(Err(error)) => {
                for one in &mut asked {
                    one.learn(Err(error.clone()));
                }
            }
            None => {
                for one in &mut asked {
                    one.outcome = Outcome::Open;
                }
            }
        }
        // What is sent together keeps its order, as far as one key can tell.
        for (index, one) in asked.iter().enumerate() {
            let later = asked[index + 1..]
                .iter()
                .filter(|other| other.key == one.key);
            let counts = later.filter_map(|later| Some((one.count?, later.count?)));
            for (first, second) in counts {
                assert!(first < second, "{}: {first} before {second}", one.key);
            }
        }
        asked
    }

    /// Some callers lose their patience.
    async fn unless_given_up<T>(
        &self,
        answer: impl Future<Output = T>,
        within: Duration,
    ) -> Option<T> {
        if self.world.random.below(8) > 0 {
            return Some(answer.await);
        }
        let patience = up_to(within, &self.world.random);
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = self.world.time.sleep(patience) => None,
        }
    }

    fn asked(&self, tag: u64) -> Asked {
        let kinds = [Kind::Get, Kind::Set, Kind::Count, Kind::Evaluate];
        let random = &self.world.random;
        let kind = kinds[random.below(4) as usize];
        Asked {
            kind,
            key: key(kind, tag, random.below(3)),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            outcome: Outcome::Open,
            count: None,
        }
    }

    fn tag(&self) -> u64 {
        self.world.random.below(self.tags)
    }

    fn keys(&self) -> impl Iterator<Item = String> {
        (0..self.tags).map(|tag| key(Kind::Get, tag, 0))
    }
}

fn key(kind: Kind, tag: u64, number: u64) -> String {
    match kind {
        Kind::Count => format!("{{{tag}}}:count:{number}"),
        _ => format!("{{{tag}}}:{number}"),
    }
}

impl Asked {
    fn words(&self) -> Vec<String> {
        let Asked { key, number, .. } = self;
        match self.kind {
            Kind::Get => vec!["GET".to_owned(), key.clone()],
            Kind::Set => vec!["SET".to_owned(), key.clone(), format!("{key}={number}")],
            Kind::Count => vec!["INCR".to_owned(), key.clone()],
            Kind::Evaluate => {
                let words = [
                    "EVAL",
                    "a script",
                    "2",
                    key,
                    &format!("{key}:2"),
                    &number.to_string(),
                ];
                words.map(str::to_owned).to_vec()
            }
        }
    }

    /// Takes note of what came back, which must be of this request.
    fn learn(&mut self, answer: Result<Value>) {
        let value = match answer {
            Ok(value) => value,
            Err(error) => return self.outcome = outcome(&error),
        };
        self.outcome = Outcome::Done;
        match (self.kind, value) {
            (Kind::Get, Value::Null) => {}
            (Kind::Get, Value::Bulk(value)) => {
                let prefix = format!("{}=", self.key);
                // Keys of scripts are created without a value.
                let own = value.is_empty() || value.starts_with(prefix.as_bytes());
                assert!(own, "{self:?} got {value:?}");
            }
            (Kind::Set, value) => assert_eq!(value, Value::OK, "{self:?}"),
            (Kind::Count, Value::Integer(count)) => {
                let first = first_count(&self.key);
                assert!(
                    (first + 1..first + 1_000_000).contains(&count),
                    "{self:?} got {count}"
                );
                self.count = Some(count);
            }
            (Kind::Evaluate, value) => {
                assert_eq!(value, Value::bulk(self.number.to_string()), "{self:?}");
            }
            (_, value) => panic!("{self:?} got {value:?}"),
        }
    }
}

fn outcome(error: &Error) -> Outcome {
    match error.failure() {
        Failure::Unknown => Outcome::Open,
        Failure::NotSent | Failure::NotExecuted | Failure::Failed => Outcome::WithoutEffect,
    }
}

/// Trouble of every kind, some of it at the same time, for some seconds.
pub(super) async fn trouble(world: Arc<World>) {
    let random = Arc::clone(&world.random);
    let often = [0, 20, 100][random.below(3) as usize];
    let chances = || Chances {
        cut: random.below(often + 1),
        delayed: random.below(often + 1),
        torn: random.below(often + 1),
        delay: up_to(SECOND, &random),
    };
    let mut lasting = JoinSet::new();
    let end = up_to(4 * SECOND, &random);
    while world.time.monotonic() < end {
        world.set_chances(chances());
        lasting.spawn(one_trouble(Arc::clone(&world)));
        world.time.sleep(up_to(400 * MILLISECOND, &random)).await;
    }
    world.set_chances(Chances::default());
    lasting.join_all().await;
}

async fn one_trouble(world: Arc<World>) {
    let (time, random) = (&world.time, &*world.random);
    let node = random.below(world.nodes() as u64) as usize;
    let other = (node + 1) % world.nodes();
    let while_ago = || up_to(SECOND, random);
    match random.below(if world.is_cluster() { 9 } else { 6 }) {
        0 => world.cut(node, true),
        1 => world.cut(node, false),
        2 => world.freeze(node, time.monotonic() + up_to(3 * SECOND, random)),
        3 => {
            // The process is killed and comes back, perhaps with much to load.
            world.set_door(node, Door::Closed);
            world.cut(node, true);
            time.sleep(while_ago()).await;
            world.set_door(node, Door::Open);
            world.set_mood(node, Some(Mood::Loading));
            time.sleep(up_to(200 * MILLISECOND, random)).await;
            world.set_mood(node, None);
        }
        4 => {
            world.set_door(node, Door::Silent);
            world.cut(node, true);
            time.sleep(while_ago()).await;
            world.set_door(node, Door::Open);
        }
        5 => {
            let moods: &[Mood] = match world.is_cluster() {
                true => &Mood::OF_A_NODE,
                false => &Mood::OF_A_SERVER,
            };
            let mood = moods[random.below(moods.len() as u64) as usize];
            world.set_mood(node, Some(mood));
            time.sleep(while_ago()).await;
            world.set_mood(node, None);
        }
        6 => {
            world.fail_over(node, other);
            everybody_learns(&world, other).await;
        }
        _ => {
            let tag = random.below(4);
            let slot = redstart_protocol::slot(format!("{{{tag}}}").as_bytes());
            if world.begin_move(slot, node) {
                loop {
                    time.sleep(up_to(100 * MILLISECOND, random)).await;
                    if !world.move_key(slot) {
                        break;
                    }
                }
                world.finish_move(slot);
                everybody_learns(&world, node).await;
            }
        }
    }
}

/// One node first, the others later. Until the first knows, nobody serves what moved.
async fn everybody_learns(world: &World, first: usize) {
    for step in 0..world.nodes() {
        world
            .time
            .sleep(up_to(100 * MILLISECOND, &world.random))
            .await;
        world.learn((first + step) % world.nodes());
    }
}
