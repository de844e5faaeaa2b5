//! The one door to the disk.
//!
//! Everything that is kept goes through [`Vfs`], so that tests can take the disk's place: one that
//! forgets what was not synced, and one that fails at any call.

#[cfg(test)]
pub(crate) mod fault;
mod real;
#[cfg(test)]
pub(crate) mod sim;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub(crate) use real::RealFs;

/// A file system.
pub(crate) trait Vfs: Send + Sync + Debug {
    /// Opens a file to be read from its beginning.
    fn read(&self, path: &Path) -> io::Result<Box<dyn io::Read + Send>>;

    /// Makes a new, empty file; an old one of that name is emptied.
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// Opens a file whose end will be written.
    fn append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// The length of a file; `None` if there is none.
    fn len(&self, path: &Path) -> io::Result<Option<u64>>;

    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory and those above it, unless they are there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in a directory as safe as their files' contents: what was created, renamed
    /// or removed is, from then on.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks a file against other processes until the answer is dropped; `None` if another has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Debug + Send + Sync>>>;
}

/// A file that is written at its end only.
pub(crate) trait VfsFile: Send + Debug {
    /// Writes as much of `bytes` as can be had at once; how much that was.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes everything written so far safe.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Cuts the file to `len` bytes, where writing goes on.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// Writes all of `bytes`. What was written before an error is unknown.
pub(crate) fn append_all(file: &mut dyn VfsFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
