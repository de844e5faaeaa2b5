//! Moving to a real server while everything goes on: it is told to replicate from the engine's
//! port, follows, and is cut over with nothing missing.

#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redstart_engine::server::Server as Port;
use redstart_engine::{Engine, Value};
use redstart_testkit::{RawConnection, Reply, Server, ServerBinary, wait_until};

/// An engine behind a port of its own, for as long as the runtime lives.
struct Served {
    engine: Engine,
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

fn serve(engine: Engine) -> Served {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    let port = runtime.block_on(async {
        let builder = Port::builder(engine.clone()).tcp((Ipv4Addr::LOCALHOST, 0).into());
        builder.listen().await.unwrap()
    });
    let address = port.addresses()[0].to_string();
    let number = address.rsplit(':').next().unwrap().parse().unwrap();
    runtime.spawn(port.serve(std::future::pending()));
    Served {
        engine,
        port: number,
        _runtime: runtime,
    }
}

fn call(connection: &mut RawConnection, words: &[&str]) -> Reply {
    let reply = connection.call(words).unwrap();
    assert!(!reply.is_error(), "{words:?}: {reply:?}");
    reply
}

fn info(connection: &mut RawConnection, field: &str) -> String {
    let reply = call(connection, &["INFO", "replication"]);
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap()).into_owned();
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let value = fields.find(|(name, _)| *name == field);
    value.map_or(String::new(), |(_, value)| value.to_owned())
}

#[track_caller]
fn until(what: &str, is_so: impl FnMut() -> bool) {
    wait_until(what, Duration::from_secs(60), is_so);
}

/// Ends the writers however the test ends: they would be waited for for ever.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn follow(served: &Served, replica: &mut RawConnection) {
    call(
        replica,
        &["REPLICAOF", "127.0.0.1", &served.port.to_string()],
    );
    until("the link is up", || {
        info(replica, "master_link_status") == "up"
    });
}

/// Until the replica has everything that was streamed. Nothing is written meanwhile.
fn until_caught_up(served: &Served, replica: &mut RawConnection) {
    let mut client = served.engine.connect_embedded();
    until("the replica has caught up", || {
        let role = client.call(&[b"ROLE"]);
        let Value::Array(role) = role else {
            panic!("{role:?}");
        };
        let Value::Integer(offset) = role[1] else {
            panic!("{role:?}");
        };
        info(replica, "slave_repl_offset") == offset.to_string()
    });
}

/// Every key, its type, its time to live in seconds, and its value by DUMP.
fn contents(mut call: impl FnMut(&[&[u8]]) -> Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut keys = call(&[b"KEYS", b"*"]);
    keys.sort();
    let mut all = Vec::new();
    for key in keys {
        let mut about = call(&[b"TYPE", &key]);
        let read: &[&[u8]] = match &about[0][..] {
            b"string" => &[b"GET", &key],
            b"list" => &[b"LRANGE", &key, b"0", b"-1"],
            b"hash" => &[b"HGETALL", &key],
            b"set" => &[b"SMEMBERS", &key],
            b"zset" => &[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"],
            other => panic!("{}", other.escape_ascii()),
        };
        let mut value = call(read);
        if matches!(&about[0][..], b"hash" | b"set") {
            value.sort();
        }
        about.extend(value);
        about.extend(call(&[b"PEXPIRETIME", &key]));
        all.push((key, about));
    }
    all
}

fn of_server(connection: &mut RawConnection) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    contents(|args| {
        let reply = connection.call(args).unwrap();
        fn flat(reply: &Reply) -> Vec<Vec<u8>> {
            match reply.as_elements() {
                Some(elements) => elements.iter().flat_map(flat).collect(),
                None => match (reply.as_bytes(), reply.as_integer()) {
                    (Some(bytes), _) => vec![bytes.to_vec()],
                    (None, Some(number)) => vec![number.to_string().into_bytes()],
                    (None, None) => vec![Vec::new()],
                },
            }
        }
        flat(&reply)
    })
}

