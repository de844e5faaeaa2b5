//! Clusters that fail over, lose nodes and move slots.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redstart_testkit::{Cluster, Failover, Faults, RawConnection, Reply};

use crate::{
    ask, assert_gone, assert_no_trace, assert_nothing_survives_the_runner, bulk, error_of,
};
use crate::{ok, traces};

fn start() -> Cluster {
    Cluster::from_path()
        .and_then(|builder| builder.start())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Writes keys that share a slot, at the slot's owner.
fn fill(cluster: &Cluster, tag: &str, count: usize) -> u16 {
    let slot = cluster.slot_of(&format!("{{{tag}}}")).expect("a slot");
    let owner = cluster.primary_of(slot).expect("its owner");
    let mut connection = cluster.nodes()[owner].connect().expect("a connection");
    for key in 0..count {
        let key = format!("{{{tag}}}:{key}");
        assert_eq!(
            connection.call(&["SET", &key, &key]).expect("a reply"),
            ok()
        );
    }
    slot
}

/// Fails unless all of the keys are at the slot's owner.
fn assert_filled(cluster: &Cluster, tag: &str, count: usize) {
    let slot = cluster.slot_of(&format!("{{{tag}}}")).expect("a slot");
    let owner = cluster.primary_of(slot).expect("its owner");
    let mut connection = cluster.nodes()[owner].connect().expect("a connection");
    for key in 0..count {
        let key = format!("{{{tag}}}:{key}");
        let value = connection.call(&["GET", &key]).expect("a reply");
        assert_eq!(value, bulk(&key), "at node {owner}");
    }
}

#[test]
fn a_cluster_is_ready_when_it_is_there_and_gone_when_it_is_dropped() {
    let cluster = start();
    assert_eq!(cluster.amiss(), Vec::<String>::new());
    assert!(cluster.url().starts_with("redis+cluster://127.0.0.1:"));
    assert_eq!(cluster.url().matches(',').count(), 5);
    let view = cluster.view(5).expect("a view");
    let owners: Vec<_> = view.slots().iter().map(|(_, id)| id.to_string()).collect();
    let primaries: Vec<_> = (0..3).map(|node| cluster.id(node)).collect();
    assert_eq!(owners, primaries);
    assert_eq!(cluster.replicas_of(1).expect("its replicas"), [4]);

    let slot = fill(&cluster, "ready", 1);
    let owner = cluster.primary_of(slot).expect("its owner");
    let other = cluster.nodes()[(owner + 1) % 3].address();
    let moved = error_of(&ask(other, &["GET", "{ready}:0"]));
    let url = cluster.nodes()[owner].url();
    assert_eq!(moved, format!("MOVED {slot} {}", &url["redis://".len()..]));

    let left = traces(cluster.nodes());
    drop(cluster);
    assert_no_trace(&left);
}

#[test]
fn replicas_take_over_in_every_way() {
    let cluster = start();
    let slot = fill(&cluster, "kept", 50);
    let first = cluster.primary_of(slot).expect("its owner");
    let replica = first + 3;
    cluster
        .failover(replica, Failover::Coordinated)
        .expect("handed over");
    assert_eq!(cluster.primary_of(slot).expect("an owner"), replica);
    assert_filled(&cluster, "kept", 50);
    cluster.failover(first, Failover::Forced).expect("forced");
    assert_eq!(cluster.primary_of(slot).expect("an owner"), first);
    cluster
        .failover(replica, Failover::Takeover)
        .expect("taken over");
    assert_eq!(cluster.primary_of(slot).expect("an owner"), replica);
    assert_eq!(cluster.replicas_of(replica).expect("replicas"), [first]);
    let refused = cluster.failover(replica, Failover::Forced);
    refused.expect_err("a primary does not take over");
}

#[test]
fn dead_and_silent_primaries_are_replaced_and_come_back_as_replicas() {
    let mut cluster = start();
    let pid = cluster.nodes()[0].pid().expect("it runs");
    cluster.nodes_mut()[0].kill();
    assert_gone(pid);
    cluster.wait_until_agreed().expect("replaced");
    assert_eq!(cluster.primary_of(0).expect("an owner"), 3);
    cluster.nodes_mut()[0].restart().expect("started again");
    cluster.wait_until_agreed().expect("taken in");
    assert_eq!(cluster.replicas_of(3).expect("its replicas"), [0]);

    cluster.nodes()[1].pause().expect("paused");
    cluster.wait_until_agreed().expect("replaced");
    assert_eq!(cluster.primary_of(8_000).expect("an owner"), 4);
    cluster.nodes()[1].resume().expect("resumed");
    cluster.wait_until_agreed().expect("taken in");
    assert_eq!(cluster.replicas_of(4).expect("its replicas"), [1]);
}

#[test]
fn a_slot_moves_with_its_keys_while_they_are_used() {
    const KEYS: usize = 300;
    let cluster = Cluster::from_path().expect("a server");
    let cluster = cluster.password("secret").start().expect("started");
    assert!(
        cluster
            .url()
            .starts_with("redis+cluster://:secret@127.0.0.1:")
    );
    let slot = fill(&cluster, "moving", KEYS);
    let from = cluster.primary_of(slot).expect("its owner");
    let to = (from + 1) % 3;

    // By hand, to meet what clients meet on the way.
    let moving = cluster.begin_move(slot, to).expect("begun");
    assert_eq!((moving.from(), moving.to()), (from, to));
    assert_eq!(moving.migrate(100).expect("some"), 100);
    let mut old = cluster.nodes()[from].connect().expect("a connection");
    let asked = old.call(&["GET", "{moving}:none"]).expect("a reply");
    assert!(error_of(&asked).starts_with(&format!("ASK {slot} 127.0.0.1:")));
    let all: Vec<String> = (0..KEYS).map(|key| format!("{{moving}}:{key}")).collect();
    let mut mget = vec!["MGET"];
    mget.extend(all.iter().map(String::as_str));
    let torn = old.call(&mget).expect("a reply");
    assert!(error_of(&torn).starts_with("TRYAGAIN "), "{torn}");
    while moving.migrate(100).expect("more") > 0 {}
    moving.finish().expect("agreed");
    assert_eq!(cluster.primary_of(slot).expect("an owner"), to);
    assert_filled(&cluster, "moving", KEYS);

    // At once, while somebody writes: nothing acknowledged is lost.
    let done = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let writer = scope.spawn(|| count_up(&cluster, to, &done));
        cluster.move_slot(slot, from).expect("moved back");
        done.store(true, Ordering::Relaxed);
        writer.join().expect("the writer")
    });
    let counted = cluster.nodes()[from].call(&["GET", "{moving}:count"]);
    assert_eq!(counted.expect("a reply"), bulk(&acknowledged.to_string()));
    assert_filled(&cluster, "moving", KEYS);

    let refused = cluster.begin_move(slot, from).expect_err("it is there");
    assert!(refused.to_string().contains("already"), "{refused}");
    let half = cluster.begin_move(slot, to).expect("begun");
    half.abandon().expect("given up");
    assert_eq!(cluster.amiss(), Vec::<String>::new());
}

