use std::fmt;

use super::growth::{capacity_for, is_wasteful};

/// A sorted set of integers in one allocation, in Redis' own intset format.
///
/// The bytes are those that an RDB file holds: the width of a member (u32, little-endian), the
/// number of members (u32), the members in ascending order. All are as wide as the widest needs;
/// the width grows from 2 over 4 to 8 bytes and never shrinks.
#[derive(Clone)]
pub(crate) struct Intset {
    bytes: Vec<u8>,
}

/// The bytes are not an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

const HEADER: usize = 8;

impl Intset {
    /// An empty set.
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(capacity_for(HEADER));
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        Self { bytes }
    }

    /// Takes a copy of a set that comes from outside, when it is well-formed to the last byte.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let (header, members) = bytes.split_at_checked(HEADER).ok_or(Malformed)?;
        let &[width @ (2 | 4 | 8), 0, 0, 0, a, b, c, d] = header else {
            return Err(Malformed);
        };
        let len = u32::from_le_bytes([a, b, c, d]);
        if usize::try_from(len)
            .ok()
            .and_then(|len| len.checked_mul(width.into()))
            != Some(members.len())
        {
            return Err(Malformed);
        }
        let set = Self {
            bytes: bytes.to_vec(),
        };
        if set.iter().is_sorted_by(|a, b| a < b) {
            Ok(set)
        } else {
            Err(Malformed)
        }
    }

    /// The set in Redis' format.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of members.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.members().len() / self.width()
    }

    /// Whether there is no member.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.members().is_empty()
    }

    /// The bytes this owns on the heap.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether an integer is a member.
    #[inline]
    pub(crate) fn contains(&self, integer: i64) -> bool {
        self.position(integer).is_ok()
    }

    /// Adds an integer. `false` if it was there.
    pub(crate) fn insert(&mut self, integer: i64) -> bool {
        let Err(index) = self.position(integer) else {
            return false;
        };
        if width_of(integer) > self.width() {
            self.widen(width_of(integer));
        }
        let width = self.width();
        let used = self.bytes.len();
        if used + width > self.bytes.capacity() {
            self.bytes.reserve_exact(capacity_for(used + width) - used);
        }
        let at = HEADER + index * width;
        self.bytes.resize(used + width, 0);
        self.bytes.copy_within(at..used, at + width);
        self.bytes[at..at + width].copy_from_slice(&integer.to_le_bytes()[..width]);
        self.write_len();
        true
    }

    /// Takes an integer out. `false` if it was not there.
    pub(crate) fn remove(&mut self, integer: i64) -> bool {
        let Ok(index) = self.position(integer) else {
            return false;
        };
        let at = HEADER + index * self.width();
        self.bytes.drain(at..at + self.width());
        if is_wasteful(self.bytes.len(), self.bytes.capacity()) {
            self.bytes.shrink_to(capacity_for(self.bytes.len()));
        }
        self.write_len();
        true
    }

    /// The member with an index in ascending order.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<i64> {
        let at = index.checked_mul(self.width())?;
        self.members().get(at..)?.get(..self.width()).map(read)
    }

    /// All members in ascending order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        self.members().chunks_exact(self.width()).map(read)
    }

    #[inline]
    fn width(&self) -> usize {
        usize::from(self.bytes[0])
    }

    #[inline]
    fn members(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    /// The index of a member, or the one it would have.
    #[inline]
    fn position(&self, integer: i64) -> Result<usize, usize> {
        let members = self.members();
        match self.width() {
            2 => {
                let (members, _) = members.as_chunks();
                members.binary_search_by(|&m| i64::from(i16::from_le_bytes(m)).cmp(&integer))
            }
            4 => {
                let (members, _) = members.as_chunks();
                members.binary_search_by(|&m| i64::from(i32::from_le_bytes(m)).cmp(&integer))
            }
            _ => {
                let (members, _) = members.as_chunks();
                members.binary_search_by(|&m| i64::from_le_bytes(m).cmp(&integer))
            }
        }
    }

    fn widen(&mut self, width: usize) {
        let mut bytes = Vec::with_capacity(capacity_for(HEADER + (self.len() + 1) * width));
        bytes.extend((width as u32).to_le_bytes());
        bytes.extend(&self.bytes[4..HEADER]);
        for member in self.iter() {
            bytes.extend(&member.to_le_bytes()[..width]);
        }
        self.bytes = bytes;
    }

    fn write_len(&mut self) {
        let len = self.len() as u32;
        self.bytes[4..HEADER].copy_from_slice(&len.to_le_bytes());
    }
}

