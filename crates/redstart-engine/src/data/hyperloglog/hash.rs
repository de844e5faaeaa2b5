//! Which register an element belongs to, and which rank it proposes.

use super::REGISTERS;

/// Bits of the hash that choose a register.
pub(super) const INDEX_BITS: u32 = 14;
/// Bits of the hash that make the rank.
pub(super) const RANK_BITS: u32 = u64::BITS - INDEX_BITS;

const SEED: u64 = 0xadc8_3b19;

/// The register of an element and the rank it proposes, from 1 to 51.
pub(super) fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur_64a(element, SEED);
    let register = hash as usize % REGISTERS;
    // A bit behind the last ends the search where no other is set.
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    (register, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A, Austin Appleby's 64-bit version of MurmurHash2.
fn murmur_64a(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let scatter = |bits: u64| bits ^ bits >> 47;

    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks();
    for word in words {
        let word = scatter(u64::from_le_bytes(*word).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    scatter(scatter(hash).wrapping_mul(FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_every_tail() {
        // Elements of 0 to 9 bytes leave every number of bytes behind the last whole word.
        let hashes: Vec<u64> = (0..10)
            .map(|len| murmur_64a(&b"abcdefghi"[..len], SEED))
            .collect();
        let distinct: std::collections::BTreeSet<u64> = hashes.iter().copied().collect();
        assert_eq!(distinct.len(), hashes.len());
    }
}
