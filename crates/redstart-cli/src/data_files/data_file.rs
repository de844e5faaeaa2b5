use std::fmt;
use std::io::{self, Cursor, Read};

use redstart_engine::rdb::{Item, RdbError, RdbFault, Snapshot};
use redstart_engine::{CommandLog, LogError};

/// A file of a server's data, read piece by piece: a snapshot, a log of commands, or a snapshot that
/// a log continues in the same file.
pub(crate) struct DataFile {
    stage: Stage,
    /// The version of the snapshot it begins with.
    version: Option<u32>,
    /// Whether a log may follow a snapshot.
    continues: bool,
}

enum Stage {
    Snapshot(Box<Snapshot<Source>>),
    Log(Box<CommandLog<Source>>),
    /// The snapshot that was all ended at this byte.
    Done(u64),
}

type Source = Box<dyn Read>;

/// Something a file of data holds.
#[derive(Debug)]
pub(crate) enum Piece {
    /// An item of a snapshot.
    Item(Item),
    /// Commands that were carried out together: one, or those of a transaction.
    Commands(Vec<Vec<Vec<u8>>>),
}

/// Where and why a file cannot be read on.
#[derive(Debug)]
pub(crate) struct Flaw {
    /// The byte from which on it makes no sense.
    pub(crate) offset: u64,
    /// What is wrong there.
    pub(crate) text: String,
    /// Of a log that merely ends too early, the byte to which a server cuts it back.
    pub(crate) torn_at: Option<u64>,
}

impl DataFile {
    /// Begins to read a file. `continues`: whether it belongs to a log, so that commands may come
    /// after a snapshot. The seed is that of [`Snapshot::open`].
    pub(crate) fn open(
        mut source: impl Read + 'static,
        continues: bool,
        seed: u64,
    ) -> Result<DataFile, Flaw> {
        const MAGIC: &[u8] = b"REDIS";
        let mut magic = Vec::new();
        let read = Read::by_ref(&mut source)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic);
        read.map_err(cannot_read)?;
        let is_command = magic.starts_with(b"*") || magic.starts_with(b"#");
        // What is neither is taken for what it is called, and will be found not to be that.
        let is_snapshot = magic == MAGIC || !continues && !is_command;
        let source: Source = Box::new(Cursor::new(magic).chain(source));
        let (stage, version) = match is_snapshot {
            true => {
                let snapshot = Snapshot::open(source, seed)?;
                let version = snapshot.version();
                (Stage::Snapshot(Box::new(snapshot)), Some(version))
            }
            false => (Stage::Log(Box::new(CommandLog::new(source))), None),
        };
        Ok(DataFile {
            stage,
            version,
            continues,
        })
    }

    /// The version of the snapshot it begins with, if it does.
    pub(crate) fn version(&self) -> Option<u32> {
        self.version
    }

    /// How many bytes were read.
    pub(crate) fn offset(&self) -> u64 {
        match &self.stage {
            Stage::Snapshot(snapshot) => snapshot.offset(),
            Stage::Log(log) => log.offset(),
            Stage::Done(offset) => *offset,
        }
    }

    /// The next piece. `None` at the end, when everything was read as it was written.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Piece>, Flaw> {
        loop {
            match &mut self.stage {
                Stage::Done(_) => return Ok(None),
                Stage::Log(log) => return Ok(log.next_batch()?.map(Piece::Commands)),
                Stage::Snapshot(snapshot) => {
                    if let Some(item) = snapshot.next_item()? {
                        return Ok(Some(Piece::Item(item)));
                    }
                }
            }
            self.leave_snapshot();
        }
    }

    /// Goes on behind a snapshot that was read to its end.
    fn leave_snapshot(&mut self) {
        let offset = self.offset();
        let snapshot = std::mem::replace(&mut self.stage, Stage::Done(offset));
        if let Stage::Snapshot(snapshot) = snapshot
            && self.continues
        {
            let rest: Source = Box::new(snapshot.into_rest());
            self.stage = Stage::Log(Box::new(CommandLog::continuing(rest, offset)));
        }
    }
}

fn cannot_read(error: io::Error) -> Flaw {
    RdbError {
        offset: 0,
        fault: RdbFault::Io(error),
    }
    .into()
}

impl From<RdbError> for Flaw {
    fn from(error: RdbError) -> Flaw {
        Flaw {
            offset: error.offset,
            text: error.fault.to_string(),
            torn_at: None,
        }
    }
}

impl From<LogError> for Flaw {
    fn from(error: LogError) -> Flaw {
        Flaw {
            offset: error.offset,
            text: error.what,
            torn_at: error.is_truncated.then_some(error.batch_offset),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.text, self.offset)
    }
}
