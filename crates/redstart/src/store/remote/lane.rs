//! A lane: one place for a connection to a node, kept filled by a supervisor.
//!
//! The supervisor connects, drives the connection, watches whether the other side still answers,
//! and connects again, for as long as the lane exists. Requests never connect: they wait for the
//! lane to be ready, as long as their own deadline allows. When the next attempt to connect lies
//! beyond that deadline they fail at once, so an absent server costs its callers no time.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::RemoteConfig;
use super::greeting::{self, Driver};
use super::link::Link;
use super::site::Site;
use crate::store::error::{Disconnect, Error, Failure, OperationName, Result};
use crate::store::replay::{Backoff, Deadline};

/// A connection that lived this long was a good one.
const LASTED: Duration = Duration::from_secs(1);

/// Even a lucky draw of the backoff must not make a busy loop.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Lane {
    state: watch::Receiver<State>,
    config: Arc<RemoteConfig>,
    supervisor: JoinHandle<()>,
}

#[derive(Clone, Debug)]
enum State {
    /// An attempt is under way; why the one before failed, if there was one.
    Connecting {
        last: Option<Disconnect>,
    },
    /// The next attempt is made at this time.
    Waiting {
        until: Duration,
        last: Disconnect,
    },
    Ready(Arc<Link>),
}

impl Lane {
    pub(super) fn open(config: Arc<RemoteConfig>, site: Site) -> Lane {
        let (sender, state) = watch::channel(State::Connecting { last: None });
        let supervisor = tokio::spawn(supervise(Arc::clone(&config), site, sender));
        Lane {
            state,
            config,
            supervisor,
        }
    }

    /// The connection, as soon as there is one. Nothing has been sent when this fails.
    pub(super) async fn link(
        &self,
        operation: &OperationName,
        deadline: Deadline,
    ) -> Result<Arc<Link>> {
        let mut state = self.state.clone();
        let mut expired = pin!(self.config.time.sleep_until(deadline.at));
        loop {
            let cause = match &*state.borrow_and_update() {
                State::Ready(link) if !link.is_closed() => return Ok(Arc::clone(link)),
                State::Ready(_) => None,
                State::Connecting { last } => last.clone(),
                State::Waiting { until, last } => {
                    let refused = matches!(last, Disconnect::Refused { .. });
                    if refused || *until >= deadline.at {
                        return Err(not_sent(operation, deadline, Some(last.clone())));
                    }
                    Some(last.clone())
                }
            };
            tokio::select! {
                changed = state.changed() => {
                    if changed.is_err() {
                        return Err(not_sent(operation, deadline, Some(Disconnect::Lost)));
                    }
                }
                () = &mut expired => return Err(not_sent(operation, deadline, cause)),
            }
        }
    }
}

