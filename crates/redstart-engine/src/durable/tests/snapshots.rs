//! Snapshots are of one moment, whatever goes on while they are written.

use redstart_protocol::Value;

use super::{DIRECTORY, Kept, open, settings};
use crate::durable::vfs::sim::SimFs;
use crate::durable::{AppendFsync, Durability, OpenError, SavePoint};
use crate::random::Rng;

fn without_log() -> Durability {
    let mut settings = settings(AppendFsync::No);
    settings.appendonly = false;
    settings
}

/// Anything that may go on while a snapshot is written.
fn disturb(kept: &mut Kept, rng: &mut Rng) {
    let key = rng.below(3_000);
    let other = rng.below(3_000);
    let line = match rng.below(44) {
        40.. => return kept.step(&format!("key:{key}"), other),
        0..8 => format!("SET key:{key} {other}"),
        8..12 => format!("DEL key:{key}"),
        12..15 => format!("APPEND key:{key} x"),
        15..18 => format!("PEXPIRE key:{key} {}", 1 + rng.below(100_000)),
        18..20 => format!("PERSIST key:{key}"),
        20..24 => format!("RPUSH list:{} x", key % 50),
        24..26 => format!("LPOP list:{}", key % 50),
        26..29 => format!("RENAME key:{key} key:{other}"),
        29..31 => format!("COPY key:{key} key:{other} REPLACE"),
        31..33 => format!("MOVE key:{key} {}", other % 4),
        33..36 => format!("SELECT {}", key % 4),
        36..38 => format!("SWAPDB {} {}", key % 4, other % 4),
        38 if key < 150 => "FLUSHALL".into(),
        38 if key < 600 => "FLUSHDB".into(),
        _ => format!("ZADD z:{} {other} {key}", key % 30),
    };
    kept.call(&line);
}

fn populate(kept: &mut Kept, rng: &mut Rng) {
    for db in 0..4 {
        kept.call(&format!("SELECT {db}"));
        for _ in 0..rng.below(4_000) {
            let key = rng.below(3_000);
            kept.call(&format!("SET key:{key} {db}"));
        }
        for _ in 0..200 {
            disturb(kept, rng);
        }
    }
}

#[test]
fn a_snapshot_is_of_the_moment_it_began() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let disk = SimFs::default();
        let mut kept = open(disk.clone(), without_log()).expect("an empty disk");
        populate(&mut kept, &mut rng);
        for _ in 0..3 {
            let digest = kept.digest();
            let started = Value::simple("Background saving started");
            assert_eq!(kept.call("BGSAVE"), started);
            for _ in 0..rng.below(20) {
                disturb(&mut kept, &mut rng);
            }
            while kept.step_snapshot() {
                for _ in 0..rng.below(100) {
                    disturb(&mut kept, &mut rng);
                }
            }
            assert!(kept.durable().saves().save.is_ok);
            disk.unlock();
            let again = open(disk.clone(), without_log()).expect("a snapshot of our own");
            assert_eq!(again.digest(), digest, "seed {seed}");
        }
    }
}

#[test]
fn a_snapshot_that_is_ended_late_leaves_the_next_alone() {
    let mut kept = open(SimFs::default(), without_log()).expect("an empty disk");
    for key in 0..10 {
        kept.call(&format!("SET key:{key} 1"));
    }
    let begin = |kept: &Kept| kept.with_all(|space| space.begin_snapshot());
    let first = begin(&kept).expect("none is being taken");
    assert!(begin(&kept).is_none());
    let shards = &kept.engine.environment.shards;
    shards.end_snapshot(&first);
    let second = begin(&kept).expect("none is being taken");
    shards.end_snapshot(&first);

    let mut found = 0;
    while shards.walk(&second, 0, 0, 3, |_, _| found += 1) == Some(false) {}
    assert_eq!(found, 10);
    assert_eq!(shards.walk(&first, 0, 0, 3, |_, _| found += 1), None);
    shards.end_snapshot(&second);
    assert!(begin(&kept).is_some());
}

