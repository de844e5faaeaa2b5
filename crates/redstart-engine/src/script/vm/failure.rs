//! What becomes of an error that nobody in the script caught: a table that says where it was raised.

use std::ffi::{CStr, c_int};
use std::mem::zeroed;

use mlua_sys as ffi;

/// The message handler of every run. Scripts know it as `__redis__err__handler`.
///
/// It makes `{err = 'ERR …'}` of whatever is not a table, and adds the fields `source` and `line` of
/// the function that raised the error, or, if C did, of its caller.
pub(super) unsafe extern "C-unwind" fn describe(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state; everything on the stack is plain data (rule 1).
    unsafe {
        ffi::lua_settop(state, 1);
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            ffi::lua_createtable(state, 0, 3);
            ffi::lua_insert(state, 1);
            push_text(state);
            ffi::lua_setfield(state, 1, c"err".as_ptr());
            ffi::lua_settop(state, 1);
        }
        let mut place: ffi::lua_Debug = zeroed();
        if find(state, &mut place) {
            ffi::lua_pushstring_(state, place.source);
            ffi::lua_setfield(state, 1, c"source".as_ptr());
            ffi::lua_pushnumber(state, f64::from(place.currentline));
            ffi::lua_setfield(state, 1, c"line".as_ptr());
        }
        1
    }
}

/// Replaces the value at index 2 by the text `ERR …` of what `tostring` says of it.
unsafe fn push_text(state: *mut ffi::lua_State) {
    // SAFETY: as in `describe`.
    unsafe {
        if ffi::luaL_callmeta(state, 2, c"__tostring".as_ptr()) != 0 {
            ffi::lua_replace(state, 2);
        }
        ffi::lua_pushstring_(state, c"ERR ".as_ptr());
        match ffi::lua_type(state, 2) {
            ffi::LUA_TSTRING | ffi::LUA_TNUMBER => ffi::lua_pushvalue(state, 2),
            ffi::LUA_TNIL => ffi::lua_pushstring_(state, c"nil".as_ptr()),
            ffi::LUA_TBOOLEAN if ffi::lua_toboolean(state, 2) != 0 => {
                ffi::lua_pushstring_(state, c"true".as_ptr());
            }
            ffi::LUA_TBOOLEAN => ffi::lua_pushstring_(state, c"false".as_ptr()),
            other => {
                let name = ffi::lua_typename(state, other);
                let address = ffi::lua_topointer(state, 2);
                ffi::lua_pushfstring(state, c"%s: %p".as_ptr(), name, address);
            }
        }
        ffi::lua_concat(state, 2);
    }
}

/// Finds the running function that raised the error: level 0 is the handler, level 1 the function,
/// and if that is C's, level 2 is its caller.
unsafe fn find(state: *mut ffi::lua_State, place: &mut ffi::lua_Debug) -> bool {
    // SAFETY: `lua_getinfo` is asked about a level that `lua_getstack` has found, and fills the
    // fields that are read.
    unsafe {
        let mut known = false;
        for level in 1..=2 {
            known = ffi::lua_getstack(state, level, place) != 0
                && ffi::lua_getinfo(state, c"Sl".as_ptr(), place) != 0;
            if !known || CStr::from_ptr(place.what) != c"C" {
                break;
            }
        }
        known
    }
}
