//! The way to one node, where there is a connection whenever something is wanted of it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::conversation::{Conversation, Said};
use super::fleet::Whereabouts;
use super::probe::Probe;
use super::wire::Wire;
use crate::store::error::{Disconnect, Failure};
use crate::store::remote::RemoteConfig;
use crate::store::remote::route::Router;
use crate::store::remote::site::Site;
use crate::store::replay::Backoff;
use crate::store::subscriber::{Connection, Hub, Kind, Order, Push, Refusal};
use crate::store::url::Endpoint;

/// A connection that lived this long was a good one.
const LASTED: Duration = Duration::from_secs(1);

/// Even a lucky draw of the backoff must not make a busy loop.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Line {
    hub: Arc<Hub>,
    config: Arc<RemoteConfig>,
    router: Weak<Router>,
    place: Place,
    connected: AtomicBool,
}

/// What is subscribed to over a line.
pub(super) enum Place {
    /// Everything.
    Only,
    /// What belongs to this node.
    Node {
        endpoint: Endpoint,
        whereabouts: Arc<Whereabouts>,
    },
}

/// Says of a name whether it is subscribed to here.
type Owns<'p> = Box<dyn Fn(Kind, &[u8]) -> bool + Send + 'p>;

impl Place {
    fn owns(&self) -> Owns<'_> {
        match self {
            Place::Only => Box::new(|_, _| true),
            Place::Node {
                endpoint,
                whereabouts,
            } => Box::new(whereabouts.owns(endpoint)),
        }
    }

    /// Whether what is published to plain channels comes here.
    fn has_plain(&self) -> bool {
        self.owns()(Kind::Channel, b"")
    }

    fn is_away(&self) {
        if let Place::Node {
            endpoint,
            whereabouts,
        } = self
        {
            whereabouts.is_away(endpoint);
        }
    }

    fn learn(&self, refusal: &Refusal) {
        if let Place::Node {
            endpoint,
            whereabouts,
        } = self
            && let Refusal::Error(error) = refusal
            && error.failure() == Failure::NotExecuted
        {
            whereabouts.learn(endpoint, error);
        }
    }
}

