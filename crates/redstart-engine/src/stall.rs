//! What a thread does when a command keeps it for long.
//!
//! The engine runs commands on its callers' threads and cannot know what else such a thread has
//! to do. A caller that has other duties names one here; the engine mentions a stall whenever a
//! script has run for a while or a lock is not to be had.

use std::cell::Cell;

/// What else a thread has to do. Returns whether it has been seen to, for as long as the work
/// lasts; otherwise it is called again at the next mention.
pub(crate) type Duty = fn() -> bool;

thread_local! {
    static DUTY: Cell<Option<Duty>> = const { Cell::new(None) };
}

/// Runs `work`; whenever it stalls on this thread, `duty` is called in the middle of it, under
/// whatever locks are held, so it must not touch the engine.
#[cfg_attr(
    not(feature = "server"),
    allow(dead_code, reason = "only the port has other duties")
)]
pub(crate) fn with_duty<R>(duty: Duty, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Duty>);
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
    if let Some(duty) = DUTY.get()
        && duty()
    {
        DUTY.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static CALLS: AtomicUsize = AtomicUsize::new(0);

    /// Succeeds at the second attempt.
    fn attend() -> bool {
        CALLS.fetch_add(1, Ordering::SeqCst) + 1 == 2
    }

    #[test]
    fn a_duty_is_called_until_it_is_seen_to_and_as_long_as_the_work_lasts() {
        mention();
        with_duty(attend, || {
            mention();
            assert_eq!(CALLS.load(Ordering::SeqCst), 1);
            mention();
            mention();
        });
        mention();
        assert_eq!(CALLS.load(Ordering::SeqCst), 2);
    }
}
