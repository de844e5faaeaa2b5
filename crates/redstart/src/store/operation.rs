//! Operations: the atomic steps patterns are made of.
//!
//! An operation is one Lua script over keys that are all declared and all in one slot. The script
//! is the single source: a server runs it by EVALSHA (and by EVAL when it has forgotten it), the
//! embedded engine runs the same text. The operation is typed at its edge: only its own file knows
//! the order of keys and arguments. Where a benchmark has earned it, an operation answers natively
//! on the embedded engine; a differential test then holds both to the same replies and the same
//! stored bytes.
//!
//! Scripts take the time from the server, validate before their first write (there is no
//! rollback), and return integers or bulk strings.

use std::sync::OnceLock;
use std::time::Duration;

use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
#[cfg(feature = "embedded")]
use super::command::error_reply;
use super::command::{success, unexpected};
#[cfg(feature = "cache")]
use super::convert::FromValue;
use super::convert::Mismatch;
use super::error::{Error, OperationName, Result};
use super::execution::{Boxed, Job, Started};
use super::key::Key;
use super::remote::{Remote, Request};
use super::replay::{Deadline, Replay};
use super::store::{Backend, Store};

/// One atomic step of a pattern.
pub(crate) trait Operation: Unpin + Send + Sync {
    /// What the step finds out.
    type Output: Send;

    /// `room.step`, for errors and logs.
    const NAME: OperationName;

    /// What the step does, in Lua.
    const SCRIPT: &'static Script;

    /// What repeating it would do.
    fn replay(&self) -> Replay;

    /// All keys it takes, in one slot. KEYS of the script.
    fn keys(&self) -> &[Key];

    /// ARGV of the script.
    fn encode(&self, arguments: &mut Arguments);

    /// Reads what the script returned.
    fn decode(&self, reply: Value) -> Result<Self::Output, Mismatch>;

    /// The same step in Rust on the embedded engine, where a benchmark has earned it. It must
    /// leave exactly what the script leaves. None: run the script. An error is a reply.
    #[cfg(feature = "embedded")]
    fn native(&self, _client: &mut redstart_engine::Client) -> Option<Result<Self::Output, Value>> {
        None
    }
}

/// A Lua script and its name in the server's cache.
#[derive(Debug)]
pub(crate) struct Script {
    source: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(source: &'static str) -> Script {
        Script {
            source,
            sha1: OnceLock::new(),
        }
    }

    fn sha1(&self) -> &str {
        self.sha1
            .get_or_init(|| sha1_smol::Sha1::from(self.source).digest().to_string())
    }
}

/// An operation on its way to a store.
pub(crate) struct Run<'s, O> {
    store: &'s Store,
    operation: O,
    within: Duration,
}

impl<'s, O: Operation> Run<'s, O> {
    pub(crate) fn new(store: &'s Store, operation: O, within: Duration) -> Run<'s, O> {
        Run {
            store,
            operation,
            within,
        }
    }
}

/// What became of an operation whose effect replicas are to have.
#[cfg(feature = "cache")]
pub(crate) struct Replicated<T> {
    pub(crate) output: T,
    /// How many replicas have it.
    pub(crate) by: u64,
}

#[cfg(feature = "cache")]
impl Store {
    /// Runs an operation and waits until so many replicas have its effect, or the time is over: WAIT,
    /// which counts what its own connection has written. Two round trips over an exclusive
    /// connection; nothing is asked again. An embedded store fails over to nobody and waits for
    /// nothing.
    pub(crate) async fn run_replicated<O: Operation>(
        &self,
        operation: &O,
        replicas: u32,
        within: Duration,
    ) -> Result<Replicated<O::Output>> {
        in_one_slot::<O>(operation.keys())?;
        #[cfg(feature = "embedded")]
        if let Backend::Embedded(embedded) = self.backend() {
            let output = embedded.with_client(|client| run_embedded(client, operation))?;
            let by = replicas.into();
            return Ok(Replicated { output, by });
        }
        let deadline = self.deadline_after(within);
        let left = || deadline.at.saturating_sub(self.time().monotonic());
        let open = match operation.keys().first() {
            Some(key) => self.exclusive_for(key),
            None => self.exclusive(),
        };
        let mut own = open.within(within).await?;
        let by_source = call("EVAL", O::SCRIPT.source, operation);
        let reply = own.run(&O::NAME, &by_source, Some(left())).await?;
        let output = decode(operation, success(&O::NAME, reply)?)?;
        // The server is to say how many before the deadline.
        let patience = (left() - left() / 10).as_millis().max(1);
        let mut wait = Arguments::new();
        "WAIT".append_to(&mut wait);
        replicas.append_to(&mut wait);
        u64::try_from(patience)
            .unwrap_or(u64::MAX)
            .append_to(&mut wait);
        let reply = own.run(&O::NAME, &wait, Some(left())).await?;
        let by = u64::from_value(success(&O::NAME, reply)?)
            .map_err(|mismatch| unexpected(O::NAME, mismatch))?;
        Ok(Replicated { output, by })
    }
}

impl<'s, O: Operation + 's> Job for Run<'s, O> {
    type Output = Result<O::Output>;
    type Rest = Boxed<'s, Result<O::Output>>;

