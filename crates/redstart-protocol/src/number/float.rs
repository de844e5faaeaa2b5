//! Doubles: C's `strtod` and `%.17g`.

use std::fmt::Write;

use super::literal::{Literal, Magnitude};
use super::{NumberText, format_i64, is_space};

/// Reads a double as Redis reads a score or an increment: decimal, hexadecimal or infinite, in any
/// of C's spellings, but not NaN, not surrounded by space, and not so large or so small that it would
/// turn into infinity or zero.
///
/// ```
/// use redstart_protocol::number::parse_f64;
///
/// assert_eq!(parse_f64(b"0x1p3"), Some(8.0));
/// assert_eq!(parse_f64(b"-Infinity"), Some(f64::NEG_INFINITY));
/// assert_eq!(parse_f64(b"1e400"), None);
/// assert_eq!(parse_f64(b"nan"), None);
/// ```
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    read(text).and_then(|read| (!read.out_of_range).then_some(read.value))
}

/// Reads one end of a score range as Redis does, without its leading `(`: as [`parse_f64`], but
/// space may stand before the number, an empty text is zero, anything behind a NUL byte is ignored,
/// and what is too large or too small is infinity or zero.
pub fn parse_range_f64(text: &[u8]) -> Option<f64> {
    let text = behind_space(text)?;
    if text.is_empty() {
        return Some(0.0);
    }
    read(text).map(|read| read.value)
}

/// A C string without the space before it; `None` for nothing but space.
fn behind_space(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&byte| byte == 0);
    let text = &text[..end.unwrap_or(text.len())];
    if text.is_empty() {
        return Some(text);
    }
    let start = text.iter().position(|byte| !is_space(*byte))?;
    Some(&text[start..])
}

/// Reads what SORT compares as Redis does: as [`parse_range_f64`], but not what is too large, or so
/// small that it loses digits.
///
/// ```
/// use redstart_protocol::number::parse_sort_f64;
///
/// assert_eq!(parse_sort_f64(b" 1.5"), Some(1.5));
/// assert_eq!(parse_sort_f64(b""), Some(0.0));
/// assert_eq!(parse_sort_f64(b"5e-324"), None);
/// assert_eq!(parse_sort_f64(b"0x1p-1074"), Some(5e-324));
/// ```
pub fn parse_sort_f64(text: &[u8]) -> Option<f64> {
    let text = behind_space(text)?;
    if text.is_empty() {
        return Some(0.0);
    }
    read(text).and_then(|read| (!read.out_of_range && !read.lost_digits).then_some(read.value))
}

/// The text of a double as C's `%.17g` prints it.
///
/// ```
/// use redstart_protocol::number::format_g17;
///
/// assert_eq!(format_g17(3.0).as_str(), "3");
/// assert_eq!(format_g17(0.1).as_str(), "0.10000000000000001");
/// assert_eq!(format_g17(1e17).as_str(), "1e+17");
/// assert_eq!(format_g17(f64::NEG_INFINITY).as_str(), "-inf");
/// ```
#[inline]
pub fn format_g17(value: f64) -> NumberText {
    // Scores are whole numbers more often than not, and these all have less than 17 digits.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.trunc() == value && value.abs() < EXACT && (value != 0.0 || value.is_sign_positive()) {
        return format_i64(value as i64);
    }
    format_g(value, 17)
}

/// The text of a double as C's `%.{precision}g` prints it; `precision` is from 1 to 17.
pub fn format_g(value: f64, precision: u8) -> NumberText {
    let mut text = NumberText::new();
    if value.is_sign_negative() {
        text.push(b'-');
    }
    if value.is_nan() {
        text.extend(b"nan");
    } else if value.is_infinite() {
        text.extend(b"inf");
    } else {
        general(value.abs(), i32::from(precision.clamp(1, 17)), &mut text);
    }
    text
}

