//! `redstart-server`: redis-server's arguments and configuration files.
//!
//! Tools and test suites that start a redis-server can start this one. Every option is either
//! obeyed or refused by name; none is accepted and forgotten, because whoever sets an option
//! counts on it.

mod directives;
mod durability;
mod lines;
mod options;

use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) use options::{BindAddress, ServerOptions, configure};

use crate::failure::Failure;
use crate::logging::{self, LogTarget};
use crate::output::{print_line, report};
use crate::serving::{self, PortChoice};

const HELP: &str = "\
redstart-server: Redstart's embedded engine behind a RESP port, started the way redis-server is

Usage: redstart-server [/path/to/redis.conf] [--option value ...] [-]
       redstart-server -              read the configuration from standard input
       redstart-server -v, --version
       redstart-server -h, --help

It keeps its data in the working directory, as redis-server does and in the same files; --save \"\"
and --appendonly no keep it in memory only. It has no replication and is no replacement for a Redis
or Valkey server. It listens on 127.0.0.1 and ::1 unless --bind says otherwise.

Examples:
       redstart-server
       redstart-server --port 7777 --requirepass secret
       redstart-server --port 0 --unixsocket /tmp/redstart.sock --save \"\"
       redstart-server --maxmemory 100mb --maxmemory-policy allkeys-lru
       echo 'maxclients 500' | redstart-server -

Options, as redis.conf spells them. Every other directive of Redis 7.0 may say what is the case
anyway, and is refused with the reason otherwise:";

/// Runs `redstart-server` with this process' arguments.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut words = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument.into_string() {
            Ok(word) => words.push(word),
            Err(argument) => {
                report(&format!(
                    "redstart-server: {} is not UTF-8",
                    argument.display()
                ));
                return ExitCode::FAILURE;
            }
        }
    }
    match words.first().map(String::as_str) {
        Some("-v" | "--version") => {
            print_line(&version_line());
            return ExitCode::SUCCESS;
        }
        Some("-h" | "--help") => {
            print_line(HELP);
            print_line(&directives::describe());
            return ExitCode::SUCCESS;
        }
        Some("--test-memory" | "--check-system") => {
            let word = &words[0];
            report(&format!(
                "redstart-server: {word} is not supported: it only serves"
            ));
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    match serve(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report("redstart-server");
            ExitCode::FAILURE
        }
    }
}

fn serve(words: &[String]) -> Result<(), Failure> {
    let options = ServerOptions::from_words(words)?;
    logging::start(&options.logging(LogTarget::StandardOutput))?;
    let port = PortChoice::Exactly(options.port.unwrap_or(serving::DEFAULT_PORT));
    serving::run(&options, port)
}

/// What `--version` prints. Tools read the number after `v=` to learn what they may expect, so it
/// is the version of Redis whose behaviour this server has.
fn version_line() -> String {
    format!(
        "Redstart server v={} redstart={} bits={} (v= is the version of Redis it is compatible with)",
        serving::COMPATIBLE_VERSION,
        env!("CARGO_PKG_VERSION"),
        usize::BITS,
    )
}
