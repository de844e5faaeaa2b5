//! Opening a store step by step.

use std::sync::{Arc, Once};
use std::time::Duration;

#[cfg(feature = "embedded")]
use super::embedded::Embedded;
use super::error::{Error, Result};
use super::key::Namespace;
use super::options::Options;
use super::random::Random;
#[cfg(test)]
use super::remote::Network;
use super::remote::{Remote, RemoteConfig};
use super::replay::Deadline;
use super::store::{Backend, Inner, Store};
use super::time::Time;
use super::tls::Connector;
use super::tls::Tls;
use super::url::ServerTarget;
use super::url::{Deployment, FileTarget, MemoryTarget, StoreUrl, Target};

/// What a store is opened with. Every setting has a default. What the URL says comes before that, and
/// what is said here before the URL.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open` is awaited"]
pub struct StoreBuilder {
    url: Result<StoreUrl>,
    options: Options,
    time: Time,
    tls: Tls,
    lazy: bool,
    shared_only: bool,
    random: Arc<Random>,
    #[cfg(test)]
    network: Option<Network>,
}

impl StoreBuilder {
    pub(crate) fn new(url: &str) -> StoreBuilder {
        let url = StoreUrl::parse(url).map_err(Error::from);
        StoreBuilder {
            options: url
                .as_ref()
                .map(|url| url.options.clone())
                .unwrap_or_default(),
            url,
            time: Time::system(),
            tls: Tls::new(),
            lazy: false,
            shared_only: false,
            random: Arc::new(Random::new()),
            #[cfg(test)]
            network: None,
        }
    }

    /// What all keys of this store's rooms start with; `redstart` unless told otherwise. Letters,
    /// digits, `_`, `-` and `.`.
    pub fn namespace(mut self, namespace: &str) -> StoreBuilder {
        namespace.clone_into(&mut self.options.namespace);
        self
    }

    /// The database of a server, whatever the URL says. A cluster has only the first, and nothing
    /// but a server has any.
    pub fn database(mut self, number: u32) -> StoreBuilder {
        match &mut self.url {
            Ok(StoreUrl {
                target: Target::Server(server),
                ..
            }) if number == 0 || !matches!(server.deployment, Deployment::Cluster { .. }) => {
                server.database = number;
            }
            Ok(_) if number != 0 => {
                self.url = Err(Error::Config("database: only the first is there"));
            }
            _ => {}
        }
        self
    }

    /// The clock that engine, deadlines and periodic work go by. Hand in
    /// [`SimulatedTime::time`](super::SimulatedTime::time) to travel in time.
    pub fn time(mut self, time: Time) -> StoreBuilder {
        self.time = time;
        self
    }

    /// How long a request may take unless it says otherwise: 2 s. Waiting for a connection and
    /// asking again are included.
    pub fn deadline(mut self, deadline: Duration) -> StoreBuilder {
        self.options.deadline = deadline;
        self
    }

    /// How long one attempt to connect may take: 2 s.
    pub fn connect_within(mut self, limit: Duration) -> StoreBuilder {
        self.options.connect_within = limit;
        self
    }

    /// How long a connection may stay silent after it was asked for a sign of life before it is
    /// replaced: 2 s. It is asked when a request's deadline has passed, and now and then when idle.
    pub fn unresponsive_after(mut self, limit: Duration) -> StoreBuilder {
        self.options.unresponsive_after = limit;
        self
    }

    /// How often an idle connection is asked for a sign of life: every 5 s.
    pub fn ping_every(mut self, pause: Duration) -> StoreBuilder {
        self.options.ping_every = pause;
        self
    }

    /// Connections to each server, 1 to 64; 2 unless told otherwise. A key always uses the same
    /// one, so its commands keep their order.
    pub fn lanes(mut self, lanes: usize) -> StoreBuilder {
        self.options.lanes = lanes;
        self
    }

    /// How many requests may be under way, waiting ones included, before more are refused as
    /// overloaded: 4096.
    pub fn max_in_flight(mut self, requests: usize) -> StoreBuilder {
        self.options.max_in_flight = requests;
        self
    }

