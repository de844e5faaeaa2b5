//! States in which a healthy server refuses what it is asked.

use crate::binary::ServerError;
use crate::server::Server;

/// Verbs that bring a server into trouble and out of it again. What a server is told this way lasts
/// until the opposite verb or a restart.
impl Server {
    /// Refuses every command that might need memory, with `OOM command not allowed …`: the limit is
    /// put below what is in use, and nothing may be evicted.
    pub fn fill_memory(&self) -> Result<(), ServerError> {
        self.call(&["CONFIG", "SET", "maxmemory-policy", "noeviction"])?;
        self.call(&["CONFIG", "SET", "maxmemory", "1"])?;
        Ok(())
    }

    /// Takes the limit away that [`fill_memory`](Server::fill_memory) has set.
    pub fn free_memory(&self) -> Result<(), ServerError> {
        self.call(&["CONFIG", "SET", "maxmemory", "0"])?;
        Ok(())
    }

    /// Refuses every write with `NOREPLICAS …`, as a primary does that has lost its replicas.
    pub fn refuse_writes(&self) -> Result<(), ServerError> {
        self.call(&["CONFIG", "SET", "min-replicas-to-write", "1000"])?;
        Ok(())
    }

    /// Takes writes again after [`refuse_writes`](Server::refuse_writes).
    pub fn accept_writes(&self) -> Result<(), ServerError> {
        self.call(&["CONFIG", "SET", "min-replicas-to-write", "0"])?;
        Ok(())
    }

    /// Becomes the replica of a primary that cannot be reached: it keeps its keys and its
    /// connections, answers reads, and refuses writes with `READONLY …`. Nodes of a cluster do not
    /// take this; fail over to one of their replicas instead.
    pub fn demote(&self) -> Result<(), ServerError> {
        // Port 1 of this machine: nothing listens there without being root.
        self.call(&["REPLICAOF", "127.0.0.1", "1"])?;
        Ok(())
    }

    /// Becomes a primary.
    pub fn promote(&self) -> Result<(), ServerError> {
        self.call(&["REPLICAOF", "NO", "ONE"])?;
        Ok(())
    }
}
