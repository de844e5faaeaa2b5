//! Loads: one for all who ask, and none that undoes an invalidation.

use redstart::cache::{CacheError, Outcome, Source};
use tokio::sync::oneshot;

use super::*;

on_every_store!(
    a_miss_loads_and_a_hit_does_not,
    everybody_waits_for_one_load,
    caches_of_two_processes_load_once,
    a_load_does_not_undo_an_invalidation,
    a_load_does_not_undo_the_invalidation_of_its_tag,
    a_load_does_not_undo_a_clearing,
    who_asks_after_an_invalidation_does_not_get_what_was_loaded_before,
    that_there_is_nothing_can_be_cached,
    an_error_goes_to_all_and_is_not_stored,
    a_panic_frees_the_lease,
    who_goes_away_does_not_stop_the_load,
    a_refresh_loads_whatever_is_stored,
    a_load_says_how_long_its_value_is_good_for,
    while_held_off_nothing_is_stored,
);

/// A load that waits until it is told what to bring.
pub(super) fn held(
    cache: &Cache<str, String>,
    key: &'static str,
    tag: Option<&'static str>,
) -> (
    tokio::task::JoinHandle<Result<String, CacheError>>,
    oneshot::Receiver<()>,
    oneshot::Sender<&'static str>,
) {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let cache = cache.clone();
    let load = tokio::spawn(async move {
        let loader = move |load: redstart::cache::Load| async move {
            if let Some(tag) = tag {
                load.tag(tag);
            }
            begun.send(()).unwrap();
            may_go_on.await.map(str::to_owned)
        };
        cache.get_or_load(key, loader).await
    });
    (load, has_begun, go_on)
}

async fn a_miss_loads_and_a_hit_does_not(store: &Store) {
    let (pages, origin) = (pages(store), Origin::default());
    assert_eq!(origin.through(&pages, "a", "one").await, "one");
    assert_eq!(origin.through(&pages, "a", "two").await, "one");
    assert_eq!(origin.loads(), 1);
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("one"));
    assert_eq!(pages.count(Outcome::Load), 1);
    assert_eq!(pages.count(Outcome::Fill), 1);
    assert_eq!(pages.count(Outcome::Hit), 2);
}

async fn everybody_waits_for_one_load(store: &Store) {
    let pages = pages(store);
    let (first, begun, go_on) = held(&pages, "a", None);
    begun.await.unwrap();
    let others: Vec<_> = (0..50)
        .map(|_| {
            let pages = pages.clone();
            tokio::spawn(async move { Origin::default().through(&pages, "a", "other").await })
        })
        .collect();
    go_on.send("one").unwrap();
    assert_eq!(first.await.unwrap().unwrap(), "one");
    for other in others {
        assert_eq!(other.await.unwrap(), "one");
    }
    assert_eq!(pages.count(Outcome::Load), 1);
}

async fn caches_of_two_processes_load_once(store: &Store) {
    // Nothing is shared between them but the store.
    let (one, other) = (pages(store), pages(store));
    let (first, begun, go_on) = held(&one, "a", None);
    begun.await.unwrap();
    let second = {
        let other = other.clone();
        tokio::spawn(async move { Origin::default().through(&other, "a", "other").await })
    };
    go_on.send("one").unwrap();
    assert_eq!(first.await.unwrap().unwrap(), "one");
    assert_eq!(second.await.unwrap(), "one");
    assert_eq!(other.count(Outcome::Load), 0);
}

async fn a_load_does_not_undo_an_invalidation(store: &Store) {
    let pages = pages(store);
    let (load, begun, go_on) = held(&pages, "a", None);
    begun.await.unwrap();
    pages.invalidate("a").await.unwrap();
    go_on.send("old").unwrap();
    // It was asked for before.
    assert_eq!(load.await.unwrap().unwrap(), "old");
    assert_eq!(pages.get("a").await.unwrap(), None);
    assert_eq!(pages.count(Outcome::FillFenced), 1);
}

