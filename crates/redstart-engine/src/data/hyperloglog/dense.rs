//! The dense encoding: six bits a register, the lowest bits of the first byte first. So three bytes
//! are a little-endian number of four registers.

use super::REGISTERS;

const BITS: usize = 6;
const MASK: u32 = (1 << BITS) - 1;
const GROUP_BYTES: usize = 3;
const GROUP_REGISTERS: usize = 4;

/// Bytes of all registers.
pub(super) const LEN: usize = REGISTERS * BITS / 8;

/// The ranks of all registers in order.
pub(super) fn ranks(registers: &[u8]) -> impl Iterator<Item = u8> {
    let (groups, _) = registers.as_chunks();
    groups.iter().flat_map(|group| {
        let word = word_of(*group);
        std::array::from_fn::<u8, GROUP_REGISTERS, _>(|at| (word >> (at * BITS) & MASK) as u8)
    })
}

/// Sees to it that a register has at least this rank. Whether that has changed it.
pub(super) fn raise(registers: &mut [u8], register: usize, rank: u8) -> bool {
    let (groups, _) = registers.as_chunks_mut();
    let (group, shift) = (
        &mut groups[register / GROUP_REGISTERS],
        register % GROUP_REGISTERS * BITS,
    );
    let word = word_of(*group);
    let rank = u32::from(rank);
    if word >> shift & MASK >= rank {
        return false;
    }
    let word = word & !(MASK << shift) | rank << shift;
    group.copy_from_slice(&word.to_le_bytes()[..GROUP_BYTES]);
    true
}

fn word_of([a, b, c]: [u8; GROUP_BYTES]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_does_not_touch_its_neighbours() {
        let mut registers = vec![0; LEN];
        let rank = |register: usize| (register % 63) as u8 + 1;
        for register in (0..REGISTERS).rev() {
            assert!(raise(&mut registers, register, rank(register)));
            assert!(!raise(&mut registers, register, rank(register)));
            assert!(!raise(&mut registers, register, 1));
        }
        assert!(ranks(&registers).eq((0..REGISTERS).map(rank)));
    }

    #[test]
    fn registers_begin_with_the_lowest_bits() {
        let mut registers = vec![0; LEN];
        raise(&mut registers, 0, 0b10_1001);
        raise(&mut registers, 1, 0b11_0110);
        assert_eq!(registers[..3], [0b1010_1001, 0b0000_1101, 0]);
    }
}
