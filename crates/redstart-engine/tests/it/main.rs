//! The engine from outside: one binary, a module for every angle it is looked at from.

mod change_hook;
mod contents;
mod effects;
mod expiry;
mod iteration;
mod linearizability;
mod maxmemory;
mod operations;
mod shrink;
mod twin;
