use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// An immutable byte string of 24 bytes that keeps short contents inside itself.
///
/// Keys, fields and members are mostly short, and an allocation costs more than everything else a
/// command does to them. Up to [`Blob::INLINE_MAX`] bytes need none.
#[derive(Clone)]
pub(crate) struct Blob(Repr);

#[derive(Clone)]
enum Repr {
    /// The length, at most `INLINE_MAX`, and the bytes; those past the length are zero.
    Inline(u8, [u8; Blob::INLINE_MAX]),
    Heap(Box<[u8]>),
}

impl Blob {
    /// The longest content that is kept without an allocation.
    pub(crate) const INLINE_MAX: usize = 22;

    /// The empty string.
    pub(crate) const EMPTY: Self = Self(Repr::Inline(0, [0; Self::INLINE_MAX]));

    /// The content.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Repr::Heap(bytes) => bytes,
        }
    }

    /// The bytes this string owns on the heap: none for a short one.
    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Inline(..) => 0,
            Repr::Heap(bytes) => bytes.len(),
        }
    }

    #[inline]
    fn inline(bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len()).ok()?;
        let mut inline = [0; Self::INLINE_MAX];
        inline.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self(Repr::Inline(len, inline)))
    }
}

impl Default for Blob {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Deref for Blob {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Blob {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Borrow<[u8]> for Blob {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl From<&[u8]> for Blob {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        Self::inline(bytes).unwrap_or_else(|| Self(Repr::Heap(bytes.into())))
    }
}

impl<const N: usize> From<&[u8; N]> for Blob {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// Takes the allocation over when the content is too long to be kept inline.
impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self::inline(&bytes).unwrap_or_else(|| Self(Repr::Heap(bytes.into_boxed_slice())))
    }
}

impl From<Box<[u8]>> for Blob {
    fn from(bytes: Box<[u8]>) -> Self {
        Self::inline(&bytes).unwrap_or(Self(Repr::Heap(bytes)))
    }
}

impl From<Blob> for Vec<u8> {
    fn from(blob: Blob) -> Self {
        match blob.0 {
            Repr::Inline(len, bytes) => bytes[..usize::from(len)].to_vec(),
            Repr::Heap(bytes) => bytes.into_vec(),
        }
    }
}

impl PartialEq for Blob {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Blob {}

impl PartialEq<[u8]> for Blob {
    #[inline]
    fn eq(&self, other: &[u8]) -> bool {
        self.as_slice() == other
    }
}

impl PartialEq<&[u8]> for Blob {
    #[inline]
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_slice() == *other
    }
}

impl PartialOrd for Blob {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Blob {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

/// Hashes as the bytes do, which `Borrow<[u8]>` asks for.
impl Hash for Blob {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

/// Written like a byte string literal, so that failing tests can be read.
impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_as_small_as_promised() {
        assert_eq!(size_of::<Blob>(), 24);
        assert_eq!(size_of::<Option<Blob>>(), 24);
    }

    #[test]
    fn allocates_only_past_the_inline_length() {
        let long = [b'x'; Blob::INLINE_MAX + 1];
        assert_eq!(Blob::from(&long[..Blob::INLINE_MAX]).heap_bytes(), 0);
        assert_eq!(Blob::from(&long).heap_bytes(), Blob::INLINE_MAX + 1);
        assert_eq!(Blob::EMPTY.heap_bytes(), 0);
        assert!(Blob::default().is_empty());
    }

    #[test]
    fn is_readable_when_debugged() {
        assert_eq!(
            format!("{:?}", Blob::from("a\"\n\u{ff}")),
            r#"b"a\"\n\xc3\xbf""#
        );
    }

    #[test]
    fn is_found_in_maps_by_its_bytes() {
        for len in [0, 1, 22, 23, 300] {
            let bytes = vec![7; len];
            let hashed = HashMap::from([(Blob::from(bytes.as_slice()), len)]);
            let sorted = BTreeMap::from([(Blob::from(bytes.as_slice()), len)]);
            assert_eq!(hashed.get(bytes.as_slice()), Some(&len));
            assert_eq!(sorted.get(bytes.as_slice()), Some(&len));
        }
    }

    proptest! {
        #[test]
        fn behaves_as_its_bytes(
            a in prop::collection::vec(any::<u8>(), 0..60),
            b in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let (x, y) = (Blob::from(a.as_slice()), Blob::from(b.clone()));
            prop_assert_eq!(&*x, a.as_slice());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
            prop_assert_eq!(&x, &Blob::from(a.clone().into_boxed_slice()));
            prop_assert_eq!(&x.clone(), &a.as_slice());
            prop_assert_eq!(Vec::from(y), b);
        }
    }
}
