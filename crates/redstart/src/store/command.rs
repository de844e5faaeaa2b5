//! One command: its arguments, how long it may take, and what it should answer.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
use super::convert::{FromValue, Mismatch};
use super::error::{Error, OperationName, Result};
use super::exclusive::Exclusive;
use super::execution::{Boxed, Execution, Job, Started};
use super::remote::Request;
use super::replay::Replay;
use super::shared::Kind;
use super::store::{Backend, Store};

/// A command being put together; awaiting it runs it.
///
/// ```no_run
/// # async fn example(store: redstart::Store) -> Result<(), redstart::store::Error> {
/// store.command(["SET", "greeting", "hello"]).arg("PX").arg(60_000).await?;
/// let greeting = store.command(["GET", "greeting"]).returning::<Option<String>>().await?;
/// assert_eq!(greeting.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
#[must_use = "a command does nothing unless awaited"]
#[derive(Debug)]
pub struct Command<'s, T = Value> {
    over: Over<'s>,
    arguments: Arguments,
    within: Option<Duration>,
    replay: Option<Replay>,
    returns: PhantomData<fn() -> T>,
}

/// What it goes over.
#[derive(Debug)]
enum Over<'s> {
    /// A connection that others use too.
    Shared(&'s Store),
    Exclusive(&'s mut Exclusive),
}

impl<'s> Command<'s> {
    pub(crate) fn new(store: &'s Store, arguments: Arguments) -> Command<'s> {
        Command::over(Over::Shared(store), arguments)
    }

    pub(crate) fn exclusive(own: &'s mut Exclusive, arguments: Arguments) -> Command<'s> {
        Command::over(Over::Exclusive(own), arguments)
    }

    fn over(over: Over<'s>, arguments: Arguments) -> Command<'s> {
        Command {
            over,
            arguments,
            within: None,
            replay: None,
            returns: PhantomData,
        }
    }
}

impl<'s, T: FromValue> Command<'s, T> {
    /// Adds one argument.
    pub fn arg(mut self, argument: impl Argument) -> Command<'s, T> {
        argument.append_to(&mut self.arguments);
        self
    }

    /// Adds one argument for each item.
    pub fn args<A: Argument>(mut self, arguments: impl IntoIterator<Item = A>) -> Command<'s, T> {
        for argument in arguments {
            argument.append_to(&mut self.arguments);
        }
        self
    }

    /// How long it may take, waiting for a connection and asking again included, instead of the
    /// store's own deadline. The embedded engine answers on the spot and never waits.
    pub fn within(mut self, limit: Duration) -> Command<'s, T> {
        self.within = Some(limit);
        self
    }

    /// What repeating this command would do, where you know better than the facts of the command:
    /// with an unknown outcome the store repeats it only when it is [`Replay::Read`] or
    /// [`Replay::Idempotent`]. Over a connection of its own it is never repeated.
    pub fn replay(mut self, replay: Replay) -> Command<'s, T> {
        self.replay = Some(replay);
        self
    }

    /// The type the reply should become.
    pub fn returning<U: FromValue>(self) -> Command<'s, U> {
        let Command {
            over,
            arguments,
            within,
            replay,
            ..
        } = self;
        Command {
            over,
            arguments,
            within,
            replay,
            returns: PhantomData,
        }
    }
}

impl<'s, T: FromValue + 's> IntoFuture for Command<'s, T> {
    type Output = Result<T>;
    type IntoFuture = Execution<Command<'s, T>>;

    fn into_future(self) -> Execution<Command<'s, T>> {
        Execution::new(self)
    }
}

impl<'s, T: FromValue + 's> Job for Command<'s, T> {
    type Output = Result<T>;
    type Rest = Boxed<'s, Result<T>>;

    fn start(self) -> Started<Self::Output, Self::Rest> {
        let slices = self.arguments.slices();
        let operation = OperationName::command(slices.first().copied().unwrap_or_default());
        let store = match self.over {
            Over::Shared(store) => store,
            Over::Exclusive(own) => {
                drop(slices);
                return Started::Underway(Box::pin(async move {
                    let reply = own.run(&operation, &self.arguments, self.within).await?;
                    convert(&operation, success(&operation, reply)?)
                }));
            }
        };
        let kind = match Kind::of(&operation, &slices) {
            Ok(kind) => kind,
            Err(error) => return Started::Done(Err(error)),
        };
        match store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => {
                let reply = success(&operation, embedded.command(&slices));
                Started::Done(reply.and_then(|reply| convert(&operation, reply)))
            }
            Backend::Remote(remote) => {
                let replay = self.replay.unwrap_or_else(|| kind.replay(&slices));
                let slot = kind.slot(&slices);
                drop(slices);
                Started::Underway(Box::pin(async move {
                    let within = self.within.unwrap_or_else(|| store.deadline());
                    let deadline = store.deadline_after(within);
                    let request = Request {
                        operation: &operation,
                        replay,
                        slot,
                        deadline,
                    };
                    let reply = remote.command(request, &self.arguments).await?;
                    convert(&operation, success(&operation, reply)?)
                }))
            }
        }
    }
}

/// Turns an error reply into an error.
pub(crate) fn success(operation: &OperationName, reply: Value) -> Result<Value> {
    match reply {
        error @ Value::Error(_) => Err(error_reply(operation, error)),
        // What RESP3 calls nothing; the remote side speaks nothing else.
        Value::NullArray => Ok(Value::Null),
        value => Ok(value),
    }
}

/// The error that a reply stands for.
pub(crate) fn error_reply(operation: &OperationName, reply: Value) -> Error {
    match reply {
        Value::Error(text) => Error::server(operation, &text),
        other => unexpected(operation.clone(), Mismatch::new("an error", &other)),
    }
}

/// A reply as the type that was asked for.
pub(crate) fn convert<T: FromValue>(operation: &OperationName, reply: Value) -> Result<T> {
    T::from_value(reply).map_err(|mismatch| unexpected(operation.clone(), mismatch))
}

pub(crate) fn unexpected(operation: OperationName, mismatch: Mismatch) -> Error {
    let Mismatch { expected, got } = mismatch;
    Error::UnexpectedReply {
        operation,
        expected,
        got,
    }
}
