//! Caching: what the copied snippet does when a popular key is cold, and what Redstart does.
//!
//! The snippet looks, runs the query on a miss, and stores the result. Whoever looks while the
//! first query runs misses as well. With Redstart one of them loads, and the others wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::cache::{Cache, CacheError};
use redstart::store::codec::Plain;
use redstart::store::{Error, Time};

use tokio::task::JoinSet;

use super::{Finding, Shortfall, Stage, check, figures};

const CALLERS: u64 = 1_000;
/// What the query is made to take.
const QUERY: Duration = Duration::from_millis(200);
const TTL: Duration = Duration::from_secs(600);
const USER: u64 = 123;
const ROW: &str = r#"{"id":123,"username":"john","role":"admin"}"#;

pub(super) async fn run(stage: &Stage) -> Finding {
    let key = stage.key("cache", "get_user:123");
    stage.store.command(["UNLINK", &key]).await?;
    let (origin, store) = (Origin::new(stage), stage.wire.clone());
    let asked = Arc::clone(&origin);
    let snippet = race(&origin, move || {
        let (store, key, origin) = (store.clone(), key.clone(), Arc::clone(&asked));
        async move { Ok(look_or_query(&store, &key, origin.query()).await?) }
    });
    let snippet = snippet.await?;

    let users = users(stage)?;
    users.invalidate(&USER).await?;
    let origin = Origin::new(stage);
    let (cache, asked) = (users.clone(), Arc::clone(&origin));
    let ours = race(&origin, move || {
        let (cache, origin) = (cache.clone(), Arc::clone(&asked));
        let load = |_| async move { Ok::<_, Error>(origin.query().await) };
        async move { cache.get_or_load(&USER, load).await }
    });
    let ours = ours.await?;
    users.invalidate(&USER).await?;

    check(ours == 1, || {
        format!("one load was to be made, and Redstart made {ours}")
    })?;
    let [callers, snippet] = [CALLERS, snippet].map(figures::count);
    Ok(format!(
        "cold key, {callers} callers: the snippet loads {snippet} times, Redstart once"
    ))
}

/// The cache of the tour's users, over connections.
pub(super) fn users(stage: &Stage) -> Result<Cache<u64, String>, Shortfall> {
    Cache::builder(&stage.wire, super::CACHE, Plain)
        .ttl(TTL)
        .deadline(stage.wire.deadline())
        .build()
        .map_err(|error| Shortfall::Untrue(error.to_string()))
}

/// The snippet, as it is copied.
pub(super) async fn look_or_query(
    store: &Store,
    key: &str,
    query: impl Future<Output = String>,
) -> Result<String, Error> {
    let cached = store.command(["GET", key]).returning::<Option<String>>();
    if let Some(row) = cached.await? {
        return Ok(row);
    }
    let row = query.await;
    let ttl = TTL.as_secs();
    store.command(["SETEX", key]).arg(ttl).arg(&row).await?;
    Ok(row)
}

/// A slow database.
struct Origin {
    time: Time,
    queries: AtomicU64,
}

impl Origin {
    fn new(stage: &Stage) -> Arc<Origin> {
        Arc::new(Origin {
            time: stage.wire.time().clone(),
            queries: AtomicU64::new(0),
        })
    }

    async fn query(&self) -> String {
        self.queries.fetch_add(1, Ordering::Relaxed);
        self.time.sleep(QUERY).await;
        ROW.to_owned()
    }
}

/// How many queries all callers together have made.
async fn race<F>(origin: &Origin, call: impl Fn() -> F) -> Result<u64, Shortfall>
where
    F: Future<Output = Result<String, CacheError>> + Send + 'static,
{
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call());
    }
    while let Some(called) = callers.join_next().await {
        let row = called.expect("a caller does not panic")?;
        check(row == ROW, || format!("a caller got {row}"))?;
    }
    Ok(origin.queries.load(Ordering::Relaxed))
}
