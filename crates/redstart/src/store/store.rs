//! The handle.

use std::sync::Arc;
use std::time::Duration;

use super::argument::Argument;
use super::builder::StoreBuilder;
use super::command::Command;
#[cfg(feature = "embedded")]
use super::embedded::Embedded;
use super::error::{Error, Result};
use super::key::Namespace;
use super::pipeline::Pipeline;
use super::remote::Remote;
use super::replay::Deadline;
use super::subscriber::{Hub, Kind, Subscribe};
use super::time::Time;
use super::url::StoreUrl;

/// An open store. Clones are handles of the same store; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) url: StoreUrl,
    #[cfg_attr(not(any(feature = "cache", feature = "limiter")), allow(dead_code))]
    pub(crate) namespace: Namespace,
    pub(crate) time: Time,
    pub(crate) deadline: Duration,
    pub(crate) backend: Backend,
}

/// Which engine is behind the handle.
pub(crate) enum Backend {
    #[cfg(feature = "embedded")]
    Embedded(Embedded),
    Remote(Remote),
}

impl Store {
    /// Opens the store that a URL names, with everything else as it comes. A server must answer:
    /// a wrong address or password is an error here and not a surprise later.
    ///
    /// Call it inside a tokio runtime: connections and the embedded engine's periodic work are
    /// tasks of that runtime and end with the last handle.
    pub async fn open(url: &str) -> Result<Store> {
        Store::builder(url).open().await
    }

    /// Opens a store step by step.
    pub fn builder(url: &str) -> StoreBuilder {
        StoreBuilder::new(url)
    }

    pub(crate) fn new(inner: Inner) -> Store {
        Store {
            inner: Arc::new(inner),
        }
    }

    /// Begins a command with its name and first arguments; more can be added, and awaiting it
    /// runs it.
    ///
    /// Commands that change or block their connection (SELECT, WATCH, SUBSCRIBE, BLPOP …) are
    /// refused, because connections are shared; [`exclusive`](Store::exclusive) gives one that is
    /// not.
    pub fn command<A: Argument>(&self, arguments: impl IntoIterator<Item = A>) -> Command<'_> {
        Command::new(self, arguments.into_iter().collect())
    }

    /// Begins a pipeline: several commands, one round trip.
    pub fn pipeline(&self) -> Pipeline<'_> {
        Pipeline::new(self)
    }

    /// Begins a subscription to channels; awaiting it subscribes.
    pub fn subscribe<A: Argument>(&self, channels: impl IntoIterator<Item = A>) -> Subscribe<'_> {
        Subscribe::new(self, Kind::Channel, channels)
    }

    /// Begins a subscription to all channels that match one of these patterns. A message comes
    /// once for each pattern that its channel matches.
    pub fn subscribe_patterns<A: Argument>(
        &self,
        patterns: impl IntoIterator<Item = A>,
    ) -> Subscribe<'_> {
        Subscribe::new(self, Kind::Pattern, patterns)
    }

    /// Begins a subscription to shard channels, which live in a slot as keys do and are published
    /// to by SPUBLISH. They may lie in different slots. Needs Redis 7 or later.
    pub fn subscribe_shards<A: Argument>(
        &self,
        channels: impl IntoIterator<Item = A>,
    ) -> Subscribe<'_> {
        Subscribe::new(self, Kind::Shard, channels)
    }

    /// Refuses a store whose data only this process sees. A fleet that limits, locks or caches in
    /// private memory does each of these once per process.
    pub fn require_shared(&self) -> Result<()> {
        if self.is_shared() {
            Ok(())
        } else {
            Err(Error::NotShared)
        }
    }

    /// Whether other processes see the same data.
    pub fn is_shared(&self) -> bool {
        self.inner.url.is_shared()
    }

    /// Where it lives. Formatting it hides the password.
    pub fn url(&self) -> &StoreUrl {
        &self.inner.url
    }

    /// The store's clock.
    pub fn time(&self) -> &Time {
        &self.inner.time
    }

    /// How long a request may take unless it says otherwise.
    pub fn deadline(&self) -> Duration {
        self.inner.deadline
    }

    /// The engine behind an embedded store, to put a port in front of it. `None` when the store is
    /// a server.
    #[cfg(feature = "embedded")]
    pub fn engine(&self) -> Option<&redstart_engine::Engine> {
        match self.backend() {
            Backend::Embedded(embedded) => Some(embedded.engine()),
            Backend::Remote(_) => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn into_inner(self) -> Arc<Inner> {
        self.inner
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    #[cfg(any(feature = "cache", feature = "limiter"))]
    pub(crate) fn namespace(&self) -> &Namespace {
        &self.inner.namespace
    }

    pub(crate) fn deadline_after(&self, within: Duration) -> Deadline {
        Deadline::within(within, &self.inner.time)
    }
}

impl Backend {
    /// What its subscriptions have in common.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        match self {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => embedded.subscriber().hub(),
            Backend::Remote(remote) => remote.subscriber().hub(),
        }
    }

    /// Has what is subscribed to become what is wanted.
    pub(crate) fn settle_subscriptions(&self) {
        match self {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => embedded.subscriber().settle(embedded.engine()),
            Backend::Remote(remote) => remote.subscriber().settle(),
        }
    }

    /// Does what has to be done before a subscription waits.
    pub(crate) fn mend_subscriptions(&self) {
        match self {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => embedded.subscriber().mend(embedded.engine()),
            // A task of its own sees to that.
            Backend::Remote(_) => {}
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("url", &self.inner.url)
            .finish_non_exhaustive()
    }
}
