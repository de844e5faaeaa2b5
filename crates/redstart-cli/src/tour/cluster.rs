//! Clusters: hash tags keep a user's keys together, and code that would fail on a cluster fails
//! here already.

use redstart::Store;
use redstart::store::Error;
use redstart_protocol::slot;

use super::{Finding, Stage, check};

const TOGETHER: [&str; 2] = ["{user:123}:profile", "{user:123}:settings"];
const APART: [&str; 2] = ["user:123:profile", "user:456:profile"];

pub(super) async fn run(_: &Stage) -> Finding {
    let strict = Store::open("memory:?cluster=strict").await?;
    let [profile, settings] = TOGETHER.map(|key| slot(key.as_bytes()));
    check(profile == settings, || {
        format!("slots {profile} and {settings}")
    })?;

    strict
        .command(["MSET", TOGETHER[0], "john", TOGETHER[1], "dark"])
        .await?;
    let both = strict
        .command(["MGET"])
        .args(TOGETHER)
        .returning::<Vec<String>>()
        .await?;
    check(both == ["john", "dark"], || format!("read {both:?}"))?;

    let refused = match strict.command(["MGET"]).args(APART).await {
        Err(error @ Error::Server { .. }) => error.code().unwrap_or_default().to_owned(),
        Err(error) => return Err(error.into()),
        Ok(_) => "nothing".to_owned(),
    };
    check(refused == "CROSSSLOT", || {
        format!("across slots {refused} was said")
    })?;
    Ok(format!(
        "{{user:123}}:* share slot {profile}; across slots the strict engine says {refused}"
    ))
}
