//! What repeating a request would do.
//!
//! When a connection breaks, a client does not know whether its request was executed. Whether it
//! may simply ask again depends on the command and, for some commands, on their options; this is
//! where that is decided. The question is asked of one request in isolation: other clients may have
//! written in between, and whoever repeats a request accepts that it happens at the later time.

use crate::number::parse_i64;

/// What repeating a request would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replay {
    /// Nothing: it changes nothing.
    Read,
    /// Nothing more: done twice, everything is as if it had been done once, at the later time. The
    /// reply may count less, because what was to be added or removed already was.
    Idempotent,
    /// Something else. It would happen twice, fail the second time, or answer the wrong thing: who
    /// asks `SET … NX` again after its reply was lost is told that somebody else was first.
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ReplayRule {
    Always(Replay),
    ByArguments(fn(&[&[u8]]) -> Replay),
}

use Replay::{Idempotent, Never, Read};

/// Replies that depend on what was there cannot be repeated; relative times to live can.
pub(super) fn set(args: &[&[u8]]) -> Replay {
    unless(has(args, 3, b"NX") || has(args, 3, b"GET"))
}

pub(super) fn getex(args: &[&[u8]]) -> Replay {
    if args.len() > 2 { Idempotent } else { Read }
}

pub(super) fn bitfield(args: &[&[u8]]) -> Replay {
    if has(args, 2, b"SET") || has(args, 2, b"INCRBY") {
        Never
    } else {
        Read
    }
}

/// `NOT` undoes itself and `XOR` undoes its neighbour when the result is also a source.
pub(super) fn bitop(args: &[&[u8]]) -> Replay {
    unless(args.get(2).is_none_or(|target| args[3..].contains(target)))
}

pub(super) fn with_replace(args: &[&[u8]]) -> Replay {
    unless(!has(args, 3, b"REPLACE"))
}

pub(super) fn function_restore(args: &[&[u8]]) -> Replay {
    unless(!has(args, 3, b"REPLACE") && !has(args, 3, b"FLUSH"))
}

pub(super) fn without_nx(args: &[&[u8]]) -> Replay {
    unless(has(args, 2, b"NX"))
}

pub(super) fn zadd(args: &[&[u8]]) -> Replay {
    unless(has(args, 2, b"NX") || has(args, 2, b"INCR"))
}

/// Removing at most so many would remove some more.
pub(super) fn lrem(args: &[&[u8]]) -> Replay {
    unless(args.get(2).is_none_or(|count| *count != b"0"))
}

/// A range that keeps the first or the last so many keeps the same ones again.
pub(super) fn ltrim(args: &[&[u8]]) -> Replay {
    let index = |position: usize| args.get(position).and_then(|index| parse_i64(index));
    unless(!matches!(
        (index(2), index(3)),
        (Some(0), Some(_)) | (Some(_), Some(-1))
    ))
}

/// `XTRIM … ~` and `LIMIT` may go on where they stopped.
pub(super) fn xtrim(args: &[&[u8]]) -> Replay {
    unless(has(args, 2, b"~"))
}

/// Reading its own pending entries again is what a consumer does after a crash; new ones are given
/// out once.
pub(super) fn xreadgroup(args: &[&[u8]]) -> Replay {
    unless(args.contains(&&b">"[..]) || !has(args, 4, b"STREAMS"))
}

pub(super) fn acl_log(args: &[&[u8]]) -> Replay {
    if has(args, 2, b"RESET") {
        Idempotent
    } else {
        Read
    }
}

/// Without STORE it only reads; sorted twice is sorted once, unless LIMIT cuts a second time.
pub(super) fn sort(args: &[&[u8]]) -> Replay {
    stored_elsewhere(args, 2, &[b"STORE"])
}

pub(super) fn georadius(args: &[&[u8]]) -> Replay {
    stored_elsewhere(args, 6, &[b"STORE", b"STOREDIST"])
}

pub(super) fn georadiusbymember(args: &[&[u8]]) -> Replay {
    stored_elsewhere(args, 5, &[b"STORE", b"STOREDIST"])
}

/// Target and one source.
pub(super) fn first_not_second(args: &[&[u8]]) -> Replay {
    unless(args.len() < 3 || args[1] == args[2])
}

/// Target and sources to the end.
pub(super) fn store_apart(args: &[&[u8]]) -> Replay {
    unless(args.get(1).is_none_or(|target| args[2..].contains(target)))
}

/// Target, number of sources, sources.
pub(super) fn store_counted_apart(args: &[&[u8]]) -> Replay {
    unless(args.len() < 4 || args[3..].contains(&args[1]))
}

fn unless(never: bool) -> Replay {
    if never { Never } else { Idempotent }
}

fn has(args: &[&[u8]], from: usize, word: &[u8]) -> bool {
    let mut rest = args.iter().skip(from);
    rest.any(|arg| arg.eq_ignore_ascii_case(word))
}

/// A word that only looks like a STORE makes the answer more careful, never less.
fn stored_elsewhere(args: &[&[u8]], from: usize, words: &[&[u8]]) -> Replay {
    let mut replay = Read;
    for pair in args.get(from..).unwrap_or_default().windows(2) {
        if words.iter().any(|word| pair[0].eq_ignore_ascii_case(word)) {
            replay = replay.max(unless(pair[1] == args[1]));
        }
    }
    replay
}

#[cfg(test)]
mod tests {
    use super::Replay;
    use crate::facts::find;

    #[track_caller]
    fn check(expected: Replay, requests: &[&str]) {
        for request in requests {
            let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
            let command = find(args[0]).expect("a command");
            assert_eq!(command.replay(&args), expected, "{request}");
        }
    }

    #[test]
    fn what_only_reads() {
        check(
            Replay::Read,
            &[
                "get k",
                "getex k",
                "bitfield k GET u8 0",
                "sort k",
                "sort k by w_* store",
                "georadius k 1 2 3 m",
                "config get x",
                "acl log",
                "eval_ro s 0",
                "xread streams k 0",
            ],
        );
    }

    #[test]
    fn what_may_be_repeated() {
        check(
            Replay::Idempotent,
            &[
                "set k v",
                "set k v ex 10 xx",
                "set nx get",
                "del a b",
                "expire k 10",
                "getex k persist",
                "bitop and d a b",
                "copy a b REPLACE",
                "zadd k gt 1 m",
                "lrem k 0 v",
                "ltrim k 0 99",
                "ltrim k -100 -1",
                "sort k store d",
                "sinterstore d a b",
                "zunionstore d 2 a b",
                "xreadgroup group g c streams k 0",
                "script load s",
                "acl log reset",
            ],
        );
    }

    #[test]
    fn what_may_not_be_repeated() {
        check(
            Replay::Never,
            &[
                "incr k",
                "set k v nx",
                "set k v GET",
                "setnx k v",
                "getdel k",
                "lpush k v",
                "bitfield k incrby u8 0 1",
                "bitop not d d",
                "bitop",
                "copy a b",
                "zadd k incr 1 m",
                "zadd k nx 1 m",
                "lrem k 1 v",
                "ltrim k 1 -2",
                "sort k limit 1 2 store k",
                "sdiffstore d a d",
                "zdiffstore d 2 a d",
                "zdiffstore d",
                "xreadgroup group g c streams k >",
                "eval s 0",
                "publish c m",
                "acl setuser u on",
                "config",
                "exec",
            ],
        );
    }
}
