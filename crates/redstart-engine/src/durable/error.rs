//! Why data could not be loaded or kept.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why an engine could not be opened. Each says what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or another engine of this one, keeps its data there.
    #[error("{} is in use by another process: stop that one, or choose another directory", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// A file does not say what such a file says.
    #[error("{} is corrupt at byte {offset}: {flaw}; {hint}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where it makes no sense.
        offset: u64,
        /// What is wrong there.
        flaw: String,
        /// What can be done.
        hint: &'static str,
    },
    /// A file that the manifest names is not there.
    #[error("{} is missing, which {} names: restore it, or the whole directory, from a backup", path.display(), manifest.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The file that names it.
        manifest: PathBuf,
    },
    /// There is data that the settings would leave out.
    #[error("{0}")]
    WouldIgnore(String),
}

impl OpenError {
    /// For `map_err`: what was tried with which file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
        let path = path.to_owned();
        move |source| OpenError::Io {
            action,
            path,
            source,
        }
    }
}

/// What can be done about the usual errors.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; make room on the disk",
        io::ErrorKind::PermissionDenied => "; make it accessible to the user this runs as",
        io::ErrorKind::ReadOnlyFilesystem => "; mount the file system writable",
        io::ErrorKind::NotFound => "; it has to exist",
        _ => "",
    }
}
