//! Keys of any type: their names, times to live and types.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(6, "DEL", |w| w.keys(1, 3)),
    entry(3, "UNLINK", |w| w.keys(1, 3)),
    entry(5, "EXISTS", |w| w.keys(1, 4)),
    entry(5, "TYPE", |w| args![w.key()]),
    entry(4, "KEYS", |w| args![w.pattern()]),
    entry(8, "SCAN", scan),
    entry(2, "RANDOMKEY", |_| args![]),
    entry(6, "RENAME", |w| args![w.key(), w.key()]),
    entry(5, "RENAMENX", |w| args![w.key(), w.key()]),
    entry(10, "COPY", copy),
    entry(3, "TOUCH", |w| w.keys(1, 4)),
    entry(10, "EXPIRE", |w| conditional(w, Words::seconds)),
    entry(10, "PEXPIRE", |w| conditional(w, Words::milliseconds)),
    entry(10, "EXPIREAT", |w| conditional(w, Words::moment)),
    entry(10, "PEXPIREAT", |w| conditional(w, Words::moment_ms)),
    entry(4, "TTL", |w| args![w.key()]),
    entry(4, "PTTL", |w| args![w.key()]),
    entry(4, "EXPIRETIME", |w| args![w.key()]),
    entry(4, "PEXPIRETIME", |w| args![w.key()]),
    entry(4, "PERSIST", |w| args![w.key()]),
    entry(6, "OBJECT ENCODING", |w| args![w.key()]),
    entry(4, "OBJECT REFCOUNT", |w| args![w.key()]),
    entry(2, "OBJECT FREQ", |w| args![w.key()]),
    entry(2, "OBJECT IDLETIME", |w| args![w.key()]),
    entry(1, "OBJECT HELP", |_| args![]),
    entry(4, "MOVE", |w| args![w.key(), database(w)]),
    entry(3, "DBSIZE", |_| args![]),
    entry(2, "SWAPDB", |w| args![database(w), database(w)]),
    entry(6, "SELECT", |w| args![database(w)]),
    entry(1, "FLUSHDB", |w| match w.random.below(4) {
        0 => args![w.one(&["ASYNC", "SYNC", "async", "foo"])],
        _ => args![],
    }),
    entry(1, "FLUSHALL", |w| match w.random.below(4) {
        0 => args![w.one(&["ASYNC", "SYNC", "sync", "foo"])],
        _ => args![],
    }),
];

/// A few of them, among the commands of a type: so that types change and keys expire.
pub(super) const FEW: &[Entry] = &[
    entry(20, "DEL", |w| args![w.key()]),
    entry(10, "OBJECT ENCODING", |w| args![w.key()]),
    entry(5, "TYPE", |w| args![w.key()]),
    entry(5, "RENAME", |w| args![w.key(), w.key()]),
    entry(10, "COPY", |w| args![w.key(), w.key(), *b"REPLACE"]),
    entry(5, "EXPIRE", |w| args![w.key(), w.seconds()]),
    entry(5, "PERSIST", |w| args![w.key()]),
    entry(5, "TTL", |w| args![w.key()]),
    entry(10, "SET", |w| args![w.key(), w.value()]),
    entry(3, "RPUSH", |w| args![w.key(), w.value()]),
    entry(3, "SADD", |w| args![w.key(), w.name()]),
    entry(3, "HSET", |w| args![w.key(), w.name(), w.value()]),
    entry(3, "ZADD", |w| args![w.key(), w.score(), w.name()]),
];

