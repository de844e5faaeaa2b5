//! Lists.

use super::command::{Command, Group};
use super::key_spec::{DELETE, INSERT, LOOK, READ, TAKE, UPDATE, counted, key, range};
use super::replay::{self, Replay};

const GROUP: Group = Group::List;

pub(super) const COMMANDS: &[Command] = &[
    write("blmove", 6)
        .says("Moves an element from one list's end to another's, waiting for one")
        .costs("O(1)")
        .since("6.2.0")
        .deny_oom()
        .no_script()
        .blocking()
        .keys(&[key(1, TAKE), key(2, INSERT)]),
    write("blmpop", -5)
        .says("Takes elements from the first list that has any, waiting for one")
        .costs("O(N+M), N: keys, M: elements taken")
        .since("7.0.0")
        .blocking()
        .keys(&[counted(2, TAKE)]),
    write("blpop", -3)
        .says("Takes the first element of the first list that has any, waiting for one")
        .costs("O(N), N: keys")
        .since("2.0.0")
        .no_script()
        .blocking()
        .keys(&[range(1, -2, 1, TAKE)]),
    write("brpop", -3)
        .says("Takes the last element of the first list that has any, waiting for one")
        .costs("O(N), N: keys")
        .since("2.0.0")
        .no_script()
        .blocking()
        .keys(&[range(1, -2, 1, TAKE)]),
    write("brpoplpush", 4)
        .says("Moves the last element of a list to the front of another, waiting for one")
        .costs("O(1)")
        .since("2.2.0")
        .deprecated("6.2.0", "`BLMOVE` with `RIGHT` and `LEFT`")
        .deny_oom()
        .no_script()
        .blocking()
        .keys(&[key(1, TAKE), key(2, INSERT)]),
    read("lindex", 3)
        .says("The element at an index")
        .costs("O(N), N: elements passed on the way")
        .since("1.0.0")
        .keys(&[key(1, READ)]),
    write("linsert", 5)
        .says("Inserts an element before or after another")
        .costs("O(N), N: elements passed on the way")
        .since("2.2.0")
        .deny_oom()
        .keys(&[key(1, INSERT)]),
    read("llen", 2)
        .says("How many elements there are")
        .costs("O(1)")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, LOOK)]),
    write("lmove", 5)
        .says("Moves an element from one list's end to another's")
        .costs("O(1)")
        .since("6.2.0")
        .deny_oom()
        .keys(&[key(1, TAKE), key(2, INSERT)]),
    write("lmpop", -4)
        .says("Takes elements from the first list that has any")
        .costs("O(N+M), N: keys, M: elements taken")
        .since("7.0.0")
        .keys(&[counted(1, TAKE)]),
    write("lpop", -2)
        .says("Takes elements from the front")
        .costs("O(N), N: elements taken")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, TAKE)]),
    read("lpos", -3)
        .says("Where an element stands")
        .costs("O(N), N: elements")
        .since("6.0.6")
        .keys(&[key(1, READ)]),
    write("lpush", -3)
        .says("Adds elements at the front")
        .costs("O(N), N: elements given")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)]),
    write("lpushx", -3)
        .says("Adds elements at the front of a list that exists")
        .costs("O(N), N: elements given")
        .since("2.2.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)]),
    read("lrange", 4)
        .says("The elements in a range of indexes")
        .costs("O(S+N), S: elements passed on the way, N: answered")
        .since("1.0.0")
        .keys(&[key(1, READ)]),
    write("lrem", 4)
        .says("Removes elements that equal a value")
        .costs("O(N+M), N: elements, M: removed")
        .since("1.0.0")
        .keys(&[key(1, DELETE)])
        .replay_by(replay::lrem),
    write("lset", 4)
        .says("Replaces the element at an index")
        .costs("O(N), N: elements passed on the way")
        .since("1.0.0")
        .deny_oom()
        .keys(&[key(1, UPDATE)])
        .replay_as(Replay::Idempotent),
    write("ltrim", 4)
        .says("Keeps only the elements in a range of indexes")
        .costs("O(N), N: elements removed")
        .since("1.0.0")
        .keys(&[key(1, DELETE)])
        .replay_by(replay::ltrim),
    write("rpop", -2)
        .says("Takes elements from the back")
        .costs("O(N), N: elements taken")
        .since("1.0.0")
        .fast()
        .keys(&[key(1, TAKE)]),
    write("rpoplpush", 3)
        .says("Moves the last element of a list to the front of another")
        .costs("O(1)")
        .since("1.2.0")
        .deprecated("6.2.0", "`LMOVE` with `RIGHT` and `LEFT`")
        .deny_oom()
        .keys(&[key(1, TAKE), key(2, INSERT)]),
    write("rpush", -3)
        .says("Adds elements at the back")
        .costs("O(N), N: elements given")
        .since("1.0.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)]),
    write("rpushx", -3)
        .says("Adds elements at the back of a list that exists")
        .costs("O(N), N: elements given")
        .since("2.2.0")
        .deny_oom()
        .fast()
        .keys(&[key(1, INSERT)]),
];

const fn read(name: &'static str, arity: i32) -> Command {
    Command::read(GROUP, name, arity)
}

const fn write(name: &'static str, arity: i32) -> Command {
    Command::write(GROUP, name, arity)
}
