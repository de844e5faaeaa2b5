//! The server: listens, lets clients in, and ends in good order.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::connection::Connection;
use super::gate;
use super::lanes::Lanes;
use super::listener::{Accepted, Address, ListenError, Listener};
use super::roster::{Roster, Seat};
use super::wakeup::Wakeup;
use crate::state::Environment;
use crate::state::connections::Listening;
use crate::{Engine, Outbox, Peer};

/// How long to wait when the system has no file descriptors or memory for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server to be configured.
#[derive(Debug)]
pub struct ServerBuilder {
    engine: Engine,
    tcp: Vec<std::net::SocketAddr>,
    unix: Option<(PathBuf, Option<u32>)>,
    backlog: u32,
    grace: Duration,
    lanes: Lanes,
}

/// A server that listens and is about to serve.
#[derive(Debug)]
pub struct Server {
    engine: Engine,
    listeners: Vec<Listener>,
    addresses: Vec<Address>,
    grace: Duration,
    lanes: Lanes,
}

impl Server {
    /// A server of this engine. It listens nowhere until told where.
    pub fn builder(engine: Engine) -> ServerBuilder {
        let grace = Duration::from_secs(5);
        ServerBuilder {
            engine,
            tcp: Vec::new(),
            unix: None,
            backlog: 511,
            grace,
            lanes: Lanes::default(),
        }
    }

    /// Where this server listens.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Serves until `shutdown` is ready or a client sends SHUTDOWN: then nobody else is let in,
    /// what has been received is answered, and everybody is disconnected within the grace period.
    ///
    /// Works best on tokio's multi-threaded runtime: only there can a long script be kept from
    /// holding up other clients. When this future is dropped, all connections end at once.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Server {
            engine,
            listeners,
            grace,
            lanes,
            ..
        } = self;
        let roster = Arc::new(Roster::default());
        let (stop, stopping) = watch::channel(false);
        let mut upkeep = JoinSet::new();
        upkeep.spawn(keep_up(engine.clone(), Arc::clone(&roster)));
        let mut halls = JoinSet::new();
        for listener in listeners {
            let hall = Hall {
                engine: engine.clone(),
                roster: Arc::clone(&roster),
                lanes: lanes.clone(),
                connections: JoinSet::new(),
            };
            halls.spawn(hall.receive(listener, stopping.clone()));
        }

        let asked = Arc::new(Notify::new());
        let server = Arc::downgrade(&asked);
        engine.on_shutdown(move || match server.upgrade() {
            Some(asked) => {
                asked.notify_one();
                true
            }
            None => false,
        });
        tokio::select! {
            () = shutdown => {}
            () = asked.notified() => tracing::info!("a client asked for a shutdown"),
        }

        tracing::info!(clients = roster.len(), "shutting down");
        stop.send_replace(true);
        let mut connections = JoinSet::new();
        while let Some(ended) = halls.join_next().await {
            match ended {
                Ok(hall) => connections.spawn(async move { hall.join_all().await }),
                Err(error) => {
                    tracing::error!(%error, "a listener failed");
                    continue;
                }
            };
        }
        roster.drain();
        if timeout(grace, connections.join_all()).await.is_err() {
            tracing::warn!(
                clients = roster.len(),
                "disconnecting clients that did not finish"
            );
        }
    }
}

impl ServerBuilder {
    /// Listens on an IP address and port as well; port 0 takes any free one.
    pub fn tcp(mut self, address: std::net::SocketAddr) -> ServerBuilder {
        self.tcp.push(address);
        self
    }

    /// Listens on a unix socket, with these permissions or those that the umask leaves. A socket
    /// that nobody listens on is replaced.
    #[cfg(unix)]
    pub fn unix(mut self, path: impl Into<PathBuf>, mode: Option<u32>) -> ServerBuilder {
        self.unix = Some((path.into(), mode));
        self
    }

    /// How many connections the system may hold until they are accepted.
    pub fn backlog(mut self, backlog: u32) -> ServerBuilder {
        self.backlog = backlog;
        self
    }

    /// Runs the connections on these runtimes instead of the current one, each where there are
    /// fewest. They should be multi-threaded ones of one worker thread each: such a thread serves
    /// its connections undisturbed by the others, and can still be relieved when a command takes
    /// long. They have to outlive the server.
    pub fn runtimes(mut self, runtimes: Vec<Handle>) -> ServerBuilder {
        self.lanes = Lanes::new(runtimes);
        self
    }

    /// How long clients have at shutdown to finish their commands and take their replies.
    pub fn grace(mut self, grace: Duration) -> ServerBuilder {
        self.grace = grace;
        self
    }

    /// Starts listening: from here on peers can connect, and they are answered once the server
    /// serves.
    pub async fn listen(self) -> Result<Server, ListenError> {
        let mut listeners = Vec::new();
        for address in self.tcp {
            listeners.push(Listener::tcp(address, self.backlog)?);
        }
        #[cfg(unix)]
        if let Some((path, mode)) = self.unix {
            listeners.push(Listener::unix(path, mode, self.backlog).await?);
        }
        let addresses: Vec<Address> = listeners.iter().map(Listener::address).collect();
        *self.engine.environment.listening.write() = listening(&addresses);
        Ok(Server {
            engine: self.engine,
            listeners,
            addresses,
            grace: self.grace,
            lanes: self.lanes,
        })
    }
}

