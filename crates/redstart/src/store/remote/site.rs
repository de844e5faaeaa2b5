//! Where a lane connects to: one server at a known place, or the primary that sentinels know of.

use std::fmt;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use tokio::sync::watch;

use super::RemoteConfig;
use super::greeting::{self, Dialed, Driver, Login};
use super::sentinel::Sentinels;
use super::subscriber::{Stream, Wire};
use crate::store::error::Disconnect;
use crate::store::url::Endpoint;

/// Each lane has one of its own; it remembers what it was connected to last.
#[derive(Clone, Debug)]
pub(super) enum Site {
    Fixed(Endpoint),
    Primary {
        sentinels: Arc<Sentinels>,
        /// What the sentinels say.
        said: watch::Receiver<Option<Endpoint>>,
        /// Where the lane has been connected to.
        connected: Option<Endpoint>,
    },
}

impl Site {
    pub(super) fn primary(sentinels: Arc<Sentinels>) -> Site {
        Site::Primary {
            said: sentinels.said(),
            sentinels,
            connected: None,
        }
    }

    /// A fresh connection; to a primary, if there is a choice.
    pub(super) async fn connect(
        &mut self,
        config: &RemoteConfig,
    ) -> Result<(Endpoint, MultiplexedConnection, Driver), Disconnect> {
        let login = Login::server(config);
        match self {
            Site::Fixed(endpoint) => {
                let (connection, driver) = greeting::connect(endpoint, login, None).await?;
                Ok((endpoint.clone(), connection, driver))
            }
            Site::Primary {
                sentinels,
                connected,
                ..
            } => {
                let (endpoint, connection, driver) = sentinels.connect_to_primary(login).await?;
                *connected = Some(endpoint.clone());
                Ok((endpoint, connection, driver))
            }
        }
    }

    /// A fresh connection to subscribe over.
    pub(super) async fn connect_subscriber(
        &mut self,
        config: &RemoteConfig,
    ) -> Result<Wire, Disconnect> {
        let endpoint = match self {
            Site::Fixed(endpoint) => endpoint.clone(),
            // The server has to say that it is the primary over a connection that may be asked.
            Site::Primary { .. } => self.connect(config).await?.0,
        };
        let login = Login::server(config);
        let stream: Box<dyn Stream> = match greeting::dial(&endpoint, login).await? {
            Dialed::Tcp(stream) => Box::new(stream),
            Dialed::Tls(stream) => stream,
            #[cfg(unix)]
            Dialed::Unix(stream) => Box::new(stream),
            #[cfg(test)]
            Dialed::Simulated(stream) => Box::new(stream),
        };
        Wire::greet(stream, login).await
    }

    /// Completes when the server is known to be somewhere else than it was connected to last.
    pub(super) async fn moved(&mut self) {
        match self {
            Site::Fixed(_) => std::future::pending().await,
            Site::Primary {
                said, connected, ..
            } => {
                let elsewhere = |said: &Option<Endpoint>| said.is_some() && said != connected;
                if said.wait_for(elsewhere).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Fixed(endpoint) => endpoint.fmt(f),
            Site::Primary { sentinels, .. } => sentinels.fmt(f),
        }
    }
}
