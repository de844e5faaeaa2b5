//! The store on servers, beside redis-rs itself: the same requests over its multiplexed connection
//! and its cluster connection, in the same run and the same process.

mod client;
mod frozen;
mod load;
mod recovery;
mod resubscribing;

use tokio::runtime::Runtime;

use crate::report::Row;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Requests under load, then what happens when servers fail.
pub fn rows() -> Result<Vec<Row>, String> {
    let rows = || {
        let runtime = runtime()?;
        let mut rows = load::rows(&runtime)?;
        rows.extend(recovery::rows(&runtime)?);
        rows.extend(frozen::rows(&runtime)?);
        rows.push(resubscribing::row(&runtime)?);
        Ok(rows)
    };
    rows().map_err(|error: Failure| error.to_string())
}

fn runtime() -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(2).enable_all().build()?)
}