/// Counts until `done`, following redirections; returns how many were acknowledged.
fn count_up(cluster: &Cluster, first: usize, done: &AtomicBool) -> u64 {
    let mut connections: Vec<RawConnection> = cluster.nodes()[..3]
        .iter()
        .map(|node| node.connect().expect("a connection"))
        .collect();
    let (mut at, mut acknowledged) = (first, 0);
    while !done.load(Ordering::Relaxed) || acknowledged == 0 {
        let incr = ["INCR", "{moving}:count"];
        let mut reply = connections[at].call(&incr).expect("a reply");
        if let Reply::Error(text) = &reply {
            let text = String::from_utf8_lossy(text).into_owned();
            let port: u16 = text
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok())
                .unwrap_or_else(|| panic!("{text}"));
            let target =
                (0..3).find(|node| cluster.nodes()[*node].url().ends_with(&format!(":{port}")));
            let target = target.expect("a primary");
            match text.split(' ').next() {
                Some("ASK") => {
                    connections[target].call(&["ASKING"]).expect("a reply");
                    reply = connections[target].call(&incr).expect("a reply");
                }
                Some("MOVED") => {
                    at = target;
                    continue;
                }
                _ => panic!("{text}"),
            }
        }
        acknowledged += u64::from(reply.as_integer().is_some());
    }
    acknowledged
}

