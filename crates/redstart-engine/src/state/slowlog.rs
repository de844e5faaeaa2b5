//! The commands that took longest to notice: SLOWLOG.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::shim::Mutex;

/// The newest slow commands.
#[derive(Debug, Default)]
pub(crate) struct SlowLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    newest_first: VecDeque<Entry>,
    next_id: u64,
}

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    /// When it was done, in seconds since 1970.
    pub(crate) at_s: u64,
    pub(crate) usec: u64,
    pub(crate) args: Vec<Bytes>,
    pub(crate) address: Bytes,
    pub(crate) name: Bytes,
}

/// So many arguments are kept, the last of which may tell of the others.
const ARGS_MAX: usize = 32;
/// So many bytes are kept of an argument.
const ARG_BYTES_MAX: usize = 128;

impl SlowLog {
    /// Notes a slow command; its id is given here. At most `len_max` are kept.
    pub(crate) fn note(&self, mut entry: Entry, len_max: usize) {
        let mut entries = self.0.lock();
        entry.id = entries.next_id;
        entries.next_id += 1;
        entries.newest_first.push_front(entry);
        entries.newest_first.truncate(len_max);
    }

    /// Up to `count` entries, the newest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<Entry> {
        let entries = self.0.lock();
        entries.newest_first.iter().take(count).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().newest_first.len()
    }

    /// Forgets all entries; ids go on.
    pub(crate) fn reset(&self) {
        self.0.lock().newest_first.clear();
    }

    /// Forgets what is more than `len_max`.
    pub(crate) fn trim(&self, len_max: usize) {
        self.0.lock().newest_first.truncate(len_max);
    }
}

/// What is kept of a command's arguments.
pub(crate) fn abridged(args: &[&[u8]]) -> Vec<Bytes> {
    let kept = match args.len() > ARGS_MAX {
        true => ARGS_MAX - 1,
        false => args.len(),
    };
    let mut abridged: Vec<Bytes> = args[..kept].iter().map(|arg| abridged_arg(arg)).collect();
    if kept < args.len() {
        let more = args.len() - kept;
        abridged.push(Bytes::from(format!("... ({more} more arguments)")));
    }
    abridged
}

fn abridged_arg(arg: &[u8]) -> Bytes {
    match arg.len() > ARG_BYTES_MAX {
        true => {
            let more = arg.len() - ARG_BYTES_MAX;
            let note = format!("... ({more} more bytes)");
            Bytes::from([&arg[..ARG_BYTES_MAX], note.as_bytes()].concat())
        }
        false => Bytes::copy_from_slice(arg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_abridged_as_redis_does() {
        let many: Vec<&[u8]> = vec![b"x"; 33];
        let kept = abridged(&many);
        assert_eq!(kept.len(), 32);
        assert_eq!(kept[31], "... (2 more arguments)");
        assert_eq!(abridged(&many[..32]).len(), 32);
        let long = vec![b'a'; 130];
        let kept = abridged(&[&long, &long[..128]]);
        assert_eq!(kept[0], format!("{}... (2 more bytes)", "a".repeat(128)));
        assert_eq!(kept[1], "a".repeat(128));
    }
}
