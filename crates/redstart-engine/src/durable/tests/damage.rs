//! Files that are cut or damaged: the end is repaired, everything else refused with its place.

use super::{Kept, open, settings};
use crate::durable::vfs::sim::SimFs;
use crate::durable::{AppendFsync, OpenError};
use crate::random::Rng;

/// A log of some forty commands, and the states on the way.
fn log() -> (SimFs, Vec<String>) {
    let disk = SimFs::default();
    let mut kept = open(disk.clone(), settings(AppendFsync::Always)).expect("an empty disk");
    let mut states = vec![kept.digest()];
    for number in 0..12 {
        for line in [
            format!("SET key:{number} {number}"),
            "MULTI".into(),
            "RPUSH list x".into(),
            format!("INCR count{}", number % 3),
            "EXEC".into(),
            format!("SADD set {number}"),
        ] {
            assert!(!kept.call(&line).is_error());
            states.push(kept.digest());
        }
    }
    drop(kept);
    states.dedup();
    (disk, states)
}

#[test]
fn a_log_that_ends_anywhere_is_cut_back_to_its_last_whole_batch() {
    let (disk, states) = log();
    let path = Kept::log_path();
    let whole = disk.bytes(&path).expect("there is a log");
    let mut reached = 0;
    for len in 0..=whole.len() {
        disk.put(&path, whole[..len].to_vec());
        let kept = open(disk.clone(), settings(AppendFsync::Always)).expect("a cut log");
        let state = kept.digest();
        let position = states.iter().position(|known| *known == state);
        let position = position.expect("the state is one that was");
        assert!(position >= reached, "less was found in more: {len}");
        reached = position;
        let batches = kept.lsn();
        drop(kept);
        let again = open(disk.clone(), settings(AppendFsync::Always)).expect("a repaired log");
        assert_eq!((again.lsn(), again.digest()), (batches, state));
    }
    assert_eq!(reached, states.len() - 1);
}

/// Whether a reader that knows nothing of our annotations finds whole transactions only, wherever
/// the log ends.
fn transactions_are_whole_to_others(prepare: impl FnOnce(&Kept)) -> bool {
    let disk = SimFs::default();
    let mut kept = open(disk.clone(), settings(AppendFsync::Always)).expect("an empty disk");
    prepare(&kept);
    let mut states = vec![kept.digest()];
    for line in [
        "SET a 1",
        "MULTI",
        "INCR a",
        "SELECT 2",
        "RPUSH l x",
        "EXEC",
        "SADD s m",
    ] {
        kept.call(line);
        states.push(kept.digest());
    }
    drop(kept);
    let path = Kept::log_path();
    let log = disk.bytes(&path).expect("there is a log");
    let plain: Vec<u8> = log
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .flatten()
        .copied()
        .collect();
    (0..=plain.len()).all(|len| {
        disk.put(&path, plain[..len].to_vec());
        let cut = open(disk.clone(), settings(AppendFsync::Always)).expect("a cut log");
        states.contains(&cut.digest())
    })
}

#[test]
fn transactions_are_whole_to_readers_without_our_checksums() {
    assert!(transactions_are_whole_to_others(|_| {}));
    let unwrapped = |kept: &Kept| kept.durable().journal().forget_multi();
    assert!(!transactions_are_whole_to_others(unwrapped), "unnoticed");
}

#[test]
fn a_cut_log_is_refused_where_that_is_asked_for() {
    let (disk, _) = log();
    let path = Kept::log_path();
    let whole = disk.bytes(&path).expect("there is a log");
    disk.put(&path, whole[..whole.len() - 3].to_vec());
    let mut strict = settings(AppendFsync::Always);
    strict.aof_load_truncated = false;
    let refused = open(disk, strict).err();
    assert!(matches!(refused, Some(OpenError::Corrupt { .. })));
}

#[test]
fn every_flipped_bit_is_noticed_or_harmless() {
    let (disk, states) = log();
    let path = Kept::log_path();
    let whole = disk.bytes(&path).expect("there is a log");
    let last = states.last().expect("there are states");
    let (mut refused, mut cut) = (0, 0);
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bad = whole.clone();
            bad[at] ^= 1 << bit;
            disk.put(&path, bad);
            match open(disk.clone(), settings(AppendFsync::Always)) {
                Err(OpenError::Corrupt { offset, .. }) => {
                    assert!(offset <= whole.len() as u64);
                    refused += 1;
                }
                Err(error) => panic!("byte {at}, bit {bit}: {error}"),
                // In the last batch, a length that is too large looks like a torn end.
                Ok(kept) if kept.digest() != *last => {
                    assert!(at > whole.len() - 200, "byte {at}, bit {bit}");
                    cut += 1;
                }
                Ok(_) => {}
            }
        }
    }
    assert!(refused > whole.len() * 7, "{refused} refused, {cut} cut");
}

#[test]
fn a_hole_in_what_was_safe_is_refused() {
    let (disk, _) = log();
    let path = Kept::log_path();
    let mut bytes = disk.bytes(&path).expect("there is a log");
    bytes[512..1024].fill(0);
    disk.put(&path, bytes);
    let refused = open(disk, settings(AppendFsync::Always)).err();
    assert!(matches!(refused, Some(OpenError::Corrupt { .. })));
}

#[test]
fn no_bytes_make_loading_panic() {
    let (disk, _) = log();
    let path = Kept::log_path();
    let whole = disk.bytes(&path).expect("there is a log");
    let mut rng = Rng::new(3);
    for _ in 0..2_000 {
        let mut bad = whole.clone();
        for _ in 0..1 + rng.below(8) {
            let at = rng.below(bad.len() as u64) as usize;
            let end = (at + rng.below(30) as usize).min(bad.len() - 1);
            match rng.below(3) {
                0 => bad[at] = rng.next_u64() as u8,
                1 if at < end => drop(bad.drain(at..end)),
                _ => bad.truncate(at.max(1)),
            }
        }
        disk.put(&path, bad);
        drop(open(disk.clone(), settings(AppendFsync::No)));
    }
}

#[test]
fn files_that_are_missing_are_missed() {
    let (disk, _) = log();
    let whole = disk.bytes(&Kept::log_path()).expect("there is a log");
    let manifest = Kept::log_path().with_file_name("appendonly.aof.manifest");
    let text = disk.bytes(&manifest).expect("there is a manifest");
    let without = |missing: &std::path::Path| {
        let disk = SimFs::default();
        for (path, bytes) in [(Kept::log_path(), &whole), (manifest.clone(), &text)] {
            if path != missing {
                disk.put(&path, bytes.clone());
            }
        }
        open(disk, settings(AppendFsync::No)).err()
    };
    assert!(matches!(
        without(&Kept::log_path()),
        Some(OpenError::Missing { .. })
    ));
    assert!(matches!(
        without(&manifest),
        Some(OpenError::WouldIgnore(_))
    ));
    let mut off = settings(AppendFsync::No);
    off.appendonly = false;
    assert!(matches!(
        open(disk, off).err(),
        Some(OpenError::WouldIgnore(_))
    ));
}
