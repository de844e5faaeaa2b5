use std::io::Read;

use redstart_protocol::number::parse_f64;

use super::error::{RdbError, RdbFault};
use super::format::{kind, node};
use super::source::Source;
use super::{skip, ziplist, zipmap};
use crate::data::{Blob, Element, End, Hash, Intset, Limits, List, Listpack, Seed, Set, SortedSet};
use crate::keyspace::object::Object;

/// How values are laid out in memory when they have been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forms {
    /// The seed of the engine's tables.
    pub(crate) seed: Seed,
    /// How large a packed hash may be.
    pub(crate) hash: Limits,
    /// How large a packed sorted set may be.
    pub(crate) sorted_set: Limits,
    /// How many integers a set may hold in its compact form.
    pub(crate) set_max_integers: usize,
}

/// What was read in the place of a value.
pub(super) enum Loaded {
    Value(Object),
    /// A collection without elements, which no key may hold.
    Nothing,
    /// Something this engine has no type for; it was passed over.
    Unsupported(&'static str),
}

/// Reads a value of a kind.
pub(super) fn read<R: Read>(
    source: &mut Source<R>,
    kind: u8,
    forms: &Forms,
) -> Result<Loaded, RdbError> {
    let object = match kind {
        kind::STRING => Some(string(source)?),
        kind::LIST | kind::LIST_ZIPLIST | kind::LIST_OF_ZIPLISTS | kind::LIST_OF_LISTPACKS => {
            let list = list(source, kind)?;
            (!list.is_empty()).then(|| Object::List(Box::new(list)))
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => {
            let set = set(source, kind, forms)?;
            (!set.is_empty()).then(|| Object::Set(Box::new(set)))
        }
        kind::SORTED_SET_IN_TEXT
        | kind::SORTED_SET
        | kind::SORTED_SET_ZIPLIST
        | kind::SORTED_SET_LISTPACK => {
            let set = sorted_set(source, kind, forms)?;
            (!set.is_empty()).then(|| Object::SortedSet(Box::new(set)))
        }
        kind::HASH | kind::HASH_ZIPMAP | kind::HASH_ZIPLIST | kind::HASH_LISTPACK => {
            let hash = hash(source, kind, forms)?;
            (!hash.is_empty()).then(|| Object::Hash(Box::new(hash)))
        }
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => {
            skip::stream(source, kind)?;
            return Ok(Loaded::Unsupported("a stream"));
        }
        kind::MODULE => {
            skip::module(source)?;
            return Ok(Loaded::Unsupported("a value of a module"));
        }
        kind::HASH_OF_MORTALS | kind::HASH_LISTPACK_OF_MORTALS => {
            skip::hash_of_mortals(source, kind)?;
            return Ok(Loaded::Unsupported("a hash whose fields expire"));
        }
        kind::MODULE_OF_A_CANDIDATE => {
            return Err(RdbFault::Unsupported("a value of a module").at(source.offset()));
        }
        _ => {
            source.begin();
            return Err(source.corrupt("a value of no known kind"));
        }
    };
    Ok(object.map_or(Loaded::Nothing, Loaded::Value))
}

fn string<R: Read>(source: &mut Source<R>) -> Result<Object, RdbError> {
    Ok(match source.string()? {
        Element::Int(number) => Object::Int(number),
        Element::Str(bytes) => Object::string(bytes),
    })
}

fn list<R: Read>(source: &mut Source<R>, kind: u8) -> Result<List, RdbError> {
    let mut list = List::new();
    match kind {
        kind::LIST => {
            for _ in 0..source.length()? {
                list.push(End::Tail, &source.string()?.to_bytes());
            }
        }
        kind::LIST_ZIPLIST => ziplist_into(source, &mut list)?,
        kind::LIST_OF_ZIPLISTS => {
            for _ in 0..source.length()? {
                ziplist_into(source, &mut list)?;
            }
        }
        _ => {
            for _ in 0..source.length()? {
                match source.length()? {
                    node::PLAIN => list.push(End::Tail, &source.string()?.to_bytes()),
                    node::PACKED => list.push_pack(pack(source)?),
                    _ => return Err(source.corrupt("a node of a list in no known form")),
                }
            }
        }
    }
    Ok(list)
}

fn ziplist_into<R: Read>(source: &mut Source<R>, list: &mut List) -> Result<(), RdbError> {
    let bytes = source.string()?.to_bytes();
    let push = |element: Element<'_>| list.push(End::Tail, &element.to_bytes());
    let read = ziplist::read(&bytes, push);
    read.ok_or_else(|| source.corrupt("a list is no ziplist"))
}

fn set<R: Read>(source: &mut Source<R>, kind: u8, forms: &Forms) -> Result<Set, RdbError> {
    let seed = forms.seed;
    let mut set = Set::new();
    match kind {
        kind::SET_INTSET => {
            let integers = Intset::from_bytes(&source.string()?.to_bytes());
            let integers = integers.map_err(|_| source.corrupt("a set is no intset"))?;
            set = Set::from_intset(integers, forms.set_max_integers, seed);
        }
        kind::SET_LISTPACK => {
            for member in pack(source)?.iter() {
                if !set.insert(&member.to_bytes(), forms.set_max_integers, seed) {
                    return Err(source.corrupt("a set holds a member twice"));
                }
            }
        }
        _ => {
            let len = source.length()?;
            let max_integers = match len <= forms.set_max_integers as u64 {
                true => forms.set_max_integers,
                false => 0,
            };
            for _ in 0..len {
                let is_new = set.insert(&source.string()?.to_bytes(), max_integers, seed);
                if !is_new {
                    return Err(source.corrupt("a set holds a member twice"));
                }
            }
        }
    }
    Ok(set)
}

fn sorted_set<R: Read>(
    source: &mut Source<R>,
    kind: u8,
    forms: &Forms,
) -> Result<SortedSet, RdbError> {
    if matches!(kind, kind::SORTED_SET_ZIPLIST | kind::SORTED_SET_LISTPACK) {
        let pack = match kind {
            kind::SORTED_SET_ZIPLIST => pack_of_ziplist(source)?,
            _ => pack(source)?,
        };
        return SortedSet::from_pack(pack, forms.sorted_set, forms.seed)
            .ok_or_else(|| source.corrupt("a sorted set's pairs are none"));
    }
    let len = source.length()?;
    let limits = within(forms.sorted_set, len);
    let mut set = SortedSet::new();
    for _ in 0..len {
        let member = source.string()?.to_blob();
        let score = match kind {
            kind::SORTED_SET => {
                source.begin();
                f64::from_le_bytes(source.array()?)
            }
            _ => score_in_text(source)?,
        };
        if score.is_nan() {
            return Err(source.corrupt("a score is not a number"));
        }
        if set.insert(&member, score, limits, forms.seed).is_some() {
            return Err(source.corrupt("a sorted set holds a member twice"));
        }
    }
    Ok(set)
}

/// A score as it was written until version 7: a length and its digits, or one byte.
fn score_in_text<R: Read>(source: &mut Source<R>) -> Result<f64, RdbError> {
    source.begin();
    match source.byte()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let mut digits = [0; 252];
            let digits = &mut digits[..usize::from(len)];
            for digit in digits.iter_mut() {
                *digit = source.byte()?;
            }
            parse_f64(digits).ok_or_else(|| source.corrupt("a score is not a number"))
        }
    }
}

