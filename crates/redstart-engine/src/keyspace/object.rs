//! What a key can hold.

use std::borrow::Cow;

use redstart_protocol::Octets;
use redstart_protocol::number::format_i64;

use crate::data::{Blob, Hash, List, Set, SortedSet};

/// A key's value. Twenty-four bytes; the aggregates live behind a box.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    /// A string that is a canonical 64-bit integer.
    Int(i64),
    /// A string that was set as a whole.
    Str(Blob),
    /// A string that has been changed in place and keeps room to grow. Boxed, for a vector is as
    /// large as a whole object.
    #[allow(clippy::box_collection)]
    Raw(Box<Vec<u8>>),
    List(Box<List>),
    Hash(Box<Hash>),
    Set(Box<Set>),
    SortedSet(Box<SortedSet>),
}

impl Object {
    /// A string object in its most compact form.
    pub(crate) fn string(bytes: &[u8]) -> Object {
        match redstart_protocol::number::parse_i64(bytes) {
            Some(number) => Object::Int(number),
            None => Object::Str(Blob::from(bytes)),
        }
    }

    /// The type's name, as TYPE answers it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Object::Int(_) | Object::Str(_) | Object::Raw(_) => "string",
            Object::List(_) => "list",
            Object::Hash(_) => "hash",
            Object::Set(_) => "set",
            Object::SortedSet(_) => "zset",
        }
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Object::Int(_) => "int",
            Object::Str(bytes) if bytes.len() <= EMBSTR_MAX => "embstr",
            Object::Str(_) | Object::Raw(_) => "raw",
            Object::List(_) => "quicklist",
            Object::Hash(hash) => hash.encoding(),
            Object::Set(set) => set.encoding(),
            Object::SortedSet(set) => set.encoding(),
        }
    }

    /// Bytes on the heap, the box of an aggregate included.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Object::Int(_) => 0,
            Object::Str(bytes) => bytes.heap_bytes(),
            Object::Raw(bytes) => size_of::<Vec<u8>>() + bytes.capacity(),
            Object::List(list) => size_of::<List>() + list.memory(),
            Object::Hash(hash) => size_of::<Hash>() + hash.memory(),
            Object::Set(set) => size_of::<Set>() + set.memory(),
            Object::SortedSet(set) => size_of::<SortedSet>() + set.memory(),
        }
    }

    /// A string's bytes, or `None` for another type.
    pub(crate) fn as_string(&self) -> Option<StringView<'_>> {
        match self {
            Object::Int(number) => Some(StringView::Int(*number)),
            Object::Str(bytes) => Some(StringView::Bytes(bytes)),
            Object::Raw(bytes) => Some(StringView::Bytes(bytes)),
            _ => None,
        }
    }
}

/// The longest string Redis calls `embstr`.
const EMBSTR_MAX: usize = 44;

/// A string value as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum StringView<'a> {
    /// A canonical 64-bit integer.
    Int(i64),
    /// Anything else.
    Bytes(&'a [u8]),
}

impl From<StringView<'_>> for Object {
    fn from(string: StringView<'_>) -> Object {
        match string {
            StringView::Int(number) => Object::Int(number),
            StringView::Bytes(bytes) => Object::string(bytes),
        }
    }
}

impl<'a> StringView<'a> {
    /// The string's bytes, written out if it is an integer.
    pub fn as_bytes(self) -> Cow<'a, [u8]> {
        match self {
            StringView::Int(number) => Cow::Owned(number.to_string().into_bytes()),
            StringView::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// The string's bytes, copied.
    pub(crate) fn to_octets(self) -> Octets {
        match self {
            StringView::Int(number) => Octets::from(&*format_i64(number)),
            StringView::Bytes(bytes) => Octets::from(bytes),
        }
    }

    /// The string's bytes, copied into a vector.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        match self {
            StringView::Int(number) => number.to_string().into_bytes(),
            StringView::Bytes(bytes) => bytes.to_vec(),
        }
    }

    /// The string's length in bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            StringView::Int(number) => {
                let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
                digits + usize::from(number < 0)
            }
            StringView::Bytes(bytes) => bytes.len(),
        }
    }

    /// The number this string writes, if it is one in Redis' strict sense.
    pub(crate) fn as_i64(self) -> Option<i64> {
        match self {
            StringView::Int(number) => Some(number),
            StringView::Bytes(bytes) => redstart_protocol::number::parse_i64(bytes),
        }
    }
}

/// An aggregate type: how typed access finds it in an object and makes an empty one.
pub(crate) trait Aggregate: Sized {
    fn of(object: &Object) -> Option<&Self>;
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    fn empty() -> Object;
    fn is_empty(&self) -> bool;
}

macro_rules! aggregate {
    ($type:ident) => {
        impl Aggregate for $type {
            fn of(object: &Object) -> Option<&Self> {
                match object {
                    Object::$type(value) => Some(value),
                    _ => None,
                }
            }

            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                match object {
                    Object::$type(value) => Some(value),
                    _ => None,
                }
            }

            fn empty() -> Object {
                Object::$type(Box::new($type::new()))
            }

            fn is_empty(&self) -> bool {
                $type::is_empty(self)
            }
        }
    };
}

aggregate!(List);
aggregate!(Hash);
aggregate!(Set);
aggregate!(SortedSet);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_twenty_four_bytes() {
        assert_eq!(size_of::<Object>(), 24);
    }

    #[test]
    fn the_length_of_an_integer_is_that_of_its_digits() {
        for number in [0, 9, 10, -1, -10, i64::MAX, i64::MIN, 1_000_000] {
            assert_eq!(StringView::Int(number).len(), number.to_string().len());
        }
    }
}