#[test]
fn a_log_is_rewritten_while_it_is_written() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let disk = SimFs::default();
        let policy = AppendFsync::ALL[seed as usize % 3];
        let mut kept = open(disk.clone(), settings(policy)).expect("an empty disk");
        populate(&mut kept, &mut rng);
        for _ in 0..3 {
            let started = Value::simple("Background append only file rewriting started");
            assert_eq!(kept.call("BGREWRITEAOF"), started);
            while kept.step_snapshot() {
                for _ in 0..rng.below(50) {
                    disturb(&mut kept, &mut rng);
                }
            }
            assert!(kept.durable().saves().rewrite.is_ok);
        }
        assert!(kept.engine.sync());
        let (digest, lsn) = (kept.digest(), kept.lsn());
        drop(kept);
        let names: Vec<String> = disk
            .paths()
            .iter()
            .filter_map(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let expected = [
            "appendonly.aof.3.base.rdb",
            "appendonly.aof.4.incr.aof",
            "appendonly.aof.manifest",
        ];
        assert_eq!(names, expected);
        let again = open(disk, settings(policy)).expect("a log of our own");
        assert_eq!((again.digest(), again.lsn()), (digest, lsn), "seed {seed}");
    }
}

#[test]
fn switching_the_log_on_loses_nothing() {
    let disk = SimFs::default();
    let mut kept = open(disk.clone(), without_log()).expect("an empty disk");
    kept.call("SET before 1");
    kept.durable().set_appendonly(true);
    kept.engine.tick();
    assert!(kept.durable().appendonly());
    kept.call("SET meanwhile 1");
    kept.finish_snapshot();
    kept.call("SET after 1");
    assert!(kept.engine.sync());
    let digest = kept.digest();
    drop(kept);
    let mut again = open(disk.clone(), settings(AppendFsync::No)).expect("a log of our own");
    assert_eq!(again.digest(), digest);
    // Off and on again: what happened in between is in the new base.
    again.durable().set_appendonly(false);
    again.call("SET unlogged 1");
    again.durable().set_appendonly(true);
    again.engine.tick();
    again.finish_snapshot();
    again.call("DEL before");
    assert!(again.engine.sync());
    let digest = again.digest();
    drop(again);
    let last = open(disk, settings(AppendFsync::No)).expect("a log of our own");
    assert_eq!(last.digest(), digest);
}

#[test]
fn a_log_switched_on_by_a_restart_begins_with_the_snapshot() {
    let disk = SimFs::default();
    let mut kept = open(disk.clone(), without_log()).expect("an empty disk");
    kept.call("SET kept 1");
    assert_eq!(kept.call("SAVE"), Value::OK);
    drop(kept);
    let mut logged = open(disk.clone(), settings(AppendFsync::Always)).expect("a snapshot");
    assert_eq!(logged.call("GET kept"), Value::bulk("1"));
    logged.call("SET more 1");
    drop(logged);
    let mut again = open(disk.clone(), settings(AppendFsync::Always)).expect("a log");
    assert_eq!(again.call("DBSIZE"), Value::Integer(2));
    drop(again);
    // Back without the log: the snapshot is loaded, as redis-server would.
    let mut back = open(disk, without_log()).expect("a snapshot");
    assert_eq!(back.call("DBSIZE"), Value::Integer(1));
}

