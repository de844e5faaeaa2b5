use redstart_protocol::Value;

use super::parameters::PARAMETERS;
use super::setting::bytes;
use crate::{Client, Engine, EvictionPolicy};

fn config(client: &mut Client, args: &[&str]) -> Value {
    let args: Vec<&[u8]> = ["CONFIG"]
        .iter()
        .chain(args)
        .map(|arg| arg.as_bytes())
        .collect();
    client.call(&args)
}

fn get(client: &mut Client, patterns: &[&str]) -> Vec<(String, String)> {
    let text = |value: Value| match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => panic!("no string: {other:?}"),
    };
    match config(client, &[&["GET"], patterns].concat()) {
        Value::Map(pairs) => pairs
            .into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        other => panic!("no map: {other:?}"),
    }
}

fn failed(name: &str, flaw: &str) -> Value {
    let name = format!("(possibly related to argument '{name}')");
    Value::error(format!("ERR CONFIG SET failed {name} - {flaw}"))
}

#[test]
fn every_parameter_has_a_name_of_its_own() {
    let mut names: Vec<_> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(names.iter().all(|name| *name == name.to_lowercase()));
}

#[test]
fn every_parameter_accepts_the_value_it_shows() {
    let engine = Engine::builder().build();
    let mut client = engine.connect_embedded();
    for (name, value) in get(&mut client, &["*"]) {
        let reply = config(&mut client, &["SET", &name, &value]);
        let settled = failed(&name, "can't set immutable config");
        assert!(
            reply == Value::OK || reply == settled,
            "{name} {value}: {reply:?}"
        );
    }
}

#[test]
fn names_are_answered_as_written_and_patterns_with_what_they_match() {
    let engine = Engine::builder()
        .max_memory(1 << 30, EvictionPolicy::AllKeysLru)
        .build();
    let mut client = engine.connect_embedded();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let limit = pair("MaxMemory", "1073741824");
    assert_eq!(get(&mut client, &["MaxMemory", "maxmemory"]), [limit]);
    assert_eq!(get(&mut client, &["nosuch", "max\\memory"]), []);
    assert_eq!(
        get(&mut client, &["MAXMEMORY-P*", "lfu-*"]),
        [
            pair("maxmemory-policy", "allkeys-lru"),
            pair("lfu-log-factor", "10"),
            pair("lfu-decay-time", "1")
        ]
    );
}

#[test]
fn several_are_set_together_or_not_at_all() {
    let engine = Engine::builder().build();
    let mut client = engine.connect_embedded();
    let both = |bytes, policy| ["SET", "maxmemory", bytes, "maxmemory-policy", policy];
    assert_eq!(config(&mut client, &both("1gb", "Volatile-TTL")), Value::OK);
    assert!(config(&mut client, &both("5", "nosuch")).is_error());
    let values = get(&mut client, &["maxmemory", "maxmemory-policy"]);
    assert_eq!(values[0].1, "1073741824");
    assert_eq!(values[1].1, "volatile-ttl");
}

#[test]
fn flaws_are_named() {
    let engine = Engine::builder().build();
    let mut client = engine.connect_embedded();
    for (name, value, flaw) in [
        ("maxmemory", "-1", "argument must be a memory value"),
        (
            "maxmemory-samples",
            "0",
            "argument must be between 1 and 2147483647 inclusive",
        ),
        (
            "timeout",
            "1.5",
            "argument couldn't be parsed into an integer",
        ),
        ("protected-mode", "on", "argument must be 'yes' or 'no'"),
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        ("appendonly", "yes", "there is no append-only file"),
        ("save", "60 1", "there are no snapshots"),
        ("databases", "5", "can't set immutable config"),
    ] {
        let reply = config(&mut client, &["SET", name, value]);
        assert_eq!(reply, failed(name, flaw));
    }
    assert_eq!(
        config(&mut client, &["SET", "timeout", "1", "TIMEOUT", "2"]),
        failed("TIMEOUT", "duplicate parameter")
    );
    assert_eq!(
        config(&mut client, &["SET", "nosuch", "1"]),
        Value::error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'")
    );
    assert_eq!(
        config(&mut client, &["SET", "timeout", "1", "hz"]),
        Value::error("ERR syntax error")
    );
}

#[test]
fn old_names_are_the_same_parameters() {
    let engine = Engine::builder().build();
    let mut client = engine.connect_embedded();
    config(&mut client, &["SET", "hash-max-ziplist-entries", "7"]);
    assert_eq!(get(&mut client, &["hash-max-listpack-entries"])[0].1, "7");
}

#[test]
fn output_limits_are_set_class_by_class() {
    let engine = Engine::builder().build();
    let mut client = engine.connect_embedded();
    let mut set = |value| config(&mut client, &["SET", "client-output-buffer-limit", value]);
    assert_eq!(set("normal 1mb 512kb 10"), Value::OK);
    assert_eq!(set(""), Value::OK);
    let failed = |flaw| failed("client-output-buffer-limit", flaw);
    assert_eq!(
        set("normal 1 2"),
        failed("Wrong number of arguments in buffer limit configuration.")
    );
    assert_eq!(
        set("pubsub 1 2 3 nosuch 1 2 3"),
        failed("Invalid client class specified in buffer limit configuration.")
    );
    assert_eq!(
        set("pubsub 1 2 -3"),
        failed("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
    );
    assert_eq!(
        get(&mut client, &["client-output-buffer-limit"])[0].1,
        "normal 1048576 524288 10 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
    );
}

#[test]
fn bytes_have_units() {
    for (text, number) in [
        ("", Some(0)),
        ("0", Some(0)),
        ("12", Some(12)),
        ("12b", Some(12)),
        ("2k", Some(2_000)),
        ("2KB", Some(2_048)),
        ("3m", Some(3_000_000)),
        ("3mb", Some(3 << 20)),
        ("1g", Some(1_000_000_000)),
        ("1Gb", Some(1 << 30)),
        ("18446744073709551615", Some(u64::MAX)),
        ("99999999999999999999gb", Some(u64::MAX)),
        ("1.5g", None),
        ("1 ", None),
        ("-1", None),
        ("0x10", None),
        ("1kib", None),
    ] {
        assert_eq!(bytes(text.as_bytes()), number, "{text}");
    }
}
