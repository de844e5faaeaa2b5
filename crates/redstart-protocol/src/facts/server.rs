//! The server: settings, users, files, figures.

use super::category::Categories;
use super::command::{Command, Group};
use super::key_spec::{LOOK, REPLACE, key};
use super::replay::{self, Replay};
use super::users;

const GROUP: Group = Group::Server;

pub(super) const COMMANDS: &[Command] = &[
    users::ACL,
    other("bgrewriteaof", 1)
        .says("Writes the append-only file anew in the background")
        .costs("O(1)")
        .since("1.0.0")
        .admin()
        .no_script()
        .no_async_loading(),
    other("bgsave", -1)
        .says("Writes a snapshot in the background")
        .costs("O(1)")
        .since("1.0.0")
        .admin()
        .no_script()
        .no_async_loading(),
    Command::container(
        GROUP,
        "command",
        &[
            other("command|count", 2)
                .says("How many commands there are")
                .costs("O(1)")
                .since("2.8.13")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .replay_as(Replay::Read),
            other("command|docs", -2)
                .says("What commands are for")
                .costs("O(N), N: commands given")
                .since("7.0.0")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .tips(&["nondeterministic_output_order"])
                .replay_as(Replay::Read),
            other("command|getkeys", -4)
                .says("The keys in a request")
                .costs("O(N), N: arguments")
                .since("2.8.13")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .replay_as(Replay::Read),
            other("command|getkeysandflags", -4)
                .says("The keys in a request and what happens to them")
                .costs("O(N), N: arguments")
                .since("7.0.0")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .replay_as(Replay::Read),
            other("command|info", -2)
                .says("The facts of some commands")
                .costs("O(N), N: commands given")
                .since("2.8.13")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .tips(&["nondeterministic_output_order"])
                .replay_as(Replay::Read),
            other("command|list", -2)
                .says("The names of the commands")
                .costs("O(N), N: commands")
                .since("7.0.0")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .tips(&["nondeterministic_output_order"])
                .replay_as(Replay::Read),
            other("command|help", 2)
                .says("Explains the COMMAND subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .also_in(Categories::CONNECTION)
                .replay_as(Replay::Read),
        ],
    )
    .or_alone()
    .says("The facts of every command")
    .costs("O(N), N: commands")
    .since("2.8.13")
    .loading()
    .stale()
    .also_in(Categories::CONNECTION)
    .tips(&["nondeterministic_output_order"])
    .replay_as(Replay::Read),
    Command::container(
        GROUP,
        "config",
        &[
            other("config|get", -3)
                .says("Settings and their values")
                .costs("O(N), N: patterns given")
                .since("2.0.0")
                .admin()
                .no_script()
                .loading()
                .stale()
                .replay_as(Replay::Read),
            other("config|resetstat", 2)
                .says("Sets the counters that INFO shows to zero")
                .costs("O(1)")
                .since("2.0.0")
                .admin()
                .no_script()
                .loading()
                .stale()
                .replay_as(Replay::Idempotent),
            other("config|rewrite", 2)
                .says("Writes the settings into the configuration file")
                .costs("O(1)")
                .since("2.8.0")
                .admin()
                .no_script()
                .loading()
                .stale()
                .replay_as(Replay::Idempotent),
            other("config|set", -4)
                .says("Changes settings")
                .costs("O(N), N: settings given")
                .since("2.0.0")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("config|help", 2)
                .says("Explains the CONFIG subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks after the server's settings")
    .since("2.0.0"),
    read("dbsize", 1)
        .says("How many keys the database has")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .also_in(Categories::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    other("debug", -2)
        .says("For the server's own tests")
        .costs("by subcommand")
        .since("1.0.0")
        .internal()
        .admin()
        .no_script()
        .loading()
        .stale(),
    other("failover", -1)
        .says("Has a replica take this server's place")
        .costs("O(1)")
        .since("6.2.0")
        .admin()
        .no_script()
        .stale(),
    write("flushall", -1)
        .says("Deletes every key of every database")
        .costs("O(N), N: keys in all databases")
        .since("1.0.0")
        .also_in(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .replay_as(Replay::Idempotent),
    write("flushdb", -1)
        .says("Deletes every key of the database")
        .costs("O(N), N: keys in the database")
        .since("1.0.0")
        .also_in(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .replay_as(Replay::Idempotent),
    other("info", -1)
        .says("Facts and figures about the server")
        .costs("O(1)")
        .since("1.0.0")
        .loading()
        .stale()
        .also_in(Categories::DANGEROUS)
        .tips(&[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ])
        .replay_as(Replay::Read),
    other("lastsave", 1)
        .says("When the last snapshot was finished")
        .costs("O(1)")
        .since("1.0.0")
        .loading()
        .stale()
        .fast()
        .also_in(Categories::ADMIN.union(Categories::DANGEROUS))
        .tips(&["nondeterministic_output"])
        .replay_as(Replay::Read),
    Command::container(
        GROUP,
        "latency",
        &[
            other("latency|doctor", 2)
                .says("A report on latency in plain words")
                .costs("O(1)")
                .since("2.8.13")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("latency|graph", 3)
                .says("The latency of an event over time, drawn in text")
                .costs("O(1)")
                .since("2.8.13")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("latency|histogram", -2)
                .says("How long commands take, as histograms")
                .costs("O(N), N: commands asked for")
                .since("7.0.0")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("latency|history", 3)
                .says("The latency of an event over time")
                .costs("O(1)")
                .since("2.8.13")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("latency|latest", 2)
                .says("The newest latency of every event")
                .costs("O(1)")
                .since("2.8.13")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("latency|reset", -2)
                .says("Forgets measured latencies")
                .costs("O(1)")
                .since("2.8.13")
                .admin()
                .no_script()
                .loading()
                .stale()
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("latency|help", 2)
                .says("Explains the LATENCY subcommands")
                .costs("O(1)")
                .since("2.8.13")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks at what took long")
    .since("2.8.13"),
    read("lolwut", -1)
        .says("A small work of art and the server's version")
        .costs("O(1)")
        .since("5.0.0")
        .fast(),
    Command::container(
        GROUP,
        "memory",
        &[
            other("memory|doctor", 2)
                .says("A report on memory in plain words")
                .costs("O(1)")
                .since("4.0.0")
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("memory|malloc-stats", 2)
                .says("What the allocator says about itself")
                .costs("by the allocator, can be slow")
                .since("4.0.0")
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            other("memory|purge", 2)
                .says("Asks the allocator to give memory back")
                .costs("by the allocator, can be slow")
                .since("4.0.0")
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("memory|stats", 2)
                .says("What memory is used for")
                .costs("O(1)")
                .since("4.0.0")
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .replay_as(Replay::Read),
            read("memory|usage", -3)
                .says("How many bytes a key takes")
                .costs("O(N), N: samples")
                .since("4.0.0")
                .keys(&[key(2, LOOK)]),
            other("memory|help", 2)
                .says("Explains the MEMORY subcommands")
                .costs("O(1)")
                .since("4.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks at memory")
    .since("4.0.0"),
    Command::container(
        GROUP,
        "module",
        &[
            other("module|list", 2)
                .says("The loaded modules")
                .costs("O(N), N: modules")
                .since("4.0.0")
                .admin()
                .no_script()
                .tips(&["nondeterministic_output_order"])
                .replay_as(Replay::Read),
            other("module|load", -3)
                .says("Loads a module")
                .costs("O(1)")
                .since("4.0.0")
                .admin()
                .no_script()
                .no_async_loading(),
            other("module|loadex", -3)
                .says("Loads a module with its settings")
                .costs("O(1)")
                .since("7.0.0")
                .admin()
                .no_script()
                .no_async_loading(),
            other("module|unload", 3)
                .says("Unloads a module")
                .costs("O(1)")
                .since("4.0.0")
                .admin()
                .no_script()
                .no_async_loading(),
            other("module|help", 2)
                .says("Explains the MODULE subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks after modules")
    .since("4.0.0"),
    other("monitor", 1)
        .says("Streams every request the server gets")
        .costs("O(1), and a line for each request of anybody")
        .since("1.0.0")
        .admin()
        .no_script()
        .loading()
        .stale()
        .replay_as(Replay::Idempotent),
    other("psync", -3)
        .says("Starts replication, for replicas")
        .costs("O(N), N: bytes sent")
        .since("2.8.0")
        .admin()
        .no_script()
        .no_async_loading()
        .no_multi(),
    other("replconf", -1)
        .says("Agrees on replication, for replicas")
        .costs("O(1)")
        .since("3.0.0")
        .internal()
        .admin()
        .no_script()
        .loading()
        .stale()
        .allow_busy(),
    other("replicaof", 3)
        .says("Makes this server a replica, or ends that")
        .costs("O(1)")
        .since("5.0.0")
        .admin()
        .no_script()
        .stale()
        .no_async_loading()
        .replay_as(Replay::Idempotent),
    write("restore-asking", -4)
        .says("RESTORE into a slot that is being imported, for MIGRATE")
        .costs("O(N), N: bytes of the value; O(N*log(N)) for sorted sets")
        .since("3.0.0")
        .internal()
        .deny_oom()
        .asking()
        .also_in(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .keys(&[key(1, REPLACE)])
        .replay_by(replay::with_replace),
    other("role", 1)
        .says("Whether this is a master or a replica, and of whom")
        .costs("O(1)")
        .since("2.8.12")
        .no_script()
        .loading()
        .stale()
        .fast()
        .also_in(Categories::ADMIN.union(Categories::DANGEROUS))
        .replay_as(Replay::Read),
    other("save", 1)
        .says("Writes a snapshot while everybody waits")
        .costs("O(N), N: keys in all databases")
        .since("1.0.0")
        .admin()
        .no_script()
        .no_async_loading()
        .no_multi()
        .replay_as(Replay::Idempotent),
    other("shutdown", -1)
        .says("Stops the server")
        .costs("O(N) when saving, N: keys in all databases")
        .since("1.0.0")
        .admin()
        .no_script()
        .loading()
        .stale()
        .no_multi()
        .allow_busy(),
    other("slaveof", 3)
        .says("Makes this server a replica, or ends that")
        .costs("O(1)")
        .since("1.0.0")
        .deprecated("5.0.0", "`REPLICAOF`")
        .admin()
        .no_script()
        .stale()
        .no_async_loading()
        .replay_as(Replay::Idempotent),
    Command::container(
        GROUP,
        "slowlog",
        &[
            other("slowlog|get", -2)
                .says("The newest entries")
                .costs("O(N), N: entries answered")
                .since("2.2.12")
                .admin()
                .loading()
                .stale()
                .tips(&["request_policy:all_nodes", "nondeterministic_output"])
                .replay_as(Replay::Read),
            other("slowlog|len", 2)
                .says("How many entries there are")
                .costs("O(1)")
                .since("2.2.12")
                .admin()
                .loading()
                .stale()
                .tips(&[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ])
                .replay_as(Replay::Read),
            other("slowlog|reset", 2)
                .says("Removes every entry")
                .costs("O(N), N: entries")
                .since("2.2.12")
                .admin()
                .loading()
                .stale()
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .replay_as(Replay::Idempotent),
            other("slowlog|help", 2)
                .says("Explains the SLOWLOG subcommands")
                .costs("O(1)")
                .since("6.2.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks at the slowest requests")
    .since("2.2.12"),
    write("swapdb", 3)
        .says("Exchanges two databases")
        .costs("O(N), N: clients watching or waiting in either")
        .since("4.0.0")
        .fast()
        .also_in(Categories::KEYSPACE.union(Categories::DANGEROUS)),
    other("sync", 1)
        .says("Starts replication the old way, for replicas")
        .costs("O(N), N: bytes sent")
        .since("1.0.0")
        .admin()
        .no_script()
        .no_async_loading()
        .no_multi(),
    other("time", 1)
        .says("The server's clock")
        .costs("O(1)")
        .since("2.6.0")
        .loading()
        .stale()
        .fast()
        .tips(&["nondeterministic_output"])
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
