//! The cache and its verbs.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use super::builder::CacheBuilder;
use super::core::Core;
use super::entry::{Entry, Loaded};
use super::error::CacheError;
use super::keys::{CacheKey, Place};
use super::loader::{BoxError, Load, boxed};
use super::many::{self, Misses};
use super::outcome::Outcome;
use super::read::Reading;
use super::write::{AfterCommit, Invalidate, Put};
use crate::store::codec::Codec;
use crate::store::{KeyError, Store};

/// Values of `V` by keys of `K`. Cheap to clone; clones share loads under way, and all caches of
/// one name on one store share what is stored.
///
/// ```
/// # #[cfg(feature = "embedded")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use redstart::Store;
/// use redstart::cache::Cache;
/// use redstart::store::codec::Plain;
///
/// let store = Store::open("memory:").await?;
/// let names: Cache<u64, String> = Cache::builder(&store, "names", Plain)
///     .ttl(Duration::from_secs(60))
///     .build()?;
///
/// let load = |_| async { Ok::<_, std::io::Error>("ada".to_owned()) };
/// assert_eq!(names.get_or_load(&7, load).await?, "ada"); // from the origin
/// assert_eq!(names.get(&7).await?.as_deref(), Some("ada")); // from the store
///
/// names.invalidate(&7).await?;
/// assert_eq!(names.get(&7).await?, None);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "embedded"))]
/// # fn main() {}
/// ```
pub struct Cache<K: ?Sized, V> {
    core: Arc<Core<V>>,
    keys: PhantomData<fn(&K)>,
}

impl<K: ?Sized, V> Cache<K, V> {
    /// Begins a cache of this name: letters, digits, `_`, `-` and `.`, 64 at most.
    pub fn builder(
        store: &Store,
        name: &str,
        codec: impl Codec<V> + Send + Sync + 'static,
    ) -> CacheBuilder<K, V> {
        CacheBuilder::new(store, name, codec)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.core.policy.name
    }

    /// The store it is on.
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// How often this has happened in this process, to this handle and its clones.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.core.counted(outcome)
    }

    pub(super) fn of(core: Core<V>) -> Cache<K, V> {
        Cache {
            core: Arc::new(core),
            keys: PhantomData,
        }
    }

    /// The same cache, disturbed. Nobody else has a handle of it yet.
    #[cfg(all(test, feature = "embedded"))]
    pub(super) fn disturbed(mut self, chaos: &Arc<super::chaos::Chaos>) -> Cache<K, V> {
        let core = Arc::get_mut(&mut self.core).expect("the only handle");
        core.random = Arc::clone(&chaos.random);
        core.chaos = Some(Arc::clone(chaos));
        self
    }

    pub(super) fn core(&self) -> &Arc<Core<V>> {
        &self.core
    }
}