/// One command for every type, so that there is something to look at.
pub(super) const CREATORS: &[Entry] = &[
    entry(10, "SET", |w| args![w.key(), w.value()]),
    entry(10, "RPUSH", |w| {
        let mut args = args![w.key()];
        args.extend((0..w.between(1, 3)).map(|_| w.value()));
        args
    }),
    entry(10, "SADD", |w| {
        let mut args = args![w.key()];
        args.extend(w.names(1, 4));
        args
    }),
    entry(10, "HSET", |w| {
        let mut args = args![w.key()];
        args.extend((0..w.between(1, 3)).flat_map(|_| [w.name(), w.value()]));
        args
    }),
    entry(10, "ZADD", |w| {
        let mut args = args![w.key()];
        args.extend((0..w.between(1, 3)).flat_map(|_| [w.score(), w.name()]));
        args
    }),
    entry(5, "SETEX", |w| {
        args![w.key(), w.number(1_000, 100_000), w.value()]
    }),
];

/// Those that leave nothing to chance, for inside transactions.
pub(super) const CERTAIN: &[Entry] = &[
    entry(6, "DEL", |w| w.keys(1, 3)),
    entry(5, "EXISTS", |w| w.keys(1, 4)),
    entry(5, "TYPE", |w| args![w.key()]),
    entry(4, "KEYS", |w| args![w.pattern()]),
    entry(6, "RENAME", |w| args![w.key(), w.key()]),
    entry(5, "COPY", copy),
    entry(5, "EXPIREAT", |w| conditional(w, Words::moment)),
    entry(5, "EXPIRE", |w| conditional(w, Words::seconds)),
    entry(5, "TTL", |w| args![w.key()]),
    entry(4, "PERSIST", |w| args![w.key()]),
    entry(3, "SELECT", |w| args![database(w)]),
    entry(2, "SWAPDB", |w| args![database(w), database(w)]),
    entry(2, "MOVE", |w| args![w.key(), database(w)]),
    entry(1, "FLUSHDB", |_| args![]),
    entry(1, "FLUSHALL", |_| args![]),
    entry(4, "LPUSH", |w| args![w.key(), w.value()]),
    entry(4, "HSET", |w| args![w.key(), w.name(), w.value()]),
    entry(4, "ZADD", |w| args![w.key(), w.score(), w.name()]),
];

pub(super) fn database(w: &mut Words) -> Vec<u8> {
    match w.chance(92) {
        true => w.number(0, 2),
        // None of these names a database beyond the three that are compared.
        false => w.one(&[
            "16",
            "-1",
            "abc",
            "",
            "9223372036854775807",
            "1.0",
            "99999999999999999999",
        ]),
    }
}

fn copy(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), w.key()];
    if w.chance(30) {
        args.push(w.one(&["DB", "db"]));
        args.push(database(w));
    }
    w.maybe(&mut args, 40, &["REPLACE", "replace"]);
    w.maybe(&mut args, 3, &["foo", "DB"]);
    args
}

fn conditional(w: &mut Words, time: fn(&mut Words) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), time(w)];
    while w.chance(35) {
        args.push(w.one(&["NX", "XX", "GT", "LT", "gt", "foo"]));
    }
    args
}

fn scan(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![cursor(w)];
    scan_options(w, &mut args);
    if w.chance(25) {
        args.push(b"TYPE".to_vec());
        args.push(w.one(&[
            "string", "list", "set", "zset", "hash", "stream", "foo", "STRING", "",
        ]));
    }
    args
}

/// Mostly the start of a scan; further calls are the comparison's to make.
pub(super) fn cursor(w: &mut Words) -> Vec<u8> {
    match w.chance(92) {
        true => b"0".to_vec(),
        false => w.one(&["abc", "", "-1", "18446744073709551616", "1.5", " 0", "00"]),
    }
}

pub(super) fn scan_options(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    if w.chance(40) {
        args.push(w.one(&["MATCH", "match"]));
        args.push(w.pattern());
    }
    if w.chance(50) {
        args.push(b"COUNT".to_vec());
        args.push(match w.chance(90) {
            true => w.number(1, 20),
            false => w.one(&["0", "-1", "abc", "9223372036854775807", "1000", ""]),
        });
    }
    w.maybe(args, 3, &["foo", "MATCH", "COUNT"]);
}
