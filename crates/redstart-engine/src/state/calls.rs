//! What is known of the commands that were called: how often those that lock no shard, how long
//! they took, and which errors they were answered with.
//!
//! Calls that run under a shard's lock are counted there ([`crate::keyspace::tally`]).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;
use crate::keyspace::tally::Tally;
use crate::shim::Mutex;

/// The calls of all commands, by their numbers in the command table.
#[derive(Debug)]
pub(crate) struct Calls {
    /// Calls that held no shard.
    free: Box<[FreeTally]>,
    /// How long timed calls took.
    times: Mutex<Vec<Histogram>>,
    failures: Mutex<Failures>,
}

/// A [`Tally`] that any thread may count in.
#[derive(Debug, Default)]
struct FreeTally {
    calls: AtomicU64,
    accounted: AtomicU64,
    usec: AtomicU64,
}

/// What went wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    /// By the first word of the reply.
    pub(crate) by_code: BTreeMap<Box<[u8]>, u64>,
    /// All error replies.
    pub(crate) total: u64,
    /// For each command, calls that were refused and calls that failed.
    by_command: Vec<(u64, u64)>,
}

/// How a command came to be answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It was refused before it ran.
    Rejected(u32),
    /// It ran and failed.
    Failed(u32),
    /// There is no such command.
    Unknown,
}

/// So many different error codes are told apart. Scripts can make up any number; those beyond are
/// in the total alone.
const CODES_MAX: usize = 128;
/// What a code may be long.
const CODE_BYTES_MAX: usize = 64;

impl Calls {
    pub(crate) fn new(commands: usize) -> Calls {
        Calls {
            free: (0..commands).map(|_| FreeTally::default()).collect(),
            times: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// The calls of a command that held no shard.
    pub(crate) fn free(&self, number: u32) -> u64 {
        self.tally_of(number)
            .map_or(0, |tally| tally.calls.load(Ordering::Relaxed))
    }

    /// Counts a call that held no shard; if it was timed, for how many calls it speaks.
    pub(crate) fn count_free(&self, number: u32, usec: Option<u64>) -> u64 {
        let Some(tally) = self.tally_of(number) else {
            return 0;
        };
        let calls = tally.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(usec) = usec else { return 0 };
        let before = tally.accounted.fetch_max(calls, Ordering::Relaxed);
        let speaks_for = calls.saturating_sub(before);
        tally
            .usec
            .fetch_add(usec.saturating_mul(speaks_for), Ordering::Relaxed);
        speaks_for
    }

    /// What was counted of a command that held no shard.
    pub(crate) fn free_tally(&self, number: u32) -> Tally {
        self.tally_of(number)
            .map_or_else(Tally::default, |tally| Tally {
                calls: tally.calls.load(Ordering::Relaxed),
                accounted: tally.accounted.load(Ordering::Relaxed),
                usec: tally.usec.load(Ordering::Relaxed),
            })
    }

    /// All calls that held no shard.
    pub(crate) fn free_total(&self) -> u64 {
        self.free
            .iter()
            .map(|tally| tally.calls.load(Ordering::Relaxed))
            .sum()
    }

    /// Notes how long `calls` calls took, each.
    pub(crate) fn note_time(&self, number: u32, usec: u64, calls: u64) {
        let index = number as usize;
        let mut times = self.times.lock();
        if index >= times.len() {
            times.resize_with(index + 1, Histogram::default);
        }
        times[index].add(usec, calls);
    }

    /// How long the calls of a command took.
    pub(crate) fn times(&self, number: u32) -> Histogram {
        let times = self.times.lock();
        times.get(number as usize).cloned().unwrap_or_default()
    }

    /// Counts an error reply. `told` is false where the same error was counted before: a script
    /// that ends with an error of one of its calls.
    pub(crate) fn note_error(&self, fault: Fault, text: &[u8], told: bool) {
        let mut failures = self.failures.lock();
        if told {
            failures.tell(text);
        }
        let (number, rejected) = match fault {
            Fault::Rejected(number) => (number as usize, true),
            Fault::Failed(number) => (number as usize, false),
            Fault::Unknown => return,
        };
        if number >= failures.by_command.len() {
            failures.by_command.resize(number + 1, (0, 0));
        }
        let (refused, failed) = &mut failures.by_command[number];
        match rejected {
            true => *refused += 1,
            false => *failed += 1,
        }
    }

    pub(crate) fn failures(&self) -> Failures {
        self.failures.lock().clone()
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        for tally in &self.free {
            for counter in [&tally.calls, &tally.accounted, &tally.usec] {
                counter.store(0, Ordering::Relaxed);
            }
        }
        self.times.lock().clear();
        *self.failures.lock() = Failures::default();
    }

    fn tally_of(&self, number: u32) -> Option<&FreeTally> {
        self.free.get(number as usize)
    }
}

impl Failures {
    /// Calls of a command that were refused, and calls that failed.
    pub(crate) fn of(&self, number: u32) -> (u64, u64) {
        let counts = self.by_command.get(number as usize);
        counts.copied().unwrap_or_default()
    }

    fn tell(&mut self, text: &[u8]) {
        self.total += 1;
        let code = match text.iter().position(|&byte| byte == b' ') {
            Some(end) if end <= CODE_BYTES_MAX => &text[..end],
            // As in Redis, what has no code counts as the most common one.
            None => b"ERR",
            Some(_) => return,
        };
        let has_room = self.by_code.len() < CODES_MAX;
        match self.by_code.get_mut(code) {
            Some(count) => *count += 1,
            None if has_room => {
                self.by_code.insert(code.into(), 1);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bounded_in_number_and_size() {
        let calls = Calls::new(1);
        for number in 0..1_000 {
            calls.note_error(
                Fault::Unknown,
                format!("CODE{number} text").as_bytes(),
                true,
            );
        }
        calls.note_error(Fault::Unknown, &[b'x'; 1_000], true);
        let failures = calls.failures();
        assert_eq!((failures.by_code.len(), failures.total), (CODES_MAX, 1_001));
    }

    #[test]
    fn calls_without_a_shard_are_counted_each() {
        let calls = Calls::new(2);
        assert_eq!(calls.count_free(1, Some(5)), 1);
        assert_eq!(calls.count_free(1, None), 0);
        assert_eq!(calls.count_free(1, Some(7)), 2);
        let tally = calls.free_tally(1);
        assert_eq!((tally.calls, tally.usec), (3, 5 + 2 * 7));
        assert_eq!(calls.count_free(9, Some(1)), 0);
        calls.reset();
        assert_eq!(calls.free_total(), 0);
    }
}
