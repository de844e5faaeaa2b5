//! Bits: strings as rows of bits and of small integers.

use super::command::{Command, Group};
use super::key_spec::{KeyFlags, READ, READ_AND_UPDATE, REPLACE, key, keys_from};
use super::keys;
use super::replay;

const GROUP: Group = Group::Bitmap;

pub(super) const COMMANDS: &[Command] = &[
    read("bitcount", -2)
        .says("How many bits are set in a string or a range of it")
        .costs("O(N), N: bytes in the range")
        .since("2.6.0")
        .keys(&[key(1, READ)]),
    write("bitfield", -2)
        .says("Reads, writes and counts in integers of any width packed into a string")
        .costs("O(1) for each operation")
        .since("3.2.0")
        .deny_oom()
        .keys(&[key(1, READ_AND_UPDATE.union(KeyFlags::VARIABLE_FLAGS))])
        .key_flags_by(keys::bitfield)
        .replay_by(replay::bitfield),
    read("bitfield_ro", -2)
        .says("Reads integers of any width packed into a string")
        .costs("O(1) for each operation")
        .since("6.0.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("bitop", -4)
        .says("Combines strings bit by bit and stores the result")
        .costs("O(N), N: bytes of the longest string")
        .since("2.6.0")
        .deny_oom()
        .keys(&[key(2, REPLACE), keys_from(3, READ)])
        .replay_by(replay::bitop),
    read("bitpos", -3)
        .says("Where the first bit of the given value stands")
        .costs("O(N), N: bytes looked at")
        .since("2.8.7")
        .keys(&[key(1, READ)]),
    read("getbit", 3)
        .says("One bit of a string, by its offset")
        .costs("O(1)")
        .since("2.2.0")
        .fast()
        .keys(&[key(1, READ)]),
    write("setbit", 4)
        .says("Sets one bit of a string and answers what it was")
        .costs("O(1)")
        .since("2.2.0")
        .deny_oom()
        .keys(&[key(1, READ_AND_UPDATE)]),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
