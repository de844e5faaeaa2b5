//! The locks of the engine, in one place, so that a model checker can replace them.
//!
//! Tests built with `--cfg shuttle` take them from shuttle, which explores their schedules (see
//! `schedules.rs`); all else from parking_lot. The one lock that does not come from here is that
//! of the hash seeds: it is a static, which outlives the schedules explored, and nothing is locked
//! while it is held.

#[cfg(not(all(test, shuttle)))]
pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock};

#[cfg(all(test, shuttle))]
pub(crate) use self::explored::{Mutex, MutexGuard, RwLock};

#[cfg(all(test, shuttle))]
mod explored {
    use std::sync::{PoisonError, TryLockError};
    use std::time::Duration;

    use shuttle::sync;

    pub(crate) type MutexGuard<'a, T> = sync::MutexGuard<'a, T>;

    /// parking_lot's interface over shuttle's mutex.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        /// There is no time in an explored schedule: what is waited for comes, or it is a deadlock.
        pub(crate) fn try_lock_for(&self, _: Duration) -> Option<MutexGuard<'_, T>> {
            Some(self.lock())
        }
    }

    /// parking_lot's interface over shuttle's lock for many readers.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> RwLock<T> {
            RwLock(sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
