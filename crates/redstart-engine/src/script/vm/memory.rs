//! Lua's allocator: Rust's, counted and limited.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;

use super::super::host::Host;

/// What a virtual machine has allocated, and what it may.
#[derive(Debug)]
pub(in crate::script) struct Memory {
    used: Cell<usize>,
    limit: usize,
    enforced: Cell<bool>,
}

impl Memory {
    pub(in crate::script) fn new(limit: usize) -> Memory {
        Memory {
            used: Cell::new(0),
            limit,
            enforced: Cell::new(false),
        }
    }

    pub(in crate::script) fn used(&self) -> usize {
        self.used.get()
    }

    pub(in crate::script) fn limit(&self) -> usize {
        self.limit
    }

    pub(in crate::script) fn allowance(&self) -> usize {
        self.limit.saturating_sub(self.used.get())
    }

    pub(in crate::script) fn is_exceeded(&self) -> bool {
        self.used.get() > self.limit
    }

    /// Lets allocations beyond the limit fail, or not, until the guard is dropped. `true` is for
    /// whoever enters Lua, `false` for host functions that Lua calls.
    pub(super) fn enforce(&self, enforced: bool) -> Enforcement<'_> {
        Enforcement {
            memory: self,
            before: self.enforced.replace(enforced),
        }
    }
}

pub(super) struct Enforcement<'a> {
    memory: &'a Memory,
    before: bool,
}

impl Drop for Enforcement<'_> {
    fn drop(&mut self) {
        self.memory.enforced.set(self.before);
    }
}

/// What malloc guarantees on the machines we run on, and what Lua expects of its allocator.
const ALIGNMENT: usize = 16;

/// # Safety
///
/// `host` is the `*const Host` that the state was made with. `block` is null and `old` zero, or
/// `block` was returned by this function for a size of `old`.
pub(super) unsafe extern "C" fn allocate(
    host: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: by contract; the host outlives the state (rule 4).
    let memory = unsafe { &(*host.cast_const().cast::<Host>()).memory };
    let used = memory.used.get();
    if new == 0 {
        if !block.is_null() {
            // SAFETY: the block was allocated with this layout.
            unsafe {
                dealloc(
                    block.cast(),
                    Layout::from_size_align_unchecked(old, ALIGNMENT),
                )
            };
            memory.used.set(used - old);
        }
        return null_mut();
    }
    let wanted = (used - old).saturating_add(new);
    if memory.enforced.get() && new > old && wanted > memory.limit {
        return null_mut();
    }
    let Ok(layout) = Layout::from_size_align(new, ALIGNMENT) else {
        return null_mut();
    };
    let moved = if block.is_null() {
        // SAFETY: the size is not zero.
        unsafe { alloc(layout) }
    } else {
        // SAFETY: the block was allocated with this layout, and the new size is valid and not zero.
        unsafe {
            let before = Layout::from_size_align_unchecked(old, ALIGNMENT);
            realloc(block.cast(), before, new)
        }
    };
    if moved.is_null() {
        handle_alloc_error(layout);
    }
    memory.used.set(wanted);
    moved.cast()
}