/// Why a connection is given up.
enum End {
    /// Nothing is subscribed to.
    Idle,
    Gone(&'static str),
}

impl Line {
    pub(super) fn new(
        hub: Arc<Hub>,
        config: Arc<RemoteConfig>,
        router: Weak<Router>,
        place: Place,
    ) -> Line {
        Line {
            hub,
            config,
            router,
            place,
            connected: AtomicBool::new(false),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub(super) async fn keep(self: Arc<Self>, mut site: Site) {
        let backoff = self.backoff(Duration::from_secs(2));
        let time = &self.config.time;
        let mut attempt = 0;
        let mut troubled = false;
        loop {
            self.wanted(&mut troubled).await;
            let started = time.monotonic();
            let lost = match self.connect(&mut site).await {
                Ok(wire) => {
                    self.hub.set_trouble(None);
                    troubled = false;
                    let end = {
                        let open = Open::begin(&self);
                        self.converse(&mut site, wire, open.connection).await
                    };
                    match end {
                        End::Idle => continue,
                        End::Gone(reason) => {
                            tracing::warn!(%site, reason, "the connection for subscriptions is gone");
                        }
                    }
                    true
                }
                Err(cause) => {
                    if attempt == 0 {
                        tracing::warn!(%site, %cause, "cannot connect for subscriptions, trying on");
                    }
                    self.hub.set_trouble(Some(cause));
                    troubled = true;
                    self.place.is_away();
                    self.hub.with(|ledger| ledger.doubt());
                    self.hub.announce();
                    false
                }
            };
            if lost && time.monotonic().saturating_sub(started) >= LASTED {
                attempt = 0;
                continue;
            }
            tokio::select! {
                () = time.sleep(backoff.pause(attempt).max(SHORTEST_PAUSE)) => {}
                () = site.moved() => {}
            }
            attempt += 1;
        }
    }

    fn backoff(&self, longest: Duration) -> Backoff {
        Backoff::new(Duration::from_millis(20), longest, &self.config.random)
    }

    /// Completes when a connection is needed. While none is, nothing is known to be wrong.
    async fn wanted(&self, troubled: &mut bool) {
        let mut announcements = self.hub.announcements();
        while !self.hub.with(|ledger| ledger.wants(self.place.owns())) {
            if std::mem::take(troubled) {
                self.hub.set_trouble(None);
            }
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
        let mut conversation = Conversation::default();
        let mut probe = Probe::new(config, &self.router);
        let mut announcements = self.hub.announcements();
        announcements.mark_changed();
        let mut moved = pin!(site.moved());
        let mut tick = pin!(config.time.sleep(config.ping_every));
        let mut heard = false;
        // While a server refuses what later it may do, nothing is asked of it.
        let backoff = self.backoff(Duration::from_millis(500));
        let mut rest = pin!(config.time.sleep(Duration::ZERO));
        let mut resting = false;
        let mut refusals = 0;
        loop {
            tokio::select! {
                read = wire.exchange() => {
                    let listened = match read {
                        Ok(()) => self.listen(&mut wire, &mut conversation, &mut probe, connection),
                        Err(_) => return End::Gone("closed by the server"),
                    };
                    match listened {
                        Ok(Mood::Willing) => refusals = 0,
                        Ok(Mood::Unwilling) if !resting => {
                            resting = true;
                            rest.set(config.time.sleep(backoff.pause(refusals)));
                            refusals += 1;
                        }
                        Ok(_) => {}
                        Err(_) => return End::Gone("the server says what cannot be understood"),
                    }
                    heard = true;
                }
                () = &mut rest, if resting => resting = false,
                Ok(()) = announcements.changed(), if !resting => {
                    let owns = self.place.owns();
                    for order in self.hub.with(|ledger| ledger.orders(connection, owns)) {
                        conversation.say(order, wire.output());
                    }
                }
                () = &mut tick => {
                    if !heard && conversation.awaits_answer() {
                        return End::Gone("the server does not answer");
                    }
                    let is_used = self.hub.with(|ledger| {
                        ledger.doubt();
                        ledger.is_used(connection)
                    });
                    if !is_used && !conversation.awaits_answer() {
                        return End::Idle;
                    }
                    announcements.mark_changed();
                    if self.place.has_plain()
                        && let Some(order) = probe.begin()
                    {
                        conversation.say(order, wire.output());
                    }
                    if heard {
                        tick.set(config.time.sleep(config.ping_every));
                    } else {
                        conversation.ping(wire.output());
                        tick.set(config.time.sleep(config.unresponsive_after));
                    }
                    heard = false;
                }
                () = probe.fails() => return End::Gone("messages do not come through"),
                () = &mut moved => return End::Gone("another server is the primary"),
            }
        }
    }

    /// Passes on everything that has come.
    fn listen(
        &self,
        wire: &mut Wire,
        conversation: &mut Conversation,
        probe: &mut Probe,
        connection: Connection,
    ) -> Result<Mood, redstart_protocol::ReplyError> {
        let mut mood = Mood::Indifferent;
        let mut changed = false;
        while let Some(value) = wire.decode()? {
            match conversation.hear(value) {
                Said::Push(push) if probe.hear(&push) => {}
                Said::Push(push) => {
                    changed |= matches!(push, Push::Confirmed { .. });
                    self.hub.with(|ledger| ledger.pushed(connection, push));
                }
                Said::Refused(order, _) if probe.is_refused(&order) => {}
                Said::Refused(order, refusal) => {
                    changed = true;
                    self.refused(connection, &order, &refusal);
                    // One that is sent to another node as well: that one may send it back, for as long
                    // as the two disagree.
                    if !refusal.is_final() {
                        mood = Mood::Unwilling;
                    }
                }
                Said::Done => mood = Mood::Willing,
                Said::Nothing => {}
            }
        }
        if changed {
            self.hub.announce();
        }
        Ok(mood)
    }

    fn refused(&self, connection: Connection, order: &Order, refusal: &Refusal) {
        self.hub
            .with(|ledger| ledger.refused(connection, order, refusal));
        self.place.learn(refusal);
    }
}

/// Whether the server does what it is asked to.
enum Mood {
    Willing,
    Unwilling,
    Indifferent,
}

/// A connection while it is there; its end is known to the ledger however it comes.
struct Open<'l> {
    line: &'l Line,
    connection: Connection,
}

impl<'l> Open<'l> {
    fn begin(line: &'l Line) -> Open<'l> {
        line.connected.store(true, Ordering::Relaxed);
        Open {
            connection: line.hub.connection(),
            line,
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.line.connected.store(false, Ordering::Relaxed);
        self.line.hub.with(|ledger| ledger.lost(self.connection));
        self.line.hub.announce();
    }
}