impl<K, V> Cache<K, V>
where
    K: CacheKey + ?Sized,
    V: Clone + Send + Sync + 'static,
{
    /// The value, if it is there and fresh. One round trip, two if it has tags.
    pub async fn get<Q>(&self, key: &Q) -> Result<Option<V>, CacheError>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
    {
        let place = self.core.keys.place(key)?;
        match self.core.read(&place).await? {
            Reading::Found(found) if found.is_fresh() => {
                self.core.count(Outcome::Hit);
                Ok(found.value)
            }
            Reading::Found(_) | Reading::Miss { .. } => {
                self.core.count(Outcome::Miss);
                Ok(None)
            }
        }
    }

    /// What is stored, stale or fresh, and what is known about it. One round trip, two if it has
    /// tags.
    pub async fn entry<Q>(&self, key: &Q) -> Result<Option<Entry<Option<V>>>, CacheError>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
    {
        let place = self.core.keys.place(key)?;
        Ok(match self.core.read(&place).await? {
            Reading::Found(found) => Some(found.into_entry()),
            Reading::Miss { .. } => None,
        })
    }

    /// The value: the stored one, or what the loader brings.
    ///
    /// However many ask for a key at the same time, in however many processes, one loads; the
    /// others wait for it. The loader runs in a task of its own: whoever waits may go away, and the
    /// load goes on. Its error goes to all who wait, and is not stored.
    ///
    /// The loader returns a value or an `Option` of one; with an `Option`, that there is nothing
    /// can be cached too (see [`negative_ttl`](CacheBuilder::negative_ttl)). Through what it is
    /// handed it can add [tags](Load::tag), a [time to live](Load::ttl) and a
    /// [version](Load::version). A loader must not wait for its own key.
    ///
    /// A hit is one round trip, two if the entry has tags; a miss is two more, one before the load
    /// and one after it.
    pub async fn get_or_load<Q, T, E, F, L>(&self, key: &Q, loader: L) -> Result<T, CacheError>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
        T: Loaded<V>,
        E: Into<BoxError>,
        F: Future<Output = Result<T, E>> + Send + 'static,
        L: FnOnce(Load) -> F + Send + 'static,
    {
        Ok(self.entry_or_load(key, loader).await?.value)
    }

    /// The same as [`get_or_load`](Cache::get_or_load), with what is known about the value.
    pub async fn entry_or_load<Q, T, E, F, L>(
        &self,
        key: &Q,
        loader: L,
    ) -> Result<Entry<T>, CacheError>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
        T: Loaded<V>,
        E: Into<BoxError>,
        F: Future<Output = Result<T, E>> + Send + 'static,
        L: FnOnce(Load) -> F + Send + 'static,
    {
        self.load_at(&self.core.keys.place(key)?, loader).await
    }

    pub(super) async fn load_at<T, E, F, L>(
        &self,
        place: &Place,
        loader: L,
    ) -> Result<Entry<T>, CacheError>
    where
        T: Loaded<V>,
        E: Into<BoxError>,
        F: Future<Output = Result<T, E>> + Send + 'static,
        L: FnOnce(Load) -> F + Send + 'static,
    {
        let needs_value = T::from_stored(None).is_none();
        let entry = self
            .core
            .get_or_load(place, boxed(loader), needs_value)
            .await?;
        typed(entry)
    }

    /// The values of many keys: stored ones, and what the loader brings for all others. One result
    /// for each key, in their order; nothing for what the loader does not bring.
    ///
    /// The loader is called once with all keys that are missing. It is called again, with one key,
    /// only where the load of another process was waited for and came to nothing. If it fails, each
    /// of its keys has its error, or a stale value.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::collections::HashMap;
    /// # use redstart::Store;
    /// # use redstart::cache::{Cache, Misses};
    /// # use redstart::store::codec::Plain;
    /// # let store = Store::open("memory:").await?;
    /// let names: Cache<u64, String> = Cache::builder(&store, "names", Plain).build()?;
    /// let load = |misses: Misses<u64>| async move {
    ///     let names = misses.keys().iter().map(|id| (*id, format!("user {id}")));
    ///     Ok::<_, std::io::Error>(names.collect::<HashMap<_, _>>())
    /// };
    /// let found = names.get_or_load_many(&[1, 2, 3], load).await;
    /// assert_eq!(found[2].as_ref().unwrap().as_deref(), Some("user 3"));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "embedded"))]
    /// # fn main() {}
    /// ```
    ///
    /// As many round trips as for one key; what is missing takes two requests a key before the load
    /// and two after it.
    pub async fn get_or_load_many<E, F, L>(
        &self,
        keys: &[K],
        loader: L,
    ) -> Vec<Result<Option<V>, CacheError>>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        E: Into<BoxError>,
        F: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
        L: Fn(Misses<K>) -> F + Send + Sync + 'static,
    {
        let mut wanted = Vec::with_capacity(keys.len());
        for key in keys {
            wanted.push(self.core.keys.place(key).map(|place| (key.clone(), place)));
        }
        let named: Vec<(K, Place)> = wanted.iter().flatten().cloned().collect();
        let loader = many::boxed(loader);
        let mut found = self
            .core
            .get_or_load_many(&named, &loader)
            .await
            .into_iter();
        let result = |wanted: Result<_, KeyError>| match wanted {
            Ok(_) => found.next().unwrap_or(Err(CacheError::Cancelled)),
            Err(error) => Err(error.into()),
        };
        wanted.into_iter().map(result).collect()
    }

    /// Loads now, whatever is stored and whoever is loading, and stores what the loader brings.
    /// Whoever was loading is fenced.
    pub async fn refresh<Q, T, E, F, L>(&self, key: &Q, loader: L) -> Result<T, CacheError>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
        T: Loaded<V>,
        E: Into<BoxError>,
        F: Future<Output = Result<T, E>> + Send + 'static,
        L: FnOnce(Load) -> F + Send + 'static,
    {
        let place = self.core.keys.place(key)?;
        let entry = self.core.refresh(&place, boxed(loader)).await?;
        Ok(typed(entry)?.value)
    }

    /// Stores a value that is known to be current. Whoever is loading the key is fenced. Awaiting
    /// it returns whether it was stored, which without a version it always is. Two round trips.
    ///
    /// Of two puts that race, the one that reaches the store last stays; where they have versions,
    /// [`put_versioned`](Cache::put_versioned) keeps the newer.
    pub fn put<'c, Q>(&'c self, key: &Q, value: &'c V) -> Put<'c, V>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
    {
        Put::new(&self.core, self.core.keys.place(key), value, None)
    }

    /// Stores a value unless a newer version is stored: awaiting it returns false then. The version
    /// is remembered as long as the entry is there; an invalidation forgets it.
    pub fn put_versioned<'c, Q>(&'c self, key: &Q, value: &'c V, version: u64) -> Put<'c, V>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
    {
        Put::new(&self.core, self.core.keys.place(key), value, Some(version))
    }

    /// Makes the entry invalid. Once this has returned, no load that began before it is visible to
    /// anybody. One round trip.
    pub fn invalidate<Q>(&self, key: &Q) -> Invalidate<'_, V>
    where
        K: Borrow<Q>,
        Q: CacheKey + ?Sized,
    {
        Invalidate::new(&self.core, self.core.keys.place(key))
    }

    /// Makes all entries invalid that have one of these tags, however many there are. Once this has
    /// returned, no load of such an entry that began before it is visible to anybody. Two round
    /// trips. After an error some of the tags may be invalidated.
    pub async fn invalidate_tags<T: CacheKey>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<(), CacheError> {
        let tags = tags.into_iter().map(|tag| self.core.keys.tag(&tag));
        let tags: Result<Vec<_>, _> = tags.collect();
        self.core.invalidate_tags(&tags?).await
    }

    /// Makes all entries invalid, in one step; their memory is given back as they expire. One round
    /// trip.
    pub async fn clear(&self) -> Result<(), CacheError> {
        self.core.clear().await
    }

    /// Takes down what is to be invalidated when a transaction has been committed.
    ///
    /// ```
    /// # async fn example(
    /// #     users: redstart::cache::Cache<u64, String>,
    /// #     commit: impl Future<Output = ()>,
    /// # ) -> Result<(), redstart::cache::CacheError> {
    /// let mut after_commit = users.after_commit();
    /// after_commit.key(&7).tag(("org", 3));
    /// commit.await;
    /// after_commit.apply().await
    /// # }
    /// ```
    pub fn after_commit(&self) -> AfterCommit<'_, K, V> {
        AfterCommit::new(self)
    }
}

/// As the loader's type. Where a value is needed and there is none, whoever loaded was another.
fn typed<V, T: Loaded<V>>(entry: Entry<Option<V>>) -> Result<Entry<T>, CacheError> {
    Ok(Entry {
        value: T::from_stored(entry.value).ok_or(CacheError::Cancelled)?,
        source: entry.source,
        age: entry.age,
        remaining: entry.remaining,
    })
}

impl<K: ?Sized, V> Clone for Cache<K, V> {
    fn clone(&self) -> Cache<K, V> {
        Cache {
            core: Arc::clone(&self.core),
            keys: PhantomData,
        }
    }
}

impl<K: ?Sized, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("policy", &self.core.policy)
            .field("flights", &self.core.flights)
            .finish_non_exhaustive()
    }
}
