//! Signed 64-bit integers: exactly one spelling each.

use super::NumberText;

/// Reads an integer in the one spelling Redis accepts: no plus sign, no leading zero, no `-0`,
/// nothing around it. So a text that parses is the text its number formats to, which is what lets a
/// stored string be kept as an integer.
///
/// ```
/// use redstart_protocol::number::parse_i64;
///
/// assert_eq!(parse_i64(b"-42"), Some(-42));
/// assert_eq!(parse_i64(b"042"), None);
/// assert_eq!(parse_i64(b" 42"), None);
/// ```
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > 19 {
        return None;
    }
    let mut magnitude = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Nineteen digits are below 10^19, which fits.
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// The decimal text of an integer.
#[inline]
pub fn format_i64(value: i64) -> NumberText {
    let mut bytes = [0; 32];
    let mut start = write_digits(value.unsigned_abs(), &mut bytes, 32);
    if value < 0 {
        start -= 1;
        bytes[start] = b'-';
    }
    NumberText::right_aligned(bytes, start)
}

/// Writes decimal digits so that they end before `end`, and returns where they start.
#[inline]
pub(crate) fn write_digits(mut value: u64, bytes: &mut [u8; 32], end: usize) -> usize {
    let mut start = end;
    while value >= 100 {
        let pair = PAIRS[(value % 100) as usize];
        value /= 100;
        start -= 2;
        [bytes[start], bytes[start + 1]] = pair;
    }
    if value >= 10 {
        start -= 2;
        [bytes[start], bytes[start + 1]] = PAIRS[value as usize];
    } else {
        start -= 1;
        bytes[start] = b'0' + value as u8;
    }
    start
}

/// `00`, `01` … `99`: two digits a step halve the divisions.
static PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_spelling_is_read() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "-01",
            "00",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "--1",
            "1\0",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "18446744073709551616",
            "123456789012345678901234567890",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"0"), Some(0));
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(format_i64(i64::MIN).as_str(), "-9223372036854775808");
        assert_eq!(format_i64(i64::MAX).as_str(), "9223372036854775807");
        assert_eq!(format_i64(0).as_str(), "0");
    }

    proptest! {
        #[test]
        fn text_and_number_are_one_to_one(value: i64, shift in 0u32..64) {
            let value = value >> shift;
            let text = format_i64(value);
            prop_assert_eq!(text.as_str(), value.to_string());
            prop_assert_eq!(parse_i64(&text), Some(value));
        }

        #[test]
        fn whatever_parses_formats_to_itself(text in "[-+ 0-9]{0,21}") {
            if let Some(value) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
