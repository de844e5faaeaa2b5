//! redis-rs' own tests. The crate is published with them, and they start the server that
//! `REDISRS_SERVER_BIN` names.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::isolated::{self, Test};
use super::{arg, executables, json, ours, passing, redstart_server, theirs};
use crate::run::{Failure, Run, cargo};

/// The files of tests that speak of what we serve; not cluster, Sentinel, TLS, modules, caching.
const FILES: [&str; 4] = ["test_async", "test_basic", "test_geospatial", "test_script"];

/// Each test runs in each of these.
const SETTINGS: [Setting; 2] = [
    Setting {
        protocol: "RESP2",
        server: "tcp",
    },
    Setting {
        protocol: "RESP3",
        server: "unix",
    },
];

/// Far beyond what the slowest needs on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(120);
/// For a test that is not known to pass: some wait for what never comes.
const LIMIT_UNKNOWN: Duration = Duration::from_secs(5);

/// How often a test that must pass may be run: they measure time, and the machine may be busy.
const TRIES: usize = 3;

struct Setting {
    protocol: &'static str,
    server: &'static str,
}

/// A place under `target` and what has been built there.
struct Package {
    directory: PathBuf,
    binaries: [String; FILES.len()],
}

/// Runs the tests and compares those that pass with the list in the repository.
pub(crate) fn suite(run: &mut Run) -> Result<(), Failure> {
    let server = redstart_server(run)?;
    let package = build(run)?;
    let path = ours().join("redis-rs.passing");
    let list = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;

    let must_pass = passing::names(&list);
    let tests = tests(run, &package, &server, &must_pass)?;
    let results = isolated::run_all(&tests).map_err(cannot_run)?;
    let mut failed_tests = BTreeSet::new();
    for (test, mut passed) in tests.iter().zip(results) {
        let must = must_pass.contains(test.name.as_str());
        for number in 2..=TRIES {
            if must && !passed {
                passed = isolated::run(test).map_err(cannot_run)?;
                if passed {
                    run.note(format!("{} passed at try {number}", test.name));
                }
            }
        }
        if must && !passed {
            let said = fs::read(&test.log).unwrap_or_default();
            println!("---- {}\n{}", test.name, String::from_utf8_lossy(&said));
        }
        if !passed {
            failed_tests.insert(test.name.clone());
        }
    }
    let passed_tests = tests
        .iter()
        .map(|test| test.name.clone())
        .filter(|name| !failed_tests.contains(name))
        .collect();
    report(run, &path, &list, &passed_tests, &failed_tests)
}

fn report(
    run: &mut Run,
    path: &Path,
    list: &str,
    passed: &BTreeSet<String>,
    failed_tests: &BTreeSet<String>,
) -> Result<(), Failure> {
    let verdict = passing::judge(list, passed, failed_tests);
    for name in &verdict.not_yet {
        println!("not yet: {name}");
    }
    for name in &verdict.absent {
        println!("absent: {name}");
    }
    if !verdict.new.is_empty() {
        if std::env::var_os("REDSTART_ADD_PASSING").is_some() {
            let grown = passing::with(list, &verdict.new);
            fs::write(path, grown).map_err(|error| failed(path, &error))?;
            run.note(format!("{} added", verdict.new.len()));
        } else {
            for name in &verdict.new {
                println!("passes by now, add it to {}: {name}", path.display());
            }
            run.note(format!("{} to be added", verdict.new.len()));
        }
    }
    let missing = [verdict.broken, verdict.absent].concat();
    run.count(passed.len(), missing.len());
    run.note(format!("{} not yet", verdict.not_yet.len()));
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure(format!(
            "do not pass any more: {}",
            missing.join(", ")
        ))),
    }
}

/// Lays the package out and builds its tests.
fn build(run: &mut Run) -> Result<Package, Failure> {
    let directory = theirs(run)?.join("redis-rs");
    let package = ours().join("redis-rs");
    copy(&package, &directory).map_err(|error| failed(&package, &error))?;
    let manifest = directory.join("Cargo.toml");
    let manifest = format!("--manifest-path={}", arg(&manifest)?);
    let metadata = run.output(
        &cargo(),
        &["metadata", "--locked", "--format-version=1", &manifest],
    )?;
    let metadata = json(&metadata)?;
    let source = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "redis")
        .and_then(|package| Path::new(package["manifest_path"].as_str()?).parent())
        .ok_or_else(|| Failure("cargo does not say where the redis crate is".to_owned()))?;
    let (from, to) = (source.join("tests"), directory.join("tests"));
    copy(&from.join("support"), &to.join("support")).map_err(|error| failed(&from, &error))?;
    for file in FILES {
        let file = format!("{file}.rs");
        copy(&from.join(&file), &to.join(&file)).map_err(|error| failed(&from, &error))?;
    }
    run.set("CARGO_TARGET_DIR", arg(&directory.join("target"))?);
    let built = run.output(
        &cargo(),
        &[
            "test",
            "--locked",
            "--no-run",
            "--message-format=json-render-diagnostics",
            &manifest,
        ],
    )?;
    Ok(Package {
        binaries: executables(&built, "test", &FILES)?,
        directory,
    })
}

/// Every test in every setting.
fn tests(
    run: &mut Run,
    package: &Package,
    server: &str,
    known: &BTreeSet<&str>,
) -> Result<Vec<Test>, Failure> {
    let mut tests = Vec::new();
    for binary in &package.binaries {
        let listed = run.output(binary, &["--list", "--format=terse"])?;
        let names = listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"));
        for (name, setting) in names.flat_map(|name| SETTINGS.iter().map(move |it| (name, it))) {
            let log = format!("{}/{}.log", setting.protocol, name.replace("::", "-"));
            tests.push(Test {
                name: name.to_owned(),
                program: binary.clone(),
                args: ["--exact", name, "--nocapture"].map(str::to_owned).into(),
                environment: vec![
                    ("REDISRS_SERVER_BIN", server.to_owned()),
                    ("REDISRS_SERVER_TYPE", setting.server.to_owned()),
                    ("PROTOCOL", setting.protocol.to_owned()),
                ],
                directory: package.directory.clone(),
                log: package.directory.join("log").join(log),
                limit: match known.contains(name) {
                    true => LIMIT,
                    false => LIMIT_UNKNOWN,
                },
            });
        }
    }
    Ok(tests)
}

/// Copies a file or a folder. What is there already is left alone, or cargo would build it anew.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let content = fs::read(from)?;
    match fs::read(to).is_ok_and(|there| there == content) {
        true => Ok(()),
        false => fs::write(to, content),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

fn cannot_run(error: io::Error) -> Failure {
    Failure(format!("cannot run a test: {error}"))
}
