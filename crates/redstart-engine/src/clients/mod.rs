//! Clients: their sessions, the locks of their commands, and the engine they talk to.

mod client;
#[cfg(feature = "durable")]
mod durability;
mod engine;
mod eviction;
mod native;
mod plan;
#[cfg(feature = "durable")]
mod replay;
mod upkeep;

pub use client::{Client, Flow, Peer};
#[cfg(feature = "durable")]
pub use engine::Opening;
pub use engine::{Engine, EngineBuilder};
pub use native::StringSlot;
