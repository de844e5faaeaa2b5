//! One client: from arguments to replies in its outbox.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redstart_protocol::facts::Flags;
use redstart_protocol::{Octets, Resp, Value};

#[cfg(feature = "durable")]
use super::durability;
use super::{eviction, plan, upkeep};
use crate::command::ctx::{Ctx, Origin};
use crate::command::error::CommandError;
use crate::command::{self, Command};
use crate::data::{Blob, same};
#[cfg(feature = "durable")]
use crate::durable::Promise;
use crate::keyspace::Space;
use crate::keyspace::shards::LockSet;
use crate::random::Rng;
use crate::state::attention::Attention;
use crate::state::session::{Replies, Session};
use crate::state::{Environment, Outbox};

/// A client of an engine: its selected database, transaction, watched keys, subscriptions.
///
/// One client is used by one thread at a time, as one connection to a server would be. Clients of
/// the same engine run side by side.
#[derive(Debug)]
pub struct Client {
    pub(super) environment: Arc<Environment>,
    pub(super) session: Session,
    pub(super) rng: Rng,
    /// The command that was called last and how it was spelled, unless it takes a second word to
    /// tell it from others.
    latest: Option<(Blob, &'static Command)>,
    /// What has to be safe before this client hears of it.
    #[cfg(feature = "durable")]
    pub(super) promise: Promise,
}

/// What to do after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Flow {
    /// Go on with the next command.
    Done,
    /// Send what is in the outbox and disconnect.
    Close,
    /// Clients are paused: nothing was done. Execute the same command again at this moment on the
    /// engine's monotonic clock, in microseconds, or earlier.
    Paused(u64),
}

/// Who a client is.
#[derive(Clone, Debug)]
pub struct Peer {
    address: String,
    local_address: String,
    trusted: bool,
}

impl Peer {
    /// A client inside this process, which needs no password.
    pub fn embedded() -> Peer {
        Peer {
            address: "embedded:0".into(),
            local_address: "embedded:0".into(),
            trusted: true,
        }
    }

    /// A client from outside: its address and the one it connected to, as CLIENT LIST shows them.
    pub fn remote(address: impl Into<String>, local_address: impl Into<String>) -> Peer {
        Peer {
            address: address.into(),
            local_address: local_address.into(),
            trusted: false,
        }
    }
}

impl Client {
    pub(super) fn new(environment: Arc<Environment>, outbox: Outbox, peer: Peer) -> Client {
        let now_us = environment.clock.now_us();
        let info = environment
            .registry
            .enter(peer.address, peer.local_address, now_us, &outbox);
        let authenticated = peer.trusted || !environment.config.has_password();
        let rng = environment.fork_rng();
        let session = Session::new(info, outbox, peer.trusted, authenticated);
        Client {
            environment,
            session,
            rng,
            latest: None,
            #[cfg(feature = "durable")]
            promise: Promise::default(),
        }
    }

    /// Executes one command; its replies go into the outbox before its locks are released.
    ///
    /// Of an engine that acknowledges only what is safe on disk, an outbox of bytes holds replies
    /// before they may be sent. The port knows how to wait for that; with an outbox of values it
    /// is waited for here.
    pub fn execute(&mut self, args: &[&[u8]]) -> Flow {
        let ran = self.run(args, true, |session, value, replied| {
            let silent = match session.replies {
                Replies::On => false,
                Replies::Off => true,
                Replies::SkipThisAndNext => {
                    session.replies = Replies::SkipNext;
                    true
                }
                Replies::SkipNext => {
                    session.replies = Replies::On;
                    true
                }
            };
            if !silent && !replied {
                session.outbox.push(value);
            }
        });
        #[cfg(feature = "durable")]
        if self.environment.durable.is_some()
            && !self.session.outbox.is_encoded()
            && !self.keep_promise()
        {
            self.session.outbox.close();
        }
        match (ran, self.session.closing || self.session.outbox.is_closed()) {
            (_, true) => Flow::Close,
            (Ran::Again(at), false) => Flow::Paused(at),
            (Ran::Delivered(()) | Ran::Nothing, false) => Flow::Done,
        }
    }

    /// Executes one command and returns its reply. For callers inside the process: pushes go into
    /// the outbox as ever, the reply does not. A pause of clients is not waited for.
    pub fn call(&mut self, args: &[&[u8]]) -> Value {
        let ran = self.run(args, false, |_, value, _| value);
        #[cfg(feature = "durable")]
        if !self.keep_promise() {
            return self.disk_error().into_value();
        }
        match ran {
            Ran::Delivered(reply) => reply,
            Ran::Again(_) | Ran::Nothing => Value::Null,
        }
    }

