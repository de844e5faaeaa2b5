//! What an engine knows besides its keys: configuration, clients, subscriptions, scripts.
//!
//! Sees `data`, `keyspace` and `script`. Never a command.

pub(crate) mod attention;
pub(crate) mod calls;
pub(crate) mod config;
pub(crate) mod connections;
#[cfg(feature = "durable")]
pub(crate) mod full_sync;
pub(crate) mod histogram;
pub(crate) mod host;
pub(crate) mod latency;
pub(crate) mod monitors;
pub(crate) mod notices;
mod outbox;
pub(crate) mod pause;
pub(crate) mod process;
pub(crate) mod pubsub;
pub(crate) mod registry;
#[cfg(feature = "durable")]
pub(crate) mod replicas;
#[cfg(feature = "script")]
pub(crate) mod scripts;
pub(crate) mod session;
pub(crate) mod shutdown;
pub(crate) mod slowlog;
#[cfg(feature = "durable")]
pub(crate) mod snapshots;
pub(crate) mod stats;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use outbox::Outbox;

use self::notices::Classes;
use crate::clock::Clock;
use crate::keyspace::change::{Announcer, ChangeObserver, EffectLog, Event};
use crate::keyspace::shards::Shards;
use crate::random::Rng;
use crate::shim::{Mutex, RwLock};

/// Everything the clients of an engine share.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) shards: Shards,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: config::Config,
    pub(crate) connections: connections::ConnectionLimits,
    pub(crate) listening: RwLock<connections::Listening>,
    pub(crate) host: RwLock<host::Host>,
    pub(crate) registry: registry::Registry,
    pub(crate) pubsub: pubsub::PubSub,
    pub(crate) pause: pause::Pause,
    pub(crate) stats: stats::Stats,
    pub(crate) calls: calls::Calls,
    pub(crate) attention: attention::Attention,
    pub(crate) slowlog: slowlog::SlowLog,
    pub(crate) latency: latency::Latency,
    pub(crate) monitors: monitors::Monitors,
    pub(crate) shutdown: shutdown::Shutdown,
    #[cfg(feature = "script")]
    pub(crate) scripts: scripts::Scripts,
    pub(crate) options: Options,
    pub(crate) log: Option<Arc<dyn EffectLog>>,
    /// Keeps the data, if it is kept.
    #[cfg(feature = "durable")]
    pub(crate) durable: Option<crate::durable::Persistence>,
    #[cfg(feature = "durable")]
    pub(crate) replicas: replicas::Replicas,
    pub(crate) observer: Option<Arc<dyn ChangeObserver>>,
    /// Feeds every client's own generator.
    pub(crate) rng: Mutex<Rng>,
    /// Forty hexadecimal digits that name this run of the engine.
    pub(crate) run_id: String,
    pub(crate) started_us: u64,
}

/// What is settled when the engine is built.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many databases may be selected.
    pub(crate) databases: u8,
    /// Refuse what a cluster would: keys of different slots, databases other than 0.
    pub(crate) cluster_strict: bool,
    pub(crate) debug_commands: bool,
    /// Microseconds after which a script is ended, whatever it is doing.
    #[cfg(feature = "script")]
    pub(crate) script_time_limit_us: u64,
}

impl Environment {
    /// Who publishes notifications, if any are sent.
    #[inline]
    pub(crate) fn announcer(&self) -> Option<&dyn Announcer> {
        match self.config.notices.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(self),
        }
    }

    /// Does something that LATENCY is to tell of if it takes long.
    pub(crate) fn observe<R>(&self, event: &'static str, work: impl FnOnce() -> R) -> R {
        if !self.latency.is_on() {
            return work();
        }
        let started_us = self.clock.monotonic_us();
        let result = work();
        let usec = self.clock.monotonic_us().saturating_sub(started_us);
        self.latency
            .note(event, self.clock.now_us() / 1_000_000, usec);
        result
    }

    /// To be called when what is to be observed of commands may have changed.
    pub(crate) fn refresh_attention(&self) {
        let timing = self.config.looks_for_slow() || self.latency.is_on();
        self.attention.set(attention::Attention::TIMING, timing);
        self.slowlog.trim(self.config.slowlog_len());
    }

    /// Whether effects are to be collected.
    #[inline]
    pub(crate) fn is_logging(&self) -> bool {
        #[cfg(feature = "durable")]
        if self.replicas.are_attached() {
            return true;
        }
        self.log.as_ref().is_some_and(|log| log.is_on())
    }

    /// Whether keys are still being loaded.
    #[cfg(feature = "durable")]
    pub(crate) fn is_loading(&self) -> bool {
        let durable = self.durable.as_ref();
        durable.is_some_and(crate::durable::Persistence::is_loading)
    }

    /// Nothing is ever loaded.
    #[cfg(not(feature = "durable"))]
    pub(crate) fn is_loading(&self) -> bool {
        false
    }

    /// Seconds on the monotonic clock.
    #[cfg(feature = "durable")]
    pub(crate) fn monotonic_s(&self) -> u64 {
        self.clock.monotonic_us() / 1_000_000
    }

    /// A generator of its own for one more client.
    pub(crate) fn fork_rng(&self) -> Rng {
        self.rng.lock().fork()
    }
}

impl Announcer for Environment {
    fn announce(&self, db: u8, key: &[u8], event: Event) {
        let classes = Classes(self.config.notices.load(Ordering::Relaxed));
        notices::publish(&self.pubsub, classes, db, key, event);
    }
}
