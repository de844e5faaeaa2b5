//! Everything an engine holds, read back through its commands, in a form that can be compared:
//! what a hash or a set is kept in, and so its order, does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use redstart_engine::{Client, Engine, Value};

/// The keys of all databases.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents(pub(crate) BTreeMap<(u8, Vec<u8>), Held>);

/// What one key holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) data: Data,
    /// Milliseconds since 1970, or -1.
    pub(crate) expires_ms: i64,
}

/// A value by its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    /// Scores as their bits: a negative zero is not a zero.
    SortedSet(Vec<(Vec<u8>, u64)>),
}

const DATABASES: u8 = 16;

impl Contents {
    /// Reads everything.
    pub(crate) fn of(engine: &Engine) -> Contents {
        let mut client = engine.connect_embedded();
        let mut contents = Contents::default();
        for db in 0..DATABASES {
            let number = db.to_string();
            assert_eq!(client.call(&[b"SELECT", number.as_bytes()]), Value::OK);
            for key in array(client.call(&[b"KEYS", b"*"])) {
                let key = bytes(key);
                if let Some(held) = Held::of(&mut client, &key) {
                    contents.0.insert((db, key), held);
                }
            }
        }
        contents
    }

    /// Which keys are not the same here and there.
    pub(crate) fn differing(&self, other: &Contents) -> BTreeSet<(u8, Vec<u8>)> {
        let keys = self.0.keys().chain(other.0.keys());
        keys.filter(|key| self.0.get(*key) != other.0.get(*key))
            .cloned()
            .collect()
    }

    /// The differences in words, empty where there are none.
    pub(crate) fn difference(&self, other: &Contents) -> String {
        let mut text = String::new();
        for (db, key) in self.differing(other) {
            let name = key.escape_ascii();
            let at = (db, key.clone());
            let (here, there) = (self.0.get(&at), other.0.get(&at));
            let _ = writeln!(text, "db{db} \"{name}\": {here:?}\n  against {there:?}");
        }
        text
    }
}

impl Held {
    fn of(client: &mut Client, key: &[u8]) -> Option<Held> {
        let data = match client.call(&[b"TYPE", key]) {
            Value::Simple(kind) => match &*kind {
                b"none" => return None,
                b"string" => Data::String(bytes(client.call(&[b"GET", key]))),
                b"list" => {
                    let elements = array(client.call(&[b"LRANGE", key, b"0", b"-1"]));
                    Data::List(elements.into_iter().map(bytes).collect())
                }
                b"hash" => match client.call(&[b"HGETALL", key]) {
                    Value::Map(pairs) => Data::Hash(
                        pairs
                            .into_iter()
                            .map(|(field, value)| (bytes(field), bytes(value)))
                            .collect(),
                    ),
                    other => panic!("HGETALL answered {other:?}"),
                },
                b"set" => {
                    let members = array(client.call(&[b"SMEMBERS", key]));
                    Data::Set(members.into_iter().map(bytes).collect())
                }
                b"zset" => {
                    let flat = array(client.call(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]));
                    let pairs = flat.chunks_exact(2).map(|pair| {
                        let Value::Double(score) = pair[1] else {
                            panic!("a score is {:?}", pair[1]);
                        };
                        (bytes(pair[0].clone()), score.to_bits())
                    });
                    Data::SortedSet(pairs.collect())
                }
                other => panic!("an unknown type {}", other.escape_ascii()),
            },
            other => panic!("TYPE answered {other:?}"),
        };
        let Value::Integer(expires_ms) = client.call(&[b"PEXPIRETIME", key]) else {
            panic!("PEXPIRETIME");
        };
        Some(Held { data, expires_ms })
    }
}

/// The elements of an array or a set.
pub(crate) fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

/// The bytes of a string.
pub(crate) fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Bulk(bytes) | Value::Simple(bytes) => bytes.to_vec(),
        other => panic!("no string: {other:?}"),
    }
}