/// The addresses as INFO and CONFIG GET show them. Both have room for one port only.
fn listening(addresses: &[Address]) -> Listening {
    let mut listening = Listening::default();
    let mut ips: Vec<String> = Vec::new();
    for address in addresses {
        match address {
            Address::Tcp(address) => {
                ips.push(address.ip().to_string());
                if listening.port == 0 {
                    listening.port = address.port();
                }
            }
            Address::Unix(path) => listening.unix_socket = path.display().to_string(),
        }
    }
    listening.addresses = ips.join(" ");
    listening
}

/// Serves one peer over any stream, such as an in-process pipe, until it leaves. Nobody checks
/// who it is; it needs the engine's password all the same.
///
/// When this future is dropped, the connection ends.
pub async fn serve_stream<Io>(engine: &Engine, stream: Io)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let engine = engine.clone();
    // In a task of its own, which can step aside wherever the caller's runs.
    let mut connection = JoinSet::new();
    connection.spawn(async move {
        let peer = Peer::remote("stream:0", "stream:0");
        welcome(stream, &engine, &Roster::default(), peer, None).await;
    });
    connection.join_next().await;
}

/// Where the peers of one listener are received.
struct Hall {
    engine: Engine,
    roster: Arc<Roster>,
    lanes: Lanes,
    connections: JoinSet<()>,
}

impl Hall {
    /// Lets peers in until the server stops; returns those that are still there.
    async fn receive(
        mut self,
        listener: Listener,
        mut stopping: watch::Receiver<bool>,
    ) -> JoinSet<()> {
        loop {
            tokio::select! {
                biased;
                () = told(&mut stopping) => return self.connections,
                Some(ended) = self.connections.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a connection failed");
                    }
                }
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => self.admit(accepted),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    /// Turns a peer away or gives it a task of its own.
    fn admit(&mut self, accepted: Accepted) {
        let limits = &self.engine.environment.connections;
        let (address, local_address) = accepted.names();
        let Some(seat) = self
            .roster
            .take_seat(limits.max_clients.load(Ordering::Relaxed))
        else {
            tracing::warn!(peer = address, "turned away: every place is taken");
            self.engine.note_rejected_connection();
            return accepted.refuse(gate::FULL);
        };
        let protected =
            limits.protected_mode.load(Ordering::Relaxed) && !self.engine.has_password();
        if protected && !accepted.is_local() {
            tracing::warn!(peer = address, "turned away: protected mode");
            self.engine.note_rejected_connection();
            return accepted.refuse(gate::PROTECTED);
        }
        if let Err(error) = accepted.set_options(limits.tcp_keepalive_s.load(Ordering::Relaxed)) {
            // The peer is gone already, or the system lacks an option that only makes it better.
            tracing::debug!(peer = address, %error, "cannot set socket options");
        }
        let peer = Peer::remote(address, local_address);
        let (engine, roster) = (self.engine.clone(), Arc::clone(&self.roster));
        let connections = &mut self.connections;
        let spawned = match accepted {
            Accepted::Tcp(stream, _) => stream.into_std().map(|stream| {
                self.lanes.spawn(connections, move || {
                    let stream = TcpStream::from_std(stream)?;
                    Ok(async move { welcome(stream, &engine, &roster, peer, Some(seat)).await })
                });
            }),
            #[cfg(unix)]
            Accepted::Unix(stream, _) => stream.into_std().map(|stream| {
                self.lanes.spawn(connections, move || {
                    let stream = UnixStream::from_std(stream)?;
                    Ok(async move { welcome(stream, &engine, &roster, peer, Some(seat)).await })
                });
            }),
        };
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot serve a connection");
        }
    }
}

/// Ready when the server stops, or is gone.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Serves one peer, from its entry in the roster until it has left it.
async fn welcome<Io>(stream: Io, engine: &Engine, roster: &Roster, peer: Peer, _seat: Option<Seat>)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    struct Leave<'a>(&'a Roster, u64);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.leave(self.1);
        }
    }

    let wakeup = Arc::new(Wakeup::default());
    let bell = Arc::clone(&wakeup);
    let outbox = Outbox::encoded(move || bell.ring());
    let client = engine.connect(outbox.clone(), peer);
    let _leave = Leave(roster, client.id());
    let place = roster.enter(client.id(), outbox, Arc::clone(&wakeup));
    let environment: Arc<Environment> = Arc::clone(&engine.environment);
    Connection::new(stream, client, environment, place, wakeup)
        .run()
        .await;
}

/// The work nobody asks for: the engine's, and the sweep over the connections.
async fn keep_up(engine: Engine, roster: Arc<Roster>) {
    let limits = &engine.environment.connections;
    let mut ticks = 0;
    let mut hz = 0;
    let mut clock = interval(Duration::from_secs(1));
    loop {
        let wanted = limits.hz.load(Ordering::Relaxed).clamp(1, 500);
        if wanted != hz {
            hz = wanted;
            clock = interval(Duration::from_secs(1) / hz);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        clock.tick().await;
        // Not on a worker thread: it waits for locks, which a long script may hold.
        let ticking = engine.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || ticking.tick()).await {
            tracing::error!(%error, "periodic work failed");
        }
        ticks += 1;
        if ticks >= hz {
            ticks = 0;
            roster.sweep(limits);
        }
    }
}
