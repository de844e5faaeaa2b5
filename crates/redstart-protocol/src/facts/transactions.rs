//! Transactions.

use super::command::{Command, Group};
use super::key_spec::{LOOK, keys_from};
use super::replay::Replay;

const GROUP: Group = Group::Transactions;

pub(super) const COMMANDS: &[Command] = &[
    other("discard", 1)
        .says("Drops the queued commands")
        .costs("O(N), N: queued commands")
        .since("2.0.0")
        .no_script()
        .loading()
        .stale()
        .fast()
        .allow_busy(),
    other("exec", 1)
        .says("Runs the queued commands as one")
        .costs("by the queued commands")
        .since("1.2.0")
        .no_script()
        .loading()
        .stale()
        .skip_slowlog(),
    other("multi", 1)
        .says("Starts queueing commands")
        .costs("O(1)")
        .since("1.2.0")
        .no_script()
        .loading()
        .stale()
        .fast()
        .allow_busy(),
    other("unwatch", 1)
        .says("Forgets the watched keys")
        .costs("O(1)")
        .since("2.2.0")
        .no_script()
        .loading()
        .stale()
        .fast()
        .allow_busy()
        .replay_as(Replay::Idempotent),
    other("watch", -2)
        .says("Makes the next EXEC fail if any of these keys changes before it")
        .costs("O(1) for each key")
        .since("2.2.0")
        .no_script()
        .loading()
        .stale()
        .fast()
        .allow_busy()
        .keys(&[keys_from(1, LOOK)])
        .replay_as(Replay::Idempotent),
];

const fn other(name: &'static str, arity: i32) -> Command {
    Command::new(GROUP, name, arity)
}
