//! Connections that nobody else uses.

use std::time::Duration;

use redstart::store::{Error, Failure, Limited};
use redstart::{Store, Value};
use redstart_testkit::{Cluster, Sentinel};

use crate::stores::{OnServer, hand_over, on_server, said};

const LONG: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(50);

on_every_store!(
    a_transaction_by_hand_sees_what_others_change,
    what_one_connection_selects_no_other_sees,
    what_no_connection_carries_is_refused,
);

async fn a_transaction_by_hand_sees_what_others_change(store: &Store) {
    let mut own = store.exclusive().await.unwrap();
    for (changed, expected) in [(false, Value::Array(vec![Value::OK])), (true, Value::Null)] {
        own.command(["WATCH", "k"]).await.unwrap();
        if changed {
            store.command(["SET", "k", "theirs"]).await.unwrap();
        }
        own.command(["MULTI"]).await.unwrap();
        let queued = own.command(["SET", "k", "ours"]).await.unwrap();
        assert_eq!(queued, Value::simple("QUEUED"));
        assert_eq!(own.command(["EXEC"]).await.unwrap(), expected);
    }
    let value = store.command(["GET", "k"]).returning::<String>().await;
    assert_eq!(value.unwrap(), "theirs");
}

async fn what_one_connection_selects_no_other_sees(store: &Store) {
    let mut own = store.exclusive().await.unwrap();
    own.command(["SELECT", "1"]).await.unwrap();
    own.command(["SET", "k", "v"]).await.unwrap();
    drop(own);
    for _ in 0..3 {
        let mut own = store.exclusive().await.unwrap();
        let exists = own.command(["EXISTS", "k"]).returning::<i64>().await;
        assert_eq!(exists.unwrap(), 0);
    }
    let exists = store.command(["EXISTS", "k"]).returning::<i64>().await;
    assert_eq!(exists.unwrap(), 0);
}

