//! A shop over HTTP: product pages from SQLite, and Redstart's cache in between.
//!
//! The example to copy from. Each question has its file:
//!
//! | | |
//! | --- | --- |
//! | how is a database put behind the cache? | [`products`] |
//! | what is asked of the database? | [`database`] |
//! | what answers which URL? | [`handlers`] |
//! | what do the pages look like? | [`pages`], and `assets/` |
//! | how does one watch a cache at work? | [`live`], [`crowd`] |
//!
//! `cargo run -p shop` opens it; `cargo run -p shop -- --help` says how else.

pub mod crowd;
pub mod database;
pub mod handlers;
pub mod live;
pub mod pages;
pub mod products;
mod seed;

use std::path::Path;
use std::sync::Arc;

use redstart::Store;
use redstart::cache::PolicyError;
use tokio::sync::Mutex;

use crate::database::{Database, DatabaseError};
use crate::live::Live;
use crate::products::Products;

/// The shop: what every handler has in hand. Clones share it.
#[derive(Clone, Debug)]
pub struct Shop {
    /// What is sold.
    pub products: Products,
    /// Where it comes from.
    pub database: Database,
    /// What happens.
    pub live: Arc<Live>,
    /// Held while there is a crowd: one at a time is enough.
    pub crowd: Arc<Mutex<()>>,
}

/// Why the shop stays closed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A cache cannot be as it is asked for.
    #[error(transparent)]
    Cache(#[from] PolicyError),
}

impl Shop {
    /// Opens the shop over a store, with a database in a file or in memory.
    pub async fn open(store: &Store, file: Option<&Path>) -> Result<Shop, OpenError> {
        let time = store.time().clone();
        let database = Database::open(file, time.clone()).await?;
        let live = Arc::new(Live::new(time));
        Ok(Shop {
            products: Products::new(store, database.clone(), Arc::clone(&live))?,
            database,
            live,
            crowd: Arc::default(),
        })
    }
}
