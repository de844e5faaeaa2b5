//! Sets.

use super::command::{Command, Group};
use super::key_spec::{DELETE, INSERT, LOOK, READ, REPLACE, TAKE, UPDATE, counted, key, keys_from};
use super::replay::{self, Replay};

const GROUP: Group = Group::Set;

pub(super) const COMMANDS: &[Command] = &[
    write("sadd", -3)
        .says("Adds members")
        .costs("O(N), N: members given")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)])
        .replay_as(Replay::Idempotent),
    read("scard", 2)
        .says("How many members there are")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("sdiff", -2)
        .says("The members of the first set that no other has")
        .costs("O(N), N: members of all sets")
        .since("1.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[keys_from(1, READ)]),
    write("sdiffstore", -3)
        .says("Stores the members of the first set that no other has")
        .costs("O(N), N: members of all sets")
        .since("1.0.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), keys_from(2, READ)])
        .replay_by(replay::store_apart),
    read("sinter", -2)
        .says("The members that every set has")
        .costs("O(N*M), N: members of the smallest set, M: sets")
        .since("1.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[keys_from(1, READ)]),
    read("sintercard", -3)
        .says("How many members every set has")
        .costs("O(N*M), N: members of the smallest set, M: sets")
        .since("7.0.0")
        .keys(&[counted(1, READ)]),
    write("sinterstore", -3)
        .says("Stores the members that every set has")
        .costs("O(N*M), N: members of the smallest set, M: sets")
        .since("1.0.0")
        .deny_oom()
        .keys(&[key(1, UPDATE), keys_from(2, READ)])
        .replay_by(replay::store_apart),
    read("sismember", 3)
        .says("Whether something is a member")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("smembers", 2)
        .says("Every member")
        .costs("O(N), N: members")
        .since("1.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[key(1, READ)]),
    read("smismember", -3)
        .says("Which of several things are members")
        .costs("O(N), N: members given")
        .since("6.2.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("smove", 4)
        .says("Moves a member to another set")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, TAKE), key(2, INSERT)]),
    write("spop", -2)
        .says("Takes members chosen at random")
        .costs("O(N), N: members taken")
        .since("1.0.0")
        .fast()
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, TAKE)]),
    read("srandmember", -2)
        .says("Members chosen at random")
        .costs("O(N), N: members answered")
        .since("1.0.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    write("srem", -3)
        .says("Removes members")
        .costs("O(N), N: members given")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, DELETE)])
        .replay_as(Replay::Idempotent),
    read("sscan", -3)
        .says("Members, some at a time")
        .costs("O(1) a call, O(N) for all of N members")
        .since("2.8.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("sunion", -2)
        .says("The members that any of the sets has")
        .costs("O(N), N: members of all sets")
        .since("1.0.0")
        .tips(&["nondeterministic_output_order"])
        .keys(&[keys_from(1, READ)]),
    write("sunionstore", -3)
        .says("Stores the members that any of the sets has")
        .costs("O(N), N: members of all sets")
        .since("1.0.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), keys_from(2, READ)])
        .replay_by(replay::store_apart),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
