//! Work nobody asks for: expiry, figures for INFO, and patience with scripts that take long.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::eviction;
use crate::command::error::CommandError;
use crate::keyspace::change::Effect;
use crate::keyspace::shards::Locked;
use crate::keyspace::{Space, Surroundings};
use crate::state::Environment;

/// Entries of one shard looked at under one lock.
const SWEEP_ENTRIES: usize = 400;
/// How often one shard is swept in a tick while much of what is found has expired.
const SWEEPS_MAX: usize = 16;

pub(super) fn tick(environment: &Arc<Environment>) {
    environment.clock.now_us();
    let now_us = environment.clock.monotonic_us();
    let (stats, config) = (&environment.stats, &environment.config);
    stats.note_memory(eviction::used_memory(environment));
    environment.refresh_attention();
    stats.sample(now_us, commands(environment));
    #[cfg(feature = "durable")]
    {
        crate::state::snapshots::begin_due(environment);
        environment.replicas.look_after(now_us / 1_000_000);
    }
    if !config.active_expire.load(Ordering::Relaxed)
        || environment.pause.is_on(|| now_us)
        || environment.is_loading()
    {
        return;
    }
    environment.observe("expire-cycle", || sweep(environment));
}

/// Removes what has expired, some of it in each shard.
fn sweep(environment: &Environment) {
    for shard in 0..environment.shards.count() {
        for _ in 0..SWEEPS_MAX {
            let again = with_shard(environment, shard, |space| {
                space.sweep(shard, SWEEP_ENTRIES)
            });
            if !again {
                break;
            }
        }
    }
}

/// All commands carried out so far.
fn commands(environment: &Environment) -> u64 {
    let of_shard = |shard| {
        let shard = environment.shards.lock_for_upkeep(shard);
        shard.tallies.iter().map(|tally| tally.calls).sum::<u64>()
    };
    let locked: u64 = (0..environment.shards.count()).map(of_shard).sum();
    locked + environment.calls.free_total()
}

/// Works on one shard outside any command; what it changes is logged like a command's effect.
pub(super) fn with_shard<R>(
    environment: &Environment,
    shard: usize,
    work: impl FnOnce(&mut Space<'_>) -> R,
) -> R {
    let surroundings = surroundings(environment, environment.clock.coarse_us(), false);
    let locked = Locked::One(shard, environment.shards.lock_for_upkeep(shard));
    let mut rng = environment.fork_rng();
    let mut space = Space::new(&environment.shards, locked, surroundings, &mut rng);
    let result = work(&mut space);
    let effects = std::mem::take(space.effects());
    if !effects.is_empty() {
        append(&mut space, environment, &effects, false);
    }
    result
}

/// Logs effects, and sends them to replicas, under the locks they were made under. The number they
/// have in the log, if one is kept.
#[inline]
pub(super) fn append(
    space: &mut Space<'_>,
    environment: &Environment,
    effects: &[Effect],
    atomic: bool,
) -> u64 {
    let mut lsn = 0;
    if let Some(log) = &environment.log
        && log.is_on()
    {
        lsn = log.append(effects, atomic);
        #[cfg(feature = "durable")]
        space.note_logged(lsn);
        #[cfg(not(feature = "durable"))]
        let _ = space;
    }
    #[cfg(feature = "durable")]
    if environment.replicas.are_attached() {
        environment.replicas.send(effects, atomic);
    }
    lsn
}

/// What a space needs to know of its engine.
#[inline]
pub(super) fn surroundings(
    environment: &Environment,
    coarse_us: u64,
    touching: bool,
) -> Surroundings<'_> {
    Surroundings {
        clock: &*environment.clock,
        coarse_us,
        tracking: environment.config.tracking(),
        observer: environment.observer.as_deref(),
        announcer: environment.announcer(),
        logging: environment.is_logging(),
        touching,
    }
}

/// Asked while a lock is not to be had: an error once a script has been holding things up for
/// longer than others are asked to wait.
#[cfg(feature = "script")]
pub(super) fn patience(environment: &Environment) -> Result<(), CommandError> {
    crate::stall::mention();
    let threshold_ms = environment
        .config
        .busy_reply_threshold_ms
        .load(Ordering::Relaxed);
    let patience_us = threshold_ms.saturating_mul(1_000);
    let now_us = environment.clock.monotonic_us();
    let busy = now_us
        .checked_sub(patience_us)
        .is_some_and(|at| environment.scripts.any_since(at));
    match busy {
        true => Err(CommandError::BUSY_SCRIPT),
        false => Ok(()),
    }
}

/// Without scripts nothing holds a lock for long.
#[cfg(not(feature = "script"))]
pub(super) fn patience(_: &Environment) -> Result<(), CommandError> {
    crate::stall::mention();
    Ok(())
}
