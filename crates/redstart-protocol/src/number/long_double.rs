//! The 80-bit floats with which Redis adds in INCRBYFLOAT and HINCRBYFLOAT.
//!
//! On x86-64 a C `long double` has a 64-bit mantissa, and Redis prints it with `%.17Lf` less the
//! trailing zeros. Plain doubles give other digits (0.1 + 0.2 would end in …4), and these digits are
//! stored and compared by others, so reading, adding and printing round here exactly as there.

use std::fmt;

use super::big::Big;
use super::float::round;
use super::literal::{Decimal, Literal, Magnitude};

/// A C `long double` of x86-64, except NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Extended,
}

/// `mantissa * 2^exponent`; the mantissa's highest bit is set unless the exponent is the smallest.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Extended {
    Finite { mantissa: u64, exponent: i64 },
    Infinite,
}

/// What the lowest bit of the smallest number is worth: `2^-16445`.
const SMALLEST_EXPONENT: i64 = -16_445;
/// From `2^16384` on a number is infinite.
const INFINITE_FROM: i64 = 16_384;
/// Redis reads no longer text than this.
const TEXT_LEN_MAX: usize = 5 * 1024 - 1;
/// How many decimals Redis prints.
const DECIMALS: usize = 17;
const TEN_TO_DECIMALS: u128 = 10u128.pow(DECIMALS as u32);

impl LongDouble {
    /// Reads a number as Redis reads the operand of INCRBYFLOAT: decimal, hexadecimal or infinite,
    /// not NaN, nothing around it, and neither so large nor so small that it turns into infinity or
    /// zero.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > TEXT_LEN_MAX {
            return None;
        }
        let literal = Literal::parse(text)?;
        let magnitude = match literal.magnitude {
            Magnitude::Infinite => Some(Extended::Infinite),
            Magnitude::Decimal(decimal) => Extended::from_decimal(&decimal),
            Magnitude::Binary {
                mantissa,
                sticky,
                exponent,
            } => Extended::in_range(mantissa, sticky, exponent),
        };
        Some(LongDouble {
            negative: literal.negative,
            magnitude: magnitude?,
        })
    }

    /// The sum, or nothing if it is not a finite number.
    ///
    /// ```
    /// use redstart_protocol::number::LongDouble;
    ///
    /// let [a, b] = [b"0.1", b"0.2"].map(|text| LongDouble::parse(text).unwrap());
    /// assert_eq!(a.checked_add(b).unwrap().to_string(), "0.3");
    /// ```
    pub fn checked_add(self, other: LongDouble) -> Option<LongDouble> {
        let (
            Extended::Finite {
                mantissa: a,
                exponent: a_exponent,
            },
            Extended::Finite {
                mantissa: b,
                exponent: b_exponent,
            },
        ) = (self.magnitude, other.magnitude)
        else {
            return None;
        };
        if a == 0 {
            return Some(other);
        }
        if b == 0 {
            return Some(self);
        }
        if a_exponent < b_exponent {
            return other.checked_add(self);
        }
        // Room for 63 bits below the larger exponent; what lies lower only matters as "some more".
        let gap = a_exponent - b_exponent;
        let lowered = gap.min(63);
        let a = u128::from(a) << lowered;
        let drop = gap - lowered;
        let b = match drop {
            0 => u128::from(b),
            1..64 => u128::from(b >> drop | u64::from(b & ((1 << drop) - 1) != 0)),
            _ => 1,
        };
        let (negative, mantissa) = if self.negative == other.negative {
            (self.negative, a + b)
        } else if a >= b {
            (self.negative && a != b, a - b)
        } else {
            (other.negative, b - a)
        };
        let magnitude = Extended::rounded(mantissa, false, a_exponent - lowered);
        (magnitude != Extended::Infinite).then_some(LongDouble {
            negative,
            magnitude,
        })
    }

    /// Whether this is neither infinity.
    pub fn is_finite(self) -> bool {
        self.magnitude != Extended::Infinite
    }
}

impl From<i64> for LongDouble {
    fn from(value: i64) -> LongDouble {
        LongDouble {
            negative: value < 0,
            magnitude: Extended::rounded(u128::from(value.unsigned_abs()), false, 0),
        }
    }
}

