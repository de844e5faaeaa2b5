//! Which node serves a slot, and which of its lanes carries a key.
//!
//! There is one node today. Sentinel will replace its address, Cluster will put a slot map here;
//! nothing above this file knows how many nodes there are.

use std::sync::Arc;

use super::RemoteConfig;
use super::lane::Lane;

/// From slots to nodes.
#[derive(Debug)]
pub(super) struct Router {
    node: Node,
}

impl Router {
    /// Every slot is served by the one server of the URL.
    pub(super) fn single_node(config: Arc<RemoteConfig>) -> Router {
        Router {
            node: Node::new(config),
        }
    }

    /// The lane for a slot, or for a request without keys.
    pub(super) fn lane(&self, slot: Option<u16>) -> &Lane {
        self.node.lane(slot)
    }
}

/// One server, and the lanes to it.
#[derive(Debug)]
struct Node {
    lanes: Box<[Lane]>,
}

impl Node {
    fn new(config: Arc<RemoteConfig>) -> Node {
        let lanes = (0..config.lanes.max(1))
            .map(|_| Lane::open(Arc::clone(&config)))
            .collect();
        Node { lanes }
    }

    /// All keys of a slot share a lane, so one key, and all keys that one script may take
    /// together, keep their order. Requests without keys share the first lane.
    fn lane(&self, slot: Option<u16>) -> &Lane {
        &self.lanes[usize::from(slot.unwrap_or(0)) % self.lanes.len()]
    }
}
