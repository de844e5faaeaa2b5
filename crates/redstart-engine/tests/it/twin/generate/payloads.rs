//! Values as DUMP answers them, and what is nearly that.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(10, "DUMP", |w| args![w.key()]),
    entry(20, "RESTORE", restore),
];

/// Payloads of redis-server 7.0.15, one of every form it writes.
const PAYLOADS: &[&[u8]] = &[
    b"\x00\xc190\x0a\x00\x9d\x94\xea'\x93\xfc\x08\xb9",
    b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a",
    b"\x12\x01\x02\xc3\x14,\x0c,\x00\x00\x00\x03\x00\x81a\x02\x01\x01\x9eb\xe0\x14\x00\x01\x1f\xff\x0a\x00\xce\xbb\xf3\xa1\x16\x99g\xfb",
    b"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00p\x11\x01\x00\x0a\x00\x85\xd5\xc1\x06[\x1d\xd0U",
    b"\x02\x02\x01x\x01y\x0a\x00\xac:\x8dh\x11\x84\xaa1",
    b"\x11\x14\x14\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff\x0a\x00\xd4Ln\xa4\xf6D\xd9\xd7",
    b"\x10\x12\x12\x00\x00\x00\x04\x00\x81f\x02\x81v\x02\x81g\x02\x01\x01\xff\x0a\x00#\xc1\xa5\xe3]\xfa\xe8\x1c",
];

fn restore(w: &mut Words) -> Vec<Vec<u8>> {
    let ttl = match w.chance(70) {
        true => b"0".to_vec(),
        false => w.milliseconds(),
    };
    let mut args = args![w.key(), ttl, payload(w)];
    w.maybe(&mut args, 50, &["REPLACE", "replace"]);
    w.maybe(&mut args, 10, &["ABSTTL", "absttl"]);
    if w.chance(10) {
        args.push(w.one(&["IDLETIME", "idletime", "FREQ"]));
        args.push(w.one(&["0", "1", "100", "255", "256", "-1", "abc", ""]));
    }
    w.maybe(&mut args, 3, &["foo", "IDLETIME", "FREQ"]);
    args
}

fn payload(w: &mut Words) -> Vec<u8> {
    let mut payload = PAYLOADS[w.random.below(PAYLOADS.len())].to_vec();
    if w.chance(10) {
        let at = w.random.below(payload.len());
        payload[at] ^= 1 << w.random.below(8);
    }
    if w.chance(3) {
        payload.truncate(w.random.below(payload.len()));
    }
    payload
}
