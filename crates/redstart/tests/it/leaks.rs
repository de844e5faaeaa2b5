//! Nothing is left over, and nobody waits longer than was agreed.

use std::time::Duration;

use redstart::Store;
use redstart::store::{Failure, Replay};
use redstart_testkit::{Cluster, FaultProxy, Faults, Server, wait_until};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(30);

/// The most that a server is connected to at once.
const LANES: usize = 64;

/// How many connections of clients a server has, the one that asks left aside.
fn clients(server: &Server) -> usize {
    let info = server.call(&["INFO", "clients"]).unwrap();
    let info = String::from_utf8(info.as_bytes().unwrap().to_vec()).unwrap();
    let count = info
        .lines()
        .find_map(|line| line.strip_prefix("connected_clients:"));
    count.unwrap().trim().parse::<usize>().unwrap() - 1
}

fn wait_for_clients(server: &Server, count: usize) {
    wait_until("the connections are there", LONG, || {
        clients(server) == count
    });
}

/// Kills all connections to these servers again and again. There are as many as before each time,
/// and none when the store is gone.
async fn reconnect(url: &str, servers: &[&Server], rounds: usize) {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();
    let store = Store::builder(url).lanes(LANES).deadline(LONG);
    let store = store.open().await.unwrap();
    let all_there = || {
        for server in servers {
            wait_for_clients(server, LANES);
        }
    };
    tokio::task::block_in_place(all_there);
    let tasks_with_store = tasks();
    for _ in 0..rounds {
        for server in servers {
            let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
            let killed = server.call(&kill).unwrap().as_integer();
            assert_eq!(killed, Some(LANES as i64));
        }
        tokio::task::block_in_place(all_there);
        for number in 0..LANES {
            let read = store.command(["GET", &number.to_string()]);
            read.replay(Replay::Read).await.unwrap();
        }
    }
    assert_eq!(tasks(), tasks_with_store);
    drop(store);
    tokio::task::block_in_place(|| {
        for server in servers {
            wait_for_clients(server, 0);
        }
        wait_until("the tasks are gone", LONG, || tasks() == tasks_before);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reconnections_to_a_server_leave_nothing_behind() {
    let server = Server::from_path().unwrap().start().unwrap();
    // Each of them pauses longer than the one before, so a new store begins now and then.
    for _ in 0..4 {
        reconnect(&server.url(), &[&server], 4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reconnections_to_a_cluster_leave_nothing_behind() {
    let cluster = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::from_path().unwrap().replicas(0);
        cluster.start().unwrap()
    });
    let cluster = cluster.await.unwrap();
    let servers: Vec<&Server> = cluster.nodes().iter().collect();
    for _ in 0..2 {
        reconnect(&cluster.url(), &servers, 3).await;
    }
}

/// Asks in every way while nobody answers; returns how many requests may have had an effect.
async fn ask_in_vain(store: &Store) -> usize {
    let mut tasks = JoinSet::new();
    for number in 0..200_u64 {
        let store = store.clone();
        tasks.spawn(async move {
            let within = Duration::from_millis(10 + number * 5 % 300);
            let late = store.time().monotonic() + within;
            let key = number.to_string();
            let failure = match number % 4 {
                0 => store.command(["INCR", &key]).within(within).await.err(),
                1 => store.command(["GET", &key]).within(within).await.err(),
                2 => store.command(["SET", &key, "v"]).within(within).await.err(),
                _ => {
                    let pipeline = store.pipeline().within(within).command(["GET", &key]);
                    let results = pipeline.command(["INCR", &key]).await;
                    results.and_then(|mut results| results.remove(0)).err()
                }
            };
            // Timers are late on a machine that is busy; a server that is waited for is later.
            assert!(store.time().monotonic() < late + LONG / 6);
            failure.expect("nobody answers").failure()
        });
    }
    let failures = tasks.join_all().await;
    let possible = [Failure::NotSent, Failure::Unknown];
    assert!(
        failures.iter().all(|failure| possible.contains(failure)),
        "{failures:?}"
    );
    failures
        .iter()
        .filter(|failure| **failure == Failure::Unknown)
        .count()
}

/// While the server counts as silent, requests fail at once.
async fn ask_until_answered(store: &Store) {
    let late = store.time().monotonic() + LONG;
    while store.command(["PING"]).await.is_err() {
        assert!(store.time().monotonic() < late, "it stays silent");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_outlives_its_deadline_while_a_server_is_stopped() {
    let server = Server::from_path().unwrap().start().unwrap();
    let store = Store::builder(&server.url())
        .unresponsive_after(Duration::from_millis(100))
        .open();
    let store = store.await.unwrap();
    server.pause().unwrap();
    let open = ask_in_vain(&store).await;
    assert!(open > 0, "the first ones are handed over");
    // By now it is known to be silent.
    ask_in_vain(&store).await;
    server.resume().unwrap();
    ask_until_answered(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_outlives_its_deadline_while_a_cable_is_cut() {
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    for faults in [
        Faults::none().frozen(),
        Faults::none().dropping_requests(),
        Faults::none().dropping_replies(),
    ] {
        let store = Store::builder(&proxy.url())
            .unresponsive_after(Duration::from_millis(100))
            .open();
        let store = store.await.unwrap();
        proxy.set(faults);
        ask_in_vain(&store).await;
        ask_in_vain(&store).await;
        proxy.heal();
        ask_until_answered(&store).await;
    }
}
