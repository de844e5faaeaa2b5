//! Benchmarks: Redstart beside the peers a user would pick, in one run on one machine.
//!
//! Run by `cargo xtask bench <area>`.

mod cache;
mod durable;
mod embedded;
mod limiter;
mod memory;
mod port;
mod report;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    let area = std::env::args().nth(1).unwrap_or_default();
    if area == cache::CHILD {
        return match cache::child() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    let result = match area.as_str() {
        "engine" => engine(),
        "embedded" => Ok(embedded::rows()),
        "port" => port::Contestants::find().and_then(|all| port::rows(&all)),
        "memory" => port::Contestants::find().and_then(|all| memory::rows(&all)),
        "limiter" => limiter::rows(),
        "store" => store::rows(),
        "cache" => cache::rows(),
        "durable" => port::Contestants::find().and_then(|all| durable::rows(&all)),
        _ => Err(
            "which area? engine (embedded, port and memory), limiter, durable, store, or cache"
                .to_owned(),
        ),
    };
    match result {
        Ok(rows) => {
            report::publish(&area, &rows);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

fn engine() -> Result<Vec<report::Row>, String> {
    let contestants = port::Contestants::find()?;
    let mut rows = embedded::rows();
    rows.extend(port::rows(&contestants)?);
    rows.extend(memory::rows(&contestants)?);
    Ok(rows)
}
