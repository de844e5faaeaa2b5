//! The remote side: requests to a Redis or Valkey server.
//!
//! A request passes four stations. [`Remote`] bounds how many are under way and asks again where
//! that is safe. The [`Router`] knows which node serves a slot. A lane is one connection of that
//! node, kept alive by its supervisor. A [`Link`] is that connection while it lives.
//!
//! Connections here carry commands of many callers. None of them ever carries a subscription, a
//! WATCH, a SELECT or a blocking command: replies are matched to requests by order alone, and all
//! of those change what the order or the meaning is.

mod breaker;
mod budget;
mod cluster;
mod exclusive;
mod greeting;
mod lane;
mod link;
mod past;
mod route;
mod sentinel;
#[cfg(test)]
mod simulation;
mod site;
mod split;
mod subscriber;
mod ways;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use redstart_protocol::Value;

use self::budget::{Budget, Permit};
use self::cluster::Redirection;
pub(crate) use self::exclusive::Own;
use self::exclusive::Pool;
use self::link::{Frame, Link, Replies};
use self::past::Past;
use self::route::{Route, Router};
#[cfg(test)]
pub(crate) use self::simulation::Network;
use self::subscriber::Subscriber;
use super::argument::Arguments;
use super::capabilities::{self, Capabilities};
use super::error::{Error, Failure, OperationName, Result};
use super::random::Random;
use super::replay::{Backoff, Deadline, Replay, may_repeat};
use super::time::Time;
use super::tls::Connector;
use super::url::{Endpoint, ServerTarget};

/// What the remote side can be told.
#[derive(Clone, Debug)]
pub(crate) struct RemoteConfig {
    pub(crate) connector: Option<Connector>,
    pub(crate) target: ServerTarget,
    /// Connections per node.
    pub(crate) lanes: usize,
    /// Requests under way, waiting ones included.
    pub(crate) max_in_flight: usize,
    /// The bytes of their arguments.
    pub(crate) max_in_flight_bytes: usize,
    /// Requests with more bytes than this go over a connection of their own.
    pub(crate) large_over: usize,
    /// Connections lent to one caller each.
    pub(crate) max_exclusive: usize,
    /// One attempt to connect.
    pub(crate) connect_within: Duration,
    /// Silence after which a connection counts as dead.
    pub(crate) unresponsive_after: Duration,
    /// Between signs of life on an idle connection.
    pub(crate) ping_every: Duration,
    pub(crate) time: Time,
    /// What pauses are drawn from.
    pub(crate) random: Arc<Random>,
    /// Where connections lead, instead of to servers.
    #[cfg(test)]
    pub(crate) network: Option<Network>,
}

/// One request, whatever it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: &'a OperationName,
    pub(crate) replay: Replay,
    /// The slot of its keys, if it has any.
    pub(crate) slot: Option<u16>,
    pub(crate) deadline: Deadline,
}

/// A cluster that is being changed sends a request on once or twice. What is sent on more often
/// pauses in between.
const REDIRECTIONS: u32 = 4;

/// Several commands that are sent together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) operation: &'a OperationName,
    /// As they go out, MULTI and EXEC of a transaction included.
    pub(crate) commands: &'a [Arguments],
    /// Of each command of the caller's.
    pub(crate) steps: &'a [Step],
    /// Whether it is a transaction.
    pub(crate) atomic: bool,
    /// Whether the caller can divide its commands on several keys, so that TRYAGAIN is given back to
    /// it at once.
    pub(crate) divides: bool,
    pub(crate) deadline: Deadline,
}

/// One command of a batch, as far as it is known before it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The slot of its keys, if it has any.
    pub(crate) slot: Option<u16>,
    pub(crate) replay: Replay,
}

impl<'a> Batch<'a> {
    fn is_in_one_slot(&self) -> bool {
        let mut slots = self.steps.iter().filter_map(|step| step.slot);
        let first = slots.next();
        slots.all(|slot| Some(slot) == first)
    }

