//! What a cache keeps to: values that were checked when it was built.

use std::time::Duration;

use super::keys::whole_ms;

const MAX_NAME_BYTES: usize = 64;

/// Beyond this, instants in milliseconds would leave what servers take.
pub(super) const MAX_LIFE: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// A cache that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The name has other characters, or none, or too many.
    #[error("a cache's name is 1 to {MAX_NAME_BYTES} letters, digits, `_`, `-` or `.`")]
    Name,
    /// An option is out of its bounds.
    #[error("{option}: {bounds}")]
    Option {
        /// Which one.
        option: &'static str,
        /// What is possible.
        bounds: &'static str,
    },
}

/// What to do when the store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnStoreError {
    /// Load, as if nothing were cached: the origin carries the load, as many loads at a time as
    /// [`max_concurrent_loads`](super::CacheBuilder::max_concurrent_loads) allows.
    Load,
    /// Fail: the origin is spared.
    Fail,
}

#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) name: Box<str>,
    pub(super) ttl: Duration,
    /// The part of the ttl that chance may take away.
    pub(super) jitter: f64,
    pub(super) grace: Duration,
    /// Zero: that there is nothing is not cached.
    pub(super) negative_ttl: Duration,
    pub(super) error_back_off: Duration,
    pub(super) early_refresh: f64,
    pub(super) schema: u32,
    pub(super) max_value_bytes: usize,
    #[cfg(feature = "compression")]
    pub(super) compress_above: Option<usize>,
    pub(super) lease: Duration,
    pub(super) stale_after: Duration,
    pub(super) load_timeout: Duration,
    pub(super) max_concurrent_loads: usize,
    pub(super) deadline: Duration,
    pub(super) on_store_error: OnStoreError,
    /// That are to have an invalidation before it returns.
    pub(super) replicas: u32,
}

impl Policy {
    pub(super) fn new(name: &str) -> Policy {
        Policy {
            name: name.into(),
            ttl: Duration::from_secs(300),
            jitter: 0.1,
            grace: Duration::ZERO,
            negative_ttl: Duration::ZERO,
            error_back_off: Duration::ZERO,
            early_refresh: 1.0,
            schema: 0,
            max_value_bytes: 1 << 20,
            #[cfg(feature = "compression")]
            compress_above: None,
            lease: Duration::from_secs(3),
            stale_after: Duration::ZERO,
            load_timeout: Duration::from_secs(10),
            max_concurrent_loads: 64,
            deadline: Duration::from_millis(250),
            on_store_error: OnStoreError::Load,
            replicas: 0,
        }
    }

    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let name = self.name.as_bytes();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.iter().copied().all(allowed) {
            return Err(PolicyError::Name);
        }
        let ms = Duration::from_millis(1);
        let century = |duration: Duration| duration <= MAX_LIFE;
        for (holds, option, bounds) in [
            (
                self.ttl >= ms && century(self.ttl),
                "ttl",
                "1 ms to 100 years",
            ),
            (century(self.grace), "grace", "up to 100 years"),
            (
                century(self.negative_ttl),
                "negative_ttl",
                "up to 100 years",
            ),
            (
                century(self.error_back_off),
                "error_back_off",
                "up to 100 years",
            ),
            ((0.0..1.0).contains(&self.jitter), "jitter", "0 to below 1"),
            (
                (0.0..=100.0).contains(&self.early_refresh),
                "early_refresh",
                "0 to 100",
            ),
            (
                (Duration::from_millis(50)..=Duration::from_secs(600)).contains(&self.lease),
                "lease",
                "50 ms to 10 minutes",
            ),
            (
                self.load_timeout >= ms && century(self.load_timeout),
                "load_timeout",
                "1 ms to 100 years",
            ),
            (
                (1..=100_000).contains(&self.max_concurrent_loads),
                "max_concurrent_loads",
                "1 to 100,000",
            ),
            (
                (1..=256 << 20).contains(&self.max_value_bytes),
                "max_value_bytes",
                "1 byte to 256 MiB",
            ),
            (self.deadline >= ms, "deadline", "1 ms at least"),
        ] {
            if !holds {
                return Err(PolicyError::Option { option, bounds });
            }
        }
        Ok(())
    }

    /// The longest an entry lives, unless its load says otherwise.
    pub(super) fn longest(&self) -> Duration {
        self.ttl.max(self.negative_ttl).saturating_add(self.grace)
    }

    pub(super) fn lease_ms(&self) -> u64 {
        whole_ms(self.lease)
    }
}
