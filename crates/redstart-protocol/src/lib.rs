//! What travels between a Redis client and a server, and what is known about every command.
//!
//! No I/O and no state: values and their codec, hash slots, and the facts of the commands.

mod value;

pub use value::{Resp, Value};
