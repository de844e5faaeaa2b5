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

    /// An error unless all arguments were taken.
    pub(crate) fn end(&self) -> Result<(), CommandError> {
        match self.left() {
            0 => Ok(()),
            _ => Err(CommandError::SYNTAX),
        }
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

/// A double in Redis' syntax; never NaN.
pub(crate) fn float(arg: &[u8]) -> Result<f64, CommandError> {
    number::parse_f64(arg).ok_or(CommandError::NOT_A_FLOAT)
}
