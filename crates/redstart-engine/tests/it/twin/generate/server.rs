//! What a server tells about itself and its commands.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(20, "COMMAND INFO", |w| {
        (0..w.between(1, 3)).map(|_| known(w)).collect()
    }),
    entry(20, "COMMAND GETKEYS", example),
    entry(10, "COMMAND GETKEYSANDFLAGS", example),
    entry(1, "COMMAND HELP", |_| args![]),
    entry(4, "COMMAND NOSUCH", |_| args![]),
    entry(10, "CONFIG GET", |w| args![parameter(w)]),
    entry(10, "CONFIG SET", |w| match w.random.below(6) {
        0 => args![*b"nosuchparameter", *b"1"],
        1 => args![*b"maxmemory", w.one(&["abc", "-1", "1x"])],
        2 => args![*b"maxmemory-policy", w.one(&["foo", "noeviction"])],
        3 => args![*b"maxmemory"],
        _ => args![*b"maxmemory", w.one(&["0", "0b", "0mb", "0GB"])],
    }),
    entry(2, "CONFIG RESETSTAT", |_| args![]),
    entry(1, "CONFIG HELP", |_| args![]),
    entry(4, "TIME", |_| args![]),
    entry(4, "DBSIZE", |_| args![]),
    entry(4, "LOLWUT", |w| args![*b"VERSION", w.one(&["99", "x"])]),
    entry(4, "DEBUG PROTOCOL", |w| {
        args![w.one(&[
            "string", "integer", "double", "null", "array", "set", "map", "bignum", "true",
            "false", "verbatim", "attrib", "push", "foo",
        ])]
    }),
    entry(2, "DEBUG ERROR", |w| args![w.one(&["ERR mine", "MY own"])]),
    entry(2, "DEBUG LOG", |_| args![*b"hello"]),
    entry(1, "DEBUG NOSUCH", |_| args![]),
];

fn known(w: &mut Words) -> Vec<u8> {
    w.one(&[
        "get",
        "SET",
        "mset",
        "zadd",
        "eval",
        "object|encoding",
        "OBJECT|HELP",
        "nosuch",
        "get|x",
        "ping",
        "subscribe",
        "xadd",
        "bitop",
        "client|kill",
        "config|get",
        "publish",
        "zunionstore",
        "lmpop",
        "copy",
        "spop",
        "sort",
        "migrate",
        "georadius",
        "script|load",
        "multi",
        "hello",
        "restore",
    ])
}

fn parameter(w: &mut Words) -> Vec<u8> {
    w.one(&[
        "maxmemory",
        "maxmemory-policy",
        "maxmemory-samples",
        "databases",
        "MAXMEMORY",
        "nosuch",
        "hash-max-listpack-entries",
        "hash-max-listpack-value",
        "zset-max-listpack-entries",
        "set-max-intset-entries",
        "list-max-listpack-size",
        "proto-max-bulk-len",
        "lfu-log-factor",
        "maxmemory-p*",
        "zset-max-ziplist-entries",
        "appendonly",
        "save",
        "timeout",
        "notify-keyspace-events",
    ])
}

fn example(w: &mut Words) -> Vec<Vec<u8>> {
    let line = *w.random.pick(&[
        "GET a",
        "SET a b",
        "MSET a 1 b 2",
        "MGET a b c",
        "EVAL x 2 a b c",
        "EVAL x 0",
        "EVAL x 5 a",
        "ZUNIONSTORE d 2 a b",
        "ZUNIONSTORE d 9 a",
        "SORT a STORE b",
        "SORT a BY x GET y",
        "PING",
        "LMPOP 2 a b LEFT",
        "XREAD STREAMS a b 0 0",
        "XREADGROUP GROUP g c STREAMS a 0",
        "NOSUCH a",
        "GET",
        "OBJECT ENCODING a",
        "BITOP AND d a b",
        "GEORADIUS a 1 1 1 m STORE b",
        "SINTERCARD 2 a b LIMIT 1",
        "COPY a b",
        "MIGRATE h 1 a 0 1",
        "MIGRATE h 1 \"\" 0 1 KEYS a b",
        "BLPOP a b 0",
        "LCS a b",
        "RENAME a b",
        "SET a b GET",
        "SET a b EX 1",
        "BITFIELD a GET u8 0",
        "BITFIELD a SET u8 0 1",
        "PFCOUNT a b",
        "MEMORY USAGE a",
        "ZINTER 2 a b",
        "SUBSCRIBE a",
        "SPUBLISH a b",
        "FCALL f 1 a",
        "SELECT 1",
        "ZRANGESTORE d a 0 1",
        "SMOVE a b c",
        "XGROUP CREATE a g 0",
        "EXISTS a b",
        "HSET a b c",
    ]);
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}
