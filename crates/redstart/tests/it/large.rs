//! Large values: how much of them may be under way, and who waits behind them.

use std::time::Duration;

use redstart::store::{Error, Failure, Limited};
use redstart::{Store, Value};
use redstart_testkit::{Cluster, FaultProxy, Faults, Server};

use crate::stores::{hand_over, on_server};

const LONG: Duration = Duration::from_secs(20);
const LARGE: usize = 100 * 1024;

#[tokio::test]
async fn bytes_under_way_are_bounded_and_come_back() {
    const LIMIT: usize = 1024 * 1024;
    let server = Server::from_path().unwrap().start().unwrap();
    let store = Store::builder(&server.url()).max_in_flight_bytes(LIMIT);
    let store = store.open().await.unwrap();
    let value = vec![b'x'; 600 * 1024];
    let set = |key: &str| store.command(["SET", key]).arg(&value).within(LONG);

    server.pause().unwrap();
    let first = hand_over(set("a").into_future()).await;
    let error = set("b").await.unwrap_err();
    assert_eq!(error.failure(), Failure::NotSent);
    assert!(
        matches!(
            error,
            Error::Overloaded {
                limit: LIMIT,
                what: Limited::Bytes,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "SET: overloaded, 1048576 bytes are in flight already"
    );
    // Small ones still find room.
    let small = store.command(["GET", "a"]).within(LONG).into_future();
    let small = hand_over(small).await;
    server.resume().unwrap();
    first.await.unwrap();
    small.await.unwrap();
    set("b").await.unwrap();

    let too_large = vec![b'x'; LIMIT];
    let error = store.command(["SET", "c"]).arg(&too_large).await;
    let error = error.unwrap_err();
    assert_eq!(error.failure(), Failure::Failed);
    assert!(error.to_string().contains("max_in_flight_bytes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_requests_do_not_wait_behind_large_ones_of_other_keys() {
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    let store = Store::builder(&proxy.url()).lanes(1).deadline(LONG);
    let store = store.open().await.unwrap();
    let large = |byte| vec![byte; LARGE];
    let set_large = |byte| store.command(["SET", "large"]).arg(large(byte));
    store.command(["SET", "small", "1"]).await.unwrap();
    assert_eq!(proxy.accepted(), 1);
    set_large(b'a').await.unwrap();
    assert_eq!(proxy.accepted(), 2, "large values have a connection");

    // Nothing passes there any more; a small request of another key does not notice.
    proxy.connections()[1].set(Faults::none().frozen());
    let behind = hand_over(set_large(b'b').into_future()).await;
    store.command(["GET", "small"]).await.unwrap();
    // One of the same key does: it comes after what was sent before it.
    let length = store.command(["GETRANGE", "large", "0", "0"]);
    let after = hand_over(length.returning::<String>().into_future()).await;
    store.command(["GET", "small"]).await.unwrap();
    proxy.heal();
    behind.await.unwrap();
    assert_eq!(after.await.unwrap(), "b");
}

/// Appends to each key, small and large in turn, without waiting for answers, and looks whether
/// they came in the order in which they were sent.
async fn appends_keep_their_order(store: &Store) {
    const ROUNDS: usize = 40;
    let keys: Vec<String> = (0..8).map(|n| format!("log:{n}")).collect();
    let length = |round: usize, key: usize| match (round * 7 + key * 3) % 5 {
        0 => LARGE,
        other => other,
    };
    let mut appends = Vec::new();
    for round in 0..ROUNDS {
        for (number, key) in keys.iter().enumerate() {
            let text = [b'a' + (round % 26) as u8].repeat(length(round, number));
            let append = store.command(["APPEND", key]).arg(text);
            appends.push(hand_over(append.into_future()).await);
            if round % 8 == 7 {
                // Now and then a key is idle, and may change its way.
                for append in appends.drain(..) {
                    append.await.unwrap();
                }
            }
        }
    }
    for append in appends {
        append.await.unwrap();
    }
    for (number, key) in keys.iter().enumerate() {
        let expected: Vec<u8> = (0..ROUNDS)
            .flat_map(|round| [b'a' + (round % 26) as u8].repeat(length(round, number)))
            .collect();
        let value = store.command(["GET", key]).await.unwrap();
        assert!(value == Value::bulk(expected), "{key} is out of order");
    }
}

#[tokio::test]
async fn one_key_keeps_its_order_whatever_the_sizes() {
    let on_server = on_server().await;
    appends_keep_their_order(&on_server.store).await;
}

#[tokio::test]
async fn so_it_does_on_a_cluster() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    // The map of slots is complete: nothing is sent to and fro.
    for n in 0..8 {
        let exists = store.command(["EXISTS", &format!("log:{n}")]);
        exists.await.unwrap();
    }
    appends_keep_their_order(&store).await;
}
