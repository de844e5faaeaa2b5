//! Requests as futures, without a box where none is needed.
//!
//! A request does nothing until it is polled. On the embedded engine it is then answered on the
//! spot, on the caller's thread, without an allocation for the future; remotely it becomes a boxed
//! future, which is lost in the cost of the network.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Work that a store can begin.
///
/// No lifetime is a parameter of this trait: a future that holds an [`Execution`] could otherwise
/// not be spawned, because the compiler forgets lifetimes when it asks whether a future is `Send`.
pub trait Job: Unpin + Sized {
    /// What it ends with.
    type Output;
    /// Its rest, when it goes on elsewhere.
    type Rest: Future<Output = Self::Output> + Unpin;

    /// Begins; the embedded engine ends it at once.
    fn start(self) -> Started<Self::Output, Self::Rest>;
}

/// A future of any kind.
pub(crate) type Boxed<'s, T> = Pin<Box<dyn Future<Output = T> + Send + 's>>;

/// What became of a job.
#[expect(missing_debug_implementations, reason = "never leaves this crate")]
pub enum Started<T, R> {
    /// It is over.
    Done(T),
    /// It goes on elsewhere.
    Underway(R),
}

/// A request on its way. Dropping it before the first poll cancels it; after that, a remote
/// request may still have its effect.
#[must_use = "futures do nothing unless awaited"]
pub struct Execution<J: Job> {
    stage: Stage<J>,
}

enum Stage<J: Job> {
    Fresh(J),
    Underway(J::Rest),
    Over,
}

impl<J: Job> Execution<J> {
    pub(crate) fn new(job: J) -> Execution<J> {
        Execution {
            stage: Stage::Fresh(job),
        }
    }
}

impl<J: Job> Future for Execution<J> {
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
        let polled = Pin::new(&mut future).poll(context);
        if polled.is_pending() {
            self.stage = Stage::Underway(future);
        }
        polled
    }
}

impl<J: Job> std::fmt::Debug for Execution<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.stage {
            Stage::Fresh(_) => "Execution(not started)",
            Stage::Underway(_) => "Execution(under way)",
            Stage::Over => "Execution(over)",
        })
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use crate::Store;

    #[tokio::test]
    async fn requests_can_be_awaited_in_tasks_of_their_own() {
        async fn count(store: &Store, key: &str) -> i64 {
            let command = store.command(["INCR", key]).returning();
            command.await.expect("a count")
        }

        let store = Store::open("memory:").await.expect("an engine");
        let mut last = 0;
        for _ in 0..3 {
            let (store, key) = (store.clone(), String::from("visits"));
            let task = tokio::spawn(async move {
                let results = store.pipeline().command(["PING"]).await;
                results.expect("a result for the ping");
                count(&store, &key).await
            });
            last = task.await.expect("the task ends");
        }
        assert_eq!(last, 3);
    }
}
