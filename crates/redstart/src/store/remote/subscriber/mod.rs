//! Subscriptions on servers: one connection to each node that is subscribed to, and nothing but
//! subscriptions on it.
//!
//! These connections are driven by our own codec rather than redis-rs': a command that names many
//! channels has as many confirmations, which no count of replies can be matched with
//! (docs/decisions/0010-subscriptions-by-name.md).

mod conversation;
mod fleet;
mod line;
mod probe;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::{Arc, OnceLock, Weak};

use tokio::task::JoinHandle;

use self::fleet::Fleet;
use self::line::{Line, Place};
pub(super) use self::wire::{Stream, Wire};
use super::RemoteConfig;
use super::cluster::Cluster;
use super::route::Router;
use super::site::Site;
use crate::store::subscriber::Hub;

/// The subscriptions of a store, and the task that keeps them.
#[derive(Debug)]
pub(crate) struct Subscriber {
    hub: Arc<Hub>,
    config: Arc<RemoteConfig>,
    /// Where commands go. A weak handle: lanes end with the store.
    router: Weak<Router>,
    source: Source,
    /// Begins with the first subscription.
    task: OnceLock<Task>,
}

/// Where messages come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    One(Site),
    Cluster(Arc<Cluster>),
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Subscriber {
    pub(super) fn new(
        config: &Arc<RemoteConfig>,
        router: &Arc<Router>,
        source: Source,
    ) -> Subscriber {
        Subscriber {
            hub: Hub::new(),
            config: Arc::clone(config),
            router: Arc::downgrade(router),
            source,
            task: OnceLock::new(),
        }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Has the connections see to what has changed.
    pub(crate) fn settle(&self) {
        self.task.get_or_init(|| {
            let (hub, config) = (Arc::clone(&self.hub), Arc::clone(&self.config));
            let router = Weak::clone(&self.router);
            Task(match &self.source {
                Source::One(site) => {
                    let line = Arc::new(Line::new(hub, config, router, Place::Only));
                    tokio::spawn(line.keep(site.clone()))
                }
                Source::Cluster(cluster) => {
                    let fleet = Fleet::new(hub, config, router, Arc::clone(cluster));
                    tokio::spawn(fleet.keep())
                }
            })
        });
        self.hub.announce();
    }
}
