//! Whether repeating a request does what the facts say.
//!
//! Requests are made up from the syntax that a live server describes in COMMAND DOCS, so that most
//! are valid and every option comes up, and its DEBUG DIGEST tells whether data changed.

use redstart_protocol::Value;
use redstart_protocol::facts::{self, Command, Flags, Group, KeyFlags, Replay};

use crate::oracle::{Connection, Oracle};

const REQUESTS: usize = 20_000;

#[test]
fn repeating_does_what_the_facts_say() {
    let server = Oracle::start(&["--enable-debug-command", "yes"]);
    let mut connection = server.connect();
    connection.call(&[b"HELLO", b"3"]);
    let grammar = grammar(&mut connection);
    let mut dice = Dice(1);
    let mut accepted = vec![0; grammar.len()];
    for _ in 0..REQUESTS {
        let number = dice.below(grammar.len());
        let (command, syntax) = &grammar[number];
        let mut words: Vec<String> = command.name.split('|').map(str::to_owned).collect();
        make_up(syntax, command.group, &mut dice, &mut words);
        let args: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        let shown = words.join(" ");

        let before = digest(&mut connection);
        let reply = connection.call(&args);
        let once = digest(&mut connection);
        match command.replay(&args) {
            Replay::Read => assert_eq!(before, once, "it only reads: {shown}"),
            Replay::Idempotent => {
                let again = connection.call(&args);
                let twice = digest(&mut connection);
                assert_eq!(once, twice, "{shown}: {reply:?}, then {again:?}");
                assert!(reply.is_error() || !again.is_error(), "{shown}: {again:?}");
            }
            Replay::Never => {}
        }
        accepted[number] += usize::from(!reply.is_error());
    }
    let untried: Vec<&str> = grammar
        .iter()
        .zip(accepted)
        .filter_map(|((command, _), accepted)| (accepted == 0).then_some(command.name))
        .collect();
    // What they take cannot be made up: a serialized value, a function, a function's library.
    assert_eq!(untried, ["restore", "fcall", "fcall_ro", "restore-asking"]);
}

fn digest(connection: &mut Connection) -> Value {
    connection.call(&[b"DEBUG", b"DIGEST"])
}

/// The commands that have keys and answer at once, and their arguments.
fn grammar(connection: &mut Connection) -> Vec<(&'static Command, Vec<Argument>)> {
    let all = facts::all().iter().flat_map(|command| {
        let subcommands = command.subcommands.iter();
        subcommands.chain(command.subcommands.is_empty().then_some(command))
    });
    let of_data = all.filter(|command| {
        let mut keys = command.key_specs.iter().map(|spec| spec.flags);
        let has_keys = keys.any(|flags| !flags.contains(KeyFlags::NOT_KEY));
        let waits = command.flags.contains(Flags::BLOCKING);
        // MIGRATE talks to others, and PFDEBUG is allowed to break what it looks at.
        has_keys && !waits && !["migrate", "pfdebug"].contains(&command.name)
    });
    of_data
        .map(|command| {
            let reply = connection.call(&[b"COMMAND", b"DOCS", command.name.as_bytes()]);
            let docs = entry(&reply, command.name).expect("the server knows the command");
            (command, arguments(docs))
        })
        .collect()
}

/// An argument as COMMAND DOCS describes it.
struct Argument {
    name: String,
    kind: String,
    token: Option<String>,
    flags: Vec<String>,
    inner: Vec<Argument>,
}

fn arguments(description: &Value) -> Vec<Argument> {
    let Some(Value::Array(arguments)) = entry(description, "arguments") else {
        return Vec::new();
    };
    let parse = |argument: &Value| Argument {
        name: entry(argument, "name").map(text).unwrap_or_default(),
        kind: entry(argument, "type").map(text).unwrap_or_default(),
        token: entry(argument, "token").map(text),
        flags: match entry(argument, "flags") {
            Some(Value::Set(flags)) => flags.iter().map(text).collect(),
            _ => Vec::new(),
        },
        inner: self::arguments(argument),
    };
    arguments.iter().map(parse).collect()
}

/// Appends some valid choice of these arguments, or nearly so.
fn make_up(arguments: &[Argument], group: Group, dice: &mut Dice, words: &mut Vec<String>) {
    let mut announced = None;
    for argument in arguments {
        let is = |flag: &str| argument.flags.iter().any(|own| own == flag);
        if is("optional") && dice.below(3) > 0 {
            continue;
        }
        if argument.name == "numkeys" {
            let keys = 1 + dice.below(3);
            words.push(keys.to_string());
            announced = Some(keys);
            continue;
        }
        let times = match announced.take() {
            Some(keys) if argument.kind == "key" => keys,
            _ if is("multiple") => 1 + dice.below(2),
            _ => 1,
        };
        for time in 0..times {
            let token = argument
                .token
                .as_ref()
                .filter(|_| time == 0 || is("multiple_token"));
            words.extend(token.cloned());
            match argument.kind.as_str() {
                "pure-token" => {}
                "key" => words.push(dice.key(group)),
                "oneof" => {
                    let choice = dice.below(argument.inner.len());
                    make_up(&argument.inner[choice..=choice], group, dice, words);
                }
                "block" => make_up(&argument.inner, group, dice, words),
                kind => words.push(dice.one_of(examples(kind, &argument.name)).to_owned()),
            }
        }
    }
}

/// Nothing may expire while the test looks on. (A key that SET gave a time in the past expires when
/// it is next looked at.)
fn examples(kind: &str, name: &str) -> &'static [&'static str] {
    match (kind, name) {
        (_, "seconds" | "milliseconds" | "ttl") => &["100000000", "99999999", "0", "-5"],
        ("unix-time", _) => &["9999999999999", "9999999999998"],
        (_, "operation") => &["AND", "OR", "XOR", "NOT"],
        (_, "encoding") => &["u8", "i5"],
        (_, "group" | "groupname") => &["g"],
        (_, "consumer" | "consumername") => &["c"],
        (_, "id" | "ID" | "last-id" | "start_id" | "end_id") => {
            &["0", "1-1", "5", "7-0", "$", ">", "*"]
        }
        (_, "script") => &["return 1", "return redis.call('get', KEYS[1])"],
        (_, "sha1") => &["e0e1f9fabfc9d4800c877a703b823ac0578ff8db"],
        (_, "min" | "max" | "start" | "end" | "stop") => &[
            "0", "1", "-1", "-2", "(1", "[a", "(c", "-", "+", "-inf", "+inf",
        ],
        ("integer" | "double", _) => &["0", "1", "2", "3", "-1", "-2"],
        _ => &["a", "b", "1", "2", "10", "3.5", "ab"],
    }
}

fn entry<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(pairs) = value else {
        return None;
    };
    let mut pairs = pairs.iter();
    pairs
        .find(|(key, _)| text(key) == name)
        .map(|(_, value)| value)
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(text) | Value::Simple(text) => text.escape_ascii().to_string(),
        other => panic!("not a text: {other:?}"),
    }
}

/// SplitMix64: the same throws every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }

    /// One of the few keys of this group; now and then of another, whose value is of another type.
    fn key(&mut self, group: Group) -> String {
        let group = match self.below(8) {
            0 => facts::all()[self.below(facts::all().len())].group,
            _ => group,
        };
        format!("{}{}", group.name(), self.below(3))
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }
}
