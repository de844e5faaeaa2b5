//! The library `bit`: operations on 32 bits, with signed results.

use super::datum::Datum;
use super::error::Outcome;
use super::host::Host;
use super::vm::{Answer, Args, Native};

pub(super) static FUNCTIONS: &[Native] = &[
    Native {
        name: "tobit",
        run: |args, _| answer(bits(args, 1)?),
    },
    Native {
        name: "bnot",
        run: |args, _| answer(!bits(args, 1)?),
    },
    Native {
        name: "band",
        run: |args, _| fold(args, |left, right| left & right),
    },
    Native {
        name: "bor",
        run: |args, _| fold(args, |left, right| left | right),
    },
    Native {
        name: "bxor",
        run: |args, _| fold(args, |left, right| left ^ right),
    },
    Native {
        name: "lshift",
        run: |args, _| shift(args, |bits, by| bits << by),
    },
    Native {
        name: "rshift",
        run: |args, _| shift(args, |bits, by| bits >> by),
    },
    Native {
        name: "arshift",
        run: |args, _| shift(args, |bits, by| ((bits as i32) >> by) as u32),
    },
    Native {
        name: "rol",
        run: |args, _| shift(args, u32::rotate_left),
    },
    Native {
        name: "ror",
        run: |args, _| shift(args, u32::rotate_right),
    },
    Native {
        name: "bswap",
        run: |args, _| answer(bits(args, 1)?.swap_bytes()),
    },
    Native {
        name: "tohex",
        run: tohex,
    },
];

fn fold<'a>(args: &Args<'a>, combine: fn(u32, u32) -> u32) -> Outcome<Answer<'a>> {
    let mut result = bits(args, 1)?;
    for index in (2..=args.len()).rev() {
        result = combine(result, bits(args, index)?);
    }
    answer(result)
}

fn shift<'a>(args: &Args<'a>, shift: fn(u32, u32) -> u32) -> Outcome<Answer<'a>> {
    let (bits, by) = (bits(args, 1)?, self::bits(args, 2)?);
    answer(shift(bits, by & 31))
}

/// As many hexadecimal digits as the second argument says, in upper case if it is negative.
fn tohex<'a>(args: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    let bits = bits(args, 1)?;
    let digits = match args.len() {
        0 | 1 => 8,
        _ => self::bits(args, 2)? as i32,
    };
    let text = if digits < 0 {
        format!("{bits:08X}")
    } else {
        format!("{bits:08x}")
    };
    let kept = digits.unsigned_abs().min(8) as usize;
    Ok(Answer::One(Datum::owned(&text.as_bytes()[8 - kept..])))
}

fn answer<'a>(bits: u32) -> Outcome<Answer<'a>> {
    Ok(Answer::One(Datum::Number(f64::from(bits as i32))))
}

/// The lowest 32 bits of a number, rounded to an integer, halves to the even one.
fn bits(args: &Args<'_>, index: usize) -> Outcome<u32> {
    // Added to this, a number has its integer part in the lowest bits of the sum.
    const BIAS: f64 = 6_755_399_441_055_744.0;
    let number = args.number(index)?;
    Ok((number + BIAS).to_bits() as u32)
}
