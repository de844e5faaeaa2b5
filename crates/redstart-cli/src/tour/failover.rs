//! Failover: a real cluster loses a primary to kill -9 while counters are counted up on it.
//!
//! What must hold whatever happens: no increment is made twice, and no answer belongs to another
//! counter. What the dead primary had acknowledged and not passed on yet is lost, as it is with any
//! client of Redis; it is counted and said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::store::Failure;
use redstart_testkit::{Cluster, ServerBinary, ServerError};
use tokio::task::{JoinSet, spawn_blocking};

use super::{Finding, Shortfall, Stage, check, figures};

const COUNTERS: u64 = 24;
/// Counters start so far apart that a value tells which one it belongs to.
const APART: u64 = 1_000_000_000;
/// Between two increments of a counter, so that the election gets its share of the processor.
const PAUSE: Duration = Duration::from_millis(1);
/// How often each is counted up before the kill, and again when all go on.
const BEFORE: u64 = 50;
const AFTER: u64 = 10;
/// Half of what the test kit takes: the tour is to be short.
const NODE_TIMEOUT: Duration = Duration::from_millis(500);
/// Longer than an election, so that callers wait for it.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) async fn run(stage: &Stage) -> Finding {
    const ABSENT: &str = "it takes an installed redis-server or valkey-server";
    const FAILED: &str = "the installed server makes no cluster; `redstart up cluster` says why";
    let started = spawn_blocking(|| {
        let cluster = Cluster::builder(ServerBinary::from_path()?).node_timeout(NODE_TIMEOUT);
        cluster.start()
    });
    let mut cluster = match started.await {
        Ok(Ok(cluster)) => cluster,
        Ok(Err(ServerError::NotInstalled)) => return Err(Shortfall::NotHere(ABSENT)),
        Ok(Err(_)) => return Err(Shortfall::NotHere(FAILED)),
        Err(failed) => return Err(Shortfall::Untrue(failed.to_string())),
    };
    let store = Store::builder(&cluster.url()).deadline(DEADLINE).open();
    let store = store.await?;
    let mut counting = Counting::start(&store).await?;
    counting.every_one(BEFORE).await?;

    let time = stage.store.time();
    let killed = time.monotonic();
    cluster.nodes_mut()[0].kill();
    counting.every_one(1).await?;
    let away = time.monotonic().saturating_sub(killed);
    counting.every_one(AFTER).await?;
    let count = counting.stop().await?;
    drop(store);
    // Ends six servers, which takes a moment.
    let _ = spawn_blocking(move || drop(cluster)).await;

    let Count {
        acknowledged,
        unknown,
        wrong,
        lost,
    } = count;
    check(wrong == 0, || {
        format!("{wrong} increments were made twice or answered to somebody else")
    })?;
    Ok(format!(
        "{} INCR, a primary killed: {wrong} wrong, {unknown} unknown, {lost} lost with it, {} away",
        figures::count(acknowledged + unknown),
        figures::time(away),
    ))
}

/// Tasks that count, one a counter.
struct Counting {
    counters: Vec<Arc<Counter>>,
    tasks: JoinSet<Result<(), redstart::store::Error>>,
    over: Arc<AtomicBool>,
    store: Store,
}

/// What the caller of one counter was told.
#[derive(Default)]
struct Counter {
    key: String,
    first: u64,
    acknowledged: AtomicU64,
    unknown: AtomicU64,
    /// Answers that cannot be this counter's.
    strange: AtomicU64,
}

/// What became of all increments.
struct Count {
    acknowledged: u64,
    unknown: u64,
    wrong: u64,
    lost: u64,
}

impl Counting {
    async fn start(store: &Store) -> Result<Counting, Shortfall> {
        let mut counting = Counting {
            counters: Vec::new(),
            tasks: JoinSet::new(),
            over: Arc::default(),
            store: store.clone(),
        };
        for number in 1..=COUNTERS {
            let counter = Arc::new(Counter {
                key: format!("counter:{number}"),
                first: number * APART,
                ..Counter::default()
            });
            store
                .command(["SET", &counter.key])
                .arg(counter.first)
                .await?;
            let (store, over) = (store.clone(), Arc::clone(&counting.over));
            counting.counters.push(Arc::clone(&counter));
            counting.tasks.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    counter.count_up(&store).await?;
                    store.time().sleep(PAUSE).await;
                }
                Ok(())
            });
        }
        Ok(counting)
    }

    /// Until every counter has been counted up so many times more.
    async fn every_one(&mut self, times: u64) -> Result<(), Shortfall> {
        let goal = |counter: &Arc<Counter>| counter.acknowledged() + times;
        let goals: Vec<u64> = self.counters.iter().map(goal).collect();
        let is_short = |(counter, goal): (&Arc<Counter>, &u64)| counter.acknowledged() < *goal;
        while self.counters.iter().zip(&goals).any(is_short) {
            // A caller ends early only by a failure.
            if let Some(ended) = self.tasks.try_join_next() {
                ended.map_err(|error| Shortfall::Untrue(error.to_string()))??;
            }
            self.store.time().sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Compares what is there with what was said.
    async fn stop(mut self) -> Result<Count, Shortfall> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(|error| Shortfall::Untrue(error.to_string()))??;
        }
        let mut count = Count {
            acknowledged: 0,
            unknown: 0,
            wrong: 0,
            lost: 0,
        };
        for counter in &self.counters {
            let there = self
                .store
                .command(["GET", &counter.key])
                .returning::<u64>()
                .await?;
            let there = there.saturating_sub(counter.first);
            let (acknowledged, unknown) = (counter.acknowledged(), counter.unknown());
            count.acknowledged += acknowledged;
            count.unknown += unknown;
            count.wrong += there.saturating_sub(acknowledged + unknown);
            count.wrong += counter.strange.load(Ordering::Relaxed);
            count.lost += acknowledged.saturating_sub(there);
        }
        Ok(count)
    }
}

impl Counter {
    async fn count_up(&self, store: &Store) -> Result<(), redstart::store::Error> {
        match store.command(["INCR", &self.key]).returning::<u64>().await {
            Ok(value) => {
                let told = self.acknowledged.fetch_add(1, Ordering::Relaxed) + 1;
                let most = self.first + told + self.unknown();
                if !(self.first + 1..=most).contains(&value) {
                    self.strange.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) if error.failure() == Failure::Unknown => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }
}
