//! The n-th call to the disk fails, for every n, until the workload passes untouched: commands, a
//! rewrite of the log, a snapshot.

use std::io::ErrorKind;

use redstart_protocol::Value;

use super::{open, settings};
use crate::durable::AppendFsync;
use crate::durable::vfs::fault::{Failure, FaultFs};
use crate::durable::vfs::sim::SimFs;

#[test]
fn whatever_call_fails_nothing_acknowledged_is_lost() {
    let failures = [
        Failure::Error(ErrorKind::Other),
        Failure::Error(ErrorKind::StorageFull),
        Failure::Error(ErrorKind::Interrupted),
        Failure::ShortWrite,
    ];
    for failure in failures {
        for policy in [AppendFsync::Always, AppendFsync::EverySecond] {
            for after in 0.. {
                if workload(failure, policy, after) {
                    break;
                }
            }
        }
    }
}

/// Whether the workload passed without a failure.
fn workload(failure: Failure, policy: AppendFsync, after: u64) -> bool {
    let disk = SimFs::default();
    let faulty = FaultFs::new(disk.clone(), after, failure);
    let calls = faulty.calls();
    let mut acknowledged = 0;
    if let Ok(mut kept) = open(faulty, settings(policy)) {
        for number in 1..=20 {
            match kept.call(&format!("SET key {number}")) {
                Value::Error(text) => {
                    assert!(text.starts_with(b"MISCONF"), "{}", text.escape_ascii());
                    // Reading goes on, and after a while so does writing.
                    assert!(!kept.call("GET key").is_error());
                    kept.pass(1_001);
                    kept.engine.sync();
                }
                _ => acknowledged = number,
            }
            match number {
                5 => drop(kept.call("BGREWRITEAOF")),
                12 => drop(kept.call("BGSAVE")),
                _ => {}
            }
            kept.pass(300);
            kept.durable().drive();
            for _ in 0..4 {
                kept.step_snapshot();
                kept.durable().drive();
            }
        }
        assert!(
            acknowledged >= 19,
            "{failure:?} {policy:?} {after}: {acknowledged}"
        );
        let saves = kept.durable().saves();
        if calls() <= after {
            assert_eq!((saves.rewrite.completed, saves.save.completed), (1, 1));
        }
    }
    let mut again = open(disk, settings(policy)).expect("a disk that no longer fails");
    let found = match again.call("GET key") {
        Value::Bulk(text) => String::from_utf8_lossy(&text).parse().unwrap_or(0),
        _ => 0,
    };
    assert!(
        found >= acknowledged,
        "{failure:?} {policy:?} {after}: {found} < {acknowledged}"
    );
    calls() <= after
}
