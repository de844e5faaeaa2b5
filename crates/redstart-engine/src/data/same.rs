/// Whether two byte strings are equal: `==` for strings that are mostly short.
///
/// A probe of a hash table compares one key or two. A call of the library's `bcmp` costs more than
/// comparing a few words here, and more again in what has to be kept aside for it.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The ends of the last words may overlap with those before.
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(last), Some(other_last)) if one.len() <= LONG => {
            let words = one.as_chunks::<8>().0.iter();
            last == other_last && words.eq(other.as_chunks::<8>().0)
        }
        (Some(_), Some(_)) => one == other,
        _ => same_short(one, other),
    }
}

/// From here on the library is faster.
const LONG: usize = 64;

#[inline]
fn same_short(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([a, b, c, d, ..], [e, f, g, h, ..]) => {
            [a, b, c, d] == [e, f, g, h] && one.last_chunk::<4>() == other.last_chunk::<4>()
        }
        _ => one.iter().eq(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_the_same_when_every_byte_is(
            mut bytes in prop::collection::vec(any::<u8>(), 0..100),
            at: prop::sample::Index,
        ) {
            prop_assert!(same(&bytes, &bytes.clone()));
            let other = bytes.clone();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= 1;
                prop_assert!(!same(&bytes, &other));
                prop_assert!(!same(&bytes[1..], &other));
            }
        }
    }
}
