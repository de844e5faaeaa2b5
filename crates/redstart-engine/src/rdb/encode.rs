use std::io::{self, Write};

use super::format::{kind, mark, node, string};
use super::lzf::Compressor;
use crate::data::{Element, Hash, List, Listpack, NodeView, Set, SortedSet};
use crate::keyspace::access::Usage;
use crate::keyspace::object::Object;

/// Writes values and what belongs to them in Redis' format, into any sink.
///
/// Compact values are written as they lie in memory, which is Redis' own format; the others element
/// by element. Redis 7.0 loads either.
#[derive(Debug)]
pub(crate) struct Encoder {
    compressor: Option<Compressor>,
    compressed: Vec<u8>,
}

/// Shorter strings are not worth the attempt to compress them.
const COMPRESSED_MIN: usize = 21;
/// Compression that saves less is not used.
const SAVED_MIN: usize = 4;

impl Encoder {
    /// An encoder, which compresses strings if asked to.
    pub(crate) fn new(compress: bool) -> Self {
        Self {
            compressor: compress.then(Compressor::new),
            compressed: Vec::new(),
        }
    }

    /// A key with all that belongs to it.
    pub(crate) fn entry(
        &mut self,
        out: &mut impl Write,
        key: &[u8],
        expires_ms: Option<u64>,
        usage: Option<Usage>,
        object: &Object,
    ) -> io::Result<()> {
        if let Some(at_ms) = expires_ms {
            out.write_all(&[mark::EXPIRES_MS])?;
            out.write_all(&at_ms.to_le_bytes())?;
        }
        match usage {
            None => {}
            Some(Usage::IdleS(seconds)) => {
                out.write_all(&[mark::IDLE])?;
                write_length(out, seconds)?;
            }
            Some(Usage::Frequency(counter)) => out.write_all(&[mark::FREQUENCY, counter])?,
        }
        out.write_all(&[kind_of(object)])?;
        self.string(out, key)?;
        self.value(out, object)
    }

    /// A value without its kind, for which there is [`kind_of`].
    pub(super) fn value(&mut self, out: &mut impl Write, object: &Object) -> io::Result<()> {
        match object {
            Object::Int(number) => write_integer(out, *number),
            Object::Str(bytes) => self.string(out, bytes),
            Object::Raw(bytes) => self.string(out, bytes),
            Object::List(list) => self.list(out, list),
            Object::Set(set) => self.set(out, set),
            Object::SortedSet(set) => self.sorted_set(out, set),
            Object::Hash(hash) => self.hash(out, hash),
        }
    }

    /// A string in the shortest form it has.
    pub(super) fn string(&mut self, out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        // The longest number that has a short form is -2147483648.
        const NUMBER_MAX: usize = 11;
        if bytes.len() <= NUMBER_MAX
            && let Element::Int(number) = Element::compact(bytes)
            && i32::try_from(number).is_ok()
        {
            return write_integer(out, number);
        }
        if bytes.len() >= COMPRESSED_MIN
            && let Some(compressor) = &mut self.compressor
        {
            self.compressed.clear();
            if compressor.compress(bytes, bytes.len() - SAVED_MIN, &mut self.compressed) {
                out.write_all(&[0xc0 | string::COMPRESSED])?;
                write_length(out, self.compressed.len() as u64)?;
                write_length(out, bytes.len() as u64)?;
                return out.write_all(&self.compressed);
            }
        }
        write_length(out, bytes.len() as u64)?;
        out.write_all(bytes)
    }

    fn element(&mut self, out: &mut impl Write, element: Element<'_>) -> io::Result<()> {
        match element {
            Element::Int(number) => write_integer(out, number),
            Element::Str(bytes) => self.string(out, bytes),
        }
    }

