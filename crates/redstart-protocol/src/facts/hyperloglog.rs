//! HyperLogLogs: counting what is different.

use super::command::{Command, Group};
use super::key_spec::{INSERT, READ, READ_AND_INSERT, READ_AND_NOTE, key, keys_from};
use super::replay::Replay;

const GROUP: Group = Group::HyperLogLog;

pub(super) const COMMANDS: &[Command] = &[
    write("pfadd", -2)
        .says("Counts elements in")
        .costs("O(1) for each element")
        .since("2.8.9")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)])
        .replay_as(Replay::Idempotent),
    read("pfcount", -2)
        .says("About how many different elements were counted in")
        .costs("O(1) for one key, O(N) for N keys")
        .since("2.8.9")
        .may_replicate()
        .keys(&[keys_from(1, READ_AND_NOTE)])
        // It notes the result in the value.
        .replay_as(Replay::Idempotent),
    write("pfdebug", 3)
        .says("Looks inside a HyperLogLog, for Redis' own tests")
        .costs("by subcommand")
        .since("2.8.9")
        .internal()
        .deny_oom()
        .admin()
        .keys(&[key(2, READ_AND_NOTE)]),
    write("pfmerge", -2)
        .says("Joins several HyperLogLogs in one")
        .costs("O(N), N: keys")
        .since("2.8.9")
        .deny_oom()
        .keys(&[key(1, READ_AND_INSERT), keys_from(2, READ)])
        .replay_as(Replay::Idempotent),
    other("pfselftest", 1)
        .says("Tests the server's HyperLogLog code")
        .costs("O(1)")
        .since("2.8.9")
        .internal()
        .admin()
        .replay_as(Replay::Read),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}

const fn other(name: &'static str, arity: i32) -> Command {
    Command::new(GROUP, name, arity)
}
