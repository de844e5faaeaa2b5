//! A store that finds its primary by sentinels.

use std::time::Duration;

use redstart::Store;
use redstart::store::Failure;
use redstart_testkit::Sentinel;

use crate::increments::Increments;

const LONG: Duration = Duration::from_secs(30);

async fn on_sentinel() -> (Sentinel, Store) {
    let sentinel = tokio::task::spawn_blocking(|| Sentinel::from_path().unwrap().start().unwrap());
    let sentinel = sentinel.await.unwrap();
    let store = Store::builder(&sentinel.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    (sentinel, store)
}

fn keys() -> impl Iterator<Item = String> {
    (0..16).map(|n| format!("n:{n}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_follows_its_primary_through_failovers() {
    let (sentinel, store) = on_sentinel().await;
    let increments = Increments::start(&store, keys());
    increments.more(200).await;
    for _ in 0..2 {
        let before = sentinel.primary().unwrap();
        sentinel.failover().unwrap();
        assert_ne!(sentinel.primary().unwrap(), before);
        increments.more(200).await;
    }
    let (sum, acknowledged, unknown) = increments.stop(&store).await;
    // What the old primary took while it was being replaced may be lost; nothing counts twice.
    assert!(
        sum <= acknowledged + unknown,
        "{sum} > {acknowledged} + {unknown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced() {
    let (mut sentinel, store) = on_sentinel().await;
    let increments = Increments::start(&store, keys());
    increments.more(200).await;
    let primary = sentinel.primary().unwrap();
    sentinel.servers_mut()[primary].kill();
    increments.more(200).await;
    let (sum, acknowledged, unknown) = increments.stop(&store).await;
    println!(
        "{} of {acknowledged} were lost",
        acknowledged.saturating_sub(sum)
    );
    assert!(
        sum <= acknowledged + unknown,
        "{sum} > {acknowledged} + {unknown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_are_away_are_passed_over() {
    let (mut sentinel, store) = on_sentinel().await;
    store.command(["SET", "k", "v"]).await.unwrap();
    sentinel.sentinels_mut()[0].kill();
    let again = Store::open(&sentinel.url()).await.unwrap();
    let value = again.command(["GET", "k"]).returning::<String>().await;
    assert_eq!(value.unwrap(), "v");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_the_sentinels_do_not_know_is_an_error_at_opening() {
    let (sentinel, _store) = on_sentinel().await;
    let name = format!("/{}", sentinel.name());
    let url = sentinel.url().replace(&name, "/nobody");
    let error = Store::open(&url).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Failed);
    assert!(
        error.to_string().contains("no primary of that name"),
        "{error}"
    );
}
