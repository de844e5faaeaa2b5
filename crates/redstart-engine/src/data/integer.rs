use std::fmt;
use std::ops::Deref;

/// The integer whose canonical decimal form `bytes` is.
///
/// Only the one spelling that writing the integer gives back counts: no plus sign, no leading
/// zero, no `-0`, no space. Whatever stores integers compactly relies on it to return the bytes
/// it was given.
#[inline]
pub(crate) fn canonical_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > 19 {
        return None;
    }
    let mut magnitude: u64 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Nineteen digits always fit into 64 bits.
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// An integer's canonical decimal form, on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Decimal {
    start: u8,
    digits: [u8; Self::LEN_MAX],
}

impl Decimal {
    /// The length of `i64::MIN`, the longest of all.
    const LEN_MAX: usize = 20;

    /// Writes an integer down.
    #[inline]
    pub(crate) fn new(integer: i64) -> Self {
        let mut digits = [0; Self::LEN_MAX];
        let mut start = Self::LEN_MAX;
        let mut rest = integer.unsigned_abs();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if integer < 0 {
            start -= 1;
            digits[start] = b'-';
        }
        Self {
            start: start as u8,
            digits,
        }
    }

    /// How many bytes the form of `integer` has, without writing it.
    #[inline]
    pub(crate) fn len_of(integer: i64) -> usize {
        let digits = integer
            .unsigned_abs()
            .checked_ilog10()
            .map_or(1, |log| log as usize + 1);
        digits + usize::from(integer < 0)
    }
}

impl Deref for Decimal {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.digits[usize::from(self.start)..]
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_only_the_canonical_form() {
        let accepted: [(&[u8], i64); 6] = [
            (b"0", 0),
            (b"7", 7),
            (b"-1", -1),
            (b"1000000", 1_000_000),
            (b"9223372036854775807", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
        ];
        for (bytes, integer) in accepted {
            assert_eq!(canonical_integer(bytes), Some(integer));
        }
        let refused: [&[u8]; 14] = [
            b"",
            b"-",
            b"-0",
            b"+1",
            b"00",
            b"01",
            b"-01",
            b" 1",
            b"1 ",
            b"1.0",
            b"1e3",
            b"9223372036854775808",
            b"-9223372036854775809",
            b"99999999999999999999",
        ];
        for bytes in refused {
            assert_eq!(canonical_integer(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_std(integer: i64, shift in 0u32..64) {
            let integer = integer >> shift;
            let text = integer.to_string();
            prop_assert_eq!(&*Decimal::new(integer), text.as_bytes());
            prop_assert_eq!(Decimal::len_of(integer), text.len());
            prop_assert_eq!(canonical_integer(text.as_bytes()), Some(integer));
        }

        #[test]
        fn what_is_read_is_written_back(text in "-?[0-9]{1,20}") {
            if let Some(integer) = canonical_integer(text.as_bytes()) {
                prop_assert_eq!(integer.to_string(), text);
            }
        }
    }
}
