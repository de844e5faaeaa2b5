//! The ledger of a store, shared by its subscriptions and its connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::inbox::{Capacity, Inbox, Overflow};
use super::ledger::Ledger;
use crate::store::error::Disconnect;

/// A connection that subscribes, told apart from all that were there before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connection(u64);

/// What the subscriptions of a store have in common.
#[derive(Debug)]
pub(crate) struct Hub {
    ledger: Mutex<Ledger>,
    next: AtomicU64,
    changes: watch::Sender<()>,
    /// Why there is no connection, while there is none.
    trouble: watch::Sender<Option<Disconnect>>,
}

impl Hub {
    pub(crate) fn new() -> Arc<Hub> {
        Arc::new(Hub {
            ledger: Mutex::default(),
            next: AtomicU64::new(0),
            changes: watch::Sender::new(()),
            trouble: watch::Sender::new(None),
        })
    }

    pub(super) fn inbox(&self, capacity: Capacity, overflow: Overflow) -> Arc<Inbox> {
        Arc::new(Inbox::new(self.number(), capacity, overflow))
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection(self.number())
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Works on the ledger. Whom that wakes is woken when the ledger is free again: a waker may do
    /// anything.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.ledger.lock();
        let output = work(&mut ledger);
        let wakers = ledger.take_wakers();
        drop(ledger);
        for waker in wakers {
            waker.wake();
        }
        output
    }

    /// Tells connections that the ledger has something for them.
    pub(crate) fn announce(&self) {
        self.changes.send_replace(());
    }

    /// Hears of announcements from now on.
    pub(crate) fn announcements(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn set_trouble(&self, trouble: Option<Disconnect>) {
        self.trouble.send_replace(trouble);
    }

    pub(super) fn trouble(&self) -> watch::Receiver<Option<Disconnect>> {
        self.trouble.subscribe()
    }
}
