//! The loader's side of a load: what it may say about the value it brings.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::entry::Loaded;
use super::keys::CacheKey;
use crate::store::{Argument as _, Arguments};

/// What a loader is handed: it may say more about the value than the cache knows. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Load {
    notes: Arc<Mutex<Notes>>,
}

/// What a loader has said.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) tags: Vec<Parts>,
    pub(super) ttl: Option<Duration>,
    pub(super) version: Option<u64>,
    pub(super) do_not_store: bool,
}

/// The parts of a key, taken down for later.
#[derive(Clone, Debug)]
pub(super) struct Parts(Arguments);

impl Load {
    /// The value is to be invalid as soon as this tag is invalidated, from the beginning of the
    /// load on. Up to [`MAX_TAGS`](super::MAX_TAGS) tags.
    pub fn tag(&self, tag: impl CacheKey) {
        self.notes.lock().tags.push(Parts::of(&tag));
    }

    /// The value is to be fresh for so long, instead of what the cache says.
    pub fn ttl(&self, ttl: Duration) {
        self.notes.lock().ttl = Some(ttl);
    }

    /// The version of the value, such as a row's number. A newer one that is already stored is
    /// kept instead.
    pub fn version(&self, version: u64) {
        self.notes.lock().version = Some(version);
    }

    /// The value is not to be stored.
    pub fn do_not_store(&self) {
        self.notes.lock().do_not_store = true;
    }

    pub(super) fn notes(&self) -> Notes {
        self.notes.lock().clone()
    }
}

impl Parts {
    pub(super) fn of(key: &(impl CacheKey + ?Sized)) -> Parts {
        let mut parts = Arguments::new();
        key.append_parts(&mut parts);
        Parts(parts)
    }
}

impl CacheKey for Parts {
    fn append_parts(&self, parts: &mut Arguments) {
        for part in self.0.iter() {
            part.append_to(parts);
        }
    }
}

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

type Loading<V> = Pin<Box<dyn Future<Output = Result<Option<V>, BoxError>> + Send>>;

/// A loader of any kind.
pub(super) type Loader<V> = Box<dyn FnOnce(Load) -> Loading<V> + Send>;

pub(super) fn boxed<V, T, E, F, L>(loader: L) -> Loader<V>
where
    T: Loaded<V>,
    E: Into<BoxError>,
    F: Future<Output = Result<T, E>> + Send + 'static,
    L: FnOnce(Load) -> F + Send + 'static,
{
    Box::new(move |load| {
        let loading = loader(load);
        Box::pin(async move { loading.await.map(Loaded::into_stored).map_err(Into::into) })
    })
}
