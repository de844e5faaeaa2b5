//! The RESP port: an engine that Redis clients can connect to, on tokio.
//!
//! A task per connection. Commands run on the connection's own thread, under the engine's short
//! critical sections; there is no thread to hop to. What a connection may hold is limited: its
//! unparsed input, its unsent output, the number of its kind. A peer that passes a limit is
//! disconnected, and nobody else notices.
//!
//! ```no_run
//! use redstart_engine::Engine;
//! use redstart_engine::server::Server;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder(Engine::builder().build())
//!     .tcp("127.0.0.1:6379".parse()?)
//!     .listen()
//!     .await?;
//! server.serve(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod aside;
mod connection;
mod gate;
#[cfg(all(test, feature = "durable"))]
mod held_back;
mod lanes;
mod listener;
mod roster;
#[allow(
    clippy::module_inception,
    reason = "the thing and its verbs, as in every module"
)]
mod server;
#[cfg(test)]
mod tests;
mod wakeup;

pub use listener::{Address, ListenError};
pub use server::{Server, ServerBuilder, serve_stream};
