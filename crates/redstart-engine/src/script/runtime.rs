//! The pool of virtual machines.

use std::sync::Arc;

use redstart_protocol::Value;

use super::caller::Caller;
use super::prng::Prng;
use super::source::Script;
use super::vm::Vm;
use crate::shim::Mutex;

/// Runs scripts, any number of them at once, each in a virtual machine of its own.
///
/// Machines are made when they are needed and kept for the next script. Each keeps the scripts that it
/// has compiled.
#[derive(Debug)]
pub struct Runtime {
    idle: Mutex<Vec<Vm>>,
    limits: Limits,
    prng: Arc<Prng>,
}

/// What a script may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one virtual machine, in bytes. A script that needs more ends in an error.
    pub memory: usize,
    /// Machines kept for later when no script runs.
    pub idle: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 256 << 20,
            idle: 16,
        }
    }
}

impl Default for Runtime {
    fn default() -> Runtime {
        Runtime::new(Limits::default())
    }
}

impl Runtime {
    /// A runtime with these limits.
    pub fn new(limits: Limits) -> Runtime {
        Runtime {
            idle: Mutex::new(Vec::new()),
            limits,
            prng: Arc::new(Prng::new()),
        }
    }

    /// Checks that a script compiles. An error is a reply in Redis' words.
    pub fn compile(&self, script: &Script) -> Result<(), Value> {
        let mut vm = self.take();
        let compiled = vm.compile(script);
        self.give_back(vm);
        compiled
    }

    /// Runs a script and answers what it returns, or the error that it ends in.
    ///
    /// The caller is asked for everything the script does outside of Lua. A panic of the caller ends
    /// the script and goes on behind it.
    pub fn run(
        &self,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        caller: &mut dyn Caller,
    ) -> Value {
        let mut vm = self.take();
        let value = vm.run(script, keys, args, caller);
        self.give_back(vm);
        value
    }

    /// Forgets the scripts that idle machines have compiled, and gives their memory back.
    pub fn flush(&self) {
        self.idle.lock().clear();
    }

    /// Bytes that idle machines use.
    pub fn memory(&self) -> usize {
        self.idle.lock().iter().map(Vm::memory).sum()
    }

    fn take(&self) -> Vm {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| Vm::new(self.limits.memory, Arc::clone(&self.prng)))
    }

    fn give_back(&self, vm: Vm) {
        if vm.is_reusable() {
            let mut idle = self.idle.lock();
            if idle.len() < self.limits.idle {
                idle.push(vm);
            }
        }
    }
}
