//! A user with what docs/store.md says each verb needs, and nothing else: nothing is ever denied.

use std::time::Duration;

use redstart::Store;
use redstart_testkit::{Cluster, Sentinel, Server};

const LONG: Duration = Duration::from_secs(20);
const CREDENTIALS: &str = "app:pw@";

/// Lets the user `app` do this and nothing else.
fn allow(server: &Server, rights: &str) {
    let mut command = vec!["ACL", "SETUSER", "app", "on", ">pw", "~*", "resetchannels"];
    // Clients tell servers their library's name, where those have a place for it.
    let told = server.call(&["COMMAND", "INFO", "client|setinfo"]).unwrap();
    if told.as_elements().unwrap()[0].as_elements().is_some() {
        command.push("+client|setinfo");
    }
    command.extend(rights.split(' '));
    assert!(!server.call(&command).unwrap().is_error());
}

fn assert_nothing_was_denied(server: &Server) {
    let log = server.call(&["ACL", "LOG"]).unwrap();
    assert!(log.as_elements().unwrap().is_empty(), "{log:?}");
}

fn as_app(url: &str) -> String {
    let (scheme, rest) = url.split_once("//").unwrap();
    format!("{scheme}//{CREDENTIALS}{rest}")
}

#[tokio::test]
async fn each_verb_needs_what_the_guide_says_on_one_server() {
    let server = Server::from_path().unwrap().start().unwrap();
    allow(
        &server,
        "+hello +ping +select +set +get +multi +exec +mget +blpop &news +subscribe +unsubscribe",
    );
    let url = format!("{}?db=1", as_app(&server.url()));
    let store = Store::builder(&url).ping_every(Duration::from_millis(1));
    let store = store.deadline(LONG).open().await.unwrap();
    store.command(["SET", "k", "v"]).await.unwrap();
    let pipeline = store.pipeline().command(["GET", "k"]).command(["GET", "k"]);
    pipeline.atomic().await.unwrap();
    store.get_many(["k", "l"]).await.unwrap();
    let mut own = store.exclusive().await.unwrap();
    own.command(["BLPOP", "nothing", "0.01"]).await.unwrap();
    let news = store.subscribe(["news"]).await.unwrap();
    drop(news);
    assert_nothing_was_denied(&server);

    // This one asks for more than it needs.
    store.capabilities().await.unwrap();
    allow(&server, "+info +config|get +command|info");
    let log = || server.call(&["ACL", "LOG", "RESET"]).unwrap();
    log();
    let store = Store::open(&url).await.unwrap();
    let capabilities = store.capabilities().await.unwrap();
    assert_eq!(capabilities.eviction.as_deref(), Some("noeviction"));
    assert_nothing_was_denied(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn and_with_sentinels() {
    let sentinel = tokio::task::spawn_blocking(|| Sentinel::from_path().unwrap().start().unwrap());
    let sentinel = sentinel.await.unwrap();
    for server in sentinel.servers() {
        allow(server, "+hello +ping +role +set");
    }
    let store = Store::builder(&as_app(&sentinel.url())).deadline(LONG);
    let store = store.open().await.unwrap();
    store.command(["SET", "k", "v"]).await.unwrap();
    for server in sentinel.servers() {
        assert_nothing_was_denied(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn and_on_a_cluster() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    for node in cluster.nodes() {
        allow(node, "+hello +ping +cluster|slots +asking +set +mget");
    }
    let store = Store::builder(&as_app(&cluster.url())).deadline(LONG);
    let store = store.open().await.unwrap();
    let slot = cluster.slot_of("k").unwrap();
    store.command(["SET", "k", "v"]).await.unwrap();
    let to = (cluster.primary_of(slot).unwrap() + 1) % 3;
    let moving = cluster.begin_move(slot, to).unwrap();
    moving.migrate(10).unwrap();
    // Here the user has to say ASKING.
    let value = store.get_many(["k"]).await.unwrap().remove(0).unwrap();
    assert_eq!(value.as_deref(), Some(&b"v"[..]));
    moving.finish().unwrap();
    store.get_many(["k"]).await.unwrap();
    for node in cluster.nodes() {
        assert_nothing_was_denied(node);
    }
}
