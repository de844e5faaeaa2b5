//! What stands before functions of Lua's own library.
//!
//! A guard looks at the arguments and then runs the original in its own place: on the same stack
//! frame, so that positions, names and messages of errors are Lua's. Guards keep scripts from writing
//! to protected tables, from catching the error that ends them, and from starting work in C that no
//! hook could interrupt.

use std::ffi::c_int;
use std::slice;

use mlua_sys as ffi;

use super::super::error::{Outcome, Raise};
use super::super::pattern::{self, Search};
use super::args::to_integer;
use super::border::{Fault, host, prepare, raise};
use super::functions::ESCAPE;
use super::protect::{REFUSAL, is_protected, push_visible_metatable, see_through};
use super::sort;

/// A guard's C function. Its first upvalue is the original.
pub(super) type Guard = ffi::lua_CFunction;

/// Puts a guard before the function on top of the stack.
///
/// # Safety
///
/// Host side (rule 2).
pub(super) unsafe fn push_guarded(state: *mut ffi::lua_State, guard: Guard) {
    // SAFETY: by contract.
    unsafe { ffi::lua_pushcclosure(state, guard, 1) };
}

/// Runs the original in the place of the guard.
unsafe fn original(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: the upvalue is a C function of Lua's library that looks at its arguments only, and the
    // stack is as its caller would have left it.
    unsafe {
        match ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)) {
            Some(function) => function(state),
            None => 0,
        }
    }
}

/// Raises the error, if there is one. Its message is on the stack and what Rust owned of it is gone
/// before the jump.
macro_rules! proceed {
    ($state:ident, $outcome:expr) => {
        let fault = match $outcome {
            Ok(()) => None,
            Err(reason) => Some(prepare($state, reason)),
        };
        if let Some(fault) = fault {
            raise($state, fault)
        }
    };
}

/// Ends the script again after a function that catches errors.
macro_rules! end_if_stopped {
    ($state:ident) => {
        if host($state).stop().is_some() {
            ffi::lua_settop($state, 0);
            let fault = prepare($state, Raise::Stopped);
            raise($state, fault)
        }
    };
}

// SAFETY of all guards: Lua calls them with a valid state and 20 free stack slots. What may raise an
// error is called where nothing in the guard's frame has a destructor (rule 1).

pub(super) unsafe extern "C-unwind" fn rawset(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        if ffi::lua_gettop(state) >= 3 {
            refuse_protected(state);
        }
        original(state)
    }
}

pub(super) unsafe extern "C-unwind" fn setmetatable(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        if matches!(ffi::lua_type(state, 2), ffi::LUA_TNIL | ffi::LUA_TTABLE) {
            refuse_protected(state);
        }
        original(state)
    }
}

/// `table.insert` moves all values above the position, were they to begin at minus two billion.
pub(super) unsafe extern "C-unwind" fn insert(state: *mut ffi::lua_State) -> c_int {
    const POSITION_MIN: f64 = -1e6;
    unsafe {
        match ffi::lua_gettop(state) {
            2 => refuse_protected(state),
            3 if ffi::lua_isnumber(state, 2) != 0 => {
                refuse_protected(state);
                // As the original reads it.
                let position = to_integer(ffi::lua_tonumber(state, 2)) as i32;
                if f64::from(position) < POSITION_MIN {
                    let raised = Raise::argument(2, "position out of bounds");
                    proceed!(state, Err(raised));
                }
            }
            _ => {}
        }
        original(state)
    }
}

/// Raises an error if the first argument is a protected table. The other arguments are right, since
/// Lua looks at them first.
unsafe fn refuse_protected(state: *mut ffi::lua_State) {
    unsafe {
        if is_protected(state, 1) {
            ffi::lua_pushstring_(state, REFUSAL.as_ptr());
            raise(state, Fault::Bare)
        }
    }
}

/// `next` and `rawget`.
pub(super) unsafe extern "C-unwind" fn reader(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        see_through(state, 1);
        original(state)
    }
}

/// `table.foreach` and `table.foreachi`, which can call functions of the library without executing
/// an instruction.
pub(super) unsafe extern "C-unwind" fn visitor(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        proceed!(state, charge_per_entry(state));
        see_through(state, 1);
        original(state)
    }
}

