//! An origin whose rows have numbered versions, and everybody who reads and changes them at the
//! same time. It notes what the cache promises not to happen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use redstart::cache::{CacheError, Misses, OnStoreError, Outcome};
use tokio::task::JoinSet;

use super::*;

pub(super) const ROWS: usize = 12;

/// Of each row, in each process.
const READERS: usize = 2;

/// How often a row is read before it changes again, so that much of it is hits.
const READS_OF_A_VERSION: u64 = 32;

type Numbered = Cache<usize, String>;

/// How the cache is told of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Key,
    Tag,
    All,
}

/// A row has one writer.
struct Row {
    by: By,
    version: AtomicU64,
    /// What everybody sees at least who asks from now on.
    acknowledged: AtomicU64,
    /// Odd from the loss of a primary until an invalidation is acknowledged that came after it.
    doubts: AtomicU64,
    invalidations_begun: AtomicU64,
    invalidations_ended: AtomicU64,
    reads: AtomicU64,
    /// Loads under way: how many invalidations had ended when each was asked for.
    loading: Mutex<BTreeMap<u64, u64>>,
}

/// What all tasks share.
struct Rows {
    rows: Vec<Row>,
    stop: AtomicBool,
    /// Invalidations that begin now are not lost with a primary that was.
    replaced: AtomicBool,
    reads: AtomicU64,
    changes: AtomicU64,
    loads: AtomicU64,
    errors: AtomicU64,
    /// What should not have been seen.
    found: Mutex<Vec<String>>,
}

/// Everybody at work.
pub(super) struct Traffic {
    rows: Arc<Rows>,
    processes: Vec<Numbered>,
    tasks: JoinSet<()>,
}

/// What happened.
#[derive(Debug)]
pub(super) struct Tally {
    changes: u64,
    loads: u64,
    hits: u64,
    pub(super) errors: u64,
}

/// Where a row's entry and its lease lie.
pub(super) fn entry_of(row: usize) -> String {
    format!("{{numbered:{row}}}")
}

/// Where a row's tag lies.
pub(super) fn tag_of(row: usize) -> String {
    format!("{{numbered:row:{row}}}")
}

/// Where the numbers of the latest invalidation and the latest clearing lie.
pub(super) const CLOCK: &str = "{numbered}";

impl Traffic {
    /// Nothing is shared between processes but what their stores lead to.
    pub(super) fn start(processes: &[&Store]) -> Traffic {
        let bys = [By::Key, By::Tag, By::Key, By::Tag, By::Key, By::All];
        let row = |number: usize| Row {
            by: bys[number % bys.len()],
            version: AtomicU64::new(1),
            acknowledged: AtomicU64::new(1),
            doubts: AtomicU64::new(0),
            invalidations_begun: AtomicU64::new(0),
            invalidations_ended: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            loading: Mutex::default(),
        };
        let rows = Arc::new(Rows {
            rows: (0..ROWS).map(row).collect(),
            stop: AtomicBool::new(false),
            replaced: AtomicBool::new(true),
            reads: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            found: Mutex::default(),
        });
        let processes: Vec<Numbered> = processes
            .iter()
            .map(|store| {
                Cache::builder(store, "numbered", Plain)
                    .ttl(LONG)
                    .early_refresh(0.0)
                    .deadline(PATIENCE)
                    .load_timeout(PATIENCE)
                    // A load without a lease is not promised to be the only one.
                    .on_store_error(OnStoreError::Fail)
                    .build()
                    .unwrap()
            })
            .collect();
        let mut tasks = JoinSet::new();
        for number in 0..ROWS {
            for pages in &processes {
                for _ in 0..READERS {
                    tasks.spawn(Arc::clone(&rows).read_one(pages.clone(), number));
                }
            }
            let pages = processes[number % processes.len()].clone();
            tasks.spawn(Arc::clone(&rows).change(pages.clone(), number));
            if number % 2 == 0 {
                tasks.spawn(Arc::clone(&rows).read_two(pages, number));
            }
        }
        Traffic {
            rows,
            processes,
            tasks,
        }
    }

