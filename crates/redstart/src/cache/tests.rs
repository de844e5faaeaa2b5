//! Random histories of everything a cache can do and everything that can happen to it, held against
//! the model. The code is the real one, on the embedded engine in simulated time; chance decides
//! whose turn it is, and each history comes from its seed.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::chaos::{Chaos, Mutant};
use super::model::Model;
use super::{Cache, Load, Misses, Outcome};
use crate::store::codec::Plain;
use crate::store::{Random, SimulatedTime, Store};

const KEYS: usize = 2;
const PROCESSES: usize = 2;
const TAGS: usize = 2;

/// In one test run; `REDSTART_CACHE_HISTORIES` says otherwise.
const HISTORIES: u64 = 2_000;

/// What these histories do not do, or seldom.
const NOT_EXPLORED: [Outcome; 5] = [
    Outcome::LoadPanicked,
    Outcome::Overloaded,
    Outcome::FillOlder,
    Outcome::FillRefused,
    Outcome::PutOlder,
];

/// Mutants are to be found within so many histories.
const MUTANT_HISTORIES: u64 = 20_000;

type Pages = Cache<usize, String>;

/// The tags of a key: its own and one that all have.
fn tags(key: usize) -> [usize; 2] {
    [key % TAGS, TAGS]
}

/// What all histories of a run share.
struct Lab {
    store: Store,
    time: SimulatedTime,
    /// How often each outcome was met.
    met: Mutex<Vec<u64>>,
}

/// One history.
struct History {
    pages: Vec<Pages>,
    chaos: Arc<Chaos>,
    model: Arc<Mutex<Model>>,
    /// Whoever writes a value of the origin and its entry, as a transaction has its row.
    rows: Vec<Arc<tokio::sync::Mutex<()>>>,
    /// The first thing that should not have been seen.
    found: Arc<Mutex<Option<String>>>,
    doings: Vec<JoinHandle<()>>,
}

impl Lab {
    async fn new() -> Lab {
        let time = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
        let store = Store::builder("memory:").time(time.time()).open();
        Lab {
            store: store.await.unwrap(),
            time,
            met: Mutex::new(vec![0; Outcome::ALL.len()]),
        }
    }

    /// What was found, if anything.
    async fn run(&self, seed: u64, mutant: Option<Mutant>) -> Option<String> {
        let random = Arc::new(Random::seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let mut history = History::new(&self.store, &random, mutant);
        for _ in 0..random.below(30) + 10 {
            if random.below(5) > 1 {
                let process = random.below(PROCESSES as u64) as usize;
                history.begin_something(process, &random);
            } else {
                self.something_happens(&random).await;
            }
            for _ in 0..random.below(12) {
                history.chaos.turns().await;
            }
        }
        history.come_to_an_end(&self.time).await;
        for (met, outcome) in self.met.lock().iter_mut().zip(Outcome::ALL) {
            let times = history.pages.iter().map(|pages| pages.count(*outcome));
            *met += times.sum::<u64>();
        }
        self.store.command(["FLUSHALL"]).await.unwrap();
        history.found.lock().take()
    }

    async fn any_key(&self, random: &Random) -> Option<String> {
        let keys = self.store.command(["KEYS", "*"]).returning::<Vec<String>>();
        let mut keys = keys.await.unwrap();
        keys.sort();
        let index = random.below(keys.len() as u64) as usize;
        keys.into_iter().nth(index)
    }

    async fn something_happens(&self, random: &Random) {
        match random.below(64) {
            0..50 => {
                let bound = [2, 20, 200, 2_000, 8_000][random.below(5) as usize];
                self.time
                    .advance(Duration::from_millis(random.below(bound)));
            }
            50..57 => {
                if let Some(key) = self.any_key(random).await {
                    self.store.command(["DEL", &key]).await.unwrap();
                }
            }
            // A first byte that nothing can be read by.
            57..61 => {
                if let Some(key) = self.any_key(random).await {
                    let damage = self.store.command(["SETRANGE", &key, "0", "x"]);
                    damage.await.unwrap();
                }
            }
            61 => drop(self.store.command(["FLUSHALL"]).await.unwrap()),
            _ => self
                .time
                .turn_back(Duration::from_millis(random.below(5_000))),
        }
    }
}

impl History {
    fn new(store: &Store, random: &Arc<Random>, mutant: Option<Mutant>) -> History {
        let mut chaos = Chaos::calm(random);
        chaos.mutant = mutant;
        // Some histories are calm, so that much goes well in them.
        let trouble = random.below(3) * 12;
        chaos.lost = trouble;
        chaos.unheard = trouble;
        chaos.late = trouble;
        chaos.stopped = trouble / 2;
        chaos.slow = 20 + trouble;
        let chaos = Arc::new(chaos);
        let grace = Duration::from_secs(random.below(2) * 30);
        // Two releases side by side, or one; little room, or enough.
        let schemas = random.below(8) / 7 + 1;
        let loads = if random.below(8) == 0 { 1 } else { 64 };
        let pages = |process| {
            let pages = Pages::builder(store, "pages", Plain)
                .schema(u32::try_from(process as u64 % schemas).unwrap())
                .max_concurrent_loads(loads)
                .ttl(Duration::from_secs(10))
                .grace(grace)
                .error_back_off(Duration::from_millis(100))
                .load_timeout(Duration::from_secs(4))
                .build();
            pages.unwrap().disturbed(&chaos)
        };
        History {
            pages: (0..PROCESSES).map(pages).collect(),
            chaos,
            model: Arc::new(Mutex::new(Model::new(KEYS))),
            rows: (0..KEYS).map(|_| Arc::default()).collect(),
            found: Arc::default(),
            doings: Vec::new(),
        }
    }

