//! Sentinels: who the primary is, asked before each connection and listened for in between.
//!
//! After <https://redis.io/docs/latest/develop/reference/sentinel-clients/>: any sentinel may be
//! asked, what it says is a hint, and the server itself is asked for its role before it is used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::RemoteConfig;
use super::greeting::{self, Driver, Login};
use crate::store::error::Disconnect;
use crate::store::url::{Endpoint, SentinelTarget};

/// Between questions to the sentinels, for news that were missed.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// The sentinels of a deployment.
#[derive(Debug)]
pub(super) struct Sentinels {
    target: SentinelTarget,
    config: Arc<RemoteConfig>,
    /// One attempt to ask a sentinel.
    within: Duration,
    primary: watch::Sender<Option<Endpoint>>,
}

/// Listens to the sentinels until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    _followers: JoinSet<()>,
}

type Connected = (Endpoint, MultiplexedConnection, Driver);

impl Sentinels {
    pub(super) fn new(target: SentinelTarget, config: &Arc<RemoteConfig>) -> Arc<Sentinels> {
        // All of them can be asked, and the primary connected to, in one attempt.
        let share = u32::try_from(target.sentinels.len()).unwrap_or(u32::MAX);
        Arc::new(Sentinels {
            target,
            config: Arc::clone(config),
            within: config.connect_within / share.saturating_add(1),
            primary: watch::Sender::new(None),
        })
    }

    /// What the sentinels say of the primary's place, as it changes.
    pub(super) fn said(&self) -> watch::Receiver<Option<Endpoint>> {
        self.primary.subscribe()
    }

    /// Follows all of them: the one that led a failover tells it first, the others may take seconds
    /// to hear of it.
    pub(super) fn listen(self: &Arc<Sentinels>) -> Listener {
        let mut followers = JoinSet::new();
        for sentinel in &self.target.sentinels {
            let (sentinels, sentinel) = (Arc::clone(self), sentinel.clone());
            followers.spawn(async move { sentinels.keep_following(&sentinel).await });
        }
        Listener {
            _followers: followers,
        }
    }

    /// A connection to what a sentinel calls the primary and what calls itself so. A sentinel that
    /// was cut off from the others may name a server that is none any more: then another is asked.
    pub(super) async fn connect_to_primary(
        &self,
        login: Login<'_>,
    ) -> Result<Connected, Disconnect> {
        let mut failure = None;
        let mut tried = Vec::new();
        for sentinel in &self.target.sentinels {
            let outcome = match self.ask(sentinel).await {
                Ok(endpoint) if tried.contains(&endpoint) => continue,
                Ok(endpoint) => {
                    tried.push(endpoint.clone());
                    connect_as_primary(endpoint, login).await
                }
                Err(cause) => Err(cause),
            };
            match outcome {
                Ok(connected) => {
                    // The server's own word is worth more than what was heard of it before.
                    self.pass_on(&connected.0);
                    return Ok(connected);
                }
                // Why a server did not let us in tells more than that a sentinel is away.
                Err(cause @ Disconnect::Refused { .. }) => failure = Some(cause),
                Err(cause) => {
                    failure.get_or_insert(cause);
                }
            }
        }
        Err(failure.unwrap_or_else(|| unreachable("no sentinel knows a primary")))
    }

    /// What one sentinel calls the primary.
    async fn ask(&self, sentinel: &Endpoint) -> Result<Endpoint, Disconnect> {
        let asked = async {
            let login = Login::sentinel(&self.target, &self.config);
            let (mut connection, driver) = greeting::connect(sentinel, login, None).await?;
            tokio::select! {
                answer = self.primary_by(&mut connection) => answer,
                () = driver => Err(Disconnect::Lost),
            }
        };
        tokio::select! {
            answer = asked => answer,
            () = self.config.time.sleep(self.within) => Err(unreachable("a sentinel does not answer")),
        }
    }

