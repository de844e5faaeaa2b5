//! The remote side on servers that are simulated, in simulated time.
//!
//! A [`World`] is a server or a cluster as the store sees it: it greets, executes a handful of
//! commands, redirects, refuses, and fails in every way that it is told to. Connections to it are
//! pipes inside the process. Time moves when nothing is left to do, and then to the next moment
//! for which somebody waits: what takes seconds takes microseconds, and a seed decides almost
//! everything. What it does not decide is in which order tokio wakes those that wait for the same
//! thing; built with `--cfg tokio_unstable`, it decides that too.

mod channels;
mod failures;
mod fate;
mod network;
mod schedules;
mod slots;
mod subscriptions;
mod world;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::network::Network;
pub(super) use self::world::World;
use crate::store::SimulatedTime;

/// Longer than any scene: one that lasts longer hangs.
const END_OF_TIME: Duration = Duration::from_secs(3600);

/// Plays a scene with a world of so many nodes: one is a server, more are a cluster. Fails if the
/// scene does not end.
fn simulate<T>(seed: u64, nodes: usize, scene: impl AsyncFnOnce(&Arc<World>) -> T) -> T {
    let clock = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
    let world = World::new(clock.time(), seed, nodes);
    // Neither sockets nor timers of tokio: whoever uses one here, panics.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    #[cfg(tokio_unstable)]
    runtime.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_be_bytes()));
    let runtime = runtime
        .on_thread_park(move || assert!(clock.advance_to_next(), "nothing can happen any more"))
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::select! {
            biased;
            outcome = scene(&world) => outcome,
            () = world.time.sleep(END_OF_TIME) => panic!("the scene does not end"),
        }
    })
}