    fn begin_something(&mut self, process: usize, random: &Random) {
        let key = random.below(KEYS as u64) as usize;
        let doing = Doing {
            pages: self.pages[process].clone(),
            key,
            chaos: Arc::clone(&self.chaos),
            model: Arc::clone(&self.model),
            found: Arc::clone(&self.found),
        };
        let rows = self.rows.clone();
        let task = match random.below(100) {
            0..60 => tokio::spawn(doing.get_or_load()),
            60..66 => tokio::spawn(doing.get()),
            66..70 => tokio::spawn(doing.get_or_load_many()),
            70..74 => tokio::spawn(doing.refresh()),
            74..80 => tokio::spawn(doing.change_and_invalidate(rows)),
            80..86 => {
                tokio::spawn(doing.change_and_invalidate_its_tag(rows, random.below(2) as usize))
            }
            86..89 => tokio::spawn(doing.change_and_clear(rows)),
            89..93 => tokio::spawn(doing.change_and_put(rows)),
            93..96 => tokio::spawn(doing.invalidate_softly()),
            96..98 => tokio::spawn(doing.invalidate_and_hold_off()),
            _ => tokio::spawn(doing.invalidate_both_tags()),
        };
        self.doings.push(task);
    }

    /// Whatever is still under way comes to its end, or is ended.
    async fn come_to_an_end(&mut self, time: &SimulatedTime) {
        for _ in 0..60 {
            if self.doings.iter().all(JoinHandle::is_finished) {
                break;
            }
            time.advance(Duration::from_millis(250));
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        }
        self.chaos.end();
        while !self.doings.iter().all(JoinHandle::is_finished) {
            time.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
        for doing in self.doings.drain(..) {
            doing.await.unwrap();
        }
    }
}

/// Something that somebody does with one key.
struct Doing {
    pages: Pages,
    key: usize,
    chaos: Arc<Chaos>,
    model: Arc<Mutex<Model>>,
    found: Arc<Mutex<Option<String>>>,
}

impl Doing {
    /// What the origin has, which takes its time.
    async fn origin(
        store: Store,
        chaos: Arc<Chaos>,
        model: Arc<Mutex<Model>>,
        key: usize,
        load: Load,
    ) -> std::io::Result<String> {
        chaos.turns().await;
        if chaos.random.below(8) == 0 {
            chaos.pause(&store).await;
        }
        let version = model.lock().load(key);
        if chaos.random.below(2) == 0 {
            load.version(version);
        }
        chaos.turns().await;
        if chaos.random.below(8) == 0 {
            chaos.pause(&store).await;
        }
        match chaos.random.below(40) {
            0 => Err(std::io::Error::other("no disk")),
            _ => Ok(version.to_string()),
        }
    }

