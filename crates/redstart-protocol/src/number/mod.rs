//! Numbers as Redis reads and writes them.
//!
//! Redis is stricter than most parsers in one place (integers) and laxer in another (doubles, which
//! go through C's `strtod`), and its texts are C's `%.17g` and `%.17Lf`. Replies, stored values and
//! snapshots contain these texts, so all of it is reproduced to the last digit.

mod big;
mod float;
mod integer;
mod literal;
mod long_double;
mod text;

pub use float::{format_g, format_g17, parse_f64, parse_range_f64, parse_sort_f64};
pub(crate) use integer::write_digits;
pub use integer::{format_i64, parse_i64};
pub use long_double::{LongDouble, NotANumber};
pub use text::NumberText;

/// C's `isspace` in the C locale.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
