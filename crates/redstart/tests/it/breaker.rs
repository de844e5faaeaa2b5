//! A server that takes connections and says nothing.

use std::task::Poll;
use std::time::Duration;

use redstart::Store;
use redstart::store::{Disconnect, Error, Failure};
use redstart_testkit::{Cluster, FaultProxy, Faults, Server};

use crate::stores::until_answered;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

/// A store that soon suspects its server.
async fn suspicious(url: &str) -> Store {
    let store = Store::builder(url).unresponsive_after(SHORT).lanes(3);
    let store = store.open().await.unwrap();
    // Every lane has a connection.
    for key in keys() {
        store.command(["GET", &key]).within(LONG).await.unwrap();
    }
    store
}

/// What a request is told without waiting, if it is.
async fn at_once(store: &Store, key: &str) -> Option<Error> {
    let mut request = Box::pin(store.command(["INCR", key]).within(LONG).into_future());
    std::future::poll_fn(|context| match request.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer.unwrap_err())),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Keys of every lane.
fn keys() -> impl Iterator<Item = String> {
    (0..32).map(|n| format!("n:{n}"))
}

/// Until every lane has noticed, by the doubts of a single request.
async fn until_silence_is_known(store: &Store) {
    let doubted = store.command(["INCR", "n:0"]).within(SHORT).await;
    assert_eq!(doubted.unwrap_err().failure(), Failure::Unknown);
    let is_silent = |error: &Error| error.failure() == Failure::NotSent;
    for key in keys() {
        let mut doubts = 0;
        while !is_silent(
            &store
                .command(["INCR", &key])
                .within(SHORT)
                .await
                .unwrap_err(),
        ) {
            doubts += 1;
            assert!(doubts < 400, "nobody noticed");
        }
    }
}

fn assert_silent(error: &Error) {
    assert!(
        matches!(
            error,
            Error::Disconnected {
                cause: Disconnect::Silent,
                failure: Failure::NotSent,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_unavailable());
}

#[tokio::test]
async fn a_frozen_server_costs_no_time_until_it_answers_again() {
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let store = suspicious(&server.url()).await;
    for _ in 0..2 {
        server.pause().unwrap();
        until_silence_is_known(&store).await;
        for key in keys() {
            assert_silent(&at_once(&store, &key).await.unwrap());
        }
        server.resume().unwrap();
        until_answered(&store).await;
        let mut own = store.exclusive().await.unwrap();
        own.command(["PING"]).await.unwrap();
    }
}

#[tokio::test]
async fn so_does_a_network_that_swallows_everything() {
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    let store = suspicious(&proxy.url()).await;
    proxy.set(Faults::none().frozen());
    until_silence_is_known(&store).await;
    assert_silent(&at_once(&store, "k").await.unwrap());
    let error = store.exclusive().within(LONG).await.unwrap_err();
    assert_silent(&error);
    proxy.heal();
    until_answered(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_requests_without_keys_go_where_somebody_answers() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = suspicious(&cluster.url()).await;
    for node in &cluster.nodes()[..2] {
        node.pause().unwrap();
    }
    let until = store.time().monotonic() + LONG;
    while let Err(error) = store.command(["PUBLISH", "news", "x"]).within(SHORT).await {
        assert!(store.time().monotonic() < until, "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_never_said_anything_is_waited_for_once() {
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    server.pause().unwrap();
    let store = Store::builder(&server.url())
        .connect_within(SHORT)
        .lanes(1)
        .lazy()
        .open()
        .await
        .unwrap();
    let first = store.command(["PING"]).within(LONG).await.unwrap_err();
    assert_silent(&first);
    assert_silent(&at_once(&store, "k").await.unwrap());
    server.resume().unwrap();
    until_answered(&store).await;
}
