//! The facts of a command as COMMAND INFO and COMMAND DOCS answer them.

use super::arguments::arguments_of;
use super::command::Command;
use super::key_spec::{BeginSearch, FindKeys, KeySpec};
use crate::Octets;
use crate::Value;

/// One entry of the reply to COMMAND INFO.
pub fn command_info(command: &Command) -> Value {
    let subcommands = command.subcommands.iter().map(command_info);
    Value::Array(vec![
        text(command.name),
        number(command.arity),
        Value::Set(command.flags.names().map(Value::simple).collect()),
        number(command.first_key),
        number(command.last_key),
        number(command.step),
        Value::Set(
            command
                .categories
                .names()
                .map(|name| Value::Simple(format!("@{name}").into()))
                .collect(),
        ),
        Value::Set(command.tips.iter().map(|tip| text(tip)).collect()),
        Value::Set(command.key_specs.iter().map(key_spec).collect()),
        if command.subcommands.is_empty() {
            Value::Set(Vec::new())
        } else {
            Value::Array(subcommands.collect())
        },
    ])
}

/// What COMMAND DOCS answers for a command, behind its name.
pub fn command_docs(command: &Command) -> Value {
    let mut docs = vec![
        ("summary", text(command.summary)),
        ("since", text(command.since)),
        ("group", text(command.group.name())),
        ("complexity", text(command.complexity)),
    ];
    let mut doc_flags = Vec::new();
    if command.deprecated.is_some() {
        doc_flags.push(Value::simple("deprecated"));
    }
    if command.is_internal {
        doc_flags.push(Value::simple("syscmd"));
    }
    if !doc_flags.is_empty() {
        docs.push(("doc_flags", Value::Set(doc_flags)));
    }
    if let Some(deprecated) = command.deprecated {
        docs.push(("deprecated_since", text(deprecated.since)));
        docs.push(("replaced_by", text(deprecated.replaced_by)));
    }
    if let Some(arguments) = arguments_of(command.name) {
        docs.push(("arguments", arguments));
    }
    if !command.subcommands.is_empty() {
        let subcommands = command.subcommands.iter();
        let named = subcommands.map(|sub| (text(sub.name), command_docs(sub)));
        docs.push(("subcommands", Value::Map(named.collect())));
    }
    map(docs)
}

fn key_spec(spec: &KeySpec) -> Value {
    let (begin, begin_spec) = match spec.begin {
        BeginSearch::Index(index) => ("index", vec![("index", number(index))]),
        BeginSearch::Keyword {
            keyword,
            start_from,
        } => (
            "keyword",
            vec![
                ("keyword", text(keyword)),
                ("startfrom", number(start_from)),
            ],
        ),
        BeginSearch::Unknown => ("unknown", Vec::new()),
    };
    let (find, find_spec) = match spec.find {
        FindKeys::Range { last, step, limit } => (
            "range",
            vec![
                ("lastkey", number(last)),
                ("keystep", number(step)),
                ("limit", number(limit)),
            ],
        ),
        FindKeys::KeyNumber { index, first, step } => (
            "keynum",
            vec![
                ("keynumidx", number(index)),
                ("firstkey", number(first)),
                ("keystep", number(step)),
            ],
        ),
        FindKeys::Unknown => ("unknown", Vec::new()),
    };
    let search = |kind, spec| map(vec![("type", text(kind)), ("spec", map(spec))]);
    map(vec![
        (
            "flags",
            Value::Set(spec.flags.names().map(Value::simple).collect()),
        ),
        ("begin_search", search(begin, begin_spec)),
        ("find_keys", search(find, find_spec)),
    ])
}

pub(super) fn map(pairs: Vec<(&'static str, Value)>) -> Value {
    Value::Map(
        pairs
            .into_iter()
            .map(|(name, value)| (text(name), value))
            .collect(),
    )
}

pub(super) fn text(text: &'static str) -> Value {
    Value::Bulk(Octets::from_static(text.as_bytes()))
}

pub(super) fn number(number: i32) -> Value {
    Value::Integer(i64::from(number))
}
