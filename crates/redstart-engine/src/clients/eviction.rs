//! Eviction: making room when the keys take more than `maxmemory`.
//!
//! As in Redis, a few keys are sampled for each one that goes, and the best candidates seen are
//! kept in a small pool between rounds, so that sampling approaches true LRU and LFU. Each shard
//! is locked for one sample or one removal at a time, never two at once.

use std::sync::atomic::Ordering;

use redstart_protocol::facts::Flags;

use super::upkeep::with_shard;
use crate::command::Command;
use crate::command::error::CommandError;
use crate::data::Blob;
use crate::keyspace::{Entry, Whose};
use crate::state::Environment;
use crate::state::config::EvictionPolicy;

/// Candidates kept between rounds, as many as Redis keeps.
const POOL: usize = 16;
/// Samples a round, each of another shard where there are as many.
const SAMPLES: usize = 4;
/// Rounds without a key to remove, after which there is none.
const EMPTY_ROUNDS_MAX: usize = 4;

/// Evicts until there is room, before a command runs; an error if there is none and the command
/// needs some. Otherwise whether memory is short.
#[inline]
pub(super) fn make_room(
    environment: &Environment,
    command: &Command,
) -> Result<bool, CommandError> {
    match make_room_for_write(environment) {
        Ok(()) => Ok(false),
        Err(error) if command.has(Flags::DENY_OOM) => Err(error),
        Err(_) => Ok(true),
    }
}

/// As [`make_room`], for a step that writes.
#[inline]
pub(super) fn make_room_for_write(environment: &Environment) -> Result<(), CommandError> {
    let limit = environment.config.maxmemory.load(Ordering::Relaxed);
    let is_paused = || {
        let now_us = || environment.clock.monotonic_us();
        environment.pause.is_on(now_us)
    };
    match limit == 0 || is_paused() || {
        environment.observe("eviction-cycle", || evict_down_to(environment, limit))
    } {
        true => Ok(()),
        false => Err(CommandError::OUT_OF_MEMORY),
    }
}

/// Bytes that all keys take.
pub(crate) fn used_memory(environment: &Environment) -> u64 {
    (0..environment.shards.count())
        .map(|shard| environment.shards.lock_for_upkeep(shard).memory() as u64)
        .sum()
}

/// A key that may go, the higher its score the sooner.
struct Candidate {
    score: u64,
    shard: usize,
    db: u8,
    key: Blob,
}

/// Whether the keys fit into `limit`, after removing what the policy allows.
fn evict_down_to(environment: &Environment, limit: u64) -> bool {
    let policy = environment.config.policy();
    let mut pool: Vec<Candidate> = Vec::new();
    let mut rng = environment.fork_rng();
    let mut empty_rounds = 0;
    while used_memory(environment) > limit {
        if policy == EvictionPolicy::NoEviction || empty_rounds >= EMPTY_ROUNDS_MAX {
            return false;
        }
        let shards = environment.shards.count();
        let first = rng.below(shards as u64) as usize;
        // All shards once rounds stay empty.
        let samples = if empty_rounds > 0 {
            shards.max(SAMPLES)
        } else {
            SAMPLES
        };
        for offset in 0..samples {
            sample(environment, policy, (first + offset) % shards, &mut pool);
        }
        pool.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
        pool.truncate(POOL);
        let evicted = !pool.is_empty() && {
            let Candidate { shard, db, key, .. } = pool.remove(0);
            with_shard(environment, shard, |space| space.evict(db, &key))
        };
        empty_rounds = if evicted { 0 } else { empty_rounds + 1 };
    }
    true
}

fn sample(
    environment: &Environment,
    policy: EvictionPolicy,
    shard: usize,
    pool: &mut Vec<Candidate>,
) {
    let count = environment
        .config
        .maxmemory_samples
        .load(Ordering::Relaxed)
        .max(1);
    let tracking = environment.config.tracking();
    with_shard(environment, shard, |space| {
        let (now_s, mut rng) = (space.now_ms() / 1_000, space.rng().fork());
        let mut score = |entry: &Entry| match policy {
            EvictionPolicy::AllKeysLru | EvictionPolicy::VolatileLru => entry.access.idle_s(now_s),
            EvictionPolicy::AllKeysLfu | EvictionPolicy::VolatileLfu => {
                u64::from(255 - entry.access.counter(tracking, now_s))
            }
            EvictionPolicy::VolatileTtl => u64::MAX - entry.expires_ms().unwrap_or(u64::MAX),
            EvictionPolicy::NoEviction
            | EvictionPolicy::AllKeysRandom
            | EvictionPolicy::VolatileRandom => rng.next_u64(),
        };
        let mut found: Vec<Candidate> = Vec::new();
        let whose = match policy.is_volatile() {
            true => Whose::Volatile,
            false => Whose::All,
        };
        space.sample(shard, count, whose, |db, key, entry| {
            found.push(Candidate {
                score: score(entry),
                shard,
                db,
                key: Blob::from(key),
            });
        });
        pool.retain(|known| {
            !found
                .iter()
                .any(|new| (new.db, &new.key) == (known.db, &known.key))
        });
        pool.append(&mut found);
    });
}
