//! What the shop shows, read through to the database.

use std::sync::Arc;

use crate::database::{Category, CategoryPage, Database, DatabaseError, Product, Purchase};
use crate::live::{Kind, Live};

/// Products and categories, for whoever shows them.
#[derive(Clone, Debug)]
pub struct Products {
    database: Database,
    live: Arc<Live>,
}

impl Products {
    /// Over a database.
    pub fn new(database: Database, live: Arc<Live>) -> Products {
        Products { database, live }
    }

    /// A product by its number.
    pub async fn product(&self, id: u32) -> Result<Option<Product>, DatabaseError> {
        let since = self.live.now();
        let product = self.database.product(id).await?;
        self.live
            .happened(Kind::Load, format!("product {id}"), since);
        Ok(product)
    }

    /// A page of a category, from 1.
    pub async fn category_page(
        &self,
        slug: &str,
        page: u32,
    ) -> Result<Option<CategoryPage>, DatabaseError> {
        let since = self.live.now();
        let found = self.database.category_page(slug, page).await?;
        self.live
            .happened(Kind::Load, format!("category {slug}, page {page}"), since);
        Ok(found)
    }

    /// All categories.
    pub async fn categories(&self) -> Result<Vec<Category>, DatabaseError> {
        self.database.categories().await
    }

    /// Sells some of a product.
    pub async fn buy(&self, id: u32, quantity: u32) -> Result<Purchase, DatabaseError> {
        self.database.buy(id, quantity).await
    }
}
