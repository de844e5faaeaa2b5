//! Reading arguments: a cursor over what follows the command's name, and Redis' number syntax.

use redstart_protocol::number;

use super::error::CommandError;

/// A cursor over arguments. Starts behind the command's name.
#[derive(Clone, Debug)]
pub(crate) struct Args<'a> {
    all: &'a [&'a [u8]],
    next: usize,
}

impl<'a> Args<'a> {
    pub(crate) fn new(all: &'a [&'a [u8]]) -> Args<'a> {
        Args { all, next: 1 }
    }

    /// A cursor that starts at argument `next`, the command's name being 0.
    pub(crate) fn at(all: &'a [&'a [u8]], next: usize) -> Args<'a> {
        Args { all, next }
    }

    /// The next argument, or a syntax error.
    pub(crate) fn next(&mut self) -> Result<&'a [u8], CommandError> {
        self.try_next().ok_or(CommandError::SYNTAX)
    }

    /// The next argument, if there is one.
    pub(crate) fn try_next(&mut self) -> Option<&'a [u8]> {
        let arg = self.all.get(self.next).copied()?;
        self.next += 1;
        Some(arg)
    }

    /// The next argument, left where it is.
    pub(crate) fn peek(&self) -> Option<&'a [u8]> {
        self.all.get(self.next).copied()
    }

    /// Takes the next argument if it is `word`, in any case.
    pub(crate) fn accept(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|arg| is(arg, word));
        self.next += usize::from(found);
        found
    }

    /// How many arguments are left.
    pub(crate) fn left(&self) -> usize {
        self.all.len().saturating_sub(self.next)
    }

    /// All arguments that are left.
    pub(crate) fn rest(&self) -> &'a [&'a [u8]] {
        self.all.get(self.next..).unwrap_or_default()
    }

    /// The next argument as an integer.
    pub(crate) fn int(&mut self) -> Result<i64, CommandError> {
        integer(self.next()?)
    }
}

/// Whether an argument is `word`, in any case.
pub(crate) fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// A 64-bit integer in Redis' strict syntax.
pub(crate) fn integer(arg: &[u8]) -> Result<i64, CommandError> {
    number::parse_i64(arg).ok_or(CommandError::NOT_AN_INTEGER)
}

/// What C takes an argument for that Redis hands it as a string: it ends at the first NUL.
pub(crate) fn c_string(arg: &[u8]) -> &[u8] {
    arg.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A double in Redis' syntax; never NaN.
pub(crate) fn float(arg: &[u8]) -> Result<f64, CommandError> {
    number::parse_f64(arg).ok_or(CommandError::NOT_A_FLOAT)
}

/// An integer within bounds; whatever else it is, the error is `text`.
pub(crate) fn integer_within(
    arg: &[u8],
    bounds: std::ops::RangeInclusive<i64>,
    text: &'static str,
) -> Result<i64, CommandError> {
    let number = number::parse_i64(arg).filter(|number| bounds.contains(number));
    number.ok_or_else(|| CommandError::new(text))
}

/// A count that must not be negative.
pub(crate) fn count(arg: &[u8]) -> Result<usize, CommandError> {
    let count = integer_within(
        arg,
        0..=i64::MAX,
        "ERR value is out of range, must be positive",
    )?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// How many members to choose at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// That many different ones, or all.
    Distinct(usize),
    /// That many, each from all.
    Repeated(usize),
}

/// The most members chosen with repetition. Redis would go on until memory runs out.
const REPEATED_MAX: usize = 1 << 24;

/// The count of HRANDFIELD, SRANDMEMBER and ZRANDMEMBER: negative for repetition. With values
/// twice as many replies are due, and half the range is left.
pub(crate) fn choice(arg: &[u8], with_values: bool) -> Result<Choice, CommandError> {
    let number = integer(arg)?;
    if number == i64::MIN {
        return Err(CommandError::new(format!(
            "ERR value is out of range, value must between {} and {}",
            -i64::MAX,
            i64::MAX
        )));
    }
    let out_of_range = || CommandError::new("ERR value is out of range");
    if with_values && number.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(out_of_range());
    }
    let count = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    match number < 0 {
        true if count > REPEATED_MAX => Err(out_of_range()),
        true => Ok(Choice::Repeated(count)),
        false => Ok(Choice::Distinct(count)),
    }
}

/// The keys behind a count of keys, and a cursor at what follows them.
pub(crate) fn counted_keys<'a>(
    args: &'a [&'a [u8]],
    at: usize,
) -> Result<(&'a [&'a [u8]], Args<'a>), CommandError> {
    let count = integer_within(
        args[at],
        1..=i64::MAX,
        "ERR numkeys should be greater than 0",
    )?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let end = (at + 1).saturating_add(count);
    match args.get(at + 1..end) {
        Some(keys) => Ok((keys, Args::at(args, end))),
        None => Err(CommandError::TOO_MANY_KEYS),
    }
}
