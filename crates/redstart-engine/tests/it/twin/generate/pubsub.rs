//! Channels, patterns and shard channels, with three clients.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(12, "SUBSCRIBE", |w| channels(w, 1)),
    entry(8, "UNSUBSCRIBE", |w| channels(w, 0)),
    entry(10, "PSUBSCRIBE", |w| patterns(w, 1)),
    entry(7, "PUNSUBSCRIBE", |w| patterns(w, 0)),
    entry(8, "SSUBSCRIBE", |w| channels(w, 1)),
    entry(6, "SUNSUBSCRIBE", |w| channels(w, 0)),
    entry(25, "PUBLISH", |w| args![w.channel(), w.value()]),
    entry(12, "SPUBLISH", |w| args![w.channel(), w.value()]),
    entry(4, "PUBSUB CHANNELS", |w| match w.chance(50) {
        true => args![],
        false => patterns(w, 1),
    }),
    entry(4, "PUBSUB NUMSUB", |w| channels(w, 0)),
    entry(3, "PUBSUB NUMPAT", |_| args![]),
    entry(3, "PUBSUB SHARDCHANNELS", |w| match w.chance(50) {
        true => args![],
        false => patterns(w, 1),
    }),
    entry(3, "PUBSUB SHARDNUMSUB", |w| channels(w, 0)),
    entry(3, "RESET", |_| args![]),
    entry(2, "PING", |w| match w.chance(50) {
        true => args![],
        false => args![w.value()],
    }),
    entry(2, "GET", |w| args![w.key()]),
    entry(2, "SET", |w| args![w.key(), w.value()]),
    entry(3, "MULTI", |_| args![]),
    entry(4, "EXEC", |_| args![]),
    entry(1, "DISCARD", |_| args![]),
    entry(2, "HELLO", |w| args![w.one(&["2", "3", "4", "x"])]),
    entry(1, "QUIT", |_| args![]),
];

fn channels(w: &mut Words, low: usize) -> Vec<Vec<u8>> {
    (0..w.between(low, 3)).map(|_| w.channel()).collect()
}

fn patterns(w: &mut Words, low: usize) -> Vec<Vec<u8>> {
    let patterns = [
        "*",
        "ch*",
        "ch?",
        "news.*",
        "news.[ab]",
        "ch1",
        "n\\ews.a",
        "",
    ];
    (0..w.between(low, 2)).map(|_| w.one(&patterns)).collect()
}
