//! Everything the shop asks of its database, in SQL.
//!
//! SQLite is called on threads that may block. Reads take as long as the slider on the live page
//! says, so that a database on this machine behaves like one that is far away and busy.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redstart::store::Time;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use crate::seed;

/// How many products a page of a category shows.
pub const PAGE_SIZE: u32 = 24;

/// A product, as the database has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its number.
    pub id: u32,
    /// The slug of its category.
    pub category: String,
    /// Its name.
    pub name: String,
    /// Some sentences about it.
    pub description: String,
    /// What it costs, in cents.
    pub price_cents: u32,
    /// How many are left.
    pub stock: u32,
}

/// A category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What is in it.
    pub about: String,
    /// How many products it has.
    pub products: u32,
}

/// One page of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryPage {
    /// The category.
    pub category: Category,
    /// Which page this is, from 1.
    pub page: u32,
    /// How many pages there are.
    pub pages: u32,
    /// The products on it.
    pub products: Vec<Product>,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purchase {
    /// It was sold: the product as it is now.
    Sold(Product),
    /// There are not as many left; nothing was sold.
    SoldOut(Product),
    /// There is no such product.
    NoSuchProduct,
}

/// The database could not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("database: {0}")]
pub struct DatabaseError(Arc<str>);

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> DatabaseError {
        DatabaseError(error.to_string().into())
    }
}

/// The shop's database. Clones share it.
#[derive(Clone, Debug)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
    latency_ms: Arc<AtomicU32>,
    time: Time,
}

impl Database {
    /// Opens the database in a file, or one in memory that is gone with the value. A new one is
    /// filled first.
    pub async fn open(file: Option<&Path>, time: Time) -> Result<Database, DatabaseError> {
        let file = file.map(Path::to_owned);
        let connection = blocking(move || {
            let mut connection = match file {
                Some(file) => Connection::open(file)?,
                None => Connection::open_in_memory()?,
            };
            connection.execute_batch(SCHEMA)?;
            fill(&mut connection)?;
            Ok(connection)
        })
        .await?;
        Ok(Database {
            connection: Arc::new(Mutex::new(connection)),
            latency_ms: Arc::new(AtomicU32::new(0)),
            time,
        })
    }

    /// A product by its number.
    pub async fn product(&self, id: u32) -> Result<Option<Product>, DatabaseError> {
        self.be_slow().await;
        self.run(move |connection| find_product(connection, id))
            .await
    }

    /// All categories, by name.
    pub async fn categories(&self) -> Result<Vec<Category>, DatabaseError> {
        self.be_slow().await;
        self.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT slug, name, about, (SELECT count(*) FROM product WHERE category = slug)
                 FROM category ORDER BY name",
            )?;
            let categories = statement.query_map([], category)?;
            categories.collect()
        })
        .await
    }

    /// A page of a category, from 1; `None` where there is none.
    pub async fn category_page(
        &self,
        slug: &str,
        page: u32,
    ) -> Result<Option<CategoryPage>, DatabaseError> {
        self.be_slow().await;
        let slug = slug.to_owned();
        self.run(move |connection| find_category_page(connection, &slug, page))
            .await
    }

    /// Sells some of a product, if there are as many.
    pub async fn buy(&self, id: u32, quantity: u32) -> Result<Purchase, DatabaseError> {
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(product) = find_product(&transaction, id)? else {
                return Ok(Purchase::NoSuchProduct);
            };
            let Some(stock) = product.stock.checked_sub(quantity) else {
                return Ok(Purchase::SoldOut(product));
            };
            transaction.execute(
                "UPDATE product SET stock = ?2 WHERE id = ?1",
                params![id, stock],
            )?;
            transaction.execute(
                "INSERT INTO sale (product, quantity, price_cents) VALUES (?1, ?2, ?3)",
                params![id, quantity, product.price_cents],
            )?;
            transaction.commit()?;
            Ok(Purchase::Sold(Product { stock, ..product }))
        })
        .await
    }

    /// How long every read takes on top of its own time.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(u64::from(self.latency_ms.load(Ordering::Relaxed)))
    }

    /// Makes every read from now on take as much longer.
    pub fn set_latency_ms(&self, latency_ms: u32) {
        self.latency_ms.store(latency_ms, Ordering::Relaxed);
    }

    async fn be_slow(&self) {
        let latency = self.latency();
        if !latency.is_zero() {
            self.time.sleep(latency).await;
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        statements: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || statements(&mut connection.lock())).await
    }
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, DatabaseError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(DatabaseError("the thread that asked it is gone".into())),
    }
}

