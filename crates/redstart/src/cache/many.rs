//! Many keys at once: what is missing is loaded together.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use tracing::Instrument as _;

use super::core::Core;
use super::error::CacheError;
use super::flight::Pilot;
use super::keys::Place;
use super::load::{Cargo, Clearance, Kind, Look, Order, Permit};
use super::loader::{BoxError, Load, Loader};
use super::outcome::Outcome;

/// Places read in one pipeline.
const READ_TOGETHER: usize = 5_000;

/// Steps under way at the same time for one call.
const AT_A_TIME: usize = 128;

/// What a loader of many keys is handed: the keys that are missing. Cheap to clone.
#[derive(Debug)]
pub struct Misses<K> {
    keys: Arc<[K]>,
    loads: Arc<HashMap<K, Load>>,
}

impl<K: Clone + Eq + Hash> Misses<K> {
    fn new(keys: Vec<K>) -> Misses<K> {
        let load = |key: &K| (key.clone(), Load::default());
        Misses {
            loads: Arc::new(keys.iter().map(load).collect()),
            keys: keys.into(),
        }
    }
}

impl<K: Eq + Hash> Misses<K> {
    /// The keys that are missing, each once.
    pub fn keys(&self) -> &[K] {
        &self.keys
    }

    /// To say more about the value of a key: tags, a time to live, a version. Of a key that is not
    /// missing it says nothing.
    pub fn load(&self, key: &K) -> Load {
        self.loads.get(key).cloned().unwrap_or_default()
    }
}

impl<K> Clone for Misses<K> {
    fn clone(&self) -> Misses<K> {
        Misses {
            keys: Arc::clone(&self.keys),
            loads: Arc::clone(&self.loads),
        }
    }
}

type LoadingMany<K, V> = Pin<Box<dyn Future<Output = Result<HashMap<K, V>, BoxError>> + Send>>;

/// A loader of many keys, of any kind.
pub(super) type LoaderOfMany<K, V> = Arc<dyn Fn(Misses<K>) -> LoadingMany<K, V> + Send + Sync>;

pub(super) fn boxed<K, V, E, F, L>(loader: L) -> LoaderOfMany<K, V>
where
    E: Into<BoxError>,
    F: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    L: Fn(Misses<K>) -> F + Send + Sync + 'static,
{
    Arc::new(move |misses| {
        let loading = loader(misses);
        Box::pin(async move { loading.await.map_err(Into::into) })
    })
}

/// A key that this process is to load.
struct Ours<K, V> {
    key: K,
    pilot: Pilot<V>,
    order: Order,
}

/// One of those, once it is clear that it may be loaded.
struct Cleared<K, V> {
    key: K,
    pilot: Pilot<V>,
    place: Place,
    permit: Option<Permit>,
    before: u64,
}

