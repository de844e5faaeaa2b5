//! Reads after acknowledged invalidations, as many as can be, and none of them stale.
//!
//! `REDSTART_CACHE_READS` says how many there are on the embedded engine: CI has a million.

use super::versions::Traffic;
use super::*;
use crate::stores::on_server;

const ON_A_SERVER: u64 = 20_000;

#[cfg(feature = "embedded")]
#[tokio::test(flavor = "multi_thread")]
async fn no_read_is_stale_on_the_embedded_engine() {
    const READS: u64 = 50_000;
    let reads = match std::env::var("REDSTART_CACHE_READS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => READS,
    };
    let store = Store::open("memory:").await.unwrap();
    storm(&store, &store, reads).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_is_stale_on_a_server() {
    let on_server = on_server().await;
    let other = Store::open(&on_server.server.url()).await.unwrap();
    storm(&on_server.store, &other, ON_A_SERVER).await;
}

async fn storm(one: &Store, other: &Store, reads: u64) {
    let traffic = Traffic::start(&[one, other]);
    traffic.more(reads).await;
    let tally = traffic.stop().await;
    assert_eq!(tally.errors, 0, "{tally:?}");
}
