//! The border to PUC-Rio Lua: the only place of this module that is not safe Rust.
//!
//! Lua reports errors by `longjmp`, which must not skip a destructor. What keeps that true, and what
//! the notes beside `unsafe` lean on:
//!
//! 1. **Only bare frames are jumped over.** Functions that Lua calls (`extern "C-unwind"`) and what
//!    they call while an error may be raised keep nothing on the stack that has a destructor.
//! 2. **Everything else runs where nothing is raised.** That is the host side: while
//!    [`Memory`](memory::Memory) does not enforce its limit no allocation of Lua fails (a failure of
//!    the system's allocator ends the process, as everywhere in Rust), and of Lua's interface only
//!    functions are used there that raise nothing else: pushing values, raw access to tables,
//!    loading a chunk, protected calls. The limit is enforced exactly while Lua itself runs.
//! 3. **The collector runs no Lua code.** Finalizers exist in Lua 5.1 for userdata only, and scripts
//!    cannot make any.
//! 4. **Every virtual machine has one [`Host`](super::host::Host)**, which outlives its state and of
//!    which nobody holds a `&mut`.
//! 5. **Stack slots.** Lua gives every function that it calls 20 free slots, and as many to whoever
//!    holds a state that runs nothing. Whoever may need more asks for them by `lua_checkstack`.

#![allow(unsafe_code)]

mod args;
mod border;
mod data;
mod failure;
mod functions;
mod guard;
mod hook;
pub(super) mod memory;
mod protect;
mod sandbox;
pub(super) mod slot;
mod sort;
mod state;

pub(super) use args::{Args, Kind, to_int, to_integer};
pub(super) use border::{Answer, Native};
pub(super) use state::Vm;