async fn what_no_connection_carries_is_refused(store: &Store) {
    let mut own = store.exclusive().await.unwrap();
    for command in [&["SUBSCRIBE", "news"][..], &["MONITOR"], &["HELLO", "2"]] {
        let error = own.command(command).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
    assert!(own.is_open());
    own.command(["PING"]).await.unwrap();
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn the_embedded_engine_says_that_it_cannot_wait() {
    let store = Store::open("memory:").await.unwrap();
    let mut own = store.exclusive().await.unwrap();
    let error = own.command(["BLPOP", "jobs", "1"]).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "BLPOP: the embedded engine has no commands that wait"
    );
}

async fn client_id(store: &Store) -> i64 {
    let mut own = store.exclusive().await.unwrap();
    let id = own.command(["CLIENT", "ID"]).returning::<i64>().await;
    id.unwrap()
}

#[tokio::test]
async fn a_connection_is_lent_again_only_if_it_is_as_it_was() {
    let OnServer {
        store,
        server: _server,
    } = on_server().await;
    let first = client_id(&store).await;
    assert_eq!(client_id(&store).await, first);

    for leaving_traces in [
        &["SELECT", "0"][..],
        &["CLIENT", "SETNAME", "mine"],
        &["WATCH", "k"],
        &["MULTI"],
    ] {
        let before = client_id(&store).await;
        let mut own = store.exclusive().await.unwrap();
        own.command(leaving_traces).await.unwrap();
        drop(own);
        assert_ne!(client_id(&store).await, before, "{leaving_traces:?}");
    }

    let before = client_id(&store).await;
    let mut own = store.exclusive().await.unwrap();
    for command in [&["WATCH", "k"][..], &["MULTI"], &["UNWATCH"], &["EXEC"]] {
        own.command(command).await.unwrap();
    }
    own.command(["BLPOP", "nothing", "0.001"]).await.unwrap();
    drop(own);
    assert_eq!(client_id(&store).await, before);
}

#[tokio::test]
async fn a_waiting_command_waits_longer_than_others_may() {
    let server = redstart_testkit::Server::from_path()
        .unwrap()
        .start()
        .unwrap();
    let store = Store::builder(&server.url()).deadline(SECOND);
    let store = store.open().await.unwrap();
    let mut own = store.exclusive().within(LONG).await.unwrap();
    // Its own timeout comes on top of the deadline.
    let nothing = own.command(["BLPOP", "jobs", "1.2"]).await;
    assert_eq!(nothing.unwrap(), Value::Null);
    let error = own.command(["BLPOP", "jobs", "0"]).await.unwrap_err();
    assert!(error.to_string().contains("waits for ever"), "{error}");

    let waiting = own.command(["BLPOP", "jobs", "0"]).within(LONG);
    let waiting = waiting.returning::<(String, String)>().into_future();
    let waiting = hand_over(waiting).await;
    let push = store.command(["RPUSH", "jobs", "dig"]).within(LONG);
    push.await.unwrap();
    let job = ("jobs".to_owned(), "dig".to_owned());
    assert_eq!(waiting.await.unwrap(), job);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_an_answer_ends_its_connection() {
    let OnServer { store, server } = on_server().await;
    for gives_up_by_deadline in [true, false] {
        let mut own = store.exclusive().await.unwrap();
        let id = own.command(["CLIENT", "ID"]).returning::<i64>().await;
        let is_listed = |id: &str| said(&server, &["CLIENT", "LIST"]).contains(id);
        let id = format!("id={} ", id.unwrap());
        assert!(is_listed(&id));
        let waiting = own.command(["BLPOP", "jobs", "0"]);
        if gives_up_by_deadline {
            let error = waiting.within(SHORT).await.unwrap_err();
            assert!(matches!(error, Error::Deadline { .. }), "{error}");
            assert_eq!(error.failure(), Failure::Unknown);
        } else {
            drop(hand_over(waiting.within(LONG).into_future()).await);
        }
        assert!(!own.is_open());
        let error = own.command(["PING"]).await.unwrap_err();
        assert_eq!(error.failure(), Failure::NotSent);

        // Nobody waits on the server any more, so a job stays for whoever comes next.
        redstart_testkit::wait_until("the connection to be closed", LONG, || !is_listed(&id));
        store.command(["RPUSH", "jobs", "dig"]).await.unwrap();
        let jobs = store.command(["LLEN", "jobs"]).returning::<i64>().await;
        assert_eq!(jobs.unwrap(), 1);
        store.command(["DEL", "jobs"]).await.unwrap();
        drop(own);
    }
}

#[tokio::test]
async fn no_more_are_lent_than_allowed() {
    let OnServer {
        server,
        store: _store,
    } = on_server().await;
    let store = Store::builder(&server.url()).max_exclusive(2);
    let store = store.open().await.unwrap();
    let one = store.exclusive().await.unwrap();
    let _other = store.exclusive().await.unwrap();
    let error = store.exclusive().within(SHORT).await.unwrap_err();
    let what = Limited::ExclusiveConnections;
    assert!(
        matches!(&error, Error::Overloaded { limit: 2, what: of, .. } if *of == what),
        "{error}"
    );
    assert_eq!(error.failure(), Failure::NotSent);

    let waiting = hand_over(store.exclusive().within(LONG).into_future()).await;
    drop(one);
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_and_one_that_is_back_is_used() {
    let OnServer { mut server, store } = on_server().await;
    let mut own = store.exclusive().await.unwrap();
    server.kill();
    let error = own.command(["PING"]).await.unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    let error = store.exclusive().within(SHORT).await.unwrap_err();
    assert_eq!(error.failure(), Failure::NotSent);
    server.restart().unwrap();
    let mut own = store.exclusive().within(LONG).await.unwrap();
    own.command(["PING"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_it_is_to_the_owner_of_the_slot() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    for key in ["{a}", "{b}", "{c}"] {
        let mut own = store.exclusive_for(key).await.unwrap();
        own.command(["WATCH", key]).await.unwrap();
        own.command(["MULTI"]).await.unwrap();
        own.command(["SET", key, "v"]).await.unwrap();
        let done = own.command(["EXEC"]).await.unwrap();
        assert_eq!(done, Value::Array(vec![Value::OK]));
    }

    let mut own = store.exclusive_for("{a}").await.unwrap();
    let slot = cluster.slot_of("{a}").unwrap();
    let from = cluster.primary_of(slot).unwrap();
    cluster.move_slot(slot, (from + 1) % 3).unwrap();
    let error = own.command(["GET", "{a}"]).await.unwrap_err();
    assert_eq!(
        (error.code(), error.failure()),
        (Some("MOVED"), Failure::NotExecuted)
    );
    let mut own = store.exclusive_for("{a}").await.unwrap();
    let value = own.command(["GET", "{a}"]).returning::<String>().await;
    assert_eq!(value.unwrap(), "v");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_sentinels_it_is_to_the_primary() {
    let sentinel = tokio::task::spawn_blocking(|| Sentinel::from_path().unwrap().start().unwrap());
    let sentinel = sentinel.await.unwrap();
    let store = Store::builder(&sentinel.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    for _ in 0..2 {
        let mut own = store.exclusive().await.unwrap();
        own.command(["SET", "k", "v"]).await.unwrap();
        let confirmed = own.command(["WAIT", "1", "10000"]).returning::<i64>().await;
        assert!(confirmed.unwrap() >= 1);
        drop(own);
        sentinel.failover().unwrap();
        // The shared connections have to have moved: they lead the way.
        store.command(["SET", "k", "v"]).await.unwrap();
    }
}
