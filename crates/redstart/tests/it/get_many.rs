//! Many keys at once.

use std::time::Duration;

use redstart::Store;
use redstart::store::Error;
use redstart_testkit::Cluster;

const LONG: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

on_every_store!(
    values_come_in_the_order_of_their_keys,
    too_many_keys_are_refused
);

/// Keys of many slots and some of one, each with its own name for a value; every fifth is absent.
fn keys() -> Vec<String> {
    (0..300)
        .map(|n| match n % 3 {
            0 => format!("{{tag}}:{n}"),
            _ => format!("key:{n}"),
        })
        .collect()
}

async fn write(store: &Store) {
    let mut pipeline = store.pipeline();
    for (n, key) in keys().iter().enumerate() {
        if n % 5 != 0 {
            pipeline = pipeline.command(["SET", key, key]);
        }
    }
    assert!(pipeline.await.unwrap().iter().all(Result::is_ok));
}

async fn assert_all_are_read(store: &Store) {
    let keys = keys();
    let values = store.get_many(&keys).within(LONG).await.unwrap();
    assert_eq!(values.len(), keys.len());
    for (n, (key, value)) in keys.iter().zip(values).enumerate() {
        let expected = (n % 5 != 0).then_some(key.as_bytes());
        assert_eq!(value.unwrap().as_deref(), expected, "{key}");
    }
}

async fn values_come_in_the_order_of_their_keys(store: &Store) {
    assert!(store.get_many::<&str>([]).await.unwrap().is_empty());
    write(store).await;
    assert_all_are_read(store).await;
    // Twice the same, and something that is no string.
    store.command(["LPUSH", "list", "x"]).await.unwrap();
    let values = store.get_many(["key:1", "list", "key:1"]).await.unwrap();
    let values: Vec<_> = values.into_iter().map(Result::unwrap).collect();
    assert_eq!(values[0].as_deref(), Some(&b"key:1"[..]));
    assert_eq!(values[1], None);
    assert_eq!(values[2], values[0]);
}

async fn too_many_keys_are_refused(store: &Store) {
    let error = store.get_many(vec!["k"; 65_537]).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn an_embedded_store_that_is_strict_reads_them_slot_by_slot() {
    let store = Store::open("memory:?cluster=strict").await.unwrap();
    values_come_in_the_order_of_their_keys(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_they_are_read_everywhere_while_slots_move() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    values_come_in_the_order_of_their_keys(&store).await;

    let slot = cluster.slot_of("{tag}").unwrap();
    let from = cluster.primary_of(slot).unwrap();
    let moving = cluster.begin_move(slot, (from + 1) % 3).unwrap();
    assert_all_are_read(&store).await;
    // The keys of the slot are here and there, and stay so.
    assert!(moving.migrate(30).unwrap() > 0);
    assert_all_are_read(&store).await;
    while moving.migrate(30).unwrap() > 0 {
        assert_all_are_read(&store).await;
    }
    moving.finish().unwrap();
    assert_all_are_read(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_node_that_is_away_fail_alone() {
    let cluster = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::from_path().unwrap().replicas(0);
        cluster
            .arg("--cluster-require-full-coverage")
            .arg("no")
            .start()
            .unwrap()
    });
    let mut cluster = cluster.await.unwrap();
    let store = Store::open(&cluster.url()).await.unwrap();
    write(&store).await;
    let nodes: Vec<usize> = keys()
        .iter()
        .map(|key| cluster.primary_of(cluster.slot_of(key).unwrap()).unwrap())
        .collect();
    cluster.nodes_mut()[1].kill();
    let values = store.get_many(keys()).within(SECOND).await.unwrap();
    let mut lost = 0;
    for ((key, node), value) in keys().iter().zip(nodes).zip(values) {
        match node {
            1 => {
                lost += 1;
                assert!(value.unwrap_err().is_unavailable(), "{key}");
            }
            _ => assert!(value.is_ok(), "{key}"),
        }
    }
    assert!(lost > 10);
}
