//! Loads under way in this process, and who waits for them.
//!
//! Whoever needs a value boards the flight to its key, or starts one. A flight may bring a value
//! that is good for those who board early only: if the entry was invalidated while the loader ran,
//! those who came after the invalidation must not get what was loaded before it. So boarding gives
//! a number, and a landing says up to which number its value is good.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::entry::Entry;
use super::error::CacheError;
use super::keys::Place;

/// All flights of a cache.
pub(super) struct Flights<V> {
    by_place: Arc<Mutex<HashMap<Place, Arc<Flight<V>>>>>,
}

struct Flight<V> {
    boarded: AtomicU64,
    landing: watch::Sender<Option<Landing<V>>>,
}

/// How a flight ends.
#[derive(Clone, Debug)]
pub(super) struct Landing<V> {
    pub(super) result: Result<Entry<Option<V>>, CacheError>,
    /// For how many of those who boarded, in their order.
    pub(super) good_for: u64,
}

/// A place on a flight.
pub(super) struct Seat<V> {
    flight: Arc<Flight<V>>,
    number: u64,
}

/// Who flies. If it goes without having landed, the flight is cancelled.
pub(super) struct Pilot<V> {
    by_place: Arc<Mutex<HashMap<Place, Arc<Flight<V>>>>>,
    place: Place,
    flight: Arc<Flight<V>>,
}

impl<V> Default for Flights<V> {
    fn default() -> Flights<V> {
        Flights {
            by_place: Arc::default(),
        }
    }
}

impl<V> Flights<V> {
    /// Boards the flight there is, or starts one.
    pub(super) fn board(&self, place: &Place) -> (Seat<V>, Option<Pilot<V>>) {
        let mut by_place = self.by_place.lock();
        if let Some(flight) = by_place.get(place) {
            return (Seat::on(flight), None);
        }
        let pilot = self.start(&mut by_place, place);
        (Seat::on(&pilot.flight), Some(pilot))
    }

    /// Starts a flight, and leaves one that is under way to those who are on it.
    pub(super) fn start_another(&self, place: &Place) -> (Seat<V>, Pilot<V>) {
        let pilot = self.start(&mut self.by_place.lock(), place);
        (Seat::on(&pilot.flight), pilot)
    }

    /// Leaves a flight to those who are on it.
    pub(super) fn leave(&self, place: &Place) {
        self.by_place.lock().remove(place);
    }

    fn start(&self, by_place: &mut HashMap<Place, Arc<Flight<V>>>, place: &Place) -> Pilot<V> {
        let flight = Arc::new(Flight {
            boarded: AtomicU64::new(0),
            landing: watch::Sender::new(None),
        });
        by_place.insert(place.clone(), Arc::clone(&flight));
        Pilot {
            by_place: Arc::clone(&self.by_place),
            place: place.clone(),
            flight,
        }
    }
}

impl<V> Seat<V> {
    fn on(flight: &Arc<Flight<V>>) -> Seat<V> {
        Seat {
            number: flight.boarded.fetch_add(1, Ordering::SeqCst),
            flight: Arc::clone(flight),
        }
    }
}

impl<V: Clone> Seat<V> {
    /// Waits for the end. Nothing: what came was not good for this seat, and whoever has it must
    /// look again.
    pub(super) async fn landed(&self) -> Option<Result<Entry<Option<V>>, CacheError>> {
        let mut landing = self.flight.landing.subscribe();
        // The flight is held, so its sender is there.
        let landed = landing.wait_for(Option::is_some).await.ok()?;
        let landed = landed.as_ref()?;
        (self.number < landed.good_for).then(|| landed.result.clone())
    }
}

impl<V> Pilot<V> {
    /// How many have boarded so far: what is read from now on is good for them.
    pub(super) fn boarded(&self) -> u64 {
        self.flight.boarded.load(Ordering::SeqCst)
    }

    pub(super) fn land(self, landing: Landing<V>) {
        self.end(landing);
    }

    fn end(&self, landing: Landing<V>) {
        let mut by_place = self.by_place.lock();
        if by_place
            .get(&self.place)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            by_place.remove(&self.place);
        }
        drop(by_place);
        self.flight.landing.send_if_modified(|landed| {
            let first = landed.is_none();
            landed.get_or_insert(landing);
            first
        });
    }
}

impl<V> Drop for Pilot<V> {
    fn drop(&mut self) {
        self.end(Landing {
            result: Err(CacheError::Cancelled),
            good_for: u64::MAX,
        });
    }
}

impl<V> fmt::Debug for Flights<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flights({} under way)", self.by_place.lock().len())
    }
}
