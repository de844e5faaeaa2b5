//! The shards and their locks.
//!
//! Invariant: locks are only ever taken through [`Shards::lock`], which takes a whole set in
//! ascending order. All shards in order is the global lock. Nobody takes a second set while
//! holding a first, and nothing waits for I/O while holding one.

#[cfg(feature = "durable")]
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redstart_protocol::{SLOTS, slot};

use super::shard::Shard;
use crate::data::Seed;
use crate::shim::{Mutex, MutexGuard};

/// The most shards an engine can have: a lock set is one 64-bit word.
pub(crate) const SHARDS_MAX: usize = 64;

/// A shard on cache lines of its own, so that neighbours' locks do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Mutex<Shard>);

/// All keys of an engine, grouped by hash slot.
#[derive(Debug)]
pub(crate) struct Shards {
    shards: Box<[Padded]>,
    seed: Seed,
    /// How many snapshots were begun.
    #[cfg(feature = "durable")]
    snapshots: AtomicU32,
}

/// A set of shards to lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockSet(u64);

impl LockSet {
    pub(crate) const NONE: LockSet = LockSet(0);

    pub(crate) fn one(shard: usize) -> LockSet {
        LockSet(1 << shard)
    }

    pub(crate) fn insert(&mut self, shard: usize) {
        self.0 |= 1 << shard;
    }

    pub(crate) fn contains(self, shard: usize) -> bool {
        self.0 & (1 << shard) != 0
    }

    pub(crate) fn union(self, other: LockSet) -> LockSet {
        LockSet(self.0 | other.0)
    }
}