    /// Loads a script that touches no key but those its calls declare, and returns its SHA-1 for
    /// EVALSHA. Only the shards of those keys are locked when it runs, and a call that touches
    /// another key is refused. SCRIPT FLUSH does not forget it.
    ///
    /// # Errors
    ///
    /// The reply that says why the script cannot be compiled.
    #[cfg(feature = "script")]
    pub fn load_operation(&self, source: &'static str) -> Result<String, Value> {
        let loaded = self.environment.scripts.load(source.as_bytes(), true)?;
        Ok(loaded.script.sha().to_string())
    }

    /// The client's queue of replies and pushes.
    pub fn outbox(&self) -> &Outbox {
        &self.session.outbox
    }

    /// The number CLIENT ID answers.
    pub fn id(&self) -> u64 {
        self.session.info.id
    }

    /// Notes how much input waits to be executed, and the room behind it, for CLIENT LIST.
    #[cfg(feature = "server")]
    pub(crate) fn note_input(&self, bytes: usize, room: usize) {
        let info = &self.session.info;
        info.input_bytes.store(bytes, Ordering::Relaxed);
        info.input_room.store(room, Ordering::Relaxed);
    }

    /// Whether the client has shown its password, or needs none.
    pub fn is_authenticated(&self) -> bool {
        self.session.authenticated || !self.environment.config.has_password()
    }

    /// How many channels and patterns the client listens to. Such a client is not idle.
    pub fn subscriptions(&self) -> usize {
        self.session.subscriptions()
    }

    /// Whether the client is shown every command. Such a client is not idle either.
    pub fn is_monitoring(&self) -> bool {
        self.session.monitoring
    }

    /// Whether it gets everything that changes.
    #[cfg(all(feature = "server", feature = "durable"))]
    pub(crate) fn is_replica(&self) -> bool {
        self.session.info.is_replica.load(Ordering::Relaxed)
    }

    /// The protocol version in force.
    pub fn resp(&self) -> Resp {
        self.session.resp
    }

    /// Runs one command, or has the caller come back if it may be made to wait.
    fn run<D>(
        &mut self,
        args: &[&[u8]],
        may_wait: bool,
        deliver: impl FnOnce(&mut Session, Value, bool) -> D,
    ) -> Ran<D> {
        if args.is_empty() {
            return Ran::Nothing;
        }
        let admitted = self.admit(args);
        if let Ok(Admitted::Run(plan)) = &admitted
            && let Some(until_us) = self.held_until(plan.command)
            && may_wait
        {
            return Ran::Again(until_us);
        }
        #[cfg(feature = "durable")]
        if let Ok(Admitted::Run(plan)) = &admitted
            && let Some(until_us) = self.wait_for_room(plan.command, may_wait)
        {
            return Ran::Again(until_us);
        }
        let coarse_us = self.environment.clock.coarse_us();
        self.session.info.note_command(coarse_us);

        match admitted {
            Ok(Admitted::Run(plan)) => self.perform(plan, args, coarse_us, may_wait, deliver),
            Ok(Admitted::Queue(command)) => {
                self.queue(command, args);
                Ran::Delivered(deliver(&mut self.session, QUEUED, false))
            }
            Err(error) => {
                command::refused(&mut self.session, args);
                let value = error.into_value();
                command::turned_away(&self.environment, args, &value);
                Ran::Delivered(deliver(&mut self.session, value, false))
            }
        }
    }

    /// Everything that is decided before a command runs, in Redis' order.
    #[inline(always)]
    fn admit(&mut self, args: &[&[u8]]) -> Result<Admitted, CommandError> {
        let command = self.command_of(args)?;
        match command.is_exec {
            false => self.admit_command(command, args),
            true => self
                .admit_command(command, args)
                .map_err(CommandError::abort_because),
        }
    }

