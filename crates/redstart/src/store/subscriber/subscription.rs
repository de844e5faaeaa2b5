//! The handle of a subscription.

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use super::event::Event;
use super::inbox::{Capacity, Ending, Inbox, Overflow};
use super::name::{self, Kind, MAX_NAMES};
use crate::store::argument::{Argument, Arguments};
use crate::store::error::{Disconnect, Error, Failure, Result};
use crate::store::store::Store;

/// Messages of the names it is subscribed to, in the order they came, and the gaps in between.
/// Dropping it unsubscribes. It keeps its store open.
///
/// It is a [`Stream`] as well, which ends when the subscription does.
pub struct Subscription {
    store: Store,
    kind: Kind,
    names: BTreeSet<Bytes>,
    inbox: Arc<Inbox>,
    within: Duration,
}

impl Subscription {
    pub(super) async fn open(
        store: &Store,
        kind: Kind,
        names: Vec<Bytes>,
        capacity: Capacity,
        overflow: Overflow,
        within: Duration,
    ) -> Result<Subscription> {
        let mut subscription = Subscription {
            store: store.clone(),
            kind,
            names: BTreeSet::new(),
            inbox: store.backend().hub().inbox(capacity, overflow),
            within,
        };
        subscription.follow(names).await?;
        Ok(subscription)
    }

    /// What comes next, as soon as it is there. `None` when the subscription has ended, which
    /// [`ending`](Subscription::ending) then explains.
    ///
    /// Costs no round trip. A dropped future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Subscribes to more names, of the kind this subscription began with, and completes when the
    /// server has confirmed them.
    ///
    /// # Errors
    ///
    /// As [`Subscribe`](super::Subscribe). The subscription goes on with the names it had; so it
    /// does when the future is dropped.
    pub fn add<A: Argument>(
        &mut self,
        names: impl IntoIterator<Item = A>,
    ) -> impl Future<Output = Result<()>> + Send {
        let names: Arguments = names.into_iter().collect();
        async move { self.follow(name::checked(self.kind, &names)?).await }
    }

    /// Unsubscribes from some names. What came of them before may still be there to be taken; what
    /// comes later is not.
    pub fn remove<A: Argument>(&mut self, names: impl IntoIterator<Item = A>) {
        let given: Arguments = names.into_iter().collect();
        let taken = given.iter().filter_map(|name| self.names.take(name));
        let names: Vec<Bytes> = taken.collect();
        self.unfollow(&names);
    }

    /// The channels or patterns it is subscribed to.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|name| &**name)
    }

    /// Why it has ended; `None` while it goes on.
    pub fn ending(&self) -> Option<Ending> {
        self.inbox.ending()
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.store.backend().mend_subscriptions();
        self.inbox.poll_event(context)
    }

    async fn follow(&mut self, names: Vec<Bytes>) -> Result<()> {
        let operation = self.kind.operation();
        let more = names.iter().filter(|name| !self.names.contains(*name));
        if self.names.len() + more.count() > MAX_NAMES {
            return Err(Error::Malformed {
                operation,
                reason: "more than 65,536 names in one subscription",
            });
        }
        let within = self.within;
        let deadline = self.store.deadline_after(within);
        let mut trouble = self.store.backend().hub().trouble();
        let mut addition = Addition::begin(self, &names);
        let is_refused =
            |trouble: &Option<Disconnect>| matches!(trouble, Some(Disconnect::Refused { .. }));
        let inbox = Arc::clone(&addition.subscription.inbox);
        let time = addition.subscription.store.time().clone();
        let failure = tokio::select! {
            biased;
            confirmed = poll_fn(|context| inbox.poll_confirmed(context)) => match confirmed {
                Ok(()) => {
                    addition.keep();
                    return Ok(());
                }
                Err(error) => return Err(error),
            },
            Ok(_) = trouble.wait_for(is_refused) => Failure::Failed,
            () = time.sleep_until(deadline.at) => Failure::NotSent,
        };
        let cause = trouble.borrow().clone();
        Err(match cause {
            Some(cause) => Error::Disconnected {
                operation,
                failure,
                cause,
            },
            None => Error::Deadline {
                operation,
                failure: Failure::Unknown,
                within,
            },
        })
    }

    fn unfollow<'n>(&self, names: impl IntoIterator<Item = &'n Bytes>) {
        let backend = self.store.backend();
        backend
            .hub()
            .with(|ledger| ledger.unfollow(&self.inbox, self.kind, names));
        backend.settle_subscriptions();
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.unfollow(&self.names);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("kind", &self.kind)
            .field("names", &self.names.len())
            .finish_non_exhaustive()
    }
}

/// Names on their way into a subscription. They are taken back unless they are kept.
struct Addition<'s> {
    subscription: &'s mut Subscription,
    names: Vec<Bytes>,
}

impl<'s> Addition<'s> {
    fn begin(subscription: &'s mut Subscription, names: &[Bytes]) -> Addition<'s> {
        let backend = subscription.store.backend();
        let new = backend
            .hub()
            .with(|ledger| ledger.follow(&subscription.inbox, subscription.kind, names));
        let addition = Addition {
            subscription,
            names: new,
        };
        addition.subscription.store.backend().settle_subscriptions();
        addition
    }

    fn keep(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.subscription.names.extend(names);
    }
}

impl Drop for Addition<'_> {
    fn drop(&mut self) {
        if !self.names.is_empty() {
            self.subscription.unfollow(&self.names);
        }
    }
}
