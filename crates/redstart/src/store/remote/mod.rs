//! The remote side: requests to a Redis or Valkey server.
//!
//! A request passes four stations. [`Remote`] bounds how many are under way and asks again where
//! that is safe. The [`Router`] knows which node serves a slot. A [`Lane`] is one connection of
//! that node, kept alive by its supervisor. A [`Link`] is that connection while it lives.
//!
//! Connections here carry commands of many callers. None of them ever carries a subscription, a
//! WATCH, a SELECT or a blocking command: replies are matched to requests by order alone, and all
//! of those change what the order or the meaning is.

mod lane;
mod link;
mod route;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use redstart_protocol::Value;
use tokio::sync::Semaphore;

use self::link::Frame;
use self::route::Router;
use super::argument::Arguments;
use super::error::{Error, Failure, OperationName, Result};
use super::replay::{Backoff, Deadline, Replay, may_repeat};
use super::time::Time;
use super::url::ServerTarget;

/// What the remote side can be told.
#[derive(Clone, Debug)]
pub(crate) struct RemoteConfig {
    pub(crate) target: ServerTarget,
    /// Connections per node.
    pub(crate) lanes: usize,
    /// Requests under way, waiting ones included.
    pub(crate) max_in_flight: usize,
    /// One attempt to connect.
    pub(crate) connect_within: Duration,
    /// Silence after which a connection counts as dead.
    pub(crate) unresponsive_after: Duration,
    /// Between signs of life on an idle connection.
    pub(crate) ping_every: Duration,
    pub(crate) time: Time,
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

/// A server, and the connections to it.
#[derive(Debug)]
pub(crate) struct Remote {
    router: Router,
    permits: Arc<Semaphore>,
    max_in_flight: usize,
    retries: Backoff,
    time: Time,
}

impl Remote {
    /// Starts connecting. Must be called inside a tokio runtime.
    pub(crate) fn new(config: RemoteConfig) -> Remote {
        Remote {
            permits: Arc::new(Semaphore::new(config.max_in_flight)),
            max_in_flight: config.max_in_flight,
            retries: Backoff::new(Duration::from_millis(20), Duration::from_millis(500)),
            time: config.time.clone(),
            router: Router::single_node(Arc::new(config)),
        }
    }

    /// Waits until the server answers, or says why it does not.
    pub(crate) async fn connected(&self, deadline: Deadline) -> Result<()> {
        let operation = OperationName::named("connect");
        self.router
            .lane(None)
            .link(&operation, deadline)
            .await
            .map(drop)
    }

    /// One command, one reply, which may be an error.
    pub(crate) async fn command(&self, request: Request<'_>, command: &Arguments) -> Result<Value> {
        let mut replies = self.send(request, &Frame::Command(command)).await?;
        Ok(replies.pop().unwrap_or(Value::Null))
    }

    /// Several commands, their replies in the same order. Error replies stand in their places.
    pub(crate) async fn pipeline(
        &self,
        request: Request<'_>,
        commands: &[Arguments],
    ) -> Result<Vec<Value>> {
        self.send(request, &Frame::Pipeline(commands)).await
    }

    /// Sends until there is an answer, the deadline, or a failure that must not be repeated.
    async fn send(&self, request: Request<'_>, frame: &Frame<'_>) -> Result<Vec<Value>> {
        let Request {
            operation,
            replay,
            slot,
            deadline,
        } = request;
        let mut attempt = 0;
        let mut refusal = None;
        loop {
            let permit =
                Arc::clone(&self.permits)
                    .try_acquire_owned()
                    .map_err(|_| Error::Overloaded {
                        operation: operation.clone(),
                        limit: self.max_in_flight,
                    })?;
            // While the connection is replaced, what the server said last tells more than that.
            let link = self.router.lane(slot).link(operation, deadline).await;
            let link = link.map_err(|error| refusal.take().unwrap_or(error))?;
            let error = match link.send(operation, frame, permit, deadline).await {
                Ok(replies) => match refused_as_a_whole(operation, &replies) {
                    None => return Ok(replies),
                    Some(refusal) => {
                        // A server that became a replica stays one: only a new connection, to
                        // whatever the address means by then, can help.
                        if refusal.code() == Some("READONLY") {
                            link.retire();
                        }
                        refusal
                    }
                },
                Err(error) => error,
            };
            let pause = self.retries.pause(attempt);
            let in_time = self.time.monotonic().saturating_add(pause) < deadline.at;
            if !may_repeat(replay, error.failure()) || !in_time {
                return Err(error);
            }
            tracing::debug!(operation = operation.as_str(), attempt, %error, "asking again");
            self.time.sleep(pause).await;
            attempt += 1;
            refusal = (error.failure() == Failure::NotExecuted).then_some(error);
        }
    }
}

/// The refusal, if the server executed nothing of the request. A pipeline of which some commands
/// were executed is an answer, whatever the others say.
fn refused_as_a_whole(operation: &OperationName, replies: &[Value]) -> Option<Error> {
    let mut first = None;
    for reply in replies {
        let Value::Error(text) = reply else {
            return None;
        };
        let error = Error::server(operation, text);
        if error.failure() != Failure::NotExecuted {
            return None;
        }
        first.get_or_insert(error);
    }
    first
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
        let wrong = Value::error("WRONGTYPE OperationName against a key");
        assert!(refused(&[loading.clone(), loading.clone()]));
        assert!(!refused(&[Value::OK, loading.clone()]));
        assert!(!refused(&[loading, wrong]));
        assert!(!refused(&[]));
    }
}