#[test]
fn the_single_file_of_old_logs_is_taken_over() {
    let disk = SimFs::default();
    let path = std::path::Path::new(DIRECTORY).join("appendonly.aof");
    disk.put(&path, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n".to_vec());
    for _ in 0..2 {
        let mut kept = open(disk.clone(), settings(AppendFsync::No)).expect("an old log");
        assert_eq!(kept.call("GET a"), Value::bulk("1"));
    }
}

#[test]
fn save_points_and_growth_begin_what_is_due() {
    let disk = SimFs::default();
    let mut settings = settings(AppendFsync::No);
    settings.save = vec![SavePoint {
        seconds: 60,
        changes: 3,
    }];
    settings.auto_aof_rewrite_min_size = 1_000;
    let mut kept = open(disk.clone(), settings).expect("an empty disk");
    for number in 0..3 {
        kept.call(&format!("SET key:{number} 1"));
    }
    kept.engine.tick();
    assert!(!kept.step_snapshot());
    kept.pass(61_000);
    kept.engine.tick();
    assert!(kept.durable().saves().is_saving());
    assert_eq!(kept.call("LASTSAVE"), Value::Integer(1_700_000_000));
    kept.finish_snapshot();
    assert_eq!(kept.call("LASTSAVE"), Value::Integer(1_700_000_061));
    assert_eq!(kept.durable().changes(), 0);
    let long = "x".repeat(1_000);
    kept.call(&format!("SET long {long}"));
    assert!(kept.engine.sync());
    kept.engine.tick();
    assert!(kept.durable().saves().is_rewriting());
    kept.finish_snapshot();
    kept.engine.tick();
    assert!(!kept.step_snapshot());
}

#[test]
fn one_snapshot_at_a_time() {
    let mut kept = open(SimFs::default(), settings(AppendFsync::No)).expect("an empty disk");
    let text = |value: Value| match value {
        Value::Error(text) | Value::Simple(text) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("no text: {other:?}"),
    };
    assert_eq!(
        text(kept.call("BGREWRITEAOF")),
        "Background append only file rewriting started"
    );
    assert_eq!(
        text(kept.call("BGSAVE")),
        "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE \
         in order to schedule a BGSAVE whenever possible."
    );
    assert_eq!(
        text(kept.call("BGSAVE SCHEDULE")),
        "Background saving scheduled"
    );
    assert_eq!(
        text(kept.call("BGREWRITEAOF")),
        "ERR Background append only file rewriting already in progress"
    );
    kept.finish_snapshot();
    kept.engine.tick();
    assert!(kept.durable().saves().is_saving());
    assert_eq!(
        text(kept.call("BGSAVE")),
        "ERR Background save already in progress"
    );
    assert_eq!(
        text(kept.call("SAVE")),
        "ERR Background save already in progress"
    );
    kept.finish_snapshot();
    assert_eq!(text(kept.call("SAVE")), "OK");
    for line in ["MULTI", "BGSAVE", "BGREWRITEAOF"] {
        kept.call(line);
    }
    assert_eq!(
        kept.call("EXEC"),
        Value::Array(vec![
            Value::simple("Background saving scheduled"),
            Value::simple("Background append only file rewriting scheduled"),
        ])
    );
}

#[test]
fn a_snapshot_that_fails_stops_writes_and_the_next_lets_them_go_on() {
    let disk = SimFs::default();
    let mut settings = without_log();
    settings.save = vec![SavePoint {
        seconds: 3_600,
        changes: 1,
    }];
    let mut kept = open(disk.clone(), settings).expect("an empty disk");
    kept.call("SET a 1");
    disk.fail_syncs(1);
    kept.call("BGSAVE");
    kept.finish_snapshot();
    let reply = kept.call("SET a 2");
    assert!(
        matches!(reply, Value::Error(text) if text.starts_with(b"MISCONF Redis is configured"))
    );
    assert_eq!(kept.call("GET a"), Value::bulk("1"));
    kept.call("BGSAVE");
    kept.finish_snapshot();
    assert_eq!(kept.call("SET a 2"), Value::OK);
}

#[test]
fn damaged_snapshots_are_refused_with_their_place() {
    let disk = SimFs::default();
    let mut kept = open(disk.clone(), without_log()).expect("an empty disk");
    for line in [
        "SET a 1",
        "RPUSH l x y",
        "SADD s 1 2",
        "HSET h f v",
        "ZADD z 1 m",
    ] {
        kept.call(line);
    }
    assert_eq!(kept.call("SAVE"), Value::OK);
    let digest = kept.digest();
    drop(kept);
    let path = std::path::Path::new(DIRECTORY).join("dump.rdb");
    let whole = disk.bytes(&path).expect("a snapshot was saved");
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bad = whole.clone();
            bad[at] ^= 1 << bit;
            disk.put(&path, bad);
            match open(disk.clone(), without_log()) {
                Err(OpenError::Corrupt { offset, .. }) => assert!(offset <= whole.len() as u64),
                Err(error) => panic!("byte {at}, bit {bit}: {error}"),
                // A lower version has no checksum, a checksum of zero is none.
                Ok(kept) => assert_eq!(kept.digest(), digest, "byte {at}, bit {bit}"),
            }
        }
    }
    for len in 0..whole.len() {
        disk.put(&path, whole[..len].to_vec());
        assert!(
            open(disk.clone(), without_log()).is_err(),
            "cut to {len} bytes"
        );
    }
}