    /// Until so many more reads have come back. Those of one row may wait meanwhile.
    pub(super) async fn more(&self, reads: u64) {
        let goal = self.rows.reads.load(Ordering::SeqCst) + reads;
        while self.rows.reads.load(Ordering::SeqCst) < goal {
            tokio::task::yield_now().await;
        }
    }

    /// A primary is about to be lost, and perhaps what it was told last.
    pub(super) fn doubt(&self) {
        self.rows.replaced.store(false, Ordering::SeqCst);
        for row in &self.rows.rows {
            row.doubts.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// It has been replaced. Returns when every row has changed since.
    pub(super) async fn trust_again(&self) {
        self.rows.replaced.store(true, Ordering::SeqCst);
        let in_doubt = |row: &Row| row.doubts.load(Ordering::SeqCst) % 2 == 1;
        while self.rows.rows.iter().any(in_doubt) {
            tokio::task::yield_now().await;
        }
    }

    /// Stops, and holds what was seen against the promise.
    pub(super) async fn stop(mut self) -> Tally {
        self.rows.stop.store(true, Ordering::SeqCst);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        let found = self.rows.found.lock().unwrap();
        assert!(
            found.is_empty(),
            "{}: {:?}",
            found.len(),
            &found[..found.len().min(5)]
        );
        let hits = self.processes.iter().map(|pages| pages.count(Outcome::Hit));
        let tally = Tally {
            changes: self.rows.changes.load(Ordering::SeqCst),
            loads: self.rows.loads.load(Ordering::SeqCst),
            hits: hits.sum(),
            errors: self.rows.errors.load(Ordering::SeqCst),
        };
        assert!(tally.hits > tally.loads && tally.changes > 0, "{tally:?}");
        tally
    }
}

impl Rows {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    async fn read_one(self: Arc<Self>, pages: Numbered, number: usize) {
        for round in 0_u64.. {
            if !self.goes_on() {
                return;
            }
            let asking = self.ask(number);
            let read = match round % 3 {
                0 => pages.get(&number).await,
                _ => {
                    let (rows, asked) = (Arc::clone(&self), asking.ended);
                    let loader = move |load: redstart::cache::Load| async move {
                        load.tag(("row", number));
                        Ok::<_, CacheError>(rows.load(number, asked).await)
                    };
                    pages.get_or_load(&number, loader).await.map(Some)
                }
            };
            self.judge(&asking, read);
            tokio::task::yield_now().await;
        }
    }

    /// A row and the next one together.
    async fn read_two(self: Arc<Self>, pages: Numbered, first: usize) {
        while self.goes_on() {
            let asking = [self.ask(first), self.ask(first + 1)];
            let (rows, asked) = (
                Arc::clone(&self),
                asking.each_ref().map(|asking| asking.ended),
            );
            let loader = move |misses: Misses<usize>| {
                let rows = Arc::clone(&rows);
                async move {
                    let loads = misses.keys().iter().map(|&number| {
                        misses.load(&number).tag(("row", number));
                        let loading = rows.load(number, asked[number - first]);
                        async move { (number, loading.await) }
                    });
                    let loaded = futures_util::future::join_all(loads).await;
                    Ok::<_, CacheError>(loaded.into_iter().collect::<HashMap<_, _>>())
                }
            };
            let read = pages.get_or_load_many(&[first, first + 1], loader).await;
            for (asking, read) in asking.iter().zip(read) {
                self.judge(asking, read);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Commits a version and invalidates, again and again. What failed is repeated.
    async fn change(self: Arc<Self>, pages: Numbered, number: usize) {
        let row = &self.rows[number];
        while self.goes_on() {
            let version = row.version.fetch_add(1, Ordering::SeqCst) + 1;
            row.invalidations_begun.fetch_add(1, Ordering::SeqCst);
            let settles_doubts = loop {
                let in_doubt = row.doubts.load(Ordering::SeqCst) % 2 == 1;
                let settles_doubts = in_doubt && self.replaced.load(Ordering::SeqCst);
                let invalidated = match row.by {
                    By::Key => pages.invalidate(&number).await.map(drop),
                    By::Tag => pages.invalidate_tags([("row", number)]).await,
                    By::All => pages.clear().await,
                };
                match invalidated {
                    Ok(()) => break settles_doubts,
                    Err(error) => self.failed(&error),
                }
                tokio::task::yield_now().await;
            };
            row.invalidations_ended.fetch_add(1, Ordering::SeqCst);
            row.acknowledged.store(version, Ordering::SeqCst);
            if settles_doubts {
                row.doubts.fetch_add(1, Ordering::SeqCst);
            }
            self.changes.fetch_add(1, Ordering::SeqCst);
            let enough = row.reads.load(Ordering::SeqCst) + READS_OF_A_VERSION;
            while self.goes_on() && row.reads.load(Ordering::SeqCst) < enough {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The row as it is at the beginning, after a while.
    async fn load(self: &Arc<Self>, number: usize, asked: u64) -> String {
        let row = &self.rows[number];
        let load = self.loads.fetch_add(1, Ordering::SeqCst);
        let _loading = self.loading(load, number, asked);
        let version = row.version.load(Ordering::SeqCst);
        for _ in 0..load % 64 {
            tokio::task::yield_now().await;
        }
        format!("{number}:{version}")
    }

    /// There may be another load only if an invalidation of the key has come in between: since the
    /// first of the two was asked for, before it had its lease. Whoever had it first may begin last.
    fn loading(self: &Arc<Self>, load: u64, number: usize, asked: u64) -> Loading {
        let row = &self.rows[number];
        let mut loading = row.loading.lock().unwrap();
        let begun = row.invalidations_begun.load(Ordering::SeqCst);
        for other in loading.values() {
            let invalidated = row.by == By::Key && begun > asked.min(*other);
            // With a primary its leases may be lost.
            let in_doubt = row.doubts.load(Ordering::SeqCst) % 2 == 1;
            if !invalidated && !in_doubt {
                self.note(format!("two loads of row {number}"));
            }
        }
        loading.insert(load, asked);
        Loading {
            rows: Arc::clone(self),
            number,
            load,
        }
    }

    fn ask(&self, number: usize) -> Asking {
        let row = &self.rows[number];
        Asking {
            number,
            doubts: row.doubts.load(Ordering::SeqCst),
            least: row.acknowledged.load(Ordering::SeqCst),
            ended: row.invalidations_ended.load(Ordering::SeqCst),
        }
    }

    fn judge(&self, asking: &Asking, read: Result<Option<String>, CacheError>) {
        let Asking { number, least, .. } = *asking;
        let row = &self.rows[number];
        match read {
            Ok(None) => {}
            Ok(Some(value)) => {
                let (of, version) = value.split_once(':').unwrap();
                assert_eq!(of, number.to_string());
                let doubts = row.doubts.load(Ordering::SeqCst);
                let in_doubt = doubts % 2 == 1 || doubts != asking.doubts;
                if version.parse::<u64>().unwrap() < least && !in_doubt {
                    self.note(format!("row {number} has version {version} after {least}"));
                }
            }
            Err(error) => {
                self.failed(&error);
                return;
            }
        }
        row.reads.fetch_add(1, Ordering::SeqCst);
        self.reads.fetch_add(1, Ordering::SeqCst);
    }

    /// Whatever is not a failure of the store is none that may happen.
    fn failed(&self, error: &CacheError) {
        self.errors.fetch_add(1, Ordering::SeqCst);
        if !matches!(error, CacheError::Store(_) | CacheError::TimedOut { .. }) {
            self.note(error.to_string());
        }
    }

    fn note(&self, text: String) {
        self.found.lock().unwrap().push(text);
    }
}

/// What was known of a row when somebody asked for it.
struct Asking {
    number: usize,
    doubts: u64,
    least: u64,
    /// How many invalidations had ended.
    ended: u64,
}

/// A load under way.
struct Loading {
    rows: Arc<Rows>,
    number: usize,
    load: u64,
}

impl Drop for Loading {
    fn drop(&mut self) {
        let row = &self.rows.rows[self.number];
        row.loading.lock().unwrap().remove(&self.load);
    }
}
