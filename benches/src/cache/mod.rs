//! The cache, beside what is put before an origin otherwise: plain commands, the copied snippet,
//! redis.io's guide to cache-aside in Rust, and the crate `cached`. In one run on one server.

mod contestant;
mod fan_in;
mod frozen;
mod reads;
mod size;
mod stale;
mod tags;

use redstart_testkit::Server;
use tokio::runtime::Runtime;

use crate::report::Row;

pub use fan_in::{CHILD, child};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What it costs, then what it gives.
pub fn rows() -> Result<Vec<Row>, String> {
    let rows = || {
        let (runtime, server) = (runtime()?, Server::from_path()?.tcp().start()?);
        let mut rows = reads::rows(&runtime, &server)?;
        rows.extend(size::rows(&runtime, &server)?);
        rows.extend(tags::rows(&runtime, &server)?);
        rows.extend(frozen::rows(&runtime)?);
        rows.extend(fan_in::rows(&server)?);
        rows.extend(stale::rows(&runtime, &server)?);
        Ok(rows)
    };
    rows().map_err(|error: Failure| error.to_string())
}

fn runtime() -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(2).enable_all().build()?)
}

/// How many of a large number: a tenth of them where `REDSTART_BENCH_QUICK` is set.
fn many(full: u64) -> u64 {
    match std::env::var_os("REDSTART_BENCH_QUICK") {
        Some(_) => full / 10,
        None => full,
    }
}
