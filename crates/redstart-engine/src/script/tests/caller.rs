//! A caller for tests: a small store in memory that records what scripts ask of it.

use std::collections::BTreeMap;

use redstart_protocol::{Resp, Value};

use super::super::caller::{Caller, LogLevel, ReplicationTargets, Stop};

/// What scripts of the tests run against.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) strings: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) hashes: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(super) log: Vec<(LogLevel, Vec<u8>)>,
    pub(super) resp: Resp,
    pub(super) replication: Option<ReplicationTargets>,
    /// How often the script was asked whether it may go on.
    pub(super) questions: u32,
    pub(super) steps: u64,
    /// After so many questions it may not.
    pub(super) stop: Option<(u32, Stop)>,
    /// Commands that panic.
    pub(super) panics: bool,
}

impl Caller for Store {
    fn call(&mut self, args: &[&[u8]]) -> Value {
        assert!(!self.panics, "a defect of the engine");
        let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
        let name = args[0].to_ascii_lowercase();
        match (name.as_slice(), &args[1..]) {
            (b"ping", []) => Value::simple("PONG"),
            (b"echo", [text]) => Value::bulk(text),
            (b"get", [key]) if self.hashes.contains_key(*key) => Value::error(wrong_type),
            (b"get", [key]) => self.strings.get(*key).map_or(Value::Null, Value::bulk),
            (b"mget", keys @ [_, ..]) => {
                let values = keys.iter().map(|key| self.strings.get(*key));
                Value::Array(
                    values
                        .map(|value| value.map_or(Value::Null, Value::bulk))
                        .collect(),
                )
            }
            (b"set", [key, value]) => {
                self.strings.insert(key.to_vec(), value.to_vec());
                Value::OK
            }
            (b"incr", [key]) => {
                let number = self.strings.entry(key.to_vec()).or_insert(b"0".to_vec());
                let text = String::from_utf8_lossy(number);
                let Ok(next) = text.parse::<i64>().map(|number| number + 1) else {
                    return Value::error("ERR value is not an integer or out of range");
                };
                *number = next.to_string().into_bytes();
                Value::Integer(next)
            }
            (b"hset", [key, field, value]) => {
                let hash = self.hashes.entry(key.to_vec()).or_default();
                let new = hash.insert(field.to_vec(), value.to_vec()).is_none();
                Value::Integer(i64::from(new))
            }
            (b"hgetall", [key]) => {
                let pairs = self.hashes.get(*key).into_iter().flatten();
                let pairs = pairs.map(|(field, value)| (Value::bulk(field), Value::bulk(value)));
                Value::Map(pairs.collect())
            }
            (b"debug", [b"protocol", kind]) => match *kind {
                b"string" => Value::bulk("Hello World"),
                b"integer" => Value::Integer(12345),
                b"null" => Value::Null,
                b"array" => Value::Array([0, 1, 2].map(Value::Integer).to_vec()),
                b"set" => Value::Set([0, 1, 2].map(Value::Integer).to_vec()),
                b"map" => Value::Map(
                    [0, 1, 2]
                        .map(|index| (Value::Integer(index), Value::Boolean(index == 1)))
                        .to_vec(),
                ),
                b"attrib" => Value::bulk("Some real reply following the attribute"),
                b"true" => Value::Boolean(true),
                b"false" => Value::Boolean(false),
                // What DEBUG PROTOCOL answers with, which is not pi.
                #[allow(clippy::approx_constant)]
                b"double" => Value::Double(3.141),
                b"bignum" => Value::BigNumber("1234567999999999999999999999999999999".into()),
                b"verbatim" => Value::Verbatim(*b"txt", "This is a verbatim\nstring".into()),
                _ => Value::error("ERR Wrong protocol type name"),
            },
            (b"nocode", []) => Value::error("oops"),
            (b"nested", []) => Value::Array(vec![Value::error("OOPS inside")]),
            (b"ping" | b"echo" | b"get" | b"set" | b"incr" | b"hset" | b"hgetall", _) => {
                Value::error("ERR Wrong number of args calling Redis command from script")
            }
            _ => Value::error("ERR Unknown Redis command called from script"),
        }
    }

    fn set_resp(&mut self, resp: Resp) {
        self.resp = resp;
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        self.log.push((level, text.to_vec()));
    }

    fn set_replication(&mut self, targets: ReplicationTargets) {
        self.replication = Some(targets);
    }

    fn may_run(&mut self, args: &[&[u8]]) -> Option<bool> {
        match args[0] {
            b"get" => Some(true),
            b"set" => Some(false),
            _ => None,
        }
    }

    fn interrupt(&mut self, steps: u64) -> Option<Stop> {
        self.questions += 1;
        self.steps += steps;
        let (after, stop) = self.stop?;
        (self.questions > after).then_some(stop)
    }
}
