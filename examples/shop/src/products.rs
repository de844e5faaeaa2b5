//! Products and categories: the database, with a cache in front of it. The file to copy from.
//!
//! Two ways to do the same. [`Products::product`] calls the cache by hand, because it wants to know
//! where each value came from. [`Products::category_page`] leaves it to `#[cached]`.
//!
//! Whoever changes something invalidates it after the transaction: [`Products::buy`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::cache::{Cache, CacheError, Outcome, PolicyError, Source};
use redstart::store::codec::Json;

use crate::database::{Category, CategoryPage, Database, DatabaseError, Product, Purchase};
use crate::live::{Kind, Live, Totals};

/// Products and categories. Clones are handles of the same.
#[derive(Clone, Debug)]
pub struct Products {
    database: Database,
    /// By their numbers; where there is none, that is cached too.
    products: Cache<u32, Product>,
    /// By slug and page.
    pages: Cache<(String, u32), CategoryPage>,
    live: Arc<Live>,
}

/// A product, if there is one, and how it came here.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The product.
    pub product: Option<Product>,
    /// From the cache, the database, or somebody else's load.
    pub how: Kind,
    /// How long ago it was stored.
    pub age: Duration,
    /// How long it took to come here.
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProductsError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The cache did, or the database under it.
    #[error("{}", with_source(.0))]
    Cache(#[from] CacheError),
}

impl Products {
    /// Over a database and a store.
    pub fn new(
        store: &Store,
        database: Database,
        live: Arc<Live>,
    ) -> Result<Products, PolicyError> {
        Ok(Products {
            database,
            products: Cache::builder(store, "products", Json)
                .ttl(Duration::from_secs(60))
                // After that minute, an old page now is better than a new one later.
                .grace(Duration::from_secs(600))
                .negative_ttl(Duration::from_secs(10))
                .build()?,
            pages: Cache::builder(store, "pages", Json)
                .ttl(Duration::from_secs(60))
                .grace(Duration::from_secs(600))
                .negative_ttl(Duration::from_secs(10))
                .build()?,
            live,
        })
    }

    /// A product by its number.
    pub async fn product(&self, id: u32) -> Result<Seen, ProductsError> {
        let since = self.live.now();
        let subject = move || format!("product {id}");
        // The loader runs in a task of its own, so it gets handles of its own.
        let (database, live) = (self.database.clone(), Arc::clone(&self.live));
        let asked = Arc::new(AtomicBool::new(false));
        let asking = Arc::clone(&asked);
        let loader = move |load: redstart::cache::Load| async move {
            asking.store(true, Ordering::Relaxed);
            let product = database.product(id).await?;
            if let Some(product) = &product {
                load.tag(("category", product.category.as_str()));
            }
            live.happened(Kind::Load, subject(), since);
            Ok::<_, DatabaseError>(product)
        };

        let entry = match self.products.entry_or_load(&id, loader).await {
            Ok(entry) => entry,
            Err(error) => {
                self.live.happened(Kind::Failure, subject(), since);
                return Err(error.into());
            }
        };
        let how = match entry.source {
            Source::Loaded if asked.load(Ordering::Relaxed) => Kind::Load,
            Source::Loaded => Kind::Wait,
            Source::Stale => Kind::Stale,
            _ => Kind::Hit,
        };
        if how != Kind::Load {
            self.live.happened(how, subject(), since);
        }
        Ok(Seen {
            product: entry.value,
            how,
            age: entry.age,
            took: self.live.now().saturating_sub(since),
        })
    }

    /// A page of a category, from 1. It has the tags of its category and of each product on it.
    #[redstart::cached(cache = self.pages, tags = |page| tags_of(page))]
    pub async fn category_page(
        &self,
        slug: &str,
        page: u32,
    ) -> Result<Option<CategoryPage>, ProductsError> {
        let since = self.live.now();
        let found = self.database.category_page(slug, page).await?;
        self.live
            .happened(Kind::Load, format!("{slug}, page {page}"), since);
        Ok(found)
    }

    /// All categories. They are few and asked for seldom: straight from the database.
    pub async fn categories(&self) -> Result<Vec<Category>, DatabaseError> {
        self.database.categories().await
    }

    /// Sells some of a product, and makes everything invalid that shows how many are left.
    pub async fn buy(&self, id: u32, quantity: u32) -> Result<Purchase, ProductsError> {
        let since = self.live.now();
        let mut products = self.products.after_commit();
        let mut pages = self.pages.after_commit();
        products.key(&id);
        pages.tag(("product", id));

        let purchase = self.database.buy(id, quantity).await?;
        if matches!(purchase, Purchase::Sold(_)) {
            let (products, pages) = tokio::join!(products.apply(), pages.apply());
            // The order stands, whatever became of the cache: what it shows is old for a minute
            // at most.
            match products.and(pages) {
                Ok(()) => self
                    .live
                    .happened(Kind::Invalidation, format!("product {id}"), since),
                Err(error) => {
                    tracing::warn!(%error, "an order was not made known to the cache");
                    self.live
                        .happened(Kind::Failure, format!("invalidating product {id}"), since);
                }
            }
        }
        Ok(purchase)
    }

    /// Makes a product invalid.
    pub async fn invalidate(&self, id: u32) -> Result<(), ProductsError> {
        let since = self.live.now();
        self.products.invalidate(&id).await?;
        self.live
            .happened(Kind::Invalidation, format!("product {id}"), since);
        Ok(())
    }

    /// Makes every product of a category invalid, and every page of it.
    pub async fn invalidate_category(&self, slug: &str) -> Result<(), ProductsError> {
        let since = self.live.now();
        let tag = ("category", slug);
        let (products, pages) = tokio::join!(
            self.products.invalidate_tags([tag]),
            self.pages.invalidate_tags([tag])
        );
        products.and(pages)?;
        self.live
            .happened(Kind::Invalidation, format!("category {slug}"), since);
        Ok(())
    }

    /// What the caches have counted so far.
    pub fn totals(&self) -> Totals {
        let count = |outcomes: &[Outcome]| {
            let of_each = outcomes
                .iter()
                .map(|outcome| self.products.count(*outcome) + self.pages.count(*outcome));
            of_each.sum()
        };
        Totals {
            hits: count(&[Outcome::Hit]),
            loads: count(&[Outcome::Load]),
            waits: count(&[Outcome::Coalesced]),
            stale: count(&[Outcome::Stale]),
            invalidations: count(&[
                Outcome::Invalidation,
                Outcome::TagInvalidation,
                Outcome::Clear,
            ]),
            failures: count(&[
                Outcome::LoadFailed,
                Outcome::LoadPanicked,
                Outcome::LoadTimedOut,
                Outcome::StoreFailed,
            ]),
        }
    }
}

/// A page is to be made anew when its category is, and when a product on it is.
fn tags_of(page: &CategoryPage) -> Vec<(&'static str, String)> {
    let products = page.products.iter();
    let products = products.map(|product| ("product", product.id.to_string()));
    let category = ("category", page.category.slug.clone());
    std::iter::once(category).chain(products).collect()
}

/// What failed, and why.
fn with_source(error: &CacheError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
