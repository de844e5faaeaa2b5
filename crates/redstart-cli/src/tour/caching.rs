//! Caching: what the copied snippet does when a popular key is cold, and what a warm read costs.
//!
//! The snippet looks, runs the query on a miss, and stores the result. Whoever looks while the
//! first query runs misses as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::store::Error;
use tokio::task::JoinSet;

use super::{Finding, Stage, check, figures};

const CALLERS: u64 = 64;
/// What the query is made to take.
const QUERY: Duration = Duration::from_millis(30);
const ROW: &str = r#"{"id":123,"username":"john","role":"admin"}"#;
const TTL_S: u64 = 600;
const MEASURED: Duration = Duration::from_millis(400);

pub(super) async fn run(stage: &Stage) -> Finding {
    let key = stage.key("cache", "get_user:123");
    stage.store.command(["UNLINK", &key]).await?;
    let queries = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (store, key, queries) = (stage.wire.clone(), key.clone(), Arc::clone(&queries));
        callers.spawn(async move { cached(&store, &key, &queries).await });
    }
    while let Some(called) = callers.join_next().await {
        let row = called.expect("a caller does not panic")?;
        check(row == ROW, || format!("a caller got {row}"))?;
    }
    let ran = queries.load(Ordering::Relaxed);

    let started = stage.now();
    let mut reads = 0;
    while stage.now() - started < MEASURED {
        for _ in 0..100 {
            let row = stage
                .store
                .command(["GET", &key])
                .returning::<String>()
                .await?;
            check(row == ROW, || format!("a warm read found {row}"))?;
            reads += 1;
        }
    }
    let read = figures::time(figures::each(stage.now() - started, reads));
    Ok(format!(
        "{CALLERS} callers, one cold key: the snippet ran {ran} queries; warm read {read}"
    ))
}

/// The snippet, as it is copied.
async fn cached(store: &Store, key: &str, queries: &AtomicU64) -> Result<String, Error> {
    if let Some(row) = store
        .command(["GET", key])
        .returning::<Option<String>>()
        .await?
    {
        return Ok(row);
    }
    queries.fetch_add(1, Ordering::Relaxed);
    store.time().sleep(QUERY).await;
    store.command(["SETEX", key]).arg(TTL_S).arg(ROW).await?;
    Ok(ROW.to_owned())
}
