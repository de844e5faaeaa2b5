//! How long the invalidation of a tag takes, with a million entries and with one.

use std::time::Instant;

use redstart::Store;
use redstart_testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::contestant::{cache, value};
use super::{Failure, many};
use crate::report::{Better, Row, median};

const ENTRIES: u64 = 1_000_000;
const WRITERS: u64 = 256;
const TRIES: usize = 21;

pub fn rows(runtime: &Runtime, server: &Server) -> Result<Vec<Row>, Failure> {
    server.call(&["FLUSHALL"])?;
    runtime.block_on(async {
        let entries = many(ENTRIES);
        let one = invalidating(server, 1).await?;
        let all = invalidating(server, entries).await?;
        Ok(vec![Row {
            name: format!("invalidating a tag with {entries} entries"),
            ours: all,
            peer: one,
            peer_name: "with one entry",
            unit: "µs",
            better: Better::Lower,
        }])
    })
}

/// Fills a tag and invalidates it; of several times the middle one, in microseconds.
async fn invalidating(server: &Server, entries: u64) -> Result<f64, Failure> {
    let store = Store::open(&server.url()).await?;
    let cache = cache(&store)?;
    let writers = WRITERS.min(entries);
    let mut writing = JoinSet::new();
    for writer in 0..writers {
        let cache = cache.clone();
        writing.spawn(async move {
            for key in (writer..entries).step_by(writers as usize) {
                cache.put(&key, &value(key)).tag("all").await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    let last = entries - 1;
    cache.get(&last).await?.ok_or("an entry is not there")?;
    let mut took = Vec::new();
    for _ in 0..TRIES {
        let start = Instant::now();
        cache.invalidate_tags(["all"]).await?;
        took.push(start.elapsed().as_secs_f64() * 1e6);
        if cache.get(&last).await?.is_some() {
            return Err("an entry outlived the invalidation of its tag".into());
        }
    }
    Ok(median(took))
}
