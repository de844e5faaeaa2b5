//! `redstart check` and `redstart import`, on files of a redis-server.

use std::path::{Path, PathBuf};

use redstart_testkit::{RawConnection, Reply, Server};

use crate::process::run_redstart;
use crate::{call, expect_status, info};

fn server() -> Server {
    let builder = Server::from_path().unwrap_or_else(|error| panic!("{error}"));
    builder
        .args(["--enable-debug-command", "yes"])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Some data of all types, saved.
fn saved(server: &Server) -> (RawConnection, PathBuf) {
    let mut connection = server.connect().expect("a connection");
    for line in [
        "SET greeting hello PX 100000000",
        "RPUSH list a b 3",
        "SADD numbers 1 2 3",
        "SADD names x y",
        "SELECT 5",
        "ZADD ranking 1.5 a 2 b",
        "HSET user name john",
        "SELECT 0",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(!call(&mut connection, &words).is_error(), "{line}");
    }
    expect_status(&mut connection, &["SAVE"], "OK");
    (connection, server.directory().join("dump.rdb"))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn what_was_saved_is_checked_and_imported() {
    let (source, target) = (server(), server());
    let (mut theirs, path) = saved(&source);

    let checked = run_redstart(&["check", &shown(&path)]);
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stderr);
    assert!(
        checked
            .stdout
            .contains("RDB 10  6 keys: 1 hash, 1 list, 2 set, 1 string, 1 zset"),
        "{}",
        checked.stdout
    );

    let directory = shown(source.directory());
    let imported = run_redstart(&["import", &directory, "--into", &target.url()]);
    assert_eq!(imported.status.code(), Some(0), "{}", imported.stderr);
    assert_eq!(
        imported.stdout,
        "6 keys: 1 hash, 1 list, 2 set, 1 string, 1 zset\n"
    );
    let mut ours = target.connect().expect("a connection");
    let digest = ["DEBUG", "DIGEST"];
    assert_eq!(call(&mut ours, &digest), call(&mut theirs, &digest));
    let left = call(&mut ours, &["PTTL", "greeting"]);
    assert!(matches!(left, Reply::Integer(1..=100_000_000)), "{left:?}");
}

#[test]
fn a_damaged_file_is_named_with_the_byte() {
    let source = server();
    let (_, path) = saved(&source);
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes.truncate(bytes.len() - 20);
    std::fs::write(&path, &bytes).expect("written");

    let checked = run_redstart(&["check", &shown(&path), "--json"]);
    assert_eq!(checked.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_str(&checked.stdout).expect("JSON");
    assert_eq!(found["ok"], false);
    assert_eq!(found["files"][0]["error"]["offset"], bytes.len());
    let checked = run_redstart(&["check", &shown(&path)]);
    let words = format!("damaged at byte {}: the data ends too early", bytes.len());
    assert!(
        checked.stdout.starts_with("FAILED") && checked.stdout.contains(&words),
        "{}",
        checked.stdout
    );

    let imported = run_redstart(&["import", &shown(&path), "--into", "memory:"]);
    assert_eq!(imported.status.code(), Some(1));
    assert!(
        imported.stderr.contains("the data ends too early"),
        "{}",
        imported.stderr
    );

    let missing = run_redstart(&["check", "/nosuch/dump.rdb"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        missing.stderr.contains("/nosuch/dump.rdb"),
        "{}",
        missing.stderr
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name_or_left_out() {
    let source = server();
    let (mut connection, path) = saved(&source);
    call(
        &mut connection,
        &["XADD", "events", "1-1", "field", "value"],
    );
    expect_status(&mut connection, &["SAVE"], "OK");

    let refused = run_redstart(&["import", &shown(&path), "--into", "memory:"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = "the key \"events\" of database 0 holds a stream, which is not supported";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);

    let skipping = [
        "import",
        &shown(&path),
        "--into",
        "memory:",
        "--skip-unsupported",
    ];
    let imported = run_redstart(&skipping);
    assert_eq!(imported.status.code(), Some(0), "{}", imported.stderr);
    assert_eq!(
        imported.stdout,
        "6 keys: 1 hash, 1 list, 2 set, 1 string, 1 zset; left out: 1 times a stream\n"
    );
}

#[test]
fn a_server_that_is_away_is_told_from_a_refusal() {
    let source = server();
    let (_, path) = saved(&source);
    let mut gone = server();
    let url = gone.url();
    gone.kill();
    let imported = run_redstart(&["import", &shown(&path), "--into", &url]);
    assert_eq!(imported.status.code(), Some(3), "{}", imported.stderr);
}

/// A server that logs what it is told, and was told some things.
fn logging() -> (Server, RawConnection) {
    let builder = Server::from_path().unwrap_or_else(|error| panic!("{error}"));
    let server = builder
        .args(["--enable-debug-command", "yes", "--appendonly", "yes"])
        // Otherwise a write may be put off while the disk is busy.
        .args(["--appendfsync", "always"])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut connection = server.connect().expect("a connection");
    for line in [
        "SET greeting hello PX 100000000",
        "BGREWRITEAOF",
        "RPUSH list a b 3",
        "SELECT 5",
        "MULTI",
        "ZADD ranking 1.5 a 2 b",
        "INCR counter",
        "EXEC",
        "SELECT 0",
        "HSET user name john",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(!call(&mut connection, &words).is_error(), "{line}");
        if line == "BGREWRITEAOF" {
            while info(&mut connection, "aof_rewrite_in_progress") == "1"
                || info(&mut connection, "aof_rewrite_scheduled") == "1"
            {}
        }
    }
    (server, connection)
}

#[test]
fn a_log_is_checked_and_imported() {
    let (source, mut theirs) = logging();
    let directory = shown(&source.directory().join("appendonlydir"));

    let checked = run_redstart(&["check", &directory]);
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stdout);
    for words in [
        "1 keys: 1 string",
        "0 keys; 4 commands",
        "in all 1 keys: 1 string; 4 commands",
    ] {
        assert!(
            checked.stdout.contains(words),
            "{words}: {}",
            checked.stdout
        );
    }

    let target = server();
    let imported = run_redstart(&["import", &directory, "--into", &target.url()]);
    assert_eq!(imported.status.code(), Some(0), "{}", imported.stderr);
    assert_eq!(imported.stdout, "1 keys: 1 string; 4 commands\n");
    let mut ours = target.connect().expect("a connection");
    let digest = ["DEBUG", "DIGEST"];
    assert_eq!(call(&mut ours, &digest), call(&mut theirs, &digest));
}

#[test]
fn a_torn_log_is_told_from_a_damaged_one() {
    let (source, _) = logging();
    let directory = source.directory().join("appendonlydir");
    let log = std::fs::read_dir(&directory)
        .expect("a directory")
        .map(|file| file.expect("a file").path())
        .find(|path| path.extension().is_some_and(|it| it == "aof"))
        .expect("a log");
    let bytes = std::fs::read(&log).expect("the log");

    std::fs::write(&log, &bytes[..bytes.len() - 3]).expect("written");
    let checked = run_redstart(&["check", &shown(&directory)]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(checked.stdout.contains("torn: "), "{}", checked.stdout);

    // After `*2`, `$6` and SELECT, each with a line's end, another argument is announced.
    let damaged = [&bytes[..16], b"!", &bytes[17..]].concat();
    std::fs::write(&log, &damaged).expect("written");
    let checked = run_redstart(&["check", &shown(&directory), "--json"]);
    let found: serde_json::Value = serde_json::from_str(&checked.stdout).expect("JSON");
    assert_eq!(found["ok"], false);
    assert_eq!(found["files"][1]["error"]["offset"], 16, "{found}");
}

#[test]
fn of_several_sets_of_data_one_has_to_be_named() {
    let (source, mut connection) = logging();
    expect_status(&mut connection, &["SAVE"], "OK");
    let refused = run_redstart(&["import", &shown(source.directory()), "--into", "memory:"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = "there is more than one set of data, name the one to import: ";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let checked = run_redstart(&["check", &shown(source.directory())]);
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stdout);
    assert_eq!(checked.stdout.lines().count(), 4, "{}", checked.stdout);
}