impl TryFrom<f64> for LongDouble {
    type Error = NotANumber;

    /// Exact: every double is a long double.
    fn try_from(value: f64) -> Result<LongDouble, NotANumber> {
        if value.is_nan() {
            return Err(NotANumber);
        }
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let magnitude = match bits >> 52 & 0x7ff {
            0x7ff => Extended::Infinite,
            0 => Extended::rounded(u128::from(fraction), false, -1074),
            biased => {
                Extended::rounded(u128::from(fraction | 1 << 52), false, biased as i64 - 1075)
            }
        };
        Ok(LongDouble {
            negative: value.is_sign_negative(),
            magnitude,
        })
    }
}

/// NaN, which [`LongDouble`] does not represent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number")
    }
}

impl std::error::Error for NotANumber {}

impl fmt::Display for LongDouble {
    /// At most 17 decimals, no trailing zeros, never an exponent, never `-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mantissa, exponent) = match self.magnitude {
            Extended::Infinite => {
                return f.write_str(if self.negative { "-inf" } else { "inf" });
            }
            Extended::Finite { mantissa, exponent } => (mantissa, exponent),
        };
        if exponent >= 0 {
            return write_whole(f, self.negative, mantissa, exponent as u64);
        }
        let places = exponent.unsigned_abs();
        let (whole, fraction) = if places < 64 {
            (mantissa >> places, mantissa & ((1 << places) - 1))
        } else {
            (0, mantissa)
        };
        let scaled = u128::from(fraction) * TEN_TO_DECIMALS;
        // `scaled` is below 2^121, so that rounding 122 places away leaves nothing.
        let (decimals, _) = if places > 121 {
            (0, 0)
        } else {
            round(scaled, false, -(places as i64), 64, 0)
        };
        let (whole, decimals) = if u128::from(decimals) == TEN_TO_DECIMALS {
            (u128::from(whole) + 1, 0)
        } else {
            (u128::from(whole), decimals)
        };
        if self.negative && (whole > 0 || decimals > 0) {
            f.write_str("-")?;
        }
        if decimals == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{decimals:017}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

fn write_whole(
    f: &mut fmt::Formatter<'_>,
    negative: bool,
    mantissa: u64,
    exponent: u64,
) -> fmt::Result {
    if negative && mantissa > 0 {
        f.write_str("-")?;
    }
    if exponent <= 64 {
        return write!(f, "{}", u128::from(mantissa) << exponent);
    }
    let mut big = Big::from_u64(mantissa);
    big.shift_left(exponent);
    f.write_str(&big.into_decimal())
}

impl Extended {
    fn rounded(mantissa: u128, sticky: bool, exponent: i64) -> Extended {
        let (mantissa, exponent) = round(mantissa, sticky, exponent, 64, SMALLEST_EXPONENT);
        if exponent + 64 > INFINITE_FROM {
            return Extended::Infinite;
        }
        Extended::Finite { mantissa, exponent }
    }

    /// As `rounded`, but nothing if a number turned into infinity or zero.
    fn in_range(mantissa: u128, sticky: bool, exponent: i64) -> Option<Extended> {
        match Extended::rounded(mantissa, sticky, exponent) {
            Extended::Infinite => None,
            Extended::Finite { mantissa: 0, .. } if mantissa != 0 => None,
            finite => Some(finite),
        }
    }

