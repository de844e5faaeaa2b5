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
    entry(20, "CONFIG SET", |w| match w.random.below(9) {
        0 => args![*b"nosuchparameter", *b"1"],
        1 => args![
            *b"maxmemory-policy",
            w.one(&["foo", "noeviction", "NoEviction", ""])
        ],
        2 => args![
            *b"maxmemory",
            *b"0",
            w.one(&["timeout", "MaxMemory", "nosuch"])
        ],
        3 => args![w.one(&["databases", "enable-debug-command"]), *b"16"],
        4 => args![
            w.one(&["appendonly", "protected-mode"]),
            w.one(&["maybe", "", "1"])
        ],
        5 => args![
            *b"client-output-buffer-limit",
            w.one(&[
                "",
                "normal 0 0 0",
                "NORMAL 0b 0kb 0",
                "pubsub 32mb 8mb 60",
                "normal 1 2",
                "foo 1 2 3",
                "normal x 0 0",
                "normal 0 0 -1",
                "normal 0 0 1k",
                "pubsub 33554432 8388608 60 normal",
            ])
        ],
        6 => args![
            parameter(w),
            w.one(&["abc", "1x"]),
            w.one(&["timeout", "nosuch", "TIMEOUT"]),
            w.one(&["0", "x"]),
        ],
        7 => args![
            w.one(&LIMITS),
            w.one(&["-1", "x", "1.5", " 1", "9999999999999999999"])
        ],
        _ => args![
            *b"maxmemory",
            w.one(&["0", "0b", "0mb", "0GB", "", "kb", "-0", "1kib", "x"])
        ],
    }),
    entry(2, "CONFIG RESETSTAT", |_| args![]),
    entry(1, "CONFIG HELP", |_| args![]),
    // Here and not in their families, where transactions would wrap them: our words differ.
    entry(1, "CLIENT HELP", |_| args![]),
    entry(1, "PUBSUB HELP", |_| args![]),
    entry(6, "INFO", |w| {
        (0..w.between(0, 3)).map(|_| section(w)).collect()
    }),
    entry(4, "COMMAND LIST", |w| match w.random.below(4) {
        0 => args![],
        1 => args![*b"FILTERBY", *b"MODULE", *b"x"],
        2 => args![
            *b"FILTERBY",
            *b"ACLCAT",
            w.one(&["read", "Transaction", "nosuch"])
        ],
        _ => args![
            *b"FILTERBY",
            w.one(&["PATTERN", "foo"]),
            w.one(&["x*", "config|*", "SET"])
        ],
    }),
    entry(2, "COMMAND COUNT", |_| args![]),
    entry(2, "COMMAND DOCS", |w| args![known(w)]),
    entry(3, "FLUSHDB", |w| args![w.one(&["ASYNC", "sync", "foo"])]),
    entry(3, "FLUSHALL", |w| args![w.one(&["ASYNC", "sync", "foo"])]),
    entry(4, "DEBUG DIGEST-VALUE", |w| args![w.key(), w.key()]),
    entry(2, "DEBUG POPULATE", |w| {
        args![
            w.one(&["3", "0", "-1", "x"]),
            *b"many",
            w.one(&["0", "2", "20", "-1", "x"])
        ]
    }),
    entry(4, "SLOWLOG GET", |w| {
        args![w.one(&["0", "-1", "-2", "x", "10", "9223372036854775807"])]
    }),
    entry(2, "SLOWLOG LEN", |_| args![]),
    entry(1, "SLOWLOG RESET", |_| args![]),
    entry(1, "SLOWLOG HELP", |_| args![]),
    entry(1, "LATENCY HELP", |_| args![]),
    entry(2, "LATENCY LATEST", |_| args![]),
    entry(2, "LATENCY HISTORY", |w| {
        args![w.one(&["command", "nosuch", ""])]
    }),
    entry(2, "LATENCY GRAPH", |w| {
        args![w.one(&["command", "nosuch", ""])]
    }),
    entry(1, "LATENCY DOCTOR", |_| args![]),
    entry(2, "LATENCY RESET", |w| args![w.one(&["command", "nosuch"])]),
    entry(2, "LATENCY HISTOGRAM", |w| args![known(w)]),
    entry(1, "MEMORY HELP", |_| args![]),
    entry(1, "MEMORY STATS", |_| args![]),
    entry(1, "MEMORY DOCTOR", |_| args![]),
    entry(1, "MEMORY PURGE", |_| args![]),
    entry(1, "MEMORY MALLOC-STATS", |_| args![]),
    entry(6, "MEMORY USAGE", |w| match w.random.below(3) {
        0 => args![w.key()],
        1 => args![w.key(), *b"SAMPLES", w.one(&["0", "5", "-1", "x"])],
        _ => args![
            w.key(),
            w.one(&["samples", "foo"]),
            w.one(&["1", "2"]),
            w.one(&["SAMPLES", "x"]),
        ],
    }),
    entry(2, "ROLE", |_| args![]),
    entry(2, "LASTSAVE", |_| args![]),
    entry(4, "TIME", |_| args![]),
    entry(4, "DBSIZE", |_| args![]),
    entry(4, "DEBUG PROTOCOL", |w| {
        args![w.one(&[
            "string", "integer", "double", "null", "array", "set", "map", "bignum", "true",
            "false", "verbatim", "push", "foo",
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

/// Numbers, some with units, none of which can be what is set in the table above.
const LIMITS: [&str; 10] = [
    "maxmemory-samples",
    "lfu-decay-time",
    "hash-max-listpack-entries",
    "hash-max-ziplist-value",
    "set-max-intset-entries",
    "proto-max-bulk-len",
    "maxclients",
    "tcp-keepalive",
    "slowlog-max-len",
    "latency-monitor-threshold",
];

fn section(w: &mut Words) -> Vec<u8> {
    w.one(&[
        "server",
        "CLIENTS",
        "memory",
        "persistence",
        "stats",
        "replication",
        "cpu",
        "modules",
        "cluster",
        "keyspace",
        "commandstats",
        "errorstats",
        "latencystats",
        "default",
        "all",
        "everything",
        "nosuch",
        "",
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
        "slowlog-*",
        "latency-monitor-threshold",
        "latency-tracking*",
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
        "PING",
        "LMPOP 2 a b LEFT",
        "NOSUCH a",
        "GET",
        "OBJECT ENCODING a",
        "SINTERCARD 2 a b LIMIT 1",
        "COPY a b",
        "LCS a b",
        "RENAME a b",
        "SET a b GET",
        "SET a b EX 1",
        "ZINTER 2 a b",
        "SUBSCRIBE a",
        "SPUBLISH a b",
        "SELECT 1",
        "ZRANGESTORE d a 0 1",
        "SMOVE a b c",
        "EXISTS a b",
        "HSET a b c",
    ]);
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}
