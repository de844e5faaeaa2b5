//! Invalidations that replicas are to have before they return.

use redstart::cache::{CacheError, Outcome};
use redstart_testkit::Sentinel;

use super::*;

/// Long enough for replicas that are there, and no longer for those that are not.
const PATIENT: Duration = Duration::from_secs(2);

async fn fill(pages: &Cache<str, String>) {
    pages
        .put("home", &"old".to_owned())
        .tag("all")
        .await
        .unwrap();
    assert!(pages.get("home").await.unwrap().is_some());
}

/// By key, by tag, and by clearing; whatever is said of replicas, the entry is invalid afterwards.
async fn invalidate_each(pages: &Cache<str, String>) -> [Result<(), CacheError>; 3] {
    fill(pages).await;
    let by_key = pages.invalidate("home").await.map(drop);
    assert_eq!(pages.get("home").await.unwrap(), None);
    fill(pages).await;
    let by_clearing = pages.clear().await;
    assert_eq!(pages.get("home").await.unwrap(), None);
    fill(pages).await;
    let by_tag = pages.invalidate_tags(["all"]).await;
    [by_key, by_clearing, by_tag]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_tells_how_many_replicas_have_it() {
    let sentinel = tokio::task::spawn_blocking(|| Sentinel::from_path().unwrap().start().unwrap());
    let sentinel = sentinel.await.unwrap();
    let store = Store::builder(&sentinel.url()).deadline(PATIENCE);
    let store = store.open().await.unwrap();
    let pages = builder(&store)
        .replicas(2)
        .deadline(PATIENT)
        .build()
        .unwrap();
    for invalidated in invalidate_each(&pages).await {
        invalidated.unwrap();
    }

    let primary = sentinel.primary().unwrap();
    let replica = (0..3).find(|server| *server != primary).unwrap();
    sentinel.servers()[replica].pause().unwrap();
    for invalidated in invalidate_each(&pages).await {
        let error = invalidated.unwrap_err();
        let told = matches!(error, CacheError::NotReplicated { wanted: 2, by: 1 });
        assert!(told, "{error}");
    }
    assert_eq!(pages.count(Outcome::StoreFailed), 0);

    let pages = builder(&store)
        .replicas(1)
        .deadline(PATIENT)
        .build()
        .unwrap();
    for invalidated in invalidate_each(&pages).await {
        invalidated.unwrap();
    }
    sentinel.servers()[replica].resume().unwrap();
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn a_store_in_the_process_waits_for_no_replica() {
    let store = Store::open("memory:").await.unwrap();
    let pages = builder(&store).replicas(2).build().unwrap();
    for invalidated in invalidate_each(&pages).await {
        invalidated.unwrap();
    }
    assert_eq!(pages.get("home").await.unwrap(), None);
}
