//! What a listener to keyspace notifications is told besides what other families do.

use super::{Entry, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(3, "CONFIG SET", |w| {
        args![
            *b"notify-keyspace-events",
            w.one(&[
                "KEAmn", "KEA", "KA", "EA", "Kg$n", "Elshz", "Km", "KEx", "mn", ""
            ])
        ]
    }),
    entry(6, "CONFIG SET", |_| {
        args![*b"notify-keyspace-events", *b"KEAmn"]
    }),
    entry(2, "CONFIG GET", |_| args![*b"notify-keyspace-events"]),
    // Of equal elements none comes first.
    entry(6, "SORT", |w| {
        args![w.key(), *b"ALPHA", *b"STORE", *b"in order"]
    }),
    // Expired from the start, and told so when it is looked at.
    entry(8, "SET", |_| args![*b"gone", *b"1", *b"EXAT", *b"1"]),
    entry(4, "APPEND", |_| args![*b"gone", *b"x"]),
    entry(4, "SET", |w| {
        args![*b"gone", *b"x", w.one(&["KEEPTTL", "NX", "GET"])]
    }),
    entry(4, "HSET", |_| args![*b"gone", *b"f", *b"v"]),
    entry(4, "LPUSH", |_| args![*b"gone", *b"x"]),
    entry(4, "RENAME", |w| args![w.key(), *b"gone"]),
    entry(4, "DEL", |_| args![*b"gone"]),
    entry(4, "GET", |_| args![*b"gone"]),
    entry(2, "FLUSHDB", |_| args![]),
];
