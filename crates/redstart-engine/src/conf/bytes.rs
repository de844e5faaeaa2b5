//! Bytes as configuration files write them.

/// Bytes as configuration files write them: `1k` is a thousand, `1kb` is 1,024. Redis reads no
/// digits as zero. What is too large for 64 bits is as large as there is.
pub fn bytes(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = text.split_at(digits);
    let unit = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1_000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let digit = |number: u64, &byte: &u8| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(byte - b'0'))
    };
    Some(digits.iter().fold(0, digit).saturating_mul(unit))
}

/// Bytes in the largest unit that holds them without a rest.
pub fn show_bytes(number: u64) -> String {
    let units = [(1u64 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    let fits = |(unit, _): &(u64, &str)| number >= *unit && number.is_multiple_of(*unit);
    match units.into_iter().find(fits) {
        Some((unit, name)) => format!("{}{name}", number / unit),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, number) in [
            ("", Some(0)),
            ("0", Some(0)),
            ("12", Some(12)),
            ("12b", Some(12)),
            ("2k", Some(2_000)),
            ("2KB", Some(2_048)),
            ("3m", Some(3_000_000)),
            ("3mb", Some(3 << 20)),
            ("1g", Some(1_000_000_000)),
            ("1Gb", Some(1 << 30)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999gb", Some(u64::MAX)),
            ("1.5g", None),
            ("1 ", None),
            ("-1", None),
            ("0x10", None),
            ("1kib", None),
        ] {
            assert_eq!(bytes(text.as_bytes()), number, "{text}");
        }
    }

    #[test]
    fn they_are_shown_in_the_largest_unit_that_fits() {
        for (number, text) in [
            (0, "0"),
            (1_023, "1023"),
            (1_024, "1kb"),
            (100 << 20, "100mb"),
            (1_000_000_000, "1000000000"),
            (3 << 30, "3gb"),
        ] {
            assert_eq!(show_bytes(number), text);
            assert_eq!(bytes(text.as_bytes()), Some(number));
        }
    }
}
