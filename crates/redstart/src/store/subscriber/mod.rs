//! Subscriptions: messages of channels, patterns and shard channels, and every hole in them.
//!
//! Redis' pub/sub delivers at most once and says nothing about what was lost. Here nothing is lost
//! silently: whenever messages may be missing, the subscription gets a [`Gap`] in the place in the
//! order where they would have been.
//!
//! What callers want ([`Ledger`](ledger::Ledger), counted by name) is kept apart from what a server
//! has confirmed, name by name, on which connection. Whatever changes either of them (a caller, a
//! lost connection, a slot that moved) leaves names unsettled, and a connection asks for those that
//! are its own. The embedded engine is one more such connection.

#[cfg(feature = "embedded")]
mod embedded;
mod event;
mod hub;
mod inbox;
mod ledger;
mod name;
mod push;
mod subscribe;
mod subscription;

pub use event::{Affected, Event, Gap, GapCause, Message};
pub use inbox::{Ending, Overflow};
pub use name::{MAX_NAME_BYTES, MAX_NAMES};
pub use subscribe::Subscribe;
pub use subscription::Subscription;

#[cfg(feature = "embedded")]
pub(crate) use embedded::EmbeddedSubscriber;
pub(crate) use hub::{Connection, Hub};
pub(crate) use ledger::{Order, Refusal, Verb};
pub(crate) use name::Kind;
pub(crate) use push::Push;