    fn list(&mut self, out: &mut impl Write, list: &List) -> io::Result<()> {
        write_length(out, list.nodes().len() as u64)?;
        for node in list.nodes() {
            match node {
                NodeView::Packed(pack) => self.packed_node(out, pack)?,
                // Redis makes a pack of every element that fits into one.
                NodeView::Plain(element) if element.len() < Listpack::MAX_BYTES / 2 => {
                    let mut pack = Listpack::with_room(element.len() + 10);
                    pack.push_back(element);
                    self.packed_node(out, &pack)?;
                }
                NodeView::Plain(element) => {
                    write_length(out, node::PLAIN)?;
                    self.string(out, element)?;
                }
            }
        }
        Ok(())
    }

    fn packed_node(&mut self, out: &mut impl Write, pack: &Listpack) -> io::Result<()> {
        write_length(out, node::PACKED)?;
        self.string(out, pack.as_bytes())
    }

    fn set(&mut self, out: &mut impl Write, set: &Set) -> io::Result<()> {
        if let Some(integers) = set.as_intset() {
            return self.string(out, integers.as_bytes());
        }
        write_length(out, set.len() as u64)?;
        set.iter().try_for_each(|member| self.element(out, member))
    }

    fn sorted_set(&mut self, out: &mut impl Write, set: &SortedSet) -> io::Result<()> {
        if let Some(pack) = set.as_pack() {
            return self.string(out, pack.as_bytes());
        }
        write_length(out, set.len() as u64)?;
        // From the last on: a reader that inserts in front is then at the right place at once.
        for (member, score) in set.iter().rev() {
            self.element(out, member)?;
            out.write_all(&score.to_le_bytes())?;
        }
        Ok(())
    }

    fn hash(&mut self, out: &mut impl Write, hash: &Hash) -> io::Result<()> {
        if let Some(pack) = hash.as_pack() {
            return self.string(out, pack.as_bytes());
        }
        write_length(out, hash.len() as u64)?;
        for (field, value) in hash.iter() {
            self.element(out, field)?;
            self.element(out, value)?;
        }
        Ok(())
    }
}

/// The number of the form a value is written in.
pub(super) fn kind_of(object: &Object) -> u8 {
    match object {
        Object::Int(_) | Object::Str(_) | Object::Raw(_) => kind::STRING,
        Object::List(_) => kind::LIST_OF_LISTPACKS,
        Object::Set(set) if set.as_intset().is_some() => kind::SET_INTSET,
        Object::Set(_) => kind::SET,
        Object::SortedSet(set) if set.as_pack().is_some() => kind::SORTED_SET_LISTPACK,
        Object::SortedSet(_) => kind::SORTED_SET,
        Object::Hash(hash) if hash.as_pack().is_some() => kind::HASH_LISTPACK,
        Object::Hash(_) => kind::HASH,
    }
}

/// A length in the shortest form it has.
pub(super) fn write_length(out: &mut impl Write, length: u64) -> io::Result<()> {
    match length {
        0..=0x3f => out.write_all(&[length as u8]),
        0x40..=0x3fff => out.write_all(&(0x4000 | length as u16).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            out.write_all(&[0x80])?;
            out.write_all(&(length as u32).to_be_bytes())
        }
        _ => {
            out.write_all(&[0x81])?;
            out.write_all(&length.to_be_bytes())
        }
    }
}

/// A number as a string, which takes fewer bytes than its digits up to 32 bits.
fn write_integer(out: &mut impl Write, number: i64) -> io::Result<()> {
    if let Ok(number) = i8::try_from(number) {
        out.write_all(&[0xc0 | string::INT_8, number as u8])
    } else if let Ok(number) = i16::try_from(number) {
        out.write_all(&[0xc0 | string::INT_16])?;
        out.write_all(&number.to_le_bytes())
    } else if let Ok(number) = i32::try_from(number) {
        out.write_all(&[0xc0 | string::INT_32])?;
        out.write_all(&number.to_le_bytes())
    } else {
        let digits = Element::Int(number).to_bytes();
        write_length(out, digits.len() as u64)?;
        out.write_all(&digits)
    }
}