    fn loader(
        &self,
    ) -> impl FnOnce(Load) -> futures_util::future::BoxFuture<'static, std::io::Result<String>>
    + Send
    + use<> {
        let (chaos, model, key) = (Arc::clone(&self.chaos), Arc::clone(&self.model), self.key);
        let store = self.pages.store().clone();
        move |load| {
            for tag in tags(key) {
                load.tag(tag);
            }
            Box::pin(Doing::origin(store, chaos, model, key, load))
        }
    }

    fn oldest(&self, key: usize) -> u64 {
        self.model.lock().oldest(key)
    }

    fn saw(&self, verb: &str, key: usize, oldest: u64, value: &str) {
        let seen = value.parse().unwrap();
        let model = self.model.lock();
        if !self.chaos.has_ended() && !model.allows(key, oldest, seen) {
            let found = format!("{verb} of {key}: {seen} seen, {oldest} is the oldest, {model:?}");
            self.found.lock().get_or_insert(found);
        }
    }

    async fn get_or_load(self) {
        let oldest = self.oldest(self.key);
        if let Ok(value) = self.pages.get_or_load(&self.key, self.loader()).await {
            self.saw("get_or_load", self.key, oldest, &value);
        }
    }

    async fn get(self) {
        let oldest = self.oldest(self.key);
        if let Ok(Some(value)) = self.pages.get(&self.key).await {
            self.saw("get", self.key, oldest, &value);
        }
    }

    async fn refresh(self) {
        let oldest = self.oldest(self.key);
        if let Ok(value) = self.pages.refresh(&self.key, self.loader()).await {
            self.saw("refresh", self.key, oldest, &value);
        }
    }

    async fn get_or_load_many(self) {
        let keys: Vec<usize> = (0..KEYS).collect();
        let oldest: Vec<u64> = keys.iter().map(|key| self.oldest(*key)).collect();
        let (chaos, model) = (Arc::clone(&self.chaos), Arc::clone(&self.model));
        let store = self.pages.store().clone();
        let loader = move |misses: Misses<usize>| {
            let (chaos, model) = (Arc::clone(&chaos), Arc::clone(&model));
            let store = store.clone();
            async move {
                let mut values = std::collections::HashMap::new();
                for key in misses.keys() {
                    let load = misses.load(key);
                    for tag in tags(*key) {
                        load.tag(tag);
                    }
                    let (store, chaos, model) =
                        (store.clone(), Arc::clone(&chaos), Arc::clone(&model));
                    let value = Doing::origin(store, chaos, model, *key, load);
                    values.insert(*key, value.await?);
                }
                Ok::<_, std::io::Error>(values)
            }
        };
        let found = self.pages.get_or_load_many(&keys, loader).await;
        for (key, found) in found.into_iter().enumerate() {
            if let Ok(Some(value)) = found {
                self.saw("get_or_load_many", key, oldest[key], &value);
            }
        }
    }

    async fn change_and_invalidate(self, rows: Vec<Arc<tokio::sync::Mutex<()>>>) {
        let _row = rows[self.key].lock().await;
        let version = self.model.lock().commit(self.key);
        if self.pages.invalidate(&self.key).await.is_ok() {
            self.model.lock().acknowledge(self.key, version);
        }
    }

    async fn change_and_invalidate_its_tag(
        self,
        rows: Vec<Arc<tokio::sync::Mutex<()>>>,
        which: usize,
    ) {
        let _row = rows[self.key].lock().await;
        let version = self.model.lock().commit(self.key);
        let tag = tags(self.key)[which];
        if self.pages.invalidate_tags([tag]).await.is_ok() {
            self.model.lock().acknowledge(self.key, version);
        }
    }

    async fn change_and_clear(self, rows: Vec<Arc<tokio::sync::Mutex<()>>>) {
        let _row = rows[self.key].lock().await;
        let version = self.model.lock().commit(self.key);
        if self.pages.clear().await.is_ok() {
            self.model.lock().acknowledge(self.key, version);
        }
    }

    async fn change_and_put(self, rows: Vec<Arc<tokio::sync::Mutex<()>>>) {
        let _row = rows[self.key].lock().await;
        let version = self.model.lock().commit(self.key);
        let value = version.to_string();
        let mut put = match self.chaos.random.below(2) {
            0 => self.pages.put(&self.key, &value),
            _ => self.pages.put_versioned(&self.key, &value, version),
        };
        for tag in tags(self.key) {
            put = put.tag(tag);
        }
        // Until it is known what became of it, it may be seen.
        let put = put.await;
        let mut model = self.model.lock();
        match put {
            Ok(_) => model.acknowledge(self.key, version),
            Err(_) => model.set_adrift(self.key, version),
        }
    }

