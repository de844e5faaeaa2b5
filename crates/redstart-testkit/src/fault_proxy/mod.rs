//! A proxy between clients and one server that can lose, hold and hack to pieces what passes.
//!
//! One thread accepts; each connection has two, one a direction, that read, ask what is wrong at the
//! moment, and write. All of them share one lock and one condition, held for a look at the faults
//! and never while reading or writing.

mod faults;
mod link;
mod trap;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

pub use faults::Faults;
pub use trap::{Strike, Trap};

use crate::address::Address;
use crate::deadline::look_again;
use link::{Link, Wire};

/// A proxy between clients and one server.
///
/// ```no_run
/// use redstart_testkit::{FaultProxy, Faults, Server, Strike};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::from_path()?.start()?;
/// let proxy = FaultProxy::start(server.address().clone())?;
/// let client_url = proxy.url();
///
/// // The server counts, and the client will not know whether it has.
/// let trap = proxy.trap("incr", Strike::CutBeforeReply);
/// // … the program under test runs INCR at `client_url` …
/// trap.wait();
///
/// // Silence on all connections, those of the future included.
/// proxy.set(Faults::none().frozen());
/// // … and the end of it.
/// proxy.heal();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: Address,
    /// Connections from here are between servers, and pass untouched.
    spared: Option<IpAddr>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    refuses: bool,
    closed: bool,
    accepted: u64,
    next_id: u64,
    links: BTreeMap<u64, Link>,
    traps: Vec<Trap>,
}

impl FaultProxy {
    /// A proxy on a free port of 127.0.0.1, before the server at `target`.
    pub fn start(target: Address) -> io::Result<FaultProxy> {
        FaultProxy::launch(target, None)
    }

    /// A proxy that lets connections from `peers` pass untouched: those of other servers.
    pub(crate) fn sparing(target: Address, peers: Ipv4Addr) -> io::Result<FaultProxy> {
        FaultProxy::launch(target, Some(peers.into()))
    }

    /// Where clients connect.
    pub fn address(&self) -> Address {
        Address::Tcp(self.address)
    }

    /// Where clients connect, as a URL.
    pub fn url(&self) -> String {
        self.address().url()
    }

    /// The port of 127.0.0.1 where clients connect.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets what goes wrong on all connections, present and to come, that have no faults of their
    /// own.
    pub fn set(&self, faults: Faults) {
        self.shared.change(|state| state.faults = faults);
    }

    /// Cuts all connections. New ones are let in.
    pub fn cut(&self) {
        self.shared.change(State::cut_all);
    }

    /// Cuts all connections, and from now on lets none in: each is closed as soon as it is made.
    pub fn refuse(&self) {
        self.shared.change(|state| {
            state.refuses = true;
            state.cut_all();
        });
    }

    /// Ends all faults, those of single connections included, and disarms all traps. What was frozen
    /// passes; what was cut stays cut, and what was lost stays lost.
    pub fn heal(&self) {
        self.shared.change(|state| {
            state.faults = Faults::none();
            state.refuses = false;
            state.traps.clear();
            for link in state.links.values_mut() {
                link.faults = None;
            }
        });
    }

    /// Waits for the next request, on any connection, that contains `words` in whatever case, and
    /// strikes then, once.
    ///
    /// It sees requests and replies of up to a mebibyte. A connection that has carried more, or
    /// something else than RESP, passes no trap any more; nor can one be right where replies are not
    /// one a request: after SUBSCRIBE in RESP2, or CLIENT REPLY OFF.
    pub fn trap(&self, words: impl AsRef<[u8]>, strike: Strike) -> Trap {
        self.set_trap(Trap::new(words.as_ref(), strike, false))
    }

    /// A [trap](FaultProxy::trap) that strikes at every such request until [`heal`](FaultProxy::heal):
    /// for a server that loads for a while, or redirects in circles.
    pub fn trap_every(&self, words: impl AsRef<[u8]>, strike: Strike) -> Trap {
        self.set_trap(Trap::new(words.as_ref(), strike, true))
    }

    /// The connections there are, oldest first.
    pub fn connections(&self) -> Vec<ProxiedConnection> {
        let state = self.shared.lock();
        let links = state.links.iter().filter(|(_, link)| !link.spared);
        links
            .map(|(id, _)| ProxiedConnection {
                shared: self.shared.clone(),
                id: *id,
            })
            .collect()
    }

    /// How many connections have been let in since the start.
    pub fn accepted(&self) -> u64 {
        self.shared.lock().accepted
    }

    fn set_trap(&self, trap: Trap) -> Trap {
        self.shared.change(|state| state.traps.push(trap.clone()));
        trap
    }

    fn launch(target: Address, spared: Option<IpAddr>) -> io::Result<FaultProxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            spared,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = shared.clone();
        let acceptor = thread::Builder::new()
            .name("fault-proxy".to_owned())
            .spawn(move || accepting.accept_all(&listener))?;
        Ok(FaultProxy {
            shared,
            address,
            acceptor: Some(acceptor),
        })
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.closed = true;
            let all = std::mem::take(&mut state.links);
            all.into_values().for_each(|link| link.wire.close());
        });
        // The acceptor waits for a connection, so it gets one.
        let woken = TcpStream::connect(self.address).is_ok();
        if let (true, Some(acceptor)) = (woken, self.acceptor.take()) {
            let _ = acceptor.join();
        }
    }
}

/// One connection of a client, through a [`FaultProxy`].
#[derive(Clone, Debug)]
pub struct ProxiedConnection {
    shared: Arc<Shared>,
    id: u64,
}

impl ProxiedConnection {
    /// Sets what goes wrong on this connection, whatever goes wrong on others.
    pub fn set(&self, faults: Faults) {
        self.shared.change(|state| {
            if let Some(link) = state.links.get_mut(&self.id) {
                link.faults = Some(faults);
            }
        });
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.shared.cut(self.id);
    }

    /// Whether neither end nor the proxy has closed it.
    pub fn is_open(&self) -> bool {
        self.shared.lock().links.contains_key(&self.id)
    }
}

impl State {
    /// Cuts all connections but those between servers.
    fn cut_all(&mut self) {
        self.links.retain(|_, link| {
            if !link.spared {
                link.wire.close();
            }
            link.spared
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that those who pass may be waiting for.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    fn cut(&self, id: u64) {
        let link = self.change(|state| state.links.remove(&id));
        if let Some(link) = link {
            link.wire.close();
        }
    }

    fn accept_all(self: &Arc<Shared>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.lock().closed {
                return;
            }
            match accepted {
                // What cannot be passed on is closed, as it would be without a server.
                Ok((client, from)) => drop(self.admit(client, from.ip())),
                // No file left, or the client was quicker to go.
                Err(_) => look_again(),
            }
        }
    }

    fn admit(self: &Arc<Shared>, client: TcpStream, from: IpAddr) -> io::Result<()> {
        let spared = self.spared == Some(from);
        if self.lock().refuses && !spared {
            return Ok(());
        }
        let wire = Arc::new(Wire::open(client, &self.target)?);
        let id = self.change(|state| {
            state.accepted += u64::from(!spared);
            let id = state.next_id;
            state.next_id += 1;
            state.links.insert(
                id,
                Link {
                    wire: wire.clone(),
                    faults: None,
                    spared,
                },
            );
            id
        });
        link::carry(self, id, &wire)
    }
}
