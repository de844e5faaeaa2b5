//! Engines that keep their data in a directory: one a directory, shared inside the process.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use redstart_engine::{AppendFsync, Durability, Engine, OpenError};

use super::{Embedded, Host};
use crate::store::error::{Error, Result};
use crate::store::time::Time;
use crate::store::url::{FileTarget, Fsync};

/// One of the handles of an engine in a directory. With the last one everything is made safe and
/// the directory is free.
pub(super) struct Hold {
    slot: Arc<Slot>,
    /// Present until it is dropped.
    host: Option<Arc<Host>>,
}

/// A directory that is in use, or was a moment ago. Who opens and who closes it wait for each
/// other here.
#[derive(Default)]
struct Slot(Mutex<Option<Opened>>);

struct Opened {
    host: Arc<Host>,
    fsync: Fsync,
    holders: usize,
}

/// The directories this process uses.
static DIRECTORIES: LazyLock<Mutex<HashMap<PathBuf, Arc<Slot>>>> = LazyLock::new(Mutex::default);

impl Embedded {
    /// The engine whose data is in a directory: loaded now, or the one that was loaded before.
    pub(crate) fn open_directory(target: &FileTarget, time: &Time) -> Result<Embedded> {
        let path = settled(&target.directory)?;
        let slot = slot(&path);
        let mut opened = slot.0.lock();
        let host = match &mut *opened {
            Some(opened) => {
                opened.host.check_same(target.cluster_strict, time)?;
                if opened.fsync != target.fsync {
                    return Err(Error::Config(
                        "the same store was opened with another `fsync`",
                    ));
                }
                opened.holders += 1;
                Arc::clone(&opened.host)
            }
            None => {
                let host = Arc::new(load(&path, target, time)?);
                *opened = Some(Opened {
                    host: Arc::clone(&host),
                    fsync: target.fsync,
                    holders: 1,
                });
                host
            }
        };
        drop(opened);
        Ok(Embedded::new(super::Hold::Directory(Hold {
            slot,
            host: Some(host),
        })))
    }
}

impl Hold {
    pub(super) fn host(&self) -> &Host {
        self.host.as_ref().expect("it is held until it is dropped")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut opened = self.slot.0.lock();
        self.host = None;
        if let Some(mut last) = opened.take() {
            last.holders -= 1;
            match last.holders {
                // Under the lock: who opens the directory next finds it free.
                0 => drop(last),
                _ => *opened = Some(last),
            }
        }
    }
}

fn slot(path: &Path) -> Arc<Slot> {
    let mut directories = DIRECTORIES.lock();
    // What only the map knows is nobody's.
    directories.retain(|_, slot| Arc::strong_count(slot) > 1);
    Arc::clone(directories.entry(path.to_owned()).or_default())
}

fn load(path: &Path, target: &FileTarget, time: &Time) -> Result<Host> {
    let mut durability = Durability::new(path);
    durability.appendonly = true;
    durability.save = Vec::new();
    durability.appendfsync = match target.fsync {
        Fsync::Always => AppendFsync::Always,
        Fsync::EverySecond => AppendFsync::EverySecond,
        Fsync::No => AppendFsync::No,
    };
    let engine = Engine::builder()
        .clock(time.clone())
        .cluster_strict(target.cluster_strict)
        .open(durability)
        .map_err(|error| Error::Directory {
            in_use: matches!(error, OpenError::Locked { .. }),
            reason: error.to_string().into(),
        })?;
    Ok(Host::of(engine, time, target.cluster_strict))
}

/// The one name of a directory, which is made if it is not there: for nobody else, because data is
/// nobody else's business.
fn settled(directory: &Path) -> Result<PathBuf> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |error: io::Error| Error::Directory {
        in_use: false,
        reason: format!("cannot make the directory {}: {error}", directory.display()).into(),
    };
    builder.create(directory).map_err(failed)?;
    directory.canonicalize().map_err(failed)
}
