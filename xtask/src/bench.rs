//! `cargo xtask bench`: builds what is compared and runs the benchmarks, a package of their own.

use std::process::{Command, ExitCode};

use crate::run::{cargo, root};
use crate::tools;

/// The areas that can be measured.
const AREAS: &[&str] = &[
    "engine", "embedded", "port", "memory", "limiter", "durable", "store", "cache",
];

/// Runs one area and answers as it did.
pub(crate) fn run(areas: &[&str]) -> Result<ExitCode, String> {
    let [area] = areas else {
        return Err(format!("bench takes one area: {}", AREAS.join(", ")));
    };
    if !AREAS.contains(area) {
        return Err(format!("there is no area `{area}`: {}", AREAS.join(", ")));
    }
    if !tools::has_redis_server() {
        return Err(
            "redis-server is missing: `cargo xtask test servers` installs it, or says how".into(),
        );
    }
    let root = root();
    let build = "build --release --package redstart-cli --bin redstart-server";
    status(
        Command::new(cargo())
            .args(build.split(' '))
            .current_dir(&root),
    )?;

    let status = Command::new(cargo())
        .args([
            "run",
            "--release",
            "--manifest-path",
            "benches/Cargo.toml",
            "--",
            area,
        ])
        .env(
            "REDSTART_SERVER_BIN",
            tools::target().join("release/redstart-server"),
        )
        .current_dir(&root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn status(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} ended with {status}")),
    }
}
