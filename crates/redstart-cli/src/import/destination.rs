use std::collections::BTreeMap;
use std::time::Duration;

use redstart::Store;
use redstart_engine::{Client, Value};

use super::Failure;

/// Where imported keys go.
pub(crate) struct Destination {
    kind: Kind,
    /// The database that the commands of a log work on.
    selected: u64,
    /// Whether commands may be left out that the store does not know.
    lenient: bool,
    /// How many were.
    refused: u64,
}

enum Kind {
    /// An engine in this process.
    Embedded(Embedded),
    /// A server.
    Remote(Remote),
}

struct Embedded {
    store: Store,
    client: Client,
    db: u64,
}

struct Remote {
    url: String,
    store: Store,
    /// A store for each database that was met.
    by_db: BTreeMap<u32, Store>,
    /// What was not sent yet, all of one database.
    batch: Vec<Vec<Vec<u8>>>,
    db: u64,
    bytes: usize,
}

/// A command that the store did not carry out.
struct Refusal {
    args: Vec<Vec<u8>>,
    text: String,
}

/// What is sent in one piece.
const BATCH_COMMANDS: usize = 500;
const BATCH_BYTES: usize = 1 << 20;
/// A server that takes longer for such a piece does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

impl Destination {
    pub(crate) async fn open(url: &str, lenient: bool) -> Result<Destination, Failure> {
        let opened = Store::open(url).await;
        let store = opened.map_err(|error| match error.is_unavailable() {
            true => Failure::unreachable(error.to_string()),
            false => Failure::from(error.to_string()),
        })?;
        let kind = match store.engine() {
            Some(engine) => Kind::Embedded(Embedded {
                client: engine.connect_embedded(),
                store,
                db: 0,
            }),
            None => Kind::Remote(Remote {
                url: url.to_owned(),
                store,
                by_db: BTreeMap::new(),
                batch: Vec::new(),
                db: 0,
                bytes: 0,
            }),
        };
        Ok(Destination {
            kind,
            selected: 0,
            lenient,
            refused: 0,
        })
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let store = match &self.kind {
            Kind::Embedded(embedded) => &embedded.store,
            Kind::Remote(remote) => &remote.store,
        };
        store.time().unix_us() / 1_000
    }

    /// How many commands were left out.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// What comes is of another file: its commands begin in database 0.
    pub(crate) fn begin_file(&mut self) {
        self.selected = 0;
    }

    /// Carries out a command of a log, sooner or later.
    pub(crate) async fn carry_out(&mut self, args: Vec<Vec<u8>>) -> Result<(), Failure> {
        match &args[..] {
            [name, db] if name.eq_ignore_ascii_case(b"select") => {
                let db = std::str::from_utf8(db).ok().and_then(|db| db.parse().ok());
                self.selected = db.ok_or_else(|| "a log selects no database".to_owned())?;
                Ok(())
            }
            _ => self.put(self.selected, args).await,
        }
    }

    /// Carries a command out in a database, sooner or later.
    pub(crate) async fn put(&mut self, db: u64, args: Vec<Vec<u8>>) -> Result<(), Failure> {
        let refusals = match &mut self.kind {
            Kind::Embedded(embedded) => embedded.put(db, args)?,
            Kind::Remote(remote) => remote.put(db, args).await?,
        };
        self.judge(refusals)
    }

    /// Returns when everything is where it belongs.
    pub(crate) async fn finish(&mut self) -> Result<(), Failure> {
        let refusals = match &mut self.kind {
            Kind::Embedded(embedded) => {
                // An import that is done must not be lost to a crash a moment later.
                if embedded.store.engine().is_some_and(|it| !it.settle()) {
                    return Err("the store cannot write what it was given".to_owned().into());
                }
                Vec::new()
            }
            Kind::Remote(remote) => remote.send().await?,
        };
        self.judge(refusals)
    }

    fn judge(&mut self, refusals: Vec<Refusal>) -> Result<(), Failure> {
        for Refusal { args, text } in refusals {
            if self.lenient && text.contains("unknown command") {
                self.refused += 1;
                continue;
            }
            let word = |at: usize| args.get(at).map_or(&b""[..], Vec::as_slice).escape_ascii();
            let (name, key) = (word(0), word(1));
            return Err(format!("the store refuses {name} \"{key}\": {text}").into());
        }
        Ok(())
    }
}

impl Embedded {
    fn put(&mut self, db: u64, args: Vec<Vec<u8>>) -> Result<Vec<Refusal>, Failure> {
        if db != self.db {
            if let Some(text) = self.call(&[b"SELECT", db.to_string().as_bytes()]) {
                return Err(format!("database {db}: {text}").into());
            }
            self.db = db;
        }
        let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let refusal = self.call(&words);
        let refusal = refusal.map(|text| Refusal { args, text });
        Ok(refusal.into_iter().collect())
    }

    /// The text of the error, if the reply is one.
    fn call(&mut self, args: &[&[u8]]) -> Option<String> {
        match self.client.call(args) {
            Value::Error(text) => Some(String::from_utf8_lossy(&text).into_owned()),
            _ => None,
        }
    }
}

impl Remote {
    async fn put(&mut self, db: u64, args: Vec<Vec<u8>>) -> Result<Vec<Refusal>, Failure> {
        let is_full = self.batch.len() >= BATCH_COMMANDS || self.bytes >= BATCH_BYTES;
        let refusals = match db != self.db || is_full {
            true => self.send().await?,
            false => Vec::new(),
        };
        self.db = db;
        self.bytes += args.iter().map(Vec::len).sum::<usize>();
        self.batch.push(args);
        Ok(refusals)
    }

    async fn send(&mut self) -> Result<Vec<Refusal>, Failure> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let store = self.database().await?;
        let mut pipeline = store.pipeline().within(PATIENCE);
        for command in &batch {
            pipeline = pipeline.command(command.iter().map(Vec::as_slice));
        }
        let replies = pipeline
            .await
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        let refused = batch.into_iter().zip(replies).filter_map(|(args, reply)| {
            let text = reply.err()?.to_string();
            Some(Refusal { args, text })
        });
        Ok(refused.collect())
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
