//! What clients have to do with the disk: writes it cannot take are refused, and nobody hears of
//! what is not as safe as was promised.

#[cfg(feature = "server")]
use std::task::Waker;

use redstart_protocol::facts::Flags;

use super::client::Client;
use crate::command::Command;
use crate::command::error::CommandError;
use crate::durable::Promise;
#[cfg(feature = "server")]
use crate::durable::Settled;
use crate::keyspace::Space;
use crate::state::Environment;
use crate::state::session::Session;

/// Refuses what writes while the disk fails, as Redis does: PING too, so that whoever asks whether
/// all is well is told.
#[inline]
pub(super) fn check_disk(
    environment: &Environment,
    session: &Session,
    command: &Command,
) -> Result<(), CommandError> {
    let Some(durable) = &environment.durable else {
        return Ok(());
    };
    if !durable.refuses_writes() {
        return Ok(());
    }
    let writes = match &session.transaction {
        Some(transaction) if command.is_exec => transaction.may_replicate,
        _ => command.has(Flags::WRITE) || command.name == "ping",
    };
    match writes.then(|| CommandError::disk(durable)).flatten() {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// Refuses what has to do with keys while they are being loaded.
#[inline]
pub(super) fn check_loading(
    environment: &Environment,
    command: &Command,
) -> Result<(), CommandError> {
    match &environment.durable {
        Some(durable) if durable.is_loading() && !command.has(Flags::LOADING) => {
            Err(CommandError::LOADING)
        }
        _ => Ok(()),
    }
}

/// Notes what a command has changed and seen, under its locks.
#[inline]
pub(super) fn note(environment: &Environment, space: &Space<'_>, promise: &mut Promise) {
    let Some(durable) = &environment.durable else {
        return;
    };
    if space.changes() > 0 {
        durable.note_changes(space.changes());
    }
    if durable.journal().is_always() {
        promise.saw(space.last_logged());
    }
}

impl Client {
    /// Has a command that writes wait until the log can take more: here, or until when to come back.
    #[inline]
    pub(super) fn wait_for_room(&self, command: &Command, may_wait: bool) -> Option<u64> {
        const MOMENT_US: u64 = 1_000;
        let durable = self.environment.durable.as_ref()?;
        if !command.may_replicate || durable.journal().has_room() {
            return None;
        }
        if may_wait {
            return Some(self.environment.clock.monotonic_us() + MOMENT_US);
        }
        durable.wait_for_room();
        None
    }

    /// Waits until what this client did is as safe as was promised; false if it cannot be made so.
    #[inline]
    pub(super) fn keep_promise(&mut self) -> bool {
        let Some(durable) = &self.environment.durable else {
            return true;
        };
        let promise = std::mem::take(&mut self.promise);
        // Otherwise nothing is promised to callers inside the process but that it will be written.
        !durable.journal().is_always() || durable.wait(&promise)
    }

    /// Whether replies may be sent; if not yet, `waker` is woken when they may.
    #[cfg(feature = "server")]
    #[inline]
    pub(crate) fn poll_promise(&mut self, waker: &Waker) -> Settled {
        let Some(durable) = &self.environment.durable else {
            return Settled::Kept;
        };
        let settled = durable.journal().settled_or_wake(&self.promise, waker);
        if settled == Settled::Kept {
            self.promise = Promise::default();
        }
        settled
    }

    /// What is wrong with the disk.
    #[cold]
    pub(super) fn disk_error(&self) -> CommandError {
        let durable = self.environment.durable.as_ref();
        let error = durable.and_then(CommandError::disk);
        // It may have recovered since; what was not made safe in time remains unacknowledged.
        error.unwrap_or(CommandError::NOT_SAFE)
    }
}
