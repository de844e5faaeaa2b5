//! What CONFIG SET can change while the engine runs.
//!
//! Values that hot paths read are atomics; each is independent of the others, so relaxed order
//! is enough.

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

use crate::data::{Limits, Seed};
use crate::keyspace::access::Tracking;
use crate::rdb::Forms;
use crate::shim::RwLock;

/// The engine's live configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// Bytes of keys above which room is made; zero for no limit.
    pub(crate) maxmemory: AtomicU64,
    policy: AtomicU8,
    /// Keys looked at for each one evicted.
    pub(crate) maxmemory_samples: AtomicUsize,
    pub(crate) lfu_log_factor: AtomicU32,
    /// Minutes after which a key's counter falls by one.
    pub(crate) lfu_decay_time: AtomicU32,
    pub(crate) hash_max_listpack_entries: AtomicUsize,
    pub(crate) hash_max_listpack_value: AtomicUsize,
    pub(crate) zset_max_listpack_entries: AtomicUsize,
    pub(crate) zset_max_listpack_value: AtomicUsize,
    pub(crate) set_max_intset_entries: AtomicUsize,
    /// Bytes above which a sparse HyperLogLog becomes dense.
    pub(crate) hll_sparse_max_bytes: AtomicUsize,
    /// Redis' meaning: entries of a list node, or `-1` to `-5` for 4 to 64 KiB.
    pub(crate) list_max_listpack_size: AtomicI64,
    /// Bytes of the longest string.
    pub(crate) proto_max_bulk_len: AtomicU64,
    /// Milliseconds a script may hold up others before they are answered with BUSY.
    pub(crate) busy_reply_threshold_ms: AtomicU64,
    pub(crate) active_expire: AtomicBool,
    /// Microseconds from which a command is slow; negative for never.
    pub(crate) slowlog_slower_than_us: AtomicI64,
    pub(crate) slowlog_max_len: AtomicU64,
    /// Whether times are kept for percentiles.
    pub(crate) latency_tracking: AtomicBool,
    percentiles: RwLock<Vec<f64>>,
    /// Which keyspace notifications are sent.
    pub(crate) notices: AtomicU32,
    requirepass: RwLock<Option<Vec<u8>>>,
}

/// What to remove when memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// Nothing: commands that need memory are refused.
    NoEviction,
    /// The least recently used key.
    AllKeysLru,
    /// The least frequently used key.
    AllKeysLfu,
    /// Any key.
    AllKeysRandom,
    /// The least recently used key that has a time to live.
    VolatileLru,
    /// The least frequently used key that has a time to live.
    VolatileLfu,
    /// Any key that has a time to live.
    VolatileRandom,
    /// The key that would expire next.
    VolatileTtl,
}

impl EvictionPolicy {
    /// Every policy.
    pub const ALL: [EvictionPolicy; 8] = [
        EvictionPolicy::NoEviction,
        EvictionPolicy::AllKeysLru,
        EvictionPolicy::AllKeysLfu,
        EvictionPolicy::AllKeysRandom,
        EvictionPolicy::VolatileLru,
        EvictionPolicy::VolatileLfu,
        EvictionPolicy::VolatileRandom,
        EvictionPolicy::VolatileTtl,
    ];

    /// The name Redis' configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            EvictionPolicy::NoEviction => "noeviction",
            EvictionPolicy::AllKeysLru => "allkeys-lru",
            EvictionPolicy::AllKeysLfu => "allkeys-lfu",
            EvictionPolicy::AllKeysRandom => "allkeys-random",
            EvictionPolicy::VolatileLru => "volatile-lru",
            EvictionPolicy::VolatileLfu => "volatile-lfu",
            EvictionPolicy::VolatileRandom => "volatile-random",
            EvictionPolicy::VolatileTtl => "volatile-ttl",
        }
    }

    /// The policy of that name, in any case.
    pub fn from_name(name: &str) -> Option<EvictionPolicy> {
        EvictionPolicy::ALL
            .into_iter()
            .find(|policy| policy.name().eq_ignore_ascii_case(name))
    }

    /// Whether only keys with a time to live may go.
    pub(crate) fn is_volatile(self) -> bool {
        self.name().starts_with("volatile")
    }

    /// Whether the policy goes by when or how often keys are used.
    #[cfg(feature = "durable")]
    pub(crate) fn is_by_use(self) -> bool {
        self.is_lfu()
            || matches!(
                self,
                EvictionPolicy::AllKeysLru | EvictionPolicy::VolatileLru
            )
    }

    pub(crate) fn is_lfu(self) -> bool {
        matches!(
            self,
            EvictionPolicy::AllKeysLfu | EvictionPolicy::VolatileLfu
        )
    }
}

/// Microseconds from which a command is slow unless told otherwise, as in Redis.
const SLOWER_THAN_US: i64 = 10_000;