fn general(value: f64, precision: i32, text: &mut NumberText) {
    let mut scientific = NumberText::new();
    write!(scientific, "{value:.*e}", (precision - 1) as usize)
        .expect("17 digits, a point and an exponent fit");
    let (mantissa, exponent) = scientific
        .as_str()
        .split_once('e')
        .expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let mut digits = NumberText::new();
    mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .for_each(|digit| digits.push(digit));
    let significant = digits
        .iter()
        .rposition(|&digit| digit != b'0')
        .map_or(1, |last| last + 1);
    let digits = &digits[..significant];

    if exponent < -4 || exponent >= precision {
        text.push(digits[0]);
        if digits.len() > 1 {
            text.push(b'.');
            text.extend(&digits[1..]);
        }
        text.push(b'e');
        text.push(if exponent < 0 { b'-' } else { b'+' });
        if exponent.abs() < 10 {
            text.push(b'0');
        }
        text.extend(&format_i64(i64::from(exponent.abs())));
    } else if exponent < 0 {
        text.extend(b"0.");
        (1..-exponent).for_each(|_| text.push(b'0'));
        text.extend(digits);
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            text.extend(digits);
            (digits.len()..whole).for_each(|_| text.push(b'0'));
        } else {
            text.extend(&digits[..whole]);
            text.push(b'.');
            text.extend(&digits[whole..]);
        }
    }
}

struct Read {
    value: f64,
    /// C says `ERANGE`, and the value is infinite or zero because of it.
    out_of_range: bool,
    /// C says `ERANGE`, because so small a value has fewer digits than were given.
    lost_digits: bool,
}

fn read(text: &[u8]) -> Option<Read> {
    let literal = Literal::parse(text)?;
    let (magnitude, is_zero, is_exact): (f64, bool, bool) = match literal.magnitude {
        Magnitude::Infinite => {
            return Some(Read {
                value: signed(f64::INFINITY, literal.negative),
                out_of_range: false,
                lost_digits: false,
            });
        }
        // No decimal of less than some hundred digits is exactly a number below the normal ones.
        Magnitude::Decimal(decimal) => (decimal.text.parse().ok()?, decimal.is_zero(), false),
        Magnitude::Binary {
            mantissa,
            sticky,
            exponent,
        } => {
            let lowest = exponent.saturating_add(i64::from(mantissa.trailing_zeros()));
            let is_exact = !sticky && lowest >= SMALLEST;
            let magnitude = from_binary(mantissa, sticky, exponent);
            (magnitude, mantissa == 0, is_exact)
        }
    };
    Some(Read {
        value: signed(magnitude, literal.negative),
        out_of_range: magnitude.is_infinite() || (magnitude == 0.0 && !is_zero),
        lost_digits: magnitude.is_subnormal() && !is_exact,
    })
}

/// What the lowest bit of the smallest double is worth: `2^-1074`.
const SMALLEST: i64 = -1074;

fn signed(magnitude: f64, negative: bool) -> f64 {
    if negative { -magnitude } else { magnitude }
}

fn from_binary(mantissa: u128, sticky: bool, exponent: i64) -> f64 {
    const PRECISION: u32 = 53;
    let (mantissa, exponent) = round(mantissa, sticky, exponent, PRECISION, SMALLEST);
    if mantissa == 0 {
        return 0.0;
    }
    if mantissa >> (PRECISION - 1) == 0 {
        return f64::from_bits(mantissa);
    }
    let biased = exponent - SMALLEST + 1;
    if biased >= 2047 {
        return f64::INFINITY;
    }
    f64::from_bits((biased as u64) << 52 | (mantissa & ((1 << 52) - 1)))
}