    fn from_decimal(decimal: &Decimal<'_>) -> Option<Extended> {
        let digits = || decimal.integer.iter().chain(decimal.fraction);
        let Some(first) = digits().position(|&digit| digit != b'0') else {
            return Extended::in_range(0, false, 0);
        };
        let trailing = digits().rev().take_while(|&&digit| digit == b'0').count();
        let last = decimal.integer.len() + decimal.fraction.len() - 1 - trailing;
        let significant = || digits().skip(first).take(last + 1 - first);
        let count = (last + 1 - first) as i64;
        // The number is the integer of the significant digits times ten to this power.
        let power = decimal.exponent + decimal.integer.len() as i64 - (last as i64 + 1);

        if count + power > 4_950 || count + power < -4_960 {
            return None;
        }
        if count <= 19 && (-19..=19).contains(&power) {
            let integer = significant().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            let scale = 10u128.pow(power.unsigned_abs() as u32);
            if power >= 0 {
                return Extended::in_range(u128::from(integer) * scale, false, 0);
            }
            // The quotient keeps at least 64 bits: 128 less the 64 that the divisor has at most.
            let shift = u128::from(integer).leading_zeros();
            let dividend = u128::from(integer) << shift;
            let (quotient, rest) = (dividend / scale, dividend % scale);
            // One bit more, so that "exactly half" and "a bit more than half" can be told apart.
            let quotient_fine = quotient << 1 | u128::from(rest * 2 >= scale);
            let sticky = rest * 2 % scale != 0;
            return Extended::in_range(quotient_fine, sticky, -i64::from(shift) - 1);
        }
        let mut integer = Big::from_digits(significant());
        let scale = Big::power_of_ten(power.unsigned_abs());
        if power >= 0 {
            let (top, below, sticky) = integer.multiply(&scale).top();
            return Extended::in_range(top, sticky, below as i64);
        }
        let shift = (scale.bits() + 96).saturating_sub(integer.bits());
        integer.shift_left(shift);
        if shift > 0 {
            let (quotient, rest) = integer.divide(&scale);
            return Extended::in_range(quotient, rest, -(shift as i64));
        }
        // Far more digits than the scale has: the quotient's top is all that counts.
        let surplus = integer.bits() - scale.bits() - 96;
        let mut scale = scale;
        scale.shift_left(surplus);
        let (quotient, rest) = integer.divide(&scale);
        Extended::in_range(quotient, rest, surplus as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: &str) {
        let [left, right] = [a, b].map(|text| LongDouble::parse(text.as_bytes()));
        let sum = left
            .expect("a number")
            .checked_add(right.expect("a number"));
        assert_eq!(sum.expect("finite").to_string(), expected, "{a} + {b}");
    }

    #[test]
    fn added_with_64_bits_of_mantissa() {
        check("0.1", "0.2", "0.3");
        check("10.5", "0.1", "10.6");
        check("5.0e3", "200", "5200");
        check("3", "1.1", "4.1");
        check("1e20", "-1e20", "0");
        check("-0", "-0", "0");
        check("-1e-18", "0", "0");
        check(
            "9223372036854775807",
            "9223372036854775807",
            "18446744073709551614",
        );
        check("18446744073709551615", "2", "18446744073709551616");
        check("1e30", "0", "1000000000000000000024696061952");
        check("0x1p64", "0x1p-70", "18446744073709551616");
        check("0x1p70", "-0x1p-70", "1180591620717411303424");
        check("123456789.123456789", "0", "123456789.12345678899873747");
    }

    #[test]
    fn what_is_no_finite_number() {
        for text in [
            "",
            " 1",
            "1 ",
            "nan",
            "1e4933",
            "1e-4960",
            "-1e9999999999999",
            "0x",
            "1e",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        let largest = LongDouble::parse(b"1.18e4932").expect("a number");
        assert_eq!(largest.checked_add(largest), None);
        let infinite = LongDouble::parse(b"-inf").expect("a number");
        assert!(!infinite.is_finite());
        assert_eq!(infinite.to_string(), "-inf");
        assert_eq!(infinite.checked_add(largest), None);
    }

    #[test]
    fn from_other_numbers() {
        assert_eq!(LongDouble::from(i64::MIN).to_string(), i64::MIN.to_string());
        let text = |value: f64| LongDouble::try_from(value).map(|value| value.to_string());
        assert_eq!(text(0.1), Ok("0.10000000000000001".to_owned()));
        assert_eq!(text(-2.5e-17), Ok("-0.00000000000000002".to_owned()));
        assert_eq!(text(5e-324), Ok("0".to_owned()));
        assert_eq!(text(f64::NEG_INFINITY), Ok("-inf".to_owned()));
        assert_eq!(text(f64::NAN), Err(NotANumber));
    }
}
