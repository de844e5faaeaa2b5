//! Where connections' tasks run.
//!
//! By default on the caller's runtime. A program that only serves does better with several runtimes
//! of one thread each: a connection stays where it is, so that a request wakes no second thread to
//! look for work that is not there, which at one request a read costs more than the command.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// The runtimes that share a server's connections. Clones are handles of the same ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes(Arc<[Lane]>);

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    connections: AtomicUsize,
}

impl Lanes {
    pub(super) fn new(runtimes: Vec<Handle>) -> Lanes {
        let lane = |runtime| Lane {
            runtime,
            connections: AtomicUsize::new(0),
        };
        Lanes(runtimes.into_iter().map(lane).collect())
    }

    /// Begins a connection's task where there are fewest, or on the current runtime. `begin` runs
    /// there, so that sockets are registered with the right one.
    pub(super) fn spawn<F>(
        &self,
        tasks: &mut JoinSet<()>,
        begin: impl FnOnce() -> io::Result<F> + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let connections = |index: &usize| self.0[*index].connections.load(Ordering::Relaxed);
        let Some(index) = (0..self.0.len()).min_by_key(connections) else {
            tasks.spawn(run(begin, None));
            return;
        };
        let lane = &self.0[index];
        lane.connections.fetch_add(1, Ordering::Relaxed);
        let stay = Stay(Arc::clone(&self.0), index);
        tasks.spawn_on(run(begin, Some(stay)), &lane.runtime);
    }
}

async fn run<F>(begin: impl FnOnce() -> io::Result<F> + Send + 'static, _stay: Option<Stay>)
where
    F: Future<Output = ()> + Send,
{
    match begin() {
        Ok(connection) => connection.await,
        Err(error) => tracing::warn!(%error, "cannot serve a connection"),
    }
}

/// A connection's place on a lane, for as long as its task lives.
struct Stay(Arc<[Lane]>, usize);

impl Drop for Stay {
    fn drop(&mut self) {
        self.0[self.1].connections.fetch_sub(1, Ordering::Relaxed);
    }
}
