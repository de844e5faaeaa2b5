//! What servers are found to be, and what is said of those that cannot be used.

use std::time::Duration;

use redstart::Store;
use redstart::store::{Error, Failure, Feature, ServerKind, Version};
use redstart_testkit::{Cluster, FaultProxy, Matrix, Server, Strike};

use crate::stores::{OnServer, on_server, said};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn every_server_says_what_it_is() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    Matrix::of_servers().unwrap().run(|target| {
        let (url, name) = (target.url().to_owned(), target.name().to_owned());
        let deployment = target.deployment().unwrap();
        let binary = deployment.servers()[0].binary().clone();
        let capabilities = runtime.block_on(async {
            let store = Store::builder(&url).deadline(LONG).open().await.unwrap();
            store.capabilities().await.unwrap()
        });
        let is_valkey = binary.path().to_string_lossy().contains("valkey");
        let kind = match is_valkey {
            true => ServerKind::Valkey,
            false => ServerKind::Redis,
        };
        assert_eq!(capabilities.server, kind, "{name}");
        let version = capabilities.version.unwrap();
        assert_eq!(version.to_string(), binary.version(), "{name}");
        let is_cluster = url.contains("+cluster");
        assert_eq!(capabilities.cluster, Some(is_cluster), "{name}");
        assert_eq!(capabilities.eviction.as_deref(), Some("noeviction"));
        assert_eq!(capabilities.evicts_any_key(), Some(false));
        for feature in [
            Feature::ClientTracking,
            Feature::ShardChannels,
            Feature::Functions,
        ] {
            assert_eq!(capabilities.has(feature), Some(true), "{name}: {feature:?}");
        }
        let since = match is_valkey {
            true => Version::new(9, 0, 0),
            false => Version::new(7, 4, 0),
        };
        assert_eq!(
            capabilities.has(Feature::HashFieldExpiry),
            Some(version >= since),
            "{name}"
        );
    });
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn the_engine_says_what_it_is_embedded_and_behind_its_port() {
    let embedded = Store::open("memory:").await.unwrap();
    let embedded = embedded.capabilities().await.unwrap();
    assert_eq!(embedded.server, ServerKind::Redstart);
    assert_eq!(embedded.version, Some(Version::new(7, 0, 15)));
    assert_eq!(embedded.cluster, Some(false));
    assert_eq!(embedded.eviction.as_deref(), Some("noeviction"));
    assert_eq!(embedded.has(Feature::HashFieldExpiry), Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_says_it_too() {
    let on_port = crate::stores::on_port().await;
    let capabilities = on_port.store.capabilities().await.unwrap();
    assert_eq!(capabilities.server, ServerKind::Redstart);
}

#[tokio::test]
async fn what_a_server_keeps_to_itself_is_unknown_and_no_error() {
    let OnServer { server, store } = on_server().await;
    for command in [
        &["ACL", "SETUSER", "app", "on", ">pw", "~*", "+hello", "+get"][..],
        &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
    ] {
        server.call(command).unwrap();
    }
    let admin = store.capabilities().await.unwrap();
    assert_eq!(admin.evicts_any_key(), Some(true));

    let url = server
        .url()
        .replace("redis+unix://", "redis+unix://app:pw@");
    let store = Store::open(&url).await.unwrap();
    let capabilities = store.capabilities().await.unwrap();
    assert_eq!(capabilities.eviction, None);
    assert_eq!(capabilities.server, ServerKind::Redis);
    assert_eq!(capabilities.has(Feature::ShardChannels), Some(true));
}

#[tokio::test]
async fn a_connection_is_asked_once() {
    let OnServer { server, store } = on_server().await;
    let asked = || {
        let stats = said(&server, &["INFO", "commandstats"]);
        let calls = stats.split("cmdstat_command|info:calls=").nth(1);
        calls.map(|calls| calls.split(',').next().unwrap().to_owned())
    };
    for _ in 0..3 {
        store.capabilities().await.unwrap();
    }
    assert_eq!(asked().as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_is_an_error_that_says_what_is_needed() {
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    let hello = "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.2.14\r\n";
    proxy.trap_every("HELLO", Strike::Answer(hello.into()));
    let error = Store::open(&proxy.url()).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Failed);
    let needed = "the server is redis 6.2.14; redis 7.0 or valkey 7.2 or later is needed";
    assert!(error.to_string().contains(needed), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_url_of_a_node_of_a_cluster_is_told_what_to_write() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = Store::open(&cluster.nodes()[0].url()).await.unwrap();
    assert_eq!(store.capabilities().await.unwrap().cluster, Some(true));
    let elsewhere = (0..)
        .map(|n| format!("k:{n}"))
        .find(|key| {
            let slot = cluster.slot_of(key).unwrap();
            cluster.primary_of(slot).unwrap() != 0
        })
        .unwrap();
    let says_what_to_write = |error: &Error| {
        assert_eq!(error.code(), Some("MOVED"), "{error}");
        assert!(error.to_string().contains("redis+cluster://"), "{error}");
    };
    // At once, and not when the deadline has passed.
    let single = store.command(["SET", &elsewhere, "v"]).within(LONG).await;
    let single = single.unwrap_err();
    assert_eq!(single.failure(), Failure::Failed);
    says_what_to_write(&single);
    let pipeline = store.pipeline().command(["PING"]);
    let results = pipeline.command(["SET", &elsewhere, "v"]).await.unwrap();
    says_what_to_write(results[1].as_ref().unwrap_err());
}