    fn start(self) -> Started<Self::Output, Self::Rest> {
        if let Err(error) = in_one_slot::<O>(self.operation.keys()) {
            return Started::Done(Err(error));
        }
        match self.store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => {
                Started::Done(embedded.with_client(|client| run_embedded(client, &self.operation)))
            }
            Backend::Remote(remote) => Started::Underway(Box::pin(async move {
                let deadline = self.store.deadline_after(self.within);
                let reply = run_remotely(remote, &self.operation, deadline).await?;
                decode(&self.operation, reply)
            })),
        }
    }
}

#[cfg(feature = "embedded")]
fn run_embedded<O: Operation>(
    client: &mut redstart_engine::Client,
    operation: &O,
) -> Result<O::Output> {
    if let Some(output) = operation.native(client) {
        return output.map_err(|reply| error_reply(&O::NAME, reply));
    }
    let mut reply = client.call(&by_sha1(operation).slices());
    if is_noscript(&reply) {
        // Operations declare all their keys, so only those keys' shards need be locked.
        let loaded = client.load_operation(O::SCRIPT.source);
        loaded.map_err(|reply| error_reply(&O::NAME, reply))?;
        reply = client.call(&by_sha1(operation).slices());
    }
    decode(operation, success(&O::NAME, reply)?)
}

async fn run_remotely<O: Operation>(
    remote: &Remote,
    operation: &O,
    deadline: Deadline,
) -> Result<Value> {
    let slot = operation.keys().first().map(slot_of);
    let request = Request {
        operation: &O::NAME,
        replay: operation.replay(),
        slot,
        deadline,
    };
    let by_source = || call("EVAL", O::SCRIPT.source, operation);
    let reply = remote
        .script(request, &by_sha1(operation), by_source)
        .await?;
    success(&O::NAME, reply)
}

#[cfg(feature = "embedded")]
fn is_noscript(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if text.starts_with(b"NOSCRIPT"))
}

fn by_sha1<O: Operation>(operation: &O) -> Arguments {
    call("EVALSHA", O::SCRIPT.sha1(), operation)
}

fn call<O: Operation>(command: &str, script: &str, operation: &O) -> Arguments {
    let mut arguments = Arguments::new();
    command.append_to(&mut arguments);
    script.append_to(&mut arguments);
    operation.keys().len().append_to(&mut arguments);
    for key in operation.keys() {
        key.append_to(&mut arguments);
    }
    operation.encode(&mut arguments);
    arguments
}

fn decode<O: Operation>(operation: &O, reply: Value) -> Result<O::Output> {
    operation
        .decode(reply)
        .map_err(|mismatch| unexpected(O::NAME, mismatch))
}

fn slot_of(key: &Key) -> u16 {
    redstart_protocol::slot(key.as_bytes())
}

fn in_one_slot<O: Operation>(keys: &[Key]) -> Result<()> {
    match keys {
        [first, others @ ..] if !others.is_empty() => {
            let slot = slot_of(first);
            match others.iter().all(|key| slot_of(key) == slot) {
                true => Ok(()),
                false => Err(Error::CrossSlot { operation: O::NAME }),
            }
        }
        _ => Ok(()),
    }
}
