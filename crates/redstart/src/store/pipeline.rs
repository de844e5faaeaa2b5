//! Several commands in one piece: one round trip, results in order.

use std::future::IntoFuture;
use std::time::Duration;

use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
use super::command::success;
use super::error::{Error, OperationName, Result};
use super::execution::{Boxed, Execution, Job, Started};
use super::remote::{Batch, Step};
use super::replay::Replay;
use super::shared::Kind;
use super::store::{Backend, Store};

/// Commands to be sent together; awaiting it runs them.
///
/// Each command has its own result: one that fails stops none of the others. The outer result
/// fails only when the pipeline as a whole has no answer. Without [`atomic`](Pipeline::atomic)
/// commands of others may run in between.
///
/// ```no_run
/// # async fn example(store: redstart::Store) -> Result<(), redstart::store::Error> {
/// let results = store
///     .pipeline()
///     .command(["SET", "visits", "41"])
///     .command(["INCR"]).arg("visits")
///     .await?;
/// assert_eq!(results[1].as_ref().unwrap(), &redstart::Value::Integer(42));
/// # Ok(())
/// # }
/// ```
#[must_use = "a pipeline does nothing unless awaited"]
#[derive(Debug)]
pub struct Pipeline<'s> {
    store: &'s Store,
    commands: Vec<Arguments>,
    atomic: bool,
    within: Duration,
    replay: Option<Replay>,
}

const NAME: OperationName = OperationName::named("pipeline");

/// More than this is a bulk load; send it in several pieces.
const MAX_COMMANDS: usize = 65_536;

impl<'s> Pipeline<'s> {
    pub(crate) fn new(store: &'s Store) -> Pipeline<'s> {
        let within = store.deadline();
        Pipeline {
            store,
            commands: Vec::new(),
            atomic: false,
            within,
            replay: None,
        }
    }

    /// Begins the next command.
    pub fn command<A: Argument>(mut self, arguments: impl IntoIterator<Item = A>) -> Pipeline<'s> {
        let mut command = Arguments::new();
        for argument in arguments {
            argument.append_to(&mut command);
        }
        self.commands.push(command);
        self
    }

    /// Adds an argument to the last command; begins one if there is none.
    pub fn arg(mut self, argument: impl Argument) -> Pipeline<'s> {
        if self.commands.is_empty() {
            self.commands.push(Arguments::new());
        }
        if let Some(command) = self.commands.last_mut() {
            argument.append_to(command);
        }
        self
    }

    /// Runs the commands as one transaction (MULTI and EXEC): nobody sees a state in between, and
    /// if one of them is refused before it runs, none runs. As always with Redis, a command that
    /// fails while running does not undo the others.
    pub fn atomic(mut self) -> Pipeline<'s> {
        self.atomic = true;
        self
    }

    /// How long it may take as a whole, instead of the store's own deadline.
    pub fn within(mut self, limit: Duration) -> Pipeline<'s> {
        self.within = limit;
        self
    }

    /// What repeating the whole pipeline would do. Unless told otherwise: what the least
    /// repeatable of its commands says.
    pub fn replay(mut self, replay: Replay) -> Pipeline<'s> {
        self.replay = Some(replay);
        self
    }

    /// The names of the commands, and what their facts say of them together.
    fn inspect(&self) -> Result<Inspected> {
        if self.commands.len() > MAX_COMMANDS {
            let reason = "more than 65,536 commands";
            return Err(Error::Malformed {
                operation: NAME,
                reason,
            });
        }
        let mut all = Inspected::default();
        for command in &self.commands {
            let slices = command.slices();
            let name = OperationName::command(slices.first().copied().unwrap_or_default());
            let kind = Kind::of(&name, &slices)?;
            all.names.push(name);
            all.steps.push(Step {
                slot: kind.slot(&slices),
                replay: self.replay.unwrap_or_else(|| kind.replay(&slices)),
            });
        }
        Ok(all)
    }

    /// The commands as they go out.
    fn frame(&mut self) -> Vec<Arguments> {
        let mut frame = std::mem::take(&mut self.commands);
        if self.atomic {
            let word = |word: &str| {
                let mut command = Arguments::new();
                word.append_to(&mut command);
                command
            };
            frame.insert(0, word("MULTI"));
            frame.push(word("EXEC"));
        }
        frame
    }
}

#[derive(Default)]
struct Inspected {
    names: Vec<OperationName>,
    steps: Vec<Step>,
}

impl<'s> IntoFuture for Pipeline<'s> {
    type Output = Result<Vec<Result<Value>>>;
    type IntoFuture = Execution<Pipeline<'s>>;

    fn into_future(self) -> Execution<Pipeline<'s>> {
        Execution::new(self)
    }
}

impl<'s> Job for Pipeline<'s> {
    type Output = Result<Vec<Result<Value>>>;
    type Rest = Boxed<'s, Self::Output>;

    fn start(mut self) -> Started<Self::Output, Self::Rest> {
        let inspected = match self.inspect() {
            Ok(inspected) => inspected,
            Err(error) => return Started::Done(Err(error)),
        };
        if inspected.names.is_empty() {
            return Started::Done(Ok(Vec::new()));
        }
        let atomic = self.atomic;
        let frame = self.frame();
        match self.store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => {
                let replies = embedded.commands(&frame);
                Started::Done(results(&inspected.names, replies, atomic))
            }
            Backend::Remote(remote) => {
                let (store, within) = (self.store, self.within);
                Started::Underway(Box::pin(async move {
                    let names = &inspected.names;
                    let batch = Batch {
                        operation: &NAME,
                        commands: &frame,
                        steps: &inspected.steps,
                        atomic,
                        divides: false,
                        deadline: store.deadline_after(within),
                    };
                    let replies = remote.batch(batch).await?;
                    if atomic {
                        let replies: Result<_> = replies.into_iter().collect();
                        return results(names, replies?, atomic);
                    }
                    if replies.len() != names.len() {
                        return Err(miscounted());
                    }
                    let replies = names.iter().zip(replies);
                    let result = |(name, reply): (_, Result<Value>)| success(name, reply?);
                    Ok(replies.map(result).collect())
                }))
            }
        }
    }
}

/// Each command's result, from the replies to the frame.
fn results(
    names: &[OperationName],
    mut replies: Vec<Value>,
    atomic: bool,
) -> Result<Vec<Result<Value>>> {
    if atomic {
        replies = executed(names, replies)?;
    }
    if replies.len() != names.len() {
        return Err(miscounted());
    }
    Ok(names
        .iter()
        .zip(replies)
        .map(|(name, reply)| success(name, reply))
        .collect())
}

/// What EXEC answered; if it did not run, the first reason why.
fn executed(names: &[OperationName], mut replies: Vec<Value>) -> Result<Vec<Value>> {
    let outcome = replies.pop().ok_or_else(miscounted)?;
    match outcome {
        Value::Array(items) => Ok(items),
        Value::Error(text) => {
            // The first reply is to MULTI; the others say QUEUED or why not.
            for (name, reply) in names.iter().zip(replies.into_iter().skip(1)) {
                success(name, reply)?;
            }
            Err(Error::server(&NAME, &text))
        }
        _ => Err(miscounted()),
    }
}

fn miscounted() -> Error {
    let (expected, got) = ("one reply for each command", "another number of replies");
    Error::UnexpectedReply {
        operation: NAME,
        expected,
        got,
    }
}
