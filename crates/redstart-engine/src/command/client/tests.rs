use std::time::Duration;

use redstart_protocol::Value;

use crate::{Client, Engine, Flow, Outbox, Peer, SimulatedClock};

fn remote(engine: &Engine, address: &str) -> Client {
    engine.connect(
        Outbox::values(|| {}),
        Peer::remote(address, "10.0.0.1:6379"),
    )
}

fn text(value: Value) -> String {
    match value {
        Value::Verbatim(_, bytes) | Value::Bulk(bytes) => String::from_utf8_lossy(&bytes).into(),
        other => panic!("no text: {other:?}"),
    }
}

/// Executes, and takes the one reply.
fn executed(client: &mut Client, args: &[&[u8]]) -> (Flow, Option<Value>) {
    let flow = client.execute(args);
    (flow, client.outbox().take_value())
}

#[test]
fn a_line_tells_what_the_client_is_doing() {
    let clock = SimulatedClock::new(1_700_000_000_000_000);
    let engine = Engine::builder().clock(clock.clone()).build();
    let mut client = remote(&engine, "10.0.0.2:5000");
    client.call(&[b"CLIENT", b"SETNAME", b"worker"]);
    client.call(&[b"CLIENT", b"SETINFO", b"lib-name", b"some-client"]);
    client.call(&[b"SELECT", b"3"]);
    clock.advance(Duration::from_secs(90));
    assert_eq!(
        text(client.call(&[b"CLIENT", b"INFO"])),
        "id=1 addr=10.0.0.2:5000 laddr=10.0.0.1:6379 fd=-1 name=worker age=90 idle=0 flags=N db=3 \
         sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 \
         oll=0 omem=0 tot-mem=0 events=r cmd=client|info user=default redir=-1 resp=2 \
         lib-name=some-client lib-ver=\n"
    );
}

#[test]
fn lists_are_filtered() {
    let engine = Engine::builder().build();
    let mut clients: Vec<_> = (1..=3)
        .map(|n| remote(&engine, &format!("10.0.0.2:{n}")))
        .collect();
    clients[1].call(&[b"SUBSCRIBE", b"news"]);
    let mut ids = |filter: &[&[u8]]| {
        let list = text(clients[0].call(&[&[&b"CLIENT"[..], b"LIST"], filter].concat()));
        let id = |line: &str| line.split(' ').next().map(str::to_owned);
        list.lines().filter_map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["id=1", "id=2", "id=3"]);
    assert_eq!(ids(&[b"TYPE", b"pubsub"]), ["id=2"]);
    assert_eq!(
        ids(&[b"ID", b"3", b"1", b"9", b"3"]),
        ["id=3", "id=1", "id=3"]
    );
}

#[test]
fn the_killed_are_disconnected_and_the_killer_only_if_it_asks() {
    let engine = Engine::builder().build();
    let (mut killer, victim) = (remote(&engine, "10.0.0.2:1"), remote(&engine, "10.0.0.2:2"));
    let mut kill =
        |filters: &[&[u8]]| executed(&mut killer, &[&[&b"CLIENT"[..], b"KILL"], filters].concat());
    assert_eq!(
        kill(&[b"TYPE", b"pubsub"]),
        (Flow::Done, Some(Value::Integer(0)))
    );
    assert_eq!(
        kill(&[b"LADDR", b"10.0.0.1:6379"]),
        (Flow::Done, Some(Value::Integer(1)))
    );
    assert!(victim.outbox().is_closed());
    assert_eq!(kill(&[b"10.0.0.2:1"]), (Flow::Close, Some(Value::OK)));
}

#[test]
fn replies_are_switched_off_skipped_and_switched_on() {
    let engine = Engine::builder().build();
    let mut client = remote(&engine, "10.0.0.2:1");
    let (pong, ok) = (Some(Value::simple("PONG")), Some(Value::OK));
    for (args, reply) in [
        (&[&b"CLIENT"[..], b"REPLY", b"SKIP"][..], None),
        (&[b"PING"], None),
        (&[b"PING"], pong.clone()),
        (&[b"CLIENT", b"REPLY", b"OFF"], None),
        (&[b"PING"], None),
        (&[b"CLIENT", b"REPLY", b"SKIP"], None),
        (&[b"PING"], None),
        (&[b"PING"], None),
        (&[b"CLIENT", b"REPLY", b"ON"], ok),
        (&[b"PING"], pong),
    ] {
        assert_eq!(executed(&mut client, args), (Flow::Done, reply));
    }
}

#[test]
fn a_pause_of_writes_lets_reads_through_and_ends_in_time() {
    let clock = SimulatedClock::new(1_700_000_000_000_000);
    let engine = Engine::builder().clock(clock.clone()).build();
    let mut client = remote(&engine, "10.0.0.2:1");
    client.call(&[b"CLIENT", b"PAUSE", b"100", b"WRITE"]);
    assert_eq!(
        executed(&mut client, &[b"GET", b"k"]),
        (Flow::Done, Some(Value::Null))
    );
    assert_eq!(
        executed(&mut client, &[b"SET", b"k", b"v"]),
        (Flow::Paused(100_000), None)
    );
    clock.advance(Duration::from_millis(100));
    assert_eq!(
        executed(&mut client, &[b"SET", b"k", b"v"]),
        (Flow::Done, Some(Value::OK))
    );
}

#[test]
fn a_transaction_that_only_reads_is_not_a_write() {
    let engine = Engine::builder().build();
    let mut client = remote(&engine, "10.0.0.2:1");
    client.call(&[b"CLIENT", b"PAUSE", b"100000", b"WRITE"]);
    for (queued, waits) in [
        (&[&b"GET"[..], b"k"][..], false),
        (&[b"SET", b"k", b"v"], true),
    ] {
        client.call(&[b"MULTI"]);
        client.call(queued);
        let (flow, _) = executed(&mut client, &[b"EXEC"]);
        assert_eq!(matches!(flow, Flow::Paused(_)), waits);
    }
}

#[test]
fn nothing_expires_while_writes_are_paused() {
    let clock = SimulatedClock::new(1_700_000_000_000_000);
    let engine = Engine::builder().clock(clock.clone()).build();
    let mut client = engine.connect_embedded();
    client.call(&[b"SET", b"k", b"v", b"PX", b"10"]);
    client.call(&[b"CLIENT", b"PAUSE", b"1000"]);
    clock.advance(Duration::from_millis(500));
    engine.tick();
    assert_eq!(client.call(&[b"DBSIZE"]), Value::Integer(1));
    clock.advance(Duration::from_millis(500));
    engine.tick();
    assert_eq!(client.call(&[b"DBSIZE"]), Value::Integer(0));
}
