//! What happened, counted.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! outcomes {
    ($($(#[doc = $about:literal])+ $name:ident = $label:literal,)+) => {
        /// Something that happens in a cache. All of it is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Outcome {
            $($(#[doc = $about])+ $name,)+
        }

        impl Outcome {
            /// All there are.
            pub const ALL: &[Outcome] = &[$(Outcome::$name),+];

            /// Its name in metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Outcome::$name => $label,)+
                }
            }
        }
    };
}

outcomes! {
    /// A fresh value was there.
    Hit = "hit",
    /// A stale value was there, and was returned.
    Stale = "stale",
    /// There was no value to return.
    Miss = "miss",
    /// A loader ran to its end.
    Load = "load",
    /// A loader returned an error.
    LoadFailed = "load_failed",
    /// A loader panicked.
    LoadPanicked = "load_panicked",
    /// A loader was stopped after its time, or nobody else's came to an end in time.
    LoadTimedOut = "load_timed_out",
    /// A call waited for a load of this process instead of loading itself.
    Coalesced = "coalesced",
    /// A load of this process waited for one of another process.
    LeaseWait = "lease_wait",
    /// A value was refreshed before its time.
    EarlyRefresh = "early_refresh",
    /// No place for one more load.
    Overloaded = "overloaded",
    /// A load was refused because the last one failed a moment ago.
    BackedOff = "backed_off",
    /// What was loaded was stored.
    Fill = "fill",
    /// What was loaded was not stored: the entry was invalidated, or loaded by somebody else, in
    /// the meantime.
    FillFenced = "fill_fenced",
    /// What was loaded was not stored: a newer version is.
    FillOlder = "fill_older",
    /// What was loaded cannot be told from what was invalidated in the meantime: a tag's, or the
    /// whole cache's.
    FillInvalidated = "fill_invalidated",
    /// What was loaded was not stored: it is too large, or has too many tags, or no bytes.
    FillRefused = "fill_refused",
    /// What was loaded was not stored: loads are held off.
    HeldOff = "held_off",
    /// An entry of another schema was a miss.
    OtherSchema = "other_schema",
    /// An entry that was invalidated by a tag or a clearing was a miss.
    Invalidated = "invalidated",
    /// Bytes that are no entry, or no value, were a miss.
    Unreadable = "unreadable",
    /// The store failed, or did not answer in time.
    StoreFailed = "store_failed",
    /// A value was put.
    Put = "put",
    /// A value was not put because a newer version is there.
    PutOlder = "put_older",
    /// An entry was invalidated.
    Invalidation = "invalidation",
    /// A tag was invalidated.
    TagInvalidation = "tag_invalidation",
    /// The cache was cleared.
    Clear = "clear",
}

/// How often each happened.
#[derive(Debug)]
pub(super) struct Counters {
    counts: [AtomicU64; Outcome::ALL.len()],
}

impl Counters {
    pub(super) fn new() -> Counters {
        Counters {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn add(&self, outcome: Outcome) {
        self.counts[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize].load(Ordering::Relaxed)
    }
}
