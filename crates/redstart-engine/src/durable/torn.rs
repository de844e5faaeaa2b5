//! Whether the end of a log was torn by a crash, or the log is corrupt.
//!
//! What is appended and not yet safe may be lost from some byte on, or leave a hole: the file is
//! long enough, but some sectors of it were never written and read as zeros. Both are cut off.
//! Anything else is somebody's fault, and so is a hole in what the log itself says was safe.

use super::batch::{Annotation, PREFIX};
use super::log_reader::{Flaw, FlawKind, LogReader};

/// What disks write wholly or not at all.
const SECTOR: u64 = 512;

/// Whether `rest`, what a log holds from a flawed batch on, is what a crash leaves. `flawed`: the
/// number of that batch, if it was one of ours.
pub(super) fn is_torn(rest: &[u8], flaw: &Flaw, flawed: u64) -> bool {
    let is_cut = matches!(flaw.kind, FlawKind::Truncated);
    let later = later_batches(rest, flawed);
    if later.iter().any(|batch| batch.synced >= Some(flawed)) {
        return false;
    }
    match is_ours(rest) {
        true => (is_cut && later.is_empty()) || has_hole(rest, flaw.batch_at),
        // Of the log of a redis-server no more is known than that it may end early.
        false => is_cut && later.is_empty(),
    }
}

/// Whether this begins as a batch of ours does, or was never written.
fn is_ours(rest: &[u8]) -> bool {
    let zeros = rest.iter().rev().take_while(|&&byte| byte == 0).count();
    let text = &rest[..rest.len() - zeros];
    text.starts_with(PREFIX) || PREFIX.starts_with(text) || rest.starts_with(&[0])
}

/// Whether some sector ends in zeros, which no text of a log does but by rare chance.
fn has_hole(rest: &[u8], offset: u64) -> bool {
    let first = (SECTOR - offset % SECTOR) as usize;
    let ends = (first..rest.len()).step_by(SECTOR as usize);
    ends.chain([rest.len()]).any(|end| rest[end - 1] == 0)
}

struct Later {
    synced: Option<u64>,
}

/// The batches with higher numbers than `lsn` that are whole.
fn later_batches(rest: &[u8], lsn: u64) -> Vec<Later> {
    let mut found = Vec::new();
    let mut at = 1;
    while let Some(next) = rest.get(at..).and_then(|rest| find(rest, PREFIX)) {
        at += next;
        let annotation = Annotation::parse(first_line(&rest[at..])).filter(|it| it.lsn > lsn);
        let whole = annotation.and_then(|annotation| {
            let mut reader = LogReader::new(&rest[at..], annotation.lsn);
            let whole = matches!(reader.next(), Ok(Some(_)));
            whole.then(|| (annotation.synced, reader.offset()))
        });
        match whole {
            Some((synced, len)) => {
                found.push(Later { synced });
                at += len as usize;
            }
            None => at += 1,
        }
    }
    found
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    end.map_or(bytes, |end| &bytes[..=end])
}
