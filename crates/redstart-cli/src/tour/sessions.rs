//! Sessions: store, load, extend and end one, and watch its time run.

use std::time::Duration;

use super::{Finding, Stage, check, figures};

const SESSION: &str = r#"{"user_id":123,"username":"john","role":"admin","ip":"192.168.1.1"}"#;
const TTL_S: u64 = 3600;
const EXTENDED_S: u64 = 7200;
const MEASURED: Duration = Duration::from_millis(400);

pub(super) async fn run(stage: &Stage) -> Finding {
    let store = &stage.store;
    let key = stage.key("session", "b1946ac92492d234");
    store
        .command(["SETEX", &key])
        .arg(TTL_S)
        .arg(SESSION)
        .await?;
    let first = store.command(["PTTL", &key]).returning::<u64>().await?;
    check(
        first <= TTL_S * 1000 && first > TTL_S * 1000 - 5_000,
        || format!("{first} ms to live"),
    )?;

    let started = stage.now();
    let mut loads = 0;
    while stage.now() - started < MEASURED {
        for _ in 0..100 {
            let session = store.command(["GET", &key]).returning::<String>().await?;
            check(session == SESSION, || format!("the session is {session}"))?;
            loads += 1;
        }
    }
    let loaded = figures::rate(loads, stage.now() - started);

    let later = store.command(["PTTL", &key]).returning::<u64>().await?;
    let ran = first.saturating_sub(later);
    check(ran > 0, || format!("its time stands still at {later} ms"))?;

    store.command(["EXPIRE", &key]).arg(EXTENDED_S).await?;
    let extended = store.command(["TTL", &key]).returning::<u64>().await?;
    check(extended > TTL_S && extended <= EXTENDED_S, || {
        format!("extended to {extended} s")
    })?;

    let ended = store.command(["DEL", &key]).returning::<u64>().await?;
    let gone = store
        .command(["GET", &key])
        .returning::<Option<String>>()
        .await?
        .is_none();
    check(ended == 1 && gone, || {
        "logged out, and the session is still there".into()
    })?;
    Ok(format!(
        "lives {TTL_S} s ({ran} ms ran), extended to {EXTENDED_S} s, ended; {loaded} loads/s"
    ))
}