unsafe fn charge_per_entry(state: *mut ffi::lua_State) -> Outcome<()> {
    unsafe {
        // The length of a number would be that of its text, and the number become one.
        let entries = match ffi::lua_type(state, 1) {
            ffi::LUA_TTABLE => ffi::lua_objlen(state, 1) as u64,
            _ => 0,
        };
        host(state).charge(entries.saturating_mul(8).saturating_add(1000))
    }
}

pub(super) unsafe extern "C-unwind" fn getmetatable(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        if push_visible_metatable(state, 1) {
            return 1;
        }
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING {
            // The second upvalue: what scripts may see of the metatable of strings.
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            return 1;
        }
        original(state)
    }
}

/// `pcall` is Redis' own: of an error that is a table with a field `err` it returns that field.
pub(super) unsafe extern "C-unwind" fn pcall(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        let args = ffi::lua_gettop(state);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_insert(state, 1);
        if args == 0 {
            ffi::lua_pushboolean(state, 0);
            ffi::lua_pushstring_(state, c"attempt to call a boolean value".as_ptr());
            return 2;
        }
        if ffi::lua_pcall(state, args - 1, ffi::LUA_MULTRET, 0) == ffi::LUA_OK {
            return ffi::lua_gettop(state);
        }
        end_if_stopped!(state);
        ffi::lua_remove(state, 1);
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            ffi::lua_getfield_(state, -1, c"err".as_ptr());
            if ffi::lua_isstring(state, -1) != 0 {
                ffi::lua_replace(state, -2);
            }
        }
        ffi::lua_pushboolean(state, 0);
        ffi::lua_insert(state, 1);
        ffi::lua_gettop(state)
    }
}

/// `xpcall`: its handler, too, must not go on in a script that is being ended, all the less as no
/// hook comes while it runs.
pub(super) unsafe extern "C-unwind" fn xpcall(state: *mut ffi::lua_State) -> c_int {
    unsafe extern "C-unwind" fn handler(state: *mut ffi::lua_State) -> c_int {
        unsafe {
            if host(state).stop().is_none() {
                ffi::lua_settop(state, 1);
                ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
                ffi::lua_insert(state, 1);
                ffi::lua_call(state, 1, 1);
            }
            1
        }
    }
    unsafe {
        if ffi::lua_type(state, 2) == ffi::LUA_TFUNCTION {
            ffi::lua_pushvalue(state, 2);
            ffi::lua_pushcclosure(state, handler, 1);
            ffi::lua_replace(state, 2);
        }
        let results = original(state);
        end_if_stopped!(state);
        results
    }
}

/// `coroutine.resume`.
pub(super) unsafe extern "C-unwind" fn catcher(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        let results = original(state);
        end_if_stopped!(state);
        results
    }
}

/// `load` reads its chunk from a function, which must not return a compiled one.
pub(super) unsafe extern "C-unwind" fn load(state: *mut ffi::lua_State) -> c_int {
    /// The first upvalue is the script's function, the second whether it has returned anything yet.
    unsafe extern "C-unwind" fn reader(state: *mut ffi::lua_State) -> c_int {
        unsafe {
            proceed!(state, host(state).charge(100));
            ffi::lua_settop(state, 0);
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
            ffi::lua_call(state, 0, 1);
            if ffi::lua_toboolean(state, ffi::lua_upvalueindex(2)) == 0 {
                ffi::lua_pushboolean(state, 1);
                ffi::lua_replace(state, ffi::lua_upvalueindex(2));
                space_out(state, 1);
            }
            1
        }
    }
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TFUNCTION {
            ffi::lua_pushvalue(state, 1);
            ffi::lua_pushboolean(state, 0);
            ffi::lua_pushcclosure(state, reader, 2);
            ffi::lua_replace(state, 1);
        }
        let results = original(state);
        end_if_stopped!(state);
        results
    }
}

pub(super) unsafe extern "C-unwind" fn loadstring(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        let len = text(state, 1).map_or(0, <[u8]>::len) as u64;
        proceed!(state, host(state).charge(len.saturating_mul(32)));
        // The name of the chunk is its text, unless another is given.
        if starts_with_escape(state, 1) && ffi::lua_type(state, 2) <= ffi::LUA_TNIL {
            ffi::lua_settop(state, 1);
            ffi::lua_pushvalue(state, 1);
        }
        space_out(state, 1);
        original(state)
    }
}

