//! HyperLogLogs, as they grow by themselves and as strings that somebody has written or damaged.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(30, "PFADD", |w| {
        let mut args = args![w.key()];
        args.extend((0..w.random.below(5)).map(|_| element(w)));
        args
    }),
    entry(5, "PFADD", many),
    entry(20, "PFCOUNT", |w| w.keys(1, 1)),
    entry(8, "PFCOUNT", |w| w.keys(2, 4)),
    entry(12, "PFMERGE", |w| w.keys(1, 4)),
    entry(2, "PFDEBUG GETREG", |w| args![w.key()]),
    entry(6, "PFDEBUG DECODE", |w| args![w.key()]),
    entry(4, "PFDEBUG ENCODING", |w| args![w.key()]),
    entry(2, "PFDEBUG TODENSE", |w| args![w.key()]),
    entry(1, "PFDEBUG NOSUCH", |w| args![w.key()]),
    // Redis takes more than a second for it.
    entry(0, "PFSELFTEST", |_| args![]),
    entry(10, "GET", |w| args![w.key()]),
    entry(4, "DEL", |w| args![w.key()]),
    entry(6, "SET", |w| args![w.key(), written(w)]),
    entry(4, "SETRANGE", |w| {
        let offset = match w.chance(20) {
            true => w.number(0, 16),
            false => w.number(17, 60),
        };
        args![w.key(), offset, opcodes(w, 1)]
    }),
    entry(2, "APPEND", |w| args![w.key(), opcodes(w, 1)]),
    entry(2, "CONFIG SET", |w| {
        args![
            *b"hll-sparse-max-bytes",
            w.one(&["3000", "3000", "0", "20", "40", "3kb", "100000", "-1", "x"])
        ]
    }),
];

fn element(w: &mut Words) -> Vec<u8> {
    match w.chance(70) {
        true => w.number(0, 100_000),
        false => w.value(),
    }
}

/// Enough to leave the sparse encoding, or nearly.
fn many(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    let count = *w.random.pick(&[50, 200, 600, 1_200, 3_000]);
    args.extend((0..count).map(|_| element(w)));
    args
}

/// A string that looks like a HyperLogLog, or nearly.
fn written(w: &mut Words) -> Vec<u8> {
    let mut bytes = w.one(&["HYLL", "HYLL", "HYLL", "HYLL", "HYLl"]);
    bytes.push(*w.random.pick(&[1, 1, 1, 1, 0, 2]));
    bytes.extend([0; 3]);
    bytes.extend((w.random.below(1_000) as u64).to_le_bytes());
    if w.chance(30) {
        bytes[15] = 0x80;
    }
    if w.chance(5) {
        // Dense, with every rank there can be.
        bytes[4] = 0;
        let byte = |w: &mut Words| u8::try_from(w.random.below(256)).expect("a byte");
        let pattern: [u8; 3] = std::array::from_fn(|_| byte(w));
        bytes.extend(pattern.iter().cycle().take(12_288));
        return bytes;
    }
    bytes.extend(opcodes(w, 4));
    if w.chance(60) {
        fill(&mut bytes);
    }
    bytes
}

/// Some runs of the sparse encoding.
fn opcodes(w: &mut Words, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..w.between(1, most) {
        let low = u8::try_from(w.random.below(64)).expect("six bits");
        match w.random.below(4) {
            0 => bytes.push(low),
            1 => bytes.extend([0x40 | low >> 2, low]),
            _ => bytes.push(0x80 | low << 1),
        }
    }
    bytes
}

/// Adds the run that makes the registers 16,384, if they are fewer.
fn fill(bytes: &mut Vec<u8>) {
    let (mut at, mut registers) = (16, 0usize);
    while let Some(&first) = bytes.get(at) {
        let run = match first >> 6 {
            0 => usize::from(first & 0x3f) + 1,
            1 => {
                at += 1;
                let low = bytes.get(at).copied().unwrap_or(0);
                (usize::from(first & 0x3f) << 8 | usize::from(low)) + 1
            }
            _ => usize::from(first & 3) + 1,
        };
        registers += run;
        at += 1;
    }
    if let Some(more @ 1..) = 16_384usize.checked_sub(registers) {
        let [low, high, ..] = (more - 1).to_le_bytes();
        bytes.extend([0x40 | high, low]);
    }
}
