//! What a handler works with: the keys of its locked shards, its client, and the engine.

use std::sync::Arc;

use redstart_protocol::{Resp, Value};

use super::error::CommandError;
use crate::data::Blob;
use crate::keyspace::change::Event;
use crate::keyspace::object::{Aggregate, Object, StringView};
use crate::keyspace::{Entry, Space, Ttl};
use crate::state::Environment;
use crate::state::session::Session;

/// On whose behalf a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client, directly.
    Client,
    /// EXEC.
    Transaction,
    /// A script.
    Script,
}

/// The surroundings of one command.
///
/// Access to keys is by the client's selected database; [`Ctx::space`] is there for the few
/// commands that name another.
pub(crate) struct Ctx<'a> {
    pub(crate) space: Space<'a>,
    pub(crate) session: &'a mut Session,
    pub(crate) env: &'a Arc<Environment>,
    pub(crate) origin: Origin,
    /// Who looks closely at commands, as of the last one begun.
    pub(crate) attention: u8,
    /// The error this command ends with was counted where it arose, in a script.
    pub(super) error_counted: bool,
    /// The handler has put its replies into the outbox itself.
    pub(crate) replied: bool,
    /// What a command inside a transaction answers, where that is not one reply.
    pub(super) confirmations: Vec<Value>,
    /// The handler wants to be called again, with the same arguments, at this moment on the
    /// monotonic clock (microseconds). Its reply is what a client that cannot wait gets.
    pub(crate) again_at: Option<u64>,
    /// The handler has logged its effect in another form than its own arguments.
    pub(super) effect_logged: bool,
    /// The protocol version the reply is for. A script has its own.
    pub(crate) resp: Resp,
    /// There was not enough memory when the command began.
    #[cfg_attr(
        not(feature = "script"),
        expect(dead_code, reason = "only scripts decide about memory on the way")
    )]
    pub(crate) memory_is_short: bool,
}

impl<'a> Ctx<'a> {
    pub(crate) fn new(
        space: Space<'a>,
        session: &'a mut Session,
        env: &'a Arc<Environment>,
        origin: Origin,
        memory_is_short: bool,
    ) -> Ctx<'a> {
        let resp = session.resp;
        Ctx {
            space,
            session,
            env,
            origin,
            attention: 0,
            error_counted: false,
            replied: false,
            confirmations: Vec::new(),
            again_at: None,
            effect_logged: false,
            resp,
            memory_is_short,
        }
    }
}

