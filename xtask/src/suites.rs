//! The suites, in the order they run. Another suite is another row.

use crate::clients::{redis_py, redis_rs};
use crate::fuzz;
use crate::run::{Failure, Run};
use crate::tools;

/// One row.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// What it is for, in one line.
    pub(crate) about: &'static str,
    /// The commands that run it.
    pub(crate) when: &'static [When],
    pub(crate) run: fn(&mut Run) -> Result<(), Failure>,
}

/// A command that runs suites.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Test,
    Ci,
    Soak,
}

impl When {
    pub(crate) fn name(self) -> &'static str {
        match self {
            When::Test => "test",
            When::Ci => "ci",
            When::Soak => "soak",
        }
    }
}

use When::{Ci, Soak, Test};

pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "servers",
        about: "the servers that tests compare with are there",
        when: &[Test, Ci, Soak],
        run: tools::servers,
    },
    Suite {
        name: "fmt",
        about: "the code is as rustfmt writes it",
        when: &[Ci],
        run: |run| run.cargo("fmt --all --check"),
    },
    Suite {
        name: "clippy",
        about: "no lint has anything to say, with all features",
        when: &[Ci],
        run: |run| run.cargo("clippy --workspace --all-targets --all-features -- -D warnings"),
    },
    Suite {
        name: "features",
        about: "each feature compiles alone, and so does none, without a warning",
        when: &[Ci],
        run: features,
    },
    Suite {
        name: "docs",
        about: "the documentation has no broken link",
        when: &[Ci],
        run: |run| {
            run.set("RUSTDOCFLAGS", "-D warnings");
            run.cargo("doc --workspace --all-features --no-deps")
        },
    },
    Suite {
        name: "deny",
        about: "licences, bans and sources of what we depend on",
        when: &[Ci],
        run: |run| match tools::has_cargo("deny") {
            // Advisories come from a database that has to be fetched; the rest is in the sources.
            true => run.cargo("deny --all-features check licenses bans sources"),
            false => run.left_out("cargo-deny is not installed: cargo install --locked cargo-deny"),
        },
    },
    Suite {
        name: "tests",
        about: "every unit and integration test",
        when: &[Test, Ci],
        run: |run| match tools::has_cargo("nextest") {
            true => run.tests("nextest run --workspace --all-features --no-fail-fast"),
            false => {
                run.tests("test --workspace --all-features --lib --bins --tests --no-fail-fast")
            }
        },
    },
    Suite {
        name: "doctests",
        about: "every example in the documentation",
        when: &[Test, Ci],
        run: |run| run.tests("test --workspace --all-features --doc --no-fail-fast"),
    },
    Suite {
        name: "browser",
        about: "the example shop's pages, in Chromium",
        when: &[Test, Ci],
        run: |run| match tools::has_browser(run) {
            true => run.tests("test -p shop --test it browser:: -- --ignored"),
            false => run.left_out(
                "chromedriver is not installed: apt-get install chromium chromium-driver",
            ),
        },
    },
    Suite {
        name: "redis-rs",
        about: "redis-rs' own tests on redstart-server: what has passed goes on passing",
        when: &[Test, Ci],
        run: redis_rs::suite,
    },
    Suite {
        name: "redis-py",
        about: "redis-py on redstart-server, as on redis-server",
        when: &[Test, Ci],
        run: redis_py::suite,
    },
    Suite {
        name: "twins",
        about: "random commands, compared byte by byte with redis-server: many more of them",
        when: &[Ci],
        run: |run| {
            run.set_default("REDSTART_TWIN_COMMANDS", "200000");
            run.tests("test -p redstart-engine --all-features --test it --no-fail-fast twin::")
        },
    },
    Suite {
        name: "port-twins",
        about: "the same through the port, with redstart-server in the engine's place",
        when: &[Ci],
        run: |run| {
            run.cargo("build -p redstart-cli --bin redstart-server")?;
            let server = tools::target().join("debug/redstart-server");
            run.set("REDSTART_TWIN_SUBJECT", &server.display().to_string());
            run.set_default("REDSTART_TWIN_COMMANDS", "60000");
            // What MONITOR shows arrives when it does; the test that compares it needs the engine
            // itself on our side.
            run.tests(
                "test -p redstart-engine --all-features --test it --no-fail-fast twin:: -- \
                 --skip watching::commands_are_shown_alike",
            )
        },
    },
    Suite {
        name: "cache",
        about: "a hundred thousand histories of a cache and all that can happen to it, a million reads",
        when: &[Ci],
        run: |run| {
            run.set_default("REDSTART_CACHE_HISTORIES", "100000");
            run.set_default("REDSTART_CACHE_READS", "1000000");
            // Sixteen times as fast as without optimization, which is more than it takes to build.
            run.tests("test --release -p redstart --all-features --lib cache::tests::no_history")?;
            run.tests("test --release -p redstart --all-features --test it cache::stale::")
        },
    },
    Suite {
        name: "crashes",
        about: "ten thousand crashes of a disk that forgets, each opened again",
        when: &[Ci],
        run: |run| {
            run.set_default("REDSTART_CRASH_IMAGES", "10000");
            run.tests("test -p redstart-engine --all-features --lib durable::tests::crash")
        },
    },
    Suite {
        name: "schedules",
        about: "the engine's locks, under schedules that are chosen to go wrong",
        when: &[Ci, Soak],
        run: schedules,
    },
    Suite {
        name: "simulated",
        about: "the store and its subscriptions on servers that fail in every way, 20,000 schedules",
        when: &[Ci, Soak],
        run: simulated,
    },
    Suite {
        name: "real-schedules",
        about: "the store on real servers behind proxies that fail, thousands of schedules of it",
        when: &[Soak],
        run: |run| {
            run.set_default("REDSTART_REAL_SCHEDULES", "4000");
            run.set_default("REDSTART_SCHEDULE_SEED", &tools::seed_of_the_day());
            run.tests("test --release -p redstart --all-features --test it schedules::")
        },
    },
    Suite {
        name: "fuzz",
        about: "some thousands of inputs for every fuzz target",
        when: &[Ci],
        run: fuzz::bounded,
    },
    Suite {
        name: "long-fuzz",
        about: "ten minutes of libFuzzer for every fuzz target",
        when: &[Soak],
        run: fuzz::long,
    },
    Suite {
        name: "long-twins",
        about: "the same for millions of commands, with seeds of the day",
        when: &[Soak],
        run: |run| {
            run.set_default("REDSTART_TWIN_COMMANDS", "5000000");
            run.set_default("REDSTART_TWIN_SEED", &tools::seed_of_the_day());
            run.tests(
                "test --release -p redstart-engine --all-features --test it --no-fail-fast twin::",
            )
        },
    },
];

