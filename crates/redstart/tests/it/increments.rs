//! Counters that many tasks count up, and a ledger of what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redstart::Store;
use redstart::store::Failure;
use tokio::task::JoinSet;

pub(crate) async fn get(store: &Store, key: &str) -> Option<i64> {
    let command = store.command(["GET", key]).returning::<Option<i64>>();
    command.await.unwrap()
}

/// Increments made by many tasks, and what became of them.
pub(crate) struct Increments {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    unknown: Arc<AtomicU64>,
    tasks: JoinSet<()>,
    keys: Vec<String>,
}

impl Increments {
    pub(crate) fn start(store: &Store, keys: impl IntoIterator<Item = String>) -> Increments {
        let mut increments = Increments {
            stop: Arc::default(),
            acknowledged: Arc::default(),
            unknown: Arc::default(),
            tasks: JoinSet::new(),
            keys: keys.into_iter().collect(),
        };
        for key in increments.keys.clone() {
            let store = store.clone();
            let stop = Arc::clone(&increments.stop);
            let acknowledged = Arc::clone(&increments.acknowledged);
            let unknown = Arc::clone(&increments.unknown);
            increments.tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match store.command(["INCR", &key]).await {
                        Ok(_) => acknowledged.fetch_add(1, Ordering::Relaxed),
                        Err(error) if error.failure() == Failure::Unknown => {
                            unknown.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        }
        increments
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Until so many more have been acknowledged.
    pub(crate) async fn more(&self, count: u64) {
        let goal = self.acknowledged() + count;
        while self.acknowledged() < goal {
            tokio::task::yield_now().await;
        }
    }

    /// The sum on the servers, those acknowledged, and those unknown.
    pub(crate) async fn stop(mut self, store: &Store) -> (u64, u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        let mut sum = 0;
        for key in &self.keys {
            sum += get(store, key).await.unwrap_or(0);
        }
        let unknown = self.unknown.load(Ordering::Relaxed);
        (u64::try_from(sum).unwrap(), self.acknowledged(), unknown)
    }
}
