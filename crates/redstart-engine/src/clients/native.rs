//! Native operations: one atomic step on one string, in Rust instead of Lua.
//!
//! A script is the single source of what an operation does; a native twin only does the same
//! faster inside the process. It leaves exactly the trace that the script's `GET` and
//! `SET key value PX ttl` would leave: value, time to live, event, effect.

use redstart_protocol::Value;

use super::client::Client;
use super::{eviction, upkeep};
use crate::command::error::CommandError;
use crate::keyspace::change::Event;
use crate::keyspace::object::{Object, StringView};
use crate::keyspace::shards::LockSet;
use crate::keyspace::{Found, Space, Ttl};

/// The string at one key, while its shard is locked.
pub struct StringSlot<'s, 'e> {
    space: &'s mut Space<'e>,
    db: u8,
    key: &'s [u8],
    /// Where it is, once it was read.
    found: Option<Found>,
    memory_is_short: bool,
}

impl std::fmt::Debug for StringSlot<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StringSlot")
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl StringSlot<'_, '_> {
    /// Microseconds since 1970, as `TIME` answers. Stands still for the length of the step.
    pub fn now_us(&self) -> u64 {
        self.space.now_us()
    }

    /// The string, if there is one, given to `look`.
    ///
    /// # Errors
    ///
    /// The reply WRONGTYPE if the key holds another type.
    pub fn read<R>(&mut self, look: impl FnOnce(Option<StringView<'_>>) -> R) -> Result<R, Value> {
        match self.space.locate_string(self.db, self.key) {
            Err(wrong) => Err(CommandError::from(wrong).into_value()),
            Ok(None) => Ok(look(None)),
            Ok(Some((found, string))) => {
                self.found = Some(found);
                Ok(look(Some(string)))
            }
        }
    }

    /// Sets the string, to live for `ttl_ms` milliseconds, at least one.
    ///
    /// # Errors
    ///
    /// The reply OOM if memory is exhausted. Nothing was changed then.
    pub fn set(&mut self, value: StringView<'_>, ttl_ms: u64) -> Result<(), Value> {
        if self.memory_is_short {
            return Err(CommandError::OUT_OF_MEMORY.into_value());
        }
        let at_ms = self.space.now_ms().saturating_add(ttl_ms.max(1));
        let (object, ttl) = (Object::from(value), Ttl::At(at_ms));
        match self.found {
            Some(found) => self.space.replace(self.db, found, object, ttl),
            None => self.space.put(self.db, self.key, object, ttl),
        }
        self.space.changed(self.db, self.key, Event::string("set"));
        self.space
            .changed(self.db, self.key, Event::generic("expire"));
        if self.space.is_logging() {
            let (value, at_ms) = (value.as_bytes(), at_ms.to_string());
            self.space.log(
                self.db,
                &[b"SET", self.key, &value, b"PXAT", at_ms.as_bytes()],
            );
        }
        Ok(())
    }
}

impl Client {
    /// Takes one atomic step on the string at `key`, in Rust.
    ///
    /// # Errors
    ///
    /// The reply BUSY if a script holds the key for too long, or MISCONF if the engine keeps its data
    /// and the disk fails.
    pub fn with_string<R>(
        &mut self,
        key: &[u8],
        step: impl FnOnce(&mut StringSlot<'_, '_>) -> R,
    ) -> Result<R, Value> {
        let Client {
            environment,
            session,
            rng,
            #[cfg(feature = "durable")]
            promise,
            ..
        } = self;
        #[cfg(feature = "durable")]
        if let Some(durable) = &environment.durable {
            if let Some(error) = durable
                .refuses_writes()
                .then(|| CommandError::disk(durable))
                .flatten()
            {
                return Err(error.into_value());
            }
            durable.wait_for_room();
        }
        let memory_is_short = eviction::make_room_for_write(environment).is_err();
        let locks = LockSet::one(environment.shards.shard_of(key));
        let locked = environment
            .shards
            .lock(locks, || upkeep::patience(environment));
        let locked = locked.map_err(CommandError::into_value)?;
        let surroundings = upkeep::surroundings(environment, environment.clock.coarse_us(), true);
        let mut space = Space::new(&environment.shards, locked, surroundings, rng);
        let result = step(&mut StringSlot {
            space: &mut space,
            db: session.db,
            key,
            found: None,
            memory_is_short,
        });
        if !space.effects().is_empty() {
            let effects = std::mem::take(space.effects());
            let lsn = upkeep::append(&mut space, environment, &effects, true);
            #[cfg(feature = "durable")]
            promise.wrote(lsn);
            #[cfg(not(feature = "durable"))]
            let _ = lsn;
        }
        #[cfg(feature = "durable")]
        {
            super::durability::note(environment, &space, promise);
            drop(space);
            if !self.keep_promise() {
                return Err(self.disk_error().into_value());
            }
        }
        Ok(result)
    }
}
