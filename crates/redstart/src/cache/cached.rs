//! What `#[cached]` expands to. Its traits are there for their messages: they say in the function's
//! words what the compiler would say in the cache's.

use std::borrow::Borrow;
use std::future::Future;

use super::cache::Cache;
use super::entry::Loaded;
use super::error::CacheError;
use super::keys::CacheKey;
use super::loader::{BoxError, Load};

/// Runs a cached function: `load` is its body, `note` what its tags say about a value.
pub async fn cached<K, V, Q, R, F, L, N>(cache: &Cache<K, V>, key: &Q, load: L, note: N) -> R
where
    K: CacheKey + ?Sized,
    V: Clone + Send + Sync + 'static,
    Q: KeyOf<K> + ?Sized,
    R: Returned<Value: Loaded<V>>,
    F: Future<Output = R> + Send + 'static,
    L: FnOnce(Load) -> F + Send + 'static,
    N: FnOnce(&V, &Load) + Send + 'static,
{
    let loader = |handed: Load| {
        let loading = load(handed.clone());
        async move {
            let value = loading.await.into_result()?;
            if let Some(stored) = value.as_stored() {
                note(stored, &handed);
            }
            Ok::<_, R::Error>(value)
        }
    };
    let loaded = match cache.core().keys.place(key) {
        Ok(place) => cache.load_at(&place, loader).await,
        Err(error) => Err(error.into()),
    };
    R::from_result(loaded.map(|entry| entry.value))
}

/// The receiver, for a load that outlives the call.
pub fn clone_of_self<T: ClonedForLoads>(this: &T) -> T {
    this.clone()
}

/// A receiver that loads can have for themselves.
#[diagnostic::on_unimplemented(
    message = "`#[cached]` needs a clone of `self`, and `{Self}` is not `Clone`",
    label = "not `Clone`",
    note = "a load runs in a task of its own and may outlive its caller: derive `Clone` (cheap where \
            the fields are handles such as `Cache`, `Store` or `Arc`), or take `self: &Arc<Self>`"
)]
pub trait ClonedForLoads: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> ClonedForLoads for T {}

/// A key that a cache with keys of `K` takes.
#[diagnostic::on_unimplemented(
    message = "this cache's keys are `{K}`, and the key of this function is `{Self}`",
    label = "not a key of this cache",
    note = "without `key = …` the key is made of all arguments; a format string makes a `String`"
)]
pub trait KeyOf<K: ?Sized>: CacheKey {}

#[diagnostic::do_not_recommend]
impl<K: Borrow<Q> + ?Sized, Q: CacheKey + ?Sized> KeyOf<K> for Q {}

/// What a cached function returns.
#[diagnostic::on_unimplemented(
    message = "a function with `#[cached]` returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "a load can fail on its own account: it may time out, or find no place"
)]
pub trait Returned {
    /// What is cached.
    type Value;
    /// What is not.
    type Error: OfCache;

    /// As a `Result` of the loader's.
    fn into_result(self) -> Result<Self::Value, Self::Error>;

    /// From a `Result` of the cache's.
    fn from_result(result: Result<Self::Value, CacheError>) -> Self;
}

impl<T, E: OfCache> Returned for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Result<T, E> {
        self
    }

    fn from_result(result: Result<T, CacheError>) -> Result<T, E> {
        result.map_err(E::from)
    }
}

/// An error that can say what went wrong with a cache, and that all who wait can be told.
#[diagnostic::on_unimplemented(
    message = "`#[cached]` cannot return errors as `{Self}`",
    label = "not an error that a cache can return",
    note = "it has to be an error (`std::error::Error + Send + Sync + 'static`), because all who wait \
            for a load are told, and `From<redstart::cache::CacheError>`, because a load can fail on \
            its own account; `CacheError` itself and boxed errors are both"
)]
pub trait OfCache: From<CacheError> + Into<BoxError> + 'static {}

#[diagnostic::do_not_recommend]
impl<E: From<CacheError> + Into<BoxError> + 'static> OfCache for E {}
