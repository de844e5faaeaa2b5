//! Fuzzing: the targets of `fuzz/` as tests, and at length with libFuzzer.

use std::fs;

use crate::run::{Failure, Run, root};
use crate::tools;

const MANIFEST: &str = "--manifest-path fuzz/Cargo.toml";

/// Each target and its dictionary.
const TARGETS: &[(&str, &str)] = &[
    ("request_decoder", "protocol"),
    ("reply_decoder", "protocol"),
    ("commands", "commands"),
    ("script_inputs", "script_inputs"),
    ("redis_conf", "redis_conf"),
    ("rdb_load", "snapshots"),
    ("restore_payload", "snapshots"),
    ("aof_load", "protocol"),
];

/// What cargo-fuzz would have the compiler do, but for the sanitizers, which need a nightly
/// toolchain.
const GUIDED_BY_COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
     -Ccodegen-units=1";

/// Some thousands of inputs for each target, the same every time.
pub(crate) fn bounded(run: &mut Run) -> Result<(), Failure> {
    build_apart(run, "fuzz");
    run.cargo(&format!("fmt {MANIFEST} --check"))?;
    run.cargo(&format!(
        "clippy {MANIFEST} --no-default-features --tests -- -D warnings"
    ))?;
    run.tests(&format!("test {MANIFEST} --no-default-features"))
}

/// Minutes of libFuzzer for each target.
pub(crate) fn long(run: &mut Run) -> Result<(), Failure> {
    let triple = "x86_64-unknown-linux-gnu";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return run.left_out("libFuzzer is only set up for x86-64 Linux");
    }
    build_apart(run, "long-fuzz");
    run.set("RUSTFLAGS", GUIDED_BY_COVERAGE);
    // With a target named, build scripts are built without these flags.
    run.cargo(&format!("build {MANIFEST} --release --target {triple}"))?;
    let seconds = std::env::var("REDSTART_FUZZ_SECONDS").unwrap_or_else(|_| "600".to_owned());
    for (target, dictionary) in TARGETS {
        let corpus = root().join("fuzz/corpus").join(target);
        let artifacts = root().join("fuzz/artifacts").join(target);
        for directory in [&corpus, &artifacts] {
            fs::create_dir_all(directory).map_err(|error| {
                Failure(format!("cannot create {}: {error}", directory.display()))
            })?;
        }
        let program = tools::target().join(format!("long-fuzz/{triple}/release/{target}"));
        run.command(
            &program.display().to_string(),
            &[
                &format!("-max_total_time={seconds}"),
                "-max_len=2048",
                "-timeout=60",
                "-print_final_stats=1",
                "-verbosity=0",
                &format!("-dict=fuzz/dictionaries/{dictionary}.dict"),
                &format!("-artifact_prefix={}/", artifacts.display()),
                &corpus.display().to_string(),
                &format!("fuzz/seeds/{target}"),
            ],
        )?;
    }
    Ok(())
}

/// Other flags and other dependencies than everything else is built with.
fn build_apart(run: &mut Run, name: &str) {
    let directory = tools::target().join(name);
    run.set("CARGO_TARGET_DIR", &directory.display().to_string());
}
