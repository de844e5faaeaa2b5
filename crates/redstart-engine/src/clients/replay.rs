//! Carrying out a log: what was done once is done again, before anybody else is there.
//!
//! Time stands still at the beginning of all time, because a log is read long after it was written
//! and no deadline in it may pass before its turn: what expired was logged as a deletion.

use std::convert::Infallible;
use std::sync::Arc;

use redstart_protocol::Value;

use super::plan;
use crate::Outbox;
use crate::clock::Clock;
use crate::command::ctx::{Ctx, Origin};
use crate::command::{self, Command};
use crate::durable::Target;
use crate::keyspace::access::Access;
use crate::keyspace::shards::LockSet;
use crate::keyspace::{Space, Surroundings, Ttl};
use crate::random::Rng;
use crate::rdb::{Forms, RdbEntry};
use crate::state::Environment;
use crate::state::session::Session;

/// Somebody who only repeats.
pub(super) struct Replay<'e> {
    environment: &'e Arc<Environment>,
    session: Session,
    rng: Rng,
    clock: Dawn,
    /// The command that was carried out last: logs repeat themselves.
    latest: Option<(Vec<u8>, &'static Command)>,
}

impl<'e> Replay<'e> {
    pub(super) fn new(environment: &'e Arc<Environment>) -> Replay<'e> {
        let outbox = Outbox::values(|| {});
        let now_us = environment.clock.now_us();
        let name = || "replay:0".to_owned();
        let info = environment.registry.enter(name(), name(), now_us, &outbox);
        Replay {
            environment,
            session: Session::new(info, outbox, true, true),
            rng: environment.fork_rng(),
            clock: Dawn(Arc::clone(&environment.clock)),
            latest: None,
        }
    }

    fn find(&mut self, args: &[&[u8]]) -> Option<&'static Command> {
        match &self.latest {
            Some((name, command)) if name == args[0] => return Some(command),
            _ => {}
        }
        let command = command::find(args).ok()?;
        if command.facts.subcommands.is_empty() && !command.name.contains('|') {
            self.latest = Some((args[0].to_vec(), command));
        }
        Some(command)
    }
}

/// The keys of some shards. Nobody else is there, so their locks are not waited for.
fn space<'a>(
    environment: &'a Environment,
    clock: &'a Dawn,
    rng: &'a mut Rng,
    locks: LockSet,
) -> Space<'a> {
    let Ok(locked) = environment.shards.lock(locks, || Ok::<(), Infallible>(()));
    let surroundings = Surroundings {
        clock,
        coarse_us: clock.coarse_us(),
        tracking: environment.config.tracking(),
        observer: None,
        announcer: None,
        logging: false,
        touching: true,
    };
    Space::new(&environment.shards, locked, surroundings, rng)
}

impl Target for Replay<'_> {
    fn begin_file(&mut self) {
        self.session.db = 0;
    }

    fn forms(&self) -> Forms {
        let seed = self.environment.shards.seed();
        self.environment.config.forms(seed)
    }

    fn put(&mut self, db: u8, entry: RdbEntry) {
        let RdbEntry {
            key,
            expires_ms,
            usage,
            object,
        } = entry;
        let locks = LockSet::one(self.environment.shards.shard_of(&key));
        let tracking = self.environment.config.tracking();
        let access = usage.and_then(|usage| {
            let now_s = self.clock.coarse_us() / 1_000_000;
            Access::known(usage, tracking, now_s)
        });
        let mut space = space(self.environment, &self.clock, &mut self.rng, locks);
        space.put(db, &key, object, expires_ms.map_or(Ttl::Clear, Ttl::At));
        if let Some(access) = access {
            space.set_access(db, &key, access);
        }
    }

    fn apply(&mut self, args: &[&[u8]]) -> Result<(), String> {
        let command = self.find(args).ok_or("that there is no such command")?;
        command
            .check_arity(args)
            .map_err(|_| "that there are too few or too many arguments")?;
        let locks: LockSet = plan::locks_of(self.environment, command, args);
        let Replay {
            environment,
            session,
            rng,
            clock,
            ..
        } = self;
        let space = space(environment, clock, rng, locks);
        let mut ctx = Ctx::new(space, session, environment, Origin::Client, false);
        match command::invoke(&mut ctx, command, args) {
            // Values and keys stay out of errors; the code tells enough.
            Value::Error(text) => Err(text
                .split(|byte| *byte == b' ')
                .next()
                .map_or_else(String::new, |code| String::from_utf8_lossy(code).into())),
            _ => Ok(()),
        }
    }
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        command::leave(self.environment, &mut self.session);
        self.environment.registry.leave(&self.session.info);
    }
}

/// A clock at the beginning of all time. For how recently keys were used it is now.
#[derive(Debug)]
struct Dawn(Arc<dyn Clock>);

impl Clock for Dawn {
    fn now_us(&self) -> u64 {
        0
    }

    fn monotonic_us(&self) -> u64 {
        self.0.monotonic_us()
    }

    fn coarse_us(&self) -> u64 {
        self.0.coarse_us()
    }
}
