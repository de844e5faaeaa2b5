//! Deadlines as commands write them: seconds or milliseconds, from now or since 1970.

use super::args::{integer, is};
use super::error::CommandError;

/// What a number of time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
}

impl Unit {
    /// The unit an option of SET or GETEX names.
    pub(super) fn of(word: &[u8]) -> Option<Unit> {
        Some(match word {
            _ if is(word, "EX") => Unit::Seconds,
            _ if is(word, "PX") => Unit::Milliseconds,
            _ if is(word, "EXAT") => Unit::UnixSeconds,
            _ if is(word, "PXAT") => Unit::UnixMilliseconds,
            _ => return None,
        })
    }

    pub(super) fn in_seconds(self) -> bool {
        matches!(self, Unit::Seconds | Unit::UnixSeconds)
    }

    pub(super) fn is_from_now(self) -> bool {
        matches!(self, Unit::Seconds | Unit::Milliseconds)
    }
}

/// A deadline as it was written, not yet looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline<'a> {
    unit: Unit,
    number: &'a [u8],
}

impl<'a> Deadline<'a> {
    pub(super) fn new(unit: Unit, number: &'a [u8]) -> Deadline<'a> {
        Deadline { unit, number }
    }

    pub(super) fn unit(self) -> Unit {
        self.unit
    }

    /// Milliseconds since 1970, for the commands that refuse what is not positive.
    pub(super) fn resolve(self, now_ms: u64, command: &str) -> Result<u64, CommandError> {
        let number = integer(self.number)?;
        let invalid = || CommandError::invalid_expire(command);
        if number <= 0 {
            return Err(invalid());
        }
        let ms = match self.unit.in_seconds() {
            true => number.checked_mul(1_000).ok_or_else(invalid)?,
            false => number,
        };
        let at = match self.unit.is_from_now() {
            true => ms.checked_add(now_ms as i64).ok_or_else(invalid)?,
            false => ms,
        };
        u64::try_from(at).map_err(|_| invalid())
    }
}
