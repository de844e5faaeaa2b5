//! The shop from outside: through its router, as a process, in a browser.

#![allow(clippy::unwrap_used)]

mod browser;
mod http;
mod process;
mod sql;
mod visitor;
