//! The engine: everything its clients share, and the periodic work nobody asks for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::client::{Client, Peer};
#[cfg(feature = "durable")]
use super::replay::Replay;
use super::upkeep;
use crate::clock::{Clock, SystemClock};
use crate::command;
use crate::data::Seed;
#[cfg(feature = "durable")]
use crate::durable::vfs::{RealFs, Vfs};
#[cfg(feature = "durable")]
use crate::durable::{Drive, Durability, OpenError, Persistence};
use crate::keyspace::change::{ChangeObserver, EffectLog};
use crate::keyspace::shard::DATABASES;
use crate::keyspace::shards::{SHARDS_MAX, Shards};
use crate::random::Rng;
use crate::shim::Mutex;
use crate::state::calls::Calls;
use crate::state::config::{Config, EvictionPolicy};
use crate::state::host::Host;
use crate::state::{Environment, Options, Outbox};

/// Redis semantics inside this process. Clones are handles of the same engine.
///
/// There is no replication: it is for development, tests and single-process applications, and no
/// replacement for a Redis or Valkey server. Data is kept by an engine that was opened with
/// [`EngineBuilder::open`].
///
/// ```
/// use redstart_engine::{Engine, Value};
///
/// let engine = Engine::builder().build();
/// let mut client = engine.connect_embedded();
/// assert_eq!(client.call(&[b"SET", b"greeting", b"hello"]), Value::OK);
/// assert_eq!(client.call(&[b"GET", b"greeting"]), Value::bulk("hello"));
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) environment: Arc<Environment>,
}

/// What an engine is made of. Every setting has a default.
#[derive(Debug)]
pub struct EngineBuilder {
    shards: usize,
    clock: Option<Arc<dyn Clock>>,
    seed: Option<u64>,
    config: Config,
    options: Options,
    log: Option<Arc<dyn EffectLog>>,
    observer: Option<Arc<dyn ChangeObserver>>,
}

impl Engine {
    /// An engine to be configured.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            shards: 16,
            clock: None,
            seed: None,
            config: Config::default(),
            options: Options {
                databases: DATABASES,
                cluster_strict: false,
                debug_commands: false,
                #[cfg(feature = "script")]
                script_time_limit_us: SCRIPT_TIME_LIMIT_US,
            },
            log: None,
            observer: None,
        }
    }

    /// A client inside this process. It needs no password. Messages of channels it subscribes to
    /// have nowhere to go: use [`Engine::connect`] with an outbox for those.
    pub fn connect_embedded(&self) -> Client {
        Client::new(
            Arc::clone(&self.environment),
            Outbox::values(|| {}),
            Peer::embedded(),
        )
    }

    /// A client whose replies and pushes go into `outbox`.
    pub fn connect(&self, outbox: Outbox, peer: Peer) -> Client {
        Client::new(Arc::clone(&self.environment), outbox, peer)
    }

    /// Does a slice of the work nobody asks for: removes expired keys and keeps the coarse clock
    /// fresh. Call it some ten times a second; it takes at most about a millisecond.
    pub fn tick(&self) {
        upkeep::tick(&self.environment);
    }

    /// The clock the engine goes by.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.environment.clock)
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.environment.registry.len()
    }

    /// Whether clients that do not come from inside the process need a password.
    pub fn has_password(&self) -> bool {
        self.environment.config.has_password()
    }

    /// Has `request` called when a client sends SHUTDOWN, which is an error while nobody listens.
    /// It runs on the client's thread and must only signal; it is not called again once it answers
    /// false.
    pub fn on_shutdown(&self, request: impl Fn() -> bool + Send + Sync + 'static) {
        self.environment.shutdown.listen(request);
    }

    /// Has CONFIG GET show and CONFIG REWRITE keep what the program around the engine is set to.
    pub fn set_host(&self, host: Host) {
        *self.environment.host.write() = host;
    }

    /// Leaves the data as a shutdown should: takes a snapshot if that is done now and then, and
    /// makes the log safe. False if that fails. The directory is free once the engine and its
    /// clients are gone.
    #[cfg(feature = "durable")]
    pub fn settle(&self) -> bool {
        let durable = self.environment.durable.as_ref();
        let saves = durable.is_some_and(Persistence::has_save_points);
        crate::state::snapshots::settle(&self.environment, saves)
    }

    /// Makes everything done so far safe on disk; false if that fails. True where nothing is logged.
    #[cfg(feature = "durable")]
    pub fn sync(&self) -> bool {
        let durable = self.environment.durable.as_ref();
        durable.is_none_or(Persistence::sync)
    }

    /// Counts a connection that was turned away, for INFO.
    pub fn note_rejected_connection(&self) {
        self.environment.stats.note_rejected_connection();
    }
}

impl EngineBuilder {
    /// The number of shards, 1 to 64; 16 unless told otherwise. One shard gives Redis' own
    /// schedule, command after command; more let commands on different keys run side by side.
    pub fn shards(mut self, shards: usize) -> EngineBuilder {
        self.shards = shards.clamp(1, SHARDS_MAX);
        self
    }

