//! Loading: one load of a key at a time in the whole fleet, and nothing old stored after an
//! invalidation.
//!
//! A flight asks for the lease of its key, reads the number of the latest invalidation, runs the
//! loader, and stores what came if the lease is still its own. The order is what keeps the promise:
//! whatever is invalidated after the number was read is above it, and whatever invalidates the key
//! takes the lease away.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join, join_all, join3};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::core::{Core, Tagged};
use super::entry::{Entry, Source};
use super::envelope::{Envelope, MAX_TAGS, fill_of};
use super::error::CacheError;
use super::flight::{Landing, Pilot, Seat};
use super::keys::{Place, TagKey, whole_ms};
use super::loader::{Load, Loader, Notes};
use super::op::{Fill, Filled, Lease, Leased, Release, Renew};
use super::outcome::Outcome;
use super::policy::{MAX_LIFE, OnStoreError};
use super::read::{Found, Raw, Reading};
use super::stamp::Stamp;
use super::token::Token;
use super::wait::Wait;
use crate::store;

/// What a flight is to bring.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) place: Place,
    /// The fill that was found wanting.
    pub(super) seen: Vec<u8>,
    /// That there is nothing is not an answer.
    pub(super) needs_value: bool,
    pub(super) kind: Kind,
}

/// Why there is a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody needs the value.
    Needed,
    /// It will soon expire. If somebody else is at it, all is well.
    Early,
    /// Somebody needs the value and others of the same load. If somebody else is at it, it is to be
    /// left out.
    Together,
    /// It is to be loaded now, whoever is at it.
    Forced,
    /// The store is away.
    WithoutStore,
}

/// The right to store what is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permit {
    pub(super) token: Token,
    /// The latest invalidation before the load.
    pub(super) stamp: Stamp,
}

/// What somebody who will load makes of a reading.
pub(super) enum Look<V> {
    Hit(Found<V>),
    /// There is a load to be ordered; a stale value perhaps.
    Load(Order, Option<Entry<Option<V>>>),
    Fail(CacheError),
}

/// How a flight goes on after asking for the lease.
pub(super) enum Clearance<V> {
    Load(Option<Permit>),
    Land(Landing<V>),
    /// Somebody else loads.
    Busy,
}

/// What was loaded.
pub(super) struct Cargo<V> {
    pub(super) value: Option<V>,
    pub(super) notes: Notes,
    pub(super) cost: Duration,
}

/// What became of what was loaded.
pub(super) struct Kept {
    /// How long it is fresh: zero if it was not stored.
    pub(super) fresh_for: Duration,
    /// Nothing was invalidated from the beginning of the load until it was stored.
    pub(super) undisputed: bool,
}

