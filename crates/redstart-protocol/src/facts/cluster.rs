//! Cluster: nodes and slots.

use super::category::Categories;
use super::command::{Command, Group};
use super::replay::Replay;

const GROUP: Group = Group::Cluster;

pub(super) const COMMANDS: &[Command] = &[
    other("asking", 1)
        .says("Lets the next command into a slot that is being imported")
        .costs("O(1)")
        .since("3.0.0")
        .fast()
        .also_in(Categories::CONNECTION)
        .replay_as(Replay::Idempotent),
    Command::container(
        GROUP,
        "cluster",
        &[
            other("cluster|addslots", -3)
                .says("Takes slots over for this node")
                .costs("O(N), N: slots given")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|addslotsrange", -4)
                .says("Takes ranges of slots over for this node")
                .costs("O(N), N: slots in the ranges")
                .since("7.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|bumpepoch", 2)
                .says("Moves this node's configuration epoch forward")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading()
                .tips(&["nondeterministic_output"]),
            other("cluster|count-failure-reports", 3)
                .says("How many nodes report a node as failing")
                .costs("O(N), N: reports")
                .since("3.0.0")
                .admin()
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|countkeysinslot", 3)
                .says("How many keys a slot holds here")
                .costs("O(1)")
                .since("3.0.0")
                .stale()
                .replay_as(Replay::Read),
            other("cluster|delslots", -3)
                .says("Makes this node forget who serves some slots")
                .costs("O(N), N: slots given")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|delslotsrange", -4)
                .says("Makes this node forget who serves some ranges of slots")
                .costs("O(N), N: slots in the ranges")
                .since("7.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|failover", -2)
                .says("Has a replica take its master's place")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|flushslots", 2)
                .says("Gives up every slot of this node")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading()
                .replay_as(Replay::Idempotent),
            other("cluster|forget", 3)
                .says("Takes a node out of this node's table")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|getkeysinslot", 4)
                .says("Some of the keys of a slot")
                .costs("O(log(N)), N: keys asked for")
                .since("3.0.0")
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|info", 2)
                .says("The state of the cluster as this node sees it")
                .costs("O(1)")
                .since("3.0.0")
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|keyslot", 3)
                .says("The hash slot of a key")
                .costs("O(N), N: bytes of the key")
                .since("3.0.0")
                .stale()
                .replay_as(Replay::Read),
            other("cluster|links", 2)
                .says("The connections between this node and the others")
                .costs("O(N), N: nodes")
                .since("7.0.0")
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|meet", -4)
                .says("Introduces this node to another one")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading()
                .replay_as(Replay::Idempotent),
            other("cluster|myid", 2)
                .says("The identity of this node")
                .costs("O(1)")
                .since("3.0.0")
                .stale()
                .replay_as(Replay::Read),
            other("cluster|nodes", 2)
                .says("The nodes and their slots, a line each")
                .costs("O(N), N: nodes")
                .since("3.0.0")
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|replicas", 3)
                .says("The replicas of a master, a line each")
                .costs("O(1)")
                .since("5.0.0")
                .admin()
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|replicate", 3)
                .says("Makes this node a replica of another")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading()
                .replay_as(Replay::Idempotent),
            other("cluster|reset", -2)
                .says("Makes this node forget its cluster")
                .costs("O(N), N: known nodes; with keys also a FLUSHALL")
                .since("3.0.0")
                .admin()
                .no_script()
                .stale(),
            other("cluster|saveconfig", 2)
                .says("Writes the cluster's configuration to disk")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading()
                .replay_as(Replay::Idempotent),
            other("cluster|set-config-epoch", 3)
                .says("Gives a new node its configuration epoch")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading(),
            other("cluster|setslot", -4)
                .says("Assigns a slot, or marks it as on its way from or to another node")
                .costs("O(1)")
                .since("3.0.0")
                .admin()
                .stale()
                .no_async_loading()
                .replay_as(Replay::Idempotent),
            other("cluster|shards", 2)
                .says("The slots by shard, with the nodes that serve them")
                .costs("O(N), N: nodes")
                .since("7.0.0")
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|slaves", 3)
                .says("The replicas of a master, a line each")
                .costs("O(1)")
                .since("3.0.0")
                .deprecated("5.0.0", "`CLUSTER REPLICAS`")
                .admin()
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|slots", 2)
                .says("The ranges of slots, with the nodes that serve them")
                .costs("O(N), N: nodes")
                .since("3.0.0")
                .deprecated("7.0.0", "`CLUSTER SHARDS`")
                .stale()
                .tips(&["nondeterministic_output"])
                .replay_as(Replay::Read),
            other("cluster|help", 2)
                .says("Explains the CLUSTER subcommands")
                .costs("O(1)")
                .since("5.0.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks after the nodes and slots of a cluster")
    .since("3.0.0"),
    other("readonly", 1)
        .says("Lets this connection read from a replica in a cluster")
        .costs("O(1)")
        .since("3.0.0")
        .loading()
        .stale()
        .fast()
        .also_in(Categories::CONNECTION)
        .replay_as(Replay::Idempotent),
    other("readwrite", 1)
        .says("Takes back READONLY")
        .costs("O(1)")
        .since("3.0.0")
        .loading()
        .stale()
        .fast()
        .also_in(Categories::CONNECTION)
        .replay_as(Replay::Idempotent),
];

const fn other(name: &'static str, arity: i32) -> Command {
    Command::new(GROUP, name, arity)
}
