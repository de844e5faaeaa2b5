//! The tour: one line for each pattern, measured live.
//!
//! A line is a claim, and each checks its own: what it says happened did happen a moment ago, on
//! this machine, or the line is marked as failed and the tour with it. Where it can, a line is a
//! race between the snippet that everybody copies and Redstart, over the same store.

mod caching;
mod cluster;
#[cfg(unix)]
mod failover;
mod figures;
mod invalidation;
mod leaderboard;
mod limiting;
mod monitoring;
mod persistence;
mod pubsub;
mod sessions;
mod stage;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use redstart::cache::CacheError;
use redstart::store::Error;

pub(crate) use stage::Stage;

use crate::exec::UNREACHABLE;
use crate::output::{Style, print_line, print_raw, report};
use crate::serving;

/// One stop of the tour.
struct Stop {
    name: &'static str,
    /// Shown while it runs.
    doing: &'static str,
    run: for<'a> fn(&'a Stage) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Finding> + Send + 'a>>;

/// What a stop has to say, or why it could not say it.
type Finding = Result<String, Shortfall>;

/// Why a line is not there as it should be.
#[derive(Debug)]
enum Shortfall {
    /// The store failed.
    Store(Error),
    /// Something turned out not to be so.
    Untrue(String),
    /// It cannot be shown here.
    NotHere(&'static str),
}

/// What became of the whole tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    kept: usize,
    broken: usize,
    left_out: usize,
    took: Duration,
}

const STOPS: &[Stop] = &[
    Stop {
        name: "Caching",
        doing: "1,000 callers want one cold key",
        run: |on| Box::pin(caching::run(on)),
    },
    Stop {
        name: "Invalidation",
        doing: "changing a row while it is loaded",
        run: |on| Box::pin(invalidation::run(on)),
    },
    Stop {
        name: "Leaderboard",
        doing: "100,000 players are moving",
        run: |on| Box::pin(leaderboard::run(on)),
    },
    Stop {
        name: "Pub/sub",
        doing: "publishing to 4 subscribers",
        run: |on| Box::pin(pubsub::run(on)),
    },
    Stop {
        name: "Rate limiting",
        doing: "64 racers want 100 places",
        run: |on| Box::pin(limiting::run(on)),
    },
    Stop {
        name: "Sessions",
        doing: "logging in and out",
        run: |on| Box::pin(sessions::run(on)),
    },
    Stop {
        name: "Cluster",
        doing: "looking for slots",
        run: |on| Box::pin(cluster::run(on)),
    },
    #[cfg(unix)]
    Stop {
        name: "Failover",
        doing: "killing a primary of a real cluster",
        run: |on| Box::pin(failover::run(on)),
    },
    Stop {
        name: "Persistence",
        doing: "killing a server",
        run: |on| Box::pin(persistence::run(on)),
    },
    Stop {
        name: "Monitoring",
        doing: "asking for INFO",
        run: |on| Box::pin(monitoring::run(on)),
    },
];

/// No stop takes this long unless something is broken.
const STOP_MAX: Duration = Duration::from_secs(60);

/// The keys the tour writes: stop and name.
const KEYS: &[(&str, &str)] = &[
    ("cache", "get_user:123"),
    ("invalidation", "get_user:456"),
    ("leaderboard", "season"),
    ("limiter", "rate:api:123"),
    ("session", "b1946ac92492d234"),
];

/// The name of the tour's cache. Its entries are gone when a stop ends.
const CACHE: &str = "users";

/// `redstart tour`: runs it on a store and says how it went.
pub(crate) fn run(url: &str) -> ExitCode {
    let style = Style::of_stdout();
    let runtime = match serving::runtime() {
        Ok(runtime) => runtime,
        Err(reason) => {
            report(&format!("redstart: {reason}"));
            return ExitCode::FAILURE;
        }
    };
    let given = runtime.block_on(async {
        let stage = Stage::open(url).await?;
        print_line("");
        print_line(&format!("  {}", style.faint(&stage.describe())));
        print_line("");
        let outcome = give(&stage, style).await;
        stage.clear().await;
        Ok::<_, Error>(outcome)
    });
    serving::end(runtime);
    match given {
        Ok(outcome) => {
            print_line("");
            print_line(&format!("  {}", outcome.summary(style)));
            outcome.exit_code()
        }
        Err(error) => {
            report(&format!("redstart: {error}"));
            ExitCode::from(if error.is_unavailable() {
                UNREACHABLE
            } else {
                1
            })
        }
    }
}

/// Gives the tour and prints a line for each stop.
pub(crate) async fn give(stage: &Stage, style: Style) -> Outcome {
    let started = stage.now();
    let mut outcome = Outcome {
        kept: 0,
        broken: 0,
        left_out: 0,
        took: Duration::ZERO,
    };
    for stop in STOPS {
        show_progress(stop, style);
        let finding = tokio::time::timeout(STOP_MAX, (stop.run)(stage)).await;
        let finding = finding.unwrap_or_else(|_| {
            Err(Shortfall::Untrue(format!(
                "it took longer than {} s",
                STOP_MAX.as_secs()
            )))
        });
        let (mark, text) = match &finding {
            Ok(claim) => {
                outcome.kept += 1;
                (style.green("✓"), claim.clone())
            }
            Err(Shortfall::NotHere(reason)) => {
                outcome.left_out += 1;
                (style.faint("–"), style.faint(reason))
            }
            Err(Shortfall::Untrue(reason)) => {
                outcome.broken += 1;
                (style.red("✗"), style.red(reason))
            }
            Err(Shortfall::Store(error)) => {
                outcome.broken += 1;
                (style.red("✗"), style.red(&error.to_string()))
            }
        };
        let name = style.bold(&format!("{:<13}", stop.name));
        if style.is_live() {
            print_raw(b"\r\x1b[2K");
        }
        print_line(&format!("  {mark} {name} {text}"));
    }
    outcome.took = stage.now() - started;
    outcome
}

/// On a terminal: what is going on, on the line where the result will stand.
fn show_progress(stop: &Stop, style: Style) {
    if style.is_live() {
        let line = format!(
            "  {} {:<13} {}",
            style.yellow("…"),
            stop.name,
            style.faint(stop.doing)
        );
        print_raw(line.as_bytes());
    }
}

impl Outcome {
    /// Zero if every claim held.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(u8::from(self.broken > 0))
    }

    /// How it went, in a line.
    pub(crate) fn summary(self, style: Style) -> String {
        let Outcome {
            kept,
            broken,
            left_out,
            took,
        } = self;
        let mut parts = vec![format!("{kept} of {} claims hold", kept + broken)];
        if left_out > 0 {
            parts.push(format!("{left_out} cannot be shown here"));
        }
        let text = format!(
            "{}, measured in {:.1} s",
            parts.join(", "),
            took.as_secs_f64()
        );
        match broken {
            0 => style.green(&text),
            _ => style.red(&text),
        }
    }
}

impl From<Error> for Shortfall {
    fn from(error: Error) -> Shortfall {
        Shortfall::Store(error)
    }
}

impl From<CacheError> for Shortfall {
    fn from(error: CacheError) -> Shortfall {
        match error {
            CacheError::Store(error) => Shortfall::Store(error),
            other => Shortfall::Untrue(other.to_string()),
        }
    }
}

/// Fails the line unless what it is about to say is so.
fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Shortfall> {
    match holds {
        true => Ok(()),
        false => Err(Shortfall::Untrue(otherwise())),
    }
}
