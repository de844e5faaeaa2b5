//! Many keys at once.

use std::collections::HashMap;

use parking_lot::Mutex;
use redstart::cache::{CacheError, Load, Misses, Outcome};
use tokio::sync::oneshot;

use super::*;

on_every_store!(
    only_what_is_missing_is_loaded_and_at_once,
    a_failed_load_fails_its_own_keys_only,
    what_another_process_loads_is_waited_for,
    each_value_has_its_own_tags,
    an_impossible_key_fails_alone,
);

type Names = Cache<u32, String>;

fn names(store: &Store) -> Names {
    Cache::builder(store, "names", Plain)
        .ttl(LONG)
        .jitter(0.0)
        .early_refresh(0.0)
        .deadline(PATIENCE)
        .negative_ttl(LONG)
        .build()
        .unwrap()
}

/// Which keys each load was asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Vec<u32>>>>);

impl Asked {
    /// Even numbers have names.
    async fn many(&self, names: &Names, keys: &[u32]) -> Vec<Option<String>> {
        let asked = self.clone();
        let loader = move |misses: Misses<u32>| {
            asked.0.lock().push(misses.keys().to_vec());
            async move {
                let even = misses.keys().iter().filter(|key| *key % 2 == 0);
                let values = even.map(|key| (*key, format!("n{key}")));
                Ok::<_, CacheError>(values.collect::<HashMap<_, _>>())
            }
        };
        let found = names.get_or_load_many(keys, loader).await;
        found.into_iter().map(Result::unwrap).collect()
    }

    fn take(&self) -> Vec<Vec<u32>> {
        std::mem::take(&mut self.0.lock())
    }
}

async fn only_what_is_missing_is_loaded_and_at_once(store: &Store) {
    let (names, asked) = (names(store), Asked::default());
    let name = |key: u32| Some(format!("n{key}"));
    names.put(&4, &"put".to_owned()).await.unwrap();
    let found = asked.many(&names, &[2, 3, 4, 2]).await;
    assert_eq!(found, [name(2), None, Some("put".to_owned()), name(2)]);
    assert_eq!(asked.take(), [[2, 3]]);
    // That there is no third is known.
    let found = asked.many(&names, &[6, 4, 3, 2]).await;
    assert_eq!(found, [name(6), Some("put".to_owned()), None, name(2)]);
    assert_eq!(asked.take(), [[6]]);
    assert!(asked.many(&names, &[]).await.is_empty());
    let many: Vec<u32> = (0..2_000).collect();
    assert_eq!(asked.many(&names, &many).await.len(), 2_000);
    assert_eq!(asked.take()[0].len(), 1_996);
    asked.many(&names, &many).await;
    assert!(asked.take().is_empty());
}

async fn a_failed_load_fails_its_own_keys_only(store: &Store) {
    let names = names(store);
    names.put(&1, &"one".to_owned()).await.unwrap();
    let failing = |_| async { Err::<HashMap<_, _>, _>(std::io::Error::other("no disk")) };
    let found = names.get_or_load_many(&[1, 2, 3], failing).await;
    assert_eq!(found[0].as_ref().unwrap().as_deref(), Some("one"));
    for failed in &found[1..] {
        let error = failed.as_ref().unwrap_err();
        assert_eq!(
            error.loader::<std::io::Error>().unwrap().to_string(),
            "no disk"
        );
    }
    assert_eq!(
        Asked::default().many(&names, &[2]).await,
        [Some("n2".to_owned())]
    );
}

async fn what_another_process_loads_is_waited_for(store: &Store) {
    let (one, other) = (names(store), names(store));
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let first = tokio::spawn(async move {
        let loader = |_| async move {
            begun.send(()).unwrap();
            may_go_on.await.map(|()| "theirs".to_owned())
        };
        one.get_or_load(&2, loader).await.unwrap()
    });
    has_begun.await.unwrap();
    let asked = Asked::default();
    let second = {
        let (other, asked) = (other.clone(), asked.clone());
        tokio::spawn(async move { asked.many(&other, &[2, 4]).await })
    };
    while other.count(Outcome::Load) == 0 {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap(), "theirs");
    let found = second.await.unwrap();
    assert_eq!(found, [Some("theirs".to_owned()), Some("n4".to_owned())]);
    assert_eq!(asked.take(), [[4]]);
}

async fn each_value_has_its_own_tags(store: &Store) {
    let names = names(store);
    let loader = |misses: Misses<u32>| async move {
        let name = |key: &u32| {
            misses.load(key).tag(("decade", key / 10));
            (*key, "name".to_owned())
        };
        Ok::<_, CacheError>(misses.keys().iter().map(name).collect::<HashMap<_, _>>())
    };
    for found in names.get_or_load_many(&[1, 2, 11], loader).await {
        assert_eq!(found.unwrap().as_deref(), Some("name"));
    }
    names.invalidate_tags([("decade", 0)]).await.unwrap();
    assert_eq!(names.get(&1).await.unwrap(), None);
    assert_eq!(names.get(&2).await.unwrap(), None);
    assert!(names.get(&11).await.unwrap().is_some());
}

async fn an_impossible_key_fails_alone(store: &Store) {
    let pages: Cache<String, String> = Cache::builder(store, "pages", Plain)
        .deadline(PATIENCE)
        .build()
        .unwrap();
    let loader = |misses: Misses<String>| async move {
        let page = |key: &String| {
            let _: Load = misses.load(key);
            (key.clone(), "page".to_owned())
        };
        Ok::<_, CacheError>(misses.keys().iter().map(page).collect::<HashMap<_, _>>())
    };
    let keys = ["a".to_owned(), "x".repeat(5_000), "b".to_owned()];
    let found = pages.get_or_load_many(&keys, loader).await;
    assert_eq!(found[0].as_ref().unwrap().as_deref(), Some("page"));
    assert!(matches!(found[1], Err(CacheError::Store(_))));
    assert_eq!(found[2].as_ref().unwrap().as_deref(), Some("page"));
}
