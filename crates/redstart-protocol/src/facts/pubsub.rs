//! Channels and their messages.

use super::command::{Command, Group};
use super::key_spec::{CHANNEL, key, keys_from};
use super::replay::Replay;

const GROUP: Group = Group::PubSub;

pub(super) const COMMANDS: &[Command] = &[
    other("psubscribe", -2)
        .says("Subscribes to the channels that match patterns")
        .costs("O(N), N: patterns subscribed to")
        .since("2.0.0")
        .pubsub()
        .no_script()
        .loading()
        .stale()
        .replay_as(Replay::Idempotent),
    other("publish", 3)
        .says("Gives a message to the subscribers of a channel")
        .costs("O(N+M), N: subscribers, M: patterns anybody subscribed to")
        .since("2.0.0")
        .pubsub()
        .loading()
        .stale()
        .fast()
        .may_replicate(),
    Command::container(
        GROUP,
        "pubsub",
        &[
            other("pubsub|channels", -2)
                .says("The channels that have subscribers")
                .costs("O(N), N: channels")
                .since("2.8.0")
                .pubsub()
                .loading()
                .stale()
                .replay_as(Replay::Read),
            other("pubsub|numpat", 2)
                .says("How many patterns are subscribed to")
                .costs("O(1)")
                .since("2.8.0")
                .pubsub()
                .loading()
                .stale()
                .replay_as(Replay::Read),
            other("pubsub|numsub", -2)
                .says("How many subscribers channels have")
                .costs("O(N), N: channels given")
                .since("2.8.0")
                .pubsub()
                .loading()
                .stale()
                .replay_as(Replay::Read),
            other("pubsub|shardchannels", -2)
                .says("The shard channels that have subscribers")
                .costs("O(N), N: shard channels")
                .since("7.0.0")
                .pubsub()
                .loading()
                .stale()
                .replay_as(Replay::Read),
            other("pubsub|shardnumsub", -2)
                .says("How many subscribers shard channels have")
                .costs("O(N), N: channels given")
                .since("7.0.0")
                .pubsub()
                .loading()
                .stale()
                .replay_as(Replay::Read),
            other("pubsub|help", 2)
                .says("Explains the PUBSUB subcommands")
                .costs("O(1)")
                .since("6.2.0")
                .loading()
                .stale()
                .replay_as(Replay::Read),
        ],
    )
    .says("Looks at channels and their subscribers")
    .since("2.8.0"),
    other("punsubscribe", -1)
        .says("Ends subscriptions to patterns")
        .costs("O(N+M), N: own patterns, M: patterns anybody subscribed to")
        .since("2.0.0")
        .pubsub()
        .no_script()
        .loading()
        .stale()
        .replay_as(Replay::Idempotent),
    other("spublish", 3)
        .says("Gives a message to the subscribers of a shard channel")
        .costs("O(N), N: subscribers")
        .since("7.0.0")
        .pubsub()
        .loading()
        .stale()
        .fast()
        .may_replicate()
        .keys(&[key(1, CHANNEL)]),
    other("ssubscribe", -2)
        .says("Subscribes to shard channels")
        .costs("O(N), N: channels given")
        .since("7.0.0")
        .pubsub()
        .no_script()
        .loading()
        .stale()
        .keys(&[keys_from(1, CHANNEL)])
        .replay_as(Replay::Idempotent),
    other("subscribe", -2)
        .says("Subscribes to channels")
        .costs("O(N), N: channels given")
        .since("2.0.0")
        .pubsub()
        .no_script()
        .loading()
        .stale()
        .replay_as(Replay::Idempotent),
    other("sunsubscribe", -1)
        .says("Ends subscriptions to shard channels")
        .costs("O(N), N: subscribers of the channels")
        .since("7.0.0")
        .pubsub()
        .no_script()
        .loading()
        .stale()
        .keys(&[keys_from(1, CHANNEL)])
        .replay_as(Replay::Idempotent),
    other("unsubscribe", -1)
        .says("Ends subscriptions to channels")
        .costs("O(N), N: subscribers of the channels")
        .since("2.0.0")
        .pubsub()
        .no_script()
        .loading()
        .stale()
        .replay_as(Replay::Idempotent),
];

const fn other(name: &'static str, arity: i32) -> Command {
    Command::new(GROUP, name, arity)
}
