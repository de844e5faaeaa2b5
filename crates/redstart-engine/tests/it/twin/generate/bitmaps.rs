//! Strings as rows of bits and of integers.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(10, "SETBIT", |w| args![w.key(), offset(w), bit(w)]),
    entry(6, "GETBIT", |w| args![w.key(), offset(w)]),
    entry(14, "BITCOUNT", bitcount),
    entry(16, "BITPOS", bitpos),
    entry(14, "BITOP", bitop),
    entry(26, "BITFIELD", |w| bitfield(w, true)),
    entry(8, "BITFIELD_RO", |w| bitfield(w, false)),
    entry(30, "SET", |w| args![w.key(), bytes(w)]),
    entry(5, "SET", |w| args![w.key(), w.value()]),
    entry(5, "APPEND", |w| args![w.key(), bytes(w)]),
    entry(5, "GET", |w| args![w.key()]),
    entry(5, "STRLEN", |w| args![w.key()]),
];

/// A string with most of its bits alike.
fn bytes(w: &mut Words) -> Vec<u8> {
    let plain = *w.random.pick(&[0x00, 0xff, 0xf0]);
    let length = w.between(0, 40);
    let mut bytes = vec![plain; length];
    for _ in 0..w.between(0, 3) {
        if length > 0 {
            let at = w.random.below(length);
            bytes[at] ^= 1 << w.random.below(8);
        }
    }
    bytes
}

/// Offsets that make a string longer by much, but not by half a gigabyte.
fn offset(w: &mut Words) -> Vec<u8> {
    match w.random.below(100) {
        0..85 => w.number(0, 100),
        85..92 => w.number(0, 3_000),
        _ => w.one(&[
            "-1",
            "-0",
            "4294967296",
            "4294967297",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "18446744073709551616",
            "abc",
            "",
            "1.0",
            " 1",
            "#1",
            "80000",
        ]),
    }
}

fn bit(w: &mut Words) -> Vec<u8> {
    match w.chance(93) {
        true => w.number(0, 1),
        false => w.one(&["2", "-1", "", "abc", "1.0", "01", "9223372036854775808"]),
    }
}

fn index(w: &mut Words) -> Vec<u8> {
    match w.chance(60) {
        true => w.index(),
        false => w.number(-330, 330),
    }
}

fn unit(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    w.maybe(args, 60, &["BIT", "BYTE", "bit", "Byte", "BIT", "BITS", ""]);
}

fn bitcount(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    if w.chance(85) {
        args.push(index(w));
        args.push(index(w));
        unit(w, &mut args);
    }
    args
}

fn bitpos(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), bit(w)];
    if w.chance(80) {
        args.push(index(w));
        if w.chance(80) {
            args.push(index(w));
            unit(w, &mut args);
        }
    }
    args
}

fn bitop(w: &mut Words) -> Vec<Vec<u8>> {
    let operation = w.one(&["AND", "OR", "XOR", "NOT", "NOT", "and", "Xor", "NAND"]);
    let sources = match operation == b"NOT" && w.chance(90) {
        true => w.keys(1, 1),
        false => w.keys(1, 4),
    };
    let mut args = args![operation, w.key()];
    args.extend(sources);
    args
}

fn bitfield(w: &mut Words, writes: bool) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    for _ in 0..w.between(0, 4) {
        let operation = match writes || w.chance(5) {
            true => w.random.below(10),
            false => 0,
        };
        match operation {
            0..3 => args.push(w.one(&["GET", "GET", "get"])),
            3..5 => args.push(w.one(&["SET", "SET", "set"])),
            5..8 => args.push(w.one(&["INCRBY", "INCRBY", "incrby"])),
            _ => {
                args.push(w.one(&["OVERFLOW", "overflow"]));
                args.push(w.one(&["WRAP", "SAT", "FAIL", "sat", "fail", "SAT", "FAIL", "foo"]));
                continue;
            }
        }
        args.push(kind(w));
        args.push(place(w));
        if operation >= 3 {
            args.push(amount(w));
        }
    }
    args
}

fn kind(w: &mut Words) -> Vec<u8> {
    match w.random.below(100) {
        0..50 => w.one(&[
            "u1", "u2", "i2", "u8", "i8", "i1", "u5", "i64", "u63", "i63",
        ]),
        50..95 => {
            let mut kind = w.one(&["u", "i"]);
            kind.extend(w.number(1, 63));
            kind
        }
        _ => w.one(&[
            "u0",
            "i0",
            "u64",
            "i65",
            "U8",
            "8",
            "",
            "u",
            "i",
            "u-1",
            "u08",
            "u8 ",
            "i8\0",
            "i\08",
            "u9223372036854775808",
        ]),
    }
}

fn place(w: &mut Words) -> Vec<u8> {
    match w.random.below(100) {
        0..60 => offset(w),
        60..92 => {
            let mut place = b"#".to_vec();
            place.extend(w.number(0, 8));
            place
        }
        _ => w.one(&[
            "#",
            "#-1",
            "##1",
            "#abc",
            "#1.0",
            "#9223372036854775807",
            "#9223372036854775808",
            "#-9223372036854775808",
        ]),
    }
}

fn amount(w: &mut Words) -> Vec<u8> {
    match w.random.below(100) {
        0..40 => w.number(-300, 300),
        40..60 => w.number(-3, 3),
        60..75 => w.number(-100_000, 100_000),
        75..82 => w.one(&["-9223372036854775808", "9223372036854775807"]),
        _ => w.integer(),
    }
}
