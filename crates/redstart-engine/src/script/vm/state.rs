//! One virtual machine.

use std::cell::Cell;
use std::ffi::c_int;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use mlua_sys as ffi;
use redstart_protocol::Value;

use super::super::caller::{Caller, Stop};
use super::super::convert;
use super::super::error;
use super::super::host::Host;
use super::super::prng::Prng;
use super::super::source::Script;
use super::data::read;
use super::functions::Functions;
use super::hook;
use super::memory::allocate;
use super::sandbox::Sandbox;

/// A virtual machine with its sandbox and the scripts it has compiled. Between two runs it holds
/// nothing that a script could notice.
#[derive(Debug)]
pub(in crate::script) struct Vm {
    state: NonNull<ffi::lua_State>,
    host: NonNull<Host>,
    sandbox: Sandbox,
    functions: Functions,
    /// How the last run ended.
    broken: Cell<bool>,
}

// SAFETY: a `Vm` owns its state and its host, which nothing else refers to between two runs, and
// during a run nothing but the thread that runs it. Lua keeps nothing per thread, and of what it uses
// of the C library only the locale is shared, which it reads.
unsafe impl Send for Vm {}

impl Vm {
    /// Memory beyond which a virtual machine is not kept for the next script.
    const BYTES_KEPT_MAX: usize = 8 << 20;

    pub(in crate::script) fn new(memory_limit: usize, prng: Arc<Prng>) -> Vm {
        let host = Box::new(Host::new(memory_limit, prng));
        let host = NonNull::from(Box::leak(host));
        // SAFETY: the allocator gets the host that it expects, which `drop` frees after the state.
        let state = unsafe { ffi::lua_newstate(allocate, host.as_ptr().cast()) };
        let state = NonNull::new(state).expect("no limit is enforced yet");
        // SAFETY: the state is new, and still on the host side.
        let sandbox = unsafe { Sandbox::build(state.as_ptr()) };
        Vm {
            state,
            host,
            sandbox,
            functions: Functions::default(),
            broken: Cell::new(false),
        }
    }

    /// Compiles a script, unless that has been done.
    pub(in crate::script) fn compile(&mut self, script: &Script) -> Result<(), Value> {
        let state = self.state.as_ptr();
        // SAFETY: host side; the stack is empty between two runs, and left empty.
        let compiled = unsafe {
            let compiled = self.functions.push(state, script);
            ffi::lua_settop(state, 0);
            compiled
        };
        compiled.map_err(|message| error::does_not_compile(&message))
    }

    /// Runs a script and answers what it returns, or the error it ends in.
    pub(in crate::script) fn run(
        &mut self,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        caller: &mut dyn Caller,
    ) -> Value {
        // SAFETY: the host lives as long as `self`, and nobody has a `&mut` to it (rule 4).
        let host: &Host = unsafe { self.host.as_ref() };
        host.reset();
        let value = host.slot.hold(caller, || {
            // SAFETY: host side, with an empty stack.
            unsafe { self.run_on_host_side(host, script, keys, args) }
        });
        if let Some(panic) = host.take_panic() {
            self.broken.set(true);
            resume_unwind(panic);
        }
        value
    }

    /// Bytes in use.
    pub(in crate::script) fn memory(&self) -> usize {
        // SAFETY: as in `run`.
        unsafe { self.host.as_ref() }.memory.used()
    }

    /// Whether another script may run here.
    pub(in crate::script) fn is_reusable(&self) -> bool {
        // SAFETY: as in `run`.
        let host = unsafe { self.host.as_ref() };
        !self.broken.get()
            && !host.is_spoiled()
            && host.memory.used() <= Vm::BYTES_KEPT_MAX.min(host.memory.limit())
    }

