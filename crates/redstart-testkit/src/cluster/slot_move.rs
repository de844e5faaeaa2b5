//! A slot on its way from one node to another.

use super::{Cluster, real_address, unexpected};
use crate::binary::ServerError;
use crate::reply::Reply;
use crate::server::Server;

/// How long one MIGRATE may take, in milliseconds.
const MIGRATE_MS: &str = "5000";

/// A slot that is being moved: both nodes know, and keys move when [`migrate`](SlotMove::migrate)
/// is called. A value that is dropped leaves the move where it is.
#[derive(Debug)]
pub struct SlotMove<'a> {
    cluster: &'a Cluster,
    slot: String,
    from: usize,
    to: usize,
}

impl<'a> SlotMove<'a> {
    pub(super) fn begin(
        cluster: &'a Cluster,
        slot: u16,
        to: usize,
    ) -> Result<SlotMove<'a>, ServerError> {
        let from = cluster.primary_of(slot)?;
        let moving = SlotMove {
            cluster,
            slot: slot.to_string(),
            from,
            to,
        };
        if from == to {
            return Err(unexpected(format!("node {to} has slot {slot} already")));
        }
        // The new node first: an ASK that leads there must find it prepared.
        moving.set(to, &["IMPORTING", cluster.id(from)])?;
        moving.set(from, &["MIGRATING", cluster.id(to)])?;
        Ok(moving)
    }

    /// The node that the slot comes from.
    pub fn from(&self) -> usize {
        self.from
    }

    /// The node that the slot goes to.
    pub fn to(&self) -> usize {
        self.to
    }

    /// Moves at most so many keys; returns how many there were to move.
    pub fn migrate(&self, at_most: usize) -> Result<usize, ServerError> {
        let count = at_most.to_string();
        let found = self
            .source()
            .call(&["CLUSTER", "GETKEYSINSLOT", &self.slot, &count])?;
        let keys: Vec<&[u8]> = found
            .as_elements()
            .unwrap_or_default()
            .iter()
            .filter_map(Reply::as_bytes)
            .collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let (host, port) = real_address(&self.cluster.nodes[self.to])?;
        let mut command: Vec<&[u8]> = vec![b"MIGRATE", host.as_bytes(), port.as_bytes()];
        command.extend([&b""[..], b"0", MIGRATE_MS.as_bytes()]);
        if let Some(password) = self.source().password() {
            command.extend([&b"AUTH"[..], password.as_bytes()]);
        }
        command.push(b"KEYS");
        command.extend(&keys);
        self.source().call(&command)?;
        Ok(keys.len())
    }

    /// Gives the slot to its new node, and returns when every node has agreed. The old node refuses
    /// while it has keys of the slot left.
    pub fn finish(self) -> Result<(), ServerError> {
        let owner = self.cluster.id(self.to);
        // The new node first: were the old one first and the new one lost, the slot would be
        // nobody's. The others, replicas included, learn it by gossip.
        self.set(self.to, &["NODE", owner])?;
        self.set(self.from, &["NODE", owner])?;
        self.cluster.wait_until_agreed()
    }

    /// Leaves the slot to its old node. Keys that have moved stay where they are, out of reach;
    /// this is what an operator does who gives up, and what clients must survive.
    pub fn abandon(self) -> Result<(), ServerError> {
        self.set(self.to, &["STABLE"])?;
        self.set(self.from, &["STABLE"])
    }

    fn source(&self) -> &Server {
        &self.cluster.nodes[self.from]
    }

    fn set(&self, node: usize, state: &[&str]) -> Result<(), ServerError> {
        let mut command = vec!["CLUSTER", "SETSLOT", &self.slot];
        command.extend(state);
        self.cluster.nodes[node].call(&command)?;
        Ok(())
    }
}
