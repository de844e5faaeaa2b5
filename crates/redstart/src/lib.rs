//! Redis patterns in Rust. They start inside your process and run on Redis or Valkey in
//! production: only the URL of the [`Store`] changes.

#[cfg(feature = "limiter")]
pub mod limiter;
pub mod store;

#[cfg(feature = "redis-1")]
pub use store::Connection;
pub use store::{Store, Value};

/// The guides' examples compile and run.
#[cfg(all(doctest, feature = "embedded", feature = "limiter"))]
mod guides {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/store.md")]
    mod store {}
    #[doc = include_str!("../../../docs/limiter.md")]
    mod limiter {}
}
