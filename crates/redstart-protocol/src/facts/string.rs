//! Strings, which are also numbers.

use super::command::{Command, Group};
use super::key_spec::{
    CREATE, INSERT, KeyFlags, LOOK, READ, READ_AND_UPDATE, REPLACE, TAKE, UPDATE, key, keys_from,
    range,
};
use super::keys;
use super::replay::{self, Replay};

const GROUP: Group = Group::String;

pub(super) const COMMANDS: &[Command] = &[
    write("append", 3)
        .says("Adds bytes at the end of a string, which is created if need be")
        .costs("O(N), N: bytes given")
        .since("2.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)]),
    write("decr", 2)
        .says("Takes one from an integer")
        .costs("O(1)")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    write("decrby", 3)
        .says("Takes a number from an integer")
        .costs("O(1)")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    read("get", 2)
        .says("The value of a string")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("getdel", 2)
        .says("The value of a string, which is deleted")
        .costs("O(1)")
        .since("6.2.0")
        .fast()
        .keys(&[key(1, TAKE)]),
    write("getex", -2)
        .says("The value of a string, whose time to live is changed")
        .costs("O(1)")
        .since("6.2.0")
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)])
        .replay_by(replay::getex),
    read("getrange", 4)
        .says("Part of a string")
        .costs("O(N), N: bytes answered")
        .since("2.4.0")
        .keys(&[key(1, READ)]),
    write("getset", 3)
        .says("Replaces a string and answers what it was")
        .costs("O(1)")
        .since("1.0.0")
        .deprecated("6.2.0", "`SET` with `GET`")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    write("incr", 2)
        .says("Adds one to an integer")
        .costs("O(1)")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    write("incrby", 3)
        .says("Adds a number to an integer")
        .costs("O(1)")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    write("incrbyfloat", 3)
        .says("Adds a decimal number to a number")
        .costs("O(1)")
        .since("2.6.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    read("lcs", -3)
        .says("The longest sequence of bytes that two strings share")
        .costs("O(N*M), N and M: bytes of the strings")
        .since("7.0.0")
        .keys(&[range(1, 1, 1, READ)]),
    read("mget", -2)
        .says("The values of several strings")
        .costs("O(N), N: keys")
        .since("1.0.0")
        .fast()
        .tips(&["request_policy:multi_shard"])
        .keys(&[keys_from(1, READ)]),
    write("mset", -3)
        .says("Sets several strings")
        .costs("O(N), N: keys")
        .since("1.0.1")
        .deny_oom()
        .tips(&[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ])
        .keys(&[range(1, -1, 2, REPLACE)])
        .replay_as(Replay::Idempotent),
    write("msetnx", -3)
        .says("Sets several strings unless any of the keys exists")
        .costs("O(N), N: keys")
        .since("1.0.1")
        .deny_oom()
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .keys(&[range(1, -1, 2, CREATE)]),
    write("psetex", 4)
        .says("Sets a string that expires after so many milliseconds")
        .costs("O(1)")
        .since("2.6.0")
        .deny_oom()
        .keys(&[key(1, REPLACE)])
        .replay_as(Replay::Idempotent),
    write("set", -3)
        .says("Sets a string, which may expire, depend on what was there, and answer it")
        .costs("O(1)")
        .since("1.0.0")
        .deny_oom()
        .keys(&[key(1, READ_AND_UPDATE.union(KeyFlags::VARIABLE_FLAGS))])
        .key_flags_by(keys::set)
        .replay_by(replay::set),
    write("setex", 4)
        .says("Sets a string that expires after so many seconds")
        .costs("O(1)")
        .since("2.0.0")
        .deny_oom()
        .keys(&[key(1, REPLACE)])
        .replay_as(Replay::Idempotent),
    write("setnx", 3)
        .says("Sets a string unless the key exists")
        .costs("O(1)")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, CREATE)]),
    write("setrange", 4)
        .says("Overwrites part of a string from an offset on")
        .costs("O(N), N: bytes given")
        .since("2.2.0")
        .deny_oom()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    read("strlen", 2)
        .says("How long a string is")
        .costs("O(1)")
        .since("2.2.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("substr", 4)
        .says("Part of a string")
        .costs("O(N), N: bytes answered")
        .since("1.0.0")
        .deprecated("2.0.0", "`GETRANGE`")
        .keys(&[key(1, READ)]),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
