//! A disk that forgets: what was not synced may be gone after a crash, wholly or in part.
//!
//! Contents and names are kept twice, as processes see them and as they are on the platter. A
//! [`SimFs::crash`] decides by chance what made it there: of appended bytes any prefix, with
//! sectors missing and zeros in their place; of names created, renamed and removed any subset.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Vfs, VfsFile};
use crate::random::Rng;

const SECTOR: usize = 512;

/// A simulated disk. Clones are handles of the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimFs(Arc<Mutex<Disk>>);

/// A disk at some moment, and what the test had noted by then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    disk: Disk,
    pub(crate) note: u64,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<Content>,
    live: BTreeMap<PathBuf, usize>,
    safe: BTreeMap<PathBuf, usize>,
    /// What was done to names since their directory was synced.
    unsafe_names: Vec<Naming>,
    locked: bool,
    note: u64,
    recording: bool,
    moments: Vec<Moment>,
    /// How many calls of `sync_data` will fail.
    failing_syncs: usize,
}

#[derive(Clone, Debug, Default)]
struct Content {
    live: Vec<u8>,
    safe: Vec<u8>,
    /// The shortest the file has been since it was synced.
    shortest: usize,
    /// What a failed sync has dropped: seen by processes, never to be written.
    dropped: Vec<Range<usize>>,
}

#[derive(Clone, Debug)]
enum Naming {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

impl SimFs {
    /// Keeps the disk as it is before every call that changes something.
    pub(crate) fn record(&self) {
        self.0.lock().recording = true;
    }

    /// Attaches a number to the moments that come.
    pub(crate) fn note(&self, note: u64) {
        self.0.lock().note = note;
    }

    /// The moments so far, and now.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        let mut disk = self.0.lock();
        disk.keep();
        std::mem::take(&mut disk.moments)
    }

    /// Has the next calls of `sync_data` fail, which drops what they should have made safe.
    pub(crate) fn fail_syncs(&self, count: usize) {
        self.0.lock().failing_syncs = count;
    }

    /// The bytes of a file, as processes see them.
    pub(crate) fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        let id = disk.live.get(path)?;
        Some(disk.files[*id].live.clone())
    }

    /// Puts a file on the disk, safely.
    pub(crate) fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut disk = self.0.lock();
        let id = disk.files.len();
        disk.files.push(Content {
            live: bytes.clone(),
            shortest: bytes.len(),
            safe: bytes,
            dropped: Vec::new(),
        });
        disk.live.insert(path.to_owned(), id);
        disk.safe.insert(path.to_owned(), id);
    }

    /// The names of all files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().live.keys().cloned().collect()
    }

    /// Lets go of a lock that a crashed process held.
    pub(crate) fn unlock(&self) {
        self.0.lock().locked = false;
    }
}

impl Moment {
    /// What the disk may hold when the power fails now.
    pub(crate) fn crash(&self, rng: &mut Rng) -> SimFs {
        let disk = &self.disk;
        let mut names = disk.safe.clone();
        let all = rng.below(3) == 0;
        for naming in &disk.unsafe_names {
            if all || rng.below(2) == 0 {
                naming.apply(&mut names);
            }
        }
        let after = SimFs::default();
        for (path, id) in names {
            after.put(&path, disk.files[id].after_crash(rng));
        }
        after
    }

    /// What the disk holds when only the process dies.
    pub(crate) fn kill(&self) -> SimFs {
        let after = SimFs(Arc::new(Mutex::new(self.disk.clone())));
        after.unlock();
        after.0.lock().recording = false;
        after
    }
}

