//! Any of the ways in which servers are deployed.

use crate::binary::{ServerBinary, ServerError};
use crate::cluster::Cluster;
use crate::sentinel::Sentinel;
use crate::server::Server;

/// How servers are deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topology {
    /// One server.
    Standalone,
    /// A primary with replicas, watched by sentinels.
    Sentinel,
    /// Primaries that share the keys, with their replicas.
    Cluster,
}

impl Topology {
    /// All there are.
    pub const ALL: [Topology; 3] = [Topology::Standalone, Topology::Sentinel, Topology::Cluster];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Topology::Standalone => "standalone",
            Topology::Sentinel => "sentinel",
            Topology::Cluster => "cluster",
        }
    }

    /// Starts one with everything at its default.
    pub fn start(self, binary: ServerBinary) -> Result<Deployment, ServerError> {
        Ok(match self {
            Topology::Standalone => Deployment::Standalone(Server::builder(binary).start()?),
            Topology::Sentinel => Deployment::Sentinel(Sentinel::builder(binary).start()?),
            Topology::Cluster => Deployment::Cluster(Cluster::builder(binary).start()?),
        })
    }
}

/// Servers that run, however they are deployed. Dropping it kills them.
#[derive(Debug)]
// One a test: what the smaller ones waste does not matter.
#[allow(clippy::large_enum_variant)]
pub enum Deployment {
    /// One server.
    Standalone(Server),
    /// A primary with replicas, watched by sentinels.
    Sentinel(Sentinel),
    /// Primaries that share the keys, with their replicas.
    Cluster(Cluster),
}

impl Deployment {
    /// How the servers are deployed.
    pub fn topology(&self) -> Topology {
        match self {
            Deployment::Standalone(_) => Topology::Standalone,
            Deployment::Sentinel(_) => Topology::Sentinel,
            Deployment::Cluster(_) => Topology::Cluster,
        }
    }

    /// Where clients start.
    pub fn url(&self) -> String {
        match self {
            Deployment::Standalone(server) => server.url(),
            Deployment::Sentinel(sentinel) => sentinel.url(),
            Deployment::Cluster(cluster) => cluster.url(),
        }
    }

    /// Every process, sentinels included.
    pub fn servers(&self) -> Vec<&Server> {
        match self {
            Deployment::Standalone(server) => vec![server],
            Deployment::Sentinel(deployment) => {
                let sentinels = deployment.sentinels();
                deployment.servers().iter().chain(sentinels).collect()
            }
            Deployment::Cluster(cluster) => cluster.nodes().iter().collect(),
        }
    }

    /// Every process in the same order, to kill, stop or restart them.
    pub fn servers_mut(&mut self) -> Vec<&mut Server> {
        match self {
            Deployment::Standalone(server) => vec![server],
            Deployment::Sentinel(deployment) => deployment.all_mut().collect(),
            Deployment::Cluster(cluster) => cluster.nodes_mut().iter_mut().collect(),
        }
    }

    /// Ends every process with SIGTERM, so that what is to be written is written.
    pub fn stop(&mut self) -> Result<(), ServerError> {
        // Sentinels and replicas first: nobody is to fail over, and a primary waits for replicas
        // that lag.
        for server in self.servers_mut().into_iter().rev() {
            server.stop()?;
        }
        Ok(())
    }
}
