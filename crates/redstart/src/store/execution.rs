//! Requests as futures, without a box where none is needed.
//!
//! A request does nothing until it is polled. On the embedded engine it is then answered on the
//! spot, on the caller's thread, without an allocation for the future; remotely it becomes a boxed
//! future, which is lost in the cost of the network.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Work that a store can begin.
pub trait Job<'s>: Unpin + Sized {
    /// What it ends with.
    type Output: 's;

    /// Begins; the embedded engine ends it at once.
    fn start(self) -> Started<'s, Self::Output>;
}

/// What became of a job.
#[expect(missing_debug_implementations, reason = "never leaves this crate")]
pub enum Started<'s, T> {
    /// It is over.
    Done(T),
    /// It goes on elsewhere.
    Underway(Pin<Box<dyn Future<Output = T> + Send + 's>>),
}

/// A request on its way. Dropping it before the first poll cancels it; after that, a remote
/// request may still have its effect.
#[must_use = "futures do nothing unless awaited"]
pub struct Execution<'s, J: Job<'s>> {
    stage: Stage<'s, J>,
}

enum Stage<'s, J: Job<'s>> {
    Fresh(J),
    Underway(Pin<Box<dyn Future<Output = J::Output> + Send + 's>>),
    Over,
}

impl<'s, J: Job<'s>> Execution<'s, J> {
    pub(crate) fn new(job: J) -> Execution<'s, J> {
        Execution {
            stage: Stage::Fresh(job),
        }
    }
}

impl<'s, J: Job<'s>> Future for Execution<'s, J> {
    type Output = J::Output;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<J::Output> {
        let mut future = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Fresh(job) => match job.start() {
                Started::Done(output) => return Poll::Ready(output),
                Started::Underway(future) => future,
            },
            Stage::Underway(future) => future,
            Stage::Over => panic!("a finished request was polled again"),
        };
        let polled = future.as_mut().poll(context);
        if polled.is_pending() {
            self.stage = Stage::Underway(future);
        }
        polled
    }
}

impl<'s, J: Job<'s>> std::fmt::Debug for Execution<'s, J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.stage {
            Stage::Fresh(_) => "Execution(not started)",
            Stage::Underway(_) => "Execution(under way)",
            Stage::Over => "Execution(over)",
        })
    }
}
