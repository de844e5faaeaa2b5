//! Tables that scripts can read and not write.
//!
//! Redis adds a flag to its Lua for this. Ours has none, so what a script gets instead of such a table
//! is an empty one, whose metatable finds everything in the real one and refuses to add anything.
//! The functions of Lua's library that do not heed metatables are guarded to see through it: see
//! [`guard`](super::guard). The real table never reaches a script.

use std::ffi::{c_int, c_void};

use mlua_sys as ffi;

use super::border::{Fault, raise};

pub(super) const REFUSAL: &std::ffi::CStr = c"Attempt to modify a readonly table";

/// Its address, which no script can come by, marks the metatables of protected tables.
static MARK: u8 = 0;

/// Where such a metatable has the mark, the real table, and what `getmetatable` shows.
const MARK_SLOT: c_int = 1;
const CONTENT_SLOT: c_int = 2;
const VISIBLE_SLOT: c_int = 3;

/// Replaces the table on top of the stack by a protected one with that content.
///
/// # Safety
///
/// Host side (rule 2), with four free stack slots.
pub(super) unsafe fn protect(state: *mut ffi::lua_State) {
    // SAFETY: by contract.
    unsafe {
        ffi::lua_createtable(state, 0, 0);
        ffi::lua_createtable(state, 3, 2);
        ffi::lua_pushlightuserdata(state, mark());
        ffi::lua_rawseti_(state, -2, MARK_SLOT);
        ffi::lua_pushvalue(state, -3);
        ffi::lua_rawseti_(state, -2, CONTENT_SLOT);
        ffi::lua_pushvalue(state, -3);
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        ffi::lua_pushcclosure(state, refuse, 0);
        ffi::lua_setfield(state, -2, c"__newindex".as_ptr());
        ffi::lua_setmetatable(state, -2);
        ffi::lua_replace(state, -2);
    }
}

/// Pops a table, which `getmetatable` is to show for the protected table below it.
///
/// # Safety
///
/// Host side (rule 2), with three free stack slots.
pub(super) unsafe fn show_metatable(state: *mut ffi::lua_State) {
    // SAFETY: by contract; every protected table has a metatable.
    unsafe {
        ffi::lua_getmetatable(state, -2);
        ffi::lua_insert(state, -2);
        ffi::lua_rawseti_(state, -2, VISIBLE_SLOT);
        ffi::lua_settop(state, -2);
    }
}

/// Whether the value is a protected table.
///
/// # Safety
///
/// `index` is positive and there are two free stack slots.
pub(super) unsafe fn is_protected(state: *mut ffi::lua_State, index: c_int) -> bool {
    // SAFETY: by contract.
    unsafe {
        if !has_mark(state, index) {
            return false;
        }
        ffi::lua_settop(state, -2);
        true
    }
}

/// Puts the real table in the place of a protected one; leaves everything else as it is.
///
/// # Safety
///
/// As for [`is_protected`]; whatever sees the real table does not let it reach a script.
pub(super) unsafe fn see_through(state: *mut ffi::lua_State, index: c_int) {
    // SAFETY: by contract.
    unsafe {
        if has_mark(state, index) {
            ffi::lua_rawgeti_(state, -1, CONTENT_SLOT);
            ffi::lua_replace(state, index);
            ffi::lua_settop(state, -2);
        }
    }
}

/// Pushes what `getmetatable` shows for a protected table; `false` if it is none.
///
/// # Safety
///
/// As for [`is_protected`].
pub(super) unsafe fn push_visible_metatable(state: *mut ffi::lua_State, index: c_int) -> bool {
    // SAFETY: by contract.
    unsafe {
        if !has_mark(state, index) {
            return false;
        }
        ffi::lua_rawgeti_(state, -1, VISIBLE_SLOT);
        ffi::lua_replace(state, -2);
        true
    }
}

/// Pushes the metatable of a protected table; pushes nothing for everything else.
unsafe fn has_mark(state: *mut ffi::lua_State, index: c_int) -> bool {
    // SAFETY: by contract of the callers.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TTABLE
            || ffi::lua_getmetatable(state, index) == 0
        {
            return false;
        }
        ffi::lua_rawgeti_(state, -1, MARK_SLOT);
        let found = ffi::lua_type(state, -1) == ffi::LUA_TLIGHTUSERDATA
            && ffi::lua_touserdata(state, -1) == mark();
        ffi::lua_settop(state, if found { -2 } else { -3 });
        found
    }
}

fn mark() -> *mut c_void {
    (&raw const MARK).cast_mut().cast()
}

/// `__newindex` of protected tables.
unsafe extern "C-unwind" fn refuse(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls this with free stack slots; nothing has a destructor (rule 1).
    unsafe {
        ffi::lua_pushstring_(state, REFUSAL.as_ptr());
        raise(state, Fault::Positioned)
    }
}
