//! Values as DUMP answers them, in all forms that there ever were, and what is nearly that.

use std::collections::BTreeMap;

use super::forms::{checksum, compressed, intset, length, listpack, number, raw, ziplist, zipmap};
use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(10, "DUMP", |w| args![w.key()]),
    entry(20, "RESTORE", restore),
    entry(2, "OBJECT ENCODING", |w| args![w.key()]),
];

fn restore(w: &mut Words) -> Vec<Vec<u8>> {
    let ttl = match w.chance(70) {
        true => b"0".to_vec(),
        false => w.milliseconds(),
    };
    let mut args = args![w.key(), ttl, payload(w)];
    w.maybe(&mut args, 70, &["REPLACE", "replace"]);
    w.maybe(&mut args, 10, &["ABSTTL", "absttl"]);
    if w.chance(10) {
        args.push(w.one(&["IDLETIME", "idletime", "FREQ"]));
        args.push(w.one(&["0", "1", "100", "255", "256", "-1", "abc", ""]));
    }
    w.maybe(&mut args, 3, &["foo", "IDLETIME", "FREQ"]);
    args
}

/// The kind of a value and the value.
fn value(w: &mut Words) -> Vec<u8> {
    match w.random.below(5) {
        0 => [vec![0], value_string(w)].concat(),
        1 => list(w),
        2 => set(w),
        3 => sorted_set(w),
        _ => hash(w),
    }
}

/// A value as a payload, mostly of a version that Redis 7.0 knows and with the right checksum.
///
/// What is wrong behind a right checksum is left to tests of the engine alone: it can keep a server
/// busy for good.
fn payload(w: &mut Words) -> Vec<u8> {
    let mut payload = value(w);
    // Redis 2.6 wrote version 6, the first of DUMP.
    let version = w.between(6, 10) as u16;
    let version = if w.chance(98) { version } else { 12 };
    payload.extend(version.to_le_bytes());
    payload.extend(checksum(&payload).to_le_bytes());
    if w.chance(5) {
        let at = w.random.below(payload.len());
        match w.random.below(4) {
            0 => payload.truncate(at),
            _ => payload[at] ^= 1 << w.random.below(8),
        }
    }
    payload
}

/// A string in one of its forms.
fn string(w: &mut Words, bytes: &[u8]) -> Vec<u8> {
    match w.random.below(4) {
        0 => compressed(bytes),
        1 => {
            let width = w.between(1, 4);
            number(bytes, width).unwrap_or_else(|| raw(bytes))
        }
        2 => {
            let size = w.between(0, 3);
            [length(bytes.len(), size), bytes.to_vec()].concat()
        }
        _ => raw(bytes),
    }
}

fn value_string(w: &mut Words) -> Vec<u8> {
    let value = w.value();
    string(w, &value)
}

/// How many elements: about as many as the limits at which representations change.
fn count(w: &mut Words) -> usize {
    match w.random.below(40) {
        0 => 0,
        1 => w.between(127, 130),
        2 => w.between(511, 514),
        _ => w.between(1, 12),
    }
}

/// So many different names; `is_int` for integers only.
fn names(w: &mut Words, count: usize, is_int: bool) -> Vec<Vec<u8>> {
    let mut names = BTreeMap::new();
    for index in 0..count {
        let name = match (is_int, count > 12) {
            (true, _) => (w.random.below(1 << 20) as i64
                * [1, -1, 1 << 14, 1 << 40][w.random.below(4)])
            .to_string()
            .into_bytes(),
            (false, true) => format!("name:{index}").into_bytes(),
            (false, false) => w.name(),
        };
        names.insert(name, w.random.next());
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, order)| *order);
    names.into_iter().map(|(name, _)| name).collect()
}

fn collection(w: &mut Words, kind: u8, strings: &[Vec<u8>], count: usize) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(length(count, w.between(0, 3)));
    for bytes in strings {
        out.extend(string(w, bytes));
    }
    out
}

fn one_string(w: &mut Words, kind: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![kind], string(w, bytes)].concat()
}

fn list(w: &mut Words) -> Vec<u8> {
    let count = count(w);
    let elements: Vec<_> = (0..count).map(|_| w.value()).collect();
    let form = w.random.below(4);
    match form {
        0 => collection(w, 1, &elements, count),
        1 => one_string(w, 10, &ziplist(&elements)),
        _ => {
            let nodes: Vec<_> = elements.chunks(5).collect();
            let mut out = vec![if form == 2 { 14 } else { 18 }];
            out.extend(length(nodes.len(), 0));
            for node in nodes {
                if form == 2 {
                    out.extend(string(w, &ziplist(node)));
                } else {
                    out.push(2);
                    out.extend(string(w, &listpack(node)));
                }
            }
            out
        }
    }
}

fn set(w: &mut Words) -> Vec<u8> {
    let (count, is_int) = (count(w), w.chance(50));
    let members = names(w, count, is_int);
    match intset(&members) {
        Some(integers) if w.chance(70) => one_string(w, 11, &integers),
        _ => collection(w, 2, &members, members.len()),
    }
}

fn sorted_set(w: &mut Words) -> Vec<u8> {
    let count = count(w);
    let names = names(w, count, false);
    let mut pairs: Vec<(f64, Vec<u8>)> = names
        .into_iter()
        .map(|name| (w.random.below(40) as f64 / 4.0 - 3.0, name))
        .collect();
    pairs.sort_by(|one, other| one.partial_cmp(other).expect("no score is NaN"));
    let packed: Vec<Vec<u8>> = pairs
        .iter()
        .flat_map(|(score, name)| [name.clone(), score.to_string().into_bytes()])
        .collect();
    let form = w.random.below(4);
    match form {
        0 => one_string(w, 12, &ziplist(&packed)),
        1 => one_string(w, 17, &listpack(&packed)),
        _ => {
            let mut out = vec![if form == 2 { 3 } else { 5 }];
            out.extend(length(pairs.len(), 0));
            for (score, name) in pairs {
                out.extend(string(w, &name));
                if form == 2 && w.chance(5) {
                    out.push(w.between(253, 255) as u8);
                } else if form == 2 {
                    let text = score.to_string();
                    out.push(text.len() as u8);
                    out.extend(text.as_bytes());
                } else {
                    out.extend(score.to_le_bytes());
                }
            }
            out
        }
    }
}

fn hash(w: &mut Words) -> Vec<u8> {
    let count = count(w);
    let pairs: Vec<_> = names(w, count, false)
        .into_iter()
        .map(|name| (name, w.value()))
        .collect();
    let flat: Vec<Vec<u8>> = pairs
        .iter()
        .flat_map(|(field, value)| [field.clone(), value.clone()])
        .collect();
    match w.random.below(4) {
        0 if pairs.len() < 250 => {
            let map = zipmap(&pairs, w.between(0, 3) as u8);
            one_string(w, 9, &map)
        }
        1 => one_string(w, 13, &ziplist(&flat)),
        2 => one_string(w, 16, &listpack(&flat)),
        _ => collection(w, 4, &flat, pairs.len()),
    }
}