    /// All of it as one request: as repeatable as its least repeatable command.
    fn as_a_whole(&self) -> Request<'a> {
        let replays = self.steps.iter().map(|step| step.replay);
        Request {
            operation: self.operation,
            replay: replays.fold(Replay::Read, Replay::max),
            slot: self.steps.iter().find_map(|step| step.slot),
            deadline: self.deadline,
        }
    }
}

/// Servers, and the connections to them.
#[derive(Debug)]
pub(crate) struct Remote {
    router: Arc<Router>,
    subscriber: Subscriber,
    budget: Arc<Budget>,
    exclusives: Pool,
    retries: Backoff,
    config: Arc<RemoteConfig>,
}

impl Remote {
    /// Starts connecting. Must be called inside a tokio runtime.
    pub(crate) fn new(config: RemoteConfig) -> Remote {
        let config = Arc::new(config);
        let router = Arc::new(Router::new(&config));
        Remote {
            budget: Budget::new(config.max_in_flight, config.max_in_flight_bytes),
            exclusives: Pool::new(config.max_exclusive),
            retries: Backoff::new(
                Duration::from_millis(20),
                Duration::from_millis(500),
                &config.random,
            ),
            subscriber: Subscriber::new(&config, &router, router.source()),
            router,
            config,
        }
    }

