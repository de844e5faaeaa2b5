//! Tests of whole scripts.

mod live;
mod server;
