//! A cache in front of whatever is slower: one load per key in the whole fleet, and no load that
//! undoes an invalidation.
//!
//! **Promise.**
//!
//! 1. Once an invalidation has returned (of a key, a tag, or all), no load that began before it is
//!    visible to anybody any more. Left out: a failover that loses the invalidation itself.
//! 2. One load per key at a time in the whole fleet. Whoever loads for longer than its lease, or was
//!    suspended, is fenced: what it brings is not stored. One that died is replaced within its lease.
//! 3. No clock of a client decides.
//! 4. Losing any key of the store, by eviction or FLUSHALL, is a miss, and never brings an old value
//!    back.
//! 5. With the store away: bounded latency, bounded load on the origin, and stale values only where
//!    the caller allowed them.
//!
//! ```text
//! Cache::builder(&store, name, codec).ttl(…).grace(…)….build() -> Cache<K, V>
//!
//! get(&key) -> Option<V>                       entry(&key) -> Option<Entry<Option<V>>>
//! get_or_load(&key, |load| async …) -> T       entry_or_load(&key, |load| async …) -> Entry<T>
//! refresh(&key, |load| async …) -> T           T is V or Option<V>, as the loader returns it
//! get_or_load_many(&[key, …], |misses| async …) -> Vec<Result<Option<V>>>
//! put(&key, &value).tag(…).ttl(…) -> bool      put_versioned(&key, &value, version)… -> bool
//! invalidate(&key).soft().hold_off(…) -> bool  invalidate_tags([tag, …])      clear()
//! after_commit() -> AfterCommit: key(&key), tag(tag), all(), then apply()
//! ```
//!
//! **Cost.** A hit is one round trip without a script, two where the entry has tags. A miss is two
//! more, one before the load and one after it. Waiting for the load of another process takes three
//! before and one after the message that it has ended. Invalidating a tag, or all, takes as long for
//! a million entries as for one. An entry takes 60 bytes beside its key, tags and value.
//!
//! **Not for** data whose loss matters, nor for counting or locking.
//!
//! The guide is `docs/cache.md`.

mod builder;
#[expect(
    clippy::module_inception,
    reason = "every room has its thing in a file of its name"
)]
mod cache;
#[cfg(feature = "macros")]
pub(crate) mod cached;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod chaos;
mod core;
mod entry;
mod envelope;
mod error;
mod flight;
mod keys;
mod load;
mod loader;
mod many;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod model;
mod op;
mod outcome;
mod policy;
mod read;
mod stamp;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests;
mod token;
mod wait;
mod write;

pub use builder::CacheBuilder;
pub use cache::Cache;
pub use entry::{Entry, Loaded, Source};
pub use envelope::MAX_TAGS;
pub use error::{CacheError, LoaderError};
pub use keys::CacheKey;
pub use loader::Load;
pub use many::Misses;
pub use outcome::Outcome;
pub use policy::{OnStoreError, PolicyError};
pub use write::{AfterCommit, Invalidate, Put};
