//! Real Redis and Valkey servers on demand, for tests.
//!
//! A [`Server`] is a standalone server in a child process, on a unix socket or a free port, with a
//! temporary directory of its own. It is ready when [`ServerBuilder::start`] returns and gone when
//! the value is dropped, when the test panics and even when the test runner is killed. Any binary
//! that takes redis-server's arguments will do.
//!
//! ```no_run
//! use redstart_testkit::{Reply, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::from_path()?.start()?;
//! let mut connection = server.connect()?;
//! assert_eq!(connection.call(&["SET", "greeting", "hello"])?, Reply::Simple(b"OK".to_vec()));
//! assert_eq!(connection.call(&["GET", "greeting"])?, Reply::Bulk(b"hello".to_vec()));
//! # Ok(())
//! # }
//! ```
//!
//! The kit knows processes, sockets and replies, and nothing of Redstart: what it proves about
//! Redstart it proves from outside, and users of Redstart can test their own programs with it.

mod address;
mod binary;
mod connection;
mod deadline;
mod frame;
mod reply;
mod server;

pub use address::Address;
pub use binary::{ServerBinary, ServerError};
pub use connection::RawConnection;
pub use frame::{FrameError, FrameScanner};
pub use reply::Reply;
pub use server::{Server, ServerBuilder};
