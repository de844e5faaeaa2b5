//! Sorted sets: members in the order of their scores.

use super::command::{Command, Group};
use super::key_spec::{
    DELETE, LOOK, READ, READ_AND_UPDATE, REPLACE, TAKE, UPDATE, counted, key, range,
};
use super::replay::{self, Replay};

const GROUP: Group = Group::SortedSet;

pub(super) const COMMANDS: &[Command] = &[
    write("bzmpop", -5)
        .says("Takes the lowest or highest members of the first sorted set that has any, or waits")
        .costs("O(K)+O(M*log(N)), K: keys, M: members taken, N: members")
        .since("7.0.0")
        .blocking()
        .keys(&[counted(2, TAKE)]),
    write("bzpopmax", -3)
        .says("Takes the highest member of the first sorted set that has any, waiting for one")
        .costs("O(log(N)), N: members")
        .since("5.0.0")
        .no_script()
        .blocking()
        .fast()
        .keys(&[range(1, -2, 1, TAKE)]),
    write("bzpopmin", -3)
        .says("Takes the lowest member of the first sorted set that has any, waiting for one")
        .costs("O(log(N)), N: members")
        .since("5.0.0")
        .no_script()
        .blocking()
        .fast()
        .keys(&[range(1, -2, 1, TAKE)]),
    write("zadd", -4)
        .says("Adds members with their scores, or changes the scores")
        .costs("O(log(N)) for each, N: members")
        .since("1.2.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, UPDATE)])
        .replay_by(replay::zadd),
    read("zcard", 2)
        .says("How many members there are")
        .costs("O(1)")
        .since("1.2.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    read("zcount", 4)
        .says("How many members have a score in a range")
        .costs("O(log(N)), N: members")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    read("zdiff", -3)
        .says("The members of the first sorted set that no other has")
        .costs("O(L+(N-K)*log(N)), L: members of all, N: of the first, K: in the result")
        .since("6.2.0")
        .keys(&[counted(1, READ)]),
    write("zdiffstore", -4)
        .says("Stores the members of the first sorted set that no other has")
        .costs("O(L+(N-K)*log(N)), L: members of all, N: of the first, K: in the result")
        .since("6.2.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), counted(2, READ)])
        .replay_by(replay::store_counted_apart),
    write("zincrby", 4)
        .says("Adds to the score of a member")
        .costs("O(log(N)), N: members")
        .since("1.2.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, READ_AND_UPDATE)]),
    read("zinter", -3)
        .says("The members that every sorted set has")
        .costs("O(N*K)+O(M*log(M)), N: members of the smallest, K: keys, M: in the result")
        .since("6.2.0")
        .keys(&[counted(1, READ)]),
    read("zintercard", -3)
        .says("How many members every sorted set has")
        .costs("O(N*K), N: members of the smallest, K: keys")
        .since("7.0.0")
        .keys(&[counted(1, READ)]),
    write("zinterstore", -4)
        .says("Stores the members that every sorted set has")
        .costs("O(N*K)+O(M*log(M)), N: members of the smallest, K: keys, M: in the result")
        .since("2.0.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), counted(2, READ)])
        .replay_by(replay::store_counted_apart),
    read("zlexcount", 4)
        .says("How many members are in an alphabetical range")
        .costs("O(log(N)), N: members")
        .since("2.8.9")
        .fast()
        .keys(&[key(1, READ)]),
    write("zmpop", -4)
        .says("Takes the lowest or highest members of the first sorted set that has any")
        .costs("O(K)+O(M*log(N)), K: keys, M: members taken, N: members")
        .since("7.0.0")
        .keys(&[counted(1, TAKE)]),
    read("zmscore", -3)
        .says("The scores of several members")
        .costs("O(N), N: members given")
        .since("6.2.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("zpopmax", -2)
        .says("Takes the highest members")
        .costs("O(M*log(N)), M: members taken, N: members")
        .since("5.0.0")
        .fast()
        .keys(&[key(1, TAKE)]),
    write("zpopmin", -2)
        .says("Takes the lowest members")
        .costs("O(M*log(N)), M: members taken, N: members")
        .since("5.0.0")
        .fast()
        .keys(&[key(1, TAKE)]),
    read("zrandmember", -2)
        .says("Members chosen at random")
        .costs("O(N), N: members answered")
        .since("6.2.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("zrange", -4)
        .says("The members in a range of ranks, scores or names")
        .costs("O(log(N)+M), N: members, M: answered")
        .since("1.2.0")
        .keys(&[key(1, READ)]),
    read("zrangebylex", -4)
        .says("The members in an alphabetical range")
        .costs("O(log(N)+M), N: members, M: answered")
        .since("2.8.9")
        .deprecated("6.2.0", "`ZRANGE` with `BYLEX`")
        .keys(&[key(1, READ)]),
    read("zrangebyscore", -4)
        .says("The members with a score in a range")
        .costs("O(log(N)+M), N: members, M: answered")
        .since("1.0.5")
        .deprecated("6.2.0", "`ZRANGE` with `BYSCORE`")
        .keys(&[key(1, READ)]),
    write("zrangestore", -5)
        .says("Stores the members in a range of ranks, scores or names")
        .costs("O(log(N)+M), N: members, M: stored")
        .since("6.2.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), key(2, READ)])
        .replay_by(replay::first_not_second),
    read("zrank", 3)
        .says("How many members have a lower place")
        .costs("O(log(N)), N: members")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("zrem", -3)
        .says("Removes members")
        .costs("O(M*log(N)), M: members given, N: members")
        .since("1.2.0")
        .fast()
        .keys(&[key(1, DELETE)])
        .replay_as(Replay::Idempotent),
    write("zremrangebylex", 4)
        .says("Removes the members in an alphabetical range")
        .costs("O(log(N)+M), N: members, M: removed")
        .since("2.8.9")
        .keys(&[key(1, DELETE)])
        .replay_as(Replay::Idempotent),
    write("zremrangebyrank", 4)
        .says("Removes the members in a range of ranks")
        .costs("O(log(N)+M), N: members, M: removed")
        .since("2.0.0")
        .keys(&[key(1, DELETE)]),
    write("zremrangebyscore", 4)
        .says("Removes the members with a score in a range")
        .costs("O(log(N)+M), N: members, M: removed")
        .since("1.2.0")
        .keys(&[key(1, DELETE)])
        .replay_as(Replay::Idempotent),
    read("zrevrange", -4)
        .says("The members in a range of ranks, from the highest down")
        .costs("O(log(N)+M), N: members, M: answered")
        .since("1.2.0")
        .deprecated("6.2.0", "`ZRANGE` with `REV`")
        .keys(&[key(1, READ)]),
    read("zrevrangebylex", -4)
        .says("The members in an alphabetical range, from the last up")
        .costs("O(log(N)+M), N: members, M: answered")
        .since("2.8.9")
        .deprecated("6.2.0", "`ZRANGE` with `REV` and `BYLEX`")
        .keys(&[key(1, READ)]),
    read("zrevrangebyscore", -4)
        .says("The members with a score in a range, from the highest down")
        .costs("O(log(N)+M), N: members, M: answered")
        .since("2.2.0")
        .deprecated("6.2.0", "`ZRANGE` with `REV` and `BYSCORE`")
        .keys(&[key(1, READ)]),
    read("zrevrank", 3)
        .says("How many members have a higher place")
        .costs("O(log(N)), N: members")
        .since("2.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    read("zscan", -3)
        .says("Members and scores, some at a time")
        .costs("O(1) a call, O(N) for all of N members")
        .since("2.8.0")
        .tips(&["nondeterministic_output"])
        .keys(&[key(1, READ)]),
    read("zscore", 3)
        .says("The score of a member")
        .costs("O(1)")
        .since("1.2.0")
        .fast()
        .keys(&[key(1, READ)]),
    read("zunion", -3)
        .says("The members that any of the sorted sets has")
        .costs("O(N)+O(M*log(M)), N: members of all, M: in the result")
        .since("6.2.0")
        .keys(&[counted(1, READ)]),
    write("zunionstore", -4)
        .says("Stores the members that any of the sorted sets has")
        .costs("O(N)+O(M*log(M)), N: members of all, M: in the result")
        .since("2.0.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), counted(2, READ)])
        .replay_by(replay::store_counted_apart),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
