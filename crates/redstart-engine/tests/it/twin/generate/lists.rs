//! Lists.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(12, "LPUSH", some_elements),
    entry(12, "RPUSH", some_elements),
    entry(1, "RPUSH", many),
    entry(4, "LPUSHX", some_elements),
    entry(4, "RPUSHX", some_elements),
    entry(6, "LPOP", pop),
    entry(6, "RPOP", pop),
    entry(4, "LLEN", |w| args![w.key()]),
    entry(8, "LRANGE", |w| args![w.key(), w.index(), w.index()]),
    entry(8, "LINDEX", |w| args![w.key(), w.index()]),
    entry(8, "LSET", |w| args![w.key(), w.index(), element(w)]),
    entry(8, "LREM", |w| args![w.key(), w.index(), element(w)]),
    entry(5, "LTRIM", |w| args![w.key(), w.index(), w.index()]),
    entry(8, "LINSERT", |w| {
        args![
            w.key(),
            w.one(&["BEFORE", "AFTER", "before", "After", "foo"]),
            element(w),
            element(w)
        ]
    }),
    entry(12, "LPOS", lpos),
    entry(8, "LMOVE", |w| args![w.key(), w.key(), side(w), side(w)]),
    entry(4, "RPOPLPUSH", |w| args![w.key(), w.key()]),
    entry(8, "LMPOP", |w| {
        let keys = w.keys(1, 3);
        let mut args = args![w.number_of(keys.len())];
        args.extend(keys);
        args.push(side(w));
        if w.chance(50) {
            args.push(b"COUNT".to_vec());
            args.push(w.count());
        }
        w.maybe(&mut args, 4, &["COUNT", "foo"]);
        args
    }),
];

fn element(w: &mut Words) -> Vec<u8> {
    match w.chance(70) {
        true => w.one(&["x", "y", "z", "1", "2"]),
        false => w.value(),
    }
}

fn some_elements(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    args.extend((0..w.between(1, 4)).map(|_| element(w)));
    args
}

/// Enough for several nodes.
fn many(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    let (count, length) =
        *w.random
            .pick(&[(200, 3), (100, 100), (20, 1_000), (3, 8_191), (5, 9_000)]);
    for number in 0..count {
        let mut element = number.to_string().into_bytes();
        element.resize(length, b'e');
        args.push(element);
    }
    args
}

fn pop(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    if w.chance(50) {
        args.push(w.index());
    }
    args
}

fn side(w: &mut Words) -> Vec<u8> {
    match w.chance(95) {
        true => w.one(&["LEFT", "RIGHT", "left", "Right"]),
        false => w.one(&["", "foo", "L"]),
    }
}

fn lpos(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), element(w)];
    while w.chance(50) {
        args.push(w.one(&["RANK", "COUNT", "MAXLEN", "rank"]));
        args.push(w.index());
    }
    w.maybe(&mut args, 4, &["RANK", "foo"]);
    args
}