/// Puts a space before a compiled chunk: then Lua takes it for source, as Redis' Lua does.
unsafe fn space_out(state: *mut ffi::lua_State, index: c_int) {
    unsafe {
        if starts_with_escape(state, index) {
            ffi::lua_pushstring_(state, c" ".as_ptr());
            ffi::lua_pushvalue(state, index);
            ffi::lua_concat(state, 2);
            ffi::lua_replace(state, index);
        }
    }
}

unsafe fn starts_with_escape(state: *mut ffi::lua_State, index: c_int) -> bool {
    unsafe { text(state, index).and_then(<[u8]>::first) == Some(&ESCAPE) }
}

/// `collectgarbage`: the collector's settings are the virtual machine's, not the script's.
pub(super) unsafe extern "C-unwind" fn collectgarbage(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        let option = text(state, 1);
        if matches!(option, Some(b"stop" | b"setpause" | b"setstepmul")) {
            host(state).spoil();
        }
        if matches!(option, None | Some(b"collect" | b"step")) {
            let bytes = host(state).memory.used() as u64;
            proceed!(state, host(state).charge(bytes));
        }
        original(state)
    }
}

/// `string.rep`: nothing can be repeated for long, and what is too much is so at once.
pub(super) unsafe extern "C-unwind" fn rep(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        if let Some(unit) = text(state, 1)
            && ffi::lua_isnumber(state, 2) != 0
        {
            let count = ffi::lua_tonumber(state, 2).max(0.0);
            if unit.is_empty() {
                ffi::lua_pushnumber(state, 0.0);
                ffi::lua_replace(state, 2);
            } else {
                let fits = unit.len() as f64 * count <= host(state).memory.limit() as f64;
                proceed!(state, if fits { Ok(()) } else { Err(Raise::Memory) });
            }
        }
        original(state)
    }
}

pub(super) unsafe extern "C-unwind" fn find(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        let mut plain = Plain::LeaveToLua;
        proceed!(state, try_find(state, &mut plain));
        match plain {
            Plain::LeaveToLua => original(state),
            Plain::NotFound => {
                ffi::lua_pushnil(state);
                1
            }
            Plain::Found { start, end } => {
                ffi::lua_pushnumber(state, start as f64);
                ffi::lua_pushnumber(state, end as f64);
                2
            }
        }
    }
}

/// What is already known about a search for plain text.
#[derive(Clone, Copy)]
enum Plain {
    LeaveToLua,
    NotFound,
    /// As Lua counts: from 1, and the end included.
    Found {
        start: usize,
        end: usize,
    },
}

unsafe fn try_find(state: *mut ffi::lua_State, plain: &mut Plain) -> Outcome<()> {
    /// Up to this product of lengths Lua's own way is as good as any.
    const PLAIN_PRODUCT_MAX: usize = 1 << 22;
    unsafe {
        let (Some(subject), Some(pattern)) = (text(state, 1), text(state, 2)) else {
            return Ok(());
        };
        let host = host(state);
        let charge = |work| host.charge(work);
        let from = start(state, 3, subject.len());
        if ffi::lua_toboolean(state, 4) == 0 && !pattern::is_plain(pattern) {
            return try_search(state, Search::new(subject, pattern), from);
        }
        if subject.len().saturating_mul(pattern.len()) > PLAIN_PRODUCT_MAX {
            let found = pattern::find_plain(subject, pattern, from, &charge)?;
            *plain = found.map_or(Plain::NotFound, |start| Plain::Found {
                start: start + 1,
                end: start + pattern.len(),
            });
        }
        Ok(())
    }
}

/// `string.match`.
pub(super) unsafe extern "C-unwind" fn match_(state: *mut ffi::lua_State) -> c_int {
    unsafe fn survey(state: *mut ffi::lua_State) -> Outcome<()> {
        unsafe {
            match (text(state, 1), text(state, 2)) {
                (Some(subject), Some(pattern)) => {
                    let from = start(state, 3, subject.len());
                    try_search(state, Search::new(subject, pattern), from)
                }
                _ => Ok(()),
            }
        }
    }
    unsafe {
        proceed!(state, survey(state));
        original(state)
    }
}

