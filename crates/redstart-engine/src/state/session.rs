//! One client's side of the conversation: what it selected, queued, watched and subscribed to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use redstart_protocol::{Octets, Resp};

use super::Outbox;
use super::registry::ClientInfo;
use crate::keyspace::watch::WatchFlag;

/// The state of one client.
#[derive(Debug)]
pub(crate) struct Session {
    /// What other clients may see of this one; its numbers are also kept there.
    pub(crate) info: Arc<ClientInfo>,
    pub(crate) outbox: Outbox,
    pub(crate) db: u8,
    pub(crate) resp: Resp,
    /// The client is part of this process and needs no password.
    pub(crate) trusted: bool,
    pub(crate) authenticated: bool,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) watched: BTreeSet<(u8, Bytes)>,
    pub(crate) watch_flag: WatchFlag,
    pub(crate) channels: BTreeSet<Bytes>,
    pub(crate) patterns: BTreeSet<Bytes>,
    pub(crate) shard_channels: BTreeSet<Bytes>,
    pub(crate) replies: Replies,
    /// The client asked to be disconnected after its reply.
    pub(crate) closing: bool,
    /// The client is shown every command.
    pub(crate) monitoring: bool,
    /// The last command asked to be called again: the next call is that.
    pub(crate) is_called_again: bool,
    /// Where a peer that means to be a replica listens.
    #[cfg(feature = "durable")]
    pub(crate) replica_port: u16,
    /// It reads a snapshot whose length it was not told.
    #[cfg(feature = "durable")]
    pub(crate) takes_eof: bool,
}

/// Commands queued since MULTI.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Vec<Octets>>,
    /// A command could not be queued: EXEC will refuse.
    pub(crate) aborted: bool,
    /// Some queued command has an effect that a pause of writes holds back.
    pub(crate) may_replicate: bool,
}

/// Which replies are sent, as CLIENT REPLY says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Replies {
    #[default]
    On,
    Off,
    /// This command's reply is left out too: `CLIENT REPLY SKIP` itself.
    SkipThisAndNext,
    SkipNext,
}

impl Session {
    pub(crate) fn new(
        info: Arc<ClientInfo>,
        outbox: Outbox,
        trusted: bool,
        authenticated: bool,
    ) -> Session {
        Session {
            info,
            outbox,
            db: 0,
            resp: Resp::V2,
            trusted,
            authenticated,
            transaction: None,
            watched: BTreeSet::new(),
            watch_flag: Arc::new(AtomicBool::new(false)),
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            shard_channels: BTreeSet::new(),
            replies: Replies::On,
            closing: false,
            monitoring: false,
            is_called_again: false,
            #[cfg(feature = "durable")]
            replica_port: 0,
            #[cfg(feature = "durable")]
            takes_eof: false,
        }
    }

    /// How many channels, patterns and shard channels this client listens to.
    pub(crate) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }

    /// Stops watching: a flag without an owner is raised no more.
    pub(crate) fn forget_watched(&mut self) {
        if !self.watched.is_empty() {
            self.watched.clear();
            self.watch_flag = WatchFlag::default();
            self.info.watched.store(0, Ordering::Relaxed);
        }
    }

    /// Whether something watched has changed.
    pub(crate) fn is_dirty(&self) -> bool {
        self.watch_flag.load(Ordering::Acquire)
    }

    pub(crate) fn set_db(&mut self, db: u8) {
        self.db = db;
        self.info.set_db(db);
    }

    pub(crate) fn set_resp(&mut self, resp: Resp) {
        self.resp = resp;
        self.outbox.set_resp(resp);
        self.info.set_resp(resp);
    }
}
