//! Sets.

use super::keys::{cursor, scan_options};
use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(18, "SADD", some_members),
    entry(1, "SADD", many),
    entry(8, "SREM", some_members),
    entry(5, "SMEMBERS", |w| args![w.key()]),
    entry(4, "SISMEMBER", |w| args![w.key(), w.name()]),
    entry(4, "SMISMEMBER", some_members),
    entry(4, "SCARD", |w| args![w.key()]),
    entry(6, "SPOP", |w| {
        let mut args = args![w.key()];
        if w.chance(60) {
            args.push(w.index());
        }
        args
    }),
    entry(6, "SRANDMEMBER", |w| {
        let mut args = args![w.key()];
        if w.chance(70) {
            args.push(w.choices());
        }
        args
    }),
    entry(6, "SMOVE", |w| args![w.key(), w.key(), w.name()]),
    entry(4, "SUNION", |w| w.keys(1, 3)),
    entry(4, "SINTER", |w| w.keys(1, 3)),
    entry(4, "SDIFF", |w| w.keys(1, 3)),
    entry(4, "SUNIONSTORE", |w| w.keys(2, 4)),
    entry(4, "SINTERSTORE", |w| w.keys(2, 4)),
    entry(4, "SDIFFSTORE", |w| w.keys(2, 4)),
    entry(8, "SINTERCARD", sintercard),
    entry(6, "SSCAN", |w| {
        let mut args = args![w.key(), cursor(w)];
        scan_options(w, &mut args);
        args
    }),
];

/// Those that leave nothing to chance.
pub(super) const CERTAIN: &[Entry] = &[
    entry(18, "SADD", some_members),
    entry(8, "SREM", some_members),
    entry(5, "SMEMBERS", |w| args![w.key()]),
    entry(4, "SISMEMBER", |w| args![w.key(), w.name()]),
    entry(4, "SCARD", |w| args![w.key()]),
    entry(6, "SMOVE", |w| args![w.key(), w.key(), w.name()]),
    entry(4, "SUNIONSTORE", |w| w.keys(2, 4)),
    entry(8, "SINTERCARD", sintercard),
];

fn some_members(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    args.extend(w.names(1, 4));
    args
}

/// Enough members to leave the compact encoding, or nearly; numbers more often than not.
fn many(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    let count = *w.random.pick(&[100, 511, 512, 513, 600]);
    let prefix = if w.chance(60) { "" } else { "m" };
    let step = *w.random.pick(&[1, 1_000, 100_000_000_i64]);
    args.extend((0..count).map(|number| format!("{prefix}{}", number * step).into_bytes()));
    args
}

fn sintercard(w: &mut Words) -> Vec<Vec<u8>> {
    let keys = w.keys(1, 3);
    let mut args = args![w.number_of(keys.len())];
    args.extend(keys);
    if w.chance(50) {
        args.push(w.one(&["LIMIT", "limit"]));
        args.push(w.index());
    }
    w.maybe(&mut args, 3, &["LIMIT", "foo"]);
    args
}
