//! The embedded side: an engine inside this process.
//!
//! Commands run at once on the caller's thread. Clients of the engine are kept between commands,
//! as a connection pool keeps connections, because each carries a session.

#[cfg(feature = "durable")]
mod directory;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use redstart_engine::{Client, Clock, Engine};
use redstart_protocol::Value;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::argument::Arguments;
use super::error::{Error, Result};
use super::subscriber::EmbeddedSubscriber;
use super::time::Time;
use super::url::MemoryTarget;

/// How often the engine is given time for work nobody asked for.
const TICK: Duration = Duration::from_millis(100);

/// Clients kept for the next command; more are made when more threads call at once.
const IDLE_CLIENTS: usize = 64;

/// A handle of an engine, with its own clients and its own share in keeping it going.
pub(crate) struct Embedded {
    /// Boxed, because they are large and change hands twice a command.
    #[expect(clippy::vec_box, reason = "they change hands twice a command")]
    clients: Mutex<Vec<Box<Client>>>,
    subscriber: EmbeddedSubscriber,
    hold: Hold,
    ticker: Option<JoinHandle<()>>,
}

/// How an engine is held. Its last holder takes it along.
enum Hold {
    Shared(Arc<Host>),
    #[cfg(feature = "durable")]
    Directory(directory::Hold),
}

/// An engine and what it was opened with.
struct Host {
    engine: Engine,
    time: Time,
    cluster_strict: bool,
    ticking: Arc<Ticking>,
}

/// The engine as those see it who give it time now and then. They do not hold it: the last store
/// that goes takes its engine with it, even if they have not yet heard of that.
struct Ticking {
    engine: Mutex<Option<Engine>>,
    last: Mutex<Duration>,
}

/// Named engines that some store still holds.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<Host>>>> = LazyLock::new(Mutex::default);

impl Embedded {
    /// A new engine, or the one that already goes by this name.
    pub(crate) fn open(target: &MemoryTarget, time: &Time) -> Result<Embedded> {
        let host = match &target.name {
            None => Arc::new(Host::in_memory(target, time)),
            Some(name) => named(name, target, time)?,
        };
        Ok(Embedded::new(Hold::Shared(host)))
    }

    fn new(hold: Hold) -> Embedded {
        let host = hold.host();
        let ticking = keep_going(Arc::clone(&host.ticking), host.time.clone());
        let ticker = Handle::try_current()
            .ok()
            .map(|runtime| runtime.spawn(ticking));
        Embedded {
            clients: Mutex::default(),
            subscriber: EmbeddedSubscriber::new(),
            hold,
            ticker,
        }
    }

    /// The engine itself.
    pub(crate) fn engine(&self) -> &Engine {
        &self.hold.host().engine
    }

    /// What subscribes for the store.
    pub(crate) fn subscriber(&self) -> &EmbeddedSubscriber {
        &self.subscriber
    }

    /// One command, one reply.
    pub(crate) fn command(&self, arguments: &[&[u8]]) -> Value {
        self.with_client(|client| client.call(arguments))
    }

    /// Several commands of one client, in order.
    pub(crate) fn commands(&self, commands: &[Arguments]) -> Vec<Value> {
        self.with_client(|client| {
            commands
                .iter()
                .map(|command| client.call(&command.slices()))
                .collect()
        })
    }

    /// A client for somebody to keep.
    pub(crate) fn connect(&self) -> Box<Client> {
        Box::new(self.hold.host().connect())
    }

    /// A client is lent out without holding the lock. One that panics is not taken back.
    pub(crate) fn with_client<T>(&self, work: impl FnOnce(&mut Client) -> T) -> T {
        let idle = self.clients.lock().pop();
        let mut client = idle.unwrap_or_else(|| self.connect());
        let output = work(&mut client);
        let mut clients = self.clients.lock();
        if clients.len() < IDLE_CLIENTS {
            clients.push(client);
        }
        output
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
        // Before the engine is let go: clients hold it too.
        self.clients.lock().clear();
    }
}

impl Hold {
    fn host(&self) -> &Host {
        match self {
            Hold::Shared(host) => host,
            #[cfg(feature = "durable")]
            Hold::Directory(hold) => hold.host(),
        }
    }
}

impl Host {
    fn in_memory(target: &MemoryTarget, time: &Time) -> Host {
        let engine = Engine::builder()
            .clock(time.clone())
            .cluster_strict(target.cluster_strict)
            .build();
        Host::of(engine, time, target.cluster_strict)
    }

    fn of(engine: Engine, time: &Time, cluster_strict: bool) -> Host {
        let ticking = Ticking {
            engine: Mutex::new(Some(engine.clone())),
            last: Mutex::new(time.monotonic()),
        };
        Host {
            engine,
            time: time.clone(),
            cluster_strict,
            ticking: Arc::new(ticking),
        }
    }

    /// Speaks RESP3, as the connections of the remote side do, so that replies have one shape.
    fn connect(&self) -> Client {
        let mut client = self.engine.connect_embedded();
        client.call(&[b"HELLO", b"3"]);
        client
    }

    /// Whether it can be opened once more in this way.
    fn check_same(&self, cluster_strict: bool, time: &Time) -> Result<()> {
        if self.cluster_strict != cluster_strict {
            return Err(Error::Config(
                "the same store was opened with another `cluster`",
            ));
        }
        if !self.time.is_same(time) {
            return Err(Error::Config(
                "the same store was opened with another clock",
            ));
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Waits for a tick that is under way.
        self.ticking.engine.lock().take();
    }
}

impl Ticking {
    /// Every store on a shared engine has a ticker, since any may outlive the others and their
    /// runtimes; together they tick as often as one. False once the engine is gone.
    fn tick(&self, time: &Time) -> bool {
        let engine = self.engine.lock();
        let Some(engine) = &*engine else { return false };
        let now = time.monotonic();
        let mut last = self.last.lock();
        if now.saturating_sub(*last) >= TICK {
            *last = now;
            engine.tick();
        }
        true
    }
}

/// Gives an engine time now and then, while it is there.
async fn keep_going(ticking: Arc<Ticking>, time: Time) {
    loop {
        time.sleep(TICK).await;
        if !ticking.tick(&time) {
            return;
        }
    }
}

fn named(name: &str, target: &MemoryTarget, time: &Time) -> Result<Arc<Host>> {
    let mut named = NAMED.lock();
    if let Some(host) = named.get(name).and_then(Weak::upgrade) {
        host.check_same(target.cluster_strict, time)?;
        return Ok(host);
    }
    named.retain(|_, host| host.strong_count() > 0);
    let host = Arc::new(Host::in_memory(target, time));
    named.insert(name.to_owned(), Arc::downgrade(&host));
    Ok(host)
}

/// The store's clock drives the engine.
impl Clock for Time {
    fn now_us(&self) -> u64 {
        self.unix_us()
    }

    fn coarse_us(&self) -> u64 {
        self.recent_unix_us()
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.monotonic().as_micros()).unwrap_or(u64::MAX)
    }
}
