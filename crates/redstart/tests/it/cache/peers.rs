//! What other caches got wrong, by the issue it was reported in. Each is a way to lose an
//! invalidation, to load too often, or to leave something locked.

use std::pin::Pin;

use redstart::cache::{CacheError, Load, Outcome};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

on_every_store!(
    fusion_cache_625_remove_during_a_load_wins,
    fusion_cache_628_tag_invalidated_during_a_background_load_wins,
    fusion_cache_613_a_value_read_before_a_removal_does_not_come_back,
    laravel_61328_an_entry_is_reachable_by_its_tag_from_the_first_moment,
    laravel_43850_tags_leave_nothing_behind,
    fusion_cache_and_bento_cache_an_evicted_tag_is_a_miss,
    moka_240_a_caller_that_is_never_polled_again_blocks_nobody,
    pingora_931_a_dropped_leader_leaves_no_lock,
    dialogporten_4300_a_hanging_loader_does_not_lock_its_key_for_ever,
    lakekeeper_1843_a_revoked_role_does_not_come_back,
    rails_54229_a_refresh_keeps_the_time_to_live,
    worldmonitor_3527_an_error_is_not_hammered,
    hyperswitch_1010_a_changed_type_is_a_miss,
);

type Loading = Pin<Box<dyn Future<Output = Result<String, CacheError>> + Send>>;

type Loader = Box<dyn FnOnce(Load) -> Loading + Send>;

/// How to hear that a loader has begun, and how to tell it what to bring.
type Told = (oneshot::Receiver<()>, oneshot::Sender<&'static str>);

/// A loader that says when it has begun and waits to be told what to bring.
fn told(tag: Option<&'static str>) -> (Loader, Told) {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<&'static str>();
    let loader: Loader = Box::new(move |load| {
        Box::pin(async move {
            if let Some(tag) = tag {
                load.tag(tag);
            }
            begun.send(()).unwrap();
            let value = may_go_on.await.map_err(|_| CacheError::Cancelled)?;
            Ok(value.to_owned())
        })
    });
    (loader, (has_begun, go_on))
}

fn ask(pages: &Cache<str, String>, loader: Loader) -> JoinHandle<Result<String, CacheError>> {
    let pages = pages.clone();
    tokio::spawn(async move { pages.get_or_load("a", loader).await })
}

async fn fusion_cache_625_remove_during_a_load_wins(store: &Store) {
    let pages = pages(store);
    let (loader, (begun, go_on)) = told(None);
    let load = ask(&pages, loader);
    begun.await.unwrap();
    pages.invalidate("a").await.unwrap();
    go_on.send("before the removal").unwrap();
    load.await.unwrap().unwrap();
    assert_eq!(pages.get("a").await.unwrap(), None);
}

async fn fusion_cache_628_tag_invalidated_during_a_background_load_wins(store: &Store) {
    let pages = builder(store).grace(LONG).build().unwrap();
    pages.put("a", &"stale".to_owned()).tag("t").await.unwrap();
    pages.invalidate("a").soft().await.unwrap();
    let (loader, (begun, go_on)) = told(Some("t"));
    assert_eq!(ask(&pages, loader).await.unwrap().unwrap(), "stale");
    begun.await.unwrap();
    pages.invalidate_tags(["t"]).await.unwrap();
    go_on.send("before the invalidation").unwrap();
    while pages.count(Outcome::FillInvalidated) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(pages.entry("a").await.unwrap().is_none());
}

async fn fusion_cache_613_a_value_read_before_a_removal_does_not_come_back(store: &Store) {
    let pages = pages(store);
    // Whoever read it holds it; nobody writes it back.
    pages.put("a", &"old".to_owned()).await.unwrap();
    assert!(pages.get("a").await.unwrap().is_some());
    pages.invalidate("a").await.unwrap();
    assert_eq!(Origin::default().through(&pages, "a", "new").await, "new");
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("new"));
}

async fn laravel_61328_an_entry_is_reachable_by_its_tag_from_the_first_moment(store: &Store) {
    let pages = pages(store);
    // The tag is invalidated between the load and its end, when nobody has ever had it.
    let (loader, (begun, go_on)) = told(Some("t"));
    let load = ask(&pages, loader);
    begun.await.unwrap();
    pages.invalidate_tags(["t"]).await.unwrap();
    go_on.send("old").unwrap();
    load.await.unwrap().unwrap();
    assert_eq!(pages.get("a").await.unwrap(), None);
}

async fn laravel_43850_tags_leave_nothing_behind(store: &Store) {
    let pages = builder(store).ttl(Duration::from_secs(60)).build().unwrap();
    for number in 2_000..2_020 {
        pages
            .put("a", &"text".to_owned())
            .tag(number)
            .await
            .unwrap();
        pages
            .invalidate_tags([number, number + 1_000])
            .await
            .unwrap();
    }
    let keys = store.command(["KEYS", "*"]).returning::<Vec<String>>();
    for key in keys.await.unwrap() {
        assert!(
            !key.contains("pages:30"),
            "{key} was never a tag of anything"
        );
        let ttl = store.command(["PTTL", &key]).returning::<i64>();
        assert!(ttl.await.unwrap() > 0, "{key} stays for ever");
    }
}

