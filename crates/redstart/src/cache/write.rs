//! Writing and invalidating, on their way to the store.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use futures_util::future::join_all;

use super::cache::Cache;
use super::core::Core;
use super::envelope::Envelope;
use super::error::CacheError;
use super::keys::{CacheKey, Place, TagKey, whole_ms};
use super::loader::Parts;
use super::op::{self, Filled, MarkTag, Staleness, Step};
use super::outcome::Outcome;
use super::policy::MAX_LIFE;
use super::token::Token;
use crate::store::{Boxed, KeyError};

/// A value being put; awaiting it puts it.
#[must_use = "a put does nothing unless awaited"]
pub struct Put<'c, V> {
    core: &'c Core<V>,
    place: Result<Place, KeyError>,
    value: &'c V,
    tags: Vec<Parts>,
    ttl: Option<Duration>,
    version: Option<u64>,
}

impl<'c, V> Put<'c, V> {
    pub(super) fn new(
        core: &'c Core<V>,
        place: Result<Place, KeyError>,
        value: &'c V,
        version: Option<u64>,
    ) -> Put<'c, V> {
        Put {
            core,
            place,
            value,
            tags: Vec::new(),
            ttl: None,
            version,
        }
    }

    /// The value is to be invalid as soon as this tag is invalidated.
    pub fn tag(mut self, tag: impl CacheKey) -> Put<'c, V> {
        self.tags.push(Parts::of(&tag));
        self
    }

    /// The value is to be fresh for so long, instead of what the cache says.
    pub fn ttl(mut self, ttl: Duration) -> Put<'c, V> {
        self.ttl = Some(ttl);
        self
    }
}

impl<'c, V: Send + Sync> IntoFuture for Put<'c, V> {
    type Output = Result<bool, CacheError>;
    type IntoFuture = Boxed<'c, Result<bool, CacheError>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<V: Send + Sync> Put<'_, V> {
    async fn run(self) -> Result<bool, CacheError> {
        let Put { core, value, .. } = self;
        let place = self.place?;
        let tags = core.tag_keys(&self.tags)?;
        let (payload, compressed) = core.encode(value)?;
        let ttl = core.jittered(self.ttl.unwrap_or(core.policy.ttl).min(MAX_LIFE));
        let (ttl_ms, grace_ms) = (whole_ms(ttl).max(1), whole_ms(core.policy.grace));
        let life_ms = ttl_ms + grace_ms;
        let token = Token::draw(&core.random);
        let mut stamp = core.stamps().await?.latest;
        let numbers = core.ensure_tags(&tags, stamp, token, life_ms).await?;
        let pending = tags.iter().zip(&numbers);
        let pending = pending.filter_map(|(tag, number)| number.is_none().then_some(tag));
        if numbers.iter().any(Option::is_none) {
            // Nothing has been loaded yet, so a later number is as good.
            let settled = core.settle_tags(pending, token, life_ms).await?;
            stamp = settled.unwrap_or(stamp);
        }
        let envelope = Envelope {
            absent: false,
            soft_invalid: false,
            compressed,
            schema: core.policy.schema,
            fill: token.bytes(),
            version: self.version,
            stamp,
            ttl_ms,
            grace_ms,
            cost_ms: 0,
            tags: tags.iter().map(|tag| core.keys.name_of(tag)).collect(),
            payload: &payload,
        };
        let put = op::Put {
            place: place.clone(),
            envelope: envelope.to_bytes().into(),
            life_ms,
            version: self.version,
        };
        let stored = core.run(put).await? == Filled::Stored;
        core.flights.leave(&place);
        core.count(match stored {
            true => Outcome::Put,
            false => Outcome::PutOlder,
        });
        Ok(stored)
    }
}

impl<V> fmt::Debug for Put<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// An invalidation of one entry; awaiting it invalidates. It returns whether there was an entry.
#[must_use = "an invalidation does nothing unless awaited"]
pub struct Invalidate<'c, V> {
    core: &'c Core<V>,
    place: Result<Place, KeyError>,
    staleness: Staleness,
    hold_off: Duration,
}

impl<'c, V> Invalidate<'c, V> {
    pub(super) fn new(core: &'c Core<V>, place: Result<Place, KeyError>) -> Invalidate<'c, V> {
        Invalidate {
            core,
            place,
            staleness: Staleness::Hard,
            hold_off: Duration::ZERO,
        }
    }

    /// Keeps the value as a stale one, for callers who accept such within the grace of the cache.
    pub fn soft(mut self) -> Invalidate<'c, V> {
        self.staleness = Staleness::Soft;
        self
    }

