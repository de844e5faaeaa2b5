//! LZF, the compression of strings in snapshots.
//!
//! Compressed data is a sequence of runs of literal bytes (a byte below 32: how many, less one) and
//! of references to what came before (three bits of length, thirteen of distance, and one more byte
//! of length where three bits do not do).

/// How far back a reference can reach.
const DISTANCE_MAX: usize = 1 << 13;
/// How many bytes a reference can stand for.
const REFERENCE_MAX: usize = 264;
/// The longest run of literal bytes.
const LITERALS_MAX: usize = 32;
/// The bits of a hash of three bytes.
const HASH_BITS: u32 = 14;

/// Compresses strings, one after another.
#[derive(Debug)]
pub(super) struct Compressor {
    /// By the hash of three bytes, where they stood last, counted through all strings: what is
    /// less than `base` is of an earlier string. So the table need not be cleared for each.
    last_seen: Box<[u32]>,
    base: u32,
}

impl Compressor {
    pub(super) fn new() -> Self {
        Self {
            last_seen: Box::default(),
            base: 1,
        }
    }

    /// Appends `input`, compressed, to `out`. `false`, and `out` as it was, if that would take more
    /// than `limit` bytes.
    pub(super) fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let Ok(len) = u32::try_from(input.len()) else {
            return false;
        };
        self.prepare(len);
        let from = out.len();
        let is_fine = self.write(input, from.saturating_add(limit), out);
        self.base += len;
        if !is_fine {
            out.truncate(from);
        }
        is_fine
    }

    /// Makes the positions of a string of this length representable.
    fn prepare(&mut self, len: u32) {
        if self.last_seen.is_empty() {
            self.last_seen = vec![0; 1 << HASH_BITS].into_boxed_slice();
        }
        if self.base.checked_add(len).is_none() {
            self.last_seen.fill(0);
            self.base = 1;
        }
    }

    fn write(&mut self, input: &[u8], end: usize, out: &mut Vec<u8>) -> bool {
        let (mut at, mut literals) = (0, 0);
        while let Some(three) = input.get(at..at + 3) {
            let Some(before) = self.exchange(three, at) else {
                at += 1;
                continue;
            };
            if at - before > DISTANCE_MAX || input[before..before + 3] != *three {
                at += 1;
                continue;
            }
            let len = common_prefix(&input[before..], &input[at..]).min(REFERENCE_MAX);
            write_literals(&input[literals..at], out);
            write_reference(at - before, len, out);
            if out.len() > end {
                return false;
            }
            at += len;
            literals = at;
            // Of what the reference stands for, only its end is likely to be met again.
            for behind in [at - 2, at - 1] {
                if let Some(three) = input.get(behind..behind + 3) {
                    self.exchange(three, behind);
                }
            }
        }
        write_literals(&input[literals..], out);
        out.len() <= end
    }

    /// Notes where three bytes stand, and returns where bytes of the same hash stood before.
    #[inline]
    fn exchange(&mut self, three: &[u8], at: usize) -> Option<usize> {
        let number = u32::from_le_bytes([three[0], three[1], three[2], 0]);
        // Fibonacci hashing: the golden ratio spreads the bits, the upper ones are the best mixed.
        let hash = number.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
        let place = &mut self.last_seen[hash as usize];
        let before = std::mem::replace(place, self.base + at as u32);
        before.checked_sub(self.base).map(|before| before as usize)
    }
}

#[inline]
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    one.iter()
        .zip(other)
        .take(REFERENCE_MAX)
        .take_while(|(one, other)| one == other)
        .count()
}

