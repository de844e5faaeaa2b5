//! Real Redis and Valkey servers on demand, for tests.
//!
//! A [`Server`] is one server in a child process, a [`Sentinel`] a primary with its replicas and
//! sentinels, a [`Cluster`] primaries that share the keys, with their replicas. Each listens on free
//! ports (or a unix socket) and works in temporary directories of its own. It is ready when `start`
//! returns and gone when the value is dropped, when the test panics and even when the test runner is
//! killed. Any binary that takes redis-server's arguments will do.
//!
//! ```no_run
//! use redstart_testkit::{Reply, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::from_path()?.start()?;
//! let mut connection = server.connect()?;
//! assert_eq!(connection.call(&["SET", "greeting", "hello"])?, Reply::Simple(b"OK".to_vec()));
//! assert_eq!(connection.call(&["GET", "greeting"])?, Reply::Bulk(b"hello".to_vec()));
//! # Ok(())
//! # }
//! ```
//!
//! Then things go wrong. Every server can be [killed](Server::kill), [stopped](Server::stop),
//! [paused](Server::pause) and [restarted](Server::restart), have its
//! [memory full](Server::fill_memory) or [refuse writes](Server::refuse_writes). Deployments fail
//! over, with the primary's help or without, and slots move between the nodes of a cluster while
//! clients use them. `wait_until_agreed` returns when everybody has noticed.
//!
//! ```no_run
//! use redstart_testkit::Sentinel;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut deployment = Sentinel::from_path()?.start()?;
//! let url = deployment.url(); // redis+sentinel://…/mymaster
//! let primary = deployment.primary()?;
//! deployment.servers_mut()[primary].kill();
//! deployment.wait_until_agreed()?;
//! assert_ne!(deployment.primary()?, primary);
//! # Ok(())
//! # }
//! ```
//!
//! ```no_run
//! use redstart_testkit::{Cluster, Failover};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::from_path()?.start()?;
//! let url = cluster.url(); // redis+cluster://…
//! let slot = cluster.slot_of("greeting")?;
//! let owner = cluster.primary_of(slot)?;
//! cluster.move_slot(slot, (owner + 1) % 3)?;
//! cluster.failover(3, Failover::Coordinated)?;
//! # Ok(())
//! # }
//! ```
//!
//! Between a client and a server, a [`FaultProxy`] cuts, freezes, delays, loses and hacks to pieces
//! what passes, on one connection or on all, for as long as it is told or when a certain request
//! passes. Deployments put one before each of their servers on demand, with `proxied`.
//!
//! A [`Matrix`] runs one test on all of this, and on whatever else has a URL.
//!
//! The kit knows processes, sockets and replies, and nothing of Redstart: what it proves about
//! Redstart it proves from outside, and users of Redstart can test their own programs with it. It
//! needs a Unix.

mod address;
mod binary;
mod cluster;
mod connection;
mod deadline;
mod deployment;
mod fault_proxy;
mod frame;
mod matrix;
mod port;
mod process;
mod reply;
mod sentinel;
mod server;
mod trouble;

pub use address::Address;
pub use binary::{ServerBinary, ServerError};
pub use cluster::{
    Cluster, ClusterBuilder, ClusterNode, ClusterView, Failover, SlotMove, ViewError,
};
pub use connection::RawConnection;
pub use deadline::wait_until;
pub use deployment::{Deployment, Topology};
pub use fault_proxy::{FaultProxy, Faults, ProxiedConnection, Strike, Trap};
pub use frame::{FrameError, FrameScanner};
pub use matrix::{Matrix, Target};
pub use reply::Reply;
pub use sentinel::{Sentinel, SentinelBuilder};
pub use server::{Server, ServerBuilder};
