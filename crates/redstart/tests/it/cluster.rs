//! A store on a real cluster: while nothing happens, while slots move, while primaries change.

use std::time::Duration;

use redstart::store::{Error, Failure};
use redstart::{Store, Value};
use redstart_testkit::{Cluster, Failover};

use crate::increments::{Increments, get};

const LONG: Duration = Duration::from_secs(30);

async fn on_cluster() -> (Cluster, Store) {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    (cluster, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_finds_its_node_and_pipelines_come_back_in_order() {
    const KEYS: usize = 500;
    let (_cluster, store) = on_cluster().await;
    let mut writes = store.pipeline();
    for n in 0..KEYS {
        writes = writes.command(["SET", &format!("key:{n}"), &n.to_string()]);
    }
    for result in writes.await.unwrap() {
        assert_eq!(result.unwrap(), Value::OK);
    }
    let mut reads = store.pipeline();
    for n in 0..KEYS {
        reads = reads.command(["GET", &format!("key:{n}")]);
    }
    for (n, result) in reads.await.unwrap().into_iter().enumerate() {
        assert_eq!(result.unwrap(), Value::bulk(n.to_string()));
    }
    for n in (0..KEYS).step_by(50) {
        assert_eq!(get(&store, &format!("key:{n}")).await, Some(n as i64));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_of_a_pipeline_fails_alone_and_a_transaction_stays_in_its_slot() {
    let (_cluster, store) = on_cluster().await;
    let results = store
        .pipeline()
        .command(["SET", "a", "text"])
        .command(["INCR", "a"])
        .command(["SET", "b", "1"])
        .await
        .unwrap();
    assert_eq!(results[1].as_ref().unwrap_err().code(), Some("ERR"));
    assert_eq!(results[2].as_ref().unwrap(), &Value::OK);

    let transaction = store.pipeline().atomic();
    let transaction = transaction
        .command(["SET", "{t}a", "1"])
        .command(["INCR", "{t}a"]);
    let results = transaction.await.unwrap();
    assert_eq!(results[1].as_ref().unwrap(), &Value::Integer(2));

    let apart = store.pipeline().atomic();
    let apart = apart.command(["SET", "a", "1"]).command(["SET", "b", "1"]);
    let error = apart.await.unwrap_err();
    assert!(matches!(error, Error::CrossSlot { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_are_exact_while_their_slot_moves() {
    let (cluster, store) = on_cluster().await;
    let keys = (0..16).map(|n| format!("{{moving}}:{n}"));
    let increments = Increments::start(&store, keys);
    increments.more(200).await;
    let slot = cluster.slot_of("{moving}").unwrap();
    for _ in 0..3 {
        let from = cluster.primary_of(slot).unwrap();
        let to = (0..3).find(|node| *node != from).unwrap();
        let moving = cluster.begin_move(slot, to).unwrap();
        increments.more(100).await;
        while moving.migrate(4).unwrap() > 0 {
            increments.more(50).await;
        }
        moving.finish().unwrap();
        increments.more(100).await;
    }
    let (sum, acknowledged, unknown) = increments.stop(&store).await;
    assert_eq!((sum, unknown), (acknowledged, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_are_counted_through_a_coordinated_failover() {
    let (cluster, store) = on_cluster().await;
    let increments = Increments::start(&store, (0..16).map(|n| format!("n:{n}")));
    increments.more(200).await;
    for _ in 0..2 {
        let primary = cluster.primary_of(cluster.slot_of("n:0").unwrap()).unwrap();
        let replica = cluster.replicas_of(primary).unwrap()[0];
        cluster.failover(replica, Failover::Coordinated).unwrap();
        increments.more(500).await;
    }
    let (sum, acknowledged, unknown) = increments.stop(&store).await;
    let possible = acknowledged..=acknowledged + unknown;
    assert!(possible.contains(&sum), "{sum} of {possible:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced_and_nothing_is_counted_twice() {
    let (mut cluster, store) = on_cluster().await;
    let increments = Increments::start(&store, (0..16).map(|n| format!("n:{n}")));
    increments.more(200).await;
    let primary = cluster.primary_of(cluster.slot_of("n:0").unwrap()).unwrap();
    cluster.nodes_mut()[primary].kill();
    // Every key again, those of the dead node too.
    for n in 0..16 {
        let key = format!("n:{n}");
        let touched = store.command(["EXISTS", &key]).await;
        touched.unwrap();
    }
    increments.more(200).await;
    let (sum, acknowledged, unknown) = increments.stop(&store).await;
    // What the primary had not passed on is lost; nothing is there that nobody did.
    println!(
        "{} of {acknowledged} were lost",
        acknowledged.saturating_sub(sum)
    );
    assert!(
        sum <= acknowledged + unknown,
        "{sum} > {acknowledged} + {unknown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_cluster_is_an_error_that_says_so() {
    let server = redstart_testkit::Server::from_path().unwrap();
    let server = server.tcp().start().unwrap();
    let url = server.url().replace("redis://", "redis+cluster://");
    let error = Store::open(&url).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Disconnected {
            failure: Failure::Failed,
            ..
        }
    ));
    assert!(
        error.to_string().contains("cluster support disabled"),
        "{error}"
    );
}
