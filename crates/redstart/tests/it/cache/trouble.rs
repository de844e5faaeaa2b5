//! With the store away, full, or read-only: bounded waiting, bounded load on the origin, and
//! nothing stale.

use redstart::cache::{CacheError, OnStoreError, Outcome};
use redstart_testkit::Server;

use super::*;
use crate::stores::on_server;

/// Long enough for a busy machine to answer, and short beside a hang.
const MOMENT: Duration = Duration::from_millis(300);

fn hasty(store: &Store) -> CacheBuilder<str, String> {
    builder(store).deadline(MOMENT)
}

#[tokio::test]
async fn without_a_server_everybody_gets_a_value_and_few_load() {
    let store = Store::builder("redis://127.0.0.1:1").lazy().open();
    let pages = hasty(&store.await.unwrap()).build().unwrap();
    let origin = Origin::default();
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (pages, origin) = (pages.clone(), origin.clone());
            tokio::spawn(async move { origin.through(&pages, "a", "text").await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "text");
    }
    assert!(origin.loads() < 100, "{} loads", origin.loads());
    assert!(pages.get("a").await.is_err());
    assert!(pages.invalidate("a").await.is_err());
    assert!(pages.invalidate_tags(["t"]).await.is_err());
    assert!(pages.clear().await.is_err());

    let strict = hasty(pages.store()).on_store_error(OnStoreError::Fail);
    let strict = strict.build().unwrap();
    let loads = origin.loads();
    let again = origin.clone();
    let load = |_| again.load("text");
    let error = strict.get_or_load("a", load).await.unwrap_err();
    assert!(matches!(error, CacheError::Store(_)), "{error}");
    assert_eq!(origin.loads(), loads);
}

#[tokio::test]
async fn while_a_server_is_frozen_values_come_from_the_origin() {
    let on_server = on_server().await;
    let pages = hasty(&on_server.store).grace(LONG).build().unwrap();
    pages.put("a", &"stored".to_owned()).await.unwrap();
    on_server.server.pause().unwrap();
    let origin = Origin::default();
    assert_eq!(origin.through(&pages, "a", "loaded").await, "loaded");
    on_server.server.resume().unwrap();
    while pages.get("a").await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("stored"));
}

#[tokio::test]
async fn a_full_server_is_done_without_and_an_invalidation_goes_through() {
    let on_server = on_server().await;
    let pages = pages(&on_server.store);
    pages.put("a", &"stored".to_owned()).await.unwrap();
    on_server.server.fill_memory().unwrap();
    let origin = Origin::default();
    assert_eq!(origin.through(&pages, "a", "loaded").await, "stored");
    assert_eq!(origin.through(&pages, "b", "loaded").await, "loaded");
    assert!(pages.put("c", &"c".to_owned()).await.is_err());
    assert!(pages.invalidate("a").await.unwrap());
    // A tag's number has to be written, and who was told so knows that it was not.
    assert!(pages.invalidate_tags(["t"]).await.is_err());
    on_server.server.free_memory().unwrap();
    assert_eq!(origin.through(&pages, "a", "loaded").await, "loaded");
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("loaded"));
}

#[tokio::test]
async fn a_server_that_refuses_writes_is_read_and_done_without() {
    let on_server = on_server().await;
    let pages = hasty(&on_server.store).build().unwrap();
    pages.put("a", &"stored".to_owned()).await.unwrap();
    on_server.server.refuse_writes().unwrap();
    let origin = Origin::default();
    assert_eq!(origin.through(&pages, "a", "loaded").await, "stored");
    assert_eq!(origin.through(&pages, "b", "loaded").await, "loaded");
    assert!(pages.invalidate("a").await.is_err());
    on_server.server.accept_writes().unwrap();
    assert!(pages.invalidate("a").await.unwrap());
}

#[tokio::test]
async fn what_a_lost_server_knew_is_a_miss_and_not_an_old_value() {
    let mut server = Server::from_path().unwrap().start().unwrap();
    let store = Store::open(&server.url()).await.unwrap();
    let pages = pages(&store);
    pages.put("a", &"text".to_owned()).tag("t").await.unwrap();
    pages.invalidate_tags(["t"]).await.unwrap();
    server.kill();
    server.restart().unwrap();
    assert_eq!(pages.get("a").await.unwrap(), None);
    let origin = Origin::default();
    assert_eq!(origin.through(&pages, "a", "loaded").await, "loaded");
    assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("loaded"));
}

#[cfg(feature = "embedded")]
mod in_simulated_time {
    use redstart::store::SimulatedTime;

    use super::*;

    async fn store() -> (Store, SimulatedTime) {
        let time = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
        let store = Store::builder("memory:").time(time.time()).open();
        (store.await.unwrap(), time)
    }

