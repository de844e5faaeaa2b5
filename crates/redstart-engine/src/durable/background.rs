//! Snapshots in the background: of the keys into `dump.rdb`, or into a new base of the log.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::journal::Order;
use super::manifest::Member;
use super::persistence::Persistence;
use super::snapshot::{Form, Origin, Snapshot};
use super::vfs::{VfsFile, append_all};
use crate::keyspace::Begun;
use crate::keyspace::shards::Shards;

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be the file of BGSAVE and SAVE.
    Save,
    /// To be the base of the log.
    Rewrite,
    /// To be the base of a log that is kept from now on.
    SwitchOn,
}

/// What a snapshot needs to know of the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) now_s: u64,
    pub(crate) used_memory: u64,
    pub(crate) form: Form,
}

/// A snapshot on its way to a file.
#[derive(Debug)]
pub(crate) struct Job {
    purpose: Purpose,
    path: PathBuf,
    origin: Origin,
    form: Form,
    stage: Stage,
    /// Changes that the snapshot will hold.
    changes: u64,
    /// Where the log goes on, once that is known. Nowhere, if no log is kept.
    begun: Option<Receiver<io::Result<Member>>>,
}

#[derive(Debug)]
enum Stage {
    New,
    Walking(Box<Snapshot<FileSink>>),
    /// It is written; the log has to go on in its new file first.
    Written(u64),
    Over,
}

impl Job {
    /// Takes charge of a snapshot that was begun at this moment. All shards must be locked.
    pub(super) fn begin(
        persistence: &Persistence,
        snapshot: Begun,
        purpose: Purpose,
        circumstances: &Circumstances,
    ) -> Job {
        let Circumstances {
            now_s,
            used_memory,
            form,
        } = *circumstances;
        let journal = persistence.journal();
        let lsn = journal.appended();
        let keeps_log = match purpose {
            Purpose::Save => false,
            Purpose::Rewrite => persistence.appendonly(),
            Purpose::SwitchOn => true,
        };
        let begun = keeps_log.then(|| {
            let (told, hears) = sync_channel(1);
            let listed = persistence.appendonly();
            journal.switch(true);
            journal.order(Order::Begin { listed, told });
            hears
        });
        Job {
            purpose,
            path: persistence.temporary(purpose),
            origin: Origin {
                lsn,
                snapshot,
                now_s,
                used_memory,
            },
            form: Form {
                is_base: purpose != Purpose::Save,
                ..form
            },
            stage: Stage::New,
            changes: persistence.changes(),
            begun,
        }
    }

    /// What the snapshot is for.
    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Changes that the snapshot holds.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Does a piece of the work; whether it is over. How it went is known to `persistence` then.
    pub(crate) fn step(&mut self, persistence: &Persistence, shards: &Shards) -> bool {
        let result = match persistence.is_cancelled() {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => self.advance(persistence, shards),
        };
        match result {
            Ok(false) => false,
            Ok(true) => {
                persistence.end_job(self, Ok(()));
                true
            }
            Err(error) => {
                self.fail(persistence, shards, error);
                true
            }
        }
    }

    /// Gives up.
    pub(crate) fn fail(&mut self, persistence: &Persistence, shards: &Shards, error: io::Error) {
        self.stage = Stage::Over;
        shards.end_snapshot(&self.origin.snapshot);
        // What cannot be removed is removed at the next start.
        let _ = persistence.vfs().remove(&self.path);
        if self.purpose == Purpose::SwitchOn {
            persistence.stop_log();
        }
        persistence.end_job(self, Err(error));
    }

    fn advance(&mut self, persistence: &Persistence, shards: &Shards) -> io::Result<bool> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::New => {
                if self.purpose != Purpose::Save {
                    persistence.prepare_log()?;
                }
                let sink = FileSink::create(persistence, &self.path)?;
                let snapshot = Snapshot::new(sink, self.origin, self.form)?;
                self.stage = Stage::Walking(Box::new(snapshot));
            }
            Stage::Walking(mut snapshot) => {
                if !snapshot.step(shards)? {
                    persistence.note_keys(snapshot.keys());
                    self.stage = Stage::Walking(snapshot);
                    return Ok(false);
                }
                shards.end_snapshot(&self.origin.snapshot);
                let len = snapshot.finish()?.sync()?;
                self.stage = Stage::Written(len);
            }
            Stage::Written(_) if self.purpose == Purpose::Save => {
                persistence.install_snapshot(&self.path)?;
                return Ok(true);
            }
            Stage::Written(len) => match &self.begun {
                None => {
                    persistence.install_base(&self.path, len, Goes::Nowhere)?;
                    return Ok(true);
                }
                Some(begun) => match goes_on(persistence, begun) {
                    None => self.stage = Stage::Written(len),
                    Some(member) => {
                        let goes = match self.purpose {
                            Purpose::SwitchOn => Goes::ToUnlisted(member?),
                            _ => Goes::To(member?),
                        };
                        persistence.install_base(&self.path, len, goes)?;
                        return Ok(true);
                    }
                },
            },
            Stage::Over => return Ok(true),
        }
        Ok(false)
    }
}

/// Where the log goes on after a base.
#[derive(Debug)]
pub(crate) enum Goes {
    /// No log is kept.
    Nowhere,
    To(Member),
    /// In a file that no manifest names yet.
    ToUnlisted(Member),
}

/// The file in which the log goes on, if it is known by now.
fn goes_on(
    persistence: &Persistence,
    begun: &Receiver<io::Result<Member>>,
) -> Option<io::Result<Member>> {
    const MOMENT: Duration = Duration::from_millis(20);
    persistence.drive();
    match begun.recv_timeout(MOMENT) {
        Ok(member) => Some(member),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            Some(Err(io::Error::other("the log is no longer written")))
        }
    }
}

/// A file that a snapshot is written to. It is made safe on the way, so that the disk is not given
/// everything at the end.
#[derive(Debug)]
struct FileSink {
    file: Box<dyn VfsFile>,
    len: u64,
    unsynced: usize,
}

/// Bytes between two syncs.
const SYNC_EVERY: usize = 32 << 20;

impl FileSink {
    fn create(persistence: &Persistence, path: &Path) -> io::Result<FileSink> {
        let file = persistence.vfs().create(path)?;
        Ok(FileSink {
            file,
            len: 0,
            unsynced: 0,
        })
    }

    /// Makes everything safe; how much it is.
    fn sync(mut self) -> io::Result<u64> {
        self.file.sync_data()?;
        Ok(self.len)
    }
}

impl Write for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        append_all(&mut *self.file, bytes)?;
        self.len += bytes.len() as u64;
        self.unsynced += bytes.len();
        if self.unsynced > SYNC_EVERY {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
