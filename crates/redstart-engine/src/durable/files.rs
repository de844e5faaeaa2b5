//! The files of an append-only log: their names, and the manifest that lists them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::OpenError;
use super::manifest::{Manifest, Member, Part};
use super::vfs::{Vfs, VfsFile, append_all};

/// The directory of a log.
#[derive(Debug)]
pub(crate) struct LogFiles {
    vfs: Arc<dyn Vfs>,
    directory: PathBuf,
    /// What the names of the files begin with.
    prefix: String,
    /// As it is on disk, or was last tried to be.
    manifest: Mutex<Manifest>,
    /// A test's own fault: the directory is not synced.
    #[cfg(test)]
    pub(crate) without_dir_sync: std::sync::atomic::AtomicBool,
}

impl LogFiles {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, directory: PathBuf, prefix: String) -> LogFiles {
        LogFiles {
            vfs,
            directory,
            prefix,
            manifest: Mutex::default(),
            #[cfg(test)]
            without_dir_sync: Default::default(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn path(&self, member: &Member) -> PathBuf {
        self.directory.join(&member.name)
    }

    pub(crate) fn manifest_path(&self) -> PathBuf {
        self.directory.join(format!("{}.manifest", self.prefix))
    }

    /// Where a base is written until it is whole.
    pub(crate) fn temporary_base(&self) -> PathBuf {
        self.directory
            .join(format!("temp-rewrite-{}.rdb", self.prefix))
    }

    fn temporary_manifest(&self) -> PathBuf {
        self.directory
            .join(format!("temp_{}.manifest", self.prefix))
    }

    /// The manifest as it was read or written last.
    pub(crate) fn manifest(&self) -> Manifest {
        self.manifest.lock().clone()
    }

    /// Reads the manifest; false if there is none.
    pub(crate) fn load_manifest(&self) -> Result<bool, OpenError> {
        /// A manifest of thousands of files is none.
        const BYTES_MAX: u64 = 1 << 20;
        let path = self.manifest_path();
        let open = OpenError::io("open", &path);
        if self
            .vfs
            .len(&path)
            .map_err(OpenError::io("look for", &path))?
            .is_none()
        {
            return Ok(false);
        }
        let file = self.vfs.read(&path).map_err(open)?;
        let mut text = Vec::new();
        file.take(BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(OpenError::io("read", &path))?;
        let manifest = Manifest::parse(&text).map_err(|(line, flaw)| {
            let before = text.split_inclusive(|&byte| byte == b'\n').take(line - 1);
            OpenError::Corrupt {
                path,
                offset: before.map(|line| line.len() as u64).sum(),
                flaw: format!("line {line}: {flaw}"),
                hint: "it is a text file: mend it, or restore the directory from a backup",
            }
        })?;
        *self.manifest.lock() = manifest;
        Ok(true)
    }

    /// The log's files that are in the directory, listed or not.
    pub(crate) fn present(&self) -> io::Result<Vec<String>> {
        let parts = [".base.rdb", ".base.aof", ".incr.aof"];
        let mut names = self.vfs.list(&self.directory)?;
        names.retain(|name| {
            name.starts_with(&self.prefix) && parts.iter().any(|part| name.ends_with(part))
        });
        Ok(names)
    }

    /// Where a log is written that has no base yet.
    fn temporary_incr(&self) -> PathBuf {
        self.directory
            .join(format!("temp-{}.incr.aof", self.prefix))
    }

    /// Makes a new, empty file for what will be appended, under the name it will be listed by or,
    /// if that has to wait for a base, another.
    pub(crate) fn create_incr(&self, listed: bool) -> io::Result<(Member, Box<dyn VfsFile>)> {
        let seq = self.manifest.lock().next_incr();
        let member = Member {
            name: format!("{}.{seq}.incr.aof", self.prefix),
            seq,
            part: Part::Incr,
        };
        let path = match listed {
            true => self.path(&member),
            false => self.temporary_incr(),
        };
        let file = self.vfs.create(&path)?;
        // A manifest must not name what a crash may take away.
        self.sync_directory()?;
        Ok((member, file))
    }

    /// Lists a file that was created.
    pub(crate) fn list_incr(&self, member: Member) -> io::Result<()> {
        let mut manifest = self.manifest.lock();
        let mut changed = manifest.clone();
        changed.incrs.push(member);
        self.store(&changed)?;
        *manifest = changed;
        Ok(())
    }

    /// Begins a manifest with a base that is there.
    pub(crate) fn list_base(&self, name: String) -> io::Result<()> {
        let mut manifest = self.manifest.lock();
        let base = Member {
            name,
            seq: 1,
            part: Part::Base,
        };
        let changed = Manifest {
            base: Some(base),
            ..Manifest::default()
        };
        self.store(&changed)?;
        *manifest = changed;
        Ok(())
    }

    /// Puts a base in the place of all before `first_incr`: from `temporary`, which is whole and
    /// safe. With `incr`, the log goes on in a file that was not listed so far.
    pub(crate) fn install_base(
        &self,
        temporary: &Path,
        first_incr: u64,
        incr: Option<Member>,
    ) -> io::Result<()> {
        let mut manifest = self.manifest.lock();
        let mut changed = manifest.clone();
        let seq = changed.next_base();
        let base = Member {
            name: format!("{}.{seq}.base.rdb", self.prefix),
            seq,
            part: Part::Base,
        };
        if let Some(incr) = &incr {
            self.vfs.rename(&self.temporary_incr(), &self.path(incr))?;
        }
        self.vfs.rename(temporary, &self.path(&base))?;
        self.sync_directory()?;
        changed.rebase(base, first_incr);
        changed.incrs.extend(incr);
        self.store(&changed)?;
        *manifest = changed;
        Ok(())
    }

    /// Removes what the manifest calls history, and then that from the manifest. Should it fail,
    /// it is tried again when the log is opened or rewritten next.
    pub(crate) fn remove_history(&self) -> io::Result<()> {
        let mut manifest = self.manifest.lock();
        if manifest.history.is_empty() {
            return Ok(());
        }
        for member in &manifest.history {
            match self.vfs.remove(&self.path(member)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let mut changed = manifest.clone();
        changed.history.clear();
        self.store(&changed)?;
        *manifest = changed;
        Ok(())
    }

    /// Writes a manifest in place of the one before, whole or not at all.
    fn store(&self, manifest: &Manifest) -> io::Result<()> {
        let temporary = self.temporary_manifest();
        let mut file = self.vfs.create(&temporary)?;
        append_all(&mut *file, manifest.text().as_bytes())?;
        file.sync_data()?;
        drop(file);
        self.vfs.rename(&temporary, &self.manifest_path())?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        #[cfg(test)]
        if self
            .without_dir_sync
            .load(std::sync::atomic::Ordering::Relaxed)
        {
            return Ok(());
        }
        self.vfs.sync_dir(&self.directory)
    }
}
