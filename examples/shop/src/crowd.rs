//! A crowd: many readers who want the same product at the same moment, when nobody has it.

use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::live::Kind;
use crate::products::{Products, ProductsError};

/// As many readers as a crowd may have.
pub const READERS_MAX: u32 = 5_000;

/// What became of a crowd.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Crowd {
    /// How many readers there were.
    pub readers: u32,
    /// How many of them asked the database.
    pub loads: u32,
    /// How many got what another of them had asked for.
    pub waits: u32,
    /// How many found it in the cache.
    pub hits: u32,
    /// How many got a value past its time.
    pub stale: u32,
    /// How many got nothing.
    pub failures: u32,
    /// How long the slowest waited.
    pub slowest_ms: f64,
}

/// Makes a product cold, sends the readers, and waits for all of them.
pub async fn rush(products: &Products, id: u32, readers: u32) -> Result<Crowd, ProductsError> {
    products.invalidate(id).await?;
    let mut tasks = JoinSet::new();
    for _ in 0..readers {
        let products = products.clone();
        tasks.spawn(async move { products.product(id).await });
    }
    let mut crowd = Crowd {
        readers,
        ..Crowd::default()
    };
    let mut slowest = Duration::ZERO;
    while let Some(reader) = tasks.join_next().await {
        let Ok(Ok(seen)) = reader else {
            crowd.failures += 1;
            continue;
        };
        slowest = slowest.max(seen.took);
        *match seen.how {
            Kind::Load => &mut crowd.loads,
            Kind::Wait => &mut crowd.waits,
            Kind::Stale => &mut crowd.stale,
            _ => &mut crowd.hits,
        } += 1;
    }
    crowd.slowest_ms = slowest.as_secs_f64() * 1e3;
    Ok(crowd)
}
