//! A keyspace of strings in a few lines: what commands mean when nothing runs beside them.

use std::collections::{BTreeMap, BTreeSet};

use redstart_engine::Value;

use super::checker::Model;

/// One operation on the keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Command(Command),
    Watch(Vec<&'static str>),
    Unwatch,
    /// MULTI, these commands, EXEC. The moment of EXEC is what counts.
    Exec(Vec<Command>),
    /// [`SCRIPT`] on two keys.
    Script(&'static str, &'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Get(&'static str),
    Set(&'static str, i64),
    Incr(&'static str),
    Getdel(&'static str),
    Del(Vec<&'static str>),
    Mset(Vec<(&'static str, i64)>),
    Mget(Vec<&'static str>),
    Rename(&'static str, &'static str),
}

/// Adds one to the first key and sets the second to the sum; answers with both as they were.
pub(crate) const SCRIPT: &str = "local old = redis.call('MGET', KEYS[1], KEYS[2]) \
     redis.call('SET', KEYS[2], redis.call('INCR', KEYS[1])) \
     return old";

impl Command {
    /// The command in words.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Command::Get(key) => words(&["GET", key]),
            Command::Set(key, value) => words(&["SET", key, &value.to_string()]),
            Command::Incr(key) => words(&["INCR", key]),
            Command::Getdel(key) => words(&["GETDEL", key]),
            Command::Del(keys) => words(&[&["DEL"], &keys[..]].concat()),
            Command::Mget(keys) => words(&[&["MGET"], &keys[..]].concat()),
            Command::Rename(from, to) => words(&["RENAME", from, to]),
            Command::Mset(pairs) => {
                let pairs = pairs.iter();
                let pairs = pairs.flat_map(|(key, value)| [key.to_string(), value.to_string()]);
                std::iter::once("MSET".to_owned()).chain(pairs).collect()
            }
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The keys, and what each client watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Keyspace {
    strings: BTreeMap<&'static str, i64>,
    watching: BTreeMap<usize, BTreeSet<&'static str>>,
    /// The clients that watch something that has changed.
    dirty: BTreeSet<usize>,
}

impl Keyspace {
    fn get(&self, key: &str) -> Value {
        let string = self.strings.get(key);
        string.map_or(Value::Null, |number| Value::bulk(number.to_string()))
    }

    fn number(&self, key: &str) -> i64 {
        self.strings.get(key).copied().unwrap_or(0)
    }

    fn touch(&mut self, key: &str) {
        let watching = self.watching.iter();
        let touched = watching.filter(|(_, keys)| keys.contains(key));
        self.dirty.extend(touched.map(|(client, _)| *client));
    }

    fn set(&mut self, key: &'static str, number: i64) {
        self.strings.insert(key, number);
        self.touch(key);
    }

    fn remove(&mut self, key: &'static str) -> Option<i64> {
        let removed = self.strings.remove(key);
        if removed.is_some() {
            self.touch(key);
        }
        removed
    }

    fn forget(&mut self, client: usize) {
        self.watching.remove(&client);
        self.dirty.remove(&client);
    }

    fn run(&mut self, command: &Command) -> Value {
        match command {
            Command::Get(key) => self.get(key),
            Command::Set(key, value) => {
                self.set(key, *value);
                Value::OK
            }
            Command::Incr(key) => {
                let sum = self.number(key) + 1;
                self.set(key, sum);
                Value::Integer(sum)
            }
            Command::Getdel(key) => {
                let old = self.get(key);
                self.remove(key);
                old
            }
            Command::Del(keys) => {
                let removed = keys.iter().filter(|key| self.remove(key).is_some());
                Value::Integer(removed.count() as i64)
            }
            Command::Mset(pairs) => {
                for (key, value) in pairs {
                    self.set(key, *value);
                }
                Value::OK
            }
            Command::Mget(keys) => Value::Array(keys.iter().map(|key| self.get(key)).collect()),
            Command::Rename(from, to) => match self.strings.get(from).copied() {
                None => Value::error("ERR no such key"),
                Some(_) if from == to => Value::OK,
                Some(number) => {
                    self.remove(from);
                    self.set(to, number);
                    Value::OK
                }
            },
        }
    }
}

impl Model for Keyspace {
    type Input = Input;
    type Output = Value;

    fn apply(&mut self, client: usize, input: &Input) -> Value {
        match input {
            Input::Command(command) => self.run(command),
            Input::Watch(keys) => {
                self.watching.entry(client).or_default().extend(keys);
                Value::OK
            }
            Input::Unwatch => {
                self.forget(client);
                Value::OK
            }
            Input::Exec(commands) => {
                let is_dirty = self.dirty.contains(&client);
                self.forget(client);
                match is_dirty {
                    true => Value::NullArray,
                    false => {
                        Value::Array(commands.iter().map(|command| self.run(command)).collect())
                    }
                }
            }
            Input::Script(first, second) => {
                let old = Value::Array(vec![self.get(first), self.get(second)]);
                let sum = self.number(first) + 1;
                self.set(first, sum);
                self.set(second, sum);
                old
            }
        }
    }
}