impl<V: Clone + Send + Sync + 'static> Core<V> {
    /// The stored value, or a loaded one.
    pub(super) async fn get_or_load(
        self: &Arc<Self>,
        place: &Place,
        loader: Loader<V>,
        needs_value: bool,
    ) -> Result<Entry<Option<V>>, CacheError> {
        let mut loader = Some(loader);
        let until = self.until();
        loop {
            let reading = self.read(place).await;
            let (order, stale) = match self.look(place, reading, needs_value) {
                Look::Hit(found) => {
                    if found.is_due(self.policy.early_refresh, self.random.fraction())
                        && let Some(loader) = loader
                    {
                        self.refresh_early(place, loader, found.fill.clone(), needs_value);
                    }
                    return Ok(found.into_entry());
                }
                Look::Load(order, stale) => (order, stale),
                Look::Fail(error) => return Err(error),
            };
            let seat = self.board(order, &mut loader);
            match self.landed(&seat, stale).await {
                Some(Ok(entry)) if entry.value.is_none() && needs_value => {}
                Some(result) => return result,
                None => {}
            }
            self.check_time(until)?;
        }
    }

    /// What a reading means to somebody who will load if need be.
    pub(super) fn look(
        &self,
        place: &Place,
        reading: store::Result<Reading<V>>,
        needs_value: bool,
    ) -> Look<V> {
        let (seen, kind, stale) = match reading {
            Ok(Reading::Found(found)) => {
                let fits = found.value.is_some() || !needs_value;
                if fits && found.is_fresh() {
                    self.count(Outcome::Hit);
                    return Look::Hit(found);
                }
                let seen = found.fill.clone();
                (seen, Kind::Needed, fits.then(|| found.into_entry()))
            }
            Ok(Reading::Miss { seen }) => (seen, Kind::Needed, None),
            Err(error) => match self.policy.on_store_error {
                OnStoreError::Fail => return Look::Fail(error.into()),
                OnStoreError::Load => (Vec::new(), Kind::WithoutStore, None),
            },
        };
        if stale.is_none() {
            self.count(Outcome::Miss);
        }
        let order = Order {
            place: place.clone(),
            seen,
            needs_value,
            kind,
        };
        Look::Load(order, stale)
    }

    /// What a flight brings, or the stale value if that takes too long or fails. Nothing: look
    /// again.
    pub(super) async fn landed(
        &self,
        seat: &Seat<V>,
        stale: Option<Entry<Option<V>>>,
    ) -> Option<Result<Entry<Option<V>>, CacheError>> {
        let Some(stale) = stale else {
            return seat.landed().await;
        };
        let patience = self.policy.stale_after;
        if !patience.is_zero() {
            let landed = tokio::select! {
                biased;
                landed = seat.landed() => Some(landed),
                () = self.store.time().sleep(patience) => None,
            };
            if let Some(landed @ (None | Some(Ok(_)))) = landed {
                return landed;
            }
        }
        self.count(Outcome::Stale);
        Some(Ok(stale))
    }

    /// When to stop looking again.
    pub(super) fn until(&self) -> Duration {
        let now = self.store.time().monotonic();
        now.saturating_add(self.policy.load_timeout)
    }

    pub(super) fn check_time(&self, until: Duration) -> Result<(), CacheError> {
        let within = self.policy.load_timeout;
        match self.store.time().monotonic() < until {
            true => Ok(()),
            false => Err(CacheError::TimedOut { within }),
        }
    }

    /// Boards the flight there is, or starts one with the loader.
    fn board(self: &Arc<Self>, order: Order, loader: &mut Option<Loader<V>>) -> Seat<V> {
        let (seat, pilot) = self.flights.board(&order.place);
        match (pilot, loader.take()) {
            (Some(pilot), Some(own)) => self.fly(pilot, order, own),
            (_, own) => {
                // Only who flies needs a loader, and who has flown has a landing.
                self.count(Outcome::Coalesced);
                *loader = own;
            }
        }
        seat
    }

    fn refresh_early(
        self: &Arc<Self>,
        place: &Place,
        loader: Loader<V>,
        seen: Vec<u8>,
        needs_value: bool,
    ) {
        let (_, Some(pilot)) = self.flights.board(place) else {
            return;
        };
        self.count(Outcome::EarlyRefresh);
        let order = Order {
            place: place.clone(),
            seen,
            needs_value,
            kind: Kind::Early,
        };
        self.fly(pilot, order, loader);
    }

    /// Loads now, whatever is stored and whoever is loading.
    pub(super) async fn refresh(
        self: &Arc<Self>,
        place: &Place,
        loader: Loader<V>,
    ) -> Result<Entry<Option<V>>, CacheError> {
        let (seat, pilot) = self.flights.start_another(place);
        let order = Order {
            place: place.clone(),
            seen: Vec::new(),
            needs_value: false,
            kind: Kind::Forced,
        };
        self.fly(pilot, order, loader);
        // Who started a flight always gets what it brings.
        seat.landed().await.unwrap_or(Err(CacheError::Cancelled))
    }

    /// The flight is a task of its own: whoever waits for it may go away.
    pub(super) fn fly(self: &Arc<Self>, pilot: Pilot<V>, order: Order, loader: Loader<V>) {
        let core = Arc::clone(self);
        let span = tracing::debug_span!("cache.load", cache = &*self.policy.name);
        let flight = async move {
            let landing = core.flight(&pilot, order, loader).await;
            pilot.land(landing);
        };
        tokio::spawn(flight.instrument(span));
    }

    async fn flight(&self, pilot: &Pilot<V>, order: Order, loader: Loader<V>) -> Landing<V> {
        let permit = match self.clearance(pilot, &order).await {
            Clearance::Load(permit) => permit,
            Clearance::Land(landing) => return landing,
            // Good for nobody: whoever boarded looks again.
            Clearance::Busy => {
                return Landing {
                    result: Err(CacheError::Cancelled),
                    good_for: 0,
                };
            }
        };
        let before = pilot.boarded();
        let place = &order.place;
        let held: Vec<(Place, Permit)> = permit
            .map(|permit| (place.clone(), permit))
            .into_iter()
            .collect();
        let load = Load::default();
        let loaded = self.load(&held, load.clone(), |load| {
            let loading = loader(load);
            async move { loading.await.map_err(CacheError::of_loader) }
        });
        let cargo = loaded.await.map(|(value, cost)| Cargo {
            value,
            notes: load.notes(),
            cost,
        });
        self.unload(pilot, before, place, permit, cargo).await
    }

    /// Stores what was loaded, if that is allowed, or gives the lease back. `before` is how many had
    /// boarded when the load began.
    pub(super) async fn unload(
        &self,
        pilot: &Pilot<V>,
        before: u64,
        place: &Place,
        permit: Option<Permit>,
        cargo: Result<Cargo<V>, CacheError>,
    ) -> Landing<V> {
        let cargo = match cargo {
            Ok(cargo) => cargo,
            Err(error) => {
                self.give_back(place, permit, self.policy.error_back_off)
                    .await;
                return failed(error);
            }
        };
        let until_now = pilot.boarded();
        let kept = self.keep(place, permit, &cargo).await;
        Landing {
            result: Ok(Entry {
                value: cargo.value,
                source: Source::Loaded,
                age: Duration::ZERO,
                remaining: kept.fresh_for,
            }),
            good_for: if kept.undisputed { until_now } else { before },
        }
    }

    /// Asks for the lease until it is granted or there is a value.
    pub(super) async fn clearance(&self, pilot: &Pilot<V>, order: &Order) -> Clearance<V> {
        let Order {
            place,
            seen,
            needs_value,
            kind,
        } = order;
        let kind = *kind;
        if kind == Kind::WithoutStore {
            return Clearance::Load(None);
        }
        let time = self.store.time();
        let until = time.monotonic().saturating_add(self.policy.load_timeout);
        let token = Token::draw(&self.random);
        let mut seen = seen.clone();
        let mut wait = Wait::default();
        loop {
            let before = pilot.boarded();
            let lease = self.run(Lease {
                place: place.clone(),
                token,
                lasts_ms: self.policy.lease_ms(),
                seen: seen.clone(),
                by_force: kind == Kind::Forced,
            });
            let (leased, stamps) = join(lease, self.stamps()).await;
            let stamps = match stamps {
                Ok(stamps) => stamps,
                Err(error) => {
                    if matches!(leased, Ok(Leased::Granted)) {
                        let stamp = Stamp::default();
                        let unused = Some(Permit { token, stamp });
                        self.give_back(place, unused, Duration::ZERO).await;
                    }
                    return self.without_store(error);
                }
            };
            let busy_for = match leased {
                Ok(Leased::Granted) => {
                    return Clearance::Load(Some(Permit {
                        token,
                        stamp: stamps.latest,
                    }));
                }
                Ok(Leased::Refilled { left_ms, value }) => {
                    let refilled = fill_of(&value).to_vec();
                    let raw = Raw {
                        left_ms: left_ms.max(0),
                        bytes: Some(value),
                    };
                    let raws = vec![(place, Ok(raw))];
                    let reading = self.judge(raws, Some(stamps.cleared)).await.pop();
                    match reading {
                        Some(Ok(Reading::Found(found)))
                            if found.is_fresh() && (found.value.is_some() || !needs_value) =>
                        {
                            return Clearance::Land(Landing {
                                result: Ok(found.into_entry()),
                                good_for: before,
                            });
                        }
                        Some(Err(error)) => return self.without_store(error),
                        _ => seen = refilled,
                    }
                    None
                }
                Ok(Leased::Busy { .. }) if matches!(kind, Kind::Early | Kind::Together) => {
                    return Clearance::Busy;
                }
                Ok(Leased::HeldOff) if kind == Kind::Early => return Clearance::Busy,
                Ok(Leased::HeldOff) => {
                    self.count(Outcome::HeldOff);
                    return Clearance::Load(None);
                }
                Ok(Leased::BackingOff { left_ms }) => {
                    self.count(Outcome::BackedOff);
                    let retry_after = Duration::from_millis(left_ms.max(0).unsigned_abs());
                    return Clearance::Land(failed(CacheError::BackingOff { retry_after }));
                }
                Ok(Leased::Busy { left_ms }) => {
                    Some(Duration::from_millis(left_ms.max(1).unsigned_abs()))
                }
                Err(error) => return self.without_store(error),
            };
            let patience = until.saturating_sub(time.monotonic());
            if patience.is_zero() {
                self.count(Outcome::LoadTimedOut);
                let within = self.policy.load_timeout;
                return Clearance::Land(failed(CacheError::TimedOut { within }));
            }
            if let Some(left) = busy_for {
                self.wait(&mut wait, place, left.min(patience)).await;
            }
        }
    }

    fn without_store(&self, error: store::Error) -> Clearance<V> {
        match self.policy.on_store_error {
            OnStoreError::Load => Clearance::Load(None),
            OnStoreError::Fail => Clearance::Land(failed(error.into())),
        }
    }

    /// Runs a loader in a task of its own, within the time and the number of loads allowed, and
    /// keeps the leases meanwhile.
    pub(super) async fn load<N, T, F>(
        &self,
        held: &[(Place, Permit)],
        notes: N,
        loader: impl FnOnce(N) -> F + Send + 'static,
    ) -> Result<(T, Duration), CacheError>
    where
        N: Send + 'static,
        T: Send + 'static,
        F: Future<Output = Result<T, CacheError>> + Send + 'static,
    {
        let time = self.store.time();
        let timeout = self.policy.load_timeout;
        let mut began = None;
        let work = async {
            let _turn = self
                .loads
                .acquire()
                .await
                .map_err(|_| CacheError::Cancelled)?;
            began = Some(time.monotonic());
            let loading = async move { loader(notes).await };
            let mut task = Stopping(tokio::spawn(loading.in_current_span()));
            match (&mut task.0).await {
                Ok(loaded) => loaded,
                Err(gone) => Err(match gone.try_into_panic() {
                    Ok(panic) => CacheError::panicked(&*panic),
                    Err(_) => CacheError::Cancelled,
                }),
            }
        };
        let loaded = tokio::select! {
            biased;
            () = time.sleep(timeout) => Err(CacheError::TimedOut { within: timeout }),
            loaded = work => loaded,
            never = self.keep_leases(held) => match never {},
        };
        let loaded = match (loaded, began) {
            (Err(CacheError::TimedOut { .. }), None) => Err(CacheError::Overloaded {
                limit: self.policy.max_concurrent_loads,
            }),
            (loaded, _) => loaded,
        };
        self.count(match &loaded {
            Ok(_) => Outcome::Load,
            Err(CacheError::TimedOut { .. }) => Outcome::LoadTimedOut,
            Err(CacheError::Overloaded { .. }) => Outcome::Overloaded,
            Err(CacheError::Panicked { .. }) => Outcome::LoadPanicked,
            Err(_) => Outcome::LoadFailed,
        });
        let cost = time.monotonic().saturating_sub(began.unwrap_or_default());
        Ok((loaded?, cost))
    }

    /// A lease that is lost stays lost: what is loaded will be fenced.
    async fn keep_leases(&self, held: &[(Place, Permit)]) -> Infallible {
        let mut held = held.to_vec();
        loop {
            self.store.time().sleep(self.policy.lease / 3).await;
            let lasts_ms = self.policy.lease_ms();
            let renewals = held.iter().map(|(place, permit)| {
                self.run(Renew {
                    place: place.clone(),
                    token: permit.token,
                    lasts_ms,
                })
            });
            let mut renewed = join_all(renewals).await.into_iter();
            held.retain(|_| !matches!(renewed.next(), Some(Ok(false))));
        }
    }

    /// Gives a lease back unused. If that fails, it expires.
    pub(super) async fn give_back(
        &self,
        place: &Place,
        permit: Option<Permit>,
        back_off: Duration,
    ) {
        if let Some(Permit { token, .. }) = permit {
            let back_off_ms = whole_ms(back_off);
            let released = self.run(Release {
                place: place.clone(),
                token,
                back_off_ms,
            });
            if let Err(error) = released.await {
                tracing::debug!(%error, "a lease was left to expire");
            }
        }
    }

    /// Stores what was loaded, if that is allowed.
    pub(super) async fn keep(
        &self,
        place: &Place,
        permit: Option<Permit>,
        cargo: &Cargo<V>,
    ) -> Kept {
        let not_kept = Kept {
            fresh_for: Duration::ZERO,
            undisputed: false,
        };
        let Some(held) = permit else {
            return not_kept;
        };
        let ttl = self.ttl(cargo);
        if ttl.is_zero() || cargo.notes.do_not_store {
            self.give_back(place, permit, Duration::ZERO).await;
            return not_kept;
        }
        let (envelope, tags) = match self.pack(held, cargo, ttl) {
            Ok(packed) => packed,
            Err(error) => {
                self.count(Outcome::FillRefused);
                tracing::warn!(cache = &*self.policy.name, %error, "a loaded value was not stored");
                self.give_back(place, permit, Duration::ZERO).await;
                return not_kept;
            }
        };
        let life_ms = whole_ms(ttl).saturating_add(whole_ms(self.grace(cargo)));
        let fill = self.run(Fill {
            place: place.clone(),
            token: held.token,
            envelope,
            life_ms,
            version: cargo.notes.version,
        });
        // An entry that its tags do not allow is a miss, whatever is stored first.
        let tagged = self.validate_tags(&tags, held.stamp, held.token, life_ms);
        let (filled, tagged, cleared) = join3(fill, tagged, self.cleared()).await;
        let undisputed = match (filled, tagged, cleared) {
            (Ok(Filled::Stored), Ok(Tagged::Valid), Ok(Some(cleared)))
                if held.stamp.covers(cleared) =>
            {
                self.count(Outcome::Fill);
                return Kept {
                    fresh_for: ttl,
                    undisputed: true,
                };
            }
            (Ok(Filled::Stored), Ok(_), Ok(_)) => Outcome::FillInvalidated,
            (Ok(Filled::Fenced), ..) => Outcome::FillFenced,
            (Ok(Filled::Older), ..) => Outcome::FillOlder,
            (Err(_), ..) | (_, Err(_), _) | (.., Err(_)) => return not_kept,
        };
        self.count(undisputed);
        not_kept
    }
}

