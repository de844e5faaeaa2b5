//! Files that a server wrote, and files that a server reads.

use std::process::Command;

use redstart_protocol::Value;
use redstart_testkit::{RawConnection, Reply, Server, ServerBinary};

use super::*;
use crate::data::Blob;
use crate::random::Rng;
use crate::{Client, Engine};

/// Keys with their databases and moments, the same for a seed: of all types, and of about the sizes
/// at which Redis changes its forms.
fn dataset(seed: u64) -> Vec<(u8, Option<u64>, Blob, Object)> {
    let mut rng = Rng::new(seed);
    (0..150)
        .map(|index| {
            let db = rng.below(3) as u8 * 5;
            let expires_ms = (rng.below(4) == 0).then(|| 4_000_000_000_000 + rng.below(1_000_000));
            let key = Blob::from(format!("key:{index}").as_str());
            (db, expires_ms, key, value(&mut rng))
        })
        .collect()
}

fn text(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(20) {
        0 => rng.below(12_000),
        1..4 => 60 + rng.below(10),
        _ => rng.below(25),
    };
    let letters = 1 + rng.below(250);
    match rng.below(3) {
        0 => rng.below(1 << 40).to_string().into_bytes(),
        1 => (rng.below(300) as i64 - 150).to_string().into_bytes(),
        _ => (0..len).map(|_| rng.below(letters) as u8).collect(),
    }
}

fn value(rng: &mut Rng) -> Object {
    let seed = Seed::new(1);
    let count = match rng.below(12) {
        0 => 120 + rng.below(20),
        1 => 505 + rng.below(20),
        _ => 1 + rng.below(20),
    };
    let limits = Limits {
        max_entries: 128,
        max_value: 64,
    };
    match rng.below(5) {
        0 => Object::string(&text(rng)),
        1 => {
            let mut list = List::new();
            (0..count).for_each(|_| list.push(End::Tail, &text(rng)));
            Object::List(Box::new(list))
        }
        2 => {
            let is_int = rng.below(2) == 0;
            let mut set = Set::new();
            for _ in 0..count {
                match is_int {
                    true => set.insert(
                        &Element::Int(rng.next_u64() as i64 >> rng.below(64)).to_bytes(),
                        512,
                        seed,
                    ),
                    false => set.insert(&text(rng), 512, seed),
                };
            }
            Object::Set(Box::new(set))
        }
        3 => {
            let mut set = SortedSet::new();
            for _ in 0..count {
                let score = match rng.below(3) {
                    0 => rng.unit_f64() * 1e9,
                    _ => rng.below(50) as f64 - 25.0,
                };
                set.insert(&text(rng), score, limits, seed);
            }
            Object::SortedSet(Box::new(set))
        }
        _ => {
            let mut hash = Hash::new();
            for _ in 0..count {
                hash.set(&text(rng), &text(rng), limits, seed);
            }
            Object::Hash(Box::new(hash))
        }
    }
}

/// An engine with these keys; how it fingerprints them.
fn digest_of(keys: impl Iterator<Item = (u64, Option<u64>, Blob, Object)>) -> String {
    let engine = Engine::builder().debug_commands(true).build();
    let mut client = engine.connect_embedded();
    let mut encoder = Encoder::new(true);
    for (db, expires_ms, key, object) in keys {
        let payload = dump(&object, &mut encoder);
        let at = expires_ms.unwrap_or(0).to_string();
        call(&mut client, &[b"SELECT", db.to_string().as_bytes()]);
        call(
            &mut client,
            &[b"RESTORE", &key, at.as_bytes(), &payload, b"ABSTTL"],
        );
    }
    match client.call(&[b"DEBUG", b"DIGEST"]) {
        Value::Simple(digest) => String::from_utf8_lossy(&digest).into_owned(),
        other => panic!("no digest: {other:?}"),
    }
}

fn call(client: &mut Client, args: &[&[u8]]) {
    assert_eq!(client.call(args), Value::OK);
}

fn ask(connection: &mut RawConnection, line: &str) -> String {
    let args: Vec<&str> = line.split(' ').collect();
    match connection.call(&args).expect("a reply") {
        Reply::Simple(text) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("{line}: {other}"),
    }
}

