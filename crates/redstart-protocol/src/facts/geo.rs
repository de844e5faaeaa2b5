//! Positions on the earth, kept in sorted sets.

use super::command::{Command, Group};
use super::key_spec::{READ, REPLACE, UPDATE, after, key};
use super::keys;
use super::replay;

const GROUP: Group = Group::Geo;

pub(super) const COMMANDS: &[Command] = &[
    write("geoadd", -5)
        .says("Adds members with their longitude and latitude, or moves them")
        .costs("O(log(N)) for each, N: members")
        .since("3.2.0")
        .deny_oom()
        .keys(&[key(1, UPDATE)])
        .replay_by(replay::without_nx),
    read("geodist", -4)
        .says("How far two members are apart")
        .costs("O(log(N))")
        .since("3.2.0")
        .keys(&[key(1, READ)]),
    read("geohash", -2)
        .says("The positions of members as geohash strings")
        .costs("O(log(N)) for each, N: members")
        .since("3.2.0")
        .keys(&[key(1, READ)]),
    read("geopos", -2)
        .says("The longitudes and latitudes of members")
        .costs("O(N), N: members asked for")
        .since("3.2.0")
        .keys(&[key(1, READ)]),
    write("georadius", -6)
        .says("The members inside a circle, which may be stored")
        .costs("O(N+log(M)), N: members in the box around the circle, M: all")
        .since("3.2.0")
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`")
        .deny_oom()
        .keys(&[
            key(1, READ),
            after("STORE", 6, REPLACE),
            after("STOREDIST", 6, REPLACE),
        ])
        .keys_by(keys::georadius)
        .replay_by(replay::georadius),
    read("georadius_ro", -6)
        .says("The members inside a circle")
        .costs("O(N+log(M)), N: members in the box around the circle, M: all")
        .since("3.2.10")
        .deprecated("6.2.0", "`GEOSEARCH` with `BYRADIUS`")
        .keys(&[key(1, READ)]),
    write("georadiusbymember", -5)
        .says("The members inside a circle around a member, which may be stored")
        .costs("O(N+log(M)), N: members in the box around the circle, M: all")
        .since("3.2.0")
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS` and `FROMMEMBER`",
        )
        .deny_oom()
        .keys(&[
            key(1, READ),
            after("STORE", 5, REPLACE),
            after("STOREDIST", 5, REPLACE),
        ])
        .keys_by(keys::georadiusbymember)
        .replay_by(replay::georadiusbymember),
    read("georadiusbymember_ro", -5)
        .says("The members inside a circle around a member")
        .costs("O(N+log(M)), N: members in the box around the circle, M: all")
        .since("3.2.10")
        .deprecated("6.2.0", "`GEOSEARCH` with `BYRADIUS` and `FROMMEMBER`")
        .keys(&[key(1, READ)]),
    read("geosearch", -7)
        .says("The members inside a circle or a rectangle")
        .costs("O(N+log(M)), N: members in the box around the shape, M: in the shape")
        .since("6.2.0")
        .keys(&[key(1, READ)]),
    write("geosearchstore", -8)
        .says("Stores the members inside a circle or a rectangle")
        .costs("O(N+log(M)), N: members in the box around the shape, M: in the shape")
        .since("6.2.0")
        .deny_oom()
        .keys(&[key(1, REPLACE), key(2, READ)])
        .replay_by(replay::first_not_second),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
