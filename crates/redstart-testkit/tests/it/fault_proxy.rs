//! Faults do what they say, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use redstart_testkit::{
    Address, FaultProxy, Faults, RawConnection, Reply, Server, Strike, wait_until,
};

use crate::{PATIENCE, bulk, ok};

struct Bench {
    server: Server,
    proxy: FaultProxy,
}

fn start() -> Bench {
    let server = Server::from_path().and_then(|builder| builder.start());
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let proxy = FaultProxy::start(server.address().clone()).expect("a proxy");
    Bench { server, proxy }
}

impl Bench {
    fn client(&self) -> RawConnection {
        let mut client = RawConnection::open(&self.proxy.address()).expect("a connection");
        // Its first answer says that the proxy knows it.
        assert_eq!(
            client.call(&["PING"]).expect("a reply").to_bytes(),
            b"+PONG\r\n"
        );
        client
    }

    /// What the server itself has counted.
    fn count(&self) -> Reply {
        self.server.call(&["GET", "count"]).expect("a reply")
    }
}

fn assert_silent(client: &mut RawConnection) {
    client.set_deadline(Duration::from_millis(50));
    let silence = client.receive_raw().expect_err("nothing comes");
    assert_eq!(silence.kind(), ErrorKind::TimedOut);
    client.set_deadline(PATIENCE);
}

fn assert_closed(client: &mut RawConnection) {
    let end = client.receive_to_end().expect("it is closed");
    assert_eq!(end.escape_ascii().to_string(), "");
}

/// Several commands in one write.
fn send_all(client: &mut RawConnection, commands: &[&[&str]]) {
    let mut bytes = Vec::new();
    for command in commands {
        RawConnection::encode(command, &mut bytes);
    }
    client.send(&bytes).expect("sent");
}

#[test]
fn a_proxy_passes_everything_on() {
    let bench = start();
    let mut client = bench.client();
    let big = "x".repeat(3 * 1024 * 1024);
    assert_eq!(client.call(&["SET", "big", &big]).expect("a reply"), ok());
    assert_eq!(client.call(&["GET", "big"]).expect("a reply"), bulk(&big));
    assert_eq!(
        client.call(&["PING", "after"]).expect("a reply"),
        bulk("after")
    );
    // What is no RESP passes too.
    client.send(b"GET nothing\r\n").expect("sent");
    assert_eq!(client.receive().expect("a reply"), Reply::NullBulk);
    assert_eq!(
        (bench.proxy.connections().len(), bench.proxy.accepted()),
        (1, 1)
    );
    drop(client);
    wait_until("the proxy has noticed", PATIENCE, || {
        bench.proxy.connections().is_empty()
    });
}

#[test]
fn many_requests_can_be_sent_before_any_reply_is_read() {
    let bench = start();
    let mut client = bench.client();
    let value = "x".repeat(10_000);
    assert_eq!(client.call(&["SET", "k", &value]).expect("a reply"), ok());
    // More replies than all buffers on the way can hold.
    let requests = vec![&["GET", "k"][..]; 3_000];
    send_all(&mut client, &requests);
    for _ in requests {
        assert_eq!(client.receive().expect("a reply"), bulk(&value));
    }
}

#[test]
fn frozen_is_silent_and_loses_nothing() {
    let bench = start();
    let mut client = bench.client();
    bench.proxy.set(Faults::none().frozen());
    client.send_command(&["INCR", "count"]).expect("sent");
    assert_silent(&mut client);
    assert_eq!(bench.count(), Reply::NullBulk);
    // New connections are silent from the start.
    let mut late = RawConnection::open(&bench.proxy.address()).expect("it is let in");
    late.send_command(&["PING"]).expect("sent");
    assert_silent(&mut late);
    bench.proxy.heal();
    assert_eq!(client.receive().expect("a reply"), Reply::Integer(1));
    assert_eq!(late.receive().expect("a reply").to_bytes(), b"+PONG\r\n");
}

#[test]
fn one_connection_suffers_alone() {
    let bench = start();
    let (mut one, mut other) = (bench.client(), bench.client());
    let connections = bench.proxy.connections();
    connections[0].set(Faults::none().frozen());
    one.send_command(&["PING"]).expect("sent");
    assert_silent(&mut one);
    assert_eq!(
        other.call(&["PING"]).expect("a reply").to_bytes(),
        b"+PONG\r\n"
    );
    connections[1].cut();
    assert_closed(&mut other);
    assert!(connections[0].is_open() && !connections[1].is_open());
    connections[0].set(Faults::none());
    assert_eq!(one.receive().expect("a reply").to_bytes(), b"+PONG\r\n");
}

