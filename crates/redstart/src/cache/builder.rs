//! Building a cache step by step.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::cache::Cache;
use super::core::Core;
use super::keys::Keys;
use super::policy::{OnStoreError, Policy, PolicyError};
use crate::store::Store;
use crate::store::codec::Codec;

/// What a cache is built with. Every setting has a default.
#[must_use = "a builder does nothing until `build` is called"]
pub struct CacheBuilder<K: ?Sized, V> {
    store: Store,
    codec: Box<dyn Codec<V> + Send + Sync>,
    policy: Policy,
    keys: PhantomData<fn(&K)>,
}

impl<K: ?Sized, V> CacheBuilder<K, V> {
    pub(super) fn new(
        store: &Store,
        name: &str,
        codec: impl Codec<V> + Send + Sync + 'static,
    ) -> CacheBuilder<K, V> {
        CacheBuilder {
            store: store.clone(),
            codec: Box::new(codec),
            policy: Policy::new(name),
            keys: PhantomData,
        }
    }

    /// How long a value is fresh: 5 minutes. Loaders and puts may say otherwise for their values.
    pub fn ttl(mut self, ttl: Duration) -> CacheBuilder<K, V> {
        self.policy.ttl = ttl;
        self
    }

    /// Which part of the time to live chance may take away, 0 to below 1; 0.1 unless told
    /// otherwise. What was loaded together does not expire together then.
    pub fn jitter(mut self, part: f64) -> CacheBuilder<K, V> {
        self.policy.jitter = part;
        self
    }

    /// How long a value may be served after it has expired or was [softly
    /// invalidated](super::Invalidate::soft), while a new one is loaded or cannot be: not at all
    /// unless told otherwise. What was invalidated otherwise is never served.
    pub fn grace(mut self, grace: Duration) -> CacheBuilder<K, V> {
        self.policy.grace = grace;
        self
    }

    /// How long to wait for a new value before a stale one is served: not at all unless told
    /// otherwise. The load goes on.
    pub fn stale_after(mut self, patience: Duration) -> CacheBuilder<K, V> {
        self.policy.stale_after = patience;
        self
    }

    /// How long it is remembered that there is nothing: not at all unless told otherwise.
    pub fn negative_ttl(mut self, ttl: Duration) -> CacheBuilder<K, V> {
        self.policy.negative_ttl = ttl;
        self
    }

    /// After a load that failed, no other begins for so long, in the whole fleet; callers get a
    /// stale value or [`BackingOff`](super::CacheError::BackingOff). Zero unless told otherwise.
    pub fn error_back_off(mut self, pause: Duration) -> CacheBuilder<K, V> {
        self.policy.error_back_off = pause;
        self
    }

    /// How eagerly values are refreshed before they expire, 0 (not at all) to 100; 1 unless told
    /// otherwise. At 1 a reader begins a refresh with certainty when a value expires, with 37 % when
    /// what is left is as long as its load took, with 5 % at three times as long. One refresh at a
    /// time, in the background.
    pub fn early_refresh(mut self, eagerness: f64) -> CacheBuilder<K, V> {
        self.policy.early_refresh = eagerness;
        self
    }

    /// The number of the type's schema, 0 unless told otherwise. Raise it when the type changes:
    /// entries of another number are misses.
    pub fn schema(mut self, number: u32) -> CacheBuilder<K, V> {
        self.policy.schema = number;
        self
    }

    /// The most bytes a value may have, 1 MiB unless told otherwise. A larger one cannot be put;
    /// one that was loaded is returned and not stored.
    pub fn max_value_bytes(mut self, bytes: usize) -> CacheBuilder<K, V> {
        self.policy.max_value_bytes = bytes;
        self
    }

    /// Values of more bytes than this are compressed (LZ4) where that makes them smaller; none
    /// unless told otherwise. Those who read need the feature `compression` too.
    #[cfg(feature = "compression")]
    pub fn compress_above(mut self, bytes: usize) -> CacheBuilder<K, V> {
        self.policy.compress_above = Some(bytes);
        self
    }

    /// How long a lease lasts without a sign of life from its loader, 50 ms to 10 minutes; 3 s
    /// unless told otherwise. A loader that died is replaced within this time.
    pub fn lease(mut self, lease: Duration) -> CacheBuilder<K, V> {
        self.policy.lease = lease;
        self
    }

    /// How long a load may take, waiting for its turn included: 10 s. Then the loader is stopped
    /// and its lease given back.
    pub fn load_timeout(mut self, timeout: Duration) -> CacheBuilder<K, V> {
        self.policy.load_timeout = timeout;
        self
    }

    /// How many loads this process runs at the same time: 64. Others wait for their turn, within
    /// the time of their load.
    pub fn max_concurrent_loads(mut self, loads: usize) -> CacheBuilder<K, V> {
        self.policy.max_concurrent_loads = loads;
        self
    }

    /// How long the store has for each step: 250 ms.
    pub fn deadline(mut self, deadline: Duration) -> CacheBuilder<K, V> {
        self.policy.deadline = deadline;
        self
    }

    /// What a load does when the store does not answer: it goes on without, unless told otherwise.
    pub fn on_store_error(mut self, decision: OnStoreError) -> CacheBuilder<K, V> {
        self.policy.on_store_error = decision;
        self
    }

    /// How many replicas are to have an invalidation before it returns: none unless told otherwise.
    /// If fewer have it within the deadline, it returns
    /// [`NotReplicated`](super::CacheError::NotReplicated).
    ///
    /// It narrows what a failover can lose, and does not close it: a replica that does not have it
    /// may still be the one that takes over. Each step of an invalidation goes over a connection
    /// of its own then ([`Store::exclusive`]) and is one more round trip, by `WAIT`. Embedded stores
    /// fail over to nobody, and nothing is waited for there.
    pub fn replicas(mut self, replicas: u32) -> CacheBuilder<K, V> {
        self.policy.replicas = replicas;
        self
    }

    /// Checks the settings. Nothing is sent.
    pub fn build(self) -> Result<Cache<K, V>, PolicyError> {
        self.policy.check()?;
        let longest = self.policy.longest();
        let keys = Keys::new(self.store.namespace(), &self.policy.name, longest);
        let keys = keys.map_err(|_| PolicyError::Name)?;
        Ok(Cache::of(Core::new(
            self.store,
            self.policy,
            keys,
            self.codec,
        )))
    }
}

impl<K: ?Sized, V> fmt::Debug for CacheBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