    /// # Safety
    ///
    /// Host side (rule 2), with an empty stack.
    unsafe fn run_on_host_side(
        &mut self,
        host: &Host,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Value {
        let state = self.state.as_ptr();
        // SAFETY: by contract; at most eight of the free stack slots are used. The limit is enforced
        // while the script runs in a protected call, and at no other time.
        unsafe {
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, self.sandbox.handler);
            if let Err(message) = self.functions.push(state, script) {
                ffi::lua_settop(state, 0);
                return error::does_not_compile(&message);
            }
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, self.sandbox.globals);
            for (name, values) in [(c"KEYS", keys), (c"ARGV", args)] {
                ffi::lua_pushlstring_(state, name.as_ptr(), name.count_bytes());
                push_list(state, values);
                ffi::lua_rawset(state, -3);
            }
            ffi::lua_settop(state, -2);
            hook::install(state);
            let limit = host.memory.enforce(true);
            let status = ffi::lua_pcall(state, 0, 1, 1);
            drop(limit);
            let value = if status == ffi::LUA_OK {
                reply(state, host, script)
            } else {
                self.broken.set(status != ffi::LUA_ERRRUN);
                failure(state, host, script)
            };
            ffi::lua_settop(state, 0);
            value
        }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // SAFETY: both were made by `new` and belong to nobody else; the state uses the host until it
        // is closed. Closing runs no code of scripts (rule 3).
        unsafe {
            ffi::lua_close(self.state.as_ptr());
            drop(Box::from_raw(self.host.as_ptr()));
        }
    }
}

unsafe fn push_list(state: *mut ffi::lua_State, values: &[&[u8]]) {
    // SAFETY: by contract of `run_on_host_side`.
    unsafe {
        ffi::lua_createtable(state, c_int::try_from(values.len()).unwrap_or(0), 0);
        for (value, index) in values.iter().zip(1..) {
            ffi::lua_pushlstring_(state, value.as_ptr().cast(), value.len());
            ffi::lua_rawseti_(state, -2, index);
        }
    }
}

/// The reply for what the script returned, at index 2.
unsafe fn reply(state: *mut ffi::lua_State, host: &Host, script: &Script) -> Value {
    // SAFETY: host side; the value stays on the stack until the reply, which borrows nothing, is
    // made.
    match (unsafe { read(state, 2, convert::DEPTH_MAX) }, host.stop()) {
        (Ok(datum), _) => convert::to_reply(&datum, host.resp()),
        (Err(_), Some(stop)) => stopped(script, stop),
        (Err(_), None) => Value::error("ERR the reply of the script is too large"),
    }
}

fn stopped(script: &Script, stop: Stop) -> Value {
    let message = stop.message().as_bytes();
    error::failed(script.sha().as_bytes(), message, None)
}

/// The reply for the error at index 2.
unsafe fn failure(state: *mut ffi::lua_State, host: &Host, script: &Script) -> Value {
    let sha = script.sha();
    // SAFETY: host side; the value and what is pushed above it stay on the stack while their texts
    // are borrowed.
    unsafe {
        if ffi::lua_type(state, 2) != ffi::LUA_TTABLE {
            if let Some(stop) = host.stop() {
                return stopped(script, stop);
            }
            let message = text(state, 2).unwrap_or(b"execution failure");
            return error::gave_up(sha.as_bytes(), message);
        }
        let message = match field(state, "err") {
            Some(message) => message,
            None => b"ERR unknown error",
        };
        let place = match (field(state, "source"), field(state, "line")) {
            (Some(source), Some(line)) => Some((source, line)),
            _ => None,
        };
        error::failed(sha.as_bytes(), message, place)
    }
}

/// Pushes a field of the table at index 2.
unsafe fn field<'a>(state: *mut ffi::lua_State, name: &str) -> Option<&'a [u8]> {
    // SAFETY: by contract of `failure`; access is raw, so that it runs no code of the script.
    unsafe {
        ffi::lua_pushlstring_(state, name.as_ptr().cast(), name.len());
        ffi::lua_rawget_(state, 2);
        text(state, ffi::lua_gettop(state))
    }
}

unsafe fn text<'a>(state: *mut ffi::lua_State, index: c_int) -> Option<&'a [u8]> {
    // SAFETY: by contract of `failure`.
    unsafe {
        if ffi::lua_isstring(state, index) == 0 {
            return None;
        }
        let mut len = 0;
        let text = ffi::lua_tolstring(state, index, &mut len);
        Some(slice::from_raw_parts(text.cast(), len))
    }
}