    /// The command that is called. It is often the one that was called before.
    #[inline(always)]
    fn command_of(&mut self, args: &[&[u8]]) -> Result<&'static Command, CommandError> {
        if let Some((spelling, command)) = &self.latest
            && same(spelling, args[0])
        {
            return Ok(command);
        }
        self.command_named(args)
    }

    /// The command that is called, looked up and remembered.
    #[inline(never)]
    fn command_named(&mut self, args: &[&[u8]]) -> Result<&'static Command, CommandError> {
        let command = command::find(args)?;
        self.latest = match command.is_of_container {
            true => None,
            false => Some((args[0].into(), command)),
        };
        Ok(command)
    }

    #[inline(always)]
    fn admit_command(
        &self,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Result<Admitted, CommandError> {
        let (environment, session) = (&*self.environment, &self.session);
        command.check_arity(args)?;
        if command.is_for_debugging && !environment.options.debug_commands {
            return Err(CommandError::DEBUG_NOT_ALLOWED);
        }
        if !session.authenticated && !command.has(Flags::NO_AUTH) && !self.is_authenticated() {
            return Err(CommandError::NO_AUTH);
        }
        if environment.options.cluster_strict {
            plan::check_slots(command, args)?;
        }
        let in_transaction = session.transaction.is_some();
        let runs_now = !in_transaction || command.runs_at_once;
        let memory_is_short = eviction::make_room(environment, command)?;
        #[cfg(feature = "durable")]
        durability::check_disk(environment, session, command)?;
        if session.resp == Resp::V2 && session.subscriptions() > 0 && !command.serves_subscribers {
            return Err(CommandError::subscriber_context(command.name));
        }
        if session.monitoring && command.touches_keys() {
            return Err(CommandError::MONITOR_CONTEXT);
        }
        #[cfg(feature = "durable")]
        durability::check_loading(environment, command)?;
        if !runs_now {
            return match command.has(Flags::NO_MULTI) {
                true => Err(CommandError::not_in_transaction()),
                false => Ok(Admitted::Queue(command)),
            };
        }
        let locks = match command.is_exec {
            true => plan::locks_of_transaction(environment, session),
            false => plan::locks_of(environment, command, args),
        };
        Ok(Admitted::Run(Plan {
            command,
            locks,
            memory_is_short,
        }))
    }

    /// Until when a pause holds a command back.
    #[inline]
    fn held_until(&self, command: &Command) -> Option<u64> {
        let may_replicate = || match &self.session.transaction {
            Some(transaction) if command.is_exec => transaction.may_replicate,
            _ => command.may_replicate,
        };
        let now_us = || self.environment.clock.monotonic_us();
        self.environment.pause.holds(may_replicate, now_us)
    }

    /// Keeps a command for EXEC.
    fn queue(&mut self, command: &Command, args: &[&[u8]]) {
        if let Some(transaction) = &mut self.session.transaction {
            transaction.may_replicate |= command.may_replicate;
            let args = args.iter().map(|arg| Octets::from(*arg)).collect();
            transaction.queue.push(args);
            let queued = transaction.queue.len() as u32 + 1;
            self.session.info.queued.store(queued, Ordering::Relaxed);
        }
    }

    /// Runs a command under its locks: the reply is delivered and the effects are logged before
    /// they are released.
    #[inline(always)]
    fn perform<D>(
        &mut self,
        plan: Plan,
        args: &[&[u8]],
        coarse_us: u64,
        may_wait: bool,
        deliver: impl FnOnce(&mut Session, Value, bool) -> D,
    ) -> Ran<D> {
        let Plan {
            command,
            locks,
            memory_is_short,
        } = plan;
        let Client {
            environment,
            session,
            rng,
            #[cfg(feature = "durable")]
            promise,
            ..
        } = self;
        let locked = match environment
            .shards
            .lock(locks, || upkeep::patience(environment))
        {
            Ok(locked) => locked,
            Err(busy) => {
                let value = busy.into_value();
                command::turned_away(environment, args, &value);
                return Ran::Delivered(deliver(session, value, false));
            }
        };
        session
            .info
            .last_command
            .store(command.index + 1, Ordering::Relaxed);
        let surroundings = upkeep::surroundings(environment, coarse_us, true);
        let space = Space::new(&environment.shards, locked, surroundings, rng);
        let mut ctx = Ctx::new(space, session, environment, Origin::Client, memory_is_short);
        let value = command::invoke(&mut ctx, command, args);
        if !ctx.space.effects().is_empty() {
            let effects = std::mem::take(ctx.space.effects());
            let atomic = command.is_atomic_batch;
            let lsn = upkeep::append(&mut ctx.space, environment, &effects, atomic);
            #[cfg(feature = "durable")]
            promise.wrote(lsn);
            #[cfg(not(feature = "durable"))]
            let _ = lsn;
        }
        #[cfg(feature = "durable")]
        durability::note(environment, &ctx.space, promise);
        match ctx.again_at {
            Some(again_at) if may_wait => {
                ctx.session.is_called_again = true;
                Ran::Again(again_at)
            }
            _ => {
                let replied = ctx.replied;
                let delivered = deliver(ctx.session, value, replied);
                if ctx.attention & Attention::SHOWING != 0 {
                    command::show(&ctx, command, args);
                }
                Ran::Delivered(delivered)
            }
        }
    }
}

const QUEUED: Value = Value::simple("QUEUED");

/// What became of a call.
enum Ran<D> {
    /// It has a reply, and this is what its delivery came to.
    Delivered(D),
    /// Nothing was done, or not all: it is to be called again at this moment on the monotonic
    /// clock, in microseconds.
    Again(u64),
    /// Nothing was called.
    Nothing,
}

/// How a command is to be run.
struct Plan {
    command: &'static Command,
    locks: LockSet,
    /// There is not enough memory; the command can do without more.
    memory_is_short: bool,
}

/// What becomes of a command.
enum Admitted {
    Run(Plan),
    Queue(&'static Command),
}

impl Drop for Client {
    fn drop(&mut self) {
        command::leave(&self.environment, &mut self.session);
        self.environment.registry.leave(&self.session.info);
    }
}
