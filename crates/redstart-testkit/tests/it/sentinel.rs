//! Deployments whose sentinels replace the primary.

use redstart_testkit::{Faults, RawConnection, Reply, Sentinel};

use crate::{
    ask, assert_gone, assert_no_trace, assert_nothing_survives_the_runner, bulk, error_of,
};
use crate::{ok, traces};

fn start() -> Sentinel {
    Sentinel::from_path()
        .and_then(|builder| builder.start())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The port that a sentinel names.
fn named(deployment: &Sentinel, sentinel: usize) -> u16 {
    let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", deployment.name()];
    let reply = ask(deployment.sentinels()[sentinel].address(), &command);
    let port = reply.as_elements().and_then(|pair| pair.get(1)?.as_bytes());
    let port = String::from_utf8_lossy(port.expect("an address")).into_owned();
    port.parse().expect("a port")
}

#[test]
fn a_deployment_is_ready_when_it_is_there_and_gone_when_it_is_dropped() {
    let builder = Sentinel::from_path().expect("a server");
    let deployment = builder.name("cache").start().expect("started");
    assert_eq!(deployment.amiss(), Vec::<String>::new());
    assert_eq!(deployment.primary().expect("a primary"), 0);
    assert!(deployment.url().starts_with("redis+sentinel://127.0.0.1:"));
    assert!(deployment.url().ends_with("/cache"));
    let primary = deployment.servers()[0].url();
    assert!(primary.ends_with(&format!(":{}", named(&deployment, 2))));
    let quorum = deployment.sentinels()[1].call(&["SENTINEL", "CKQUORUM", "cache"]);
    let quorum = quorum.expect("a quorum");
    assert!(
        quorum.to_string().contains("OK 3 usable Sentinels"),
        "{quorum}"
    );

    deployment.servers()[0]
        .call(&["SET", "k", "v"])
        .expect("set");
    let acknowledged = deployment.servers()[0].call(&["WAIT", "2", "20000"]);
    assert_eq!(acknowledged.expect("a reply"), Reply::Integer(2));
    let refused = ask(deployment.servers()[1].address(), &["SET", "k", "v"]);
    assert!(error_of(&refused).starts_with("READONLY "));

    let left = traces(deployment.servers().iter().chain(deployment.sentinels()));
    drop(deployment);
    assert_no_trace(&left);
}

#[test]
fn a_primary_hands_over_without_loss_and_another_is_deposed() {
    let deployment = Sentinel::from_path().expect("a server");
    let deployment = deployment.password("secret").start().expect("started");
    assert!(
        deployment
            .url()
            .starts_with("redis+sentinel://:secret@127.0.0.1:")
    );
    let first = deployment.primary().expect("a primary");
    let mut connection = deployment.servers()[first].connect().expect("a connection");
    for _ in 0..100 {
        connection.call(&["INCR", "count"]).expect("counted");
    }
    deployment.failover().expect("handed over");
    let second = deployment.primary().expect("a primary");
    assert_ne!(second, first);
    let count = deployment.servers()[second].call(&["GET", "count"]);
    assert_eq!(count.expect("a reply"), bulk("100"));
    // Connections may have been closed: sentinels do that to those of a primary that they depose.
    let mut connection = deployment.servers()[first].connect().expect("a connection");
    let refused = connection.call(&["INCR", "count"]).expect("a reply");
    assert!(error_of(&refused).starts_with("READONLY "));

    deployment.force_failover().expect("deposed");
    assert_ne!(deployment.primary().expect("a primary"), second);
}

#[test]
fn a_dead_primary_is_replaced_and_comes_back_as_a_replica() {
    let mut deployment = start();
    let pid = deployment.servers()[0].pid().expect("it runs");
    deployment.servers_mut()[0].kill();
    assert_gone(pid);
    deployment.wait_until_agreed().expect("replaced");
    let new = deployment.primary().expect("a primary");
    assert_ne!(new, 0);
    deployment.servers_mut()[0]
        .restart()
        .expect("started again");
    // A sentinel can be away as well.
    deployment.sentinels_mut()[0].kill();
    deployment.sentinels_mut()[0]
        .restart()
        .expect("started again");
    deployment.wait_until_agreed().expect("taken in");
    let role = deployment.servers()[0].call(&["ROLE"]).expect("a role");
    assert_eq!(
        role.as_elements().and_then(|parts| parts.first()),
        Some(&bulk("slave"))
    );
}

#[test]
fn behind_proxies_clients_suffer_and_the_sentinels_do_not() {
    let deployment = Sentinel::from_path().expect("a server");
    let deployment = deployment.proxied().start().expect("started");
    let proxy = &deployment.proxies()[0];
    assert_eq!(named(&deployment, 0), proxy.port());
    let mut client = RawConnection::open(&proxy.address()).expect("a connection");
    assert_eq!(client.call(&["SET", "k", "v"]).expect("a reply"), ok());

    proxy.refuse();
    client.call(&["GET", "k"]).expect_err("cut");
    // Replicas and sentinels come the same way.
    deployment.servers()[0]
        .call(&["SET", "k", "w"])
        .expect("set");
    let acknowledged = deployment.servers()[0].call(&["WAIT", "2", "20000"]);
    assert_eq!(acknowledged.expect("a reply"), Reply::Integer(2));
    assert_eq!(deployment.amiss(), Vec::<String>::new());
    proxy.set(Faults::none());
    proxy.heal();

    deployment.failover().expect("handed over");
    let new = deployment.primary().expect("a primary");
    assert_eq!(named(&deployment, 1), deployment.proxies()[new].port());
    let value = ask(&deployment.proxies()[new].address(), &["GET", "k"]);
    assert_eq!(value, bulk("w"));
}

#[test]
fn a_killed_test_runner_leaves_neither_servers_nor_sentinels() {
    let name = "sentinel::a_killed_test_runner_leaves_neither_servers_nor_sentinels";
    assert_nothing_survives_the_runner(name, start, |deployment| {
        let servers = deployment.servers().iter();
        servers.chain(deployment.sentinels()).collect()
    });
}