#[test]
fn behind_proxies_clients_suffer_and_the_cluster_does_not() {
    let cluster = Cluster::from_path().expect("a server");
    let cluster = cluster.proxied().start().expect("started");
    let slot = fill(&cluster, "far", 1);
    let owner = cluster.primary_of(slot).expect("its owner");
    let replica = owner + 3;

    // Everybody sends clients to the proxies.
    let moved = ask(
        &cluster.proxies()[(owner + 1) % 3].address(),
        &["GET", "{far}:0"],
    );
    let port = cluster.proxies()[owner].port();
    assert_eq!(error_of(&moved), format!("MOVED {slot} 127.0.0.1:{port}"));
    assert!(cluster.url().contains(&format!("127.0.0.1:{port}")));

    // Silence for clients.
    let proxy = &cluster.proxies()[owner];
    let mut client = RawConnection::open(&proxy.address()).expect("a connection");
    assert_eq!(
        client.call(&["GET", "{far}:0"]).expect("a reply"),
        bulk("{far}:0")
    );
    proxy.set(Faults::none().frozen());
    client.send_command(&["GET", "{far}:0"]).expect("sent");
    client.set_deadline(Duration::from_millis(50));
    let silence = client.receive_raw().expect_err("nothing passes");
    assert_eq!(silence.kind(), std::io::ErrorKind::TimedOut);

    // Nobody else notices: the replica, whose way leads through the same proxy, follows.
    cluster.nodes()[owner]
        .call(&["SET", "{far}:1", "new"])
        .expect("set");
    let acknowledged = cluster.nodes()[owner].call(&["WAIT", "1", "20000"]);
    assert_eq!(acknowledged.expect("a reply"), Reply::Integer(1));
    assert_eq!(cluster.amiss(), Vec::<String>::new());
    assert_eq!(cluster.replicas_of(owner).expect("replicas"), [replica]);

    proxy.heal();
    client.set_deadline(Duration::from_secs(20));
    assert_eq!(client.receive().expect("late"), bulk("{far}:0"));
    cluster
        .failover(replica, Failover::Coordinated)
        .expect("handed over");
    let moved = error_of(&client.call(&["GET", "{far}:0"]).expect("a reply"));
    let port = cluster.proxies()[replica].port();
    assert_eq!(moved, format!("MOVED {slot} 127.0.0.1:{port}"));
}

#[test]
fn a_killed_test_runner_leaves_no_cluster() {
    let name = "cluster::a_killed_test_runner_leaves_no_cluster";
    assert_nothing_survives_the_runner(name, start, |cluster| cluster.nodes().iter().collect());
}

/// The first of some ports in a row that are free, for clients and for the cluster's bus.
fn first_of_free_ports(count: u16) -> u16 {
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = 10_240 + u16::try_from(std::process::id() % 900).expect("small") * 12;
    (start..22_000)
        .step_by(usize::from(count))
        .find(|first| (*first..first + count).all(|port| is_free(port) && is_free(port + 10_000)))
        .expect("some ports are free")
}

#[test]
fn a_cluster_in_a_kept_directory_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = first_of_free_ports(3);
    let start = || {
        let cluster = Cluster::from_path().expect("a server");
        let cluster = cluster
            .primaries(3)
            .replicas(0)
            .arg("--appendonly")
            .arg("yes");
        cluster
            .port(port)
            .directory(directory.path())
            .start()
            .expect("started")
    };
    let mut cluster = start();
    let ids: Vec<String> = (0..3).map(|node| cluster.id(node).to_owned()).collect();
    fill(&cluster, "kept", 1);
    for node in cluster.nodes_mut() {
        assert!(node.stop().expect("stopped").success());
    }
    drop(cluster);
    let cluster = start();
    assert_eq!(
        (0..3)
            .map(|node| cluster.id(node).to_owned())
            .collect::<Vec<_>>(),
        ids
    );
    assert_filled(&cluster, "kept", 1);
}
