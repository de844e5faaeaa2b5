//! Redis semantics inside your process: for development, tests and single-process applications.
//!
//! Commands run on the caller's thread under sharded locks; there is no server to start and no
//! thread to hop to. Behaviour, replies and error texts are those of Redis 7.0. There is no
//! replication, and this is no replacement for a Redis or Valkey server.
//!
//! Time and randomness are arguments: an engine on a [`SimulatedClock`] travels in time, and a
//! seed repeats a run.

#[cfg(all(test, shuttle))]
extern crate self as redstart_engine;

mod clients;
mod clock;
mod command;
pub mod conf;
mod data;
#[cfg(feature = "durable")]
mod durable;
mod keyspace;
mod random;
#[cfg_attr(
    not(feature = "durable"),
    allow(
        dead_code,
        unused_imports,
        reason = "nothing is kept, so nothing is written"
    )
)]
pub mod rdb;
#[cfg(all(test, shuttle))]
mod schedules;
#[cfg(feature = "script")]
pub mod script;
#[cfg(feature = "server")]
pub mod server;
mod shim;
mod stall;
mod state;

#[cfg(feature = "durable")]
pub use clients::Opening;
pub use clients::{Client, Engine, EngineBuilder, Flow, Peer, StringSlot};
pub use clock::{Clock, SimulatedClock, SystemClock};
#[cfg(feature = "durable")]
pub use durable::{
    AppendFsync, CommandLog, Durability, LogError, OpenError, Progress, ProgressListener,
    SavePoint, files_of_manifest,
};
pub use keyspace::change::{ChangeObserver, Effect, EffectLog, Event, EventClass};
pub use keyspace::object::StringView;
pub use redstart_protocol::{Resp, Value};
pub use state::Outbox;
pub use state::config::EvictionPolicy;
pub use state::host::Host;

#[cfg(all(doctest, feature = "server"))]
#[doc = include_str!("../../../docs/engine.md")]
mod guide_to_the_engine {}

#[cfg(all(doctest, feature = "durable"))]
#[doc = include_str!("../../../docs/durability.md")]
mod guide_to_keeping_data {}