async fn fusion_cache_and_bento_cache_an_evicted_tag_is_a_miss(store: &Store) {
    let pages = pages(store);
    pages.put("a", &"old".to_owned()).tag("t").await.unwrap();
    pages.invalidate_tags(["t"]).await.unwrap();
    for key in ["{pages:t}:tag", "{pages}:latest", "{pages}:cleared"] {
        let key = format!("redstart:cache:v1:{key}");
        store.command(["DEL", &key]).await.unwrap();
        assert_eq!(pages.get("a").await.unwrap(), None, "{key}");
        // Not even once others use the tag again.
        pages.put("b", &"new".to_owned()).tag("t").await.unwrap();
        assert_eq!(pages.get("a").await.unwrap(), None, "{key}");
        assert!(pages.get("b").await.unwrap().is_some());
    }
}

async fn moka_240_a_caller_that_is_never_polled_again_blocks_nobody(store: &Store) {
    let pages = pages(store);
    let (loader, (begun, go_on)) = told(None);
    let mut forgotten = Box::pin(pages.get_or_load("a", loader));
    tokio::select! {
        _ = &mut forgotten => panic!("nobody has told the loader"),
        begun = begun => begun.unwrap(),
    }
    // From here on nobody polls it.
    go_on.send("text").unwrap();
    assert_eq!(
        Origin::default().through(&pages, "a", "other").await,
        "text"
    );
    drop(forgotten);
}

async fn pingora_931_a_dropped_leader_leaves_no_lock(store: &Store) {
    let pages = pages(store);
    let (loader, (begun, go_on)) = told(None);
    let leader = ask(&pages, loader);
    begun.await.unwrap();
    leader.abort();
    // Its loader fails.
    drop(go_on);
    let mut value = Err(CacheError::Cancelled);
    while value.is_err() {
        let loader = |_| Origin::default().load("text");
        value = pages.get_or_load("a", loader).await;
    }
    assert_eq!(value.unwrap(), "text");
}

async fn dialogporten_4300_a_hanging_loader_does_not_lock_its_key_for_ever(store: &Store) {
    let moment = Duration::from_millis(50);
    let pages = builder(store).load_timeout(moment).build().unwrap();
    let hanging = |_| std::future::pending::<Result<String, CacheError>>();
    let error = pages.get_or_load("a", hanging).await.unwrap_err();
    assert!(matches!(error, CacheError::TimedOut { .. }), "{error}");
    let patient = super::pages(store);
    assert_eq!(
        Origin::default().through(&patient, "a", "text").await,
        "text"
    );
}

async fn lakekeeper_1843_a_revoked_role_does_not_come_back(store: &Store) {
    let (here, there) = (pages(store), pages(store));
    let (loader, (begun, go_on)) = told(None);
    let load = ask(&here, loader);
    begun.await.unwrap();
    there.invalidate("a").await.unwrap();
    // Asked for after the revocation, in the process that still loads what was before.
    let after = {
        let here = here.clone();
        tokio::spawn(async move { Origin::default().through(&here, "a", "none").await })
    };
    while here.count(Outcome::Coalesced) == 0 {
        tokio::task::yield_now().await;
    }
    go_on.send("admin").unwrap();
    assert_eq!(load.await.unwrap().unwrap(), "admin");
    assert_eq!(after.await.unwrap(), "none");
}

async fn rails_54229_a_refresh_keeps_the_time_to_live(store: &Store) {
    let pages = builder(store).grace(LONG).build().unwrap();
    pages.put("a", &"old".to_owned()).await.unwrap();
    pages.invalidate("a").soft().await.unwrap();
    let origin = Origin::default();
    assert_eq!(origin.through(&pages, "a", "new").await, "old");
    while pages.count(Outcome::Fill) == 0 {
        tokio::task::yield_now().await;
    }
    let entry = pages.entry("a").await.unwrap().unwrap();
    assert_eq!(entry.value.as_deref(), Some("new"));
    assert!(entry.remaining > LONG - Duration::from_secs(60));
}

async fn worldmonitor_3527_an_error_is_not_hammered(store: &Store) {
    let pages = builder(store).error_back_off(LONG).build().unwrap();
    let origin = Origin::default();
    for _ in 0..10 {
        let origin = origin.clone();
        let failing = |_| async move {
            origin.load("").await?;
            Err::<String, _>(std::io::Error::other("no disk"))
        };
        pages.get_or_load("a", failing).await.unwrap_err();
    }
    assert_eq!(origin.loads(), 1);
}

async fn hyperswitch_1010_a_changed_type_is_a_miss(store: &Store) {
    let old: Cache<str, Vec<u8>> = Cache::builder(store, "pages", Plain)
        .deadline(PATIENCE)
        .build()
        .unwrap();
    old.put("a", &vec![0xff]).await.unwrap();
    let new = builder(store).schema(1).build().unwrap();
    assert_eq!(Origin::default().through(&new, "a", "text").await, "text");
    assert_eq!(old.get("a").await.unwrap(), None);
}
