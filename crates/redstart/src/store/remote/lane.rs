//! A lane: one place for a connection to a node, kept filled by a supervisor.
//!
//! The supervisor connects, drives the connection, watches whether the other side still answers,
//! and connects again, for as long as the lane exists. Requests never connect: they wait for the
//! lane to be ready, as long as their own deadline allows, and as long as its
//! [breaker](super::breaker) sees hope: a server that hangs costs its callers no time.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::RemoteConfig;
use super::breaker::{Breaker, Outlook};
use super::greeting::{self, Driver};
use super::link::Link;
use super::site::Site;
use crate::store::error::{Disconnect, Error, Failure, OperationName, Result};
use crate::store::replay::Deadline;

/// Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Lane {
    state: watch::Receiver<State>,
    config: Arc<RemoteConfig>,
    supervisor: JoinHandle<()>,
}

#[derive(Clone, Debug)]
enum State {
    Absent(Outlook),
    Ready(Arc<Link>),
}

/// Tells all lanes to a server that somebody doubts it, so that each looks whether its connection
/// still answers.
pub(super) type Alarm = watch::Sender<()>;

impl Lane {
    pub(super) fn open(config: Arc<RemoteConfig>, site: Site, alarm: &Alarm) -> Lane {
        let breaker = Breaker::new(&config.random);
        let outlook = Outlook::Hope {
            next: config.time.monotonic(),
            last: None,
        };
        let (sender, state) = watch::channel(State::Absent(outlook));
        let supervisor = Supervisor {
            config: Arc::clone(&config),
            site,
            breaker,
            state: sender,
            alarm: alarm.clone(),
            alarmed: alarm.subscribe(),
        };
        Lane {
            state,
            config,
            supervisor: tokio::spawn(supervisor.supervise()),
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
                State::Absent(outlook) => {
                    let cause = outlook.cause().cloned();
                    if !outlook.is_worth_waiting(deadline.at) {
                        return Err(not_sent(operation, deadline, cause));
                    }
                    cause
                }
            };
            tokio::select! {
                biased;
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

/// What keeps a lane filled.
struct Supervisor {
    config: Arc<RemoteConfig>,
    site: Site,
    breaker: Breaker,
    state: watch::Sender<State>,
    alarm: Alarm,
    alarmed: watch::Receiver<()>,
}

impl Supervisor {
    async fn supervise(mut self) {
        let time = self.config.time.clone();
        let endpoint = self.site.to_string();
        loop {
            let outlook = self.breaker.begins(time.monotonic());
            self.state.send_replace(State::Absent(outlook));
            let cause = match connect(&self.config, &mut self.site).await {
                Ok((link, driver)) => {
                    if self.breaker.last().is_some() {
                        tracing::info!(endpoint, "connected again");
                    }
                    self.state.send_replace(State::Ready(Arc::clone(&link)));
                    let (reason, cause) = self.watch_over(&link, driver).await;
                    link.close();
                    tracing::warn!(endpoint, reason, "the connection is gone");
                    cause
                }
                Err(cause) => {
                    if self.breaker.last() != Some(&cause) {
                        tracing::warn!(endpoint, %cause, "cannot connect, trying on");
                    }
                    cause
                }
            };
            let (outlook, next) = self.breaker.ended(time.monotonic(), cause);
            if let Some(next) = next {
                self.state.send_replace(State::Absent(outlook));
                // News of where the server is are worth an attempt at once.
                tokio::select! {
                    biased;
                    () = time.sleep_until(next) => {}
                    () = self.site.moved() => {}
                }
            }
        }
    }

    /// Drives the connection until it is of no more use, and says why.
    async fn watch_over(&mut self, link: &Link, mut driver: Driver) -> (&'static str, Disconnect) {
        let (config, alarm) = (&self.config, &self.alarm);
        tokio::select! {
            biased;
            () = &mut driver => return ("closed by the server", Disconnect::Lost),
            () = until_silent(config, link, alarm, &mut self.alarmed) => {
                return ("the server does not answer", Disconnect::Silent);
            }
            () = link.retired() => {}
            () = self.site.moved() => {}
        }
        // The server answers well enough: whoever waits for an answer still gets it.
        link.close();
        tokio::select! {
            biased;
            () = driver => {}
            () = link.drained() => {}
            () = config.time.sleep(config.unresponsive_after) => {}
        }
        ("another server is the primary", Disconnect::Lost)
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
        biased;
        connected = connected => connected,
        () = config.time.sleep(config.connect_within) => {
            Err(Disconnect::Silent)
        }
    }
}

/// Asks for a sign of life when a request gave up waiting, here or on another lane to the server,
/// and now and then when nothing is under way; ends when none comes. TCP alone notices a silent peer
/// after minutes.
async fn until_silent(
    config: &RemoteConfig,
    link: &Link,
    alarm: &Alarm,
    alarmed: &mut watch::Receiver<()>,
) {
    alarmed.mark_unchanged();
    loop {
        let mut suspected = true;
        tokio::select! {
            biased;
            () = link.suspected() => {
                alarm.send_replace(());
                alarmed.mark_unchanged();
            }
            // The lane holds a sender, so this does not fail.
            _ = alarmed.changed() => {}
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
