//! Replicas: peers that are told everything that changes, in the order in which it does.
//!
//! A redis-server or Valkey that was told `REPLICAOF` us asks with PSYNC, gets a snapshot, and then
//! the stream of effects from that moment on. This is for moving to such a server while everything
//! goes on; the engine itself is never a replica, and a replica that was cut off starts anew.
//!
//! What goes out is counted in bytes, as Redis does, so that `master_repl_offset` here and
//! `slave_repl_offset` there tell whether everything has arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Outbox;
use super::registry::ClientInfo;
use crate::durable::CommandStream;
use crate::keyspace::change::Effect;
use crate::shim::Mutex;

/// The replicas of an engine, and the stream they all get.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    /// Whether there are any. Becomes true only while all shards are locked.
    attached: AtomicBool,
    stream: Mutex<Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    /// Bytes sent since the engine started.
    offset: u64,
    /// When it was said last that we are there, in seconds on the monotonic clock.
    pinged_s: u64,
    replicas: Vec<Arc<Replica>>,
    /// What is sent next.
    commands: CommandStream,
}

/// One replica.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) client: Arc<ClientInfo>,
    outbox: Outbox,
    /// Where it says it listens.
    pub(crate) port: u16,
    /// What was streamed while its snapshot is sent; `None` from when it is.
    held: Mutex<Option<Vec<u8>>>,
    /// Whether its first word means that it has its snapshot.
    is_awaited: AtomicBool,
    /// How far it says it has come, and when it said so (seconds on the monotonic clock).
    acknowledged: AtomicU64,
    heard_of_s: AtomicU64,
}

/// Bytes of the stream that may wait for a replica until it is given up: Redis'
/// `client-output-buffer-limit replica`.
pub(crate) const OUTPUT_MAX: usize = 256 << 20;

impl Replica {
    /// Whether it has its snapshot.
    pub(crate) fn is_online(&self) -> bool {
        self.held.lock().is_none()
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Seconds since it was heard of.
    pub(crate) fn lag_s(&self, now_s: u64) -> u64 {
        now_s.saturating_sub(self.heard_of_s.load(Ordering::Relaxed))
    }

    /// Notes how far it has come.
    pub(crate) fn acknowledge(&self, offset: u64, now_s: u64) {
        self.acknowledged.fetch_max(offset, Ordering::Relaxed);
        self.heard_of_s.store(now_s, Ordering::Relaxed);
        if self.is_awaited.swap(false, Ordering::Relaxed) {
            self.go_online(now_s);
        }
    }

    /// The snapshot is sent, with a mark at its end. A replica looks for the mark at the end of what
    /// it has read: nothing may follow until it says that it has found it.
    pub(crate) fn await_word(&self) {
        self.is_awaited.store(true, Ordering::Relaxed);
    }

    /// The address it comes from, without the port.
    pub(crate) fn ip(&self) -> &str {
        let address = &self.client.address;
        address
            .rsplit_once(':')
            .map_or(address.as_str(), |(ip, _)| ip)
    }

    fn stream(&self, bytes: &[u8]) {
        let mut held = self.held.lock();
        match &mut *held {
            None => self.outbox.push_bytes(bytes),
            Some(held) if held.len() + bytes.len() > OUTPUT_MAX => self.outbox.close(),
            Some(held) => held.extend_from_slice(bytes),
        }
    }

    /// The snapshot is sent: what came meanwhile follows, and everything from now on.
    pub(crate) fn go_online(&self, now_s: u64) {
        let mut held = self.held.lock();
        if let Some(bytes) = held.take() {
            self.outbox.push_bytes(&bytes);
        }
        self.heard_of_s.store(now_s, Ordering::Relaxed);
    }
}

impl Replicas {
    /// Whether effects are wanted.
    #[inline]
    pub(crate) fn are_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }

    /// Enters a replica that gets everything from here on: all shards are locked. The offset of
    /// what it gets first.
    pub(crate) fn attach(
        &self,
        client: &Arc<ClientInfo>,
        outbox: &Outbox,
        port: u16,
    ) -> (Arc<Replica>, u64) {
        let replica = Arc::new(Replica {
            client: Arc::clone(client),
            outbox: outbox.clone(),
            port,
            held: Mutex::new(Some(Vec::new())),
            is_awaited: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            heard_of_s: AtomicU64::new(0),
        });
        client.is_replica.store(true, Ordering::Relaxed);
        let mut stream = self.stream.lock();
        stream.replicas.push(Arc::clone(&replica));
        // The new one has selected nothing yet.
        stream.commands.begin_reader();
        self.attached.store(true, Ordering::Relaxed);
        (replica, stream.offset)
    }

    /// A client is gone, which may have been a replica.
    pub(crate) fn detach(&self, client: u64) {
        if !self.are_attached() {
            return;
        }
        let mut stream = self.stream.lock();
        stream
            .replicas
            .retain(|replica| replica.client.id != client);
        self.attached
            .store(!stream.replicas.is_empty(), Ordering::Relaxed);
    }

    /// Sends effects to all replicas. Called under the locks they were made under.
    pub(crate) fn send(&self, effects: &[Effect], atomic: bool) {
        let send = |commands: &mut CommandStream| commands.effects(effects, atomic);
        self.stream.lock().send(send);
    }

    /// Tells replicas now and then that we are there, and gives up those that say nothing.
    pub(crate) fn look_after(&self, now_s: u64) {
        /// As Redis' `repl-ping-replica-period` and `repl-timeout`.
        const PING_EVERY_S: u64 = 10;
        const SILENT_MAX_S: u64 = 60;
        if !self.are_attached() {
            return;
        }
        let mut stream = self.stream.lock();
        if now_s.saturating_sub(stream.pinged_s) >= PING_EVERY_S {
            stream.pinged_s = now_s;
            stream.send(|commands| commands.command(&[b"PING"]));
        }
        let silent =
            |replica: &&Arc<Replica>| replica.is_online() && replica.lag_s(now_s) > SILENT_MAX_S;
        stream.replicas.iter().filter(silent).for_each(|replica| {
            tracing::warn!(address = replica.client.address, "a replica is silent");
            replica.outbox.close();
        });
    }

    /// Bytes streamed so far.
    pub(crate) fn offset(&self) -> u64 {
        self.stream.lock().offset
    }

    pub(crate) fn all(&self) -> Vec<Arc<Replica>> {
        self.stream.lock().replicas.clone()
    }

    /// The replica that a client is, if it is one.
    pub(crate) fn of(&self, client: u64) -> Option<Arc<Replica>> {
        if !self.are_attached() {
            return None;
        }
        let stream = self.stream.lock();
        let mut replicas = stream.replicas.iter();
        replicas
            .find(|replica| replica.client.id == client)
            .cloned()
    }
}

impl Stream {
    fn send(&mut self, write: impl FnOnce(&mut CommandStream) -> u64) {
        if self.replicas.is_empty() {
            return;
        }
        write(&mut self.commands);
        let bytes = self.commands.bytes();
        self.offset += bytes.len() as u64;
        for replica in &self.replicas {
            replica.stream(bytes);
        }
        self.commands.clear();
    }
}