#[test]
fn cut_closes_what_there_is_and_refuse_what_comes() {
    let bench = start();
    let mut client = bench.client();
    bench.proxy.cut();
    assert_closed(&mut client);
    let mut client = bench.client();
    bench.proxy.refuse();
    assert_closed(&mut client);
    let mut refused = RawConnection::open(&bench.proxy.address()).expect("connected");
    assert_closed(&mut refused);
    bench.proxy.heal();
    bench.client();
    assert_eq!(bench.proxy.accepted(), 3);
}

#[test]
fn lost_requests_are_not_executed_and_lost_replies_are() {
    let bench = start();
    let mut client = bench.client();
    bench.proxy.set(Faults::none().dropping_requests());
    client.send_command(&["INCR", "count"]).expect("sent");
    assert_silent(&mut client);
    assert_eq!(bench.count(), Reply::NullBulk);
    // Anything that passed now would answer the wrong request.
    bench.proxy.heal();
    client.send_command(&["PING"]).expect("sent");
    assert_closed(&mut client);

    let mut client = bench.client();
    bench.proxy.set(Faults::none().dropping_replies());
    client.send_command(&["INCR", "count"]).expect("sent");
    wait_until("it is counted", PATIENCE, || bench.count() == bulk("1"));
    assert_silent(&mut client);
    bench.proxy.heal();
    client.send_command(&["PING"]).expect("sent");
    assert_closed(&mut client);
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a delay is a matter of real time"
)]
fn delayed_is_late_both_ways() {
    let bench = start();
    let mut client = bench.client();
    let delay = Duration::from_millis(30);
    bench.proxy.set(Faults::none().delay(delay));
    let start = Instant::now();
    assert_eq!(
        client.call(&["INCR", "count"]).expect("a reply"),
        Reply::Integer(1)
    );
    assert!(start.elapsed() >= 2 * delay, "{:?}", start.elapsed());
    // Whoever waits is not kept when it ends.
    bench
        .proxy
        .set(Faults::none().delay(Duration::from_secs(3_600)));
    client.send_command(&["INCR", "count"]).expect("sent");
    assert_silent(&mut client);
    bench.proxy.heal();
    assert_eq!(client.receive().expect("a reply"), Reply::Integer(2));
}

