//! Which connection carries a request.

use std::sync::{Arc, OnceLock};

use super::RemoteConfig;
use super::cluster::Cluster;
use super::lane::{Alarm, Lane};
use super::link::Link;
use super::sentinel::{Listener, Sentinels};
use super::site::Site;
use super::subscriber::Source;
use super::ways::{Hold, Ways};
use crate::store::error::{OperationName, Result};
use crate::store::replay::Deadline;
use crate::store::url::Deployment;

/// From slots to connections.
#[derive(Debug)]
pub(super) enum Router {
    /// One node serves every slot. With sentinels, who that is may change.
    One {
        node: Node,
        site: Site,
        _listener: Option<Listener>,
    },
    Cluster(Arc<Cluster>),
}

impl Router {
    /// Starts connecting.
    pub(super) fn new(config: &Arc<RemoteConfig>) -> Router {
        match &config.target.deployment {
            Deployment::One(endpoint) => {
                let site = Site::Fixed(endpoint.clone());
                Router::One {
                    node: Node::new(config, &site),
                    site,
                    _listener: None,
                }
            }
            Deployment::Sentinel(target) => {
                let sentinels = Sentinels::new(target.clone(), config);
                let listener = Some(sentinels.listen());
                let site = Site::primary(sentinels);
                Router::One {
                    node: Node::new(config, &site),
                    site,
                    _listener: listener,
                }
            }
            Deployment::Cluster { seeds } => Router::Cluster(Arc::new(Cluster::new(config, seeds))),
        }
    }

    /// Where subscriptions are made.
    pub(super) fn source(&self) -> Source {
        match self {
            Router::One { site, .. } => Source::One(site.clone()),
            Router::Cluster(cluster) => Source::Cluster(Arc::clone(cluster)),
        }
    }

    /// The same as [`route`](Router::route), if there is a connection now.
    pub(super) fn ready(&self, slot: Option<u16>, bytes: usize) -> Option<Route> {
        match self {
            Router::One { node, .. } => node.ready(slot, bytes),
            Router::Cluster(cluster) => cluster.ready(slot, bytes),
        }
    }

    /// The connection for a slot and a request of so many bytes, or for a request without keys, as
    /// soon as there is one. Nothing has been sent when this fails.
    pub(super) async fn route(
        &self,
        slot: Option<u16>,
        bytes: usize,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Route> {
        match self {
            Router::One { node, .. } => node.route(slot, bytes, operation, deadline).await,
            Router::Cluster(cluster) => cluster.route(slot, bytes, operation, deadline).await,
        }
    }
}

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) link: Arc<Link>,
    /// Keeps the slot to this way.
    pub(super) hold: Hold,
}

/// One server, and the lanes to it.
#[derive(Debug)]
pub(super) struct Node {
    config: Arc<RemoteConfig>,
    site: Site,
    alarm: Alarm,
    lanes: Box<[Lane]>,
    /// For large values; made for the first of them.
    large: OnceLock<Lane>,
    ways: Arc<Ways>,
}

impl Node {
    pub(super) fn new(config: &Arc<RemoteConfig>, site: &Site) -> Node {
        let alarm = Alarm::new(());
        let lanes = (0..config.lanes.max(1))
            .map(|_| Lane::open(Arc::clone(config), site.clone(), &alarm))
            .collect();
        Node {
            config: Arc::clone(config),
            site: site.clone(),
            alarm,
            lanes,
            large: OnceLock::new(),
            ways: Ways::new(),
        }
    }

    /// The connection for a request, as soon as there is one. All keys of a slot share a lane, so
    /// one key, and all keys that one script may take together, keep their order; while a large
    /// value is under way on the slot, that lane is the one for large values. Requests without keys
    /// share the first lane.
    pub(super) async fn route(
        &self,
        slot: Option<u16>,
        bytes: usize,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Route> {
        let (lane, hold) = self.lane(slot, bytes);
        let link = lane.link(operation, deadline).await?;
        Ok(Route { link, hold })
    }

    /// The same as [`route`](Node::route), if there is a connection now.
    pub(super) fn ready(&self, slot: Option<u16>, bytes: usize) -> Option<Route> {
        let (lane, hold) = self.lane(slot, bytes);
        let link = lane.ready()?;
        Some(Route { link, hold })
    }

    fn lane(&self, slot: Option<u16>, bytes: usize) -> (&Lane, Hold) {
        let hold = self.ways.enter(slot, bytes > self.config.large_over);
        let lane = match hold.is_large() {
            true => self.large.get_or_init(|| {
                Lane::open(Arc::clone(&self.config), self.site.clone(), &self.alarm)
            }),
            false => &self.lanes[usize::from(slot.unwrap_or(0)) % self.lanes.len()],
        };
        (lane, hold)
    }

    /// Whether it can be asked at once.
    pub(super) fn is_ready(&self) -> bool {
        self.lanes[0].ready().is_some()
    }

    /// Whether somebody waits for an answer of it.
    pub(super) fn is_busy(&self) -> bool {
        let busy = |lane: &Lane| lane.ready().is_some_and(|link| link.is_busy());
        self.lanes.iter().chain(self.large.get()).any(busy)
    }
}
