//! Stepping aside: a command that takes long must not hold up the reactor.
//!
//! Commands are short, so they run where their connection's task runs, and nothing is paid for
//! the few that are not: a long script, or a command that waits for one. Those are found out by
//! the engine while they run (`crate::stall`), and only then the worker's other tasks, timers and
//! sockets are handed to another thread. Running every script under `block_in_place` instead
//! would cost some six microseconds each, several times what a short script takes.

use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// How long to wait for another thread to take over. Nothing depends on it but the others'
/// latency: the next mention of the same stall tries again.
const PATIENCE: Duration = Duration::from_millis(5);

/// Has another thread take over this worker's tasks while the current one goes on computing.
///
/// `block_in_place` offers them as soon as it is entered and takes them back when it is left,
/// unless another thread has begun to serve them. So this stays inside until a task of its own
/// has run elsewhere, which proves that. Returns whether that is settled.
///
/// To be called from a task of the runtime, but not of a `LocalSet`, which cannot do without its
/// thread.
pub(super) fn step_aside() -> bool {
    let Ok(handle) = Handle::try_current() else {
        return true;
    };
    if handle.runtime_flavor() != RuntimeFlavor::MultiThread {
        return true; // There is no other thread.
    }
    let (taken_over, proof) = mpsc::sync_channel(1);
    handle.spawn(async move { taken_over.try_send(()) });
    block_in_place(|| proof.recv_timeout(PATIENCE)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn other_tasks_of_the_only_worker_go_on() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build();
        let runtime = runtime.expect("a runtime can be made");
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let stuck = runtime.spawn(async move {
            tokio::spawn(async move { done.store(true, Ordering::Release) });
            // A computation that ends only when the other task has run.
            while !seen.load(Ordering::Acquire) {
                let _ = step_aside();
            }
        });
        runtime.block_on(stuck).expect("the stuck task ends");
    }

    #[test]
    fn does_nothing_where_there_is_no_other_thread() {
        assert!(step_aside());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime
            .expect("a runtime can be made")
            .block_on(async { assert!(step_aside()) });
    }
}
