//! What a thread does when a command keeps it for long.
//!
//! The engine runs commands on its callers' threads and cannot know what else such a thread has
//! to do. A caller that has other duties names one here; the engine mentions a stall whenever a
//! script has run for a while or a lock is not to be had.

use std::cell::Cell;

thread_local! {
    static DUTY: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Runs `work`; whenever it stalls on this thread, `duty` is called in the middle of it, under
/// whatever locks are held, so it must not touch the engine.
#[cfg_attr(
    not(feature = "server"),
    allow(dead_code, reason = "only the port has other duties")
)]
pub(crate) fn with_duty<R>(duty: fn(), work: impl FnOnce() -> R) -> R {
    struct Restore(Option<fn()>);
    impl Drop for Restore {
        fn drop(&mut self) {
            DUTY.set(self.0);
        }
    }

    let _restore = Restore(DUTY.replace(Some(duty)));
    work()
}

/// Mentions that the current command takes long.
pub(crate) fn mention() {
    if let Some(duty) = DUTY.get() {
        duty();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static CALLS: AtomicUsize = AtomicUsize::new(0);

    fn count() {
        CALLS.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn a_duty_lasts_as_long_as_the_work() {
        mention();
        with_duty(count, || {
            mention();
            mention();
        });
        mention();
        assert_eq!(CALLS.load(Ordering::SeqCst), 2);
    }
}