impl Ctx<'_> {
    /// The selected database.
    pub(crate) fn db(&self) -> u8 {
        self.session.db
    }

    /// Whether the reply is for a RESP3 peer.
    pub(crate) fn is_resp3(&self) -> bool {
        self.resp == Resp::V3
    }

    /// Milliseconds since 1970. Stands still for the length of a command, transaction or script.
    pub(crate) fn now_ms(&self) -> u64 {
        self.space.now_ms()
    }

    // ---- reading ------------------------------------------------------------------------------

    /// The entry of `key`, counted as a hit or miss.
    pub(crate) fn read(&mut self, key: &[u8]) -> Option<&Entry> {
        self.space.read(self.session.db, key)
    }

    /// The entry of `key`, counted as a hit or miss, but not as a use of the key.
    pub(crate) fn inspect(&mut self, key: &[u8]) -> Option<&Entry> {
        self.space.inspect(self.session.db, key)
    }

    /// The aggregate at `key`, counted as a hit or miss.
    pub(crate) fn read_as<T: Aggregate>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        Ok(self.space.read_as(self.session.db, key)?)
    }

    /// The string at `key`, counted as a hit or miss.
    pub(crate) fn read_string(
        &mut self,
        key: &[u8],
    ) -> Result<Option<StringView<'_>>, CommandError> {
        Ok(self.space.read_string(self.session.db, key)?)
    }

    /// As [`Ctx::inspect`], but a miss is not announced.
    pub(crate) fn examine(&mut self, key: &[u8]) -> Option<&Entry> {
        self.space.examine(self.session.db, key)
    }

    /// The entry of `key` that a command is about to change: a use, neither hit nor miss.
    pub(crate) fn lookup(&mut self, key: &[u8]) -> Option<&Entry> {
        self.space.lookup(self.session.db, key)
    }

    /// The aggregate at `key` that a command is about to change: a use, neither hit nor miss.
    pub(crate) fn lookup_as<T: Aggregate>(
        &mut self,
        key: &[u8],
    ) -> Result<Option<&T>, CommandError> {
        match self.lookup(key) {
            None => Ok(None),
            Some(entry) => T::of(&entry.object)
                .map(Some)
                .ok_or(CommandError::WRONG_TYPE),
        }
    }

    /// The string at `key` that a command is about to change: a use, neither hit nor miss.
    pub(crate) fn lookup_string(
        &mut self,
        key: &[u8],
    ) -> Result<Option<StringView<'_>>, CommandError> {
        match self.lookup(key) {
            None => Ok(None),
            Some(entry) => entry
                .object
                .as_string()
                .map(Some)
                .ok_or(CommandError::WRONG_TYPE),
        }
    }

    /// The entry of `key`, leaving no trace. Call a reading method first.
    pub(crate) fn peek(&self, key: &[u8]) -> Option<&Entry> {
        self.space.peek(self.session.db, key)
    }

    /// The aggregate at `key`, leaving no trace: for several at once, after reading each.
    pub(crate) fn peek_as<T: Aggregate>(&self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        Ok(self.space.peek_as(self.session.db, key)?)
    }

    /// Whether `key` is there. Counts nothing.
    pub(crate) fn contains(&mut self, key: &[u8]) -> bool {
        self.space.contains(self.session.db, key)
    }

    // ---- writing; each change is followed by a call of `changed` --------------------------------

    /// Sets `key` to `object`, whatever it held.
    pub(crate) fn put(&mut self, key: &[u8], object: Object, ttl: Ttl) {
        self.space.put(self.session.db, key, object, ttl);
    }

    /// Changes an object in place, `None` where there is none.
    pub(crate) fn update<R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Object) -> R,
    ) -> Option<R> {
        self.space.update(self.session.db, key, change)
    }

    /// Changes an aggregate in place, `None` where there is none; one left empty is removed.
    pub(crate) fn edit<T: Aggregate, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>, CommandError> {
        Ok(self.space.edit(self.session.db, key, change)?)
    }

    /// Changes an aggregate in place, an empty one where there is none; one left empty is removed.
    pub(crate) fn edit_or_create<T: Aggregate, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, CommandError> {
        Ok(self.space.edit_or_create(self.session.db, key, change)?)
    }

    /// Removes `key`; what it held.
    pub(crate) fn take(&mut self, key: &[u8]) -> Option<Entry> {
        self.space.take(self.session.db, key)
    }

    /// The one change hook: reports a change of `key`.
    pub(crate) fn changed(&mut self, key: &[u8], event: Event) {
        self.space.changed(self.session.db, key, event);
    }

    /// Reports that `key` went away because it became empty, if it did.
    pub(crate) fn removed_if_empty(&mut self, key: &[u8]) {
        if !self.contains(key) {
            let changes = self.space.changes();
            self.changed(key, Event::generic("del"));
            self.space.set_changes(changes);
        }
    }

    /// Logs the deterministic form of what the command did, in place of its own arguments. Several
    /// calls log several commands; no call logs the command as it came.
    pub(crate) fn effect(&mut self, args: &[&[u8]]) {
        self.effect_logged = true;
        self.space.log(self.session.db, args);
    }

    /// A live key chosen at random.
    pub(crate) fn random_key(&mut self) -> Option<Blob> {
        self.space.random_key(self.session.db)
    }
}
