//! Hashes: fields and values.

use super::command::{Command, Group};
use super::key_spec::{DELETE, INSERT, LOOK, READ, READ_AND_UPDATE, UPDATE, key};
use super::replay::Replay;

const GROUP: Group = Group::Hash;

pub(super) const COMMANDS: &[Command] = &[
    write("hdel", -3)
        .says("Removes fields")
        .costs("O(N), N: fields given")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, DELETE)])
        .replay_as(Replay::Idempotent),
    read("hexists", 3)
        .says("Whether a field exists")
        .costs("O(1)")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("hget", 3)
        .says("The value of a field")
        .costs("O(1)")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    read("hgetall", 2)
        .says("Every field and its value")
        .costs("O(N), N: fields")
        .since("2.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[key(1, READ)]),
    write("hincrby", 4)
        .says("Adds an integer to a field")
        .costs("O(1)")
        .since("2.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    write("hincrbyfloat", 4)
        .says("Adds a decimal number to a field")
        .costs("O(1)")
        .since("2.6.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    read("hkeys", 2)
        .says("Every field's name")
        .costs("O(N), N: fields")
        .since("2.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[key(1, READ)]),
    read("hlen", 2)
        .says("How many fields there are")
        .costs("O(1)")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("hmget", -3)
        .says("The values of several fields")
        .costs("O(N), N: fields given")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("hmset", -4)
        .says("Sets fields")
        .costs("O(N), N: fields given")
        .since("2.0.0")
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
        .deny_oom()
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    read("hrandfield", -2)
        .says("Fields chosen at random")
        .costs("O(N), N: fields answered")
        .since("6.2.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("hscan", -3)
        .says("Fields and values, some at a time")
        .costs("O(1) a call, O(N) for all of N fields")
        .since("2.8.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    write("hset", -4)
        .says("Sets fields, and creates those that are new")
        .costs("O(N), N: fields given")
        .since("2.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("hsetnx", 4)
        .says("Sets a field unless it exists")
        .costs("O(1)")
        .since("2.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)]),
    read("hstrlen", 3)
        .says("How long the value of a field is")
        .costs("O(1)")
        .since("3.2.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("hvals", 2)
        .says("Every field's value")
        .costs("O(N), N: fields")
        .since("2.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[key(1, READ)]),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
