//! Lua scripts, as Redis 7.0 runs them with EVAL.
//!
//! PUC-Rio's Lua 5.1, the same that Redis embeds, so that numbers, patterns and error messages are the
//! same; around it Redis' sandbox and libraries. The engine is seen only as a [`Caller`].
//!
//! A script can do no harm beyond its commands: it leaves nothing behind for the next one, and endless
//! loops, deep recursion, huge values and pattern matching without end are errors of the script. See
//! `vm` for how, and for the little that is not safe Rust.
//!
//! What differs from Redis 7.0.15, on purpose: `cjson`'s settings last for one script; tables nest at
//! most 1,000 deep in replies, JSON and MessagePack; an error without a message is `ERR unknown error`
//! instead of the end of the server; and `newproxy`, `getfenv` and `setfenv` are missing, as in its
//! security releases.

mod bit;
mod caller;
mod cjson;
mod cmsgpack;
mod convert;
mod datum;
mod error;
mod host;
mod math;
mod pattern;
mod prng;
mod redis_api;
mod runtime;
mod source;
mod structs;
#[cfg(test)]
mod tests;
mod vm;

pub use caller::{Caller, LogLevel, ReplicationTargets, Stop};
pub use runtime::{Limits, Runtime};
pub use source::{Flags, Script, Sha};
