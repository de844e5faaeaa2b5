//! The power fails at every moment: what comes back is a prefix of what was done, with everything
//! in it that was promised.

use std::collections::BTreeMap;

use redstart_protocol::Value;

use super::{Kept, open, settings};
use crate::durable::AppendFsync;
use crate::durable::vfs::sim::{Moment, SimFs};
use crate::random::Rng;

/// What was done, and what the disk was like all the while.
struct History {
    /// The state after each batch, by its number.
    digests: BTreeMap<u64, String>,
    moments: Vec<Moment>,
    policy: AppendFsync,
}

/// One command of a random workload.
fn command(rng: &mut Rng) -> Vec<String> {
    let word =
        |words: &[&str], rng: &mut Rng| words[rng.below(words.len() as u64) as usize].to_owned();
    let key = word(&["a", "b", "c", "d"], rng);
    let long = rng.below(1_500) as usize;
    match rng.below(12) {
        0 => vec![format!("SET s{key} {}", "v".repeat(long))],
        1 => vec![format!("INCR n{key}")],
        2 => vec![format!("RPUSH l{key} x y z")],
        3 => vec![format!("SADD set{key} {}", rng.below(20))],
        4 => vec![format!("SPOP set{key}")],
        5 => vec![format!("ZADD z{key} {} m{}", rng.below(9), rng.below(9))],
        6 => vec![format!("PEXPIRE s{key} {}", 1 + rng.below(50))],
        7 => vec![format!("DEL s{key}")],
        8 => vec![format!("SELECT {}", rng.below(3))],
        9 => vec![
            "MULTI".into(),
            format!("INCR n{key}"),
            format!("INCR m{key}"),
            format!("RPUSH l{key} {}", "w".repeat(long)),
            "EXEC".into(),
        ],
        10 => vec![format!("LPOP l{key}")],
        _ => vec![if rng.below(8) == 0 {
            "FLUSHDB".into()
        } else {
            format!("APPEND s{key} x")
        }],
    }
}

/// Lives through a workload on a disk that remembers every moment.
fn live(seed: u64, policy: AppendFsync, prepare: impl FnOnce(&Kept)) -> History {
    let mut rng = Rng::new(seed);
    let disk = SimFs::default();
    disk.record();
    let mut kept = open(disk.clone(), settings(policy)).expect("an empty disk");
    prepare(&kept);
    let mut digests = BTreeMap::from([(0, kept.digest())]);
    let mut acknowledged = 0;
    for _ in 0..40 {
        if rng.below(4) == 0 {
            kept.pass(rng.below(400));
        }
        for line in command(&mut rng) {
            let failed =
                matches!(kept.call(&line), Value::Error(text) if text.starts_with(b"MISCONF"));
            digests.insert(kept.lsn(), kept.digest());
            if policy == AppendFsync::Always && !failed {
                acknowledged = kept.lsn();
            }
        }
        match rng.below(24) {
            0..3 => {
                assert!(kept.engine.sync());
                acknowledged = kept.lsn();
            }
            3 => drop(kept.call("BGREWRITEAOF")),
            4 => drop(kept.call("BGSAVE")),
            _ => {}
        }
        disk.note(acknowledged);
        for _ in 0..rng.below(12) {
            kept.step_snapshot();
        }
    }
    drop(kept);
    History {
        digests,
        moments: disk.moments(),
        policy,
    }
}

/// What is wrong with what a crash leaves, if anything.
fn wrong(history: &History, moment: &Moment, rng: &mut Rng) -> Option<String> {
    let after = match rng.below(8) {
        0 => moment.kill(),
        _ => moment.crash(rng),
    };
    let first = match open(after.clone(), settings(history.policy)) {
        Ok(first) => first,
        Err(error) => return Some(format!("refused: {error}")),
    };
    let (lsn, digest) = (first.lsn(), first.digest());
    let moment_note = moment.note;
    match history.digests.get(&lsn) {
        None => return Some(format!("batch {lsn} was never the last of a command")),
        Some(expected) if *expected != digest => {
            return Some(format!("the state is not that after batch {lsn}"));
        }
        Some(_) if lsn < moment_note => {
            return Some(format!(
                "{lsn} batches are there, {moment_note} were promised"
            ));
        }
        Some(_) => {}
    }
    drop(first);
    let second = match open(after, settings(history.policy)) {
        Ok(second) => second,
        Err(error) => return Some(format!("refused when opened again: {error}")),
    };
    ((second.lsn(), second.digest()) != (lsn, digest)).then(|| "opened again it differs".into())
}

/// Crashes in an ordinary run; CI asks for ten thousand.
const IMAGES: u64 = 1_500;

fn images() -> u64 {
    let asked = std::env::var("REDSTART_CRASH_IMAGES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(IMAGES)
}

/// Looks at so many crashes; the first bad one, if there is any.
fn crashes(images: u64, prepare: impl Fn(&Kept)) -> Option<String> {
    let mut rng = Rng::new(1);
    let mut looked_at = 0;
    for seed in 0.. {
        let policy = AppendFsync::ALL[(seed % 3) as usize];
        let history = live(seed, policy, &prepare);
        for moment in &history.moments {
            for _ in 0..2 {
                if let Some(text) = wrong(&history, moment, &mut rng) {
                    return Some(format!("seed {seed}, {policy:?}: {text}"));
                }
                looked_at += 1;
                if looked_at >= images {
                    return None;
                }
            }
        }
    }
    None
}

#[test]
fn after_any_crash_a_prefix_is_there_with_everything_promised() {
    assert_eq!(crashes(images(), |_| {}), None);
}

#[test]
fn a_fault_in_the_engine_would_be_noticed() {
    type Fault = fn(&Kept);
    let faults: [(&str, Fault); 2] = [
        ("nothing is synced", |kept| kept.durable().skip_sync()),
        ("directories are not synced", |kept| {
            kept.durable().skip_dir_sync();
        }),
    ];
    for (name, fault) in faults {
        assert!(crashes(10_000, fault).is_some(), "unnoticed: {name}");
    }
}

#[test]
fn a_failed_sync_is_not_believed_later() {
    let disk = SimFs::default();
    disk.record();
    let mut kept = open(disk.clone(), settings(AppendFsync::Always)).expect("an empty disk");
    assert_eq!(kept.call("SET a 1"), Value::OK);
    disk.fail_syncs(2);
    let refusal = |value: Value| match value {
        Value::Error(text) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("not refused: {other:?}"),
    };
    let text = "MISCONF Errors writing to the AOF file: the platter is scratched";
    assert_eq!(refusal(kept.call("SET a 2")), text);
    assert_eq!(refusal(kept.call("SET a 3")), text);
    assert_eq!(refusal(kept.call("PING")), text);
    // Reading goes on.
    assert_eq!(kept.call("GET a"), Value::bulk("2"));
    for _ in 0..2 {
        kept.pass(1_001);
        kept.engine.sync();
    }
    assert_eq!(kept.call("SET a 4"), Value::OK);
    let digest = kept.digest();
    let moments = disk.moments();
    let now = moments.last().expect("there is a last moment");
    for seed in 0..50 {
        let after = now.crash(&mut Rng::new(seed));
        let again = open(after, settings(AppendFsync::Always)).expect("a crash");
        assert_eq!(again.digest(), digest);
    }
}