impl Content {
    fn after_crash(&self, rng: &mut Rng) -> Vec<u8> {
        let safe_len = self.safe.len().min(self.shortest);
        if safe_len < self.safe.len() && rng.below(2) == 0 {
            // That it was cut is lost.
            return self.safe.clone();
        }
        let mut bytes = self.safe[..safe_len].to_vec();
        let fresh = self.live.len().saturating_sub(safe_len) as u64;
        let kept = safe_len
            + match rng.below(4) {
                0 => 0,
                1 => fresh as usize,
                _ => rng.below(fresh + 1) as usize,
            };
        bytes.extend_from_slice(&self.live[safe_len..kept]);
        match rng.below(4) {
            // The length made it further than the bytes.
            0 => {
                let more = rng.below((self.live.len() - kept) as u64 + 1) as usize;
                bytes.resize(kept + more, 0);
            }
            // Some sectors never made it.
            1 => {
                for start in (0..bytes.len()).step_by(SECTOR) {
                    let end = (start + SECTOR).min(bytes.len());
                    if end > safe_len && rng.below(3) == 0 {
                        bytes[start.max(safe_len)..end].fill(0);
                    }
                }
            }
            _ => {}
        }
        for range in &self.dropped {
            let end = range.end.min(bytes.len());
            if range.start < end {
                bytes[range.start..end].fill(0);
            }
        }
        bytes
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Naming::Create(path, id) => {
                names.insert(path.clone(), *id);
            }
            Naming::Rename(from, to, id) => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
            Naming::Remove(path) => {
                names.remove(path);
            }
        }
    }

    fn is_in(&self, directory: &Path) -> bool {
        let (Naming::Create(path, _) | Naming::Rename(_, path, _) | Naming::Remove(path)) = self;
        path.parent() == Some(directory)
    }
}

impl Disk {
    fn keep(&mut self) {
        if self.recording {
            let mut disk = self.clone();
            disk.moments = Vec::new();
            let note = self.note;
            self.moments.push(Moment { disk, note });
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let found = self.live.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.live);
        self.unsafe_names.push(naming);
    }
}

impl Vfs for SimFs {
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let disk = self.0.lock();
        let id = disk.find(path)?;
        Ok(Box::new(Cursor::new(disk.files[id].live.clone())))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut disk = self.0.lock();
        disk.keep();
        let id = match disk.live.get(path) {
            Some(&id) => {
                let content = &mut disk.files[id];
                content.live.clear();
                content.shortest = 0;
                content.dropped.clear();
                id
            }
            None => {
                let id = disk.files.len();
                disk.files.push(Content::default());
                disk.name(Naming::Create(path.to_owned(), id));
                id
            }
        };
        Ok(Box::new(SimFile(self.clone(), id)))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let id = self.0.lock().find(path)?;
        Ok(Box::new(SimFile(self.clone(), id)))
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        let disk = self.0.lock();
        let id = disk.live.get(path);
        Ok(id.map(|id| disk.files[*id].live.len() as u64))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.keep();
        let id = disk.find(from)?;
        disk.name(Naming::Rename(from.to_owned(), to.to_owned(), id));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.keep();
        disk.find(path)?;
        disk.name(Naming::Remove(path.to_owned()));
        Ok(())
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let disk = self.0.lock();
        let inside = disk.live.keys().filter(|file| file.parent() == Some(path));
        let names = inside.filter_map(|file| file.file_name());
        Ok(names
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.keep();
        let (settled, open) = std::mem::take(&mut disk.unsafe_names)
            .into_iter()
            .partition(|naming: &Naming| naming.is_in(path));
        disk.unsafe_names = open;
        let settled: Vec<Naming> = settled;
        for naming in settled {
            naming.apply(&mut disk.safe);
        }
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn Debug + Send + Sync>>> {
        let mut disk = self.0.lock();
        if std::mem::replace(&mut disk.locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(Unlock(self.clone()))))
    }
}

struct Unlock(SimFs);

impl Debug for Unlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unlock")
    }
}

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

#[derive(Debug)]
struct SimFile(SimFs, usize);

impl VfsFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.0.lock();
        disk.keep();
        disk.files[self.1].live.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let mut disk = self.0.0.lock();
        disk.keep();
        let fails = disk.failing_syncs > 0;
        disk.failing_syncs = disk.failing_syncs.saturating_sub(1);
        let content = &mut disk.files[self.1];
        if fails {
            let fresh = content.safe.len().min(content.shortest)..content.live.len();
            content.dropped.push(fresh);
            return Err(io::Error::other("the platter is scratched"));
        }
        content.safe = content.live.clone();
        for range in &content.dropped {
            let end = range.end.min(content.safe.len());
            if range.start < end {
                content.safe[range.start..end].fill(0);
            }
        }
        content.shortest = content.live.len();
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.0.0.lock();
        disk.keep();
        let content = &mut disk.files[self.1];
        content.live.resize(len as usize, 0);
        content.shortest = content.shortest.min(len as usize);
        for range in &mut content.dropped {
            range.end = range.end.min(len as usize);
        }
        Ok(())
    }
}