    /// Lets a task go on as far as it can without time passing.
    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_loader_that_hangs_is_stopped_and_its_lease_given_back() {
        let (store, time) = store().await;
        let pages = builder(&store).load_timeout(LONG / 2).build().unwrap();
        let waiting = {
            let pages = pages.clone();
            tokio::spawn(async move {
                let hanging = |_| std::future::pending::<Result<String, CacheError>>();
                pages.get_or_load("a", hanging).await
            })
        };
        settle().await;
        // It is alive, so its lease is kept however long that takes.
        for _ in 0..20 {
            time.advance(Duration::from_secs(1));
            settle().await;
        }
        let lease = "redstart:cache:v1:{pages:a}:lease";
        let exists = store.command(["EXISTS", lease]).returning::<bool>();
        assert!(exists.await.unwrap());
        time.advance(LONG);
        let error = waiting.await.unwrap().unwrap_err();
        assert!(matches!(error, CacheError::TimedOut { .. }), "{error}");
        assert_eq!(Origin::default().through(&pages, "a", "text").await, "text");
    }

    #[tokio::test]
    async fn a_loader_whose_process_died_is_replaced_within_its_lease() {
        let (store, time) = store().await;
        let pages = pages(&store);
        let dead = "L00000000deadbeef";
        let lease = "redstart:cache:v1:{pages:a}:lease";
        let set = store.command(["SET", lease, dead, "PX", "3000"]);
        set.await.unwrap();
        let waiting = {
            let pages = pages.clone();
            tokio::spawn(async move { Origin::default().through(&pages, "a", "text").await })
        };
        settle().await;
        assert!(!waiting.is_finished());
        for _ in 0..31 {
            time.advance(Duration::from_millis(100));
            settle().await;
        }
        assert!(waiting.is_finished());
        assert_eq!(waiting.await.unwrap(), "text");
        assert_eq!(pages.count(Outcome::LeaseWait), 1);
    }

    #[tokio::test]
    async fn a_value_expires_and_is_served_stale_within_its_grace() {
        let (store, time) = store().await;
        let pages = builder(&store).ttl(MOMENT).grace(LONG).build().unwrap();
        let origin = Origin::default();
        assert_eq!(origin.through(&pages, "a", "one").await, "one");
        time.advance(MOMENT);
        assert_eq!(pages.get("a").await.unwrap(), None);
        // The old one at once, and a new one in the background.
        assert_eq!(origin.through(&pages, "a", "two").await, "one");
        settle().await;
        assert_eq!(origin.through(&pages, "a", "three").await, "two");
        time.advance(MOMENT);
        let failing = |_| async { Err::<String, _>(std::io::Error::other("no disk")) };
        assert_eq!(pages.get_or_load("a", failing).await.unwrap(), "two");
        time.advance(LONG + MOMENT);
        pages.get_or_load("a", failing).await.unwrap_err();
    }

    #[tokio::test]
    async fn more_loads_than_allowed_wait_for_their_turn_and_no_longer_than_their_time() {
        let (store, time) = store().await;
        let pages = builder(&store).max_concurrent_loads(1).build().unwrap();
        let ask = |key: &'static str| {
            let pages = pages.clone();
            tokio::spawn(async move {
                let hanging = |_| std::future::pending::<Result<String, CacheError>>();
                pages.get_or_load(key, hanging).await.unwrap_err()
            })
        };
        let (first, second) = (ask("a"), ask("b"));
        settle().await;
        time.advance(PATIENCE);
        let errors = [first.await.unwrap(), second.await.unwrap()];
        assert!(matches!(errors[0], CacheError::TimedOut { .. }));
        assert!(matches!(errors[1], CacheError::Overloaded { limit: 1 }));
    }

    #[tokio::test]
    async fn a_value_is_refreshed_before_it_expires_once() {
        let (store, time) = store().await;
        let pages = builder(&store).early_refresh(100.0).build().unwrap();
        let slow = |value: &'static str| {
            let time = store.time().clone();
            move |_| async move {
                time.sleep(Duration::from_secs(2)).await;
                Ok::<_, CacheError>(value.to_owned())
            }
        };
        let first = {
            let (pages, load) = (pages.clone(), slow("one"));
            tokio::spawn(async move { pages.get_or_load("a", load).await.unwrap() })
        };
        settle().await;
        time.advance(Duration::from_secs(2));
        assert_eq!(first.await.unwrap(), "one");
        // So close to its end that chance has no choice.
        time.advance(LONG - Duration::from_millis(1));
        for _ in 0..20 {
            let value = pages.get_or_load("a", slow("two")).await.unwrap();
            assert_eq!(value, "one");
        }
        settle().await;
        assert_eq!(pages.count(Outcome::EarlyRefresh), 1);
        time.advance(Duration::from_secs(2));
        settle().await;
        assert_eq!(pages.get("a").await.unwrap().as_deref(), Some("two"));
    }
}
