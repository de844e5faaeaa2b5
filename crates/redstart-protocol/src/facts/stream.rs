//! Streams: entries, groups and consumers.

use super::command::{Command, Group};
use super::key_spec::{DELETE, INSERT, LOOK, READ, UPDATE, after, key};
use super::replay::{self, Replay};

const GROUP: Group = Group::Stream;

pub(super) const COMMANDS: &[Command] = &[
    write("xack", -4)
        .says("Marks entries as done for a group")
        .costs("O(1) for each entry")
        .since("5.0.0")
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("xadd", -5)
        .says("Appends an entry")
        .costs("O(1), and O(N) to trim N entries")
        .since("5.0.0")
        .deny_oom()
        .fast()
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, UPDATE)]),
    write("xautoclaim", -6)
        .says("Hands entries that have waited too long to another consumer")
        .costs("O(1) for a small COUNT")
        .since("6.2.0")
        .fast()
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, DELETE)]),
    write("xclaim", -6)
        .says("Hands entries to another consumer")
        .costs("O(log(N)) for each, N: pending entries of the group")
        .since("5.0.0")
        .fast()
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, UPDATE)]),
    write("xdel", -3)
        .says("Deletes entries")
        .costs("O(1) for each entry")
        .since("5.0.0")
        .fast()
        .keys(&[key(1, DELETE)])
        .replay_as(Replay::Idempotent),
    Command::container(
        GROUP,
        "xgroup",
        &[
            write("xgroup|create", -5)
                .says("Creates a group")
                .costs("O(1)")
                .since("5.0.0")
                .deny_oom()
                .keys(&[key(2, INSERT)]),
            write("xgroup|createconsumer", 5)
                .says("Adds a consumer to a group")
                .costs("O(1)")
                .since("6.2.0")
                .deny_oom()
                .keys(&[key(2, INSERT)])
                .replay_as(Replay::Idempotent),
            write("xgroup|delconsumer", 5)
                .says("Deletes a consumer and what is pending for it")
                .costs("O(1)")
                .since("5.0.0")
                .keys(&[key(2, DELETE)])
                .replay_as(Replay::Idempotent),
            write("xgroup|destroy", 4)
                .says("Deletes a group")
                .costs("O(N), N: pending entries of the group")
                .since("5.0.0")
                .keys(&[key(2, DELETE)])
                .replay_as(Replay::Idempotent),
            write("xgroup|setid", -5)
                .says("Sets the last entry a group has been given")
                .costs("O(1)")
                .since("5.0.0")
                .keys(&[key(2, UPDATE)])
                .replay_as(Replay::Idempotent),
            other("xgroup|help", 2)
                .says("Explains the XGROUP subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks after consumer groups")
    .since("5.0.0"),
    Command::container(
        GROUP,
        "xinfo",
        &[
            read("xinfo|consumers", 4)
                .says("The consumers of a group")
                .costs("O(1)")
                .since("5.0.0")
                .tips(&["nondeterministic_output"])
                .keys(&[key(2, READ)]),
            read("xinfo|groups", 3)
                .says("The groups of a stream")
                .costs("O(1)")
                .since("5.0.0")
                .keys(&[key(2, READ)]),
            read("xinfo|stream", -3)
                .says("Facts about a stream")
                .costs("O(1), O(N) with FULL and N entries")
                .since("5.0.0")
                .keys(&[key(2, READ)]),
            other("xinfo|help", 2)
                .says("Explains the XINFO subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks at streams, groups and consumers")
    .since("5.0.0"),
    read("xlen", 2)
        .says("How many entries there are")
        .costs("O(1)")
        .since("5.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("xpending", -3)
        .says("What a group was given and has not marked as done")
        .costs("O(N), N: entries answered or looked at")
        .since("5.0.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("xrange", -4)
        .says("The entries in a range of IDs")
        .costs("O(N), N: entries answered")
        .since("5.0.0")
        .keys(&[key(1, READ)]),
    read("xread", -4)
        .says("The entries after given IDs in several streams, waiting for some if asked")
        .costs("O(N) for each stream, N: entries answered")
        .since("5.0.0")
        .blocking()
        .keys(&[after("STREAMS", 1, READ).to(-1, 2)]),
    write("xreadgroup", -7)
        .says("Entries for a consumer of a group, waiting for some if asked")
        .costs("O(N) for each stream, N: entries answered")
        .since("5.0.0")
        .blocking()
        .keys(&[after("STREAMS", 4, READ).to(-1, 2)])
        .replay_by(replay::xreadgroup),
    read("xrevrange", -4)
        .says("The entries in a range of IDs, the newest first")
        .costs("O(N), N: entries answered")
        .since("5.0.0")
        .keys(&[key(1, READ)]),
    write("xsetid", -3)
        .says("Sets the ID that the next entry must exceed")
        .costs("O(1)")
        .since("5.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("xtrim", -4)
        .says("Removes the oldest entries")
        .costs("O(N), N: entries removed")
        .since("5.0.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, DELETE)])
        .replay_by(replay::xtrim),
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
