//! A link: one live connection that many callers send over.
//!
//! Requests are counted by permits. A request whose caller gave up still waits for its reply
//! inside the connection, so its permit stays with the link until the server has caught up: a
//! server that hangs fills the bound once, however many callers come and give up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use redis::RedisError;
use redis::aio::MultiplexedConnection;
use redstart_protocol::Value;
use smallvec::{SmallVec, smallvec};
use tokio::sync::Notify;

use super::budget::Permit;
use super::wire;
use crate::store::argument::Arguments;
use crate::store::capabilities::{Capabilities, Greeted};
use crate::store::error::{Disconnect, Error, Failure, OperationName, Result};
use crate::store::replay::Deadline;
use crate::store::time::Time;
use crate::store::url::Endpoint;

/// What is sent in one piece.
#[derive(Debug)]
pub(super) enum Frame<'a> {
    Command(&'a Arguments),
    Pipeline(&'a [Arguments]),
}

/// What came back for it. A command has one reply, which needs no allocation.
pub(super) type Replies = SmallVec<[Value; 1]>;

impl Frame<'_> {
    /// The bytes of all arguments.
    pub(super) fn byte_len(&self) -> usize {
        match self {
            Frame::Command(arguments) => arguments.byte_len(),
            Frame::Pipeline(commands) => commands.iter().map(Arguments::byte_len).sum(),
        }
    }
}

pub(super) struct Link {
    endpoint: Endpoint,
    connection: MultiplexedConnection,
    greeted: Greeted,
    capabilities: OnceLock<Capabilities>,
    time: Time,
    closed: AtomicBool,
    in_flight: AtomicUsize,
    replies: AtomicU64,
    abandoned: Mutex<Vec<Permit>>,
    suspicion: Notify,
    retirement: Notify,
    idleness: Notify,
}

impl Link {
    pub(super) fn new(
        endpoint: Endpoint,
        connection: MultiplexedConnection,
        greeted: Greeted,
        time: Time,
    ) -> Link {
        Link {
            endpoint,
            connection,
            greeted,
            capabilities: OnceLock::new(),
            time,
            closed: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            replies: AtomicU64::new(0),
            abandoned: Mutex::default(),
            suspicion: Notify::new(),
            retirement: Notify::new(),
            idleness: Notify::new(),
        }
    }

    /// Hands a request over and waits for its replies. A dropped future leaves the request to the
    /// connection: it may still have its effect.
    pub(super) async fn send(
        &self,
        operation: &OperationName,
        frame: &Frame<'_>,
        permit: Permit,
        deadline: Deadline,
    ) -> Result<Replies> {
        let lost = |failure| Error::Disconnected {
            operation: operation.clone(),
            failure,
            cause: Disconnect::Lost,
        };
        // Counted before looking, so that whoever closes either is seen here or waits for us.
        let mut handed_over = HandedOver::new(self, permit);
        if self.is_closed() {
            return Err(lost(Failure::NotSent));
        }
        tokio::select! {
            biased;
            replies = self.exchange(frame) => {
                handed_over.is_answered();
                replies.map_err(|_| lost(Failure::Unknown))
            }
            () = self.time.sleep_until(deadline.at) => Err(Error::Deadline {
                operation: operation.clone(),
                failure: Failure::Unknown,
                within: deadline.within,
            }),
        }
    }

    async fn exchange(&self, frame: &Frame<'_>) -> Result<Replies, RedisError> {
        let mut connection = self.connection.clone();
        let replies = match frame {
            Frame::Command(arguments) => {
                let command = wire::command(arguments);
                let reply = connection.send_packed_command(&command).await?;
                smallvec![wire::value(reply)]
            }
            Frame::Pipeline(commands) => {
                let pipeline = wire::pipeline(commands);
                let sent = connection.send_packed_commands(&pipeline, 0, commands.len());
                sent.await?.into_iter().map(wire::value).collect()
            }
        };
        self.replies.fetch_add(1, Ordering::Relaxed);
        Ok(replies)
    }

    /// Asks for a sign of life. Requests are answered in order, so the answer also says that
    /// everything handed over before was dealt with.
    pub(super) async fn ping(&self) -> bool {
        let given_up = self.abandoned.lock().len();
        let mut connection = self.connection.clone();
        let answered = connection
            .send_packed_command(&redis::cmd("PING"))
            .await
            .is_ok();
        if answered {
            let mut abandoned = self.abandoned.lock();
            let caught_up = given_up.min(abandoned.len());
            abandoned.drain(..caught_up);
        }
        answered
    }

    /// Asks something on the store's own behalf; `None` if the connection breaks.
    pub(super) async fn ask(&self, question: &redis::Cmd) -> Option<Value> {
        let mut connection = self.connection.clone();
        let answer = connection.send_packed_command(question).await;
        answer.ok().map(wire::value)
    }

    /// What it is connected to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the server said of itself when the connection was made.
    pub(super) fn greeted(&self) -> &Greeted {
        &self.greeted
    }

    /// What it was found to be able to do since.
    pub(super) fn capabilities(&self) -> &OnceLock<Capabilities> {
        &self.capabilities
    }

    /// How many answers have come so far.
    pub(super) fn replies(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for an answer.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) > 0
    }

    /// Completes when nobody waits for an answer.
    pub(super) async fn drained(&self) {
        while self.is_busy() {
            self.idleness.notified().await;
        }
    }

    /// No request is handed over from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.abandoned.lock().clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Asks the supervisor to replace this connection.
    pub(super) fn retire(&self) {
        self.retirement.notify_one();
    }

    pub(super) async fn retired(&self) {
        self.retirement.notified().await;
    }

    /// Completes when somebody gave up waiting.
    pub(super) async fn suspected(&self) {
        self.suspicion.notified().await;
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

/// A request under way. Dropped without an answer, by its deadline or by its caller, it leaves its
/// permit with the link and asks whether the server still lives.
struct HandedOver<'l> {
    link: &'l Link,
    permit: Option<Permit>,
}

impl<'l> HandedOver<'l> {
    fn new(link: &'l Link, permit: Permit) -> HandedOver<'l> {
        link.in_flight.fetch_add(1, Ordering::SeqCst);
        HandedOver {
            link,
            permit: Some(permit),
        }
    }

    fn is_answered(&mut self) {
        self.permit = None;
    }
}

impl Drop for HandedOver<'_> {
    fn drop(&mut self) {
        if self.link.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.link.idleness.notify_one();
        }
        if let Some(permit) = self.permit.take()
            && !self.link.is_closed()
        {
            self.link.abandoned.lock().push(permit);
            self.link.suspicion.notify_one();
        }
    }
}
