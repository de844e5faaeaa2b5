//! Strings as rows of bits. The highest bit of the first byte is bit 0.

mod integer;
#[cfg(test)]
mod tests;

pub(crate) use integer::{IntegerType, Overflow};

use std::ops::RangeInclusive;

const WORD: usize = size_of::<u64>();

/// How strings are combined bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    And,
    Or,
    Xor,
}

/// The bit at `offset`; zero behind the end.
#[inline]
pub(crate) fn get(bytes: &[u8], offset: u64) -> bool {
    usize::try_from(offset / 8)
        .ok()
        .and_then(|index| bytes.get(index))
        .is_some_and(|byte| byte & mask(offset) != 0)
}

/// Sets the bit at `offset`, which must be there, and returns what it was.
#[inline]
pub(crate) fn set(bytes: &mut [u8], offset: u64, bit: bool) -> bool {
    let byte = &mut bytes[(offset / 8) as usize];
    let was = *byte & mask(offset) != 0;
    match bit {
        true => *byte |= mask(offset),
        false => *byte &= !mask(offset),
    }
    was
}

/// How many bits are set.
pub(crate) fn count(bytes: &[u8]) -> u64 {
    // A byte of each lane counts to 255 at most, so so many words are added up before they are
    // spread out. This is faster than counting word by word on processors that are not asked
    // whether they have an instruction for it.
    const BLOCK: usize = 31;
    let (words, rest) = bytes.as_chunks::<WORD>();
    let in_words = words.chunks(BLOCK).map(|block| {
        let lanes = block
            .iter()
            .map(|word| ones_by_byte(u64::from_ne_bytes(*word)));
        sum_of_bytes(lanes.sum())
    });
    let in_rest = rest.iter().map(|byte| u64::from(byte.count_ones()));
    in_words.sum::<u64>() + in_rest.sum::<u64>()
}

/// How many bits of a range are set. All of it must be there.
pub(crate) fn count_within(bytes: &[u8], bits: RangeInclusive<u64>) -> u64 {
    let (first, last) = bits.into_inner();
    let inside = &bytes[(first / 8) as usize..=(last / 8) as usize];
    let (Some(head), Some(tail)) = (inside.first(), inside.last()) else {
        return 0;
    };
    let before = head & !(0xff >> (first % 8));
    let after = tail & !(0xff << (7 - last % 8)) as u8;
    count(inside) - u64::from(before.count_ones()) - u64::from(after.count_ones())
}

/// Where the first bit of a range stands that is `bit`. All of the range must be there.
pub(crate) fn position(bytes: &[u8], bits: RangeInclusive<u64>, bit: bool) -> Option<u64> {
    let (first, last) = bits.into_inner();
    let inside = &bytes[(first / 8) as usize..=(last / 8) as usize];
    // What is looked for is a one, after turning round what is looked at where it is a zero.
    let turned = if bit { 0 } else { u64::MAX };
    let (head, rest) = inside.split_first()?;
    let head = (head ^ turned as u8) & (0xff >> (first % 8));
    let start = first / 8 * 8;
    let found = match head {
        0 => first_one(rest, turned)? + start + 8,
        _ => u64::from(head.leading_zeros()) + start,
    };
    (found <= last).then_some(found)
}

/// The strings combined, the shorter ones filled up with zeros to the length of the longest.
pub(crate) fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    // So much of the result stays at hand while all sources are gone through.
    const BLOCK: usize = 16 * 1024;
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = vec![0; len];
    for (index, block) in result.chunks_mut(BLOCK).enumerate() {
        let start = index * BLOCK;
        let block_end = start + block.len();
        let parts = sources.iter().map(|source| {
            let end = source.len().min(block_end);
            source.get(start..end).unwrap_or_default()
        });
        for (index, part) in parts.enumerate() {
            match operation {
                _ if index == 0 => block[..part.len()].copy_from_slice(part),
                Operation::And => {
                    zip(block, part, |one, other| one & other);
                    block[part.len()..].fill(0);
                }
                Operation::Or => zip(block, part, |one, other| one | other),
                Operation::Xor => zip(block, part, |one, other| one ^ other),
            }
        }
    }
    result
}

/// The string with every bit turned round.
pub(crate) fn invert(source: &[u8]) -> Vec<u8> {
    source.iter().map(|byte| !byte).collect()
}

/// Compilers make sixteen bytes or more a step of this.
#[inline]
fn zip(block: &mut [u8], part: &[u8], combine: impl Fn(u8, u8) -> u8) {
    for (one, other) in block.iter_mut().zip(part) {
        *one = combine(*one, *other);
    }
}

#[inline]
fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// In each byte, how many of its bits are set.
#[inline]
fn ones_by_byte(word: u64) -> u64 {
    let pairs = word - ((word >> 1) & 0x5555_5555_5555_5555);
    let fours = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    (fours + (fours >> 4)) & 0x0f0f_0f0f_0f0f_0f0f
}

#[inline]
fn sum_of_bytes(word: u64) -> u64 {
    word.to_ne_bytes().iter().map(|&byte| u64::from(byte)).sum()
}

/// Where the first one stands among bytes of which `turned` turns some bits round.
fn first_one(bytes: &[u8], turned: u64) -> Option<u64> {
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_be_bytes(*word) ^ turned;
        if word != 0 {
            return Some((index * WORD * 8) as u64 + u64::from(word.leading_zeros()));
        }
    }
    let start = words.len() * WORD;
    rest.iter().enumerate().find_map(|(index, byte)| {
        let byte = byte ^ turned as u8;
        (byte != 0).then(|| (start + index) as u64 * 8 + u64::from(byte.leading_zeros()))
    })
}