#[test]
fn pieces_arrive_in_pieces() {
    let bench = start();
    let value = "x".repeat(5_000);
    bench.server.call(&["SET", "k", &value]).expect("set");
    bench.proxy.set(Faults::none().pieces(1));
    let Address::Tcp(address) = bench.proxy.address() else {
        panic!("a proxy listens on a port");
    };
    let mut client = TcpStream::connect(address).expect("a connection");
    client
        .write_all(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
        .expect("sent");
    let whole = format!("$5000\r\n{value}\r\n");
    let (mut seen, mut reads) = (Vec::new(), 0);
    let mut chunk = [0; 8_192];
    while seen.len() < whole.len() {
        let length = client.read(&mut chunk).expect("more");
        seen.extend_from_slice(&chunk[..length]);
        reads += 1;
    }
    assert_eq!(String::from_utf8_lossy(&seen), whole);
    assert!(reads > 10, "{reads} reads");
}

#[test]
fn a_trap_before_the_request_lets_it_not_be_executed() {
    let bench = start();
    let mut client = bench.client();
    let trap = bench.proxy.trap("INCR", Strike::CutBeforeRequest);
    send_all(
        &mut client,
        &[&["PING", "a"], &["incr", "count"], &["SET", "after", "x"]],
    );
    let seen = client.receive_to_end().expect("cut");
    assert_eq!(seen.escape_ascii().to_string(), "$1\\r\\na\\r\\n");
    assert!(trap.has_sprung());
    assert_eq!(bench.count(), Reply::NullBulk);
    let after = bench.server.call(&["EXISTS", "after"]).expect("a reply");
    assert_eq!(after, Reply::Integer(0));
    // It strikes once.
    assert_eq!(
        bench.client().call(&["INCR", "count"]).expect("a reply"),
        Reply::Integer(1)
    );
}

#[test]
fn a_trap_before_the_reply_lets_it_be_executed() {
    let bench = start();
    for (strike, seen) in [
        (Strike::CutBeforeReply, "$1\\r\\na\\r\\n"),
        (Strike::CutWithinReply, "$1\\r\\na\\r\\n:1"),
    ] {
        bench.server.call(&["DEL", "count"]).expect("deleted");
        let mut client = bench.client();
        let trap = bench.proxy.trap("incr", strike.clone());
        assert!(!trap.has_sprung());
        send_all(
            &mut client,
            &[&["PING", "a"], &["INCR", "count"], &["PING", "b"]],
        );
        let all = client.receive_to_end().expect("cut");
        assert_eq!(all.escape_ascii().to_string(), seen, "{strike:?}");
        trap.wait();
        assert_eq!(bench.count(), bulk("1"));
    }
}

#[test]
fn a_trap_can_freeze_and_be_healed() {
    let bench = start();
    let mut client = bench.client();
    let trap = bench.proxy.trap("count", Strike::FreezeBeforeReply);
    send_all(
        &mut client,
        &[&["PING", "a"], &["INCR", "count"], &["PING", "b"]],
    );
    assert_eq!(client.receive().expect("a reply"), bulk("a"));
    trap.wait();
    assert_silent(&mut client);
    assert_eq!(bench.count(), bulk("1"));
    bench.proxy.heal();
    assert_eq!(client.receive().expect("a reply"), Reply::Integer(1));
    assert_eq!(client.receive().expect("a reply"), bulk("b"));
}

#[test]
fn a_trap_can_answer_in_the_servers_place() {
    let bench = start();
    let mut client = bench.client();
    let loading = b"-LOADING server is loading the dataset in memory\r\n";
    let trap = bench.proxy.trap("incr", Strike::Answer(loading.to_vec()));
    send_all(
        &mut client,
        &[&["PING", "a"], &["INCR", "count"], &["PING", "b"]],
    );
    assert_eq!(client.receive().expect("a reply"), bulk("a"));
    assert_eq!(client.receive_raw().expect("a reply"), loading);
    assert_eq!(client.receive().expect("a reply"), bulk("b"));
    assert!(trap.has_sprung());
    assert_eq!(bench.count(), Reply::NullBulk);

    // Once, or until it is healed.
    let moved = b"-MOVED 1 127.0.0.1:1\r\n";
    let trap = bench
        .proxy
        .trap_every("incr", Strike::Answer(moved.to_vec()));
    for _ in 0..3 {
        client.send_command(&["INCR", "count"]).expect("sent");
        assert_eq!(client.receive_raw().expect("a reply"), moved);
    }
    assert_eq!(trap.strikes(), 3);
    bench.proxy.heal();
    assert_eq!(
        client.call(&["INCR", "count"]).expect("a reply"),
        Reply::Integer(1)
    );

    // Pushes answer nothing, and are not counted as if they did.
    let mut client = bench.client();
    client.call(&["HELLO", "3"]).expect("a reply");
    client
        .call(&["CLIENT", "TRACKING", "ON", "BCAST"])
        .expect("a reply");
    bench.server.call(&["SET", "tracked", "1"]).expect("set");
    let invalidation = client.receive().expect("a push");
    assert!(matches!(invalidation, Reply::Push(_)), "{invalidation}");
    bench.proxy.trap("incr", Strike::CutBeforeReply);
    send_all(&mut client, &[&["PING", "a"], &["INCR", "uncounted"]]);
    assert_eq!(client.receive().expect("a reply"), bulk("a"));
    let rest = client.receive_to_end().expect("cut");
    assert!(!rest.contains(&b':'), "{}", rest.escape_ascii());
}

#[test]
fn a_dropped_proxy_closes_what_it_carried() {
    let bench = start();
    let mut client = bench.client();
    let address = bench.proxy.address();
    drop(bench.proxy);
    assert_closed(&mut client);
    RawConnection::open(&address).expect_err("nobody listens");
}

#[test]
fn without_a_server_connections_are_closed() {
    let mut bench = start();
    bench.server.kill();
    let mut client = RawConnection::open(&bench.proxy.address()).expect("connected");
    assert_closed(&mut client);
    bench.server.restart().expect("started again");
    bench.client();
}
