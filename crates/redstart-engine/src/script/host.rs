//! What the host functions of one virtual machine share: the caller of the current run, and
//! everything that must be as new at the beginning of each.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use redstart_protocol::{Resp, Value};

use super::caller::{Caller, Stop};
use super::cjson;
use super::datum::Datum;
use super::error::{Outcome, Raise};
use super::prng::Prng;
use super::vm::memory::Memory;
use super::vm::slot::Slot;

/// Where the host functions of a virtual machine find each other.
pub(crate) struct Host {
    pub(super) memory: Memory,
    pub(super) slot: Slot,
    prng: Arc<Prng>,
    resp: Cell<Resp>,
    /// The settings of `cjson` and of what `cjson.new` made, by number.
    json: RefCell<Vec<cjson::Settings>>,
    stop: Cell<Option<Stop>>,
    /// What the caller panicked with: it goes on once Lua's stack is left in order.
    panic: Cell<Option<Box<dyn Any + Send>>>,
    /// Work done since the last question.
    work: Cell<u64>,
    /// How near the next question is.
    pressure: Cell<u64>,
    /// The script has changed something that the next one would notice.
    spoiled: Cell<bool>,
    /// Somewhere in the thread's stack frame that started the run.
    stack_base: Cell<usize>,
}

/// Work is counted in nanoseconds, roughly: so many for an instruction of Lua.
const WORK_PER_STEP: u64 = 8;

/// What it takes until the caller is asked whether to go on: 100,000 instructions, as in Redis.
const PRESSURE_MAX: u64 = 100_000 * WORK_PER_STEP;

impl Host {
    /// How much of the thread's stack functions of Lua's library may use that call back into Lua.
    /// The most any other thing takes on top of it is some hundred KiB, and threads have 2 MiB.
    const STACK_BYTES_MAX: usize = 768 << 10;

    pub(super) fn new(memory_limit: usize, prng: Arc<Prng>) -> Host {
        Host {
            memory: Memory::new(memory_limit),
            slot: Slot::new(),
            prng,
            resp: Cell::new(Resp::V2),
            json: RefCell::new(vec![cjson::Settings::default()]),
            stop: Cell::new(None),
            panic: Cell::new(None),
            work: Cell::new(0),
            pressure: Cell::new(0),
            spoiled: Cell::new(false),
            stack_base: Cell::new(0),
        }
    }

    /// Gives the virtual machine up after this run.
    pub(super) fn spoil(&self) {
        self.spoiled.set(true);
    }

    pub(super) fn is_spoiled(&self) -> bool {
        self.spoiled.get() || self.stop.get().is_some()
    }

    /// Makes everything as new for the next run.
    pub(super) fn reset(&self) {
        let here = 0u8;
        self.stack_base.set(&raw const here as usize);
        self.resp.set(Resp::V2);
        self.stop.set(None);
        self.panic.set(None);
        self.work.set(0);
        self.pressure.set(0);
        let mut json = self.json.borrow_mut();
        json.truncate(1);
        json[0] = cjson::Settings::default();
    }

    pub(crate) fn prng(&self) -> &Prng {
        &self.prng
    }

    pub(crate) fn resp(&self) -> Resp {
        self.resp.get()
    }

    pub(crate) fn set_resp(&self, resp: Resp) -> Outcome<()> {
        self.resp.set(resp);
        self.ask(|caller| caller.set_resp(resp))
    }

    /// Bytes that the script may still use; nothing that a host function makes is longer.
    pub(crate) fn allowance(&self) -> usize {
        self.memory.allowance()
    }

    /// How many values host functions may keep in their own memory at once: as much as Lua may use.
    pub(crate) fn values_max(&self) -> usize {
        self.memory.limit() / size_of::<Datum<'_>>()
    }

    /// Runs a command. It may take long, so that a few commands are enough for a question.
    pub(crate) fn call(&self, args: &[&[u8]]) -> Outcome<Value> {
        const WORK: u64 = 300;
        const PRESSURE: u64 = PRESSURE_MAX / 16;
        self.spend(WORK, PRESSURE)?;
        self.ask(|caller| caller.call(args))
    }

    /// Asks the caller something. A panic of the caller is kept and the script is ended.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&mut dyn Caller) -> T) -> Outcome<T> {
        let asked = catch_unwind(AssertUnwindSafe(|| self.slot.with(question)));
        match asked {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Raise::text("redis is not available here")),
            Err(panic) => Err(self.panicked(panic)),
        }
    }

    /// Keeps a panic for the end of the run.
    pub(super) fn panicked(&self, panic: Box<dyn Any + Send>) -> Raise {
        self.panic.set(Some(panic));
        self.stop.set(Some(Stop::Killed));
        Raise::Stopped
    }

    pub(super) fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.panic.take()
    }

    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop.get()
    }

    /// Accounts for work of a function that executes no instruction of Lua.
    pub(crate) fn charge(&self, work: u64) -> Outcome<()> {
        self.spend(work, work)
    }

    /// Accounts for instructions of Lua. While a script uses much memory each of them may take long.
    pub(super) fn hook(&self, instructions: u64, heavy: bool) -> Outcome<()> {
        let work = instructions * WORK_PER_STEP;
        self.spend(work, if heavy { PRESSURE_MAX } else { work })
    }

    fn spend(&self, work: u64, pressure: u64) -> Outcome<()> {
        let work = self.work.get().saturating_add(work);
        let pressure = self.pressure.get().saturating_add(pressure);
        let due = pressure >= PRESSURE_MAX || self.stop.get().is_some();
        self.pressure.set(if due { 0 } else { pressure });
        self.work.set(if due { 0 } else { work });
        if due && self.stop.get().is_none() {
            self.stop
                .set(self.ask(|caller| caller.interrupt(work / WORK_PER_STEP))?);
        }
        match self.stop.get() {
            Some(_) => Err(Raise::Stopped),
            None => Ok(()),
        }
    }

    /// Whether functions that call back into Lua have nested so deep that the thread's stack is in
    /// danger.
    pub(super) fn stack_is_deep(&self) -> bool {
        let here = 0u8;
        (&raw const here as usize).abs_diff(self.stack_base.get()) > Host::STACK_BYTES_MAX
    }

    pub(crate) fn json<T>(
        &self,
        instance: usize,
        with: impl FnOnce(&mut cjson::Settings) -> T,
    ) -> T {
        let mut json = self.json.borrow_mut();
        // Every number was given out by `new_json`.
        let index = instance.min(json.len() - 1);
        with(&mut json[index])
    }

    /// New settings for `cjson.new`. They live until the end of the run.
    pub(crate) fn new_json(&self) -> Outcome<usize> {
        const INSTANCES_MAX: usize = 10_000;
        let mut json = self.json.borrow_mut();
        if json.len() == INSTANCES_MAX {
            return Err(Raise::Memory);
        }
        json.push(cjson::Settings::default());
        Ok(json.len() - 1)
    }
}
