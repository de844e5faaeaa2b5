//! Connections that are lent to one caller at a time.
//!
//! They go to the server that the router has found and whose lane answers, so that they follow
//! failovers and fail as fast as anything else does when a server is away.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redstart_protocol::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::greeting::{self, Login};
use super::lane::not_sent;
use super::link::{Frame, Link};
use super::{Remote, RemoteConfig};
use crate::store::argument::Arguments;
use crate::store::error::{Disconnect, Error, Failure, Limited, OperationName, Result};
use crate::store::replay::Deadline;
use crate::store::url::Endpoint;

/// Routers between here and the server may forget a connection that was idle for longer.
const KEPT_IDLE: Duration = Duration::from_secs(30);

/// The connections that nobody uses, and how many there may be.
#[derive(Debug)]
pub(super) struct Pool {
    /// The one that came back last is at the end.
    idle: Mutex<Vec<Idle>>,
    places: Arc<Semaphore>,
    size: usize,
}

#[derive(Debug)]
struct Idle {
    line: OwnLink,
    since: Duration,
}

/// A connection that is lent out.
#[derive(Debug)]
pub(crate) struct Own {
    line: OwnLink,
    _place: OwnedSemaphorePermit,
}

/// A link and what drives it. Dropping it closes the connection.
#[derive(Debug)]
struct OwnLink {
    link: Box<Link>,
    driver: JoinHandle<()>,
}

impl Drop for OwnLink {
    fn drop(&mut self) {
        self.link.close();
        self.driver.abort();
    }
}

impl OwnLink {
    /// To a server that a lane leads to: what it is, is known.
    async fn connect(config: &RemoteConfig, lane: &Link) -> Result<OwnLink, Disconnect> {
        let endpoint = lane.endpoint();
        let connected = tokio::select! {
            connected = greeting::connect(endpoint, Login::server(config), None) => connected?,
            () = config.time.sleep(config.connect_within) => {
                return Err(Disconnect::Silent);
            }
        };
        let (connection, driver) = connected;
        let (endpoint, greeted) = (endpoint.clone(), lane.greeted().clone());
        let link = Link::new(endpoint, connection, greeted, config.time.clone());
        Ok(OwnLink {
            link: Box::new(link),
            driver: tokio::spawn(driver),
        })
    }

    fn is_open(&self) -> bool {
        !self.link.is_closed() && !self.driver.is_finished()
    }
}

impl Pool {
    pub(super) fn new(size: usize) -> Pool {
        Pool {
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(size)),
            size,
        }
    }

    /// An idle connection to the server. Those that are of no more use are closed, and the oldest
    /// where there would be too many.
    fn take(&self, endpoint: &Endpoint, now: Duration) -> Option<OwnLink> {
        let mut idle = self.idle.lock();
        idle.retain(|idle| idle.line.is_open() && now.saturating_sub(idle.since) < KEPT_IDLE);
        let place = idle
            .iter()
            .rposition(|idle| idle.line.link.endpoint() == endpoint);
        let taken = place.map(|place| idle.remove(place).line);
        let lent_out = self.size.saturating_sub(self.places.available_permits());
        let surplus = (idle.len() + lent_out)
            .saturating_sub(self.size)
            .min(idle.len());
        idle.drain(..surplus);
        taken
    }
}

impl Own {
    pub(crate) fn is_open(&self) -> bool {
        self.line.is_open()
    }
}

impl Remote {
    /// A connection to the server of a slot that nobody else uses.
    pub(crate) async fn exclusive(
        &self,
        slot: Option<u16>,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Own> {
        let time = &self.config.time;
        let place = tokio::select! {
            biased;
            place = Arc::clone(&self.exclusives.places).acquire_owned() => place.ok(),
            () = time.sleep_until(deadline.at) => None,
        };
        let Some(place) = place else {
            return Err(Error::Overloaded {
                operation: operation.clone(),
                limit: self.exclusives.size,
                what: Limited::ExclusiveConnections,
            });
        };
        let link = self.router.route(slot, 0, operation, deadline).await?.link;
        let line = match self.exclusives.take(link.endpoint(), time.monotonic()) {
            Some(line) => line,
            None => tokio::select! {
                connected = OwnLink::connect(&self.config, &link) => {
                    connected.map_err(|cause| not_sent(operation, deadline, Some(cause)))?
                }
                () = time.sleep_until(deadline.at) => {
                    return Err(not_sent(operation, deadline, None));
                }
            },
        };
        Ok(Own {
            line,
            _place: place,
        })
    }

    /// Sends over a connection that was lent out. Without an answer it is closed, also when the
    /// future is dropped: what the server still sends would answer the next request.
    pub(crate) async fn send_over(
        &self,
        own: &mut Own,
        operation: &OperationName,
        command: &Arguments,
        deadline: Deadline,
    ) -> Result<Value> {
        struct Unanswered<'o>(Option<&'o OwnLink>);

        impl Drop for Unanswered<'_> {
            fn drop(&mut self) {
                if let Some(line) = self.0 {
                    line.link.close();
                    line.driver.abort();
                }
            }
        }

        let frame = Frame::Command(command);
        let permit = self.budget.take(operation, frame.byte_len())?;
        let link = &own.line.link;
        let mut unanswered = Unanswered(Some(&own.line));
        let mut replies = link.send(operation, &frame, permit, deadline).await?;
        let reply = replies.pop().unwrap_or(Value::Null);
        unanswered.0 = None;
        if let Value::Error(text) = &reply {
            let error = Error::server(operation, text);
            if error.failure() == Failure::NotExecuted {
                self.learn(link, &error, 0);
            }
        }
        Ok(reply)
    }

    /// Keeps a connection for the next caller.
    pub(crate) fn take_back(&self, own: Own) {
        let Own {
            line,
            _place: place,
        } = own;
        if line.is_open() {
            let since = self.config.time.monotonic();
            self.exclusives.idle.lock().push(Idle { line, since });
        }
        // Who waits for the place finds the connection.
        drop(place);
    }
}
