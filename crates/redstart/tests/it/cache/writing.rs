//! Puts and invalidations.

use redstart::cache::CacheError;
use redstart::store::{Error, KeyError};

use super::*;

on_every_store!(
    what_is_put_is_there_until_it_is_invalidated,
    a_tag_takes_its_entries_along,
    clearing_takes_everything_along,
    a_newer_version_stays,
    a_soft_invalidation_leaves_a_stale_value,
    after_a_commit_all_of_it_is_invalid,
    another_schema_is_a_miss,
    what_cannot_be_read_is_a_miss_and_is_removed,
    a_value_above_the_limit_is_refused,
    a_key_may_be_called_anything_but_too_much,
    caches_do_not_meet,
);

async fn what_is_put_is_there_until_it_is_invalidated(store: &Store) {
    let pages = pages(store);
    assert_eq!(pages.get("a").await.unwrap(), None);
    assert!(pages.put("a", &"one".to_owned()).await.unwrap());
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("one"));
    assert!(pages.put("a", &"two".to_owned()).await.unwrap());
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("two"));
    assert_eq!(pages.get("b").await.unwrap(), None);
    assert!(pages.invalidate("a").await.unwrap());
    assert_eq!(pages.get("a").await.unwrap(), None);
    assert!(!pages.invalidate("a").await.unwrap());
}

async fn a_tag_takes_its_entries_along(store: &Store) {
    let pages = pages(store);
    let text = "text".to_owned();
    pages.put("a", &text).tag(("org", 7)).await.unwrap();
    pages
        .put("b", &text)
        .tag(("org", 7))
        .tag("news")
        .await
        .unwrap();
    pages.put("c", &text).tag(("org", 8)).await.unwrap();
    let there = async || {
        let mut there = Vec::new();
        for key in ["a", "b", "c"] {
            there.push(pages.get(key).await.unwrap().is_some());
        }
        there
    };
    assert_eq!(there().await, [true, true, true]);
    pages.invalidate_tags(["news"]).await.unwrap();
    assert_eq!(there().await, [true, false, true]);
    pages.invalidate_tags([("org", 7)]).await.unwrap();
    assert_eq!(there().await, [false, false, true]);
    pages.put("a", &text).tag(("org", 7)).await.unwrap();
    assert_eq!(there().await, [true, false, true]);
    // Nobody has it, and it leaves nothing behind.
    pages.invalidate_tags(["never"]).await.unwrap();
    let key = "redstart:cache:v1:{pages:never}:tag";
    let exists = store.command(["EXISTS", key]).returning::<bool>();
    assert!(!exists.await.unwrap());
}

async fn clearing_takes_everything_along(store: &Store) {
    let pages = pages(store);
    for key in ["a", "b"] {
        pages.put(key, &"text".to_owned()).await.unwrap();
    }
    pages.clear().await.unwrap();
    assert_eq!(pages.get("a").await.unwrap(), None);
    assert_eq!(pages.get("b").await.unwrap(), None);
    pages.put("a", &"again".to_owned()).await.unwrap();
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("again"));
}

async fn a_newer_version_stays(store: &Store) {
    let pages = pages(store);
    let put = async |value: &str, version| {
        let value = value.to_owned();
        pages.put_versioned("a", &value, version).await.unwrap()
    };
    assert!(put("two", 2).await);
    assert!(!put("one", 1).await);
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("two"));
    assert!(put("two again", 2).await);
    let above = u64::from(u32::MAX) + 2;
    assert!(put("above", above).await);
    assert!(!put("below", above - 1).await);
    assert!(!put("far below", 3).await);
    assert!(put("last", u64::MAX).await);
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("last"));

    let loaded = pages.refresh("a", |load| async move {
        load.version(5);
        Ok::<_, CacheError>("old".to_owned())
    });
    assert_eq!(loaded.await.unwrap(), "old");
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("last"));
    // Without a version there is nothing to compare.
    assert!(pages.put("a", &"put".to_owned()).await.unwrap());
    assert!(put("one", 1).await);
}

async fn a_soft_invalidation_leaves_a_stale_value(store: &Store) {
    let pages = builder(store).grace(LONG).build().unwrap();
    pages.put("a", &"text".to_owned()).await.unwrap();
    assert!(pages.invalidate("a").soft().await.unwrap());
    assert!(pages.invalidate("a").soft().await.unwrap());
    assert_eq!(pages.get("a").await.unwrap(), None);
    let entry = pages.entry("a").await.unwrap().unwrap();
    assert_eq!(entry.value.as_deref(), Some("text"));
    assert_eq!(entry.source, redstart::cache::Source::Stale);
    assert_eq!(entry.remaining, Duration::ZERO);
    assert!(!pages.invalidate("b").soft().await.unwrap());
}

