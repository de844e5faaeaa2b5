//! The place where a run leaves its caller for the functions that Lua calls.

use std::cell::Cell;
use std::ptr::NonNull;

use super::super::caller::Caller;

/// A caller, while there is a run.
#[derive(Debug)]
pub(in crate::script) struct Slot(Cell<Option<NonNull<dyn Caller>>>);

impl Slot {
    pub(in crate::script) fn new() -> Slot {
        Slot(Cell::new(None))
    }

    /// Runs `f` with the caller in its place. It is taken away again however `f` ends.
    pub(super) fn hold<T>(&self, caller: &mut dyn Caller, f: impl FnOnce() -> T) -> T {
        struct Clear<'a>(&'a Slot);
        impl Drop for Clear<'_> {
            fn drop(&mut self) {
                self.0.0.set(None);
            }
        }
        let caller: NonNull<dyn Caller + '_> = NonNull::from(caller);
        // SAFETY: this changes nothing but the lifetime. The pointer is used by `with` only, hence
        // while it lies in the cell, and `Clear` empties the cell, also when `f` panics, before the
        // borrow that this call holds ends.
        let caller: NonNull<dyn Caller> = unsafe { std::mem::transmute(caller) };
        self.0.set(Some(caller));
        let _clear = Clear(self);
        f()
    }

    /// Asks the caller, if there is one and it is not being asked at the moment.
    pub(in crate::script) fn with<T>(&self, f: impl FnOnce(&mut dyn Caller) -> T) -> Option<T> {
        struct PutBack<'a>(&'a Slot, NonNull<dyn Caller>);
        impl Drop for PutBack<'_> {
            fn drop(&mut self) {
                self.0.0.set(Some(self.1));
            }
        }
        let mut back = PutBack(self, self.0.take()?);
        // SAFETY: the pointer came from the `&mut` that `hold` keeps borrowed until it has emptied
        // the cell, and `hold` is still running: this function runs below it on the same stack, for
        // neither the slot nor a run can be reached from another thread. The reference is the only
        // one, because the cell is empty until it is gone.
        let answer = f(unsafe { back.1.as_mut() });
        drop(back);
        Some(answer)
    }
}
