//! SORT. Where Redis' own order is that of a hash table, or of a sort that mixes equals, there is
//! nothing to compare; so keys that keep to one type take part, and only those are sorted in the
//! ways that show it.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(50, "SORT", |w| sort(w, true)),
    entry(15, "SORT_RO", |w| sort(w, false)),
    // What is sorted, and what patterns lead to.
    entry(8, "RPUSH", |w| some(w, list, element)),
    entry(5, "RPUSH", |w| some(w, Words::key, element)),
    entry(8, "SADD", |w| some(w, Words::key, element)),
    entry(6, "SADD", |w| some(w, Words::key, |w| w.number(-4, 12))),
    entry(5, "ZADD", |w| scored(w, sorted_set)),
    entry(4, "ZADD", |w| scored(w, Words::key)),
    entry(10, "SET", |w| args![weight_key(w), weight(w)]),
    entry(2, "SET", |w| args![w.key(), weight(w)]),
    entry(10, "HSET", |w| {
        args![weight_key(w), w.one(&["f", "g", "f->g"]), weight(w)]
    }),
    entry(4, "DEL", |w| args![weight_key(w)]),
    entry(4, "DEL", |w| args![w.key()]),
    entry(2, "DEL", |w| args![list(w)]),
    entry(2, "LPOP", |w| args![list(w)]),
    entry(3, "EXPIRE", |w| args![w.key(), w.seconds()]),
    entry(3, "OBJECT ENCODING", |w| args![sorted_set(w)]),
];

fn list(w: &mut Words) -> Vec<u8> {
    w.one(&["list1", "list2"])
}

fn sorted_set(w: &mut Words) -> Vec<u8> {
    w.one(&["sorted1", "sorted2"])
}

fn element(w: &mut Words) -> Vec<u8> {
    match w.random.below(100) {
        0..70 => w.number(-3, 12),
        70..80 => w.one(&["x", "y", "hello", "X"]),
        80..90 => w.one(&[
            "1.5", "2.50", "-0", "0x1p3", "1e2", " 3", "007", "inf", "-inf",
        ]),
        90..96 => w.one(&["", "abc", "nan", "1 ", "99999999999999999999"]),
        _ => w.number(-100_000, 100_000),
    }
}

fn weight(w: &mut Words) -> Vec<u8> {
    match w.chance(85) {
        true => w.number(-3, 30),
        false => element(w),
    }
}

/// Keys that patterns make of elements.
fn weight_key(w: &mut Words) -> Vec<u8> {
    let mut key = w.one(&["w_", "w_", "h_"]);
    key.extend(match w.chance(90) {
        true => w.number(-3, 12),
        false => element(w),
    });
    if w.chance(15) {
        key.extend(b"->");
    }
    key
}

fn some(
    w: &mut Words,
    key: fn(&mut Words) -> Vec<u8>,
    element: fn(&mut Words) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut args = args![key(w)];
    args.extend((0..w.between(1, 4)).map(|_| element(w)));
    args
}

fn scored(w: &mut Words, key: fn(&mut Words) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut args = args![key(w)];
    args.extend((0..w.between(1, 4)).flat_map(|_| [w.number(-3, 9), element(w)]));
    args
}

fn pattern(w: &mut Words) -> Vec<u8> {
    w.one(&[
        "w_*",
        "w_*",
        "h_*",
        "h_*->f",
        "h_*->f",
        "w_*->f",
        "h_*->g",
        "h_*->f->g",
        "h_*->",
        "w_**",
        "*",
        "*->f",
        "w_*\0",
        "h_*->f\0",
        "-> *",
    ])
}

fn sort(w: &mut Words, stores: bool) -> Vec<Vec<u8>> {
    let mut args = Vec::new();
    let mut stored = false;
    let kind = w.random.below(100);
    match kind {
        // By numbers nothing is left open: equals are compared by themselves.
        0..45 => {
            args.push(any_key(w));
            if w.chance(50) {
                args.push(w.one(&["BY", "by"]));
                args.push(pattern(w));
            }
        }
        // By their own text neither, as long as no two differ behind a NUL alone.
        45..65 => {
            args.push(any_key(w));
            args.push(w.one(&["ALPHA", "alpha"]));
        }
        // By others' text equals stay in order, and only lists have one.
        65..80 => args.extend([list(w), b"ALPHA".to_vec(), b"BY".to_vec(), pattern(w)]),
        // Not at all: lists and sorted sets have an order.
        80..88 => {
            args.push(if w.chance(50) { list(w) } else { sorted_set(w) });
            args.extend([b"BY".to_vec(), w.one(&["nosort", "", "#", "no\0*"])]);
        }
        // What is stored is sorted all the same.
        _ => {
            args.extend([any_key(w), b"BY".to_vec(), b"nosort".to_vec()]);
            args.extend([b"STORE".to_vec(), w.key()]);
            stored = true;
        }
    }
    while w.chance(40) {
        match w.random.below(10) {
            0..3 => args.push(w.one(&["ASC", "DESC", "desc", "DESC"])),
            // Redis sorts a part by text in another way, which mixes equals.
            3..6 if !(65..80).contains(&kind) => w.limit(&mut args, 100),
            6..9 => {
                args.push(w.one(&["GET", "get"]));
                args.push(match w.chance(30) {
                    true => w.one(&["#", "#", "##", "plain", ""]),
                    false => pattern(w),
                });
            }
            _ => args.push(w.one(&["ASC", "DESC", "ASC", "DESC", "foo", "LIMIT", "GET", "STORE"])),
        }
    }
    if !stored && w.chance(if stores { 25 } else { 3 }) {
        args.push(w.one(&["STORE", "store"]));
        args.push(if w.chance(50) { list(w) } else { w.key() });
    }
    args
}

fn any_key(w: &mut Words) -> Vec<u8> {
    match w.random.below(10) {
        0..3 => list(w),
        3..5 => sorted_set(w),
        _ => w.key(),
    }
}
