//! What scripts find when they start: Redis' selection of Lua's library, its own functions, and
//! nothing that could be changed.

use std::ffi::{CStr, c_int};

use mlua_sys as ffi;

use super::super::{bit, cjson, cmsgpack, math, redis_api, structs};
use super::border::{Fault, Native, push_native, raise};
use super::failure;
use super::guard::{self, Guard, push_guarded};
use super::protect::{protect, show_metatable};

/// References in Lua's registry.
#[derive(Debug)]
pub(super) struct Sandbox {
    /// The real table of global variables.
    pub(super) globals: c_int,
    /// The message handler of every run.
    pub(super) handler: c_int,
}

/// Global functions as Redis allows them, and what guards them.
///
/// Left out are `print`, `dofile` and `loadfile`, as in Redis, and `newproxy`, `getfenv` and
/// `setfenv`, as in Redis' security releases: by them a script could leave something behind.
/// `getmetatable`, `pairs` and `coroutine` are built below.
const GLOBALS: &[(&CStr, Option<Guard>)] = &[
    (c"assert", None),
    (c"collectgarbage", Some(guard::collectgarbage)),
    (c"error", None),
    (c"gcinfo", None),
    (c"ipairs", None),
    (c"load", Some(guard::load)),
    (c"loadstring", Some(guard::loadstring)),
    (c"next", Some(guard::reader)),
    (c"pcall", Some(guard::pcall)),
    (c"rawequal", None),
    (c"rawget", Some(guard::reader)),
    (c"rawset", Some(guard::rawset)),
    (c"select", None),
    (c"setmetatable", Some(guard::setmetatable)),
    (c"tonumber", None),
    (c"tostring", None),
    (c"type", None),
    (c"unpack", None),
    (c"xpcall", Some(guard::xpcall)),
    (c"_VERSION", None),
];

/// Functions of Lua's libraries that need a guard.
const GUARDED: &[(&CStr, &[(&CStr, Guard)])] = &[
    (c"coroutine", &[(c"resume", guard::catcher)]),
    (c"math", &[]),
    (
        c"string",
        &[
            (c"find", guard::find),
            (c"gfind", guard::gmatch),
            (c"gmatch", guard::gmatch),
            (c"gsub", guard::gsub),
            (c"match", guard::match_),
            (c"rep", guard::rep),
        ],
    ),
    (
        c"table",
        &[
            (c"foreach", guard::visitor),
            (c"foreachi", guard::visitor),
            (c"insert", guard::insert),
            (c"sort", guard::sort),
        ],
    ),
];

impl Sandbox {
    /// Opens Lua's libraries in a new state and builds the sandbox around them.
    ///
    /// # Safety
    ///
    /// Host side (rule 2); nothing has been done with the state yet.
    pub(super) unsafe fn build(state: *mut ffi::lua_State) -> Sandbox {
        // SAFETY: by contract. Opening libraries raises errors for exhausted memory only. Fifteen of
        // the free stack slots are used at most, five at a time.
        unsafe {
            for (name, open) in [
                (c"", ffi::luaopen_base as ffi::lua_CFunction),
                (c"table", ffi::luaopen_table),
                (c"string", ffi::luaopen_string),
                (c"math", ffi::luaopen_math),
            ] {
                ffi::lua_pushcclosure(state, open, 0);
                ffi::lua_pushstring_(state, name.as_ptr());
                ffi::lua_call(state, 1, 0);
            }

            ffi::lua_createtable(state, 0, 0);
            let globals = ffi::lua_gettop(state);
            for (name, guard) in GLOBALS {
                push_global(state, name, *guard);
                ffi::lua_setfield(state, globals, name.as_ptr());
            }
            push_pairs(state, globals);
            ffi::lua_setfield(state, globals, c"pairs".as_ptr());
            for (library, guarded) in GUARDED {
                push_global(state, library, None);
                for (name, guard) in *guarded {
                    ffi::lua_getfield_(state, -1, name.as_ptr());
                    push_guarded(state, *guard);
                    ffi::lua_setfield(state, -2, name.as_ptr());
                }
                if *library == c"math" {
                    set_natives(state, math::FUNCTIONS, 0);
                }
                protect(state);
                ffi::lua_setfield(state, globals, library.as_ptr());
            }
            for (library, functions) in [
                (c"bit", bit::FUNCTIONS),
                (c"struct", structs::FUNCTIONS),
                (c"cmsgpack", cmsgpack::FUNCTIONS),
                (c"redis", redis_api::FUNCTIONS),
            ] {
                ffi::lua_createtable(state, 0, 0);
                set_natives(state, functions, 0);
                if library == c"redis" {
                    set_numbers(state, redis_api::NUMBERS);
                    set_texts(state, redis_api::TEXTS);
                } else if library == c"cmsgpack" {
                    set_texts(state, cmsgpack::TEXTS);
                }
                protect(state);
                ffi::lua_setfield(state, globals, library.as_ptr());
            }
            push_json(state, 0);
            protect(state);
            ffi::lua_setfield(state, globals, c"cjson".as_ptr());
            push_getmetatable(state, globals);
            ffi::lua_setfield(state, globals, c"getmetatable".as_ptr());
            ffi::lua_pushcclosure(state, failure::describe, 0);
            ffi::lua_pushvalue(state, -1);
            let handler = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
            ffi::lua_setfield(state, globals, c"__redis__err__handler".as_ptr());
            close(state, globals);
            ffi::lua_settop(state, globals);
            let globals = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
            Sandbox { globals, handler }
        }
    }
}