fn schedules(run: &mut Run) -> Result<(), Failure> {
    if run.is(Soak) {
        run.set_default("SHUTTLE_SCHEDULES", "200000");
    }
    // Other flags than everything else is built with.
    let directory = tools::target().join("schedules");
    run.set("CARGO_TARGET_DIR", &directory.display().to_string());
    run.set("RUSTFLAGS", "--cfg shuttle");
    run.tests("test -p redstart-engine --lib --no-default-features schedules::")
}

fn simulated(run: &mut Run) -> Result<(), Failure> {
    let schedules = match run.is(Soak) {
        true => "100000",
        false => "5000",
    };
    run.set_default("REDSTART_SCHEDULES", schedules);
    // So that a seed decides even what tokio leaves to chance.
    let directory = tools::target().join("simulated");
    run.set("CARGO_TARGET_DIR", &directory.display().to_string());
    run.set("RUSTFLAGS", "--cfg tokio_unstable");
    run.tests("test -p redstart --lib --no-default-features simulation::")
}

/// The packages whose features can be chosen by their users.
const WITH_FEATURES: &[&str] = &["redstart-engine", "redstart"];

fn features(run: &mut Run) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for package in WITH_FEATURES {
        let mut choices = vec![String::new()];
        let features = tools::features_of(package)?;
        choices.extend(
            features
                .iter()
                .map(|feature| format!("--features {feature}")),
        );
        for choice in choices {
            let lint = format!("clippy -p {package} --no-default-features {choice} -- -D warnings");
            if run.cargo(&lint).is_err() {
                failed.push(format!("{package} {choice}"));
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure(format!("not clean: {}", failed.join(", ")))),
    }
}
