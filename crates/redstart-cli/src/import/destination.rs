use std::collections::BTreeMap;
use std::time::Duration;

use redstart::Store;
use redstart_engine::{Client, Value};

use super::Failure;

/// Where imported keys go.
pub(crate) enum Destination {
    /// An engine in this process.
    Embedded(Embedded),
    /// A server.
    Remote(Remote),
}

pub(crate) struct Embedded {
    store: Store,
    client: Client,
    db: u64,
}

pub(crate) struct Remote {
    url: String,
    store: Store,
    /// A store for each database that was met.
    by_db: BTreeMap<u32, Store>,
    /// What was not sent yet, all of one database.
    batch: Vec<Vec<Vec<u8>>>,
    db: u64,
    bytes: usize,
}

/// What is sent in one piece.
const BATCH_COMMANDS: usize = 500;
const BATCH_BYTES: usize = 1 << 20;
/// A server that takes longer for such a piece does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

impl Destination {
    pub(crate) async fn open(url: &str) -> Result<Destination, Failure> {
        let opened = Store::open(url).await;
        let store = opened.map_err(|error| match error.is_unavailable() {
            true => Failure::unreachable(error.to_string()),
            false => Failure::from(error.to_string()),
        })?;
        Ok(match store.engine() {
            Some(engine) => Destination::Embedded(Embedded {
                client: engine.connect_embedded(),
                store,
                db: 0,
            }),
            None => Destination::Remote(Remote {
                url: url.to_owned(),
                store,
                by_db: BTreeMap::new(),
                batch: Vec::new(),
                db: 0,
                bytes: 0,
            }),
        })
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let store = match self {
            Destination::Embedded(embedded) => &embedded.store,
            Destination::Remote(remote) => &remote.store,
        };
        store.time().unix_us() / 1_000
    }

    /// Carries a command out that creates a key, sooner or later.
    pub(crate) async fn put(&mut self, db: u64, args: Vec<Vec<u8>>) -> Result<(), Failure> {
        match self {
            Destination::Embedded(embedded) => embedded.put(db, &args),
            Destination::Remote(remote) => remote.put(db, args).await,
        }
    }

    /// Returns when everything is where it belongs.
    pub(crate) async fn finish(&mut self) -> Result<(), Failure> {
        match self {
            Destination::Embedded(_) => Ok(()),
            Destination::Remote(remote) => remote.send().await,
        }
    }
}

impl Embedded {
    fn put(&mut self, db: u64, args: &[Vec<u8>]) -> Result<(), Failure> {
        if db != self.db {
            self.call(&[b"SELECT", db.to_string().as_bytes()])?;
            self.db = db;
        }
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        self.call(&args)
    }

    fn call(&mut self, args: &[&[u8]]) -> Result<(), Failure> {
        match self.client.call(args) {
            Value::Error(text) => Err(refused(args.get(1), &String::from_utf8_lossy(&text))),
            _ => Ok(()),
        }
    }
}

impl Remote {
    async fn put(&mut self, db: u64, args: Vec<Vec<u8>>) -> Result<(), Failure> {
        let is_full = self.batch.len() >= BATCH_COMMANDS || self.bytes >= BATCH_BYTES;
        if db != self.db || is_full {
            self.send().await?;
        }
        self.db = db;
        self.bytes += args.iter().map(Vec::len).sum::<usize>();
        self.batch.push(args);
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let store = self.database().await?;
        let mut pipeline = store.pipeline().within(PATIENCE);
        for command in &batch {
            pipeline = pipeline.command(command.iter().map(Vec::as_slice));
        }
        let replies = pipeline
            .await
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        for (command, reply) in batch.iter().zip(replies) {
            if let Err(error) = reply {
                let key = command.get(1).map(Vec::as_slice);
                return Err(refused(key.as_ref(), &error.to_string()));
            }
        }
        Ok(())
    }

    /// The store of the database in question.
    async fn database(&mut self) -> Result<Store, Failure> {
        let db = u32::try_from(self.db).map_err(|_| format!("there is no database {}", self.db))?;
        if let Some(store) = self.by_db.get(&db) {
            return Ok(store.clone());
        }
        let opened = Store::builder(&self.url).database(db).open().await;
        let store = opened.map_err(|error| format!("database {db}: {error}"))?;
        self.by_db.insert(db, store.clone());
        Ok(store)
    }
}

fn refused(key: Option<&&[u8]>, text: &str) -> Failure {
    let key = key.copied().unwrap_or_default().escape_ascii();
    Failure::from(format!("the store does not take \"{key}\": {text}"))
}