impl<V> Core<V> {
    /// How long it is to be fresh. Chance shortens it, so that what was loaded together does not
    /// expire together.
    fn ttl(&self, cargo: &Cargo<V>) -> Duration {
        let ttl = match (cargo.notes.ttl, &cargo.value) {
            (Some(ttl), _) => ttl.min(MAX_LIFE),
            (None, Some(_)) => self.policy.ttl,
            (None, None) => self.policy.negative_ttl,
        };
        self.jittered(ttl)
    }

    pub(super) fn jittered(&self, ttl: Duration) -> Duration {
        ttl.mul_f64(1.0 - self.policy.jitter * (1.0 - self.random.fraction()))
    }

    /// That there is nothing is not worth serving when it is stale.
    fn grace(&self, cargo: &Cargo<V>) -> Duration {
        match cargo.value {
            Some(_) => self.policy.grace,
            None => Duration::ZERO,
        }
    }

    fn pack(
        &self,
        permit: Permit,
        cargo: &Cargo<V>,
        ttl: Duration,
    ) -> Result<(Bytes, Vec<TagKey>), CacheError> {
        let tags = self.tag_keys(&cargo.notes.tags)?;
        let (payload, compressed) = match &cargo.value {
            Some(value) => self.encode(value)?,
            None => (Vec::new(), false),
        };
        let envelope = Envelope {
            absent: cargo.value.is_none(),
            soft_invalid: false,
            compressed,
            schema: self.policy.schema,
            fill: permit.token.bytes(),
            version: cargo.notes.version,
            stamp: permit.stamp,
            ttl_ms: whole_ms(ttl),
            grace_ms: whole_ms(self.grace(cargo)),
            cost_ms: u32::try_from(cargo.cost.as_millis()).unwrap_or(u32::MAX),
            tags: tags.iter().map(|tag| self.keys.name_of(tag)).collect(),
            payload: &payload,
        };
        let bytes = envelope.to_bytes();
        drop(envelope);
        Ok((bytes.into(), tags))
    }

    /// The keys of tags, each once.
    pub(super) fn tag_keys(
        &self,
        tags: &[super::loader::Parts],
    ) -> Result<Vec<TagKey>, CacheError> {
        let mut keys: Vec<TagKey> = Vec::with_capacity(tags.len());
        for tag in tags {
            let key = self.keys.tag(tag)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        match keys.len() > MAX_TAGS {
            true => Err(CacheError::TooManyTags {
                count: keys.len(),
                limit: MAX_TAGS,
            }),
            false => Ok(keys),
        }
    }
}

fn failed<V>(error: CacheError) -> Landing<V> {
    Landing {
        result: Err(error),
        good_for: u64::MAX,
    }
}

/// A task that ends with whoever waits for it.
struct Stopping<T>(JoinHandle<T>);

impl<T> Drop for Stopping<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
