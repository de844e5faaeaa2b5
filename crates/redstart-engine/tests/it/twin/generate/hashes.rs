//! Hashes.

use super::keys::{cursor, scan_options};
use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(20, "HSET", fields_and_values),
    entry(2, "HMSET", fields_and_values),
    entry(1, "HSET", many),
    entry(5, "HSETNX", |w| args![w.key(), w.name(), w.value()]),
    entry(8, "HGET", |w| args![w.key(), w.name()]),
    entry(5, "HMGET", some_fields),
    entry(6, "HGETALL", |w| args![w.key()]),
    entry(4, "HKEYS", |w| args![w.key()]),
    entry(4, "HVALS", |w| args![w.key()]),
    entry(8, "HDEL", some_fields),
    entry(4, "HLEN", |w| args![w.key()]),
    entry(4, "HEXISTS", |w| args![w.key(), w.name()]),
    entry(4, "HSTRLEN", |w| args![w.key(), w.name()]),
    entry(8, "HINCRBY", |w| args![w.key(), w.name(), w.integer()]),
    entry(10, "HINCRBYFLOAT", |w| args![w.key(), w.name(), w.float()]),
    entry(8, "HRANDFIELD", |w| {
        let mut args = args![w.key()];
        if w.chance(75) {
            args.push(w.choices());
            w.maybe(&mut args, 50, &["WITHVALUES", "withvalues", "WITHSCORES"]);
        }
        args
    }),
    entry(8, "HSCAN", |w| {
        let mut args = args![w.key(), cursor(w)];
        scan_options(w, &mut args);
        args
    }),
];

fn fields_and_values(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    for _ in 0..w.between(1, 4) {
        args.push(w.name());
        args.push(w.value());
    }
    args
}

/// Enough fields to leave the compact encoding, or nearly.
fn many(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    let count = *w.random.pick(&[100, 127, 128, 129, 511, 512, 513, 600]);
    for field in 0..count {
        args.push(format!("field:{field}").into_bytes());
        args.push(field.to_string().into_bytes());
    }
    args
}

fn some_fields(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    args.extend(w.names(1, 4));
    args
}