async fn after_a_commit_all_of_it_is_invalid(store: &Store) {
    let pages = pages(store);
    let text = "text".to_owned();
    for key in ["a", "b", "c"] {
        pages.put(key, &text).tag(("page", key)).await.unwrap();
    }
    let mut after_commit = pages.after_commit();
    after_commit.key("a").tag(("page", "b"));
    assert!(pages.get("a").await.unwrap().is_some());
    after_commit.apply().await.unwrap();
    for (key, there) in [("a", false), ("b", false), ("c", true)] {
        assert_eq!(pages.get(key).await.unwrap().is_some(), there, "{key}");
    }
    let mut after_commit = pages.after_commit();
    after_commit.all();
    after_commit.apply().await.unwrap();
    assert!(pages.get("c").await.unwrap().is_none());
}

async fn another_schema_is_a_miss(store: &Store) {
    let old = pages(store);
    let new = builder(store).schema(1).build().unwrap();
    old.put("a", &"old".to_owned()).await.unwrap();
    assert_eq!(new.get("a").await.unwrap(), None);
    // And not removed: the other release still reads it.
    assert_eq!(old.get("a").await.unwrap().as_deref(), Some("old"));
    new.put("a", &"new".to_owned()).await.unwrap();
    assert_eq!(old.get("a").await.unwrap(), None);
}

async fn what_cannot_be_read_is_a_miss_and_is_removed(store: &Store) {
    let pages = pages(store);
    let key = "redstart:cache:v1:{pages:a}";
    for damage in [
        "",
        "text",
        "a text that is longer than the head of an entry would be at least",
    ] {
        let set = store.command(["SET", key, damage, "PX", "60000"]);
        set.await.unwrap();
        assert_eq!(pages.get("a").await.unwrap(), None);
        let exists = store.command(["EXISTS", key]).returning::<bool>();
        assert!(!exists.await.unwrap(), "{damage}");
    }
    // An entry whose value is none: text that is no UTF-8.
    let bytes: Cache<str, Vec<u8>> = Cache::builder(store, "pages", Plain).build().unwrap();
    bytes.put("a", &vec![0xff, 0xfe]).await.unwrap();
    assert_eq!(bytes.get("a").await.unwrap(), Some(vec![0xff, 0xfe]));
    let origin = Origin::default();
    assert_eq!(origin.through(&pages, "a", "text").await, "text");
    assert_eq!(origin.through(&pages, "a", "other").await, "text");
    assert_eq!(origin.loads(), 1);
}

async fn a_value_above_the_limit_is_refused(store: &Store) {
    let pages = builder(store).max_value_bytes(4).build().unwrap();
    let refused = pages.put("a", &"five!".to_owned()).await.unwrap_err();
    assert!(matches!(
        refused,
        CacheError::TooLarge { bytes: 5, limit: 4 }
    ));
    assert_eq!(pages.get("a").await.unwrap(), None);
    // A load has its value, and stores nothing.
    let origin = Origin::default();
    for loads in 1..=2 {
        assert_eq!(origin.through(&pages, "a", "five!").await, "five!");
        assert_eq!(origin.loads(), loads);
    }
    assert_eq!(origin.through(&pages, "a", "four").await, "four");
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("four"));
}

async fn a_key_may_be_called_anything_but_too_much(store: &Store) {
    let cache: Cache<[u8], String> = Cache::builder(store, "bytes", Plain)
        .deadline(PATIENCE)
        .build()
        .unwrap();
    let names: [&[u8]; 9] = [
        b"",
        b"}",
        b"{",
        b"{}",
        b"%",
        b":",
        b"a:b",
        b"\x00\xff\r\n",
        b"lease",
    ];
    for name in names {
        let value = format!("{name:?}");
        cache.put(name, &value).tag(name).await.unwrap();
    }
    for name in names {
        assert_eq!(cache.get(name).await.unwrap(), Some(format!("{name:?}")));
    }
    cache.invalidate_tags([names[3]]).await.unwrap();
    assert_eq!(cache.get(names[3]).await.unwrap(), None);
    assert!(cache.get(names[2]).await.unwrap().is_some());
    let error = cache.get(&[b'x'; 64 * 1024][..]).await.unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::Store(Error::Key(KeyError::TooLong { bytes: 65_536 }))
        ),
        "{error}"
    );
}

async fn caches_do_not_meet(store: &Store) {
    let (one, other) = (
        pages(store),
        Cache::<str, String>::builder(store, "others", Plain)
            .deadline(PATIENCE)
            .build()
            .unwrap(),
    );
    one.put("a", &"one".to_owned()).tag("t").await.unwrap();
    other.put("a", &"other".to_owned()).tag("t").await.unwrap();
    other.invalidate_tags(["t"]).await.unwrap();
    other.clear().await.unwrap();
    other.invalidate("a").await.unwrap();
    assert_eq!(one.get("a").await.unwrap().as_deref(), Some("one"));
}