    async fn primary_by(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<Endpoint, Disconnect> {
        let mut question = redis::cmd("SENTINEL");
        question
            .arg("get-master-addr-by-name")
            .arg(&self.target.service);
        let answer: Option<(String, u16)> = question
            .query_async(connection)
            .await
            .map_err(|error| Disconnect::Unreachable(error.to_string().into()))?;
        match answer {
            Some((host, port)) => Ok(Endpoint::Tcp { host, port }),
            None => Err(Disconnect::Refused {
                code: "ERR".into(),
                text: "the sentinels know no primary of that name".into(),
            }),
        }
    }

    /// Follows a sentinel for ever.
    async fn keep_following(&self, sentinel: &Endpoint) {
        let pause = self.within.min(Duration::from_secs(1));
        loop {
            if let Err(cause) = self.follow(sentinel).await {
                tracing::debug!(%sentinel, %cause, "not following this sentinel");
            }
            self.config.time.sleep(pause).await;
        }
    }

    /// Passes on what a sentinel says, until it says nothing any more.
    async fn follow(&self, sentinel: &Endpoint) -> Result<(), Disconnect> {
        let news = Arc::new(Notify::new());
        let (login, pushed) = (
            Login::sentinel(&self.target, &self.config),
            Some(Arc::clone(&news)),
        );
        let connected = tokio::select! {
            connected = greeting::connect(sentinel, login, pushed) => connected?,
            () = self.config.time.sleep(self.within) => return Err(unreachable("no greeting")),
        };
        let (mut connection, mut driver) = connected;
        let subscribed = tokio::select! {
            subscribed = connection.subscribe("+switch-master") => subscribed,
            () = &mut driver => return Err(Disconnect::Lost),
        };
        subscribed.map_err(|error| Disconnect::Unreachable(error.to_string().into()))?;
        let mut said_before = None;
        loop {
            tokio::select! {
                () = &mut driver => return Err(Disconnect::Lost),
                () = news.notified() => {}
                () = self.config.time.sleep(POLL_EVERY) => {}
            }
            // Asked over a connection of its own: this one carries the subscription.
            let primary = tokio::select! {
                primary = self.ask(sentinel) => primary?,
                () = &mut driver => return Err(Disconnect::Lost),
            };
            // Only what is new: a sentinel that is behind the others repeats itself.
            if said_before.as_ref() != Some(&primary) {
                self.pass_on(&primary);
                said_before = Some(primary);
            }
        }
    }

    fn pass_on(&self, primary: &Endpoint) {
        self.primary.send_if_modified(|said| {
            let changed = said.as_ref() != Some(primary);
            if changed {
                *said = Some(primary.clone());
            }
            changed
        });
    }
}

async fn connect_as_primary(endpoint: Endpoint, login: Login<'_>) -> Result<Connected, Disconnect> {
    let (mut connection, mut driver) = greeting::connect(&endpoint, login, None).await?;
    let question = redis::cmd("ROLE");
    let role = tokio::select! {
        role = connection.send_packed_command(&question) => role,
        () = &mut driver => return Err(Disconnect::Lost),
    };
    match role {
        Ok(redis::Value::Array(role)) if is_primary(&role) => Ok((endpoint, connection, driver)),
        Ok(redis::Value::ServerError(error)) => Err(Disconnect::Refused {
            code: error.code().into(),
            text: error.details().unwrap_or_default().into(),
        }),
        Ok(_) => Err(unreachable("the server is no primary yet, or no more")),
        Err(error) => Err(Disconnect::Unreachable(error.to_string().into())),
    }
}

fn is_primary(role: &[redis::Value]) -> bool {
    match role.first() {
        Some(redis::Value::BulkString(name)) => name == b"master",
        _ => false,
    }
}

fn unreachable(why: &str) -> Disconnect {
    Disconnect::Unreachable(why.into())
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the primary of {}", self.target.service)
    }
}
