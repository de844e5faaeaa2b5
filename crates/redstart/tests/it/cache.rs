//! The cache from outside: what it promises, on the embedded engine and on real servers.

mod cold;
mod failover;
mod loading;
mod many;
mod peers;
mod replicas;
mod resharding;
mod stale;
mod trouble;
mod versions;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::cache::{Cache, CacheBuilder};
use redstart::store::codec::Plain;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// A busy machine is not what these tests are about.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything exact: no chance in times to live, no early refreshes.
fn builder(store: &Store) -> CacheBuilder<str, String> {
    Cache::builder(store, "pages", Plain)
        .ttl(LONG)
        .jitter(0.0)
        .early_refresh(0.0)
        .deadline(PATIENCE)
        .load_timeout(PATIENCE)
}

fn pages(store: &Store) -> Cache<str, String> {
    builder(store).build().unwrap()
}

/// Where values come from: it counts how often it is asked.
#[derive(Clone, Default)]
struct Origin {
    loads: Arc<AtomicUsize>,
}

impl Origin {
    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    async fn load(self, value: &'static str) -> Result<String, std::io::Error> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(value.to_owned())
    }

    /// The value, cached.
    async fn through(&self, cache: &Cache<str, String>, key: &str, value: &'static str) -> String {
        let origin = self.clone();
        let loader = move |_| origin.load(value);
        cache.get_or_load(key, loader).await.unwrap()
    }
}
