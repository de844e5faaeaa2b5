//! What clients say about themselves and their connection.

use super::keys::database;
use super::{Entry, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(5, "PING", |w| match w.chance(50) {
        true => args![],
        false => args![w.value()],
    }),
    entry(5, "ECHO", |w| args![w.value()]),
    entry(10, "HELLO", |w| {
        let mut args = args![];
        if w.chance(85) {
            args.push(w.one(&["2", "3", "3", "2", "1", "4", "x", "", "-1"]));
            // Redis carries out what stands before a mistake, the engine nothing: a mistake comes
            // alone.
            if w.chance(5) {
                args.push(w.one(&["foo", "SETNAME", "AUTH"]));
                return args;
            }
            if w.chance(30) {
                args.extend(args![*b"SETNAME", w.one(&["me", "you", "a b", "", "x\n"])]);
            }
            if w.chance(15) {
                args.extend(args![*b"AUTH", *b"default", w.one(&["", "secret"])]);
            }
        }
        args
    }),
    entry(6, "SELECT", |w| args![database(w)]),
    entry(4, "AUTH", |w| match w.chance(50) {
        true => args![w.one(&["", "secret", "x"])],
        false => args![w.one(&["default", "nobody", ""]), w.one(&["", "secret"])],
    }),
    entry(4, "RESET", |_| args![]),
    entry(2, "QUIT", |_| args![]),
    entry(4, "CLIENT ID", |_| args![]),
    entry(4, "CLIENT SETNAME", |w| {
        args![w.one(&["me", "you", "a b", "", "x\n", "caf\u{e9}"])]
    }),
    entry(4, "CLIENT GETNAME", |_| args![]),
    entry(4, "CLIENT INFO", |_| args![]),
    entry(4, "CLIENT LIST", |w| match w.random.below(4) {
        0 => args![*b"TYPE", w.one(&["replica", "master", "foo"])],
        1 => args![*b"ID", w.one(&["99999", "0", "-5", "abc", ""])],
        2 => args![w.one(&["TYPE", "ID", "foo"])],
        _ => args![*b"ID", *b"99999", w.one(&["99998", "x"])],
    }),
    entry(2, "CLIENT PAUSE", |w| match w.random.below(3) {
        0 => args![
            w.one(&["-1", "x", "", "1.5"]),
            w.one(&["WRITE", "ALL", "foo"])
        ],
        1 => args![*b"0", w.one(&["write", "all", "foo"])],
        _ => args![w.one(&["0", "-1", "x"])],
    }),
    entry(2, "CLIENT REPLY", |w| {
        args![w.one(&["ON", "on", "foo", ""])]
    }),
    entry(3, "CLIENT NO-EVICT", |w| {
        args![w.one(&["ON", "OFF", "on", "foo"])]
    }),
    entry(2, "CLIENT UNPAUSE", |_| args![]),
    entry(2, "CLIENT GETREDIR", |_| args![]),
    entry(3, "CLIENT KILL", |w| match w.random.below(6) {
        4 => args![*b"USER", w.one(&["nobody", ""])],
        5 => args![
            *b"ADDR",
            *b"1.2.3.4:5",
            w.one(&["LADDR", "ID", "foo"]),
            *b"7777777"
        ],
        0 => args![w.one(&["1.2.3.4:5", "foo", ""])],
        1 => args![*b"ID", w.one(&["999999", "0", "abc", "-1"])],
        2 => args![*b"TYPE", w.one(&["foo", "replica", "master"])],
        _ => args![*b"SKIPME", w.one(&["foo", "maybe"])],
    }),
    entry(3, "SET", |w| args![w.key(), w.value()]),
    entry(3, "GET", |w| args![w.key()]),
    entry(3, "MULTI", |_| args![]),
    entry(4, "EXEC", |_| args![]),
    entry(1, "DISCARD", |_| args![]),
    entry(3, "SUBSCRIBE", |w| args![w.channel()]),
    entry(3, "UNSUBSCRIBE", |_| args![]),
    entry(2, "NOSUCHCOMMAND", |w| {
        (0..w.between(0, 5)).map(|_| w.value()).collect()
    }),
    entry(1, "CLIENT NOSUCH", |w| args![w.value()]),
];
