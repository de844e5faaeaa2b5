//! Which shards a command needs, known before it runs.

use redstart_protocol::{facts, slot};

use crate::command::error::CommandError;
use crate::command::{Command, Scope};
use crate::keyspace::shards::LockSet;
use crate::state::Environment;
use crate::state::session::Session;

/// The locks of one command.
#[inline]
pub(super) fn locks_of(environment: &Environment, command: &Command, args: &[&[u8]]) -> LockSet {
    match (command.scope, args) {
        (Scope::Keys, [_, key, ..]) if command.has_one_key => {
            LockSet::one(environment.shards.shard_of(key))
        }
        _ => locks_of_any(environment, command, args),
    }
}

fn locks_of_any(environment: &Environment, command: &Command, args: &[&[u8]]) -> LockSet {
    let shards = &environment.shards;
    match command.scope {
        Scope::Keys => {}
        #[cfg(feature = "script")]
        Scope::Script if environment.scripts.declares_its_keys(args) => {}
        _ if command.reaches_further(args) => return shards.all(),
        _ => {}
    }
    let mut set = LockSet::NONE;
    // Keys that cannot be found (a bad key count) are the handler's to complain about; it will not
    // touch any.
    if let Ok(keys) = facts::keys(command.facts, args) {
        for key in keys.iter() {
            set.insert(shards.shard_of(args[key.index]));
        }
    }
    set
}

/// The locks of EXEC: the union over all queued commands and all watched keys. Under the latter no
/// change slips in between the look at the client's flag and the first command.
pub(super) fn locks_of_transaction(environment: &Environment, session: &Session) -> LockSet {
    let shards = &environment.shards;
    let Some(transaction) = &session.transaction else {
        return LockSet::NONE;
    };
    let watched = session
        .watched
        .iter()
        .map(|(_, key)| LockSet::one(shards.shard_of(key)));
    let queued = transaction.queue.iter().map(|args| {
        let args: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
        crate::command::find(&args).map_or(LockSet::NONE, |command| {
            locks_of(environment, command, &args)
        })
    });
    watched.chain(queued).fold(LockSet::NONE, LockSet::union)
}

/// What a cluster demands: all keys of a command in one slot.
pub(super) fn check_slots(command: &Command, args: &[&[u8]]) -> Result<(), CommandError> {
    let Ok(keys) = facts::keys(command.facts, args) else {
        return Ok(());
    };
    let mut slots = keys.iter().map(|key| slot(args[key.index]));
    let first = slots.next();
    match slots.all(|other| Some(other) == first) {
        true => Ok(()),
        false => Err(CommandError::CROSS_SLOT),
    }
}
