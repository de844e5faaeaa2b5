//! Scripts: EVAL and its kin, SCRIPT.
//!
//! A script runs on the caller's thread under its locks: those of all shards, since it may touch
//! keys it does not declare, or those of its declared keys if it was loaded as one that declares
//! them all. What it calls runs as any command does, with a script's restrictions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use redstart_protocol::facts::{self, Flags};
use redstart_protocol::{Resp, Value, slot};

use super::args::{integer, is};
use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, measure, row};
use crate::script::{Caller, LogLevel, ReplicationTargets, Sha, Stop};
use crate::stall;
use crate::state::attention::Attention;
use crate::state::scripts::{Loaded, Running, Unkillable};

pub(super) const TABLE: &[Row] = &[
    row("eval", eval).runs_scripts(),
    row("eval_ro", eval_ro).runs_scripts(),
    row("evalsha", evalsha).runs_scripts(),
    row("evalsha_ro", evalsha_ro).runs_scripts(),
    row("script|load", load),
    row("script|exists", exists),
    row("script|flush", flush),
    row("script|kill", kill),
    row("script|help", help),
];

fn eval(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    show(ctx, args);
    let (keys, rest) = keys_and_args(args)?;
    match ctx.env.scripts.load(Bytes::copy_from_slice(args[1]), false) {
        Err(refusal) => Ok(refusal),
        Ok(loaded) => run(ctx, &loaded, keys, rest, false),
    }
}

fn eval_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    show(ctx, args);
    let (keys, rest) = keys_and_args(args)?;
    match ctx.env.scripts.load(Bytes::copy_from_slice(args[1]), false) {
        Err(refusal) => Ok(refusal),
        Ok(loaded) => run(ctx, &loaded, keys, rest, true),
    }
}

fn evalsha(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    show(ctx, args);
    let (sha, (keys, rest)) = (sha(args[1])?, keys_and_args(args)?);
    let loaded = ctx.env.scripts.find(&sha).ok_or(CommandError::NO_SCRIPT)?;
    run(ctx, &loaded, keys, rest, false)
}

fn evalsha_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    show(ctx, args);
    let (sha, (keys, rest)) = (sha(args[1])?, keys_and_args(args)?);
    let loaded = ctx.env.scripts.find(&sha).ok_or(CommandError::NO_SCRIPT)?;
    run(ctx, &loaded, keys, rest, true)
}

/// A script is shown to those who MONITOR before what it calls.
fn show(ctx: &Ctx<'_>, args: &[&[u8]]) {
    if ctx.attention & Attention::SHOWING != 0
        && let Ok(command) = super::find(args)
    {
        measure::show_always(ctx, command, args);
    }
}

/// What cannot be a SHA-1 is told so before anything else is looked at.
fn sha(text: &[u8]) -> Result<Sha, CommandError> {
    Sha::parse(text).ok_or(CommandError::NO_SCRIPT)
}

