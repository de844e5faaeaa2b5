//! redis.conf: its grammar, every directive it can hold, and how it is written anew.
//!
//! Nothing here knows an engine. The programs read files with it; CONFIG SET takes its reasons from
//! the table, and CONFIG REWRITE its text from [`rewrite`].

mod bytes;
mod directives;
mod nearest;
mod reader;
mod rewrite;
mod words;

pub use bytes::{bytes, show_bytes};
pub use directives::{DIRECTIVES, Directive, Refusal, Support, find};
pub use nearest::nearest;
pub use reader::{Flaw, Line, Origin, Reader};
pub use rewrite::{Statement, replace_file, rewrite};
pub use words::quoted;