    /// The clock to go by: a [`SimulatedClock`](crate::SimulatedClock) for time travel.
    pub fn clock(mut self, clock: impl Clock + 'static) -> EngineBuilder {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// The seed of everything random, for runs that can be repeated. Without one it comes from the
    /// operating system.
    pub fn seed(mut self, seed: u64) -> EngineBuilder {
        self.seed = Some(seed);
        self
    }

    /// Whether to refuse what a cluster would: keys of different slots in one command (CROSSSLOT)
    /// and databases other than 0.
    pub fn cluster_strict(mut self, strict: bool) -> EngineBuilder {
        self.options.cluster_strict = strict;
        self
    }

    /// How many databases there are, 1 to 16; 16 unless told otherwise.
    pub fn databases(mut self, databases: u8) -> EngineBuilder {
        self.options.databases = databases.clamp(1, DATABASES);
        self
    }

    /// Whether DEBUG is served.
    pub fn debug_commands(mut self, enabled: bool) -> EngineBuilder {
        self.options.debug_commands = enabled;
        self
    }

    /// Bytes of keys and values above which `policy` makes room; zero for no limit.
    pub fn max_memory(self, bytes: u64, policy: EvictionPolicy) -> EngineBuilder {
        self.config.maxmemory.store(bytes, Ordering::Relaxed);
        self.config.set_policy(policy);
        self
    }

    /// How long a script may run before it is ended with an error, whatever it is doing; a minute
    /// unless told otherwise. What it has written by then stays written.
    #[cfg(feature = "script")]
    pub fn script_time_limit(mut self, limit: std::time::Duration) -> EngineBuilder {
        self.options.script_time_limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self
    }

    /// The password that clients from outside the process have to give.
    pub fn password(self, password: &[u8]) -> EngineBuilder {
        self.config.set_password(password);
        self
    }

    /// Receives the effects of all changes.
    pub fn effect_log(mut self, log: Arc<dyn EffectLog>) -> EngineBuilder {
        self.log = Some(log);
        self
    }

    /// Receives the events of all changes.
    pub fn change_observer(mut self, observer: Arc<dyn ChangeObserver>) -> EngineBuilder {
        self.observer = Some(observer);
        self
    }

    /// The engine.
    pub fn build(self) -> Engine {
        #[cfg(feature = "durable")]
        return self.build_with(None);
        #[cfg(not(feature = "durable"))]
        return self.build_with();
    }

    fn build_with(
        self,
        #[cfg(feature = "durable")] durable: Option<crate::durable::Persistence>,
    ) -> Engine {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let mut rng = Rng::new(self.seed.unwrap_or_else(entropy));
        let seed = Seed::new(rng.next_u64());
        let run_id = rng.forty_digits();
        let started_us = clock.now_us();
        Engine {
            environment: Arc::new(Environment {
                shards: Shards::new(self.shards, seed),
                clock,
                config: self.config,
                connections: Default::default(),
                listening: Default::default(),
                host: Default::default(),
                registry: Default::default(),
                pubsub: Default::default(),
                pause: Default::default(),
                stats: Default::default(),
                calls: Calls::new(command::all().len()),
                attention: Default::default(),
                slowlog: Default::default(),
                latency: Default::default(),
                monitors: Default::default(),
                shutdown: Default::default(),
                #[cfg(feature = "script")]
                scripts: Default::default(),
                options: self.options,
                log: self.log,
                #[cfg(feature = "durable")]
                durable,
                #[cfg(feature = "durable")]
                replicas: Default::default(),
                observer: self.observer,
                rng: Mutex::new(rng),
                run_id,
                started_us,
            }),
        }
    }
}

#[cfg(feature = "durable")]
impl EngineBuilder {
    /// The engine, with the data that is in a directory, where it will be kept from now on. The
    /// effects of what changes go there and to no other log.
    ///
    /// # Errors
    ///
    /// The data cannot be loaded, or could not be kept. It was not changed, but for a torn end that
    /// may have been cut off.
    pub fn open(self, durability: Durability) -> Result<Engine, OpenError> {
        self.begin(durability)?.load()
    }

    /// The engine before its data is there, for those who want to be reached meanwhile: until
    /// [`Opening::load`] is done, commands that need keys are answered with LOADING.
    ///
    /// # Errors
    ///
    /// The directory cannot be used.
    pub fn begin(self, durability: Durability) -> Result<Opening, OpenError> {
        self.begin_on(Arc::new(RealFs), durability, Drive::Thread)
    }

    #[cfg(test)]
    pub(crate) fn open_on(
        self,
        vfs: Arc<dyn Vfs>,
        durability: Durability,
        drive: Drive,
    ) -> Result<Engine, OpenError> {
        self.begin_on(vfs, durability, drive)?.load()
    }

    fn begin_on(
        mut self,
        vfs: Arc<dyn Vfs>,
        durability: Durability,
        drive: Drive,
    ) -> Result<Opening, OpenError> {
        let clock = self.clock.take();
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        self.clock = Some(Arc::clone(&clock));
        let durable = Persistence::new(vfs, durability, clock)?;
        self.log = Some(Arc::clone(durable.journal()) as Arc<dyn EffectLog>);
        let engine = self.build_with(Some(durable));
        Ok(Opening { engine, drive })
    }
}

/// An engine whose data is not there yet.
#[cfg(feature = "durable")]
#[derive(Debug)]
pub struct Opening {
    engine: Engine,
    drive: Drive,
}

#[cfg(feature = "durable")]
impl Opening {
    /// The engine, to be configured and to be reached.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Loads the data, and keeps what changes from then on.
    ///
    /// # Errors
    ///
    /// The data cannot be loaded. Nothing was changed then, and the engine is of no use.
    pub fn load(self) -> Result<Engine, OpenError> {
        let Opening { engine, drive } = self;
        if let Some(durable) = &engine.environment.durable {
            durable.start(&mut Replay::new(&engine.environment), drive)?;
        }
        Ok(engine)
    }
}

#[cfg(feature = "script")]
const SCRIPT_TIME_LIMIT_US: u64 = 60_000_000;

/// A seed from the operating system. Should that fail, the address of a local serves: the seed
/// guards against crafted keys, not secrets.
fn entropy() -> u64 {
    getrandom::u64().unwrap_or_else(|_| std::ptr::from_ref(&0u8).addr() as u64)
}
