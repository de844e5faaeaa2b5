//! Strings.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(30, "SET", set),
    entry(12, "GET", |w| args![w.key()]),
    entry(4, "GETSET", |w| args![w.key(), w.value()]),
    entry(4, "GETDEL", |w| args![w.key()]),
    entry(8, "GETEX", getex),
    entry(4, "SETNX", |w| args![w.key(), w.value()]),
    entry(4, "SETEX", |w| args![w.key(), w.seconds(), w.value()]),
    entry(4, "PSETEX", |w| args![w.key(), w.milliseconds(), w.value()]),
    entry(5, "MSET", pairs),
    entry(5, "MSETNX", pairs),
    entry(4, "MGET", |w| w.keys(1, 4)),
    entry(8, "APPEND", |w| args![w.key(), w.value()]),
    entry(5, "STRLEN", |w| args![w.key()]),
    entry(8, "SETRANGE", |w| args![w.key(), offset(w), w.value()]),
    entry(8, "GETRANGE", |w| args![w.key(), w.index(), w.index()]),
    entry(3, "SUBSTR", |w| args![w.key(), w.index(), w.index()]),
    entry(6, "INCR", |w| args![w.key()]),
    entry(6, "DECR", |w| args![w.key()]),
    entry(6, "INCRBY", |w| args![w.key(), w.integer()]),
    entry(6, "DECRBY", |w| args![w.key(), w.integer()]),
    entry(12, "INCRBYFLOAT", |w| args![w.key(), w.float()]),
    entry(8, "LCS", lcs),
];

fn set(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), w.value()];
    while w.chance(35) {
        match w.random.below(9) {
            0 => args.push(b"NX".to_vec()),
            1 => args.push(b"XX".to_vec()),
            2 | 3 => args.push(b"GET".to_vec()),
            4 => args.push(b"KEEPTTL".to_vec()),
            _ => expiry(w, &mut args),
        }
    }
    args
}

fn getex(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    if w.chance(70) {
        match w.chance(25) {
            true => args.push(b"PERSIST".to_vec()),
            false => expiry(w, &mut args),
        }
    }
    w.maybe(&mut args, 5, &["PERSIST", "KEEPTTL", "NX"]);
    args
}

fn expiry(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    let (option, time) = match w.random.below(4) {
        0 => ("EX", w.seconds()),
        1 => ("PX", w.milliseconds()),
        2 => ("EXAT", w.moment()),
        _ => ("PXAT", w.moment_ms()),
    };
    args.push(w.one(&[option, option, &option.to_lowercase()]));
    args.push(time);
}

fn pairs(w: &mut Words) -> Vec<Vec<u8>> {
    (0..w.between(1, 3))
        .flat_map(|_| [w.key(), w.value()])
        .collect()
}

/// Offsets that make a string longer by much, but not by half a gigabyte.
fn offset(w: &mut Words) -> Vec<u8> {
    match w.chance(85) {
        true => w.number(0, 30),
        false => w.one(&[
            "-1",
            "64",
            "600",
            "9000",
            "536870912",
            "9223372036854775807",
            "abc",
            "",
            "1.5",
            "-9223372036854775808",
        ]),
    }
}

fn lcs(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), w.key()];
    w.maybe(&mut args, 30, &["LEN", "len"]);
    if w.chance(50) {
        args.push(b"IDX".to_vec());
        if w.chance(40) {
            args.push(b"MINMATCHLEN".to_vec());
            args.push(w.index());
        }
        w.maybe(&mut args, 40, &["WITHMATCHLEN"]);
    }
    args
}
