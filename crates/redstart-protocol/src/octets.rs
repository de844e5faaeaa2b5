//! The bytes of a reply.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;

/// A binary-safe string that is cheap to make and to pass on: up to 23 bytes are kept inside
/// itself, more are shared between clones.
///
/// ```
/// use redstart_protocol::Octets;
///
/// let short = Octets::from(&b"sixteen bytes ok"[..]);
/// assert_eq!(short, *b"sixteen bytes ok");
/// assert_eq!(short.len(), 16);
/// ```
#[derive(Clone)]
pub struct Octets(Repr);

#[derive(Clone)]
enum Repr {
    /// The length, at most `INLINE_MAX`, and the bytes.
    Inline(u8, [u8; Octets::INLINE_MAX]),
    Shared(Bytes),
}

// What `Bytes` leaves of its size is what there is room for.
const _: () = assert!(size_of::<Octets>() == size_of::<Bytes>());

impl Octets {
    const INLINE_MAX: usize = 23;

    /// Bytes that live as long as the program. Nothing is allocated.
    pub const fn from_static(bytes: &'static [u8]) -> Octets {
        if bytes.len() > Octets::INLINE_MAX {
            return Octets(Repr::Shared(Bytes::from_static(bytes)));
        }
        let mut inline = [0; Octets::INLINE_MAX];
        let mut at = 0;
        while at < bytes.len() {
            inline[at] = bytes[at];
            at += 1;
        }
        Octets(Repr::Inline(bytes.len() as u8, inline))
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Repr::Shared(bytes) => bytes,
        }
    }

    /// A copy of bytes that are few, or nothing.
    #[inline]
    fn inline(bytes: &[u8]) -> Option<Octets> {
        let mut inline = [0; Octets::INLINE_MAX];
        inline.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Octets(Repr::Inline(bytes.len() as u8, inline)))
    }
}

impl Deref for Octets {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Octets {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Copies the bytes.
impl From<&[u8]> for Octets {
    #[inline]
    fn from(bytes: &[u8]) -> Octets {
        Octets::inline(bytes).unwrap_or_else(|| Bytes::copy_from_slice(bytes).into())
    }
}

/// Copies the text.
impl From<&str> for Octets {
    fn from(text: &str) -> Octets {
        text.as_bytes().into()
    }
}

/// Shares the bytes.
impl From<Bytes> for Octets {
    #[inline]
    fn from(bytes: Bytes) -> Octets {
        Octets(Repr::Shared(bytes))
    }
}

impl From<Vec<u8>> for Octets {
    fn from(bytes: Vec<u8>) -> Octets {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Octets {
    fn from(text: String) -> Octets {
        text.into_bytes().into()
    }
}

impl From<Octets> for Bytes {
    fn from(octets: Octets) -> Bytes {
        match octets.0 {
            Repr::Inline(len, bytes) => Bytes::copy_from_slice(&bytes[..usize::from(len)]),
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl From<Octets> for Vec<u8> {
    fn from(octets: Octets) -> Vec<u8> {
        match octets.0 {
            Repr::Inline(len, bytes) => bytes[..usize::from(len)].to_vec(),
            Repr::Shared(bytes) => bytes.into(),
        }
    }
}

impl Default for Octets {
    fn default() -> Octets {
        Octets::from_static(b"")
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Octets) -> bool {
        **self == **other
    }
}

impl Eq for Octets {}

impl PartialEq<[u8]> for Octets {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Octets {
    fn eq(&self, other: &[u8; N]) -> bool {
        **self == *other
    }
}

impl PartialOrd for Octets {
    fn partial_cmp(&self, other: &Octets) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Octets {
    fn cmp(&self, other: &Octets) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Octets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// As a byte string literal.
impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn however_they_are_kept_they_are_the_same(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let copied = Octets::from(&bytes[..]);
            let shared = Octets::from(Bytes::from(bytes.clone()));
            prop_assert_eq!(&copied, &shared);
            prop_assert_eq!(&*copied, &bytes[..]);
            prop_assert_eq!(Vec::<u8>::from(copied.clone()), bytes.clone());
            prop_assert_eq!(Bytes::from(copied.clone()), bytes);
        }
    }

    #[test]
    fn they_print_as_a_literal() {
        assert_eq!(format!("{:?}", Octets::from("a\"\n")), r#"b"a\"\n""#);
    }

    #[test]
    fn what_is_known_beforehand_is_not_copied() {
        const LONG: &[u8] = b"more than twenty-three bytes";
        for bytes in [&b""[..], b"OK", &LONG[..23], LONG] {
            assert_eq!(Octets::from_static(bytes), *bytes);
        }
        assert_eq!(Octets::from_static(LONG).as_ptr(), LONG.as_ptr());
    }
}