/// Shards whose locks are held. Its tag is a byte of its own: every access to a key looks at it, and
/// one that is folded into the vector takes several steps to read.
#[derive(Debug)]
#[repr(u8)]
pub(crate) enum Locked<'a> {
    None,
    /// The common case: one key, or keys of one shard.
    One(usize, MutexGuard<'a, Shard>),
    /// Indexed by shard.
    Many(Vec<Option<MutexGuard<'a, Shard>>>),
}

impl Shards {
    /// `count` empty shards, between 1 and [`SHARDS_MAX`].
    pub(crate) fn new(count: usize, seed: Seed) -> Shards {
        let count = count.clamp(1, SHARDS_MAX);
        Shards {
            shards: (0..count)
                .map(|_| Padded(Mutex::new(Shard::new())))
                .collect(),
            seed,
            #[cfg(feature = "durable")]
            snapshots: AtomicU32::new(0),
        }
    }

    /// A number that no snapshot before has had. Zero is that of entries which no snapshot has met.
    #[cfg(feature = "durable")]
    pub(super) fn next_snapshot(&self) -> u32 {
        let before = self.snapshots.fetch_add(1, Ordering::Relaxed);
        before.checked_add(1).unwrap_or(1)
    }

    pub(crate) fn count(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// The shard that holds `key`: its slot's, each shard a contiguous range of slots.
    #[inline]
    pub(crate) fn shard_of(&self, key: &[u8]) -> usize {
        match self.shards.len() {
            1 => 0,
            count => usize::from(slot(key)) * count / usize::from(SLOTS),
        }
    }

    /// The set of all shards.
    pub(crate) fn all(&self) -> LockSet {
        LockSet(u64::MAX >> (SHARDS_MAX - self.shards.len()))
    }

    /// Locks a set in ascending order.
    ///
    /// `patience` is asked now and then while a lock is not to be had: when it answers with an
    /// error, everything taken so far is released and the error is returned.
    #[inline]
    pub(crate) fn lock<E>(
        &self,
        set: LockSet,
        mut patience: impl FnMut() -> Result<(), E>,
    ) -> Result<Locked<'_>, E> {
        match set {
            LockSet::NONE => Ok(Locked::None),
            LockSet(one) if one.is_power_of_two() => {
                let shard = one.trailing_zeros() as usize;
                Ok(Locked::One(shard, self.lock_one(shard, &mut patience)?))
            }
            _ => {
                let mut guards = Vec::with_capacity(self.shards.len());
                for shard in 0..self.shards.len() {
                    guards.push(match set.contains(shard) {
                        true => Some(self.lock_one(shard, &mut patience)?),
                        false => None,
                    });
                }
                Ok(Locked::Many(guards))
            }
        }
    }

    #[inline(always)]
    fn lock_one<E>(
        &self,
        shard: usize,
        patience: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<MutexGuard<'_, Shard>, E> {
        match self.shards[shard].0.try_lock() {
            Some(guard) => Ok(guard),
            None => self.wait_for(shard, patience),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_for<E>(
        &self,
        shard: usize,
        patience: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<MutexGuard<'_, Shard>, E> {
        const CHECK_FIRST: Duration = Duration::from_millis(2);
        const CHECK_EVERY: Duration = Duration::from_millis(20);
        let lock = &self.shards[shard].0;
        let mut wait = CHECK_FIRST;
        loop {
            if let Some(guard) = lock.try_lock_for(wait) {
                return Ok(guard);
            }
            patience()?;
            wait = CHECK_EVERY;
        }
    }

    /// Locks one shard and waits as long as it takes. For periodic work, never inside a command.
    pub(crate) fn lock_for_upkeep(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].0.lock()
    }
}

impl Locked<'_> {
    /// The held shard. The lock plan covers every key a command touches.
    #[inline]
    pub(super) fn shard_mut(&mut self, shard: usize) -> &mut Shard {
        match self {
            Locked::One(held, guard) if *held == shard => guard,
            Locked::Many(guards) => guards[shard]
                .as_deref_mut()
                .expect("the lock plan covers every key touched"),
            _ => unreachable!("the lock plan covers every key touched"),
        }
    }

    #[inline]
    pub(super) fn shard(&self, shard: usize) -> &Shard {
        match self {
            Locked::One(held, guard) if *held == shard => guard,
            Locked::Many(guards) => guards[shard]
                .as_deref()
                .expect("the lock plan covers every key touched"),
            _ => unreachable!("the lock plan covers every key touched"),
        }
    }

    /// The one held shard, when it is only one.
    #[inline]
    pub(super) fn only(&self) -> Option<usize> {
        match self {
            Locked::One(held, _) => Some(*held),
            _ => None,
        }
    }

    /// The held shard where it is one and no more.
    #[inline]
    pub(super) fn one_mut(&mut self) -> Option<&mut Shard> {
        match self {
            Locked::One(_, guard) => Some(guard),
            Locked::None | Locked::Many(_) => None,
        }
    }

    /// The first of the held shards, for what is counted of a command as a whole.
    #[inline]
    pub(super) fn first(&self) -> Option<&Shard> {
        match self {
            Locked::None => None,
            Locked::One(_, guard) => Some(guard),
            Locked::Many(guards) => guards.iter().flatten().next().map(|guard| &**guard),
        }
    }

    /// As [`Locked::first`], to count.
    #[inline]
    pub(super) fn first_mut(&mut self) -> Option<&mut Shard> {
        match self {
            Locked::None => None,
            Locked::One(_, guard) => Some(guard),
            Locked::Many(guards) => guards.iter_mut().flatten().next().map(|guard| &mut **guard),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Shard> {
        let (one, many) = match self {
            Locked::None => (None, &[][..]),
            Locked::One(_, guard) => (Some(&**guard), &[][..]),
            Locked::Many(guards) => (None, guards.as_slice()),
        };
        one.into_iter()
            .chain(many.iter().flatten().map(|guard| &**guard))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        let (one, many) = match self {
            Locked::None => (None, &mut [][..]),
            Locked::One(_, guard) => (Some(&mut **guard), &mut [][..]),
            Locked::Many(guards) => (None, guards.as_mut_slice()),
        };
        one.into_iter()
            .chain(many.iter_mut().flatten().map(|guard| &mut **guard))
    }
}