type Slices<'a> = &'a [&'a [u8]];

fn keys_and_args<'a>(args: &'a [&'a [u8]]) -> Result<(Slices<'a>, Slices<'a>), CommandError> {
    let count = integer(args[2])?;
    if count > args.len() as i64 - 3 {
        return Err(CommandError::TOO_MANY_KEYS);
    }
    match usize::try_from(count) {
        Ok(count) => Ok(args[3..].split_at(count)),
        Err(_) => Err(CommandError::new("ERR Number of keys can't be negative")),
    }
}

fn run(
    ctx: &mut Ctx<'_>,
    loaded: &Loaded,
    keys: &[&[u8]],
    args: &[&[u8]],
    read_only: bool,
) -> Result<Value, CommandError> {
    let flags = loaded.script.flags();
    if read_only && flags.declared && !flags.no_writes {
        return Err(CommandError::new(
            "ERR Can not execute a script with write flag using *_ro command.",
        ));
    }
    if ctx.env.options.cluster_strict && flags.no_cluster {
        return Err(CommandError::new(
            "ERR Can not run script on cluster, 'no-cluster' flag is set.",
        ));
    }
    let memory_is_short = ctx.memory_is_short;
    if memory_is_short && flags.declared && !flags.allow_oom && !flags.no_writes {
        return Err(CommandError::new(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > \
             'maxmemory'",
        ));
    }

    let env = Arc::clone(ctx.env);
    let started = env.scripts.start(env.clock.monotonic_us());
    let (db, resp, origin) = (ctx.session.db, ctx.resp, ctx.origin);
    let logging = ctx.space.is_logging();
    let mut host = Host {
        read_only: read_only || flags.no_writes,
        deny_oom: memory_is_short && !flags.allow_oom,
        single_slot: env.options.cluster_strict && !flags.allow_cross_slot_keys,
        slot: keys.first().map(|key| slot(key)),
        declared_only: loaded.declares_its_keys,
        running: Arc::clone(&started.running),
        steps: 0,
        logging,
        latest_error: Bytes::new(),
        ctx,
    };
    host.ctx.origin = Origin::Script;
    host.ctx.resp = Resp::V2;
    let reply = env
        .scripts
        .runtime
        .run(&loaded.script, keys, args, &mut host);
    let latest_error = host.latest_error;
    // An error that a call raised is still the script's, but not one more.
    ctx.error_counted = !latest_error.is_empty()
        && matches!(&reply, Value::Error(text) if text.starts_with(&latest_error));
    // What the script selected and asked for was for itself alone.
    ctx.session.db = db;
    ctx.resp = resp;
    ctx.origin = origin;
    ctx.space.set_logging(logging);
    ctx.effect_logged = true;
    Ok(reply)
}

/// The engine as a running script sees it.
struct Host<'h, 'c> {
    ctx: &'h mut Ctx<'c>,
    read_only: bool,
    /// Memory was short when the script began: commands that need more are refused until it has
    /// written, so that it is not cut in half.
    deny_oom: bool,
    /// All keys must be of one slot.
    single_slot: bool,
    slot: Option<u16>,
    /// Only declared keys may be touched: no other's shard is locked.
    declared_only: bool,
    running: Arc<Running>,
    steps: u64,
    logging: bool,
    /// The last error a call was answered with, which was counted then.
    latest_error: Bytes,
}

impl Host<'_, '_> {
    fn admit(&mut self, args: &[&[u8]]) -> Result<&'static super::Command, CommandError> {
        let unknown = CommandError::new("ERR Unknown Redis command called from script");
        let command = super::find(args).map_err(|_| unknown)?;
        if command.check_arity(args).is_err() {
            return Err(CommandError::new(
                "ERR Wrong number of args calling Redis command from script",
            ));
        }
        if command.has(Flags::NO_SCRIPT) {
            return Err(CommandError::new(
                "ERR This Redis command is not allowed from script",
            ));
        }
        let writes = command.has(Flags::WRITE) || command.has(Flags::MAY_REPLICATE);
        if writes && self.read_only {
            return Err(CommandError::new(
                "ERR Write commands are not allowed from read-only scripts.",
            ));
        }
        let wrote = self.running.wrote.load(Ordering::Relaxed);
        if self.deny_oom && !wrote && command.has(Flags::DENY_OOM) {
            return Err(CommandError::OUT_OF_MEMORY);
        }
        #[cfg(feature = "durable")]
        if command.has(Flags::WRITE)
            && !wrote
            && let Some(durable) = &self.ctx.env.durable
            && durable.refuses_writes()
            && let Some(error) = CommandError::disk(durable)
        {
            return Err(error);
        }
        self.check_keys(command, args)?;
        Ok(command)
    }

    fn check_keys(&mut self, command: &super::Command, args: &[&[u8]]) -> Result<(), CommandError> {
        if self.declared_only && command.reaches_further(args) {
            return Err(CommandError::UNDECLARED_KEY);
        }
        if !self.single_slot && !self.declared_only {
            return Ok(());
        }
        let Ok(keys) = facts::keys(command.facts, args) else {
            return Ok(());
        };
        for key in keys.iter() {
            let key = args[key.index];
            if self.declared_only && !self.ctx.space.covers(key) {
                return Err(CommandError::UNDECLARED_KEY);
            }
            if self.single_slot && *self.slot.get_or_insert(slot(key)) != slot(key) {
                return Err(CommandError::new(
                    "ERR Script attempted to access keys that do not hash to the same slot",
                ));
            }
        }
        Ok(())
    }
}

