//! Redis patterns in Rust. They start inside your process and run on Redis or Valkey in
//! production: only the URL of the [`Store`] changes.
//!
//! ```
//! # #[cfg(all(feature = "embedded", feature = "limiter"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use redstart::Store;
//! use redstart::limiter::{Limiter, Policy, Quota};
//!
//! let store = Store::open("memory:").await?; // redis://… when there is more than one process
//! let limiter = Limiter::new(&store, Policy::new("api", Quota::per_minute(100))?);
//! assert!(limiter.check("user:42").await?.allowed);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "embedded", feature = "limiter")))]
//! # fn main() {}
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`store`] | the hall: URLs, commands, pipelines, deadlines, failures, time |
//! | `cache` | one load per key in the whole fleet, tags, and no load that undoes an invalidation |
//! | `limiter` | rate limits: exact GCRA, sliding log, several rules at once |
//!
//! Features: `embedded` (default) brings the engine for `memory:` URLs; `cache` and `limiter`
//! (default) the rooms of those names; `macros` (default) `#[cached]`; `compression` compresses what
//! the cache stores and `metrics` counts what it does; `json`, `messagepack` and `postcard` the
//! codecs of those names; `redis-1` the traits of redis-rs 1.x over a store. Servers are always
//! there.

#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "limiter")]
pub mod limiter;
pub mod store;

#[cfg(feature = "macros")]
pub use redstart_macros::cached;
#[cfg(feature = "redis-1")]
pub use store::Connection;
pub use store::{Store, Value};

/// What macros expand to. Nothing here is for use by hand, and all of it may change.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::cache::cached::{
        ClonedForLoads, KeyOf, OfCache, Returned, cached, clone_of_self,
    };
}

/// The guides' examples compile and run.
#[cfg(all(doctest, feature = "embedded", feature = "limiter"))]
mod guides {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/store.md")]
    mod store {}
    #[doc = include_str!("../../../docs/testing.md")]
    mod testing {}
    #[doc = include_str!("../../../docs/limiter.md")]
    mod limiter {}
    #[cfg(feature = "cache")]
    #[doc = include_str!("../../../docs/cache.md")]
    mod cache {}
    #[cfg(feature = "macros")]
    #[doc = include_str!("../../../docs/cached.md")]
    mod cached {}
}