/// Some of everything, in two databases.
fn fill(engine: &Engine, keys: usize) {
    let mut client = engine.connect_embedded();
    for n in 0..keys {
        let n = n.to_string();
        let lines = [
            format!("SET string:{n} value-{n}"),
            format!("SET short:{n} {n} PX 100000000"),
            format!("RPUSH list:{n} a b {n}"),
            format!("HSET hash:{n} f {n} g h"),
            format!("SADD set:{n} {n} x y"),
            format!("ZADD zset:{n} 1.5 {n} -2 b"),
        ];
        for line in lines {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let reply = client.call(&words);
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        }
    }
    client.call(&[b"SELECT", b"3"]);
    client.call(&[b"SET", b"elsewhere", b"too"]);
}

fn graduate_to(binary: ServerBinary) {
    let served = serve(Engine::builder().build());
    fill(&served.engine, 300);
    let replica = Server::builder(binary).tcp().start().unwrap();
    let mut replica = replica.connect().unwrap();

    // Writers go on all the while: single commands, transactions, scripts, expiry, databases.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        for writer in 0..3 {
            let (engine, stop) = (&served.engine, &stop);
            scope.spawn(move || {
                let mut client = engine.connect_embedded();
                let counter = format!("counter:{writer}");
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("string:{}", n % 400);
                    client.call(&[b"INCR", counter.as_bytes()]);
                    client.call(&[b"MULTI"]);
                    client.call(&[b"APPEND", key.as_bytes(), b"+"]);
                    client.call(&[b"LPUSH", b"list:shared", key.as_bytes()]);
                    client.call(&[b"EXEC"]);
                    let script =
                        b"redis.call('HINCRBY', KEYS[1], 'n', 1) redis.call('SPOP', KEYS[2])";
                    let set = format!("set:{}", n % 300);
                    client.call(&[b"EVAL", script, b"2", b"hash:shared", set.as_bytes()]);
                    client.call(&[b"LTRIM", b"list:shared", b"0", b"50"]);
                    client.call(&[b"EXPIRE", key.as_bytes(), b"100000"]);
                }
            });
        }
        follow(&served, &mut replica);
        // They write on for a while after the snapshot.
        let mut client = served.engine.connect_embedded();
        let count =
            |client: &mut redstart_engine::Client| match client.call(&[b"GET", b"counter:0"]) {
                Value::Bulk(bytes) => String::from_utf8_lossy(&bytes).parse().unwrap(),
                _ => 0_u64,
            };
        let goal = count(&mut client) + 500;
        until("more is written", || count(&mut client) >= goal);
    });
    until_caught_up(&served, &mut replica);

    // Cut over: the server goes on alone, and has what the engine has.
    call(&mut replica, &["REPLICAOF", "NO", "ONE"]);
    let address = format!("127.0.0.1:{}", served.port).parse().unwrap();
    let mut ours = RawConnection::open(&redstart_testkit::Address::Tcp(address)).unwrap();
    for db in ["0", "3"] {
        call(&mut replica, &["SELECT", db]);
        call(&mut ours, &["SELECT", db]);
        let (theirs, ours) = (of_server(&mut replica), of_server(&mut ours));
        assert_eq!(theirs.len(), ours.len());
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert_eq!(theirs, ours);
        }
    }
    call(&mut replica, &["SET", "and", "on"]);
}

#[test]
fn a_server_follows_and_is_cut_over_with_nothing_missing() {
    for binary in ServerBinary::all().unwrap() {
        graduate_to(binary);
    }
}

#[test]
fn the_engine_tells_who_follows() {
    let served = serve(Engine::builder().build());
    fill(&served.engine, 1);
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let mut replica = server.connect().unwrap();
    follow(&served, &mut replica);
    until_caught_up(&served, &mut replica);

    let mut client = served.engine.connect_embedded();
    until("the replica is counted", || {
        let Value::Array(role) = client.call(&[b"ROLE"]) else {
            panic!("ROLE answers an array");
        };
        matches!(&role[2], Value::Array(replicas) if replicas.len() == 1)
    });
    drop(server);
    until("the replica is gone", || {
        let info = client.call(&[b"INFO", b"replication"]);
        format!("{info:?}").contains("connected_slaves:0")
    });
}
