//! Subscriptions on servers: one connection to each node that is subscribed to, and nothing but
//! subscriptions on it.
//!
//! These connections are driven by our own codec rather than redis-rs': a command that names many
//! channels has as many confirmations, which no count of replies can be matched with
//! (docs/decisions/0010-subscriptions-by-name.md).

mod conversation;
mod wire;

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;

use self::conversation::{Conversation, Said};
pub(super) use self::wire::{Stream, Wire};
use super::RemoteConfig;
use super::site::Site;
use crate::store::error::{Disconnect, Failure};
use crate::store::replay::Backoff;
use crate::store::subscriber::{Connection, Hub, Kind, Refusal};

/// A connection that lived this long was a good one.
const LASTED: Duration = Duration::from_secs(1);

/// The subscriptions of a store, and the task that keeps them.
#[derive(Debug)]
pub(crate) struct Subscriber {
    hub: Arc<Hub>,
    config: Arc<RemoteConfig>,
    site: Site,
    /// Begins with the first subscription.
    task: OnceLock<Task>,
}

#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Subscriber {
    pub(super) fn new(config: &Arc<RemoteConfig>, site: Site) -> Subscriber {
        Subscriber {
            hub: Hub::new(),
            config: Arc::clone(config),
            site,
            task: OnceLock::new(),
        }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Has the connections see to what has changed.
    pub(crate) fn settle(&self) {
        self.task.get_or_init(|| {
            let line = Line {
                hub: Arc::clone(&self.hub),
                config: Arc::clone(&self.config),
            };
            Task(tokio::spawn(line.keep(self.site.clone())))
        });
        self.hub.announce();
    }
}

/// The way to one node, where there is a connection whenever something is wanted of it.
struct Line {
    hub: Arc<Hub>,
    config: Arc<RemoteConfig>,
}

impl Line {
    fn is_own(&self, _: Kind, _: &[u8]) -> bool {
        true
    }

    fn backoff(&self, longest: Duration) -> Backoff {
        Backoff::new(Duration::from_millis(20), longest, &self.config.random)
    }

    async fn keep(self, mut site: Site) {
        let backoff = self.backoff(Duration::from_secs(2));
        let time = &self.config.time;
        let mut attempt = 0;
        loop {
            self.wanted().await;
            let started = time.monotonic();
            let cause = match self.connect(&mut site).await {
                Ok(wire) => {
                    self.hub.set_trouble(None);
                    let connection = self.hub.connection();
                    let end = self.converse(&mut site, wire, connection).await;
                    self.hub.with(|ledger| ledger.lost(connection));
                    match end {
                        End::Idle => continue,
                        End::Gone(reason) => {
                            tracing::warn!(%site, reason, "the connection for subscriptions is gone");
                        }
                    }
                    Disconnect::Lost
                }
                Err(cause) => {
                    if attempt == 0 {
                        tracing::warn!(%site, %cause, "cannot connect for subscriptions, trying on");
                    }
                    self.hub.set_trouble(Some(cause.clone()));
                    cause
                }
            };
            let now = time.monotonic();
            if cause == Disconnect::Lost && now.saturating_sub(started) >= LASTED {
                attempt = 0;
                continue;
            }
            tokio::select! {
                () = time.sleep(backoff.pause(attempt).max(Duration::from_millis(1))) => {}
                () = site.moved() => {}
            }
            attempt += 1;
        }
    }

    /// Completes when a connection is needed.
    async fn wanted(&self) {
        let mut announcements = self.hub.announcements();
        loop {
            let is_own = |kind, name: &[u8]| self.is_own(kind, name);
            if self.hub.with(|ledger| ledger.wants(is_own)) {
                return;
            }
            self.hub.set_trouble(None);
            if announcements.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn connect(&self, site: &mut Site) -> Result<Wire, Disconnect> {
        tokio::select! {
            connected = site.connect_subscriber(&self.config) => connected,
            () = self.config.time.sleep(self.config.connect_within) => {
                Err(Disconnect::Unreachable("no answer to the greeting".into()))
            }
        }
    }

    /// Subscribes and listens for as long as the connection is of use.
    async fn converse(&self, site: &mut Site, mut wire: Wire, connection: Connection) -> End {
        let config = &self.config;
        let backoff = self.backoff(Duration::from_millis(500));
        let mut conversation = Conversation::default();
        let mut announcements = self.hub.announcements();
        announcements.mark_changed();
        let mut moved = pin!(site.moved());
        let mut tick = pin!(config.time.sleep(config.ping_every));
        // While a server refuses what later it may do, nothing is asked of it.
        let mut rest = pin!(config.time.sleep(Duration::ZERO));
        let mut resting = false;
        let mut refusals = 0;
        let mut heard = false;
        loop {
            tokio::select! {
                read = wire.exchange() => {
                    if read.is_err() {
                        return End::Gone("closed by the server");
                    }
                    heard = true;
                    loop {
                        let value = match wire.decode() {
                            Ok(Some(value)) => value,
                            Ok(None) => break,
                            Err(_) => return End::Gone("the server says what cannot be understood"),
                        };
                        match conversation.hear(value) {
                            Said::Push(push) => {
                                self.hub.with(|ledger| ledger.pushed(connection, push));
                            }
                            Said::Refused(order, refusal) => {
                                let passing = match &refusal {
                                    Refusal::Error(error) => error.failure() != Failure::Failed,
                                    Refusal::Silence => true,
                                };
                                self.hub.with(|ledger| ledger.refused(connection, &order, &refusal));
                                if passing && !resting {
                                    resting = true;
                                    rest.set(config.time.sleep(backoff.pause(refusals)));
                                    refusals += 1;
                                }
                                announcements.mark_changed();
                            }
                            Said::Done => refusals = 0,
                            Said::Nothing => {}
                        }
                    }
                    // What was left may have to be entered again.
                    announcements.mark_changed();
                }
                () = &mut rest, if resting => {
                    resting = false;
                }
                Ok(()) = announcements.changed(), if !resting => {
                    let is_own = |kind, name: &[u8]| self.is_own(kind, name);
                    let orders = self.hub.with(|ledger| ledger.orders(connection, is_own));
                    for order in orders {
                        conversation.say(order, wire.output());
                    }
                }
                () = &mut tick => {
                    if !heard && conversation.awaits_answer() {
                        return End::Gone("the server does not answer");
                    }
                    if !self.hub.with(|ledger| {
                        ledger.doubt();
                        ledger.is_used(connection)
                    }) && !conversation.awaits_answer() {
                        return End::Idle;
                    }
                    announcements.mark_changed();
                    if heard {
                        tick.set(config.time.sleep(config.ping_every));
                    } else {
                        conversation.ping(wire.output());
                        tick.set(config.time.sleep(config.unresponsive_after));
                    }
                    heard = false;
                }
                () = &mut moved => return End::Gone("another server is the primary"),
            }
        }
    }
}

/// Why a connection is given up.
enum End {
    /// Nothing is subscribed to.
    Idle,
    Gone(&'static str),
}
