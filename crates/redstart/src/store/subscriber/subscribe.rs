//! A subscription being put together.

use std::future::IntoFuture;
use std::time::Duration;

use super::inbox::{Capacity, Overflow};
use super::name::{self, Kind};
use super::subscription::Subscription;
use crate::store::argument::{Argument, Arguments};
use crate::store::error::{Error, Result};
use crate::store::execution::Boxed;
use crate::store::store::Store;

/// A subscription being put together; awaiting it subscribes, and completes when the server has
/// confirmed every name.
///
/// ```
/// # #[cfg(feature = "embedded")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redstart::store::Error> {
/// use redstart::{Store, store::Event};
///
/// let store = Store::open("memory:").await?;
/// let mut news = store.subscribe(["news", "sport"]).await?;
/// store.command(["PUBLISH", "news", "hello"]).await?;
/// if let Some(Event::Message(message)) = news.next().await {
///     assert_eq!(message.payload, "hello");
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "embedded"))]
/// # fn main() {}
/// ```
///
/// # Errors
///
/// The server refuses a name (NOPERM); none answers within the deadline; there are too many names,
/// or one is too long. Nothing stays subscribed to then, nor when the future is dropped.
#[must_use = "a subscription does not begin unless awaited"]
#[derive(Debug)]
pub struct Subscribe<'s> {
    store: &'s Store,
    kind: Kind,
    names: Arguments,
    capacity: Capacity,
    overflow: Overflow,
    within: Duration,
}

impl<'s> Subscribe<'s> {
    pub(crate) fn new<A: Argument>(
        store: &'s Store,
        kind: Kind,
        names: impl IntoIterator<Item = A>,
    ) -> Subscribe<'s> {
        Subscribe {
            store,
            kind,
            names: names.into_iter().collect(),
            capacity: Capacity {
                messages: 256,
                bytes: 1 << 20,
            },
            overflow: Overflow::default(),
            within: store.deadline(),
        }
    }

    /// How much may wait to be taken, in messages and in bytes: 256 and 1 MiB. Bytes are those of
    /// payloads and channels, and some for each message.
    pub fn capacity(mut self, messages: usize, bytes: usize) -> Subscribe<'s> {
        self.capacity = Capacity { messages, bytes };
        self
    }

    /// What to do when more would have to wait: [`Overflow::DropOldest`].
    pub fn overflow(mut self, overflow: Overflow) -> Subscribe<'s> {
        self.overflow = overflow;
        self
    }

    /// How long the confirmations may take, instead of the store's own deadline. It holds for
    /// [`Subscription::add`] as well.
    pub fn within(mut self, limit: Duration) -> Subscribe<'s> {
        self.within = limit;
        self
    }
}

impl<'s> IntoFuture for Subscribe<'s> {
    type Output = Result<Subscription>;
    type IntoFuture = Boxed<'s, Result<Subscription>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Subscribe {
                store,
                kind,
                names,
                capacity,
                overflow,
                within,
            } = self;
            if capacity.messages == 0 || capacity.bytes == 0 {
                return Err(Error::Malformed {
                    operation: kind.operation(),
                    reason: "a capacity of nothing holds no message",
                });
            }
            let names = name::checked(kind, &names)?;
            Subscription::open(store, kind, names, capacity, overflow, within).await
        })
    }
}