#[test]
fn servers_and_we_read_each_others_files() {
    for binary in ServerBinary::all().expect("a server") {
        let mut server = Server::builder(binary)
            .args(["--enable-debug-command", "yes"])
            .start()
            .expect("a server");
        for seed in 1..=4 {
            let keys = dataset(seed);
            let ours =
                digest_of(keys.iter().map(|(db, at, key, object)| {
                    (u64::from(*db), *at, key.clone(), object.clone())
                }));

            // Ours, read by the server.
            let mut writer = RdbWriter::new(Vec::new(), seed % 2 == 0).expect("a vector");
            writer.aux("redis-ver", "7.0.15").expect("a vector");
            for db in [0, 5, 10] {
                writer.select_db(db).expect("a vector");
                writer.resize_db(60, 20).expect("a vector");
                for (_, at, key, object) in keys.iter().filter(|(own, ..)| *own == db) {
                    writer.entry(key, *at, None, object).expect("a vector");
                }
            }
            server.kill();
            let path = server.directory().join("dump.rdb");
            let snapshot = writer.finish().expect("a vector");
            std::fs::write(&path, &snapshot).expect("written");
            server.restart().expect("the server reads our file");
            let mut connection = server.connect().expect("a connection");
            // Later versions print scores otherwise, and that is what they sum up.
            if server.binary().version().starts_with("7.0.") {
                assert_eq!(ask(&mut connection, "DEBUG DIGEST"), ours, "seed {seed}");
            }

            // The server's own tool accepts it.
            if seed == 1
                && let Ok(checked) = Command::new("redis-check-rdb").arg(&path).output()
            {
                let said = String::from_utf8_lossy(&checked.stdout);
                assert!(
                    checked.status.success() && said.contains("RDB looks OK"),
                    "{said}"
                );
            }

            // The server's, read by us.
            assert_eq!(ask(&mut connection, "SAVE"), "OK");
            let file = std::fs::File::open(&path).expect("the server's file");
            let mut db = 0;
            let entries = read_from(file).expect("the server's file can be read");
            let theirs = digest_of(entries.into_iter().filter_map(|record| match record {
                Record::SelectDb(selected) => {
                    db = selected;
                    None
                }
                Record::Entry(entry) => Some((db, entry.expires_ms, entry.key, entry.object)),
                _ => None,
            }));
            assert_eq!(theirs, ours, "seed {seed}");
        }
    }
}

/// Versions 12 and streams: what a server has and we have not is passed over at the right place.
#[test]
fn what_is_not_supported_is_passed_over() {
    for binary in ServerBinary::all().expect("a server") {
        let server = Server::builder(binary).start().expect("a server");
        let mut connection = server.connect().expect("a connection");
        for line in [
            "XADD stream 1-1 field value",
            "XADD stream 1-2 field other",
            "XDEL stream 1-1",
            "XGROUP CREATE stream group 0",
            "XREADGROUP GROUP group consumer STREAMS stream >",
            "XGROUP CREATECONSUMER stream group idle",
            "FUNCTION LOAD #!lua\u{a0}name=lib\nredis.register_function('f',\u{a0}function()\u{a0}end)",
            "HSET mortal field value",
            "HPEXPIREAT mortal 4000000000000 FIELDS 1 field",
            "SET after value",
        ] {
            let words: Vec<String> = line
                .split(' ')
                .map(|it| it.replace('\u{a0}', " "))
                .collect();
            // Servers before 7.4 do not know the one about fields.
            let _ = connection.call(&words).expect("a reply");
        }
        assert_eq!(ask(&mut connection, "SAVE"), "OK");
        let file = std::fs::File::open(server.directory().join("dump.rdb")).expect("a file");
        let records = read_from(file).expect("everything has an end");
        let keys: Vec<Blob> = records
            .iter()
            .filter_map(|record| match record {
                Record::Entry(entry) => Some(entry.key.clone()),
                _ => None,
            })
            .collect();
        assert!(keys.contains(&Blob::from("after")), "{keys:?}");
        let unsupported: Vec<&'static str> = records
            .iter()
            .filter_map(|record| match record {
                Record::Unsupported(unsupported) => Some(unsupported.what),
                _ => None,
            })
            .collect();
        assert!(unsupported.contains(&"a stream"), "{unsupported:?}");
        let has_functions = records.iter().any(|it| matches!(it, Record::Function(_)));
        assert!(has_functions, "{records:?}");
    }
}
