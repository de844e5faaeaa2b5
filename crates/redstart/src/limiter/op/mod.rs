//! The limiter's atomic steps.

mod check;
#[cfg(any(feature = "embedded", test))]
mod gcra;
mod subject;

pub(super) use check::CheckRules;
pub(super) use subject::Subject;