impl<V: Clone + Send + Sync + 'static> Core<V> {
    /// One result for each key, in their order.
    pub(super) async fn get_or_load_many<K>(
        self: &Arc<Self>,
        wanted: &[(K, Place)],
        loader: &LoaderOfMany<K, V>,
    ) -> Vec<Result<Option<V>, CacheError>>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
    {
        let mut results: Vec<_> = wanted.iter().map(|_| Err(CacheError::Cancelled)).collect();
        let mut open: Vec<usize> = (0..wanted.len()).collect();
        let until = self.until();
        while !open.is_empty() {
            let mut seats = Vec::new();
            let mut ours = Vec::new();
            for some in open.chunks(READ_TOGETHER) {
                let places: Vec<&Place> = some.iter().map(|index| &wanted[*index].1).collect();
                let readings = match self.read_all(&places).await {
                    Ok(readings) => readings,
                    Err(error) => some.iter().map(|_| Err(error.clone())).collect(),
                };
                for (&index, reading) in some.iter().zip(readings) {
                    let (key, place) = &wanted[index];
                    match self.look(place, reading, false) {
                        Look::Hit(found) => results[index] = Ok(found.value),
                        Look::Fail(error) => results[index] = Err(error),
                        Look::Load(order, stale) => {
                            let (seat, pilot) = self.flights.board(&order.place);
                            match pilot {
                                Some(pilot) => {
                                    let key = key.clone();
                                    ours.push(Ours { key, pilot, order });
                                }
                                None => self.count(Outcome::Coalesced),
                            }
                            seats.push((index, seat, stale));
                        }
                    }
                }
            }
            if !ours.is_empty() {
                self.fly_together(ours, Arc::clone(loader));
            }
            let landings = seats.into_iter().map(async |(index, seat, stale)| {
                let landed = self.landed(&seat, stale).await;
                (index, landed)
            });
            open.clear();
            for (index, landed) in join_all(landings).await {
                match (landed, self.check_time(until)) {
                    (Some(result), _) => results[index] = result.map(|entry| entry.value),
                    (None, Ok(())) => open.push(index),
                    (None, Err(error)) => results[index] = Err(error),
                }
            }
        }
        results
    }

    /// One task for all of them. Keys that another process is loading leave it, each for a flight
    /// of its own.
    fn fly_together<K>(self: &Arc<Self>, ours: Vec<Ours<K, V>>, loader: LoaderOfMany<K, V>)
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
    {
        let core = Arc::clone(self);
        let span = tracing::debug_span!("cache.load_many", cache = &*self.policy.name);
        let flight = async move {
            let cleared = core.clear_together(ours, &loader).await;
            if !cleared.is_empty() {
                core.load_together(cleared, loader).await;
            }
        };
        tokio::spawn(flight.instrument(span));
    }

    async fn clear_together<K>(
        self: &Arc<Self>,
        ours: Vec<Ours<K, V>>,
        loader: &LoaderOfMany<K, V>,
    ) -> Vec<Cleared<K, V>>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
    {
        let clearances = ours.into_iter().map(
            |Ours {
                 key,
                 pilot,
                 mut order,
             }| async move {
                if order.kind == Kind::Needed {
                    order.kind = Kind::Together;
                }
                let clearance = self.clearance(&pilot, &order).await;
                (key, pilot, order, clearance)
            },
        );
        let mut clearances = stream::iter(clearances).buffered(AT_A_TIME);
        let mut cleared = Vec::new();
        while let Some((key, pilot, order, clearance)) = clearances.next().await {
            match clearance {
                Clearance::Load(permit) => cleared.push(Cleared {
                    key,
                    before: 0,
                    pilot,
                    place: order.place,
                    permit,
                }),
                Clearance::Land(landing) => pilot.land(landing),
                Clearance::Busy => {
                    let kind = Kind::Needed;
                    self.fly(pilot, Order { kind, ..order }, alone(key, loader));
                }
            }
        }
        cleared
    }

    async fn load_together<K>(
        self: &Arc<Self>,
        mut cleared: Vec<Cleared<K, V>>,
        loader: LoaderOfMany<K, V>,
    ) where
        K: Clone + Eq + Hash + Send + Sync + 'static,
    {
        let mut held = Vec::new();
        let mut keys = Vec::new();
        for one in &mut cleared {
            one.before = one.pilot.boarded();
            keys.push(one.key.clone());
            held.extend(one.permit.map(|permit| (one.place.clone(), permit)));
        }
        let misses = Misses::new(keys);
        let loaded = self.load(&held, misses.clone(), move |misses| {
            let loading = loader(misses);
            async move { loading.await.map_err(CacheError::of_loader) }
        });
        let mut loaded = loaded.await;
        let mut ends = Vec::new();
        for one in cleared {
            let cargo = match &mut loaded {
                Ok((values, cost)) => Ok(Cargo {
                    value: values.remove(&one.key),
                    notes: misses.load(&one.key).notes(),
                    cost: *cost,
                }),
                Err(error) => Err(error.clone()),
            };
            ends.push(async move {
                let (place, permit) = (&one.place, one.permit);
                let landing = self
                    .unload(&one.pilot, one.before, place, permit, cargo)
                    .await;
                one.pilot.land(landing);
            });
        }
        stream::iter(ends)
            .buffer_unordered(AT_A_TIME)
            .collect::<()>()
            .await;
    }
}

/// A load of one of the keys.
fn alone<K, V>(key: K, loader: &LoaderOfMany<K, V>) -> Loader<V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + 'static,
{
    let loader = Arc::clone(loader);
    Box::new(move |load| {
        let misses = Misses {
            keys: [key.clone()].into(),
            loads: Arc::new(HashMap::from([(key.clone(), load)])),
        };
        let loading = loader(misses);
        Box::pin(async move { Ok(loading.await?.remove(&key)) })
    })
}