/// Rounds `mantissa * 2^exponent` (a little more if `sticky`) to the nearest number of at most
/// `precision` bits whose lowest bit is worth at least `2^smallest`; half-way goes to the even one.
/// The result has exactly `precision` bits unless it is zero or its exponent is `smallest`.
pub(super) fn round(
    mantissa: u128,
    sticky: bool,
    exponent: i64,
    precision: u32,
    smallest: i64,
) -> (u64, i64) {
    if mantissa == 0 {
        return (0, smallest);
    }
    let bits = i64::from(128 - mantissa.leading_zeros());
    let drop = (bits - i64::from(precision)).max(smallest - exponent);
    if drop <= 0 {
        return ((mantissa << -drop) as u64, exponent + drop);
    }
    if drop > 128 {
        return (0, smallest);
    }
    let (kept, half, below) = if drop == 128 {
        (0, mantissa >> 127 == 1, mantissa << 1 != 0)
    } else {
        (
            (mantissa >> drop) as u64,
            mantissa >> (drop - 1) & 1 == 1,
            mantissa & ((1 << (drop - 1)) - 1) != 0,
        )
    };
    let up = half && (below || sticky || kept & 1 == 1);
    let exponent = exponent + drop;
    match kept.checked_add(u64::from(up)) {
        Some(kept) if precision == 64 || kept >> precision == 0 => (kept, exponent),
        _ => (1 << (precision - 1), exponent + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_as_c_prints() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.10000000000000001"),
            (-1234.5678, "-1234.5678"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1.5e300, "1.5000000000000001e+300"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (-f64::NAN.abs(), "-nan"),
        ] {
            assert_eq!(format_g17(value).as_str(), expected);
        }
        assert_eq!(format_g(0.1, 14).as_str(), "0.1");
        assert_eq!(format_g(123_456.0, 3).as_str(), "1.23e+05");
        assert_eq!(format_g(999_999.0, 3).as_str(), "1e+06");
    }

    #[test]
    fn hexadecimal_is_rounded_to_even() {
        for (text, expected) in [
            ("0x10", 16.0),
            ("-0x.8p1", -1.0),
            ("0x1.00000000000008p0", 1.0),
            (
                "0x1.000000000000080000000000000000000000001p0",
                1.0 + f64::EPSILON,
            ),
            ("0x1.00000000000018p0", 1.0 + 2.0 * f64::EPSILON),
            ("0x1p-1074", 5e-324),
            ("0x1.8p-1074", 1e-323),
            ("0x1.fffffffffffff8p-1023", f64::MIN_POSITIVE),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(expected), "{text}");
        }
        for text in [
            "0x",
            "0x.",
            "0x1p",
            "0x1p1024",
            "0x1p-1076",
            "0x0.8p-1074",
            "1p3",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
    }

    /// As SORT of redis-server 7.0.15 takes them.
    #[test]
    fn what_is_sorted_loses_no_digits() {
        for (text, expected) in [
            (&b""[..], Some(0.0)),
            (b" 1", Some(1.0)),
            (b"2\0x", Some(2.0)),
            (b"inf", Some(f64::INFINITY)),
            (b"2.2250738585072014e-308", Some(f64::MIN_POSITIVE)),
            (b"2.2250738585072011e-308", None),
            (b"0x1p-1074", Some(5e-324)),
            (b"0x1.8p-1074", None),
            (b"0x1p-1075", None),
            (b"1e400", None),
            (b"1e-400", None),
            (b"0e-400", Some(0.0)),
            (b"1 ", None),
            (b" ", None),
            (b"nan", None),
        ] {
            assert_eq!(parse_sort_f64(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn the_ends_of_ranges_are_read_more_generously() {
        assert_eq!(parse_range_f64(b""), Some(0.0));
        assert_eq!(parse_range_f64(b" \t5\0junk"), Some(5.0));
        assert_eq!(parse_range_f64(b"1e999"), Some(f64::INFINITY));
        assert_eq!(parse_range_f64(b"5 "), None);
        assert_eq!(parse_range_f64(b" "), None);
        assert_eq!(parse_range_f64(b"nan"), None);
    }
}