impl Default for Config {
    fn default() -> Config {
        Config {
            maxmemory: AtomicU64::new(0),
            policy: AtomicU8::new(0),
            maxmemory_samples: AtomicUsize::new(5),
            lfu_log_factor: AtomicU32::new(10),
            lfu_decay_time: AtomicU32::new(1),
            hash_max_listpack_entries: AtomicUsize::new(512),
            hash_max_listpack_value: AtomicUsize::new(64),
            zset_max_listpack_entries: AtomicUsize::new(128),
            zset_max_listpack_value: AtomicUsize::new(64),
            set_max_intset_entries: AtomicUsize::new(512),
            hll_sparse_max_bytes: AtomicUsize::new(3_000),
            list_max_listpack_size: AtomicI64::new(-2),
            proto_max_bulk_len: AtomicU64::new(512 * 1024 * 1024),
            busy_reply_threshold_ms: AtomicU64::new(5_000),
            active_expire: AtomicBool::new(true),
            slowlog_slower_than_us: AtomicI64::new(SLOWER_THAN_US),
            slowlog_max_len: AtomicU64::new(128),
            latency_tracking: AtomicBool::new(true),
            percentiles: RwLock::new(vec![50.0, 99.0, 99.9]),
            notices: AtomicU32::new(0),
            requirepass: RwLock::new(None),
        }
    }
}

impl Config {
    pub(crate) fn policy(&self) -> EvictionPolicy {
        EvictionPolicy::ALL[usize::from(self.policy.load(Ordering::Relaxed))]
    }

    pub(crate) fn set_policy(&self, policy: EvictionPolicy) {
        self.policy.store(policy as u8, Ordering::Relaxed);
    }

    /// What access tracking has to record for the policy in force.
    pub(crate) fn tracking(&self) -> Tracking {
        match self.policy().is_lfu() {
            false => Tracking::Recency,
            true => Tracking::Frequency {
                log_factor: self.lfu_log_factor.load(Ordering::Relaxed),
                decay_minutes: self.lfu_decay_time.load(Ordering::Relaxed),
            },
        }
    }

    /// How large a hash may be in its compact form.
    pub(crate) fn hash_limits(&self) -> Limits {
        Limits {
            max_entries: self.hash_max_listpack_entries.load(Ordering::Relaxed),
            max_value: self.hash_max_listpack_value.load(Ordering::Relaxed),
        }
    }

    /// How many integers a set may hold in its compact form.
    pub(crate) fn set_max_integers(&self) -> usize {
        self.set_max_intset_entries.load(Ordering::Relaxed)
    }

    /// How large a sorted set may be in its compact form.
    pub(crate) fn sorted_set_limits(&self) -> Limits {
        Limits {
            max_entries: self.zset_max_listpack_entries.load(Ordering::Relaxed),
            max_value: self.zset_max_listpack_value.load(Ordering::Relaxed),
        }
    }

    /// How values are laid out in memory that come from a snapshot or a payload.
    pub(crate) fn forms(&self, seed: Seed) -> Forms {
        Forms {
            seed,
            hash: self.hash_limits(),
            sorted_set: self.sorted_set_limits(),
            set_max_integers: self.set_max_integers(),
        }
    }

    /// Whether a command that took so long is a slow one.
    pub(crate) fn is_slow(&self, usec: u64) -> bool {
        let slower_than = self.slowlog_slower_than_us.load(Ordering::Relaxed);
        u64::try_from(slower_than).is_ok_and(|limit| usec >= limit)
    }

    /// Whether somebody asks for slow commands that would otherwise not count as slow, so that
    /// every call has to be timed.
    pub(crate) fn looks_for_slow(&self) -> bool {
        (0..SLOWER_THAN_US).contains(&self.slowlog_slower_than_us.load(Ordering::Relaxed))
    }

    /// How many slow commands are remembered.
    pub(crate) fn slowlog_len(&self) -> usize {
        let len = self.slowlog_max_len.load(Ordering::Relaxed);
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// The percentiles that INFO tells.
    pub(crate) fn percentiles(&self) -> Vec<f64> {
        self.percentiles.read().clone()
    }

    pub(crate) fn set_percentiles(&self, percentiles: Vec<f64>) {
        *self.percentiles.write() = percentiles;
    }

    pub(crate) fn has_password(&self) -> bool {
        self.requirepass.read().is_some()
    }

    pub(crate) fn password(&self) -> Option<Vec<u8>> {
        self.requirepass.read().clone()
    }

    /// Sets the password; an empty one removes it.
    pub(crate) fn set_password(&self, password: &[u8]) {
        *self.requirepass.write() = (!password.is_empty()).then(|| password.to_vec());
    }

    /// Whether `attempt` is the password, in time that depends on the lengths alone.
    pub(crate) fn accepts_password(&self, attempt: &[u8]) -> bool {
        match &*self.requirepass.read() {
            None => true,
            Some(password) => {
                let longest = password.len().max(attempt.len());
                let byte = |bytes: &[u8], at: usize| bytes.get(at).copied().unwrap_or(0);
                let difference =
                    (0..longest).fold(0, |sum, at| sum | (byte(password, at) ^ byte(attempt, at)));
                std::hint::black_box(difference) == 0 && password.len() == attempt.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_found_by_its_name() {
        for policy in EvictionPolicy::ALL {
            assert_eq!(EvictionPolicy::from_name(policy.name()), Some(policy));
        }
    }

    #[test]
    fn only_the_whole_password_is_accepted() {
        let config = Config::default();
        config.set_password(b"secret");
        assert!(config.accepts_password(b"secret"));
        for wrong in [&b""[..], b"secre", b"secret\0", b"Secret", b"secrets"] {
            assert!(!config.accepts_password(wrong), "{wrong:?}");
        }
    }
}
