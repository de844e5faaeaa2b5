//! The compiled scripts of one virtual machine.

use std::ffi::c_int;
use std::slice;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use mlua_sys as ffi;

use super::super::source::{Script, Sha};
use super::border::host;

/// Compiled scripts by their SHA-1, each under a reference in Lua's registry.
#[derive(Debug, Default)]
pub(super) struct Functions {
    /// The keys are digests already.
    known: HashMap<Sha, Function, FixedState>,
    clock: u64,
}

#[derive(Debug)]
struct Function {
    reference: c_int,
    used: u64,
}

impl Functions {
    /// Beyond this the least recently used script is forgotten; it is compiled again when it is
    /// needed.
    const LEN_MAX: usize = 1024;

    /// Pushes the function of a script, or returns the compiler's message.
    ///
    /// # Safety
    ///
    /// Host side, with two free stack slots; always with the same state.
    pub(super) unsafe fn push(
        &mut self,
        state: *mut ffi::lua_State,
        script: &Script,
    ) -> Result<(), Vec<u8>> {
        self.clock += 1;
        if let Some(function) = self.known.get_mut(&script.sha()) {
            function.used = self.clock;
            // SAFETY: by contract.
            unsafe { ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function.reference) };
            return Ok(());
        }
        // SAFETY: by contract. Making and dropping references allocates, which does not fail here.
        unsafe {
            load(state, script.body())?;
            if self.known.len() == Functions::LEN_MAX {
                self.forget_one(state);
            }
            ffi::lua_pushvalue(state, -1);
            let reference = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
            let used = self.clock;
            self.known
                .insert(script.sha(), Function { reference, used });
        }
        Ok(())
    }

    unsafe fn forget_one(&mut self, state: *mut ffi::lua_State) {
        let oldest = self.known.iter().min_by_key(|(_, function)| function.used);
        if let Some(sha) = oldest.map(|(sha, _)| *sha)
            && let Some(function) = self.known.remove(&sha)
        {
            // SAFETY: by contract of `push`; the reference was made by it.
            unsafe { ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, function.reference) };
        }
    }
}

/// Compiles a chunk and pushes its function, or returns the compiler's message.
///
/// # Safety
///
/// Host side, with a free stack slot.
unsafe fn load(state: *mut ffi::lua_State, body: &[u8]) -> Result<(), Vec<u8>> {
    // Compiled chunks are not checked by Lua and could do anything. Redis' Lua takes their first byte
    // for source, and a space in front makes ours do the same.
    let spaced;
    let body = match body.first() {
        Some(&ESCAPE) => {
            spaced = [b" ", body].concat();
            spaced.as_slice()
        }
        _ => body,
    };
    // SAFETY: loading is protected: errors, that of exhausted memory included, are returned, and
    // leave a text on the stack, whose bytes are copied before it is popped.
    unsafe {
        let limited = host(state).memory.enforce(true);
        let name = c"@user_script".as_ptr();
        let status = ffi::luaL_loadbuffer(state, body.as_ptr().cast(), body.len(), name);
        drop(limited);
        if status == ffi::LUA_OK {
            return Ok(());
        }
        let mut len = 0;
        let text = ffi::lua_tolstring(state, -1, &mut len);
        let message = if text.is_null() {
            Vec::new()
        } else {
            slice::from_raw_parts(text.cast(), len).to_vec()
        };
        ffi::lua_settop(state, -2);
        Err(message)
    }
}

/// The first byte of a compiled chunk.
pub(super) const ESCAPE: u8 = 0x1B;
