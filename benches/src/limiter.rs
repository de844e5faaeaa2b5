//! A check of the limiter: embedded beside governor, remote beside a script that does nothing and
//! beside the snippet that is copied most often, on the same redis-server in the same run.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::{Quota as GovernorQuota, RateLimiter};
use redstart::Store;
use redstart::limiter::{Limiter, Policy, Quota};
use redstart_testkit::Server;

use crate::report::{Better, Row, median};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(400);
const SUBJECTS: usize = 1_000;
/// Checks under way at once on the remote side.
const TASKS: usize = 64;

pub fn rows() -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut rows = embedded().await?;
        rows.extend(remote().await?);
        Ok(rows)
    })
}

fn subjects() -> Vec<String> {
    (0..SUBJECTS).map(|n| format!("user:{n:08}")).collect()
}

/// A limit that lets nearly everything pass, so that each check writes.
fn generous() -> Result<Policy, String> {
    let quota = Quota::per_second(1_000_000).burst(1_000_000);
    Policy::new("bench", quota).map_err(|error| error.to_string())
}

/// A limit that lets nearly nothing pass.
fn strict() -> Result<Policy, String> {
    Policy::new("strict", Quota::per_hour(1)).map_err(|error| error.to_string())
}

async fn embedded() -> Result<Vec<Row>, String> {
    let store = Store::open("memory:")
        .await
        .map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for (name, policy, quota) in [
        (
            "admitted",
            generous()?,
            governor_quota(1_000_000, 1_000_000),
        ),
        ("denied", strict()?, governor_quota(1, 1)),
    ] {
        let limiter = Limiter::new(&store, policy);
        let governor = RateLimiter::keyed(quota);
        let subjects = subjects();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (start, mut done) = (Instant::now(), 0);
            while start.elapsed() < ROUND {
                for subject in &subjects {
                    let decision = limiter.check(subject).await;
                    std::hint::black_box(decision.map_err(|error| error.to_string())?.allowed);
                }
                done += SUBJECTS;
            }
            ours.push(start.elapsed().as_nanos() as f64 / done as f64);
            let (start, mut done) = (Instant::now(), 0);
            while start.elapsed() < ROUND {
                for subject in &subjects {
                    std::hint::black_box(governor.check_key(subject).is_ok());
                }
                done += SUBJECTS;
            }
            theirs.push(start.elapsed().as_nanos() as f64 / done as f64);
        }
        rows.push(Row {
            name: format!("limiter, embedded, 1,000 subjects: {name}"),
            ours: median(ours),
            peer: median(theirs),
            peer_name: "governor 0.10, keyed",
            unit: "ns/check",
            better: Better::Lower,
        });
    }
    Ok(rows)
}

fn governor_quota(per_second: u32, burst: u32) -> GovernorQuota {
    let nonzero = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    GovernorQuota::per_second(nonzero(per_second)).allow_burst(nonzero(burst))
}

/// What a task does once with a subject, on a store.
#[derive(Clone, Copy)]
enum Action {
    Check,
    NoOp,
    Snippet,
}

async fn remote() -> Result<Vec<Row>, String> {
    let server = Server::from_path().and_then(|server| server.start());
    let server = server.map_err(|error| error.to_string())?;
    let store = Store::open(&server.url())
        .await
        .map_err(|error| error.to_string())?;
    let loaded = store.command(["SCRIPT", "LOAD", "return 1"]).await;
    let sha = match loaded.map_err(|error| error.to_string())? {
        redstart_protocol::Value::Bulk(sha) => String::from_utf8_lossy(&sha).into_owned(),
        other => return Err(format!("SCRIPT LOAD answered {other:?}")),
    };
    let limiter = Limiter::new(&store, generous()?);

    let actions = [Action::Check, Action::NoOp, Action::Snippet];
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (action, results) in actions.iter().zip(&mut rounds) {
            results.push(rate(*action, &store, &limiter, &sha).await?);
        }
    }
    let [ours, no_op, snippet] = rounds.map(median);
    let row = |peer: f64, peer_name: &'static str| Row {
        name: format!("limiter, remote, {TASKS} tasks: admitted"),
        ours,
        peer,
        peer_name,
        unit: "checks/s",
        better: Better::Higher,
    };
    Ok(vec![
        row(no_op, "EVALSHA of `return 1`"),
        row(snippet, "the copied snippet"),
    ])
}

async fn rate(action: Action, store: &Store, limiter: &Limiter, sha: &str) -> Result<f64, String> {
    let mut tasks = tokio::task::JoinSet::new();
    let start = Instant::now();
    for task in 0..TASKS {
        let (store, limiter, sha) = (store.clone(), limiter.clone(), sha.to_owned());
        tasks.spawn(async move {
            let mut done = 0;
            while start.elapsed() < ROUND {
                let subject = format!("user:{:08}", (task * 7919 + done * 31) % SUBJECTS);
                match action {
                    Action::Check => drop(limiter.check(&subject).await),
                    Action::NoOp => drop(store.command(["EVALSHA", &sha, "1", &subject]).await),
                    Action::Snippet => snippet(&store, &subject, done).await,
                }
                done += 1;
            }
            done
        });
    }
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task.map_err(|error| error.to_string())?;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// Count what is in the window, compare, add: several round trips, and a race between them.
async fn snippet(store: &Store, subject: &str, n: usize) {
    let key = format!("snippet:{subject}");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    let (from, score) = ((now - 1.0).to_string(), now.to_string());
    let member = format!("{now}:{n}");
    drop(store.command(["ZREMRANGEBYSCORE", &key, "0", &from]).await);
    drop(store.command(["ZCARD", &key]).await);
    drop(store.command(["ZADD", &key, &score, &member]).await);
    drop(store.command(["EXPIRE", &key, "1"]).await);
}