    async fn invalidate_softly(self) {
        self.pages.invalidate(&self.key).soft().await.ok();
    }

    async fn invalidate_and_hold_off(self) {
        let moment = Duration::from_millis(300);
        self.pages.invalidate(&self.key).hold_off(moment).await.ok();
    }

    async fn invalidate_both_tags(self) {
        self.pages.invalidate_tags(tags(self.key)).await.ok();
    }
}

fn histories() -> u64 {
    let told = std::env::var("REDSTART_CACHE_HISTORIES");
    told.ok()
        .and_then(|told| told.parse().ok())
        .unwrap_or(HISTORIES)
}

/// Runs these histories one after the other, and returns how often each outcome was met.
async fn run_all(seeds: impl Iterator<Item = u64>) -> Vec<u64> {
    let lab = Lab::new().await;
    for seed in seeds {
        if let Some(found) = lab.run(seed, None).await {
            panic!("seed {seed}: {found}");
        }
    }
    lab.met.into_inner()
}

#[test]
fn no_history_shows_what_was_invalidated() {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let met = std::thread::scope(|scope| {
        let run = |thread| {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let seeds = (thread..histories()).step_by(threads);
                runtime.unwrap().block_on(run_all(seeds))
            })
        };
        let threads: Vec<_> = (0..threads as u64).map(run).collect();
        let met = threads.into_iter().map(|thread| thread.join().unwrap());
        met.reduce(|all, more| all.iter().zip(more).map(|(all, more)| all + more).collect())
    });
    // What is never met is not explored.
    let met = met.unwrap();
    for (outcome, times) in Outcome::ALL.iter().zip(&met) {
        let explored = *times > 0 || NOT_EXPLORED.contains(outcome);
        assert!(explored, "{} in {met:?}", outcome.name());
    }
}

#[tokio::test]
async fn a_cold_key_is_loaded_once_whoever_asks_in_whatever_order() {
    let lab = Lab::new().await;
    for seed in 0..200 {
        let random = Arc::new(Random::seeded(seed));
        let chaos = Arc::new(Chaos::calm(&random));
        let asked: Vec<_> = (0..4)
            .map(|_| {
                let pages = Pages::builder(&lab.store, "pages", Plain).build().unwrap();
                let pages = pages.disturbed(&chaos);
                let asked = (0..4).map(|_| {
                    let (pages, chaos) = (pages.clone(), Arc::clone(&chaos));
                    tokio::spawn(async move {
                        chaos.turns().await;
                        let load = |_| async { Ok::<_, std::io::Error>("value".to_owned()) };
                        let value = pages.get_or_load(&0, load).await.unwrap();
                        assert_eq!(value, "value");
                    })
                });
                (pages.clone(), asked.collect::<Vec<_>>())
            })
            .collect();
        let mut loads = 0;
        for (pages, asked) in asked {
            for one in asked {
                while !one.is_finished() {
                    lab.time.advance(Duration::from_millis(10));
                    chaos.turns().await;
                }
                one.await.unwrap();
            }
            loads += pages.count(Outcome::Load);
        }
        assert_eq!(loads, 1, "seed {seed}");
        lab.store.command(["FLUSHALL"]).await.unwrap();
    }
}

/// How many histories it takes until a broken rule shows.
async fn caught_after(mutant: Mutant) -> u64 {
    let lab = Lab::new().await;
    for seed in 0..MUTANT_HISTORIES {
        if lab.run(seed, Some(mutant)).await.is_some() {
            return seed + 1;
        }
    }
    panic!("{mutant:?} was not noticed");
}

#[tokio::test]
async fn a_fill_without_its_fence_is_noticed() {
    println!("after {}", caught_after(Mutant::NoFence).await);
}

#[tokio::test]
async fn a_number_that_is_read_after_the_load_is_noticed() {
    println!("after {}", caught_after(Mutant::StampAfterLoad).await);
}

#[tokio::test]
async fn tags_that_nobody_looks_at_are_noticed() {
    println!("after {}", caught_after(Mutant::NoTagCheck).await);
}

#[tokio::test]
async fn trust_in_lost_tags_is_noticed() {
    println!("after {}", caught_after(Mutant::LostTagsAreTrusted).await);
}
