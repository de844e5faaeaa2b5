//! The spellings of a floating-point number that C's `strtod` and `strtold` read.
//!
//! `[+-]` and then one of: decimal digits with an optional point and exponent, `0x` and hexadecimal
//! digits with an optional point and binary exponent, `inf`, `infinity`. Redis refuses every kind of
//! NaN, so it has no place here. Only whole texts are read: Redis refuses a text with a rest.

/// A number as it was spelled, not yet rounded to any format.
#[derive(Debug)]
pub(super) struct Literal<'a> {
    pub(super) negative: bool,
    pub(super) magnitude: Magnitude<'a>,
}

#[derive(Debug)]
pub(super) enum Magnitude<'a> {
    Infinite,
    Decimal(Decimal<'a>),
    /// `mantissa * 2^exponent`, a little more if `sticky`; then `mantissa` has more than 120 bits.
    Binary {
        mantissa: u128,
        sticky: bool,
        exponent: i64,
    },
}

/// `integer` `.` `fraction` times ten to the `exponent`.
#[derive(Debug)]
pub(super) struct Decimal<'a> {
    /// The whole spelling without its sign, which `f64`'s own parser reads.
    pub(super) text: &'a str,
    pub(super) integer: &'a [u8],
    pub(super) fraction: &'a [u8],
    pub(super) exponent: i64,
}

impl Decimal<'_> {
    pub(super) fn is_zero(&self) -> bool {
        self.integer
            .iter()
            .chain(self.fraction)
            .all(|&digit| digit == b'0')
    }
}

impl<'a> Literal<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Option<Literal<'a>> {
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let magnitude = match unsigned {
            [b'0', b'x' | b'X', digits @ ..] => binary(digits)?,
            _ if unsigned.eq_ignore_ascii_case(b"inf")
                || unsigned.eq_ignore_ascii_case(b"infinity") =>
            {
                Magnitude::Infinite
            }
            _ => Magnitude::Decimal(decimal(unsigned)?),
        };
        Some(Literal {
            negative,
            magnitude,
        })
    }
}

fn decimal(text: &[u8]) -> Option<Decimal<'_>> {
    let (integer, fraction, rest) = point(text, u8::is_ascii_digit)?;
    let exponent = exponent(rest, b'e')?;
    Some(Decimal {
        // Only ASCII can have come this far.
        text: std::str::from_utf8(text).ok()?,
        integer,
        fraction,
        exponent,
    })
}

fn binary(text: &[u8]) -> Option<Magnitude<'_>> {
    let (integer, fraction, rest) = point(text, u8::is_ascii_hexdigit)?;
    let mut exponent = exponent(rest, b'p')?;
    let mut mantissa = 0u128;
    let mut sticky = false;
    for (index, &digit) in integer.iter().chain(fraction).enumerate() {
        let bits = u128::from((digit as char).to_digit(16)?);
        let is_fraction = index >= integer.len();
        if mantissa >> 120 == 0 {
            mantissa = mantissa << 4 | bits;
            exponent = exponent.saturating_sub(if is_fraction { 4 } else { 0 });
        } else {
            sticky |= bits != 0;
            exponent = exponent.saturating_add(if is_fraction { 0 } else { 4 });
        }
    }
    Some(Magnitude::Binary {
        mantissa,
        sticky,
        exponent,
    })
}

/// Digits before a point, digits behind it (at least one in all), and what follows.
fn point(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let (integer, rest) = split(text, is_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split(rest, is_digit),
        rest => (&rest[..0], rest),
    };
    let any = !integer.is_empty() || !fraction.is_empty();
    any.then_some((integer, fraction, rest))
}

fn split(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_digit(byte));
    text.split_at(end.unwrap_or(text.len()))
}

/// Nothing, or the marker and a signed number. An absurdly large one is as good as the largest.
fn exponent(text: &[u8], marker: u8) -> Option<i64> {
    let [first, rest @ ..] = text else {
        return Some(0);
    };
    if first.to_ascii_lowercase() != marker {
        return None;
    }
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |sum, &digit| {
        (sum * 10 + i64::from(digit - b'0')).min(LARGEST_EXPONENT)
    });
    Some(if negative { -magnitude } else { magnitude })
}

/// Far beyond what any format represents, even after a megabyte of digits, and far from overflow.
const LARGEST_EXPONENT: i64 = 1 << 40;