impl fmt::Debug for Intset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn width_of(integer: i64) -> usize {
    match integer {
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    }
}

/// Reads a member of two, four or eight bytes.
#[inline]
fn read(member: &[u8]) -> i64 {
    match *member {
        [a, b] => i16::from_le_bytes([a, b]).into(),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        _ => member
            .first_chunk()
            .map_or(0, |&member| i64::from_le_bytes(member)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(integers: impl IntoIterator<Item = i64>) -> Intset {
        let mut set = Intset::new();
        for integer in integers {
            set.insert(integer);
        }
        set
    }

    #[test]
    fn is_written_in_the_format_of_redis() {
        // What follows each is the set inside a DUMP by redis-server 7.0.15.
        let cases: [(&[i64], &[u8]); 3] = [
            (&[3, -1, 2], b"\x02\0\0\0\x03\0\0\0\xff\xff\x02\0\x03\0"),
            (
                &[3, -32769],
                b"\x04\0\0\0\x02\0\0\0\xff\x7f\xff\xff\x03\0\0\0",
            ),
            (&[1 << 31], b"\x08\0\0\0\x01\0\0\0\0\0\0\x80\0\0\0\0"),
        ];
        for (integers, bytes) in cases {
            let set = set(integers.iter().copied());
            assert_eq!(set.as_bytes(), bytes);
            assert!(Intset::from_bytes(bytes).is_ok_and(|copy| copy.iter().eq(set.iter())));
        }
    }

    #[test]
    fn never_narrows() {
        let mut set = set([1, 1 << 40]);
        assert_eq!(set.width(), 8);
        assert!(set.remove(1 << 40));
        assert_eq!(set.width(), 8);
        assert!(set.contains(1));
    }

    #[test]
    fn gives_memory_back() {
        let mut set = set(0..1000);
        assert!(set.memory() <= 2600, "{}", set.memory());
        for integer in 10..1000 {
            set.remove(integer);
        }
        assert!(set.memory() <= 128, "{}", set.memory());
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let cases: [&[u8]; 7] = [
            b"",
            b"\x02\0\0\0\0\0\0",
            b"\x03\0\0\0\0\0\0\0",
            b"\x02\x01\0\0\0\0\0\0",
            b"\x02\0\0\0\x02\0\0\0\x01\0",
            b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
            b"\x08\0\0\0\xff\xff\xff\xff",
        ];
        for bytes in cases {
            assert_eq!(
                Intset::from_bytes(bytes).err(),
                Some(Malformed),
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => -20..20i64,
            1 => any::<i16>().prop_map(i64::from),
            1 => any::<i32>().prop_map(i64::from),
            1 => any::<i64>(),
            1 => prop::sample::select(vec![
                i64::MIN, i64::MAX, i32::MIN.into(), i32::MAX.into(), i16::MIN.into(), i16::MAX.into(),
            ]),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_set(
            steps in prop::collection::vec((integer(), prop::bool::weighted(0.7)), 0..200),
        ) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (integer, insert) in steps {
                if insert {
                    prop_assert_eq!(set.insert(integer), model.insert(integer));
                } else {
                    prop_assert_eq!(set.remove(integer), model.remove(&integer));
                }
                prop_assert_eq!(set.contains(integer), insert);
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.is_empty(), model.is_empty());
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
            for (index, member) in model.iter().enumerate() {
                prop_assert_eq!(set.get(index), Some(*member));
            }
            prop_assert_eq!(set.get(model.len()), None);
            prop_assert_eq!(set.get(usize::MAX), None);
            prop_assert!(Intset::from_bytes(set.as_bytes()).is_ok());
        }

        #[test]
        fn bytes_from_outside_never_panic(bytes in prop::collection::vec(0..4u8, 0..30)) {
            if let Ok(set) = Intset::from_bytes(&bytes) {
                prop_assert_eq!(set.iter().count(), set.len());
            }
        }
    }
}
