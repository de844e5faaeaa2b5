//! The arguments of every command, as COMMAND DOCS describes them.
//!
//! `arguments.txt` has a line for each command that takes any: its name, then its arguments.
//!
//! | | |
//! | --- | --- |
//! | `value`, `count:int` | a name, and a type where it is no string: `int`, `num` (a double), `time`, `pattern`, `key` |
//! | `key#0`, `pattern:pattern#1` | which key specification it belongs to; such an argument is a key unless it says otherwise |
//! | `NX`, `increment^INCR` | a word as it is, and the argument's name where that is another |
//! | `EX=seconds:int` | what follows a word |
//! | `unit(M|KM)`, `pair{field value}` | one of some, and some together |
//! | `?`, `+`, `*` | optional; repeated; repeated together with its word |
//! | `@6.2.0`, `~7.0.0` | since when, and since when no more recommended |
//!
//! Signs that mean something here stand in quotes where they are words.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::render::{map, number, text};
use crate::Value;

static LINES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("arguments.txt").lines();
    lines.filter_map(|line| line.split_once(' ')).collect()
});

/// The arguments of the command of this name, `None` where it has none.
pub(super) fn arguments_of(name: &str) -> Option<Value> {
    let mut line = Line(LINES.get(name)?);
    Some(line.arguments(' '))
}

/// What is left of a line.
struct Line(&'static str);

/// Signs that end a word.
const SIGNS: [char; 14] = [
    ' ', '|', '(', ')', '{', '}', '=', '^', '#', '?', '+', '*', '@', '~',
];

impl Line {
    /// Arguments with this sign between them, to the end of the line or the closing bracket.
    fn arguments(&mut self, between: char) -> Value {
        let mut arguments = vec![self.argument()];
        while self.accept(between) {
            arguments.push(self.argument());
        }
        Value::Array(arguments)
    }

    fn argument(&mut self) -> Value {
        let first = self.word();
        let (name, kind, token) = if self.accept('=') {
            let (name, kind) = typed(self.word());
            (name.to_owned(), kind, Some(first))
        } else if self.accept('^') {
            (first.to_owned(), Some("pure-token"), Some(self.word()))
        } else if first.contains(|sign: char| sign.is_ascii_lowercase()) {
            let (name, kind) = typed(first);
            (name.to_owned(), kind, None)
        } else {
            (first.to_ascii_lowercase(), Some("pure-token"), Some(first))
        };
        let key_spec = self.accept('#').then(|| self.word());
        let (kind, inner) = if self.accept('(') {
            ("oneof", Some(self.bracketed('|', ')')))
        } else if self.accept('{') {
            ("block", Some(self.bracketed(' ', '}')))
        } else {
            let otherwise = if key_spec.is_some() { "key" } else { "string" };
            (kind.unwrap_or(otherwise), None)
        };
        let mut flags = Vec::new();
        for (sign, names) in [
            ('?', &["optional"][..]),
            ('+', &["multiple"]),
            ('*', &["multiple", "multiple_token"]),
        ] {
            if self.accept(sign) {
                flags.extend(names.iter().map(|name| Value::simple(name)));
            }
        }
        let since = self.accept('@').then(|| self.word());
        let deprecated = self.accept('~').then(|| self.word());

        let key_spec = key_spec.and_then(|index| index.parse().ok()).map(number);
        let fields = [
            ("name", Some(Value::bulk(name))),
            ("type", Some(text(kind))),
            ("key_spec_index", key_spec),
            ("token", token.map(text)),
            ("since", since.map(text)),
            ("deprecated_since", deprecated.map(text)),
            ("flags", (!flags.is_empty()).then_some(Value::Set(flags))),
            ("arguments", inner),
        ];
        let fields = fields.into_iter();
        map(fields
            .filter_map(|(name, value)| Some((name, value?)))
            .collect())
    }

    fn bracketed(&mut self, between: char, end: char) -> Value {
        let inner = self.arguments(between);
        self.accept(end);
        inner
    }

    /// The next word, without the quotes around it.
    fn word(&mut self) -> &'static str {
        if self.accept('\'') {
            let (word, rest) = self.0.split_once('\'').unwrap_or((self.0, ""));
            self.0 = rest;
            return word;
        }
        let (word, rest) = self.0.split_at(self.0.find(SIGNS).unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    fn accept(&mut self, sign: char) -> bool {
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// A name and, if one stands behind it, a type. Names may have colons, too.
fn typed(word: &'static str) -> (&'static str, Option<&'static str>) {
    let parts = word.rsplit_once(':');
    let typed = parts.and_then(|(name, kind)| {
        let kind = match kind {
            "int" => "integer",
            "num" => "double",
            "time" => "unix-time",
            "pattern" | "key" => kind,
            _ => return None,
        };
        Some((name, Some(kind)))
    });
    typed.unwrap_or((word, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    #[test]
    fn every_line_is_of_a_command_and_read_to_its_end() {
        let lines = include_str!("arguments.txt");
        assert_eq!(lines.lines().count(), LINES.len(), "one line a command");
        for (name, arguments) in LINES.iter() {
            let (top, sub) = name
                .split_once('|')
                .map_or((*name, None), |(top, _)| (top, Some(*name)));
            let command = facts::find(top.as_bytes()).expect("a command");
            assert!(
                sub.is_none_or(|sub| command.subcommands.iter().any(|known| known.name == sub)),
                "{name}"
            );
            let mut line = Line(arguments);
            line.arguments(' ');
            assert_eq!(line.0, "", "{name}");
        }
    }
}
