//! Subscriptions on a cluster: which node has what, and a line to each.
//!
//! Shard channels are where their slots are. Plain channels and patterns are all on one node,
//! whichever: nodes pass such messages on to each other. It is another one as soon as that one
//! cannot be reached.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Task;
use super::line::{Line, Place};
use crate::store::error::Error;
use crate::store::remote::RemoteConfig;
use crate::store::remote::cluster::{Cluster, Redirection, SlotMap, redirection};
use crate::store::remote::route::Router;
use crate::store::remote::site::Site;
use crate::store::subscriber::{Hub, Kind};
use crate::store::url::Endpoint;

pub(super) struct Fleet {
    hub: Arc<Hub>,
    config: Arc<RemoteConfig>,
    router: Weak<Router>,
    whereabouts: Arc<Whereabouts>,
}

/// What belongs to which node.
#[derive(Debug)]
pub(super) struct Whereabouts {
    cluster: Arc<Cluster>,
    map: watch::Receiver<Arc<SlotMap>>,
    /// The node with the plain channels and patterns.
    plain: Mutex<Option<Endpoint>>,
}

impl Fleet {
    pub(super) fn new(
        hub: Arc<Hub>,
        config: Arc<RemoteConfig>,
        router: Weak<Router>,
        cluster: Arc<Cluster>,
    ) -> Fleet {
        let whereabouts = Whereabouts {
            map: cluster.map(),
            cluster,
            plain: Mutex::default(),
        };
        Fleet {
            hub,
            config,
            router,
            whereabouts: Arc::new(whereabouts),
        }
    }

    /// Keeps a line to every node of the map, and to those that are still subscribed to.
    pub(super) async fn keep(self) {
        let mut lines: HashMap<Endpoint, (Arc<Line>, Task)> = HashMap::new();
        let mut changes = self.whereabouts.map.clone();
        loop {
            let map = Arc::clone(&changes.borrow_and_update());
            self.choose_plain(&map);
            lines.retain(|endpoint, (line, _)| map.lists(endpoint) || line.is_connected());
            for endpoint in map.endpoints() {
                if !lines.contains_key(endpoint) {
                    lines.insert(endpoint.clone(), self.open(endpoint));
                }
            }
            self.hub.with(|ledger| ledger.doubt());
            self.hub.announce();
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn open(&self, endpoint: &Endpoint) -> (Arc<Line>, Task) {
        let place = Place::Node {
            endpoint: endpoint.clone(),
            whereabouts: Arc::clone(&self.whereabouts),
        };
        let (hub, config) = (Arc::clone(&self.hub), Arc::clone(&self.config));
        let line = Arc::new(Line::new(hub, config, Weak::clone(&self.router), place));
        let keeping = Arc::clone(&line).keep(Site::Fixed(endpoint.clone()));
        (line, Task(tokio::spawn(keeping)))
    }

    /// Stores of one fleet choose different nodes.
    fn choose_plain(&self, map: &SlotMap) {
        let mut plain = self.whereabouts.plain.lock();
        if plain.as_ref().is_none_or(|chosen| !map.lists(chosen)) {
            let count = map.endpoints().count().max(1);
            let place = self.config.random.below(count as u64);
            *plain = map.endpoints().nth(place as usize).cloned();
        }
    }
}

impl Whereabouts {
    /// Says of each name whether it is this node's.
    pub(super) fn owns(&self, endpoint: &Endpoint) -> impl Fn(Kind, &[u8]) -> bool {
        let map = Arc::clone(&self.map.borrow());
        let has_plain = self.plain.lock().as_ref() == Some(endpoint);
        move |kind, name| match kind {
            Kind::Channel | Kind::Pattern => has_plain,
            Kind::Shard => map.endpoint(redstart_protocol::slot(name)) == Some(endpoint),
        }
    }

    /// The node cannot be reached: what any node could do, another one shall.
    pub(super) fn is_away(&self, endpoint: &Endpoint) {
        self.cluster.cast_doubt();
        let map = Arc::clone(&self.map.borrow());
        let mut plain = self.plain.lock();
        if plain.as_ref() == Some(endpoint) {
            let known: Vec<&Endpoint> = map.endpoints().collect();
            let place = known.iter().position(|known| *known == endpoint);
            let next = place.map_or(0, |place| (place + 1) % known.len());
            *plain = known.get(next).copied().cloned();
        }
    }

    /// Draws conclusions from a node's refusal.
    pub(super) fn learn(&self, endpoint: &Endpoint, error: &Error) {
        match redirection(error, endpoint) {
            Some(Redirection::Moved { slot, to }) => self.cluster.moved(slot, &to),
            Some(Redirection::Ask { .. }) | None => self.cluster.cast_doubt(),
        }
    }
}
