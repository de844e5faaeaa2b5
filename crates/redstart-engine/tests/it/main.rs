//! The engine from outside: one binary, a module for every angle it is looked at from.

mod change_hook;
mod contents;
#[cfg(all(feature = "durable", feature = "server"))]
mod durable;
mod effects;
mod expiry;
#[cfg(all(feature = "server", feature = "durable"))]
mod graduation;
mod iteration;
mod linearizability;
mod maxmemory;
mod operations;
mod shrink;
mod twin;
