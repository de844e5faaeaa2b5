//! The arguments of a host function, read as Lua's own library reads them.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::slice;

use mlua_sys as ffi;

use super::super::datum::Datum;
use super::super::error::{Outcome, Raise};
use super::data;

/// The arguments of a call, counted from 1 as in Lua's messages.
///
/// What is borrowed from them lives as long as the call, because the arguments stay on Lua's stack.
#[derive(Debug)]
pub(in crate::script) struct Args<'a> {
    state: *mut ffi::lua_State,
    len: usize,
    instance: usize,
    call: PhantomData<&'a ()>,
}

/// The type of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::script) enum Kind {
    /// There is no such argument.
    Missing,
    Nil,
    Boolean,
    Number,
    Text,
    Table,
    Other,
}

impl<'a> Args<'a> {
    /// # Safety
    ///
    /// `state` runs a C function, and for `'a` its arguments stay where they are and its memory
    /// limit is not enforced.
    pub(super) unsafe fn new(state: *mut ffi::lua_State, instance: usize) -> Args<'a> {
        Args {
            state,
            // SAFETY: by contract the state is alive.
            len: unsafe { ffi::lua_gettop(state) } as usize,
            instance,
            call: PhantomData,
        }
    }

    pub(in crate::script) fn len(&self) -> usize {
        self.len
    }

    /// The number of the library that the function belongs to: see `cjson.new`.
    pub(in crate::script) fn instance(&self) -> usize {
        self.instance
    }

    pub(in crate::script) fn kind(&self, index: usize) -> Kind {
        match self.raw_type(index) {
            ffi::LUA_TNONE => Kind::Missing,
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::Text,
            ffi::LUA_TTABLE => Kind::Table,
            _ => Kind::Other,
        }
    }

    /// Whether the argument is true in a condition.
    pub(in crate::script) fn is_true(&self, index: usize) -> bool {
        // SAFETY: reading any index below the stack's size is allowed.
        unsafe { ffi::lua_toboolean(self.state, self.slot(index)) != 0 }
    }

    /// A number, or a text that reads as one.
    pub(in crate::script) fn to_number(&self, index: usize) -> Option<f64> {
        let slot = self.slot(index);
        // SAFETY: as above; neither function allocates or raises an error.
        unsafe {
            (ffi::lua_isnumber(self.state, slot) != 0).then(|| ffi::lua_tonumber(self.state, slot))
        }
    }

    /// A text, or a number, which becomes one.
    pub(in crate::script) fn to_text(&self, index: usize) -> Option<&'a [u8]> {
        if !matches!(self.kind(index), Kind::Text | Kind::Number) {
            return None;
        }
        let mut len = 0;
        // SAFETY: turning a number into a text allocates, which does not fail here (rule 2). The
        // bytes are Lua's and neither move nor change while the text is on the stack, where it stays
        // for `'a`.
        unsafe {
            let text = ffi::lua_tolstring(self.state, self.slot(index), &mut len);
            Some(slice::from_raw_parts(text.cast(), len))
        }
    }

    pub(in crate::script) fn number(&self, index: usize) -> Outcome<f64> {
        self.to_number(index)
            .ok_or_else(|| self.expected(index, "number"))
    }

    pub(in crate::script) fn text(&self, index: usize) -> Outcome<&'a [u8]> {
        self.to_text(index)
            .ok_or_else(|| self.expected(index, "string"))
    }

    /// A number cut to an integer as C does it.
    pub(in crate::script) fn integer(&self, index: usize) -> Outcome<i64> {
        self.number(index).map(to_integer)
    }

    pub(in crate::script) fn optional_integer(&self, index: usize, default: i64) -> Outcome<i64> {
        match self.kind(index) {
            Kind::Missing | Kind::Nil => Ok(default),
            _ => self.integer(index),
        }
    }

    /// Any value, tables with everything in them down to a depth.
    pub(in crate::script) fn datum(&self, index: usize, depth_max: usize) -> Outcome<Datum<'a>> {
        // SAFETY: the argument stays on the stack for `'a`, and with it all that it refers to,
        // because nothing but the host function runs until then.
        unsafe { data::read(self.state, self.slot(index), depth_max) }
    }

    /// How many more values fit on the stack.
    pub(in crate::script) fn room(&self) -> usize {
        const STACK_SLOTS_MAX: usize = 8000;
        STACK_SLOTS_MAX.saturating_sub(self.len)
    }

    pub(in crate::script) fn expected(&self, index: usize, type_name: &str) -> Raise {
        // SAFETY: `lua_typename` returns a static C string for every type there is.
        let found = unsafe {
            let name = ffi::lua_typename(self.state, self.raw_type(index));
            CStr::from_ptr(name).to_string_lossy()
        };
        Raise::argument(index, format!("{type_name} expected, got {found}"))
    }

    fn raw_type(&self, index: usize) -> c_int {
        // SAFETY: as above.
        unsafe { ffi::lua_type(self.state, self.slot(index)) }
    }

    /// Arguments that are not there have the index of one that is not there either, so that no index
    /// lies beyond what Lua reserved.
    fn slot(&self, index: usize) -> c_int {
        index.min(self.len + 1) as c_int
    }
}

/// C's cast to `int` on the machines Redis runs on.
pub(in crate::script) fn to_int(number: f64) -> i32 {
    let truncated = number.trunc();
    if (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&truncated) {
        truncated as i32
    } else {
        i32::MIN
    }
}

/// C's cast to a 64-bit integer, likewise.
pub(in crate::script) fn to_integer(number: f64) -> i64 {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if (-BEYOND..BEYOND).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}
