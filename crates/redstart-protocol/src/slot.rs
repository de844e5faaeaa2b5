//! Hash slots: which of a cluster's 16,384 slots a key belongs to.
//!
//! A slot is CRC-16 (XMODEM: polynomial 0x1021, initial value 0) of the key, or of its hash tag if
//! it has one, modulo 16,384. The checksum folds eight bytes a step with tables made at compile time,
//! because the engine asks for the slot of every key it is given.

/// How many hash slots there are.
pub const SLOTS: u16 = 16_384;

/// The hash slot of a key.
///
/// ```
/// use redstart_protocol::slot;
///
/// assert_eq!(slot(b"foo"), 12_182);
/// assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
/// ```
#[inline]
pub fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

/// The part of a key that decides its slot: what stands between the first `{` and the next `}`, if
/// that is not empty; otherwise the whole key.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    // Almost no key has a brace.
    match position(key, b'{') {
        None => key,
        Some(open) => match position(&key[open + 1..], b'}') {
            None | Some(0) => key,
            Some(close) => &key[open + 1..open + 1 + close],
        },
    }
}

/// Where a byte is found first, looked for eight bytes at a time.
#[inline]
fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        if let Some(at) = position_in(*word, byte) {
            return Some(8 * index + at);
        }
    }
    match bytes.last_chunk() {
        // The last word overlaps with the one before, which had none.
        Some(last) => position_in(*last, byte).map(|at| bytes.len() - 8 + at),
        None => rest.iter().position(|other| *other == byte),
    }
}

#[inline]
fn position_in(word: [u8; 8], byte: u8) -> Option<usize> {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    // A byte that is zero now borrows from its highest bit; those below the first are sure.
    let others = u64::from_le_bytes(word) ^ (EACH * u64::from(byte));
    match others.wrapping_sub(EACH) & !others & (EACH << 7) {
        0 => None,
        found => Some(found.trailing_zeros() as usize / 8),
    }
}

#[inline]
fn crc16(bytes: &[u8]) -> u16 {
    let len = bytes.len() % 8;
    let mut crc = match len {
        0 => 0,
        // Zeros in front add nothing to a checksum that begins with zero.
        len => add(0, leading_word(bytes, len)),
    };
    for word in bytes[len..].as_chunks().0 {
        crc = add(crc, u64::from_be_bytes(*word));
    }
    crc
}

/// The first one to seven bytes as the end of a word.
#[inline]
fn leading_word(bytes: &[u8], len: usize) -> u64 {
    // Loads may overlap: what they have in common is the same.
    match bytes {
        [a, b, c, d, e, f, g, h, ..] => {
            u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) >> (64 - 8 * len)
        }
        [a, b, c, d, ..] => {
            let last = u32::from_be_bytes([
                bytes[len - 4],
                bytes[len - 3],
                bytes[len - 2],
                bytes[len - 1],
            ]);
            u64::from(u32::from_be_bytes([*a, *b, *c, *d])) << (8 * (len - 4)) | u64::from(last)
        }
        _ => bytes
            .iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// The checksum after eight more bytes, of which the first is the highest.
#[inline]
fn add(crc: u16, word: u64) -> u16 {
    let [a, b, c, d, e, f, g, h] = (word ^ u64::from(crc) << 48).to_be_bytes();
    TABLES[7][usize::from(a)]
        ^ TABLES[6][usize::from(b)]
        ^ TABLES[5][usize::from(c)]
        ^ TABLES[4][usize::from(d)]
        ^ TABLES[3][usize::from(e)]
        ^ TABLES[2][usize::from(f)]
        ^ TABLES[1][usize::from(g)]
        ^ TABLES[0][usize::from(h)]
}

/// `TABLES[n][b]` is the checksum of the byte `b` followed by `n` zero bytes.
static TABLES: [[u16; 256]; 8] = tables();

const fn tables() -> [[u16; 256]; 8] {
    const POLYNOMIAL: u16 = 0x1021;
    let mut tables = [[0u16; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= POLYNOMIAL;
            }
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut zeros = 1;
    while zeros < 8 {
        let mut byte = 0;
        while byte < 256 {
            let shorter = tables[zeros - 1][byte];
            tables[zeros][byte] = (shorter << 8) ^ tables[0][(shorter >> 8) as usize];
            byte += 1;
        }
        zeros += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_check_value() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn slots_as_a_cluster_computes_them() {
        for (key, expected) in [
            (&b"foo"[..], 12_182),
            (b"bar", 5_061),
            (b"", 0),
            (b"{foo}.bar", 12_182),
            (b"bar{foo}", 12_182),
        ] {
            assert_eq!(slot(key), expected, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn which_braces_make_a_tag() {
        for (key, tag) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"a{b}c", b"b"),
            (b"a{}c{d}", b"a{}c{d}"),
            (b"a{b", b"a{b"),
            (b"a}b{", b"a}b{"),
            (b"a}{b}", b"b"),
            (b"{{b}}", b"{b"),
            (b"{b}{c}", b"b"),
        ] {
            assert_eq!(hash_tag(key), tag, "{}", key.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn folding_eight_bytes_equals_one_bit_at_a_time(bytes: Vec<u8>) {
            let mut slow = 0u16;
            for &byte in &bytes {
                slow ^= u16::from(byte) << 8;
                for _ in 0..8 {
                    slow = (slow << 1) ^ (if slow & 0x8000 == 0 { 0 } else { 0x1021 });
                }
            }
            prop_assert_eq!(crc16(&bytes), slow);
        }

        #[test]
        fn a_tag_alone_decides(before in "[a-z}|z]{0,9}", tag in "[^{}]{1,9}", after in "[a-z{}]{0,9}") {
            let key = format!("{before}{{{tag}}}{after}");
            prop_assert_eq!(slot(key.as_bytes()), slot(tag.as_bytes()));
        }
    }
}