const SCHEMA: &str = "
    PRAGMA foreign_keys = ON;
    CREATE TABLE IF NOT EXISTS category (
        slug  TEXT PRIMARY KEY,
        name  TEXT NOT NULL,
        about TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS product (
        id          INTEGER PRIMARY KEY,
        category    TEXT NOT NULL REFERENCES category (slug),
        name        TEXT NOT NULL UNIQUE,
        description TEXT NOT NULL,
        price_cents INTEGER NOT NULL CHECK (price_cents > 0),
        stock       INTEGER NOT NULL CHECK (stock >= 0)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS product_by_category ON product (category, id);
    CREATE TABLE IF NOT EXISTS sale (
        id          INTEGER PRIMARY KEY,
        product     INTEGER NOT NULL REFERENCES product (id),
        quantity    INTEGER NOT NULL CHECK (quantity > 0),
        price_cents INTEGER NOT NULL
    ) STRICT;
";

/// Puts the shop's data into a database that has none. All of it or nothing: a second start finds
/// no half-filled shop.
fn fill(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let filled: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM category)", [], |row| {
            row.get(0)
        })?;
    if filled {
        return Ok(());
    }
    for category in seed::categories() {
        transaction.execute(
            "INSERT INTO category (slug, name, about) VALUES (?1, ?2, ?3)",
            params![category.slug, category.name, category.about],
        )?;
    }
    {
        let mut insert = transaction.prepare(
            "INSERT INTO product (category, name, description, price_cents, stock)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for product in seed::products() {
            insert.execute(params![
                product.category,
                product.name,
                product.description,
                product.price_cents,
                product.stock
            ])?;
        }
    }
    transaction.commit()
}

fn find_product(connection: &Connection, id: u32) -> rusqlite::Result<Option<Product>> {
    connection
        .prepare_cached(
            "SELECT id, category, name, description, price_cents, stock FROM product WHERE id = ?1",
        )?
        .query_row([id], product)
        .optional()
}

fn find_category_page(
    connection: &Connection,
    slug: &str,
    page: u32,
) -> rusqlite::Result<Option<CategoryPage>> {
    let found = connection
        .prepare_cached(
            "SELECT slug, name, about, (SELECT count(*) FROM product WHERE category = slug)
             FROM category WHERE slug = ?1",
        )?
        .query_row([slug], category)
        .optional()?;
    let Some(category) = found else {
        return Ok(None);
    };
    let pages = category.products.div_ceil(PAGE_SIZE).max(1);
    if !(1..=pages).contains(&page) {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT id, category, name, description, price_cents, stock FROM product
         WHERE category = ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
    )?;
    let products = statement
        .query_map(params![slug, PAGE_SIZE, (page - 1) * PAGE_SIZE], product)?
        .collect::<rusqlite::Result<Vec<Product>>>()?;
    Ok(Some(CategoryPage {
        category,
        page,
        pages,
        products,
    }))
}

fn product(row: &Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product {
        id: row.get(0)?,
        category: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        price_cents: row.get(4)?,
        stock: row.get(5)?,
    })
}

fn category(row: &Row<'_>) -> rusqlite::Result<Category> {
    Ok(Category {
        slug: row.get(0)?,
        name: row.get(1)?,
        about: row.get(2)?,
        products: row.get(3)?,
    })
}
