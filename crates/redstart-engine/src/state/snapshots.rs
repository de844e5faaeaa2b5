//! Snapshots of an engine: begun at a moment with all shards locked, written without locks.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use super::Environment;
use crate::durable::{Circumstances, Form, Job, Persistence, Purpose};
use crate::keyspace::{Space, Surroundings};
use crate::stall;

/// Begins a snapshot in the background; false if one is being taken. `space` has all shards.
pub(crate) fn begin(env: &Arc<Environment>, space: &mut Space<'_>, purpose: Purpose) -> bool {
    let Some(durable) = &env.durable else {
        return false;
    };
    let circumstances = circumstances(env, space, durable.compress().load(Ordering::Relaxed));
    match durable.begin(space, purpose, &circumstances) {
        None => false,
        Some(job) => {
            carry_out(env, durable, job);
            true
        }
    }
}

/// Begins what is due, if anything. To be called without any lock.
pub(crate) fn begin_due(env: &Arc<Environment>) {
    let Some(durable) = env.durable.as_ref().filter(|durable| !durable.is_loading()) else {
        return;
    };
    work_on_parked(env, durable);
    if let Some(purpose) = durable.due()
        && let Some(job) = begin_alone(env, durable, purpose)
    {
        carry_out(env, durable, job);
    }
}

/// Takes a snapshot on this thread; false if it fails, or another is being taken. To be called
/// without any lock.
pub(crate) fn save(env: &Environment) -> bool {
    let Some(durable) = &env.durable else {
        return false;
    };
    let Some(mut job) = begin_alone(env, durable, Purpose::Save) else {
        return false;
    };
    while !job.step(durable, &env.shards) {
        stall::mention();
    }
    durable.saves().save.is_ok
}

/// Leaves the data as safe as it can be made: saved, if that is done now and then, and the log
/// written. False if that fails. To be called without any lock.
pub(crate) fn settle(env: &Environment, saves: bool) -> bool {
    let Some(durable) = &env.durable else {
        return true;
    };
    durable.cancel();
    let saved = !saves || save(env);
    durable.sync() && saved
}

/// Writes a little of a snapshot that has no thread of its own.
fn work_on_parked(env: &Environment, durable: &Persistence) {
    const PIECES: usize = 16;
    let mut parked = durable.parked().lock();
    let Some(job) = &mut *parked else {
        return;
    };
    if (0..PIECES).any(|_| job.step(durable, &env.shards)) {
        *parked = None;
    }
}

/// Begins a snapshot at a moment of its own.
fn begin_alone(env: &Environment, durable: &Persistence, purpose: Purpose) -> Option<Job> {
    if purpose == Purpose::SwitchOn
        && let Err(error) = durable.prepare_log()
    {
        tracing::error!(%error, "cannot make the directory of the log");
        return None;
    }
    let locked = env.shards.lock(env.shards.all(), || {
        stall::mention();
        Ok::<(), Infallible>(())
    });
    let Ok(locked) = locked;
    let surroundings = Surroundings {
        clock: &*env.clock,
        coarse_us: env.clock.coarse_us(),
        tracking: env.config.tracking(),
        observer: None,
        announcer: None,
        logging: false,
        touching: false,
    };
    let mut rng = env.fork_rng();
    let mut space = Space::new(&env.shards, locked, surroundings, &mut rng);
    let circumstances = circumstances(env, &space, durable.compress().load(Ordering::Relaxed));
    durable.begin(&mut space, purpose, &circumstances)
}

/// What a snapshot of the locked shards needs to know of the engine.
pub(super) fn circumstances(env: &Environment, space: &Space<'_>, compress: bool) -> Circumstances {
    let tracks = env.config.policy().is_by_use();
    Circumstances {
        now_s: space.now_ms() / 1_000,
        used_memory: space.memory() as u64,
        form: Form {
            compress,
            tracking: tracks.then(|| env.config.tracking()),
            is_base: false,
        },
    }
}

/// Has a snapshot written by a thread of its own, for as long as the engine lives.
fn carry_out(env: &Arc<Environment>, durable: &Persistence, job: Job) {
    if durable.is_manual() {
        return durable.park(job);
    }
    let (engine, job) = (Arc::downgrade(env), Arc::new(parking_lot::Mutex::new(job)));
    let work = Arc::clone(&job);
    let spawned = thread::Builder::new()
        .name("redstart-save".into())
        .spawn(move || {
            while let Some(env) = engine.upgrade()
                && let Some(durable) = &env.durable
                && !work.lock().step(durable, &env.shards)
            {}
        });
    match spawned {
        Ok(thread) => {
            drop(job);
            durable.keep_thread(thread);
        }
        Err(error) => {
            tracing::warn!(%error, "no thread for a snapshot: it is written bit by bit");
            if let Some(job) = Arc::into_inner(job) {
                durable.park(job.into_inner());
            }
        }
    }
}
