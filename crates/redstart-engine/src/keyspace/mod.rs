//! Typed access to keys: shards and their locks, lazy expiry, memory accounting, watching, and
//! the one change hook.
//!
//! Sees `data` only. Never a command, never a reply.

pub(crate) mod access;
pub(crate) mod change;
pub(crate) mod digest;
mod entry;
pub(crate) mod object;
mod removal;
pub(crate) mod shard;
pub(crate) mod shards;
#[cfg(feature = "durable")]
mod snapshot;
mod space;
pub(crate) mod tally;
pub(crate) mod watch;

pub(crate) use entry::Entry;
#[cfg(feature = "durable")]
pub(crate) use snapshot::{Begun, Population};
pub(crate) use space::{Found, Space, Surroundings, Ttl, Whose, WrongType};