unsafe fn try_search(state: *mut ffi::lua_State, search: Search<'_>, from: usize) -> Outcome<()> {
    if search.is_harmless() {
        return Ok(());
    }
    let host = unsafe { host(state) };
    search.find(from, &|work| host.charge(work)).map(|_| ())
}

pub(super) unsafe extern "C-unwind" fn gsub(state: *mut ffi::lua_State) -> c_int {
    unsafe fn survey(state: *mut ffi::lua_State) -> Outcome<()> {
        unsafe {
            let host = host(state);
            // Its buffer makes it the one function of the library that takes much of the stack and
            // calls back into Lua.
            if host.stack_is_deep() {
                return Err(Raise::text("C stack overflow"));
            }
            let (Some(subject), Some(pattern)) = (text(state, 1), text(state, 2)) else {
                return Ok(());
            };
            let search = Search::new(subject, pattern);
            if search.is_harmless() {
                return Ok(());
            }
            let matches_max = match ffi::lua_isnumber(state, 4) {
                0 => usize::MAX,
                _ => ffi::lua_tonumber(state, 4).max(0.0) as usize,
            };
            search.substitute(matches_max, &|work| host.charge(work))
        }
    }
    unsafe {
        proceed!(state, survey(state));
        original(state)
    }
}

/// `string.gmatch` and `string.gfind`: the search happens in the function that they return.
pub(super) unsafe extern "C-unwind" fn gmatch(state: *mut ffi::lua_State) -> c_int {
    /// Stands in for Lua's iterator, and has its upvalues: the subject, the pattern and the position.
    /// A fourth is the iterator, whose C function runs in this one's place.
    unsafe extern "C-unwind" fn iterate(state: *mut ffi::lua_State) -> c_int {
        unsafe {
            proceed!(state, survey(state));
            match ffi::lua_tocfunction(state, ffi::lua_upvalueindex(4)) {
                Some(iterator) => iterator(state),
                None => 0,
            }
        }
    }
    unsafe fn survey(state: *mut ffi::lua_State) -> Outcome<()> {
        unsafe {
            let subject = text(state, ffi::lua_upvalueindex(1));
            let pattern = text(state, ffi::lua_upvalueindex(2));
            let (Some(subject), Some(pattern)) = (subject, pattern) else {
                return Ok(());
            };
            let from = ffi::lua_tonumber(state, ffi::lua_upvalueindex(3)) as usize;
            let host = host(state);
            let search = Search::unanchored(subject, pattern);
            search.find(from, &|work| host.charge(work)).map(|_| ())
        }
    }
    unsafe {
        let harmless = match (text(state, 1), text(state, 2)) {
            (Some(subject), Some(pattern)) => Search::unanchored(subject, pattern).is_harmless(),
            _ => true,
        };
        let results = original(state);
        if !harmless {
            let iterator = ffi::lua_gettop(state);
            for upvalue in 1..=3 {
                ffi::lua_getupvalue(state, iterator, upvalue);
            }
            ffi::lua_pushvalue(state, iterator);
            ffi::lua_pushcclosure(state, iterate, 4);
        }
        results
    }
}

/// `table.sort`.
pub(super) unsafe extern "C-unwind" fn sort(state: *mut ffi::lua_State) -> c_int {
    unsafe {
        let mut sorted = false;
        proceed!(state, sort::presort(state, &mut sorted));
        if sorted { 0 } else { original(state) }
    }
}

/// A text argument. Numbers, which Lua would take too, are too short to do harm.
unsafe fn text<'a>(state: *mut ffi::lua_State, index: c_int) -> Option<&'a [u8]> {
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TSTRING {
            return None;
        }
        let mut len = 0;
        let text = ffi::lua_tolstring(state, index, &mut len);
        Some(slice::from_raw_parts(text.cast(), len))
    }
}

/// The position where a search begins, counted from 0: the optional argument of `string.find`.
unsafe fn start(state: *mut ffi::lua_State, index: c_int, len: usize) -> usize {
    let position = match unsafe { ffi::lua_isnumber(state, index) } {
        0 => 1,
        _ => unsafe { ffi::lua_tonumber(state, index) as i64 },
    };
    let position = if position < 0 {
        position.saturating_add(len as i64 + 1)
    } else {
        position
    };
    usize::try_from(position - 1).unwrap_or(0).min(len)
}
