//! Tests of whole scripts.

mod api;
mod caller;
mod properties;
mod recorded;
mod safety;
