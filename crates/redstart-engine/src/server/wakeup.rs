//! How other threads rouse a connection that sleeps.
//!
//! An outbox signals after every reply and every message, mostly while its connection is awake
//! and about to look anyway. So a signal costs a fence and a load unless the connection has said
//! that it goes to sleep.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Waker;

use crate::shim::Mutex;

/// A bell for one sleeper.
///
/// No signal is lost: the sleeper arms the bell and then looks once more, the signaller publishes
/// and then looks whether it is armed, each with a full fence between, so that at least one of
/// them sees the other.
#[derive(Debug, Default)]
pub(super) struct Wakeup {
    armed: AtomicBool,
    sleeper: Mutex<Option<Waker>>,
}

impl Wakeup {
    /// Arms the bell. Whoever calls must look for work once more before sleeping.
    pub(super) fn arm(&self, waker: &Waker) {
        match &mut *self.sleeper.lock() {
            Some(known) => known.clone_from(waker),
            unknown => *unknown = Some(waker.clone()),
        }
        self.armed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Wakes the sleeper if the bell is armed. Cheap and safe to call under any lock.
    pub(super) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.armed.load(Ordering::Relaxed)
            && self.armed.swap(false, Ordering::Relaxed)
            && let Some(waker) = &*self.sleeper.lock()
        {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn rings_once_for_each_time_it_is_armed() {
        let count = Arc::new(Count::default());
        let wakeup = Wakeup::default();
        wakeup.ring();
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        for armed in 1..=3 {
            wakeup.arm(&Arc::clone(&count).into());
            wakeup.ring();
            wakeup.ring();
            assert_eq!(count.0.load(Ordering::SeqCst), armed);
        }
    }
}
