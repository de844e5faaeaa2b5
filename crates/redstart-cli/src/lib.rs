//! The programs `redstart` and `redstart-server`.
//!
//! Not an interface to build upon: what they are made of is in `redstart` and `redstart-engine`.

mod arguments;
mod check;
#[cfg(unix)]
mod cluster;
mod data_files;
mod exec;
mod failure;
mod files;
mod import;
mod keeping;
mod logging;
mod output;
mod redis_server;
mod reply;
mod serve;
mod serving;
mod signals;
mod tour;
#[cfg(unix)]
mod up;
mod welcome;

use std::process::ExitCode;

/// Runs `redstart` with this process' arguments.
pub fn redstart() -> ExitCode {
    arguments::run()
}

/// Runs `redstart-server` with this process' arguments.
pub fn redstart_server() -> ExitCode {
    redis_server::run()
}
