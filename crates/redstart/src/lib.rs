//! Redis patterns in Rust. They start inside your process and run on Redis or Valkey in
//! production: only the URL of the [`Store`] changes.

#[cfg(feature = "limiter")]
pub mod limiter;
pub mod store;

#[cfg(feature = "redis-1")]
pub use store::Connection;
pub use store::{Store, Value};

#[cfg(all(doctest, feature = "embedded"))]
#[doc = include_str!("../../../docs/store.md")]
mod guide_to_the_store {}
