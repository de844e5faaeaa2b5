//! Reading a log without an engine: to check it, or to take its commands elsewhere.

use std::io::Read;

use super::log_reader::{FlawKind, LogReader};
use thiserror::Error;

/// The commands of an append-only file, batch by batch: what belongs together stays together.
///
/// ```
/// use redstart_engine::CommandLog;
///
/// let mut log = CommandLog::new(&b"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"[..]);
/// let batch = log.next_batch()?.expect("there is one");
/// assert_eq!(batch, [[b"INCR".to_vec(), b"a".to_vec()]]);
/// assert!(log.next_batch()?.is_none());
/// # Ok::<(), redstart_engine::LogError>(())
/// ```
pub struct CommandLog<R>(LogReader<R>);

/// Why a log cannot be read on.
#[derive(Debug, Error)]
#[error("{what} (at byte {offset})")]
pub struct LogError {
    /// Where it makes no sense.
    pub offset: u64,
    /// Where the batch begins that makes no sense: everything before is good.
    pub batch_offset: u64,
    /// What is wrong there.
    pub what: String,
    /// Whether the log only ends too early, as after a crash.
    pub is_truncated: bool,
}

impl<R: Read> CommandLog<R> {
    /// Reads a file from its beginning. It must not begin with a snapshot.
    pub fn new(source: R) -> CommandLog<R> {
        CommandLog(LogReader::of_unknown(source, 0))
    }

    /// Reads on behind a snapshot that the file begins with and that ended at `offset`.
    pub fn continuing(rest: R, offset: u64) -> CommandLog<R> {
        CommandLog(LogReader::of_unknown(rest, offset))
    }

    /// The commands of the next batch; `None` at the end.
    ///
    /// # Errors
    ///
    /// The log makes no sense from some byte on.
    pub fn next_batch(&mut self) -> Result<Option<Vec<Vec<Vec<u8>>>>, LogError> {
        let batch = self.0.next().map_err(|flaw| LogError {
            offset: flaw.at,
            batch_offset: flaw.batch_at,
            is_truncated: matches!(flaw.kind, FlawKind::Truncated),
            what: flaw.kind.to_string(),
        })?;
        Ok(batch.map(|batch| {
            let args = |command: &[std::ops::Range<usize>]| {
                command.iter().map(|arg| batch.arg(arg).to_vec()).collect()
            };
            batch.commands().map(args).collect()
        }))
    }

    /// Where the next batch begins.
    pub fn offset(&self) -> u64 {
        self.0.offset()
    }
}

impl<R> std::fmt::Debug for CommandLog<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandLog").finish_non_exhaustive()
    }
}
