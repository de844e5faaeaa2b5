//! The clients of an engine, as CLIENT LIST and CLIENT KILL see them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use redstart_protocol::Resp;

use super::Outbox;
use crate::shim::Mutex;

/// All clients, by id.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    clients: Mutex<BTreeMap<u64, (Arc<ClientInfo>, Outbox)>>,
    next_id: AtomicU64,
    accepted: AtomicU64,
}

/// What is known of one client. Written by its own thread, read by any.
#[derive(Debug)]
pub(crate) struct ClientInfo {
    pub(crate) id: u64,
    /// The peer's address, `embedded:0` inside the process.
    pub(crate) address: String,
    pub(crate) local_address: String,
    pub(crate) created_us: u64,
    pub(crate) words: Mutex<Words>,
    pub(crate) last_active_us: AtomicU64,
    /// The last command's number in the command table plus one; zero for none.
    pub(crate) last_command: AtomicU32,
    db: AtomicU8,
    resp3: AtomicBool,
    pub(crate) channels: AtomicU32,
    pub(crate) patterns: AtomicU32,
    pub(crate) shard_channels: AtomicU32,
    /// Commands queued since MULTI plus one; zero outside a transaction.
    pub(crate) queued: AtomicU32,
    pub(crate) watched: AtomicU32,
    /// Bytes that were received and not yet executed, and the room behind them.
    pub(crate) input_bytes: AtomicUsize,
    pub(crate) input_room: AtomicUsize,
    pub(crate) no_evict: AtomicBool,
    pub(crate) monitoring: AtomicBool,
    /// It gets everything that changes.
    pub(crate) is_replica: AtomicBool,
}

/// What a client calls itself.
#[derive(Debug, Default, Clone)]
pub(crate) struct Words {
    pub(crate) name: Bytes,
    pub(crate) library_name: Bytes,
    pub(crate) library_version: Bytes,
}

impl ClientInfo {
    /// Notes that the client has sent a command.
    #[inline]
    pub(crate) fn note_command(&self, now_us: u64) {
        self.last_active_us.store(now_us, Ordering::Relaxed);
    }

    /// Whether the client listens to anything.
    pub(crate) fn is_subscriber(&self) -> bool {
        let counts = [&self.channels, &self.patterns, &self.shard_channels];
        counts.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    pub(crate) fn db(&self) -> u8 {
        self.db.load(Ordering::Relaxed)
    }

    pub(crate) fn set_db(&self, db: u8) {
        self.db.store(db, Ordering::Relaxed);
    }

    pub(crate) fn resp(&self) -> Resp {
        match self.resp3.load(Ordering::Relaxed) {
            true => Resp::V3,
            false => Resp::V2,
        }
    }

    pub(crate) fn set_resp(&self, resp: Resp) {
        self.resp3.store(resp == Resp::V3, Ordering::Relaxed);
    }
}

impl Registry {
    /// Enters a client and gives it its id.
    pub(crate) fn enter(
        &self,
        address: String,
        local_address: String,
        now_us: u64,
        outbox: &Outbox,
    ) -> Arc<ClientInfo> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let info = Arc::new(ClientInfo {
            id,
            address,
            local_address,
            created_us: now_us,
            words: Mutex::default(),
            last_active_us: AtomicU64::new(now_us),
            last_command: AtomicU32::new(0),
            db: AtomicU8::new(0),
            resp3: AtomicBool::new(false),
            channels: AtomicU32::new(0),
            patterns: AtomicU32::new(0),
            shard_channels: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            watched: AtomicU32::new(0),
            input_bytes: AtomicUsize::new(0),
            input_room: AtomicUsize::new(0),
            no_evict: AtomicBool::new(false),
            monitoring: AtomicBool::new(false),
            is_replica: AtomicBool::new(false),
        });
        self.clients
            .lock()
            .insert(id, (Arc::clone(&info), outbox.clone()));
        info
    }

    /// Strikes a client out.
    pub(crate) fn leave(&self, info: &ClientInfo) {
        self.clients.lock().remove(&info.id);
    }

    /// All clients in the order of their ids.
    pub(crate) fn all(&self) -> Vec<(Arc<ClientInfo>, Outbox)> {
        self.clients.lock().values().cloned().collect()
    }

    /// Bytes that wait for clients to read them.
    pub(crate) fn pending_output(&self) -> usize {
        let clients = self.clients.lock();
        clients
            .values()
            .map(|(_, outbox)| outbox.pending_bytes())
            .sum()
    }

    /// The client of this id.
    pub(crate) fn get(&self, id: u64) -> Option<(Arc<ClientInfo>, Outbox)> {
        self.clients.lock().get(&id).cloned()
    }

    /// How many clients are connected.
    pub(crate) fn len(&self) -> usize {
        self.clients.lock().len()
    }

    /// Clients ever connected, since the last reset.
    pub(crate) fn total_accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset_totals(&self) {
        self.accepted.store(0, Ordering::Relaxed);
    }
}