fn hash<R: Read>(source: &mut Source<R>, kind: u8, forms: &Forms) -> Result<Hash, RdbError> {
    let twice = "a hash holds a field twice";
    let pack = match kind {
        kind::HASH_LISTPACK => pack(source)?,
        kind::HASH_ZIPLIST => pack_of_ziplist(source)?,
        kind::HASH_ZIPMAP => {
            let bytes = source.string()?.to_bytes();
            let (mut hash, mut is_unique) = (Hash::new(), true);
            let read = zipmap::read(&bytes, |field, value| {
                is_unique &= hash.set(field, value, forms.hash, forms.seed);
            });
            return match read {
                None => Err(source.corrupt("a hash is no zipmap")),
                Some(()) if !is_unique => Err(source.corrupt(twice)),
                Some(()) => Ok(hash),
            };
        }
        _ => {
            let len = source.length()?;
            let limits = within(forms.hash, len);
            let mut hash = Hash::new();
            for _ in 0..len {
                let field: Blob = source.string()?.to_blob();
                let is_new = hash.set(&field, &source.string()?.to_bytes(), limits, forms.seed);
                if !is_new {
                    return Err(source.corrupt(twice));
                }
            }
            return Ok(hash);
        }
    };
    Hash::from_pack(pack, forms.hash, forms.seed)
        .ok_or_else(|| source.corrupt("a hash's pairs are none"))
}

fn pack<R: Read>(source: &mut Source<R>) -> Result<Listpack, RdbError> {
    let pack = Listpack::from_bytes(&source.string()?.to_bytes());
    pack.map_err(|_| source.corrupt("a listpack is none"))
}

fn pack_of_ziplist<R: Read>(source: &mut Source<R>) -> Result<Listpack, RdbError> {
    let bytes = source.string()?.to_bytes();
    if bytes.len() > Listpack::MAX_BYTES / 2 {
        return Err(source.corrupt("a ziplist is too long"));
    }
    let mut pack = Listpack::with_room(bytes.len());
    let read = ziplist::read(&bytes, |element| pack.push_back(&element.to_bytes()));
    match read {
        Some(()) => Ok(pack),
        None => Err(source.corrupt("a ziplist is none")),
    }
}

/// Limits for a collection whose size is known from the start: one too large is never packed.
fn within(limits: Limits, len: u64) -> Limits {
    match len <= limits.max_entries as u64 {
        true => limits,
        false => Limits {
            max_entries: 0,
            ..limits
        },
    }
}
