//! The embedded side: an engine inside this process.
//!
//! Commands run at once on the caller's thread. Clients of the engine are kept between commands,
//! as a connection pool keeps connections, because each carries a session.

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
use super::time::Time;
use super::url::MemoryTarget;

/// How often the engine is given time for work nobody asked for.
const TICK: Duration = Duration::from_millis(100);

/// Clients kept for the next command; more are made when more threads call at once.
const IDLE_CLIENTS: usize = 64;

/// A handle of an engine, with its own clients and its own share in keeping it going.
pub(crate) struct Embedded {
    clients: Mutex<Vec<Client>>,
    host: Arc<Host>,
    ticker: Option<JoinHandle<()>>,
}

/// An engine and what it was opened with.
struct Host {
    engine: Engine,
    time: Time,
    cluster_strict: bool,
    last_tick: Mutex<Duration>,
}

/// Named engines that some store still holds.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<Host>>>> = LazyLock::new(Mutex::default);

impl Embedded {
    /// A new engine, or the one that already goes by this name.
    pub(crate) fn open(target: &MemoryTarget, time: &Time) -> Result<Embedded> {
        let host = match &target.name {
            None => Arc::new(Host::new(target, time)),
            Some(name) => named(name, target, time)?,
        };
        let ticker = Handle::try_current()
            .ok()
            .map(|runtime| runtime.spawn(keep_going(Arc::downgrade(&host), time.clone())));
        Ok(Embedded {
            clients: Mutex::default(),
            host,
            ticker,
        })
    }

    /// The engine itself.
    pub(crate) fn engine(&self) -> &Engine {
        &self.host.engine
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

    /// A client is lent out without holding the lock. One that panics is not taken back.
    pub(crate) fn with_client<T>(&self, work: impl FnOnce(&mut Client) -> T) -> T {
        let idle = self.clients.lock().pop();
        let mut client = idle.unwrap_or_else(|| self.host.connect());
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
    }
}

impl Host {
    fn new(target: &MemoryTarget, time: &Time) -> Host {
        let engine = Engine::builder()
            .clock(time.clone())
            .cluster_strict(target.cluster_strict)
            .build();
        Host {
            engine,
            time: time.clone(),
            cluster_strict: target.cluster_strict,
            last_tick: Mutex::new(time.monotonic()),
        }
    }

    /// Speaks RESP3, as the connections of the remote side do, so that replies have one shape.
    fn connect(&self) -> Client {
        let mut client = self.engine.connect_embedded();
        client.call(&[b"HELLO", b"3"]);
        client
    }

    /// Every store on a named engine has a ticker, since any may outlive the others and their
    /// runtimes; together they tick as often as one.
    fn is_time_to_tick(&self) -> bool {
        let now = self.time.monotonic();
        let mut last = self.last_tick.lock();
        let due = now.saturating_sub(*last) >= TICK;
        if due {
            *last = now;
        }
        due
    }
}

/// Gives an engine time now and then. Does not hold it: the last store that goes takes its engine
/// with it, even if this task has not yet heard of that.
async fn keep_going(host: Weak<Host>, time: Time) {
    loop {
        time.sleep(TICK).await;
        let Some(host) = host.upgrade() else { return };
        if host.is_time_to_tick() {
            host.engine.tick();
        }
    }
}

fn named(name: &str, target: &MemoryTarget, time: &Time) -> Result<Arc<Host>> {
    let mut named = NAMED.lock();
    if let Some(host) = named.get(name).and_then(Weak::upgrade) {
        if host.cluster_strict != target.cluster_strict {
            return Err(Error::Config(
                "the store of this name was opened with another `cluster`",
            ));
        }
        if !host.time.is_same(time) {
            return Err(Error::Config(
                "the store of this name was opened with another clock",
            ));
        }
        return Ok(host);
    }
    named.retain(|_, host| host.strong_count() > 0);
    let host = Arc::new(Host::new(target, time));
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
