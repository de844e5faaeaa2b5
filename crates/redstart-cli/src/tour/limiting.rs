//! Rate limiting: 64 racers on a limit of 100, by the snippet that everybody copies and by
//! Redstart's limiter, over the same connection.
//!
//! The snippet asks how many there were (ZCARD) and then adds itself (ZADD): two round trips, and
//! all who ask before the others have added themselves are let in. It also takes its time from the
//! caller, and two callers at the same time count once.

use redstart::Store;
use redstart::limiter::{Limiter, Policy, Quota};
use redstart::store::Error;
use tokio::task::JoinSet;

use super::{Finding, Shortfall, Stage, check};

const RACERS: u64 = 64;
const TRIES: u64 = 8;
const LIMIT: u64 = 100;
const WINDOW_S: u64 = 3600;
const USER: &str = "user:123";

pub(super) async fn run(stage: &Stage) -> Finding {
    let key = stage.key("limiter", "rate:api:123");
    stage.store.command(["UNLINK", &key]).await?;
    let store = stage.wire.clone();
    let snippet = race(move || {
        let (store, key) = (store.clone(), key.clone());
        async move { rate_limit(&store, &key).await }
    });
    let snippet = snippet.await?;

    let policy = Policy::new("redstart-tour", Quota::per_hour(LIMIT).sliding_log());
    let policy = policy.map_err(|error| Shortfall::Untrue(error.to_string()))?;
    let limiter = Limiter::new(&stage.wire, policy).deadline(stage.wire.deadline());
    limiter.reset(USER).await?;
    let racing = limiter.clone();
    let ours = race(move || {
        let limiter = racing.clone();
        async move { limiter.check(USER).await.map(|decision| decision.allowed) }
    });
    let ours = ours.await?;
    limiter.reset(USER).await?;

    check(ours == LIMIT, || {
        format!("the limit was {LIMIT}, and Redstart admitted {ours}")
    })?;
    Ok(format!(
        "{RACERS} racers, limit {LIMIT}: the snippet admitted {snippet}, Redstart exactly {ours}"
    ))
}

/// How many of all tries of all racers were let in.
async fn race<F>(enter: impl Fn() -> F + Clone + Send + 'static) -> Result<u64, Error>
where
    F: Future<Output = Result<bool, Error>> + Send,
{
    let mut racers = JoinSet::new();
    for _ in 0..RACERS {
        let enter = enter.clone();
        racers.spawn(async move {
            let mut admitted = 0;
            for _ in 0..TRIES {
                admitted += u64::from(enter().await?);
            }
            Ok::<u64, Error>(admitted)
        });
    }
    let mut admitted = 0;
    while let Some(raced) = racers.join_next().await {
        admitted += raced.expect("a racer does not panic")?;
    }
    Ok(admitted)
}

/// The snippet, as it is copied.
async fn rate_limit(store: &Store, key: &str) -> Result<bool, Error> {
    let now = store.time().unix_us() as f64 / 1e6;
    let window_start = now - WINDOW_S as f64;
    store
        .command(["ZREMRANGEBYSCORE", key, "0", &window_start.to_string()])
        .await?;
    if store.command(["ZCARD", key]).returning::<u64>().await? >= LIMIT {
        return Ok(false);
    }
    store
        .command(["ZADD", key, &now.to_string(), &now.to_string()])
        .await?;
    store.command(["EXPIRE", key]).arg(WINDOW_S).await?;
    Ok(true)
}