async fn a_load_does_not_undo_the_invalidation_of_its_tag(store: &Store) {
    let pages = pages(store);
    // Once with a tag that is new, once with one that is known.
    for key in ["a", "b"] {
        let (load, begun, go_on) = held(&pages, key, Some("org"));
        begun.await.unwrap();
        pages.invalidate_tags(["org"]).await.unwrap();
        go_on.send("old").unwrap();
        assert_eq!(load.await.unwrap().unwrap(), "old");
        assert_eq!(pages.get(key).await.unwrap(), None);
    }
    assert_eq!(pages.count(Outcome::FillInvalidated), 2);
}

async fn a_load_does_not_undo_a_clearing(store: &Store) {
    let pages = pages(store);
    let (load, begun, go_on) = held(&pages, "a", None);
    begun.await.unwrap();
    pages.clear().await.unwrap();
    go_on.send("old").unwrap();
    assert_eq!(load.await.unwrap().unwrap(), "old");
    assert_eq!(pages.get("a").await.unwrap(), None);
}

async fn who_asks_after_an_invalidation_does_not_get_what_was_loaded_before(store: &Store) {
    enum By {
        Key,
        Tag,
        All,
    }
    // Whoever invalidates is another process.
    let (pages, elsewhere) = (pages(store), pages(store));
    for by in [By::Key, By::Tag, By::All] {
        let (first, begun, go_on) = held(&pages, "a", Some("org"));
        begun.await.unwrap();
        match by {
            By::Key => elsewhere.invalidate("a").await.map(drop).unwrap(),
            By::Tag => elsewhere.invalidate_tags(["org"]).await.unwrap(),
            By::All => elsewhere.clear().await.unwrap(),
        }
        let coalesced = pages.count(Outcome::Coalesced);
        let late = {
            let pages = pages.clone();
            tokio::spawn(async move { Origin::default().through(&pages, "a", "new").await })
        };
        // It waits for the load that began before.
        while pages.count(Outcome::Coalesced) == coalesced {
            tokio::task::yield_now().await;
        }
        go_on.send("old").unwrap();
        assert_eq!(first.await.unwrap().unwrap(), "old");
        assert_eq!(late.await.unwrap(), "new");
        elsewhere.invalidate("a").await.unwrap();
    }
}

async fn that_there_is_nothing_can_be_cached(store: &Store) {
    let pages = builder(store).negative_ttl(LONG).build().unwrap();
    let nothing = |_| async { Ok::<_, CacheError>(None::<String>) };
    assert_eq!(pages.get_or_load("a", nothing).await.unwrap(), None);
    assert_eq!(pages.get_or_load("a", nothing).await.unwrap(), None);
    assert_eq!(pages.count(Outcome::Load), 1);
    let entry = pages.entry("a").await.unwrap().unwrap();
    assert_eq!(entry.value, None);
    // Who needs a value loads.
    assert_eq!(Origin::default().through(&pages, "a", "text").await, "text");
    let something = pages.get_or_load("a", nothing).await.unwrap();
    assert_eq!(something.as_deref(), Some("text"));

    let forgetful = builder(store).build().unwrap();
    for _ in 0..2 {
        assert_eq!(forgetful.get_or_load("b", nothing).await.unwrap(), None);
    }
    assert_eq!(forgetful.count(Outcome::Load), 2);
}