impl Caller for Host<'_, '_> {
    fn call(&mut self, args: &[&[u8]]) -> Value {
        let reply = match self.admit(args) {
            Err(error) => {
                let refusal = error.into_value();
                measure::turned_away(self.ctx.env, args, &refusal);
                refusal
            }
            Ok(command) => {
                if command.has(Flags::WRITE) {
                    self.running.wrote.store(true, Ordering::Release);
                }
                super::invoke(self.ctx, command, args)
            }
        };
        if let Value::Error(text) = &reply {
            self.latest_error = Bytes::copy_from_slice(text);
        }
        reply
    }

    fn set_resp(&mut self, resp: Resp) {
        self.ctx.resp = resp;
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        match level {
            LogLevel::Debug | LogLevel::Verbose => tracing::debug!("script: {text}"),
            LogLevel::Notice => tracing::info!("script: {text}"),
            LogLevel::Warning => tracing::warn!("script: {text}"),
        }
    }

    fn set_replication(&mut self, targets: ReplicationTargets) {
        self.ctx.space.set_logging(self.logging && targets.log);
    }

    fn may_run(&mut self, args: &[&[u8]]) -> Option<bool> {
        super::find(args).ok().map(|_| true)
    }

    fn interrupt(&mut self, steps: u64) -> Option<Stop> {
        /// Steps after which a script is ended even if the clock stands still, as a simulated one
        /// may: some ten seconds' worth.
        const STEPS_MAX: u64 = 2_000_000_000;
        /// From then on a script is a long one.
        const LONG_US: u64 = 1_000;
        if self.running.killed.load(Ordering::Acquire) {
            return Some(Stop::Killed);
        }
        self.steps += steps;
        let now_us = self.ctx.env.clock.monotonic_us();
        let ran_us = now_us.saturating_sub(self.running.started_us);
        if ran_us > LONG_US {
            stall::mention();
        }
        let stands_still = ran_us == 0 && self.steps > STEPS_MAX;
        let limit_us = self.ctx.env.options.script_time_limit_us;
        (stands_still || ran_us > limit_us).then_some(Stop::TimedOut)
    }
}

fn load(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(
        match ctx.env.scripts.load(Bytes::copy_from_slice(args[2]), false) {
            Err(refusal) => refusal,
            Ok(loaded) => Value::bulk(loaded.script.sha().as_bytes()),
        },
    )
}

fn exists(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let found = args[2..].iter().map(|sha| {
        let found = Sha::parse(sha).is_some_and(|sha| ctx.env.scripts.find(&sha).is_some());
        Value::Integer(i64::from(found))
    });
    Ok(Value::Array(found.collect()))
}

fn flush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    match args.get(2) {
        None => {}
        Some(mode) if args.len() == 3 && (is(mode, "SYNC") || is(mode, "ASYNC")) => {}
        Some(_) => {
            return Err(CommandError::new(
                "ERR SCRIPT FLUSH only support SYNC|ASYNC option",
            ));
        }
    }
    ctx.env.scripts.forget_all();
    Ok(Value::OK)
}

fn kill(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    match ctx.env.scripts.kill() {
        Ok(()) => Ok(Value::OK),
        Err(Unkillable::NothingRuns) => Err(CommandError::new(
            "NOTBUSY No scripts in execution right now.",
        )),
        Err(Unkillable::HasWritten) => Err(CommandError::new(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You \
             can either wait the script termination or kill the server in a hard way using the \
             SHUTDOWN NOSAVE command.",
        )),
    }
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(super::help_of(
        "SCRIPT",
        &[
            (
                "EXISTS <sha1> [<sha1> ...]",
                "Which of these scripts are loaded.",
            ),
            ("FLUSH [ASYNC|SYNC]", "Forget all loaded scripts."),
            ("KILL", "End the running script, if it has not written."),
            ("LOAD <script>", "Load a script without running it."),
        ],
    ))
}
