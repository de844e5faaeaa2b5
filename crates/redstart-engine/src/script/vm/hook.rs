//! The hook that lets a running script be ended.

use std::ffi::c_int;

use mlua_sys as ffi;

use super::border::{host, prepare, raise};

/// Installs the hook for a run. Coroutines inherit it.
///
/// # Safety
///
/// The state is alive.
pub(super) unsafe fn install(state: *mut ffi::lua_State) {
    // SAFETY: by contract.
    unsafe { set(state, USUAL_INSTRUCTIONS) }
}

/// Instructions between two hooks.
///
/// One instruction can take as long as copying the largest string there is. So the hook comes often,
/// at less than a hundredth of the time that so many instructions take at least, and more often still
/// while the script uses much memory.
const USUAL_INSTRUCTIONS: c_int = 1000;
const HEAVY_INSTRUCTIONS: c_int = 100;
const HEAVY_BYTES: usize = 16 << 20;

unsafe fn set(state: *mut ffi::lua_State, instructions: c_int) {
    // SAFETY: by contract of the callers.
    unsafe { ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, instructions) };
}

unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: Lua calls this with a running state and free stack slots. No destructor is pending
    // when the error is raised (rule 1).
    unsafe {
        let host = host(state);
        let heavy = host.memory.used() > HEAVY_BYTES;
        let before = ffi::lua_gethookcount(state);
        let next = if heavy {
            HEAVY_INSTRUCTIONS
        } else {
            USUAL_INSTRUCTIONS
        };
        if before != next {
            set(state, next);
        }
        if let Err(reason) = host.hook(before.unsigned_abs().into(), heavy) {
            let fault = prepare(state, reason);
            raise(state, fault);
        }
    }
}
