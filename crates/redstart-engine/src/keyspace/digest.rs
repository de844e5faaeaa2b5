//! A fingerprint of the keys: equal data, equal digest, on this engine and on a Redis server.
//!
//! Redis' own scheme, so that the two can be compared. What has no order of its own (keys, members
//! of sets) is combined by exclusive or, what has one by hashing on.

use sha1_smol::Sha1;

use super::object::{Object, StringView};
use super::shard::DATABASES;
use super::{Entry, Space};

/// A SHA-1 of some data. All zeros for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest([u8; 20]);

impl Digest {
    /// Of all databases. Needs all shards.
    pub(crate) fn of_all(space: &Space<'_>) -> Digest {
        let mut digest = Digest::default();
        for db in (0..DATABASES).filter(|&db| space.len(db) > 0) {
            digest.append(&u32::from(db).to_be_bytes());
            for (key, entry) in space.entries(db) {
                let mut own = Digest::default();
                own.append(key);
                own.append_entry(entry);
                digest.include(&own.0);
            }
        }
        digest
    }

    /// Of one value and whether it expires, whatever its key.
    pub(crate) fn of_value(entry: &Entry) -> Digest {
        let mut digest = Digest::default();
        digest.append_entry(entry);
        digest
    }

    fn append_entry(&mut self, entry: &Entry) {
        let object = &entry.object;
        self.append(&type_number(object).to_be_bytes());
        match object {
            Object::Int(_) | Object::Str(_) | Object::Raw(_) => {
                self.append(&object.as_string().map_or_else(Vec::new, StringView::to_vec));
            }
            Object::List(list) => {
                list.iter()
                    .for_each(|element| self.append(&element.to_bytes()));
            }
            Object::Set(set) => {
                set.iter()
                    .for_each(|member| self.include(&member.to_bytes()));
            }
            Object::SortedSet(set) => {
                for (member, score) in set.iter() {
                    let score = redstart_protocol::number::format_g17(score);
                    self.include_pair(&member.to_bytes(), score.as_bytes());
                }
            }
            Object::Hash(hash) => {
                for (field, value) in hash.iter() {
                    self.include_pair(&field.to_bytes(), &value.to_bytes());
                }
            }
        }
        if entry.expires_ms().is_some() {
            self.include(b"!!expire!!");
        }
    }

    /// Adds something whose place matters.
    fn append(&mut self, bytes: &[u8]) {
        self.include(bytes);
        self.0 = Sha1::from(self.0).digest().bytes();
    }

    /// Adds something whose place does not matter.
    fn include(&mut self, bytes: &[u8]) {
        let hash = Sha1::from(bytes).digest().bytes();
        self.0
            .iter_mut()
            .zip(hash)
            .for_each(|(sum, byte)| *sum ^= byte);
    }

    fn include_pair(&mut self, first: &[u8], second: &[u8]) {
        let mut pair = Digest::default();
        pair.append(first);
        pair.append(second);
        self.include(&pair.0);
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The number Redis gives a type.
fn type_number(object: &Object) -> u32 {
    match object {
        Object::Int(_) | Object::Str(_) | Object::Raw(_) => 0,
        Object::List(_) => 1,
        Object::Set(_) => 2,
        Object::SortedSet(_) => 3,
        Object::Hash(_) => 4,
    }
}
