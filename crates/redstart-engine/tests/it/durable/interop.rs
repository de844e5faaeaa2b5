//! A redis-server opens what an engine has kept, an engine what a redis-server has kept, and both
//! find the same.

use std::path::Path;
use std::process::Command;

use redstart_engine::{AppendFsync, Durability, Value};
use redstart_testkit::{Reply, Server};

use super::{call, digest, logged, open};
use crate::twin::random::Random;

/// Commands that leave keys of every type, small and large, with times to live.
fn history(random: &mut Random, length: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..length {
        let (key, number) = (random.below(30), random.below(1_000));
        lines.push(match random.below(16) {
            0 => format!("SET s{key} {}", "v".repeat(random.below(400))),
            1 => format!("INCRBY n{key} {number}"),
            2 => format!("RPUSH l{key} {number} x {}", "y".repeat(number)),
            3 => format!("SADD i{key} {number}"),
            4 => format!("SADD s:{key} m{number}"),
            5 => format!("HSET h{key} f{number} {number}"),
            6 => format!("ZADD z{key} {number}.5 m{number}"),
            7 => format!("PEXPIREAT s{key} 4{number:03}000000000"),
            8 => format!("SPOP s:{key}"),
            9 => format!("LPOP l{key}"),
            10 => format!("ZPOPMIN z{key}"),
            11 => format!("SETBIT b{key} {number} 1"),
            12 => format!("PFADD p{key} {number} {key}"),
            13 => format!("SELECT {}", random.below(4)),
            14 => format!(
                "GEOADD g{key} {}.5 {}.25 m{number}",
                number % 180,
                number % 80
            ),
            _ => "MULTI\nINCR n1\nHINCRBY h1 f 1\nEXEC".into(),
        });
    }
    let lines = lines.iter().flat_map(|line| line.split('\n'));
    lines.map(str::to_owned).collect()
}

fn server_in(directory: &Path, appendonly: bool) -> Server {
    let onoff = if appendonly { "yes" } else { "no" };
    let server = Server::from_path().expect("redis-server is installed");
    server
        .directory(directory)
        .args([
            "--appendonly",
            onoff,
            "--save",
            "",
            "--enable-debug-command",
            "yes",
        ])
        .start()
        .expect("redis-server opens the directory")
}

fn digest_of(server: &Server) -> String {
    match server.call(&["DEBUG", "DIGEST"]) {
        Ok(Reply::Simple(text)) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("no digest: {other:?}"),
    }
}

/// A directory of its own that is gone with the value.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for a directory")
}

#[test]
fn a_redis_server_opens_our_log_and_we_open_what_it_makes_of_it() {
    for seed in 0..6 {
        let (mut random, place) = (Random::new(seed), directory());
        let engine = open(logged(place.path(), AppendFsync::EverySecond));
        let mut client = engine.connect_embedded();
        for (index, line) in history(&mut random, 600).iter().enumerate() {
            call(&mut client, line);
            if index == 300 {
                call(&mut client, "BGREWRITEAOF");
            }
        }
        let ours = digest(&mut client);
        assert!(engine.settle());
        drop((client, engine));

        let mut server = server_in(place.path(), true);
        assert_eq!(digest_of(&server), ours, "seed {seed}: {}", server.log());
        // It goes on where we stopped, and we where it stops.
        let mut connection = server.connect().expect("it listens");
        for line in history(&mut random, 200) {
            let words: Vec<&str> = line.split(' ').collect();
            connection.call(&words).expect("it answers");
        }
        if seed % 2 == 1 {
            server.call(&["BGREWRITEAOF"]).expect("it rewrites");
            redstart_testkit::wait_until("rewritten", std::time::Duration::from_secs(20), || {
                let info = server.call(&["INFO", "persistence"]).expect("it answers");
                let info =
                    String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned();
                info.contains("aof_rewrites:1")
            });
        }
        let theirs = digest_of(&server);
        drop(connection);
        let _ = server.call(&["SHUTDOWN"]);
        redstart_testkit::wait_until("gone", std::time::Duration::from_secs(20), || {
            !server.is_running()
        });
        let engine = open(logged(place.path(), AppendFsync::EverySecond));
        let mut client = engine.connect_embedded();
        assert_eq!(digest(&mut client), theirs, "seed {seed}");
        call(&mut client, "SET ours again");
        let ours = digest(&mut client);
        drop((client, engine));
        let engine = open(logged(place.path(), AppendFsync::Always));
        assert_eq!(digest(&mut engine.connect_embedded()), ours, "seed {seed}");
    }
}

#[test]
fn snapshots_are_read_on_both_sides() {
    for seed in 0..6 {
        let (mut random, place) = (Random::new(seed), directory());
        let engine = open(Durability::new(place.path()));
        let mut client = engine.connect_embedded();
        for line in history(&mut random, 800) {
            call(&mut client, &line);
        }
        assert_eq!(call(&mut client, "SAVE"), Value::OK);
        let ours = digest(&mut client);
        drop((client, engine));
        let checked = Command::new("redis-check-rdb")
            .arg(place.path().join("dump.rdb"))
            .output()
            .expect("redis-check-rdb is installed");
        assert!(checked.status.success(), "{checked:?}");

        let server = server_in(place.path(), false);
        assert_eq!(digest_of(&server), ours, "seed {seed}: {}", server.log());
        let mut connection = server.connect().expect("it listens");
        for line in history(&mut random, 300) {
            let words: Vec<&str> = line.split(' ').collect();
            connection.call(&words).expect("it answers");
        }
        connection.call(&["SAVE"]).expect("it saves");
        let theirs = digest_of(&server);
        drop(server);
        let engine = open(Durability::new(place.path()));
        assert_eq!(
            digest(&mut engine.connect_embedded()),
            theirs,
            "seed {seed}"
        );
    }
}

#[test]
fn redis_check_aof_accepts_what_was_repaired() {
    let place = directory();
    let engine = open(logged(place.path(), AppendFsync::Always));
    let mut client = engine.connect_embedded();
    for line in history(&mut Random::new(5), 200) {
        call(&mut client, &line);
    }
    drop((client, engine));
    let log = place.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let whole = std::fs::read(&log).expect("there is a log");
    for cut in [1, 7, 100, 1_000] {
        std::fs::write(&log, &whole[..whole.len() - cut]).expect("it can be cut");
        let engine = open(logged(place.path(), AppendFsync::Always));
        let ours = digest(&mut engine.connect_embedded());
        drop(engine);
        let checked = Command::new("redis-check-aof")
            .arg(place.path().join("appendonlydir/appendonly.aof.manifest"))
            .output()
            .expect("redis-check-aof is installed");
        assert!(checked.status.success(), "{checked:?}");
        let server = server_in(place.path(), true);
        assert_eq!(digest_of(&server), ours);
    }
}
