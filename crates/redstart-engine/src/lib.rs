//! Redis semantics inside your process.
#![allow(dead_code, unused_imports)] // Until the keyspace uses every structure of the data layer.

mod data;
pub mod random;
