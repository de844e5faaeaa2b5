//! Primaries are replaced while rows are read and changed.
//!
//! In a coordinated failover nothing acknowledged is lost, so the promise holds without exception
//! for all who have one view of who is the primary: two caches of one store. Another process may
//! hear of it a moment later, and reads from the old primary until then.
//!
//! With a primary that dies, the last invalidations and leases may be lost, as the guide says: then
//! nothing is promised of a row until it has been invalidated once more. From there on, and for all
//! that is not lost, the promise is the same.

use redstart_testkit::{Cluster, Failover, Sentinel};

use super::versions::{CLOCK, Traffic, entry_of};
use super::*;

async fn on_cluster() -> (Cluster, [Store; 2]) {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let processes = processes(&cluster.url()).await;
    (cluster, processes)
}

async fn on_sentinel() -> (Sentinel, [Store; 2]) {
    let sentinel = tokio::task::spawn_blocking(|| Sentinel::from_path().unwrap().start().unwrap());
    let sentinel = sentinel.await.unwrap();
    let processes = processes(&sentinel.url()).await;
    (sentinel, processes)
}

async fn processes(url: &str) -> [Store; 2] {
    let open = async || {
        let store = Store::builder(url).deadline(PATIENCE);
        store.open().await.unwrap()
    };
    [open().await, open().await]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stale_is_read_through_coordinated_failovers_of_a_cluster() {
    let (cluster, processes) = on_cluster().await;
    let traffic = Traffic::start(&[&processes[0], &processes[0]]);
    traffic.more(2_000).await;
    for place in [CLOCK, &entry_of(0), &entry_of(1)] {
        let slot = cluster.slot_of(place).unwrap();
        let primary = cluster.primary_of(slot).unwrap();
        let replica = cluster.replicas_of(primary).unwrap()[0];
        cluster.failover(replica, Failover::Coordinated).unwrap();
        traffic.more(1_000).await;
    }
    println!("{:?}", traffic.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stale_is_read_through_coordinated_failovers_with_sentinels() {
    let (sentinel, processes) = on_sentinel().await;
    let traffic = Traffic::start(&[&processes[0], &processes[0]]);
    traffic.more(2_000).await;
    for _ in 0..2 {
        sentinel.failover().unwrap();
        traffic.more(1_000).await;
    }
    println!("{:?}", traffic.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_of_a_cluster_takes_the_last_invalidations_with_it_and_no_later_one() {
    let (mut cluster, processes) = on_cluster().await;
    let traffic = Traffic::start(&[&processes[0], &processes[1]]);
    traffic.more(2_000).await;
    let primary = cluster.primary_of(cluster.slot_of(CLOCK).unwrap()).unwrap();
    traffic.doubt();
    cluster.nodes_mut()[primary].kill();
    cluster.wait_until_agreed().unwrap();
    traffic.trust_again().await;
    traffic.more(2_000).await;
    println!("{:?}", traffic.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_of_sentinels_takes_the_last_invalidations_with_it_and_no_later_one() {
    let (mut sentinel, processes) = on_sentinel().await;
    let traffic = Traffic::start(&[&processes[0], &processes[1]]);
    traffic.more(2_000).await;
    let primary = sentinel.primary().unwrap();
    traffic.doubt();
    sentinel.servers_mut()[primary].kill();
    sentinel.wait_until_agreed().unwrap();
    traffic.trust_again().await;
    traffic.more(2_000).await;
    println!("{:?}", traffic.stop().await);
}
