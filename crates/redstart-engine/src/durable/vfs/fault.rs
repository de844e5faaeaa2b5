//! A disk that fails at some call: at the first, at the second, at any.

use std::fmt::Debug;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Vfs, VfsFile};

/// How a call fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// With this error, and nothing is done.
    Error(io::ErrorKind),
    /// A write stops half way, and the next call fails.
    ShortWrite,
}

/// A file system of which one call fails.
#[derive(Debug)]
pub(crate) struct FaultFs<V> {
    inner: V,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Calls before the one that fails.
    after: u64,
    calls: AtomicU64,
    /// A write has stopped half way.
    is_full: AtomicBool,
    failure: Failure,
}

impl<V: Vfs> FaultFs<V> {
    /// Has the call after so many others fail.
    pub(crate) fn new(inner: V, after: u64, failure: Failure) -> FaultFs<V> {
        let shared = Arc::new(Shared {
            after,
            calls: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            failure,
        });
        FaultFs { inner, shared }
    }
}

impl<V> FaultFs<V> {
    /// A look at how many calls there were.
    pub(crate) fn calls(&self) -> impl Fn() -> u64 + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.calls.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Whether this call is the one.
    fn is_due(&self) -> bool {
        self.calls.fetch_add(1, Ordering::SeqCst) == self.after
    }

    fn check(&self) -> io::Result<()> {
        let is_due = self.is_due();
        match self.failure {
            Failure::ShortWrite if is_due || self.is_full.swap(false, Ordering::SeqCst) => {
                Err(io::ErrorKind::StorageFull.into())
            }
            Failure::Error(kind) if is_due => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

impl<V: Vfs> Vfs for FaultFs<V> {
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.shared.check()?;
        self.inner.read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.shared.check()?;
        let file = self.inner.create(path)?;
        Ok(Box::new(FaultFile(file, Arc::clone(&self.shared))))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.shared.check()?;
        let file = self.inner.append(path)?;
        Ok(Box::new(FaultFile(file, Arc::clone(&self.shared))))
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        self.shared.check()?;
        self.inner.len(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.check()?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.shared.check()?;
        self.inner.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.shared.check()?;
        self.inner.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.shared.check()?;
        self.inner.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.shared.check()?;
        self.inner.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Debug + Send + Sync>>> {
        self.shared.check()?;
        self.inner.lock(path)
    }
}

#[derive(Debug)]
struct FaultFile(Box<dyn VfsFile>, Arc<Shared>);

impl VfsFile for FaultFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_due = self.1.calls.load(Ordering::SeqCst) == self.1.after;
        if is_due && matches!(self.1.failure, Failure::ShortWrite) {
            self.1.is_due();
            self.1.is_full.store(true, Ordering::SeqCst);
            return self.0.append(&bytes[..bytes.len() / 2]);
        }
        self.1.check()?;
        self.0.append(bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.1.check()?;
        self.0.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.1.check()?;
        self.0.truncate(len)
    }
}
