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
    let checked = checksum(key);
    let crc = match checked.has_brace {
        false => checked.crc,
        true => checksum(hash_tag(key)).crc,
    };
    crc % SLOTS
}

/// The part of a key that decides its slot: what stands between the first `{` and the next `}`, if
/// that is not empty; otherwise the whole key.
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else {
        return key;
    };
    let rest = &key[open + 1..];
    match rest.iter().position(|&byte| byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// What one walk over a key tells.
struct Checked {
    crc: u16,
    /// There is an opening brace, so the checksum may have to be that of a tag.
    has_brace: bool,
}

#[inline]
fn checksum(bytes: &[u8]) -> Checked {
    let mut crc = 0;
    let mut braces = 0;
    let mut add = |word: u64| {
        crc = fold(crc, word);
        braces |= braces_in(word);
    };
    let (first, rest) = bytes.split_at(bytes.len() % 8);
    if !first.is_empty() {
        add(leading_word(bytes, first.len()));
    }
    for word in rest.as_chunks().0 {
        add(u64::from_be_bytes(*word));
    }
    Checked {
        crc,
        has_brace: braces != 0,
    }
}

/// The first one to seven bytes as the end of a word. The zeros before them add nothing to a
/// checksum that begins with zero.
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
fn fold(crc: u16, word: u64) -> u16 {
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

/// Not zero if some byte of the word is `{`.
#[inline]
fn braces_in(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // A byte that is zero now borrows from its highest bit.
    let others = word ^ (EACH * b'{' as u64);
    others.wrapping_sub(EACH) & !others & (EACH << 7)
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
        assert_eq!(checksum(b"123456789").crc, 0x31c3);
        assert_eq!(checksum(b"").crc, 0);
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
            prop_assert_eq!(checksum(&bytes).crc, slow);
            prop_assert_eq!(checksum(&bytes).has_brace, bytes.contains(&b'{'));
        }

        #[test]
        fn a_tag_alone_decides(before in "[a-z}|z]{0,9}", tag in "[^{}]{1,9}", after in "[a-z{}]{0,9}") {
            let key = format!("{before}{{{tag}}}{after}");
            prop_assert_eq!(slot(key.as_bytes()), slot(tag.as_bytes()));
        }
    }
}