fn write_literals(bytes: &[u8], out: &mut Vec<u8>) {
    for run in bytes.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn write_reference(distance: usize, len: usize, out: &mut Vec<u8>) {
    let (distance, len) = (distance - 1, len - 2);
    let high = (distance >> 8) as u8;
    if len < 7 {
        out.push((len as u8) << 5 | high);
    } else {
        out.extend([7 << 5 | high, (len - 7) as u8]);
    }
    out.push(distance as u8);
}

/// Puts into `out` the `len` bytes that `input` stands for. `None` if it stands for anything else.
pub(super) fn decompress(input: &[u8], len: usize, out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    // Three bytes stand for 264 at most: a length that was made up allocates nothing.
    if len / (REFERENCE_MAX / 3) > input.len() {
        return None;
    }
    out.reserve_exact(len);
    let mut input = input;
    while let Some((&control, rest)) = input.split_first() {
        input = match usize::from(control) {
            run @ 0..LITERALS_MAX => {
                let (literals, rest) = rest.split_at_checked(run + 1)?;
                out.extend_from_slice(literals);
                rest
            }
            _ => read_reference(control, rest, out)?,
        };
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(())
}

/// Appends what a reference stands for, and returns what follows it.
#[inline]
fn read_reference<'a>(control: u8, input: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (extra, input) = match control >> 5 {
        7 => input.split_first().map(|(&extra, rest)| (extra, rest))?,
        _ => (0, input),
    };
    let (&low, input) = input.split_first()?;
    let len = usize::from(control >> 5) + usize::from(extra) + 2;
    let distance = (usize::from(control & 0x1f) << 8 | usize::from(low)) + 1;
    let start = out.len().checked_sub(distance)?;
    if distance >= len {
        out.extend_from_within(start..start + len);
    } else {
        // It overlaps what it makes: the bytes repeat themselves.
        for at in start..start + len {
            out.push(out[at]);
        }
    }
    Some(input)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decompressed(input: &[u8], len: usize) -> Option<Vec<u8>> {
        let mut out = vec![1];
        decompress(input, len, &mut out)?;
        Some(out)
    }

    #[test]
    fn repetition_is_short() {
        let mut out = Vec::new();
        assert!(Compressor::new().compress(&[b'a'; 1_000], 999, &mut out));
        assert!(out.len() < 20, "{}", out.len());
        assert_eq!(decompressed(&out, 1_000), Some(vec![b'a'; 1_000]));
    }

    #[test]
    fn what_does_not_shrink_is_refused() {
        let input: Vec<u8> = (0..=255).collect();
        let mut out = b"before".to_vec();
        assert!(!Compressor::new().compress(&input, 252, &mut out));
        assert_eq!(out, b"before");
    }

    #[test]
    fn malformed_data_is_refused() {
        for (input, len) in [
            (&b""[..], 1),
            (b"\x00", 1),
            (b"\x00a", 2),
            (b"\x00ab", 1),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\xe0\x00", 10),
            (b"\x00a\xe0", 10),
            (b"\x00a\x20", 10),
            (b"\x00a", usize::MAX),
        ] {
            assert_eq!(decompressed(input, len), None, "{}", input.escape_ascii());
        }
        assert_eq!(decompressed(b"\x00a\x20\x00", 4), Some(b"aaaa".to_vec()));
        assert_eq!(decompressed(b"", 0), Some(Vec::new()));
    }

    #[test]
    fn positions_begin_anew_before_they_overflow() {
        let mut compressor = Compressor::new();
        compressor.prepare(0);
        compressor.base = u32::MAX - 10;
        for _ in 0..2 {
            let mut out = Vec::new();
            assert!(compressor.compress(&[b'a'; 100], 96, &mut out));
            assert_eq!(decompressed(&out, 100), Some(vec![b'a'; 100]));
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(
            strings in prop::collection::vec(
                prop::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), any::<u8>()], 0..900),
                1..5,
            ),
            repeated in 1usize..20,
        ) {
            let mut compressor = Compressor::new();
            for string in strings {
                let string = string.repeat(repeated);
                let mut out = Vec::new();
                if compressor.compress(&string, usize::MAX, &mut out) {
                    prop_assert_eq!(decompressed(&out, string.len()), Some(string));
                }
            }
        }

        #[test]
        fn bytes_from_outside_never_panic(
            input in prop::collection::vec(any::<u8>(), 0..60),
            len in 0usize..5_000,
        ) {
            if let Some(out) = decompressed(&input, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
