//! The limiter's atomic steps.

mod check;
#[cfg(any(feature = "embedded", test))]
mod gcra;
mod subject;

pub(super) use check::CheckRules;
#[cfg(test)]
pub(super) use gcra::Numbers;
pub(super) use subject::Subject;
