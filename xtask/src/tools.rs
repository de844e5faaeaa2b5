//! What the suites need of the machine: which tools, which versions, and how to get them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::run::{Failure, Run, cargo, root};

/// The oracle's version; its texts are the ones compared with.
const ORACLE: &str = "7.0.";

/// What apt-get installs when no server is there.
const SERVER_PACKAGES: [&str; 2] = ["redis-server", "redis-tools"];

/// Reads INFO for Prometheus; Debian's package of that name.
const EXPORTER: &str = "prometheus-redis-exporter";

/// Chromium, and what leads it; Debian's packages of these names.
const BROWSER_PACKAGES: [&str; 2] = ["chromium-driver", "chromium"];

/// Finds redis-server, installing it if it is missing and that is possible, and says which
/// servers are used.
pub(crate) fn servers(run: &mut Run) -> Result<(), Failure> {
    if version_of("redis-server").is_none() {
        install(run, &SERVER_PACKAGES, missing)?;
    }
    let oracle = version_of("redis-server").ok_or_else(|| missing("redis-server"))?;
    if !oracle.starts_with(ORACLE) {
        return Err(Failure(format!(
            "redis-server in PATH is {oracle}, and the tests compare with {ORACLE}x: put a redis-server \
             {ORACLE}x first in PATH (Debian 12 and Ubuntu 24.04 have it as the package redis-server)"
        )));
    }
    // What it cannot be compared with is not compared: the test says so.
    if !succeeds(EXPORTER, &["-version"]) && is_root() {
        let _ = install(run, &[EXPORTER], missing);
    }
    run.note(format!("redis-server {oracle}"));
    let others = std::env::var("REDSTART_TEST_SERVERS").unwrap_or_default();
    for path in others.split(':').filter(|path| !path.is_empty()) {
        let version = version_of(path).ok_or_else(|| {
            Failure(format!(
                "REDSTART_TEST_SERVERS names {path}, which is no server"
            ))
        })?;
        run.note(format!("{path} {version}"));
    }
    Ok(())
}

/// Whether there is a browser to look at pages with. Installs Debian's if that is possible.
pub(crate) fn has_browser(run: &mut Run) -> bool {
    if !succeeds("chromedriver", &["--version"]) && is_root() {
        let _ = install(run, &BROWSER_PACKAGES, missing);
    }
    succeeds("chromedriver", &["--version"])
}

/// Whether there is a redis-server to compare with.
pub(crate) fn has_redis_server() -> bool {
    version_of("redis-server").is_some()
}

/// Whether cargo knows a subcommand.
pub(crate) fn has_cargo(subcommand: &str) -> bool {
    succeeds(&cargo(), &[subcommand, "--version"])
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The features of a package, from its manifest.
pub(crate) fn features_of(package: &str) -> Result<Vec<String>, Failure> {
    let path = root().join("crates").join(package).join("Cargo.toml");
    let manifest = fs::read_to_string(&path)
        .map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
    Ok(manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| !name.starts_with('#') && name != "default")
        .collect())
}

/// A number that changes from day to day.
#[allow(
    clippy::disallowed_methods,
    reason = "a soak begins elsewhere every day"
)]
pub(crate) fn seed_of_the_day() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    (now.as_secs() / 86_400).to_string()
}

/// Installs packages of Debian's where that is possible, else says that they are missing.
pub(crate) fn install(
    run: &mut Run,
    packages: &[&str],
    missing: fn(&str) -> Failure,
) -> Result<(), Failure> {
    let name = packages.first().copied().unwrap_or_default();
    if !succeeds("apt-get", &["--version"]) || !is_root() {
        return Err(missing(name));
    }
    println!("{name} is missing, and this is root: installing it");
    run.set("DEBIAN_FRONTEND", "noninteractive");
    run.command("apt-get", &["update", "-q"])?;
    let mut args = vec!["install", "-y", "-q", "--no-install-recommends"];
    args.extend(packages);
    run.command("apt-get", &args)
}

fn missing(name: &str) -> Failure {
    Failure(format!(
        "{name} {ORACLE}x is not in PATH, and it cannot be installed from here. Install it: \
         `apt-get install {}` (Debian, Ubuntu; as root), or build it from source and put it in PATH",
        SERVER_PACKAGES.join(" ")
    ))
}

/// The `v=` of `--version`.
fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .find_map(|word| word.strip_prefix("v="))
        .map(str::to_owned)
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
