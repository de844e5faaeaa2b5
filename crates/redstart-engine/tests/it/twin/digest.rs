//! Everything a twin holds, read back through its commands.

use redstart_testkit::Reply;

use super::endpoint::{Endpoint, words};

/// The databases that the histories use.
pub(super) const DATABASES: usize = 3;

/// A time to live may differ by this much, in milliseconds.
const TTL_TOLERANCE: i64 = 3_000;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    database: usize,
    key: Vec<u8>,
    kind: String,
    encoding: String,
    /// How often it was used, where that is counted.
    frequency: Reply,
    ttl: i64,
    value: Reply,
}

impl Held {
    fn equals(&self, other: &Held) -> bool {
        let ttl = match self.ttl >= 0 && other.ttl >= 0 {
            true => self.ttl.abs_diff(other.ttl) <= TTL_TOLERANCE.unsigned_abs(),
            false => self.ttl == other.ttl,
        };
        let mut like = other.clone();
        like.ttl = self.ttl;
        ttl && *self == like
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Held {
            database,
            key,
            kind,
            encoding,
            frequency,
            ttl,
            value,
        } = self;
        let key = key.escape_ascii();
        write!(
            out,
            "db{database} \"{key}\" {kind} {encoding} ttl {ttl} used {frequency}: {value}"
        )
    }
}

/// Reads everything.
pub(super) fn read(endpoint: &mut dyn Endpoint) -> Vec<Held> {
    let mut held = Vec::new();
    let sizes: Vec<Vec<Vec<u8>>> = (0..DATABASES)
        .flat_map(|database| [words(&format!("SELECT {database}")), words("KEYS *")])
        .collect();
    let listed = endpoint.ask(&sizes);
    for (database, keys) in listed.iter().skip(1).step_by(2).enumerate() {
        let mut keys: Vec<&[u8]> = keys
            .as_elements()
            .expect("KEYS")
            .iter()
            .filter_map(Reply::as_bytes)
            .collect();
        if keys.is_empty() {
            continue;
        }
        keys.sort();
        let select = words(&format!("SELECT {database}"));
        let mut about = vec![select.clone()];
        for key in &keys {
            about.push(command(&["TYPE"], key, &[]));
            about.push(command(&["OBJECT", "ENCODING"], key, &[]));
            about.push(command(&["OBJECT", "FREQ"], key, &[]));
            about.push(command(&["PTTL"], key, &[]));
        }
        let about = endpoint.ask(&about);
        let kinds: Vec<String> = about.iter().skip(1).step_by(4).map(text).collect();
        let mut values = vec![select];
        for (key, kind) in keys.iter().zip(&kinds) {
            values.push(match kind.as_str() {
                "string" => command(&["GET"], key, &[]),
                "list" => command(&["LRANGE"], key, &["0", "-1"]),
                "set" => command(&["SMEMBERS"], key, &[]),
                "hash" => command(&["HGETALL"], key, &[]),
                "zset" => command(&["ZRANGE"], key, &["0", "-1", "WITHSCORES"]),
                _ => command(&["TYPE"], key, &[]),
            });
        }
        let values = endpoint.ask(&values);
        for (index, key) in keys.iter().enumerate() {
            let [_, encoding, frequency, ttl] = &about[1 + 4 * index..5 + 4 * index] else {
                unreachable!("four replies a key");
            };
            let encoding = text(encoding);
            let value = in_order(&values[1 + index], &kinds[index], &encoding);
            held.push(Held {
                database,
                key: key.to_vec(),
                kind: kinds[index].clone(),
                encoding,
                frequency: frequency.clone(),
                ttl: ttl.as_integer().expect("PTTL is an integer"),
                value,
            });
        }
    }
    held
}

/// What two twins hold that is not the same, or `None`.
pub(super) fn difference(ours: &[Held], theirs: &[Held]) -> Option<(String, String)> {
    let place = |held: &Held| (held.database, held.key.clone());
    for mine in ours {
        match theirs.iter().find(|other| place(other) == place(mine)) {
            Some(other) if mine.equals(other) => {}
            Some(other) => return Some((mine.to_string(), other.to_string())),
            None => return Some((mine.to_string(), "(no such key)".to_owned())),
        }
    }
    let missing = theirs
        .iter()
        .find(|other| !ours.iter().any(|mine| place(mine) == place(other)));
    missing.map(|other| ("(no such key)".to_owned(), other.to_string()))
}

/// Hash tables have no order of their own, the other encodings do.
fn in_order(value: &Reply, kind: &str, encoding: &str) -> Reply {
    let mut elements = value.as_elements().map(<[Reply]>::to_vec);
    match (kind, encoding, &mut elements) {
        ("set", _, Some(elements)) => elements.sort(),
        ("hash", "hashtable", Some(elements)) => {
            let mut pairs: Vec<Vec<Reply>> = elements.chunks(2).map(<[Reply]>::to_vec).collect();
            pairs.sort();
            *elements = pairs.concat();
        }
        _ => {}
    }
    elements.map_or_else(|| value.clone(), Reply::Array)
}

fn command(head: &[&str], key: &[u8], tail: &[&str]) -> Vec<Vec<u8>> {
    let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let head: Vec<Vec<u8>> = words(head);
    [head, vec![key.to_vec()], words(tail)].concat()
}

fn text(reply: &Reply) -> String {
    match reply.as_bytes() {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => reply.to_string(),
    }
}
