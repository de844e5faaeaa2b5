//! What this crate says, compared with what a redis-server 7.0 answers.
//!
//! Needs `redis-server` in the path. Without it these tests fail and say so: a comparison that did
//! not take place is not a comparison that held.

mod facts;
mod numbers;
mod oracle;
mod replay;
mod requests;
