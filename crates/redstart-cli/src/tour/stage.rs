//! What the tour runs on.

use std::time::Duration;

use redstart::Store;
use redstart::store::Error;
use redstart_engine::Engine;
use redstart_engine::server::{Address, Server};
use tokio::task::JoinHandle;

/// What all keys of the tour start with.
const NAMESPACE: &str = "redstart-tour";

/// A store, and the same data over a connection.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The store the tour was asked to run on: embedded, unless it was told otherwise.
    pub(super) store: Store,
    /// The same data over the wire, where each command is a round trip, as it is in production:
    /// the races between processes are run here.
    pub(super) wire: Store,
    /// The embedded engine, if the store is one.
    pub(super) engine: Option<Engine>,
    serving: Option<JoinHandle<()>>,
}

impl Stage {
    /// Opens a store, and a port in front of it when it is an embedded one.
    pub(crate) async fn open(url: &str) -> Result<Stage, Error> {
        let store = Store::builder(url).namespace(NAMESPACE).open().await?;
        let engine = store.engine().cloned();
        let Some(embedded) = &engine else {
            let wire = store.clone();
            return Ok(Stage {
                store,
                wire,
                engine,
                serving: None,
            });
        };
        let failed = |_| Error::Config("no port on the loopback interface could be opened");
        let any = ([127, 0, 0, 1], 0).into();
        let server = Server::builder(embedded.clone())
            .tcp(any)
            .listen()
            .await
            .map_err(failed)?;
        let port = server.addresses().iter().find_map(|address| match address {
            Address::Tcp(address) => Some(address.port()),
            _ => None,
        });
        let serving = Some(tokio::spawn(server.serve(std::future::pending())));
        let wire = format!("redis://127.0.0.1:{}", port.unwrap_or_default());
        let wire = Store::builder(&wire).namespace(NAMESPACE).open().await?;
        Ok(Stage {
            store,
            wire,
            engine,
            serving,
        })
    }

    /// Time since some fixed moment.
    pub(super) fn now(&self) -> Duration {
        self.store.time().monotonic()
    }

    /// A key of the tour's own. The braces keep all of a stop's keys in one slot of a cluster.
    pub(super) fn key(&self, stop: &str, name: &str) -> String {
        format!("{NAMESPACE}:{{{stop}}}:{name}")
    }

    /// Where this is.
    pub(crate) fn describe(&self) -> String {
        match self.engine {
            Some(_) => "On the engine inside this process; races go through a port of it.".into(),
            None => format!("On {}, under the keys {NAMESPACE}:*", self.store.url()),
        }
    }

    /// Removes what the tour has left on a store that outlives it.
    pub(crate) async fn clear(&self) {
        if self.engine.is_some() {
            return;
        }
        let keys = super::KEYS.iter().map(|(stop, name)| self.key(stop, name));
        // The numbers by which a cache tells what is older than an invalidation.
        let numbers = ["latest", "cleared"]
            .map(|number| format!("{NAMESPACE}:cache:v1:{{{}}}:{number}", super::CACHE));
        for key in keys.chain(numbers) {
            // What remains has a time to live or is small; the tour's result stands either way.
            let _ = self.store.command(["UNLINK", &key]).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}