    /// What subscribes for the store.
    pub(crate) fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }

    /// Waits until the server answers, or says why it does not.
    pub(crate) async fn connected(&self, deadline: Deadline) -> Result<()> {
        let operation = OperationName::named("connect");
        let route = self.router.route(None, 0, &operation, deadline).await;
        route.map(drop)
    }

    /// One command, one reply, which may be an error.
    pub(crate) async fn command(&self, request: Request<'_>, command: &Arguments) -> Result<Value> {
        let mut past = Past::default();
        let reply = self.reply(request, command, &mut past).await?;
        past.answer(request.operation, reply)
    }

    /// A script by its name or, if the server does not know that, by its source.
    #[cfg(any(feature = "cache", feature = "limiter"))]
    pub(crate) async fn script(
        &self,
        request: Request<'_>,
        by_sha1: &Arguments,
        by_source: impl FnOnce() -> Arguments,
    ) -> Result<Value> {
        let mut past = Past::default();
        let mut reply = self.reply(request, by_sha1, &mut past).await?;
        if matches!(&reply, Value::Error(text) if text.starts_with(b"NOSCRIPT")) {
            reply = self.reply(request, &by_source(), &mut past).await?;
        }
        past.answer(request.operation, reply)
    }

    async fn reply(
        &self,
        request: Request<'_>,
        command: &Arguments,
        past: &mut Past,
    ) -> Result<Value> {
        let frame = Frame::Command(command);
        let mut replies = self.send(request, &frame, past).await?;
        Ok(replies.pop().unwrap_or(Value::Null))
    }

    /// Several commands: a result for each that is sent, in the same order; an error reply is a
    /// reply. On a cluster each node gets its own part, but a transaction stays whole.
    pub(crate) async fn batch(&self, batch: Batch<'_>) -> Result<Vec<Result<Value>>> {
        match &*self.router {
            Router::Cluster(cluster) if !batch.atomic => self.split(cluster, batch).await,
            Router::Cluster(_) if !batch.is_in_one_slot() => Err(Error::CrossSlot {
                operation: batch.operation.clone(),
            }),
            _ => {
                let frame = Frame::Pipeline(batch.commands);
                let mut past = Past::default();
                let replies = self.send(batch.as_a_whole(), &frame, &mut past).await?;
                let answer = |reply| past.answer(batch.operation, reply);
                Ok(replies.into_iter().map(hinted).map(answer).collect())
            }
        }
    }

    /// What the server is; asked once a connection.
    pub(crate) async fn capabilities(
        &self,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Capabilities> {
        let link = self.router.route(None, 0, operation, deadline).await?.link;
        if let Some(known) = link.capabilities().get() {
            return Ok(known.clone());
        }
        let request = Request {
            operation,
            replay: Replay::Read,
            slot: None,
            deadline,
        };
        let questions = capabilities::questions();
        let frame = Frame::Pipeline(&questions);
        let replies = self.send(request, &frame, &mut Past::default()).await?;
        let found = link.greeted().complete(&replies);
        Ok(link.capabilities().get_or_init(|| found).clone())
    }

    /// Sends until there is an answer, the deadline, or a failure that must not be repeated.
    async fn send(
        &self,
        request: Request<'_>,
        frame: &Frame<'_>,
        past: &mut Past,
    ) -> Result<Replies> {
        let Request {
            operation,
            replay,
            slot,
            deadline,
        } = request;
        let mut attempt = 0;
        let mut asking = None;
        let bytes = frame.byte_len();
        loop {
            let permit = self.budget.take(operation, bytes);
            let mut permit = permit.map_err(|error| past.sum_up(error))?;
            let route = self.route(slot, bytes, asking.as_ref(), operation, deadline);
            let Route { link, hold } = route.await.map_err(|error| past.sum_up(error))?;
            permit.keep(hold);
            let sent = match (asking.take(), frame) {
                (Some(_), Frame::Command(command)) => {
                    // Boxed, because it is rare and every request would make room for it.
                    Box::pin(ask(&link, operation, command, permit, deadline)).await
                }
                _ => link.send(operation, frame, permit, deadline).await,
            };
            let error = match sent {
                Ok(replies) => match refused_as_a_whole(operation, &replies) {
                    None => return Ok(replies),
                    Some(refusal) => refusal,
                },
                Err(error) => error,
            };
            if self.is_misplaced(&error) {
                // It would say the same again and again.
                return Err(past.sum_up(hinted_error(operation, error)));
            }
            let redirected = self.learn(&link, &error, attempt);
            let pause = match &redirected {
                Some(_) => Duration::ZERO,
                None => self.retries.pause(attempt),
            };
            let in_time = self.config.time.monotonic().saturating_add(pause) < deadline.at;
            if !may_repeat(replay, error.failure()) || !in_time {
                return Err(past.sum_up(error));
            }
            tracing::debug!(operation = operation.as_str(), attempt, %error, "asking again");
            Box::pin(self.config.time.sleep(pause)).await;
            attempt += 1;
            if let (Some(Redirection::Ask { to }), Frame::Command(_)) = (redirected, frame) {
                asking = Some(to);
            }
            past.note(replay, error);
        }
    }

    async fn route(
        &self,
        slot: Option<u16>,
        bytes: usize,
        asking: Option<&Endpoint>,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Route> {
        match (&*self.router, asking) {
            (Router::Cluster(cluster), Some(endpoint)) => {
                let route = cluster.route_to(endpoint, slot, bytes, operation, deadline);
                Box::pin(route).await
            }
            (router, _) => match router.ready(slot, bytes) {
                Some(route) => Ok(route),
                // Boxed, so that requests that need not wait make no room for it.
                None => Box::pin(router.route(slot, bytes, operation, deadline)).await,
            },
        }
    }

    /// Draws conclusions from a failure; says where the request is to go at once, unless it has
    /// been sent around too often already.
    fn learn(&self, link: &Link, error: &Error, attempt: u32) -> Option<Redirection> {
        match &*self.router {
            Router::Cluster(cluster) => {
                let redirection = cluster::redirection(error, link.endpoint());
                match &redirection {
                    Some(Redirection::Moved { slot, to }) => cluster.moved(*slot, to),
                    Some(Redirection::Ask { .. }) => {}
                    None => cluster.cast_doubt(),
                }
                redirection.filter(|_| attempt < REDIRECTIONS)
            }
            Router::One { .. } => {
                // A server that became a replica stays one: only a new connection, to whatever
                // the address means by then, can help.
                if error.code() == Some("READONLY") {
                    link.retire();
                }
                None
            }
        }
    }
}

impl Remote {
    /// Whether a store that knows of one server was sent to another one.
    fn is_misplaced(&self, error: &Error) -> bool {
        let redirected = matches!(error.code(), Some("MOVED" | "ASK"));
        redirected && matches!(*self.router, Router::One { .. })
    }
}

/// What a redirection means to somebody who did not ask for a cluster.
const HINT: &str = "the server is a node of a cluster, open it with redis+cluster://";

fn hinted(reply: Value) -> Value {
    match reply {
        Value::Error(text) if text.starts_with(b"MOVED ") || text.starts_with(b"ASK ") => {
            let text = String::from_utf8_lossy(&text);
            Value::error(format!("{text} ({HINT})"))
        }
        reply => reply,
    }
}

fn hinted_error(operation: &OperationName, error: Error) -> Error {
    match error {
        Error::Server { code, text, .. } => Error::Server {
            operation: operation.clone(),
            failure: Failure::Failed,
            code,
            text: format!("{text} ({HINT})").into(),
        },
        error => error,
    }
}

/// Sends a command to a node that is to answer although the slot is not its own yet.
async fn ask(
    link: &Link,
    operation: &OperationName,
    command: &Arguments,
    permit: Permit,
    deadline: Deadline,
) -> Result<Replies> {
    let introduced = [asking_command(), command.clone()];
    let frame = Frame::Pipeline(&introduced);
    let mut replies = link.send(operation, &frame, permit, deadline).await?;
    replies.drain(..1.min(replies.len()));
    Ok(replies)
}

/// Introduces a request that a node is to answer although the slot is not its own yet.
fn asking_command() -> Arguments {
    let mut command = Arguments::new();
    command.push(b"ASKING");
    command
}

/// The refusal, if the server executed nothing of the request. A pipeline of which some commands
/// were executed is an answer, whatever the others say.
fn refused_as_a_whole(operation: &OperationName, replies: &[Value]) -> Option<Error> {
    let refusal = |text: &[u8]| {
        let error = Error::server(operation, text);
        (error.failure() == Failure::NotExecuted).then_some(error)
    };
    if let [begun, queued @ .., Value::Error(outcome)] = replies
        && *begun == Value::OK
        && (outcome.starts_with(b"EXECABORT") || is_queued(queued))
    {
        // A transaction that was begun and then not carried out. What was refused is in between,
        // or EXEC itself was, and says why.
        let why = queued.iter().find_map(|reply| match reply {
            Value::Error(text) => Some(&text[..]),
            _ => None,
        });
        return refusal(why.unwrap_or_else(|| reason_of_abort(outcome)));
    }
    let mut first = None;
    for reply in replies {
        let Value::Error(text) = reply else {
            return None;
        };
        first = first.or(Some(refusal(text)?));
    }
    first
}

/// Whether these are the replies to the commands of a transaction.
fn is_queued(replies: &[Value]) -> bool {
    !replies.is_empty()
        && replies
            .iter()
            .all(|reply| *reply == Value::simple("QUEUED"))
}

/// Why EXEC did nothing. It may have to say so in place of a command's own refusal.
fn reason_of_abort(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"EXECABORT Transaction discarded because of: ")
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_of_which_nothing_ran_is_refused_as_a_whole() {
        let refused = |replies: &[Value]| {
            refused_as_a_whole(&OperationName::named("pipeline"), replies).is_some()
        };
        let loading = Value::error("LOADING Redis is loading the dataset in memory");
        let wrong = Value::error("WRONGTYPE Operation against a key");
        assert!(refused(&[loading.clone(), loading.clone()]));
        assert!(!refused(&[Value::OK, loading.clone()]));
        assert!(!refused(&[loading.clone(), wrong.clone()]));

        let queued = Value::simple("QUEUED");
        let aborted = Value::error("EXECABORT Transaction discarded because of previous errors.");
        assert!(refused(&[
            Value::OK,
            queued.clone(),
            loading,
            aborted.clone()
        ]));
        assert!(!refused(&[Value::OK, queued.clone(), wrong, aborted]));
        assert!(!refused(&[]));

        // Much may happen between the commands of a transaction and EXEC.
        let because = "EXECABORT Transaction discarded because of: READONLY You can't write";
        assert!(refused(&[Value::OK, queued.clone(), Value::error(because)]));
        let because = "EXECABORT Transaction discarded because of: NOPERM no permissions";
        assert!(!refused(&[
            Value::OK,
            queued.clone(),
            Value::error(because)
        ]));
        let moved = Value::error("MOVED 7 10.0.0.1:6379");
        assert!(refused(&[Value::OK, queued.clone(), moved.clone()]));
        assert!(!refused(&[Value::OK, moved]));
    }
}
