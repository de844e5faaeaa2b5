//! Every connection, as far as others may look into it.
//!
//! Idle peers and peers that read too slowly are found by one sweep a second over this list, so
//! that a connection needs no timer of its own and the path of a command no clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::wakeup::Wakeup;
use crate::shim::Mutex;
use crate::state::Outbox;
use crate::state::connections::ConnectionLimits;

/// All connections of a server.
#[derive(Debug, Default)]
pub(super) struct Roster {
    places: Mutex<HashMap<u64, Arc<Place>>>,
    /// Peers that were let in, which comes before they are entered.
    seats: Arc<AtomicUsize>,
    /// Sweeps so far: about seconds.
    second: Arc<AtomicU32>,
    /// The server shuts down: whoever still comes in is to finish at once.
    draining: AtomicBool,
}

/// A seat that a peer has taken, for as long as this value lives.
#[derive(Debug)]
pub(super) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection's place. Written by its own task, read by the sweep.
#[derive(Debug)]
pub(super) struct Place {
    outbox: Outbox,
    /// Bytes taken from the outbox and not yet accepted by the operating system.
    unsent: AtomicUsize,
    subscriber: AtomicBool,
    /// The server shuts down.
    draining: AtomicBool,
    wakeup: Arc<Wakeup>,
    second: Arc<AtomicU32>,
    active: AtomicU32,
    /// Since when the soft limit has been passed, plus one; zero for not.
    slow_since: AtomicU32,
}

impl Roster {
    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.places.lock().len()
    }

    /// A seat for one more peer, unless there are `max` already.
    pub(super) fn take_seat(&self, max: usize) -> Option<Seat> {
        let one_more = |taken| (taken < max).then_some(taken + 1);
        let taken = self
            .seats
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Seat(Arc::clone(&self.seats)))
    }

    /// Enters a connection. It must leave by the same id.
    pub(super) fn enter(&self, id: u64, outbox: Outbox, wakeup: Arc<Wakeup>) -> Arc<Place> {
        let place = Arc::new(Place {
            outbox,
            unsent: AtomicUsize::new(0),
            subscriber: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            wakeup,
            active: AtomicU32::new(self.second.load(Ordering::Relaxed)),
            second: Arc::clone(&self.second),
            slow_since: AtomicU32::new(0),
        });
        let mut places = self.places.lock();
        place
            .draining
            .store(self.draining.load(Ordering::Relaxed), Ordering::Relaxed);
        places.insert(id, Arc::clone(&place));
        drop(places);
        place
    }

    /// Strikes a connection out.
    pub(super) fn leave(&self, id: u64) {
        self.places.lock().remove(&id);
    }

    /// Asks every connection to finish.
    pub(super) fn drain(&self) {
        let places = self.places.lock();
        self.draining.store(true, Ordering::Relaxed);
        for place in places.values() {
            place.draining.store(true, Ordering::Relaxed);
            place.wakeup.ring();
        }
    }

    /// To be called once a second: disconnects whoever has been idle or slow for too long.
    pub(super) fn sweep(&self, limits: &ConnectionLimits) {
        let second = self.second.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let timeout_s = limits.idle_timeout_s.load(Ordering::Relaxed);
        for (id, place) in &*self.places.lock() {
            if place.is_idle(second, timeout_s) {
                tracing::debug!(client = id, "disconnecting: idle");
                place.outbox.close();
            } else if place.is_slow(second, limits) {
                tracing::warn!(client = id, "disconnecting: reads too slowly");
                place.outbox.close();
            }
        }
    }
}

impl Place {
    /// Notes that the peer sent something.
    pub(super) fn note_active(&self) {
        self.active
            .store(self.second.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Notes whether the peer listens to channels, which other limits hold for.
    pub(super) fn note_subscriber(&self, subscriber: bool) {
        self.subscriber.store(subscriber, Ordering::Relaxed);
    }

    /// Notes how much is on its way to the peer.
    pub(super) fn note_unsent(&self, bytes: usize) {
        self.unsent.store(bytes, Ordering::Relaxed);
    }

    /// Whether the connection is to finish: the server shuts down.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Redis never counts a subscriber as idle: it has nothing to say.
    fn is_idle(&self, second: u32, timeout_s: u64) -> bool {
        timeout_s > 0
            && !self.subscriber.load(Ordering::Relaxed)
            && u64::from(second.wrapping_sub(self.active.load(Ordering::Relaxed))) > timeout_s
    }

    fn is_slow(&self, second: u32, limits: &ConnectionLimits) -> bool {
        let limit = limits.output(self.subscriber.load(Ordering::Relaxed));
        let (soft_bytes, soft_s) = limit.soft();
        let pending = self.unsent.load(Ordering::Relaxed) + self.outbox.pending_bytes();
        if soft_bytes == 0 || pending as u64 <= soft_bytes {
            self.slow_since.store(0, Ordering::Relaxed);
            return false;
        }
        match self.slow_since.load(Ordering::Relaxed) {
            0 => {
                self.slow_since
                    .store(second.wrapping_add(1), Ordering::Relaxed);
                false
            }
            since => u64::from(second.wrapping_add(1).wrapping_sub(since)) > soft_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> (Roster, Arc<Place>, Outbox) {
        let (roster, outbox) = (Roster::default(), Outbox::encoded(|| {}));
        let place = roster.enter(1, outbox.clone(), Arc::default());
        (roster, place, outbox)
    }

    #[test]
    fn an_idle_peer_is_disconnected_and_an_active_one_is_not() {
        let (roster, place, outbox) = roster();
        let limits = ConnectionLimits::default();
        limits.idle_timeout_s.store(2, Ordering::Relaxed);
        for _ in 0..5 {
            place.note_active();
            roster.sweep(&limits);
        }
        assert!(!outbox.is_closed());
        roster.sweep(&limits);
        assert!(!outbox.is_closed());
        roster.sweep(&limits);
        assert!(outbox.is_closed());
    }

    #[test]
    fn a_subscriber_is_never_idle() {
        let (roster, place, outbox) = roster();
        let limits = ConnectionLimits::default();
        limits.idle_timeout_s.store(1, Ordering::Relaxed);
        place.note_subscriber(true);
        (0..10).for_each(|_| roster.sweep(&limits));
        assert!(!outbox.is_closed());
    }

    #[test]
    fn a_slow_peer_has_the_soft_limit_s_seconds_to_catch_up() {
        let (roster, place, outbox) = roster();
        let limits = ConnectionLimits::default();
        limits.output(true).set(1_000, 100, 3);
        place.note_subscriber(true);
        for _ in 0..3 {
            place.note_unsent(500);
            (0..3).for_each(|_| roster.sweep(&limits));
            place.note_unsent(50);
            roster.sweep(&limits);
        }
        assert!(!outbox.is_closed());
        place.note_unsent(500);
        (0..4).for_each(|_| roster.sweep(&limits));
        assert!(!outbox.is_closed());
        roster.sweep(&limits);
        assert!(outbox.is_closed());
    }
}
