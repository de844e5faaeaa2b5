//! What can go wrong with a cached value. A miss is not among it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::store;
use crate::store::KeyError;
use crate::store::codec::CodecError;

/// Why there is no value, or why it was not stored.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The store failed, and the cache was not told to load without it; or a verb that needs it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A value could not be encoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A value is larger than the cache takes. Nothing was stored.
    #[error("a value of {bytes} bytes is above the limit of {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More tags than an entry may have. Nothing was stored.
    #[error("{count} tags are above the limit of {limit}")]
    TooManyTags {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The loader failed; its error is the source. All who waited for this load get the same one.
    #[error("the loader failed")]
    Loader(#[source] LoaderError),
    /// The loader panicked.
    #[error("the loader panicked: {message}")]
    Panicked {
        /// What it said.
        message: Arc<str>,
    },
    /// There was no value within the time that loads may take. A loader that was running was
    /// stopped.
    #[error("no value within {within:?}")]
    TimedOut {
        /// The time.
        within: Duration,
    },
    /// As many loads as allowed are under way, and none ended in time.
    #[error("overloaded, {limit} loads are under way already")]
    Overloaded {
        /// How many are allowed.
        limit: usize,
    },
    /// A load failed a moment ago, and the cache was told not to try again at once.
    #[error("the last load failed, the next may begin in {retry_after:?}")]
    BackingOff {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The primary has the invalidation, and too few replicas have it: a failover may lose it.
    /// Repeat it.
    #[error("invalidated, but only {by} of {wanted} replicas are known to have it")]
    NotReplicated {
        /// How many were asked for.
        wanted: u32,
        /// How many have it.
        by: u64,
    },
    /// The runtime that loaded is being shut down.
    #[error("the load was cancelled")]
    Cancelled,
}

impl CacheError {
    /// The loader's own error, if this is one of that type.
    pub fn loader<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            CacheError::Loader(error) => error.0.downcast_ref(),
            _ => None,
        }
    }

    pub(super) fn of_loader(error: Box<dyn Error + Send + Sync>) -> CacheError {
        CacheError::Loader(LoaderError(error.into()))
    }

    /// What a panic carried.
    pub(super) fn panicked(panic: &(dyn Any + Send)) -> CacheError {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        CacheError::Panicked {
            message: message.unwrap_or("no text").into(),
        }
    }
}

impl From<KeyError> for CacheError {
    fn from(error: KeyError) -> CacheError {
        CacheError::Store(error.into())
    }
}

/// The error of a loader, shared by all who waited for it.
#[derive(Clone)]
pub struct LoaderError(Arc<dyn Error + Send + Sync>);

impl LoaderError {
    /// The error itself.
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for LoaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for LoaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for LoaderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
