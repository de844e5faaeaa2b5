//! What travels between a Redis client and a server, and what is known about every command.
//!
//! No I/O and no state: values and their codec, hash slots, and the facts of the commands.

pub mod encode;
pub mod facts;
pub mod number;
mod octets;
mod reply;
mod request;
mod slot;
mod value;

pub use encode::encode;
pub use octets::Octets;
pub use reply::{ReplyDecoder, ReplyError, ReplyLimits};
pub use request::{Args, Request, RequestDecoder, RequestError, RequestLimits, words_of_line};
pub use slot::{SLOTS, hash_tag, slot};
pub use value::{Resp, Value};
