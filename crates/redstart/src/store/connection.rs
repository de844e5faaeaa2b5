//! redis-rs' own traits over a store: code that is generic over `redis::aio::ConnectionLike` runs
//! unchanged, embedded or remote.

use std::io;

use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, ErrorKind, RedisError, RedisFuture, RedisResult, ServerError};
use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
use super::error::{Disconnect, Error, Failure, OperationName};
use super::remote::{Batch, Request, Step};
use super::shared::Kind;
use super::store::{Backend, Store};
use super::url::Target;

/// A store as redis-rs 1.x sees a connection. Clones share the store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use redis::AsyncCommands;
///
/// let store = redstart::Store::open("memory:").await?;
/// let mut connection = store.connection();
/// let _: () = connection.set("greeting", "hello").await?;
/// assert_eq!(connection.get::<_, String>("greeting").await?, "hello");
/// # Ok(())
/// # }
/// ```
///
/// The store behind it is shared, so what changes or holds up a connection is refused: SELECT,
/// WATCH, SUBSCRIBE, blocking commands, and MULTI by hand. A transaction goes as a pipeline with
/// `.atomic()`.
#[derive(Clone, Debug)]
pub struct Connection {
    store: Store,
}

impl Store {
    /// The store as redis-rs 1.x sees a connection.
    pub fn connection(&self) -> Connection {
        Connection {
            store: self.clone(),
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, redis::Value> {
        Box::pin(self.run(cmd))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<redis::Value>> {
        Box::pin(self.run_all(pipeline, offset, count))
    }

    fn get_db(&self) -> i64 {
        match &self.store.url().target {
            Target::Memory(_) | Target::File(_) => 0,
            Target::Server(server) => i64::from(server.database),
        }
    }
}

impl Connection {
    async fn run(&self, cmd: &Cmd) -> RedisResult<redis::Value> {
        let arguments = arguments_of(cmd)?;
        let (operation, kind) = inspect(&arguments)?;
        let reply = match self.store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => embedded.command(&arguments.slices()),
            Backend::Remote(remote) => {
                let slices = arguments.slices();
                let (slot, replay) = (kind.slot(&slices), kind.replay(&slices));
                drop(slices);
                let deadline = self.store.deadline_after(self.store.deadline());
                let request = Request {
                    operation: &operation,
                    replay,
                    slot,
                    deadline,
                };
                remote
                    .command(request, &arguments)
                    .await
                    .map_err(redis_error)?
            }
        };
        if cmd.is_no_response() {
            Ok(redis::Value::Nil)
        } else {
            Ok(redis_value(reply))
        }
    }

    /// `offset` replies are left out and `count` are returned: all of a plain pipeline, the one of
    /// EXEC of an atomic one.
    async fn run_all(
        &self,
        pipeline: &redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<redis::Value>> {
        const NAME: OperationName = OperationName::named("pipeline");
        let mut frame = Vec::with_capacity(pipeline.len() + 2);
        let mut steps = Vec::with_capacity(pipeline.len());
        for cmd in pipeline.cmd_iter() {
            let arguments = arguments_of(cmd)?;
            let (_, kind) = inspect(&arguments)?;
            let slices = arguments.slices();
            steps.push(Step {
                slot: kind.slot(&slices),
                replay: kind.replay(&slices),
            });
            drop(slices);
            frame.push(arguments);
        }
        if pipeline.is_transaction() {
            frame.insert(0, word("MULTI"));
            frame.push(word("EXEC"));
        }
        let replies = match self.store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => embedded.commands(&frame),
            Backend::Remote(remote) => {
                let replies = remote.batch(Batch {
                    operation: &NAME,
                    commands: &frame,
                    steps: &steps,
                    atomic: pipeline.is_transaction(),
                    divides: false,
                    deadline: self.store.deadline_after(self.store.deadline()),
                });
                let replies: Result<Vec<Value>, _> =
                    replies.await.map_err(redis_error)?.into_iter().collect();
                replies.map_err(redis_error)?
            }
        };
        if pipeline.is_transaction() {
            refused_transaction(&replies)?;
        }
        Ok(replies
            .into_iter()
            .skip(offset)
            .take(count)
            .map(redis_value)
            .collect())
    }
}

/// If EXEC did not run: the first reason.
fn refused_transaction(replies: &[Value]) -> RedisResult<()> {
    let Some(Value::Error(outcome)) = replies.last() else {
        return Ok(());
    };
    let reasons = replies.iter().filter_map(|reply| match reply {
        Value::Error(text) => Some(text),
        _ => None,
    });
    let first = reasons.into_iter().next().unwrap_or(outcome);
    Err(server_error(&String::from_utf8_lossy(first)).into())
}

fn inspect(arguments: &Arguments) -> RedisResult<(OperationName, Kind)> {
    let slices = arguments.slices();
    let operation = OperationName::command(slices.first().copied().unwrap_or_default());
    let kind = Kind::of(&operation, &slices).map_err(redis_error)?;
    Ok((operation, kind))
}

fn arguments_of(cmd: &Cmd) -> RedisResult<Arguments> {
    let mut arguments = Arguments::new();
    for argument in cmd.args_iter() {
        match argument {
            Arg::Simple(bytes) => arguments.push(bytes),
            // The cursor's number can only be had from the encoded request.
            Arg::Cursor => return encoded_arguments(cmd),
            _ => return Err((ErrorKind::Client, "an argument of an unknown kind").into()),
        }
    }
    Ok(arguments)
}

fn encoded_arguments(cmd: &Cmd) -> RedisResult<Arguments> {
    let malformed = || RedisError::from((ErrorKind::Client, "a request that is no array"));
    let redis::Value::Array(items) = redis::parse_redis_value(&cmd.get_packed_command())? else {
        return Err(malformed());
    };
    let mut arguments = Arguments::new();
    for item in items {
        let redis::Value::BulkString(bytes) = item else {
            return Err(malformed());
        };
        arguments.push(&bytes);
    }
    Ok(arguments)
}

fn word(word: &str) -> Arguments {
    let mut arguments = Arguments::new();
    word.append_to(&mut arguments);
    arguments
}

fn redis_value(value: Value) -> redis::Value {
    let items = |items: Vec<Value>| items.into_iter().map(redis_value).collect();
    match value {
        Value::Null | Value::NullArray => redis::Value::Nil,
        Value::Simple(text) if text.as_ref() == b"OK" => redis::Value::Okay,
        Value::Simple(text) => redis::Value::SimpleString(lossy(&text)),
        Value::Error(text) => redis::Value::ServerError(server_error(&lossy(&text))),
        Value::Integer(number) => redis::Value::Int(number),
        Value::Bulk(bytes) => redis::Value::BulkString(bytes.into()),
        Value::Array(array) => redis::Value::Array(items(array)),
        Value::Map(pairs) => {
            let pair = |(key, value)| (redis_value(key), redis_value(value));
            redis::Value::Map(pairs.into_iter().map(pair).collect())
        }
        Value::Set(set) => redis::Value::Set(items(set)),
        Value::Push(push) => redis::Value::Array(items(push)),
        Value::Double(number) => redis::Value::Double(number),
        Value::Decimal(digits) => match lossy(&digits).parse() {
            Ok(number) => redis::Value::Double(number),
            Err(_) => redis::Value::BulkString(digits.into()),
        },
        Value::Boolean(truth) => redis::Value::Boolean(truth),
        // As a string of digits: the type of a parsed one depends on redis-rs' features.
        Value::BigNumber(digits) => redis::Value::BulkString(digits.into()),
        Value::Verbatim(_, text) => redis::Value::BulkString(text.into()),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// redis-rs makes a server's error only by parsing one; its kinds (NOSCRIPT, MOVED …) come so.
fn server_error(text: &str) -> ServerError {
    let line = format!("-{}\r\n", text.replace(['\r', '\n'], " "));
    match redis::parse_redis_value(line.as_bytes()) {
        Ok(redis::Value::ServerError(error)) => error,
        _ => redis::make_extension_error("ERR".to_owned(), Some(text.to_owned()))
            .try_into()
            .expect("an extension error is a server's error"),
    }
}

fn redis_error(error: Error) -> RedisError {
    let unreachable = |kind| io::Error::new(kind, error.to_string()).into();
    match &error {
        Error::Server { code, text, .. }
        | Error::Disconnected {
            cause: Disconnect::Refused { code, text },
            ..
        } => server_error(&format!("{code} {text}")).into(),
        Error::Deadline { .. } => unreachable(io::ErrorKind::TimedOut),
        Error::Disconnected {
            failure: Failure::NotSent,
            ..
        } => unreachable(io::ErrorKind::ConnectionRefused),
        Error::Disconnected { .. } => unreachable(io::ErrorKind::BrokenPipe),
        _ => (ErrorKind::Client, "refused by the store", error.to_string()).into(),
    }
}
