//! What only stores inside the process do.

use std::time::Duration;

use redstart::Store;
use redstart::store::{Error, Failure, SimulatedTime};

const START: Duration = Duration::from_secs(1_700_000_000);

async fn exists(store: &Store, key: &str) -> bool {
    store.command(["EXISTS", key]).returning().await.unwrap()
}

#[tokio::test]
async fn a_private_store_is_private_and_a_named_one_is_shared_while_somebody_holds_it() {
    let private = Store::open("memory:").await.unwrap();
    private.command(["SET", "k", "v"]).await.unwrap();
    assert!(exists(&private.clone(), "k").await);
    assert!(!exists(&Store::open("memory:").await.unwrap(), "k").await);

    let named = Store::open("memory:shared-by-name").await.unwrap();
    named.command(["SET", "k", "v"]).await.unwrap();
    let other = Store::open("memory:shared-by-name").await.unwrap();
    drop(named);
    assert!(exists(&other, "k").await);
    assert!(!exists(&Store::open("memory:another-name").await.unwrap(), "k").await);
    drop(other);
    assert!(!exists(&Store::open("memory:shared-by-name").await.unwrap(), "k").await);
}

#[tokio::test]
async fn a_named_store_is_opened_in_one_way() {
    let _held = Store::open("memory:one-way").await.unwrap();
    let error = Store::open("memory:one-way?cluster=strict")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error}");
    let time = SimulatedTime::starting_at(START);
    let error = Store::builder("memory:one-way")
        .time(time.time())
        .open()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error}");
}

#[tokio::test]
async fn a_private_store_can_be_refused() {
    let store = Store::open("memory:").await.unwrap();
    assert!(matches!(store.require_shared(), Err(Error::NotShared)));
    let opened = Store::builder("memory:x").require_shared().open().await;
    assert!(matches!(opened, Err(Error::NotShared)));
}

#[tokio::test]
async fn strict_refuses_what_a_cluster_would() {
    let store = Store::open("memory:?cluster=strict").await.unwrap();
    let error = store
        .command(["MSET", "a", "1", "b", "2"])
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.failure()),
        (Some("CROSSSLOT"), Failure::Failed)
    );
    store
        .command(["MSET", "{t}a", "1", "{t}b", "2"])
        .await
        .unwrap();
}

#[tokio::test]
async fn replies_have_one_shape_everywhere() {
    let store = Store::open("memory:").await.unwrap();
    store.command(["ZADD", "z", "1.5", "m"]).await.unwrap();
    let score = store.command(["ZSCORE", "z", "m"]).await.unwrap();
    assert_eq!(score, redstart::Value::Double(1.5));
}

#[tokio::test]
async fn the_engine_is_kept_going_and_let_go() {
    let time = SimulatedTime::starting_at(START);
    let store = Store::builder("memory:")
        .time(time.time())
        .open()
        .await
        .unwrap();
    for key in 0..50 {
        let command = store.command(["SET"]).arg(format!("key {key}")).arg("v");
        command.args(["PX", "5"]).await.unwrap();
    }
    // Nobody touches the keys: they go because the engine is given time.
    let size = || store.command(["DBSIZE"]).returning::<usize>().into_future();
    assert_eq!(size().await.unwrap(), 50);
    for _ in 0..100 {
        time.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
        if size().await.unwrap() == 0 {
            break;
        }
    }
    assert_eq!(size().await.unwrap(), 0);

    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 1);
    drop(store);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(metrics.num_alive_tasks(), 0);
}

#[test]
fn a_store_works_without_a_runtime() {
    let open = std::pin::pin!(Store::open("memory:"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(store) = open.poll(&mut context) else {
        panic!("nothing to wait for");
    };
    let store = store.unwrap();
    let mut set = store.command(["SET", "k", "v"]).into_future();
    let reply = std::pin::Pin::new(&mut set).poll(&mut context);
    assert!(matches!(reply, std::task::Poll::Ready(Ok(_))));
}
