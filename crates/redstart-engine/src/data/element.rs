use std::ops::Deref;

use redstart_protocol::number::{NumberText, format_i64, parse_i64};

use super::Blob;

/// A view of one stored string, in the form in which a compact structure holds it.
///
/// Two elements that stand for the same bytes may differ in form, so elements are not compared
/// with each other but with a [`Needle`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Element<'a> {
    /// The canonical decimal form of an integer.
    Int(i64),
    /// The bytes themselves.
    Str(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The most compact form of `bytes`.
    #[inline]
    pub(crate) fn compact(bytes: &'a [u8]) -> Self {
        parse_i64(bytes).map_or(Self::Str(bytes), Self::Int)
    }

    /// The bytes this stands for.
    #[inline]
    pub(crate) fn to_bytes(self) -> ElementBytes<'a> {
        match self {
            Self::Int(integer) => ElementBytes::Digits(format_i64(integer)),
            Self::Str(bytes) => ElementBytes::Borrowed(bytes),
        }
    }

    /// A copy that outlives the structure.
    #[inline]
    pub(crate) fn to_blob(self) -> Blob {
        Blob::from(&*self.to_bytes())
    }

    /// How many bytes it stands for.
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Int(integer) => {
                let digits = integer
                    .unsigned_abs()
                    .checked_ilog10()
                    .map_or(1, |log| log as usize + 1);
                digits + usize::from(integer < 0)
            }
            Self::Str(bytes) => bytes.len(),
        }
    }

    /// Whether it stands for the bytes that are looked for.
    #[inline]
    pub(crate) fn matches(self, needle: &Needle<'_>) -> bool {
        match self {
            Self::Int(integer) => needle.integer == Some(integer),
            Self::Str(bytes) => bytes == needle.bytes,
        }
    }
}

/// The bytes an [`Element`] stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ElementBytes<'a> {
    /// The element was an integer and is written out here.
    Digits(NumberText),
    /// The element is stored as it is.
    Borrowed(&'a [u8]),
}

impl Deref for ElementBytes<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Digits(digits) => digits,
            Self::Borrowed(bytes) => bytes,
        }
    }
}

/// Bytes that are looked for among elements, read as an integer once instead of at every step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle<'a> {
    bytes: &'a [u8],
    integer: Option<i64>,
}

impl<'a> From<&'a [u8]> for Needle<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            integer: parse_i64(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_for_its_bytes_in_either_form() {
        for bytes in [
            b"".as_slice(),
            b"0",
            b"-12",
            b"007",
            b"9223372036854775808",
            b"field",
        ] {
            for element in [Element::compact(bytes), Element::Str(bytes)] {
                assert_eq!(&*element.to_bytes(), bytes);
                assert_eq!(element.to_blob(), bytes);
                assert_eq!(element.len(), bytes.len());
                assert!(element.matches(&bytes.into()));
                assert!(!element.matches(&b"other".as_slice().into()));
            }
        }
    }

    #[test]
    fn holds_integers_as_such() {
        assert!(matches!(Element::compact(b"-12"), Element::Int(-12)));
        assert!(matches!(Element::compact(b"-012"), Element::Str(b"-012")));
    }
}