/// Makes the table at `globals` the place of global variables: unknown ones are an error, and what
/// scripts see of it is protected.
unsafe fn close(state: *mut ffi::lua_State, globals: c_int) {
    // SAFETY: by contract of `build`.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_pushcclosure(state, unknown_global, 0);
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        ffi::lua_pushvalue(state, -1);
        ffi::lua_setmetatable(state, globals);
        protect(state);
        ffi::lua_pushvalue(state, globals);
        protect(state);
        ffi::lua_insert(state, -2);
        show_metatable(state);
        ffi::lua_pushvalue(state, -1);
        ffi::lua_setfield(state, globals, c"_G".as_ptr());
        ffi::lua_replace(state, ffi::LUA_GLOBALSINDEX);
    }
}

/// Pushes a global variable of Lua's own, guarded.
unsafe fn push_global(state: *mut ffi::lua_State, name: &CStr, guard: Option<Guard>) {
    // SAFETY: by contract of `build`.
    unsafe {
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, name.as_ptr());
        if let Some(guard) = guard {
            push_guarded(state, guard);
        }
    }
}

/// Pushes Lua's `pairs`, which returns its upvalue, as a function that returns our `next`.
unsafe fn push_pairs(state: *mut ffi::lua_State, globals: c_int) {
    // SAFETY: by contract of `build`.
    unsafe {
        push_global(state, c"pairs", None);
        let pairs = ffi::lua_tocfunction(state, -1);
        ffi::lua_settop(state, -2);
        ffi::lua_getfield_(state, globals, c"next".as_ptr());
        if let Some(pairs) = pairs {
            ffi::lua_pushcclosure(state, pairs, 1);
        }
    }
}

/// Pushes `getmetatable`, which shows of the metatable of strings only what it has of the protected
/// `string`.
unsafe fn push_getmetatable(state: *mut ffi::lua_State, globals: c_int) {
    // SAFETY: by contract of `build`.
    unsafe {
        push_global(state, c"getmetatable", None);
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_getfield_(state, globals, c"string".as_ptr());
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        protect(state);
        ffi::lua_pushcclosure(state, guard::getmetatable, 2);
    }
}

/// Pushes a table with the functions of `cjson`, with settings of their own.
///
/// # Safety
///
/// Host side (rule 2), with five free stack slots.
pub(super) unsafe fn push_json(state: *mut ffi::lua_State, instance: usize) {
    // SAFETY: by contract.
    unsafe {
        ffi::lua_createtable(state, 0, 0);
        set_natives(state, cjson::FUNCTIONS, instance);
        ffi::lua_pushlightuserdata(state, std::ptr::null_mut());
        ffi::lua_setfield(state, -2, c"null".as_ptr());
        set_texts(state, cjson::TEXTS);
    }
}

/// Adds host functions to the table on top of the stack.
unsafe fn set_natives(state: *mut ffi::lua_State, functions: &'static [Native], instance: usize) {
    // SAFETY: by contract of the callers.
    unsafe {
        for function in functions {
            push_bytes(state, function.name);
            push_native(state, function, instance);
            ffi::lua_rawset(state, -3);
        }
    }
}

unsafe fn set_numbers(state: *mut ffi::lua_State, numbers: &[(&str, f64)]) {
    // SAFETY: by contract of the callers.
    unsafe {
        for (name, number) in numbers {
            push_bytes(state, name);
            ffi::lua_pushnumber(state, *number);
            ffi::lua_rawset(state, -3);
        }
    }
}

unsafe fn set_texts(state: *mut ffi::lua_State, texts: &[(&str, &str)]) {
    // SAFETY: by contract of the callers.
    unsafe {
        for (name, text) in texts {
            push_bytes(state, name);
            push_bytes(state, text);
            ffi::lua_rawset(state, -3);
        }
    }
}

unsafe fn push_bytes(state: *mut ffi::lua_State, text: &str) {
    // SAFETY: by contract of the callers.
    unsafe { ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len()) };
}

/// `__index` of the global variables.
unsafe extern "C-unwind" fn unknown_global(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls this with free stack slots; nothing has a destructor (rule 1).
    unsafe {
        if ffi::lua_gettop(state) != 2 {
            let text = c"Wrong number of arguments to luaProtectedTableError";
            ffi::lua_pushstring_(state, text.as_ptr());
        } else if ffi::lua_isstring(state, 2) == 0 {
            let text = c"Second argument to luaProtectedTableError must be a string or number";
            ffi::lua_pushstring_(state, text.as_ptr());
        } else {
            let format = c"Script attempted to access nonexistent global variable '%s'";
            ffi::lua_pushfstring(state, format.as_ptr(), ffi::lua_tostring(state, 2));
        }
        raise(state, Fault::Positioned)
    }
}
