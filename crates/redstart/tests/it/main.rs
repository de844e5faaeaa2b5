//! The store and its rooms from outside, on the embedded engine and on real servers.
//!
//! `check` in each module is the boundary its tests go through. Nothing here sleeps: what takes
//! time is either simulated or waits for a request to end by itself.

#![allow(clippy::unwrap_used)]

#[macro_use]
mod stores;

mod acl;
mod breaker;
#[cfg(feature = "cache")]
mod cache;
#[cfg(feature = "macros")]
mod cached;
mod capabilities;
mod cluster;
mod commands;
#[cfg(feature = "durable")]
mod directory;
#[cfg(feature = "embedded")]
mod embedded;
mod everywhere;
mod exclusive;
mod fake_server;
mod faults;
mod get_many;
mod increments;
mod integrity;
mod large;
mod leaks;
#[cfg(feature = "limiter")]
mod limiter;
mod pipe;
#[cfg(feature = "redis-1")]
mod redis_rs;
mod schedules;
mod sentinel;
#[cfg(feature = "limiter")]
mod storm;
mod subscriptions;
#[cfg(feature = "tls")]
mod tls;