impl Lane {
    /// The connection, if there is one.
    pub(super) fn ready(&self) -> Option<Arc<Link>> {
        match &*self.state.borrow() {
            State::Ready(link) if !link.is_closed() => Some(Arc::clone(link)),
            _ => None,
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Whoever still holds the connection learns that nothing was sent.
        if let Some(link) = self.ready() {
            link.close();
        }
        self.supervisor.abort();
    }
}

/// The failure of a request that found no connection.
pub(super) fn not_sent(
    operation: &OperationName,
    deadline: Deadline,
    cause: Option<Disconnect>,
) -> Error {
    let (operation, failure) = (operation.clone(), Failure::NotSent);
    match cause {
        Some(cause @ Disconnect::Refused { .. }) => Error::Disconnected {
            operation,
            failure: Failure::Failed,
            cause,
        },
        Some(cause) => Error::Disconnected {
            operation,
            failure,
            cause,
        },
        None => Error::Deadline {
            operation,
            failure,
            within: deadline.within,
        },
    }
}

async fn supervise(config: Arc<RemoteConfig>, mut site: Site, state: watch::Sender<State>) {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
    let endpoint = site.to_string();
    let mut attempt = 0;
    let mut last = None;
    loop {
        state.send_replace(State::Connecting { last: last.clone() });
        let started = config.time.monotonic();
        let cause = match connect(&config, &mut site).await {
            Ok((link, driver)) => {
                if last.is_some() {
                    tracing::info!(endpoint, "connected again");
                }
                state.send_replace(State::Ready(Arc::clone(&link)));
                let end = watch_over(&config, &mut site, &link, driver).await;
                link.close();
                tracing::warn!(endpoint, reason = end, "the connection is gone");
                Disconnect::Lost
            }
            Err(cause) => {
                if last.as_ref() != Some(&cause) {
                    tracing::warn!(endpoint, %cause, "cannot connect, trying on");
                }
                cause
            }
        };
        // A connection that lasted is replaced at once; what fails quickly is tried ever more
        // slowly.
        let now = config.time.monotonic();
        attempt = if now.saturating_sub(started) >= LASTED && cause == Disconnect::Lost {
            0
        } else {
            attempt + 1
        };
        if attempt > 0 {
            let until = now.saturating_add(backoff.pause(attempt - 1).max(SHORTEST_PAUSE));
            state.send_replace(State::Waiting {
                until,
                last: cause.clone(),
            });
            // News of where the server is are worth an attempt at once.
            tokio::select! {
                () = config.time.sleep_until(until) => {}
                () = site.moved() => {}
            }
        }
        last = Some(cause);
    }
}

async fn connect(
    config: &RemoteConfig,
    site: &mut Site,
) -> Result<(Arc<Link>, Driver), Disconnect> {
    let connected = async {
        let (endpoint, mut connection, mut driver) = site.connect(config).await?;
        let greeted = greeting::introduce(&mut connection, &mut driver).await?;
        let link = Link::new(endpoint, connection, greeted, config.time.clone());
        Ok((Arc::new(link), driver))
    };
    tokio::select! {
        connected = connected => connected,
        () = config.time.sleep(config.connect_within) => {
            Err(Disconnect::Unreachable("no answer to the greeting".into()))
        }
    }
}

/// Drives the connection until it is of no more use, and says why.
async fn watch_over(
    config: &RemoteConfig,
    site: &mut Site,
    link: &Link,
    mut driver: Driver,
) -> &'static str {
    tokio::select! {
        () = &mut driver => return "closed by the server",
        () = until_unresponsive(config, link) => return "the server does not answer",
        () = link.retired() => {}
        () = site.moved() => {}
    }
    // The server answers well enough: whoever waits for an answer still gets it.
    link.close();
    tokio::select! {
        () = driver => {}
        () = link.drained() => {}
        () = config.time.sleep(config.unresponsive_after) => {}
    }
    "another server is the primary"
}

/// Asks for a sign of life when a request gave up waiting, and now and then when nothing is under
/// way; ends when none comes. TCP alone notices a silent peer after minutes.
async fn until_unresponsive(config: &RemoteConfig, link: &Link) {
    loop {
        let mut suspected = true;
        tokio::select! {
            () = link.suspected() => {}
            () = config.time.sleep(config.ping_every) => suspected = false,
        }
        if !suspected && link.is_busy() {
            // Whoever waits will suspect when its own deadline passes, and not before.
            continue;
        }
        if !answers(config, link).await {
            return;
        }
    }
}

async fn answers(config: &RemoteConfig, link: &Link) -> bool {
    let mut pong = pin!(link.ping());
    loop {
        let replies = link.replies();
        let limit = config.time.sleep(config.unresponsive_after);
        if let Some(answered) = first_of(&mut pong, limit).await {
            return answered;
        }
        // A slow answer is no death as long as others come through.
        if link.replies() == replies {
            return false;
        }
    }
}

async fn first_of<T>(
    wanted: impl Future<Output = T>,
    limit: impl Future<Output = ()>,
) -> Option<T> {
    tokio::select! {
        biased;
        value = wanted => Some(value),
        () = limit => None,
    }
}
