//! Keys of any type.

use super::category::Categories;
use super::command::{Command, Group};
use super::key_spec::{
    CREATE, KeyFlags, LOOK, READ, READ_AND_UPDATE, REMOVE, REPLACE, TAKE, UPDATE, after, key,
    keys_from, somewhere,
};
use super::keys;
use super::replay::{self, Replay};

const GROUP: Group = Group::Generic;

pub(super) const COMMANDS: &[Command] = &[
    write("copy", -3)
        .says("Copies a key")
        .costs("O(N), N: elements; O(1) for strings")
        .since("6.2.0")
        .deny_oom()
        .keys(&[key(1, READ), key(2, REPLACE)])
        .replay_by(replay::with_replace),
    write("del", -2)
        .says("Deletes keys")
        .costs("O(N), N: keys and the elements in them")
        .since("1.0.0")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[keys_from(1, REMOVE)])
        .replay_as(Replay::Idempotent),
    read("dump", 2)
        .says("A value in the format that RESTORE reads")
        .costs("O(N), N: bytes of the value")
        .since("2.6.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("exists", -2)
        .says("How many of the keys exist")
        .costs("O(N), N: keys")
        .since("1.0.0")
        .fast()
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[keys_from(1, LOOK)]),
    write("expire", -3)
        .says("Makes a key expire after so many seconds")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("expireat", -3)
        .says("Makes a key expire at a Unix time in seconds")
        .costs("O(1)")
        .since("1.2.0")
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    read("expiretime", 2)
        .says("When a key expires, as Unix time in seconds")
        .costs("O(1)")
        .since("7.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    read("keys", 2)
        .says("Every key that matches a pattern")
        .costs("O(N), N: keys in the database")
        .since("1.0.0")
        .also_in(Categories::DANGEROUS)
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    write("migrate", -6)
        .says("Moves keys to another server")
        .costs("O(N), N: bytes moved")
        .since("2.6.0")
        .also_in(Categories::DANGEROUS)
        .tips(&["nondeterministic_output"])
        .keys(&[
            key(3, TAKE),
            after("KEYS", -2, TAKE.union(KeyFlags::INCOMPLETE)).to(-1, 0),
        ])
        .keys_by(keys::migrate),
    write("move", 3)
        .says("Takes a key into another database")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    Command::container(
        GROUP,
        "object",
        &[
            read("object|encoding", 3)
                .says("How a value is represented")
                .costs("O(1)")
                .since("2.2.3")
                .tips(&["nondeterministic_output"])
                .keys(&[key(2, LOOK)]),
            read("object|freq", 3)
                .says("How often a key is used, as LFU eviction counts")
                .costs("O(1)")
                .since("4.0.0")
                .tips(&["nondeterministic_output"])
                .keys(&[key(2, LOOK)]),
            read("object|idletime", 3)
                .says("How many seconds a key has not been used")
                .costs("O(1)")
                .since("2.2.3")
                .tips(&["nondeterministic_output"])
                .keys(&[key(2, LOOK)]),
            read("object|refcount", 3)
                .says("How many references to a value there are")
                .costs("O(1)")
                .since("2.2.3")
                .tips(&["nondeterministic_output"])
                .keys(&[key(2, LOOK)]),
            other("object|help", 2)
                .says("Explains the OBJECT subcommands")
                .costs("O(1)")
                .since("6.2.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks behind a value")
    .since("2.2.3"),
    write("persist", 2)
        .says("Makes a key stay")
        .costs("O(1)")
        .since("2.2.0")
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("pexpire", -3)
        .says("Makes a key expire after so many milliseconds")
        .costs("O(1)")
        .since("2.6.0")
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("pexpireat", -3)
        .says("Makes a key expire at a Unix time in milliseconds")
        .costs("O(1)")
        .since("2.6.0")
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    read("pexpiretime", 2)
        .says("When a key expires, as Unix time in milliseconds")
        .costs("O(1)")
        .since("7.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    read("pttl", 2)
        .says("How many milliseconds a key has left")
        .costs("O(1)")
        .since("2.6.0")
        .fast()
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("randomkey", 1)
        .says("Some key of the database")
        .costs("O(1)")
        .since("1.0.0")
        .tips(&["request_policy:all_shards", "nondeterministic_output"]),
    write("rename", 3)
        .says("Renames a key over whatever has the new name")
        .costs("O(1)")
        .since("1.0.0")
        .keys(&[key(1, TAKE), key(2, REPLACE)]),
    write("renamenx", 3)
        .says("Renames a key unless the new name is taken")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, TAKE), key(2, CREATE)]),
    write("restore", -4)
        .says("Creates a key from what DUMP answered")
        .costs("O(N), N: bytes of the value; O(N*log(N)) for sorted sets")
        .since("2.6.0")
        .deny_oom()
        .also_in(Categories::DANGEROUS)
        .keys(&[key(1, REPLACE)])
        .replay_by(replay::with_replace),
    read("scan", -2)
        .says("The keys of the database, some at a time")
        .costs("O(1) a call, O(N) for all of N keys")
        .since("2.8.0")
        .tips(&["nondeterministic_output", "request_policy:special"]),
    write("sort", -2)
        .says("Sorts a list, set or sorted set, by other keys if need be, and may store the result")
        .costs("O(N+M*log(M)), N: elements, M: answered")
        .since("1.0.0")
        .deny_oom()
        .instead_in(
            Categories::SET
                .union(Categories::SORTED_SET.union(Categories::LIST.union(Categories::DANGEROUS))),
        )
        .keys(&[key(1, READ), somewhere(READ), somewhere(REPLACE)])
        .keys_by(keys::sort)
        .replay_by(replay::sort),
    read("sort_ro", -2)
        .says("Sorts a list, set or sorted set without storing")
        .costs("O(N+M*log(M)), N: elements, M: answered")
        .since("7.0.0")
        .instead_in(
            Categories::SET
                .union(Categories::SORTED_SET.union(Categories::LIST.union(Categories::DANGEROUS))),
        )
        .keys(&[key(1, READ), somewhere(READ)])
        .keys_by(keys::sort_ro),
    read("touch", -2)
        .says("Counts keys as used just now")
        .costs("O(N), N: keys")
        .since("3.2.1")
        .fast()
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[keys_from(1, LOOK)])
        .replay_as(Replay::Idempotent),
    read("ttl", 2)
        .says("How many seconds a key has left")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("type", 2)
        .says("Which type of value a key holds")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    write("unlink", -2)
        .says("Deletes keys and frees their memory in the background")
        .costs("O(1) for each key, and the memory is freed later")
        .since("4.0.0")
        .fast()
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[keys_from(1, REMOVE)])
        .replay_as(Replay::Idempotent),
    other("wait", 3)
        .says("Waits until replicas have what this connection wrote")
        .costs("O(1)")
        .since("3.0.0")
        .no_script()
        .instead_in(Categories::CONNECTION)
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
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
