//! Lua scripts and functions.

use super::command::{Command, Group};
use super::key_spec::{READ, READ_AND_UPDATE, counted};
use super::replay::{self, Replay};

const GROUP: Group = Group::Scripting;

pub(super) const COMMANDS: &[Command] = &[
    other("eval", -3)
        .says("Runs a Lua script")
        .costs("by script")
        .since("2.6.0")
        .no_script()
        .stale()
        .skip_monitor()
        .no_mandatory_keys()
        .may_replicate()
        .keys(&[counted(2, READ_AND_UPDATE)]),
    read("eval_ro", -3)
        .says("Runs a Lua script that may only read")
        .costs("by script")
        .since("7.0.0")
        .no_script()
        .stale()
        .skip_monitor()
        .no_mandatory_keys()
        .keys(&[counted(2, READ)]),
    other("evalsha", -3)
        .says("Runs a cached Lua script, by its SHA-1")
        .costs("by script")
        .since("2.6.0")
        .no_script()
        .stale()
        .skip_monitor()
        .no_mandatory_keys()
        .may_replicate()
        .keys(&[counted(2, READ_AND_UPDATE)]),
    read("evalsha_ro", -3)
        .says("Runs a cached Lua script that may only read, by its SHA-1")
        .costs("by script")
        .since("7.0.0")
        .no_script()
        .stale()
        .skip_monitor()
        .no_mandatory_keys()
        .keys(&[counted(2, READ)]),
    other("fcall", -3)
        .says("Calls a function of a library")
        .costs("by function")
        .since("7.0.0")
        .no_script()
        .stale()
        .skip_monitor()
        .no_mandatory_keys()
        .may_replicate()
        .keys(&[counted(2, READ_AND_UPDATE)]),
    read("fcall_ro", -3)
        .says("Calls a function of a library that may only read")
        .costs("by function")
        .since("7.0.0")
        .no_script()
        .stale()
        .skip_monitor()
        .no_mandatory_keys()
        .keys(&[counted(2, READ)]),
    Command::container(
        GROUP,
        "function",
        &[
            write("function|delete", 3)
                .says("Deletes a library")
                .costs("O(1)")
                .since("7.0.0")
                .no_script()
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
            other("function|dump", 2)
                .says("The libraries in the format that FUNCTION RESTORE reads")
                .costs("O(N), N: functions")
                .since("7.0.0")
                .no_script()
                .replay_as(Replay::Read),
            write("function|flush", -2)
                .says("Deletes every library")
                .costs("O(N), N: functions")
                .since("7.0.0")
                .no_script()
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("function|kill", 2)
                .says("Ends the function that is running")
                .costs("O(1)")
                .since("7.0.0")
                .no_script()
                .allow_busy()
                .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
            other("function|list", -2)
                .says("The libraries and their functions")
                .costs("O(N), N: functions")
                .since("7.0.0")
                .no_script()
                .tips(&["nondeterministic_output_order"])
                .replay_as(Replay::Read),
            write("function|load", -3)
                .says("Loads a library")
                .costs("O(1), and the compilation")
                .since("7.0.0")
                .deny_oom()
                .no_script()
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .replay_by(replay::with_replace),
            write("function|restore", -3)
                .says("Loads the libraries that FUNCTION DUMP answered")
                .costs("O(N), N: functions")
                .since("7.0.0")
                .deny_oom()
                .no_script()
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .replay_by(replay::function_restore),
            other("function|stats", 2)
                .says("What is running, and how many libraries and functions there are")
                .costs("O(1)")
                .since("7.0.0")
                .no_script()
                .allow_busy()
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("function|help", 2)
                .says("Explains the FUNCTION subcommands")
                .costs("O(1)")
                .since("7.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks after libraries of functions")
    .since("7.0.0"),
    Command::container(
        GROUP,
        "script",
        &[
            other("script|debug", 3)
                .says("Chooses how the scripts of this connection are debugged")
                .costs("O(1)")
                .since("3.2.0")
                .no_script()
                .replay_as(Replay::Idempotent),
            other("script|exists", -3)
                .says("Which scripts are cached")
                .costs("O(N), N: digests given")
                .since("2.6.0")
                .no_script()
                .tips(&[
                    "request_policy:all_shards",
                    "response_policy:agg_logical_and",
                ])
                .replay_as(Replay::Read),
            other("script|flush", -2)
                .says("Empties the cache of scripts")
                .costs("O(N), N: scripts")
                .since("2.6.0")
                .no_script()
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("script|kill", 2)
                .says("Ends the script that is running")
                .costs("O(1)")
                .since("2.6.0")
                .no_script()
                .allow_busy()
                .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
            other("script|load", 3)
                .says("Caches a script and answers its SHA-1")
                .costs("O(N), N: bytes of the script")
                .since("2.6.0")
                .no_script()
                .stale()
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("script|help", 2)
                .says("Explains the SCRIPT subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks after the cache of Lua scripts")
    .since("2.6.0"),
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