    /// How many bytes of arguments may be under way, before more requests are refused as overloaded:
    /// 256 MiB. A single request with more is refused for good.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> StoreBuilder {
        self.options.max_in_flight_bytes = bytes;
        self
    }

    /// Requests with more bytes of arguments than this go over a connection of their own, so that
    /// small ones do not wait behind them: 64 KiB. What is under way on one key keeps its order.
    pub fn large_over(mut self, bytes: usize) -> StoreBuilder {
        self.options.large_over = bytes;
        self
    }

    /// How many connections may be lent out by [`Store::exclusive`] at a time: 16.
    pub fn max_exclusive(mut self, connections: usize) -> StoreBuilder {
        self.options.max_exclusive = connections;
        self
    }

    /// How servers of a `rediss://` URL are checked, instead of what the URL says.
    pub fn tls(mut self, tls: Tls) -> StoreBuilder {
        self.tls = tls;
        self
    }

    /// Connects to simulated servers, and draws pauses from this.
    #[cfg(test)]
    pub(crate) fn simulated(mut self, network: Network, random: Arc<Random>) -> StoreBuilder {
        self.network = Some(network);
        self.random = random;
        self
    }

    /// Opens without waiting for the server to answer; requests then wait for it within their own
    /// deadlines. For programs that must start while their server is away.
    pub fn lazy(mut self) -> StoreBuilder {
        self.lazy = true;
        self
    }

    /// Refuses a store whose data only this process sees; see
    /// [`Store::require_shared`].
    pub fn require_shared(mut self) -> StoreBuilder {
        self.shared_only = true;
        self
    }

    /// Opens the store.
    pub async fn open(self) -> Result<Store> {
        let url = self.url.clone()?;
        let namespace = Namespace::new(&self.options.namespace)?;
        self.check(&url)?;
        let backend = match &url.target {
            Target::Memory(memory) => {
                note_private_store();
                self.open_memory(memory)?
            }
            Target::File(file) => self.open_file(file).await?,
            Target::Server(target) => {
                if tokio::runtime::Handle::try_current().is_err() {
                    return Err(Error::Config("a server needs a tokio runtime around it"));
                }
                let options = &self.options;
                let remote = Remote::new(RemoteConfig {
                    connector: self.connector(target)?,
                    target: target.clone(),
                    lanes: options.lanes,
                    max_in_flight: options.max_in_flight,
                    max_in_flight_bytes: options.max_in_flight_bytes,
                    large_over: options.large_over,
                    max_exclusive: options.max_exclusive,
                    connect_within: options.connect_within,
                    unresponsive_after: options.unresponsive_after,
                    ping_every: options.ping_every,
                    time: self.time.clone(),
                    random: self.random,
                    #[cfg(test)]
                    network: self.network,
                });
                if !self.lazy {
                    remote
                        .connected(Deadline::within(options.connect_within, &self.time))
                        .await?;
                }
                Backend::Remote(remote)
            }
        };
        let (time, deadline) = (self.time, self.options.deadline);
        Ok(Store::new(Inner {
            url,
            namespace,
            time,
            deadline,
            backend,
        }))
    }

    fn check(&self, url: &StoreUrl) -> Result<()> {
        if self.shared_only && !url.is_shared() {
            return Err(Error::NotShared);
        }
        let wants_tls = match &url.target {
            Target::Server(target) => target.tls.is_some(),
            Target::Memory(_) | Target::File(_) => false,
        };
        if !wants_tls && self.tls != Tls::new() {
            return Err(Error::Config(
                "tls: the url does not ask for it, write `rediss`",
            ));
        }
        self.options.check().map_err(Error::Config)
    }

    fn connector(&self, target: &ServerTarget) -> Result<Option<Connector>> {
        let tls = target.tls.as_ref().map(|tls| self.tls.clone().or(tls));
        tls.as_ref().map(Connector::new).transpose()
    }

    #[cfg(feature = "embedded")]
    fn open_memory(&self, memory: &MemoryTarget) -> Result<Backend> {
        Embedded::open(memory, &self.time).map(Backend::Embedded)
    }

    #[cfg(not(feature = "embedded"))]
    fn open_memory(&self, _: &MemoryTarget) -> Result<Backend> {
        let (scheme, feature) = ("memory", "embedded");
        Err(super::url::UrlError::FeatureMissing { scheme, feature }.into())
    }
}

impl StoreBuilder {
    /// Loads what is in the directory, on a thread that may take its time.
    #[cfg(all(feature = "embedded", feature = "durable"))]
    async fn open_file(&self, file: &FileTarget) -> Result<Backend> {
        let (target, time) = (file.clone(), self.time.clone());
        let open = move || Embedded::open_directory(&target, &time);
        let opened = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => match runtime.spawn_blocking(open).await {
                Ok(opened) => opened,
                Err(failed) => match failed.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(Error::Config("the runtime is being shut down")),
                },
            },
            Err(_) => open(),
        };
        opened.map(Backend::Embedded)
    }

    #[cfg(not(all(feature = "embedded", feature = "durable")))]
    async fn open_file(&self, _: &FileTarget) -> Result<Backend> {
        let (scheme, feature) = ("file", "durable");
        Err(super::url::UrlError::FeatureMissing { scheme, feature }.into())
    }
}

/// Said once, because it is right in tests and wrong in a fleet.
fn note_private_store() {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        tracing::warn!(
            "this store is private to the process: limits, locks and caches in it hold for this \
             process alone. open a redis:// url for more than one process"
        );
    });
}
