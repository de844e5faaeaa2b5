//! The store: the one door to an engine, inside this process or behind a URL.
//!
//! [`Store::open`] gives a handle that is cheap to clone and share. What is written against it runs
//! on the embedded engine (`memory:`, `file:`) and on a Redis or Valkey server (`redis://…`) alike; only the
//! URL changes. See the guide in `docs/store.md`.

mod argument;
mod builder;
mod capabilities;
pub mod codec;
mod command;
#[cfg(feature = "redis-1")]
mod connection;
mod convert;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod exclusive;
mod execution;
mod get_many;
// Only rooms make keys.
#[cfg_attr(not(any(feature = "cache", feature = "limiter")), allow(dead_code))]
mod key;
#[cfg(any(feature = "cache", feature = "limiter"))]
mod operation;
mod options;
mod pipeline;
mod random;
mod remote;
mod replay;
mod shared;
#[expect(
    clippy::module_inception,
    reason = "every room has its thing in a file of its name"
)]
mod store;
mod subscriber;
mod time;
mod tls;
mod url;

pub use argument::{Argument, Arguments};
pub use builder::StoreBuilder;
pub use capabilities::{Capabilities, Feature, ServerKind, Version};
pub use command::Command;
#[cfg(feature = "redis-1")]
pub use connection::Connection;
pub use convert::{FromItem, FromValue, Mismatch};
pub use error::{Disconnect, Error, Failure, Limited, OperationName, Result};
pub use exclusive::{Exclusive, OpenExclusive};
pub use execution::Execution;
pub use get_many::GetMany;
pub use key::{Key, KeyError, MAX_USER_BYTES};
pub use pipeline::Pipeline;
pub use redstart_protocol::Value;
pub use replay::Replay;
pub use store::Store;
pub use subscriber::{
    Affected, Ending, Event, Gap, GapCause, MAX_NAME_BYTES, MAX_NAMES, Message, Overflow,
    Subscribe, Subscription,
};
pub use time::{SimulatedTime, Time};
pub use tls::Tls;
pub use url::{Fsync, StoreUrl, UrlError, UrlPart};

// What rooms are built with.
#[cfg(any(feature = "cache", feature = "limiter"))]
pub(crate) use execution::Boxed;
#[cfg(feature = "limiter")]
pub(crate) use execution::{Job, Started};
#[cfg(any(feature = "cache", feature = "limiter"))]
pub(crate) use key::KeySpace;
#[cfg(any(feature = "cache", all(test, feature = "limiter")))]
pub(crate) use key::Namespace;
#[cfg(any(feature = "cache", feature = "limiter"))]
pub(crate) use operation::{Operation, Run, Script};
#[cfg(feature = "cache")]
pub(crate) use random::Random;
#[cfg(feature = "cache")]
pub(crate) use replay::Backoff;
