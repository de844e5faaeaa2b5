//! Invalidation: a row changes, and its key is invalidated, while somebody loads it.
//!
//! The snippet's load ends after the invalidation and stores what it had read before: the old row
//! is served until it expires. Redstart's load has lost its lease by then, and stores nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redstart::store::Error;
use tokio::sync::{Notify, watch};

use super::caching::{look_or_query, users};
use super::{Finding, Stage, check};

const USER: u64 = 456;
const OLD: &str = r#"{"id":456,"username":"jane","role":"admin"}"#;
const NEW: &str = r#"{"id":456,"username":"jane","role":"none"}"#;

pub(super) async fn run(stage: &Stage) -> Finding {
    let (store, key) = (&stage.wire, stage.key("invalidation", "get_user:456"));
    store.command(["UNLINK", &key]).await?;
    let row = Row::new();
    let loading = look_or_query(store, &key, row.query());
    let updating = async {
        row.update_during_the_query().await;
        store.command(["DEL", &key]).await?;
        row.let_queries_end();
        Ok(())
    };
    tokio::try_join!(loading, updating)?;
    let snippet = look_or_query(store, &key, row.query()).await?;

    let users = users(stage)?;
    users.invalidate(&USER).await?;
    let row = Row::new();
    let load = || {
        let row = Arc::clone(&row);
        |_| async move { Ok::<_, Error>(row.query().await) }
    };
    let loading = users.get_or_load(&USER, load());
    let updating = async {
        row.update_during_the_query().await;
        users.invalidate(&USER).await?;
        row.let_queries_end();
        Ok(())
    };
    tokio::try_join!(loading, updating)?;
    let kept = users.get(&USER).await?;
    let ours = users.get_or_load(&USER, load()).await?;
    users.invalidate(&USER).await?;

    check(kept.as_deref() != Some(OLD) && ours == NEW, || {
        format!("after the invalidation Redstart kept {kept:?} and served {ours}")
    })?;
    check(snippet == OLD, || format!("the snippet served {snippet}"))?;
    Ok(
        "a row changes while it is loaded: the snippet keeps the old one, Redstart never"
            .to_owned(),
    )
}

/// A row, and queries that have read it and are on their way back.
struct Row {
    is_new: AtomicBool,
    read: Notify,
    may_end: watch::Sender<bool>,
}

impl Row {
    fn new() -> Arc<Row> {
        Arc::new(Row {
            is_new: AtomicBool::new(false),
            read: Notify::new(),
            may_end: watch::Sender::new(false),
        })
    }

    async fn query(&self) -> String {
        let row = match self.is_new.load(Ordering::Acquire) {
            true => NEW,
            false => OLD,
        };
        self.read.notify_one();
        let mut may_end = self.may_end.subscribe();
        let waited = may_end.wait_for(|may_end| *may_end).await;
        waited.expect("the row outlives its queries");
        row.to_owned()
    }

    async fn update_during_the_query(&self) {
        self.read.notified().await;
        self.is_new.store(true, Ordering::Release);
    }

    fn let_queries_end(&self) {
        self.may_end.send_replace(true);
    }
}
