use std::io;

use thiserror::Error;

/// Why data in Redis' snapshot format could not be read, and where.
#[derive(Debug, Error)]
#[error("{fault} (at byte {offset})")]
pub struct RdbError {
    /// The byte, counted from the start of the data, from which on it makes no sense.
    pub offset: u64,
    /// What is wrong there.
    pub fault: RdbFault,
}

/// What is wrong with data in Redis' snapshot format.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RdbFault {
    /// It could not be read at all.
    #[error("cannot read: {0}")]
    Io(io::Error),
    /// It ends before it is complete.
    #[error("the data ends too early")]
    Truncated,
    /// It does not begin as such a file does.
    #[error("this is no RDB file")]
    NoSnapshot,
    /// It was written by a server newer than any known here.
    #[error("RDB version {0} is newer than the newest that is read, 12")]
    Version(u32),
    /// What was read is not what was written.
    #[error("the checksum is wrong: it is {found:016x} where {expected:016x} was written")]
    Checksum {
        /// The checksum that the file ends in.
        expected: u64,
        /// The checksum of what was read.
        found: u64,
    },
    /// It breaks a rule of the format.
    #[error("corrupt data: {0}")]
    Corrupt(&'static str),
    /// It is well-formed, as far as can be told, and not understood here.
    #[error("{0} cannot be read here")]
    Unsupported(&'static str),
}

impl RdbFault {
    pub(super) fn at(self, offset: u64) -> RdbError {
        RdbError {
            offset,
            fault: self,
        }
    }
}
