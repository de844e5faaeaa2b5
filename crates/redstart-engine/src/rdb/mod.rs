//! Redis' format for values and snapshots: what its RDB files, the bases of its logs and the payloads
//! of DUMP are made of.
//!
//! `RdbWriter` writes what Redis 7.0 loads; `RdbReader` reads what any version up to 7.4 wrote,
//! record by record. Neither opens a file: they take any sink and any source of bytes. What comes
//! from outside is validated to the last byte before it becomes a value.

mod checksum;
mod encode;
mod error;
mod format;
mod lzf;
mod payload;
mod reader;
mod skip;
mod snapshot;
mod source;
#[cfg(test)]
mod tests;
mod value;
mod writer;
mod ziplist;
mod zipmap;

pub(crate) use encode::Encoder;
pub use error::{RdbError, RdbFault};
pub(crate) use payload::{PayloadError, dump, is_for_redis_7_0, restore};
pub(crate) use reader::{RdbEntry, RdbReader, Record, Unsupported};
pub use snapshot::{Item, Snapshot, SnapshotKey};
pub(crate) use value::Forms;
pub(crate) use writer::RdbWriter;
