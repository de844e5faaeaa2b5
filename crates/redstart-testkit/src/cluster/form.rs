//! From lone servers to a cluster.
//!
//! Slots and epochs are given out before the nodes meet, so that there is nothing to agree about but
//! who is there; and everybody is introduced to everybody, so that nobody waits for gossip.

use super::{AGREEMENT, Cluster, ClusterBuilder, text_of, unexpected};
use crate::address::Address;
use crate::binary::ServerError;
use crate::deadline::poll;
use crate::fault_proxy::FaultProxy;
use crate::port::{BUS_OFFSET, PEERS, local};
use crate::server::{Server, ServerBuilder};

/// How many slots there are.
const SLOTS: usize = 16_384;

impl ClusterBuilder {
    pub(super) fn start_on(&self, ports: &[u16]) -> Result<Cluster, ServerError> {
        let proxies = match self.proxied {
            true => ports
                .iter()
                .map(|port| FaultProxy::sparing(Address::Tcp(local(*port)), PEERS))
                .collect::<Result<Vec<_>, _>>()?,
            false => Vec::new(),
        };
        let builders = ports
            .iter()
            .enumerate()
            .map(|(index, port)| self.node(index, *port, proxies.get(index)));
        let nodes = ServerBuilder::start_all(builders.collect())?;
        let ids = nodes
            .iter()
            .map(|node| text_of(&node.call(&["CLUSTER", "MYID"])?))
            .collect::<Result<_, _>>()?;
        let cluster = Cluster {
            nodes,
            proxies,
            ids,
        };
        // A kept directory may hold a cluster that has been formed before.
        if cluster.view(0)?.nodes.len() == 1 {
            self.form(&cluster)?;
        }
        cluster.wait_until_agreed()?;
        Ok(cluster)
    }

    fn node(&self, index: usize, port: u16, proxy: Option<&FaultProxy>) -> ServerBuilder {
        let timeout = self.node_timeout.as_millis().to_string();
        let mut builder = Server::builder(self.binary.clone()).port(port).args([
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes.conf",
            "--cluster-node-timeout",
            &timeout,
            // A replica takes over however old its data: that is asked of it here.
            "--cluster-replica-validity-factor",
            "0",
            "--cluster-allow-replica-migration",
            "no",
            // Synchronizing by a file begins at once, without waiting for more replicas to come.
            "--repl-diskless-sync",
            "no",
        ]);
        if let Some(proxy) = proxy {
            builder = builder
                .args(["--cluster-announce-ip", "127.0.0.1"])
                .args(["--cluster-announce-port", &proxy.port().to_string()])
                .args([
                    "--cluster-announce-bus-port",
                    &(port + BUS_OFFSET).to_string(),
                ])
                .args(["--bind-source-addr", &PEERS.to_string()]);
        }
        if let Some(password) = &self.password {
            builder = builder.password(password).args(["--masterauth", password]);
        }
        if let Some(directory) = &self.directory {
            builder = builder.directory(directory.join(port.to_string()));
        }
        builder.role = match index < self.primaries {
            true => format!("cluster node {index} (a primary at first)"),
            false => format!("cluster node {index} (a replica at first)"),
        };
        builder.args(self.args.iter().cloned())
    }

    fn form(&self, cluster: &Cluster) -> Result<(), ServerError> {
        for (index, node) in cluster.nodes[..self.primaries].iter().enumerate() {
            let first = SLOTS * index / self.primaries;
            let last = SLOTS * (index + 1) / self.primaries - 1;
            let (first, last) = (first.to_string(), last.to_string());
            node.call(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            node.call(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
        }
        for (index, node) in cluster.nodes.iter().enumerate() {
            for other in index + 1..cluster.nodes.len() {
                let port = cluster.port_for_clients(other).to_string();
                let bus_port = (cluster.nodes[other].port() + BUS_OFFSET).to_string();
                node.call(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port])?;
            }
        }
        for (index, node) in cluster.nodes.iter().enumerate().skip(self.primaries) {
            let primary = cluster.id(index % self.primaries);
            // Refused until the node has been introduced to its primary.
            let replicates = poll(AGREEMENT, || {
                match node.call(&["CLUSTER", "REPLICATE", primary]) {
                    Ok(_) => Ok(Some(())),
                    Err(ServerError::Refused { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            })?;
            replicates.ok_or_else(|| unexpected(format!("{node} never met its primary")))?;
        }
        Ok(())
    }
}
