//! The one way in which Lua calls host functions, and in which they raise errors.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use mlua_sys as ffi;
use redstart_protocol::Value;

use super::super::convert;
use super::super::datum::Datum;
use super::super::error::{Outcome, Raise, Reply};
use super::super::host::Host;
use super::args::Args;
use super::data::{Full, push};
use super::sandbox;

/// A function of the host that scripts can call.
pub(in crate::script) struct Native {
    pub(in crate::script) name: &'static str,
    pub(in crate::script) run: for<'a> fn(&Args<'a>, &'a Host) -> Outcome<Answer<'a>>,
}

/// What such a function returns.
pub(in crate::script) enum Answer<'a> {
    Nothing,
    One(Datum<'a>),
    Many(Vec<Datum<'a>>),
    /// What a command answered.
    Reply(Value),
    /// A new `cjson` library with the settings of this number.
    Json(usize),
}

/// Pushes the closure for a host function.
///
/// # Safety
///
/// Host side (rule 2), with two free stack slots.
pub(super) unsafe fn push_native(
    state: *mut ffi::lua_State,
    native: &'static Native,
    instance: usize,
) {
    // SAFETY: by contract.
    unsafe {
        ffi::lua_pushlightuserdata(state, (&raw const *native).cast_mut().cast());
        ffi::lua_pushnumber(state, instance as f64);
        ffi::lua_pushcclosure(state, dispatch, 2);
    }
}

/// The host that belongs to a state.
///
/// # Safety
///
/// The state was made by [`Vm`](super::Vm); the reference is not used longer than the state lives.
pub(super) unsafe fn host<'a>(state: *mut ffi::lua_State) -> &'a Host {
    let mut host: *mut c_void = null_mut();
    // SAFETY: the allocator's argument is the host (rule 4).
    unsafe {
        ffi::lua_getallocf(state, &mut host);
        &*host.cast_const().cast::<Host>()
    }
}

/// How the message on top of the stack is to be raised.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// As it is.
    Bare,
    /// With the position of the caller in front.
    Positioned,
    /// As the fault of an argument.
    Argument(c_int),
}

/// Raises the error whose message is on top of the stack.
///
/// # Safety
///
/// Called by a function that Lua called, with only bare frames between (rule 1).
pub(super) unsafe fn raise(state: *mut ffi::lua_State, fault: Fault) -> ! {
    // SAFETY: by contract; the message stays on the stack while its text is read.
    unsafe {
        match fault {
            Fault::Bare => {}
            Fault::Positioned => {
                ffi::luaL_where(state, 1);
                ffi::lua_insert(state, -2);
                ffi::lua_concat(state, 2);
            }
            Fault::Argument(index) => {
                ffi::luaL_argerror(state, index, ffi::lua_tostring(state, -1));
            }
        }
        ffi::lua_error(state)
    }
}

/// Puts the message of an error on top of the stack. Clears nothing.
///
/// # Safety
///
/// The state runs a C function, with two free stack slots. This may be called on the host side and
/// beyond it.
pub(super) unsafe fn prepare(state: *mut ffi::lua_State, raise: Raise) -> Fault {
    // SAFETY: the reference is used in this function only. Pushing below is on the host side.
    unsafe {
        let host = host(state);
        let _free = host.memory.enforce(false);
        let (message, fault) = match raise {
            Raise::Text(text) => (Datum::owned(text), Fault::Positioned),
            Raise::Argument(index, text) => {
                let index = c_int::try_from(index).unwrap_or(c_int::MAX);
                (Datum::owned(text), Fault::Argument(index))
            }
            Raise::Reply(Reply { text, counted }) => (convert::failure(text, counted), Fault::Bare),
            Raise::Bare(text) => (Datum::text(text.as_bytes()), Fault::Bare),
            Raise::Memory => (Datum::text(b"not enough memory"), Fault::Bare),
            Raise::Stopped => {
                let text = host.stop().map_or("", |stop| stop.message());
                (convert::failure(text.into(), false), Fault::Bare)
            }
        };
        if push(state, &message).is_err() {
            ffi::lua_pushnil(state);
        }
        fault
    }
}

/// The C function behind every host function.
unsafe extern "C-unwind" fn dispatch(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state and the upvalues that `push_native` gave it.
    // Nothing here has a destructor, and `answer` has returned when an error is raised (rule 1).
    unsafe {
        let native = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1));
        let instance = ffi::lua_tonumber(state, ffi::lua_upvalueindex(2)) as usize;
        match answer(state, &*native.cast_const().cast::<Native>(), instance) {
            Ok(results) => results,
            Err(fault) => raise(state, fault),
        }
    }
}

/// Runs a host function and pushes what it returns, or the message of its error.
///
/// # Safety
///
/// As for [`dispatch`].
unsafe fn answer(
    state: *mut ffi::lua_State,
    native: &'static Native,
    instance: usize,
) -> Result<c_int, Fault> {
    // SAFETY: the arguments are on the stack until the end of this call, during which no limit is
    // enforced; results are pushed above them.
    unsafe {
        let host = host(state);
        let _free = host.memory.enforce(false);
        let args = Args::new(state, instance);
        let top = args.len() as c_int;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            (native.run)(&args, host).and_then(|answer| push_answer(state, answer, host))
        }));
        let pushed = ran.unwrap_or_else(|panic| Err(host.panicked(panic)));
        let outcome = match pushed {
            Ok(_) if host.memory.is_exceeded() => Err(Raise::Memory),
            pushed => pushed,
        };
        outcome.map_err(|raise| {
            ffi::lua_settop(state, top);
            prepare(state, raise)
        })
    }
}

/// # Safety
///
/// Host side (rule 2).
unsafe fn push_answer(
    state: *mut ffi::lua_State,
    answer: Answer<'_>,
    host: &Host,
) -> Outcome<c_int> {
    const OVERFLOW: &str = "stack overflow (too many results)";
    // SAFETY: by contract; room is asked for.
    unsafe {
        let count = match &answer {
            Answer::Nothing => return Ok(0),
            Answer::Many(results) => c_int::try_from(results.len()).unwrap_or(c_int::MAX),
            _ => 1,
        };
        if ffi::lua_checkstack(state, count) == 0 {
            return Err(Raise::text(OVERFLOW));
        }
        let pushed = match &answer {
            Answer::Nothing => Ok(()),
            Answer::One(datum) => push(state, datum),
            Answer::Many(results) => results.iter().try_for_each(|datum| push(state, datum)),
            Answer::Reply(value) => push(state, &convert::to_lua(value, host.resp())),
            Answer::Json(instance) => {
                sandbox::push_json(state, *instance);
                Ok(())
            }
        };
        pushed.map_err(|Full| Raise::text(OVERFLOW))?;
        Ok(count)
    }
}