    /// For so long nothing that is loaded is stored: for origins whose replicas take a moment to
    /// learn of a change. Callers still get what their loaders bring.
    pub fn hold_off(mut self, hold_off: Duration) -> Invalidate<'c, V> {
        self.hold_off = hold_off;
        self
    }
}

impl<'c, V: Send + Sync> IntoFuture for Invalidate<'c, V> {
    type Output = Result<bool, CacheError>;
    type IntoFuture = Boxed<'c, Result<bool, CacheError>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let place = self.place?;
            self.core
                .invalidate(&place, self.staleness, self.hold_off)
                .await
        })
    }
}

impl<V> fmt::Debug for Invalidate<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidate")
            .field("staleness", &self.staleness)
            .field("hold_off", &self.hold_off)
            .finish_non_exhaustive()
    }
}

impl<V> Core<V> {
    async fn invalidate(
        &self,
        place: &Place,
        staleness: Staleness,
        hold_off: Duration,
    ) -> Result<bool, CacheError> {
        let invalidate = op::Invalidate {
            place: place.clone(),
            staleness,
            hold_off_ms: whole_ms(hold_off),
        };
        let found = self.run_replicated(invalidate).await;
        self.flights.leave(place);
        let found = found?;
        self.count(Outcome::Invalidation);
        Ok(found)
    }

    pub(super) async fn invalidate_tags(&self, tags: &[TagKey]) -> Result<(), CacheError> {
        if tags.is_empty() {
            return Ok(());
        }
        let tick = self.take_stamp(Step::Tick);
        let stamp = self.run_replicated(tick).await?.latest;
        let marks = tags.iter().map(|tag| {
            let tag = tag.clone();
            self.run_replicated(MarkTag { tag, stamp })
        });
        for marked in join_all(marks).await {
            marked?;
            self.count(Outcome::TagInvalidation);
        }
        Ok(())
    }

    pub(super) async fn clear(&self) -> Result<(), CacheError> {
        self.run_replicated(self.take_stamp(Step::Clear)).await?;
        self.count(Outcome::Clear);
        Ok(())
    }
}

/// What is to be invalidated once a transaction of the database has been committed. Taken down
/// while the transaction goes on, applied after it.
///
/// If the transaction is rolled back, drop it.
#[must_use = "nothing is invalidated unless the batch is applied after the commit"]
pub struct AfterCommit<'c, K: ?Sized, V> {
    cache: &'c Cache<K, V>,
    places: Result<Vec<Place>, KeyError>,
    tags: Vec<Parts>,
    all: bool,
}

impl<'c, K: CacheKey + ?Sized, V: Send + Sync> AfterCommit<'c, K, V> {
    pub(super) fn new(cache: &'c Cache<K, V>) -> AfterCommit<'c, K, V> {
        AfterCommit {
            cache,
            places: Ok(Vec::new()),
            tags: Vec::new(),
            all: false,
        }
    }

    /// And this entry.
    pub fn key<Q>(&mut self, key: &Q) -> &mut AfterCommit<'c, K, V>
    where
        K: std::borrow::Borrow<Q>,
        Q: CacheKey + ?Sized,
    {
        if let Ok(places) = &mut self.places {
            match self.cache.core().keys.place(key) {
                Ok(place) => places.push(place),
                Err(error) => self.places = Err(error),
            }
        }
        self
    }

    /// And whatever has this tag.
    pub fn tag(&mut self, tag: impl CacheKey) -> &mut AfterCommit<'c, K, V> {
        self.tags.push(Parts::of(&tag));
        self
    }

    /// And everything.
    pub fn all(&mut self) -> &mut AfterCommit<'c, K, V> {
        self.all = true;
        self
    }

    /// Invalidates all of it, each part by itself and all at the same time. After an error, what
    /// was not invalidated is unknown: repeat it, or clear the cache.
    pub async fn apply(self) -> Result<(), CacheError> {
        let core = self.cache.core();
        let places = self.places?;
        let mut tags = Vec::with_capacity(self.tags.len());
        for tag in &self.tags {
            tags.push(core.keys.tag(tag)?);
        }
        let keys = places
            .iter()
            .map(|place| core.invalidate(place, Staleness::Hard, Duration::ZERO));
        let clear = async {
            match self.all {
                true => core.clear().await,
                false => Ok(()),
            }
        };
        let (keys, tags, all) =
            futures_util::future::join3(join_all(keys), core.invalidate_tags(&tags), clear).await;
        for key in keys {
            key?;
        }
        tags.and(all)
    }
}

impl<K: ?Sized, V> fmt::Debug for AfterCommit<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterCommit")
            .field("keys", &self.places.as_ref().map(Vec::len))
            .field("tags", &self.tags.len())
            .field("all", &self.all)
            .finish_non_exhaustive()
    }
}
