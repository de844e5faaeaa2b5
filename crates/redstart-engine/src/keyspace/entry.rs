//! A key, its value, and what is known about both.

use std::num::NonZeroU64;

use super::object::Object;
use crate::data::{Blob, table};

/// One key of a database.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) key: Blob,
    pub(crate) object: Object,
    /// Milliseconds since 1970 after which the key is gone.
    pub(super) expires: Option<NonZeroU64>,
    pub(crate) access: super::access::Access,
    /// The number of the snapshot during which the entry was made or changed last; zero if none
    /// was being taken then.
    #[cfg(feature = "durable")]
    pub(super) snapshot: u32,
}

impl Entry {
    /// Its key.
    #[cfg(feature = "durable")]
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The same again, for a snapshot.
    #[cfg(feature = "durable")]
    pub(super) fn copy(&self) -> Entry {
        Entry {
            key: self.key.clone(),
            object: self.object.clone(),
            ..*self
        }
    }

    /// The moment after which the key is gone, in milliseconds since 1970.
    pub(crate) fn expires_ms(&self) -> Option<u64> {
        self.expires.map(NonZeroU64::get)
    }

    /// Whether the key is gone at `now_ms`, as Redis sees it: not yet in the millisecond itself.
    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        self.expires.is_some_and(|at| now_ms > at.get())
    }

    /// Bytes it takes in all.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Entry>() + self.heap_bytes()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.key.heap_bytes() + self.object.memory()
    }
}

impl table::Entry for Entry {
    fn key(&self) -> &[u8] {
        &self.key
    }
}
