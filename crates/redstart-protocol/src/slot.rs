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
    // Almost no key has a brace. Without an early exit the compiler looks at 16 bytes at a time.
    if !key
        .iter()
        .fold(false, |found, &byte| found | (byte == b'{'))
    {
        return key;
    }
    tag_of_braced(key)
}

fn tag_of_braced(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else {
        return key;
    };
    let rest = &key[open + 1..];
    match rest.iter().position(|&byte| byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

#[inline]
fn crc16(bytes: &[u8]) -> u16 {
    let mut chunks = bytes.chunks_exact(8);
    let mut crc = 0u16;
    for chunk in &mut chunks {
        let [high, low] = crc.to_be_bytes();
        crc = TABLES[7][usize::from(chunk[0] ^ high)]
            ^ TABLES[6][usize::from(chunk[1] ^ low)]
            ^ TABLES[5][usize::from(chunk[2])]
            ^ TABLES[4][usize::from(chunk[3])]
            ^ TABLES[3][usize::from(chunk[4])]
            ^ TABLES[2][usize::from(chunk[5])]
            ^ TABLES[1][usize::from(chunk[6])]
            ^ TABLES[0][usize::from(chunk[7])];
    }
    for &byte in chunks.remainder() {
        crc = (crc << 8) ^ TABLES[0][usize::from((crc >> 8) as u8 ^ byte)];
    }
    crc
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
    }
}
