//! A value and what is known about it.

use std::time::Duration;

/// A value, where it came from, and how long it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<T> {
    /// The value. Nothing, where that there is nothing is what is cached.
    pub value: T,
    /// Where it came from.
    pub source: Source,
    /// How long ago it was stored.
    pub age: Duration,
    /// How long it is still fresh: zero for a stale value and one that was not stored.
    pub remaining: Duration,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The store, and it is fresh.
    Stored,
    /// The store, within its grace: a load is under way, or failed.
    Stale,
    /// A load of this call, or one that this call waited for.
    Loaded,
}

/// What a loader may return: a value, or perhaps one.
///
/// Which of the two decides what a cached call returns, and whether that there is nothing can be
/// cached: a loader of `V` never finds a cached "nothing".
#[diagnostic::on_unimplemented(
    message = "this cache holds `{V}`, and the loader brings `{Self}`",
    label = "neither `{V}` nor an `Option` of it",
    note = "a loader returns what the cache holds, or an `Option` of it"
)]
pub trait Loaded<V>: Sized {
    /// As it is stored.
    fn into_stored(self) -> Option<V>;

    /// The same, left where it is.
    fn as_stored(&self) -> Option<&V>;

    /// From what is stored; nothing where a value is needed and there is none.
    fn from_stored(stored: Option<V>) -> Option<Self>;
}

impl<V> Loaded<V> for V {
    fn into_stored(self) -> Option<V> {
        Some(self)
    }

    fn as_stored(&self) -> Option<&V> {
        Some(self)
    }

    fn from_stored(stored: Option<V>) -> Option<V> {
        stored
    }
}

impl<V> Loaded<V> for Option<V> {
    fn into_stored(self) -> Option<V> {
        self
    }

    fn as_stored(&self) -> Option<&V> {
        self.as_ref()
    }

    fn from_stored(stored: Option<V>) -> Option<Option<V>> {
        Some(stored)
    }
}
