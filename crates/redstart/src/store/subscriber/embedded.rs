//! Subscriptions on the embedded engine.
//!
//! No task carries messages: the engine hands them to its client's outbox on the publisher's
//! thread, and from there they go on, on the same thread, to the subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use redstart_engine::{Client, Engine, Outbox, Peer, Value};

use super::hub::{Connection, Hub};
use super::ledger::{Order, Refusal, Verb};
use super::push::Push;
use crate::store::error::{Error, Failure};

/// The subscriptions of a store, and the client of the engine that subscribes for them.
#[derive(Debug)]
pub(crate) struct EmbeddedSubscriber {
    hub: Arc<Hub>,
    /// There while anything is subscribed to.
    session: Mutex<Option<Session>>,
    /// Somebody has killed the client.
    killed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Session {
    client: Client,
    connection: Connection,
    mailbox: Arc<Mailbox>,
}

/// Where the engine puts what it pushes.
#[derive(Debug)]
struct Mailbox {
    hub: Arc<Hub>,
    connection: Connection,
    /// The outbox knows the mailbox as well; the session's end parts them.
    outbox: Mutex<Option<Outbox>>,
    killed: Arc<AtomicBool>,
}

impl EmbeddedSubscriber {
    pub(crate) fn new() -> EmbeddedSubscriber {
        EmbeddedSubscriber {
            hub: Hub::new(),
            session: Mutex::default(),
            killed: Arc::default(),
        }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Begins anew if the client was killed. Whoever waits for events was woken for that.
    pub(crate) fn mend(&self, engine: &Engine) {
        if self.killed.load(Ordering::Acquire) {
            self.settle(engine);
        }
    }

    /// Subscribes to what is wanted, and to nothing else.
    pub(crate) fn settle(&self, engine: &Engine) {
        let mut session = self.session.lock();
        if self.killed.swap(false, Ordering::AcqRel) {
            *session = None;
        }
        if session.is_none() && self.hub.with(|ledger| ledger.wants(|_, _| true)) {
            *session = Some(Session::open(engine, &self.hub, &self.killed));
        }
        let Some(open) = &mut *session else { return };
        let connection = open.connection;
        while open.carry_out(
            self.hub
                .with(|ledger| ledger.orders(connection, |_, _| true)),
        ) {}
        if !self.hub.with(|ledger| ledger.is_used(connection)) {
            *session = None;
        }
    }
}

impl Session {
    fn open(engine: &Engine, hub: &Arc<Hub>, killed: &Arc<AtomicBool>) -> Session {
        let connection = hub.connection();
        let mailbox = Arc::new(Mailbox {
            hub: Arc::clone(hub),
            connection,
            outbox: Mutex::default(),
            killed: Arc::clone(killed),
        });
        let outbox = Outbox::values({
            let mailbox = Arc::clone(&mailbox);
            move || mailbox.deliver()
        });
        *mailbox.outbox.lock() = Some(outbox.clone());
        let mut client = engine.connect(outbox, Peer::embedded());
        client.call(&[b"HELLO", b"3"]);
        Session {
            client,
            connection,
            mailbox,
        }
    }

    /// Whether it makes sense to ask what else there is to do.
    fn carry_out(&mut self, orders: Vec<Order>) -> bool {
        let mut again = !orders.is_empty();
        for order in orders {
            let word = match order.verb {
                Verb::Enter => order.kind.command(),
                Verb::Leave => order.kind.opposite(),
            };
            let names = order.names.iter().map(|name| &**name);
            let command: Vec<&[u8]> = std::iter::once(word.as_bytes()).chain(names).collect();
            // Confirmations go through the mailbox.
            if let Value::Error(text) = self.client.call(&command) {
                let error = Error::server(&order.kind.operation(), &text);
                again &= error.failure() == Failure::Failed;
                let refusal = Refusal::Error(error);
                let hub = &self.mailbox.hub;
                hub.with(|ledger| ledger.refused(self.connection, &order, &refusal));
            }
        }
        again
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let outbox = self.mailbox.outbox.lock().take();
        drop(outbox);
    }
}

impl Mailbox {
    /// Runs under locks of the engine, which therefore must not be called.
    fn deliver(&self) {
        let Some(outbox) = self.outbox.lock().clone() else {
            return;
        };
        self.hub.with(|ledger| {
            while let Some(value) = outbox.take_value() {
                if let Value::Push(items) = value
                    && let Some(push) = Push::read(items)
                {
                    ledger.pushed(self.connection, push);
                }
            }
            if outbox.is_closed() && !self.killed.swap(true, Ordering::AcqRel) {
                ledger.lost(self.connection);
            }
        });
    }
}
