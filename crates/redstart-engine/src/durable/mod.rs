//! Keeping data, in Redis' own files.
//!
//! What was done is logged: the [`Journal`] gathers it under the clients' locks, in the order of
//! execution, and one [`writer`] writes it and makes it safe. At the start the log is loaded again
//! ([`load`]). Snapshots are taken of the keys as they stand at one moment ([`snapshot`]), for a
//! file or a new base of the log ([`background`]). All access to the disk goes through [`vfs`].
//!
//! Sees `keyspace`, `data` and `rdb`. What it loads goes to a [`Target`], which carries commands
//! out; what a command is, is not known here.

mod background;
mod batch;
mod command_log;
mod crc32c;
mod error;
mod files;
mod journal;
mod live;
mod load;
mod log_reader;
mod manifest;
mod persistence;
mod saves;
mod settings;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod torn;
pub(crate) mod vfs;
mod writer;

pub(crate) use background::{Circumstances, Job, Purpose};
pub(crate) use batch::CommandStream;
pub use command_log::{CommandLog, LogError};
pub use error::OpenError;
pub(crate) use journal::Promise;
#[cfg(feature = "server")]
pub(crate) use journal::Settled;
pub(crate) use load::Target;
pub use manifest::files_of_manifest;
pub(crate) use persistence::{Drive, Persistence, Refusal};
pub use settings::{AppendFsync, Durability, Progress, ProgressListener, SavePoint};
pub(crate) use snapshot::{Form, Origin, Snapshot};