async fn an_error_goes_to_all_and_is_not_stored(store: &Store) {
    let pages = pages(store);
    let failing = |_| async { Err::<String, _>(std::io::Error::other("no disk")) };
    let error = pages.get_or_load("a", failing).await.unwrap_err();
    assert_eq!(error.to_string(), "the loader failed");
    let source = error.loader::<std::io::Error>().unwrap();
    assert_eq!(source.to_string(), "no disk");
    assert_eq!(Origin::default().through(&pages, "a", "text").await, "text");

    let patient = builder(store).error_back_off(LONG).build().unwrap();
    patient.get_or_load("b", failing).await.unwrap_err();
    let error = pages.get_or_load("b", failing).await.unwrap_err();
    assert!(matches!(error, CacheError::BackingOff { retry_after } if retry_after <= LONG));
    // An invalidation says that things have changed.
    pages.invalidate("b").await.unwrap();
    assert_eq!(Origin::default().through(&pages, "b", "text").await, "text");
}

async fn a_panic_frees_the_lease(store: &Store) {
    let pages = pages(store);
    let panicking = |_| async {
        if true {
            panic!("at the disco");
        }
        Ok::<_, CacheError>(String::new())
    };
    let error = pages.get_or_load("a", panicking).await.unwrap_err();
    assert_eq!(error.to_string(), "the loader panicked: at the disco");
    assert_eq!(Origin::default().through(&pages, "a", "text").await, "text");
}

async fn who_goes_away_does_not_stop_the_load(store: &Store) {
    let pages = pages(store);
    let (load, begun, go_on) = held(&pages, "a", None);
    begun.await.unwrap();
    load.abort();
    assert!(load.await.unwrap_err().is_cancelled());
    go_on.send("one").unwrap();
    assert_eq!(Origin::default().through(&pages, "a", "two").await, "one");
}

async fn a_refresh_loads_whatever_is_stored(store: &Store) {
    let pages = pages(store);
    let load = async |value: &'static str| {
        let loader = move |_| Origin::default().load(value);
        pages.refresh("a", loader).await.unwrap()
    };
    assert_eq!(load("one").await, "one");
    assert_eq!(load("two").await, "two");
    let (overtaken, begun, go_on) = held(&pages, "b", None);
    begun.await.unwrap();
    let loader = |_| Origin::default().load("new");
    assert_eq!(pages.refresh("b", loader).await.unwrap(), "new");
    go_on.send("old").unwrap();
    assert_eq!(overtaken.await.unwrap().unwrap(), "old");
    assert_eq!(pages.get("b").await.unwrap().as_deref(), Some("new"));
}

async fn a_load_says_how_long_its_value_is_good_for(store: &Store) {
    let pages = pages(store);
    let loader = |load: redstart::cache::Load| async move {
        load.ttl(Duration::from_secs(60));
        Ok::<_, CacheError>("text".to_owned())
    };
    let loaded = pages.entry_or_load("a", loader).await.unwrap();
    assert_eq!(loaded.source, Source::Loaded);
    assert_eq!(loaded.remaining, Duration::from_secs(60));
    let stored = pages.entry("a").await.unwrap().unwrap();
    assert_eq!(stored.source, Source::Stored);
    assert!(stored.remaining <= Duration::from_secs(60));
    assert!(stored.remaining + stored.age >= Duration::from_millis(59_999));

    let loader = |load: redstart::cache::Load| async move {
        load.do_not_store();
        Ok::<_, CacheError>("text".to_owned())
    };
    assert_eq!(pages.get_or_load("b", loader).await.unwrap(), "text");
    assert_eq!(pages.get("b").await.unwrap(), None);
}

async fn while_held_off_nothing_is_stored(store: &Store) {
    let (pages, origin) = (pages(store), Origin::default());
    pages.invalidate("a").hold_off(LONG).await.unwrap();
    // An invalidation without does not end it.
    pages.invalidate("a").await.unwrap();
    for loads in 1..=2 {
        assert_eq!(origin.through(&pages, "a", "text").await, "text");
        assert_eq!(origin.loads(), loads);
    }
    assert_eq!(pages.get("a").await.unwrap(), None);
    // Who puts knows what it does.
    pages.put("a", &"put".to_owned()).await.unwrap();
    assert_eq!(origin.through(&pages, "a", "text").await, "put");
}
