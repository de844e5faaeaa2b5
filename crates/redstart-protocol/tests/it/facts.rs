//! The tables of commands, and the keys found in requests.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use redstart_protocol::Value;
use redstart_protocol::facts::{self, Command, command_docs, command_info, get_keys, resolve};

use crate::oracle::{Connection, Oracle, request};

/// What the reply to COMMAND INFO or COMMAND DOCS says, with what is not ours to repeat left out and
/// subcommands in the order of their names.
fn comparable(value: Value) -> Value {
    match value {
        Value::Map(pairs) => Value::Map(
            pairs
                .into_iter()
                .filter(|(name, _)| {
                    let left_out = ["notes", "summary", "complexity", "history", "replaced_by"];
                    !left_out.into_iter().any(|word| *name == Value::bulk(word))
                })
                .map(|(name, value)| match name == Value::bulk("subcommands") {
                    true => (name, by_name(value)),
                    false => (name, comparable(value)),
                })
                .collect(),
        ),
        Value::Set(values) => Value::Set(values.into_iter().map(comparable).collect()),
        Value::Array(mut values) => {
            if let Some(Value::Array(subcommands)) = values.get_mut(9) {
                subcommands.sort_by_key(|entry| format!("{entry:?}"));
            }
            Value::Array(values.into_iter().map(comparable).collect())
        }
        value => value,
    }
}

fn by_name(value: Value) -> Value {
    let Value::Map(pairs) = value else {
        panic!("not a map: {value:?}");
    };
    let mut pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| (name, comparable(value)))
        .collect();
    pairs.sort_by_key(|(name, _)| format!("{name:?}"));
    Value::Map(pairs)
}

/// A reply of the server and ours, by the name of the command.
fn compare(theirs: BTreeMap<String, Value>, ours: fn(&Command) -> Value) {
    let names: Vec<&str> = theirs.keys().map(String::as_str).collect();
    let mut own: Vec<&str> = facts::all().iter().map(|command| command.name).collect();
    own.sort_unstable();
    assert_eq!(own, names, "the same commands");
    for (name, theirs) in theirs {
        let command = facts::find(name.as_bytes()).expect("just compared");
        let command = as_in_7_0(command);
        assert_eq!(comparable(ours(&command)), comparable(theirs), "{name}");
    }
}

/// Redis 7.0 does not know the few subcommands of later versions that are in the tables.
fn is_of_7_0(command: &Command) -> bool {
    !command.since.starts_with("7.2.")
}

fn as_in_7_0(command: &Command) -> Command {
    let subcommands = command.subcommands.iter().copied().filter(is_of_7_0);
    let mut command = *command;
    command.subcommands = subcommands.collect::<Vec<_>>().leak();
    command
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(text) | Value::Simple(text) => text.escape_ascii().to_string(),
        other => panic!("not a text: {other:?}"),
    }
}

fn connect(server: &Oracle) -> Connection {
    let mut connection = server.connect();
    connection.call(&[b"HELLO", b"3"]);
    connection
}

#[test]
fn command_info_says_the_same() {
    let server = Oracle::start(&[]);
    let Value::Array(entries) = connect(&server).call(&[b"COMMAND"]) else {
        panic!("COMMAND answers an array");
    };
    let named = entries.into_iter().map(|entry| match &entry {
        Value::Array(facts) => (text(&facts[0]), entry),
        other => panic!("not an entry: {other:?}"),
    });
    compare(named.collect(), command_info);
}

#[test]
fn command_docs_say_the_same_in_other_words() {
    let server = Oracle::start(&[]);
    let Value::Map(entries) = connect(&server).call(&[b"COMMAND", b"DOCS"]) else {
        panic!("COMMAND DOCS answers a map");
    };
    let named = entries.into_iter().map(|(name, docs)| (text(&name), docs));
    compare(named.collect(), command_docs);
}

#[test]
fn every_command_is_described() {
    fn check(command: &Command) {
        for text in [command.summary, command.complexity, command.since] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}", command.name);
        }
        command.subcommands.iter().for_each(check);
    }
    facts::all().iter().for_each(check);
}

/// Arguments among which keys, counts and all words that mean something for keys are frequent.
fn arguments() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "c", "d", ""]),
        5 => prop::sample::select(vec!["0", "1", "2", "3", "-1", "x", "9999999999"]),
        6 => prop::sample::select(vec![
            "STORE", "storedist", "STREAMS", "KEYS", "GET", "BY", "LIMIT", "SET", "INCRBY",
            "OVERFLOW", "FAIL", "u8", "NX", "WITHSCORES", "COPY", "AUTH", "AUTH2", "ASC",
        ]),
    ];
    // A keyword twice is a syntax error, about which two kinds of guess are possible.
    let keyword = |word: &&String| word.to_uppercase().starts_with("ST") || *word == "KEYS";
    prop::collection::vec(word.prop_map(str::to_owned), 1..11)
        .prop_filter("one keyword", move |words| {
            words.iter().filter(keyword).count() < 2
        })
}

/// What COMMAND GETKEYSANDFLAGS would answer.
fn keys_and_flags(args: &[&[u8]]) -> Value {
    let Some(command) = resolve(args) else {
        return Value::error("ERR Invalid command specified");
    };
    match get_keys(command, args) {
        Err(error) => Value::error(format!("ERR {error}")),
        Ok(keys) => {
            let entry = |key: &facts::KeyPosition| {
                let flags = key.flags.names().map(Value::simple);
                Value::Array(vec![
                    Value::bulk(args[key.index]),
                    Value::Set(flags.collect()),
                ])
            };
            Value::Array(keys.iter().map(entry).collect())
        }
    }
}

#[test]
fn the_same_keys_are_found() {
    const ROUNDS: usize = 300;

    let server = Oracle::start(&[]);
    let mut connection = connect(&server);
    let mut runner = TestRunner::deterministic();
    let mut different = Vec::new();
    let with_subcommands = facts::all().iter().flat_map(|command| {
        let subcommands = command.subcommands.iter().filter(|sub| is_of_7_0(sub));
        subcommands.chain((command.subcommands.is_empty()).then_some(command))
    });
    for command in with_subcommands {
        // Where no keys are, few samples are enough to see that.
        let rounds = if command.key_specs.is_empty() {
            3
        } else {
            ROUNDS
        };
        let requests: Vec<Vec<String>> = (0..rounds)
            .map(|_| {
                let arguments = arguments()
                    .new_tree(&mut runner)
                    .expect("a sample")
                    .current();
                command
                    .name
                    .split('|')
                    .map(str::to_owned)
                    .chain(arguments)
                    .collect()
            })
            .collect();
        let requests: Vec<Vec<&[u8]>> = requests
            .iter()
            .map(|request| request.iter().map(String::as_bytes).collect())
            .collect();
        for args in &requests {
            connection.send(&request(
                &[&[&b"COMMAND"[..], b"GETKEYSANDFLAGS"], &args[..]].concat(),
            ));
        }
        for args in &requests {
            let (ours, theirs) = (keys_and_flags(args), connection.read());
            if ours != theirs {
                let shown = args.join(&b' ');
                different.push(format!(
                    "{}\n  ours {ours:?}\n  theirs {theirs:?}",
                    shown.escape_ascii()
                ));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}
