//! `cargo xtask`: how Redstart is tested.
//!
//! What is run stands in [`suites`], one row a suite; what it needs of the machine in [`tools`].

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

mod bench;
mod clients;
mod fuzz;
#[cfg(test)]
mod links;
mod run;
mod suites;
#[cfg(test)]
mod tidy;
mod tools;

use std::process::ExitCode;

use run::Run;
use suites::{SUITES, Suite, When};

const HELP: &str = "\
Tests Redstart.

Usage: cargo xtask <COMMAND> [OPTIONS] [SUITE...]

Commands:
  test    All tests: unit, integration and documentation tests
  ci      What CI runs: formatting, lints, documentation, all tests, each feature
          alone, then the larger suites
  soak    The long random histories, from a fresh seed each time
  bench   Measures one area beside its peers: engine (embedded, port and memory,
          each of which can be measured alone), or limiter
  list    The suites and what each of them is for

Options:
  -h, --help    This text

With names of suites, only those are run: cargo xtask ci clippy twins

Tests compare Redstart with a live redis-server 7.0. When none is installed and
this is root on a system with apt-get, it is installed; otherwise what to install
is said. REDSTART_TEST_SERVERS may name other binaries, separated by colons.
REDSTART_TWIN_COMMANDS and REDSTART_TWIN_SEED set how many random commands are
compared and where they begin.

The suites redis-rs and redis-py run other people's clients against
redstart-server. REDSTART_ADD_PASSING=1 adds those of redis-rs' tests that pass by
now to the list of those that must.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (command, rest) = words.split_first().unwrap_or((&"--help", &[]));
    if rest.iter().any(|word| matches!(*word, "-h" | "--help")) {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let when = match *command {
        "-h" | "--help" | "help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        "list" => {
            list();
            return ExitCode::SUCCESS;
        }
        "bench" => return bench::run(rest).unwrap_or_else(|error| wrong(&error)),
        "test" => When::Test,
        "ci" => When::Ci,
        "soak" => When::Soak,
        other => return wrong(&format!("there is no command `{other}`")),
    };
    let mut chosen: Vec<&Suite> = SUITES
        .iter()
        .filter(|suite| suite.when.contains(&when))
        .collect();
    for name in rest {
        if !chosen.iter().any(|suite| suite.name == *name) {
            return wrong(&format!("`{command}` has no suite `{name}`"));
        }
    }
    if !rest.is_empty() {
        chosen.retain(|suite| rest.contains(&suite.name));
    }
    Run::new(when).all(&chosen)
}

fn wrong(what: &str) -> ExitCode {
    eprintln!("error: {what}; see `cargo xtask --help` and `cargo xtask list`");
    ExitCode::from(2)
}

fn list() {
    for suite in SUITES {
        let when: Vec<&str> = suite.when.iter().map(|when| when.name()).collect();
        println!("{:<14} {:<14} {}", suite.name, when.join(", "), suite.about);
    }
}
