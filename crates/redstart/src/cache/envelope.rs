//! What is stored for an entry: a head of fixed length, the names of its tags, and the value.
//!
//! ```text
//!  0  C5          8  fill (8)         32  counter of its number (8)    56  ms the load took (4)
//!  1  format 1   16  version (8)      40  ms it is fresh (8)           60  tags: length (2), name
//!  2  flags      24  incarnation of   48  ms of grace after that (8)       … then the value
//!  3  tags           its number (8)
//!  4  schema (4)
//! ```
//!
//! Numbers are big-endian. The scripts read the first 24 bytes by their offsets, so these stay where
//! they are in every format. Nothing here is a time: how long an entry still lives is known to the
//! server, and it is fresh as long as that is more than its grace.

use std::ops::Range;

use smallvec::SmallVec;

use super::stamp::Stamp;

/// The tags an entry may have.
pub const MAX_TAGS: usize = 64;

const MAGIC: u8 = 0xc5;
const FORMAT: u8 = 1;
const HEAD: usize = 60;

const ABSENT: u8 = 1;
const VERSIONED: u8 = 2;
const SOFT: u8 = 4;
const COMPRESSED: u8 = 8;

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope<'b> {
    /// That there is nothing, is what it says.
    pub(super) absent: bool,
    /// It was invalidated and may be served as a stale one.
    pub(super) soft_invalid: bool,
    pub(super) compressed: bool,
    pub(super) schema: u32,
    /// Which load or put this is.
    pub(super) fill: [u8; 8],
    pub(super) version: Option<u64>,
    /// The latest invalidation when the load began.
    pub(super) stamp: Stamp,
    pub(super) ttl_ms: u64,
    pub(super) grace_ms: u64,
    /// How long the load took.
    pub(super) cost_ms: u32,
    pub(super) tags: SmallVec<[&'b [u8]; 4]>,
    pub(super) payload: &'b [u8],
}

/// The fill in whatever stands at an entry, as the scripts see it.
pub(super) fn fill_of(bytes: &[u8]) -> &[u8] {
    bytes.get(8..bytes.len().min(16)).unwrap_or_default()
}

impl<'b> Envelope<'b> {
    /// Nothing if these bytes are no entry.
    pub(super) fn parse(bytes: &'b [u8]) -> Option<Envelope<'b>> {
        let (head, mut rest) = bytes.split_at_checked(HEAD)?;
        if head[0] != MAGIC || head[1] != FORMAT {
            return None;
        }
        let flags = head[2];
        let mut tags = SmallVec::new();
        for _ in 0..head[3] {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (name, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            tags.push(name);
            rest = after;
        }
        Some(Envelope {
            absent: flags & ABSENT != 0,
            soft_invalid: flags & SOFT != 0,
            compressed: flags & COMPRESSED != 0,
            schema: u32::from_be_bytes(part(head, 4..8)),
            fill: part(head, 8..16),
            version: (flags & VERSIONED != 0).then(|| u64::from_be_bytes(part(head, 16..24))),
            stamp: Stamp {
                incarnation: u64::from_be_bytes(part(head, 24..32)),
                counter: u64::from_be_bytes(part(head, 32..40)),
            },
            ttl_ms: u64::from_be_bytes(part(head, 40..48)),
            grace_ms: u64::from_be_bytes(part(head, 48..56)),
            cost_ms: u32::from_be_bytes(part(head, 56..60)),
            tags,
            payload: rest,
        })
    }

    /// The bytes of it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut flags = 0;
        for (flag, bit) in [
            (self.absent, ABSENT),
            (self.version.is_some(), VERSIONED),
            (self.soft_invalid, SOFT),
            (self.compressed, COMPRESSED),
        ] {
            flags |= if flag { bit } else { 0 };
        }
        let tags: usize = self.tags.iter().map(|name| 2 + name.len()).sum();
        let mut bytes = Vec::with_capacity(HEAD + tags + self.payload.len());
        let count = u8::try_from(self.tags.len()).expect("an entry has at most MAX_TAGS tags");
        bytes.extend([MAGIC, FORMAT, flags, count]);
        bytes.extend(self.schema.to_be_bytes());
        bytes.extend(self.fill);
        bytes.extend(self.version.unwrap_or_default().to_be_bytes());
        bytes.extend(self.stamp.incarnation.to_be_bytes());
        bytes.extend(self.stamp.counter.to_be_bytes());
        bytes.extend(self.ttl_ms.to_be_bytes());
        bytes.extend(self.grace_ms.to_be_bytes());
        bytes.extend(self.cost_ms.to_be_bytes());
        for name in &self.tags {
            let length = u16::try_from(name.len()).expect("a tag is as short as a key");
            bytes.extend(length.to_be_bytes());
            bytes.extend_from_slice(name);
        }
        bytes.extend_from_slice(self.payload);
        bytes
    }

    pub(super) fn life_ms(&self) -> u64 {
        self.ttl_ms.saturating_add(self.grace_ms)
    }
}

fn part<const N: usize>(head: &[u8], range: Range<usize>) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&head[range]);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope<'b>(tags: &'b [Vec<u8>], payload: &'b [u8], flags: u8) -> Envelope<'b> {
        Envelope {
            absent: flags & 1 != 0,
            soft_invalid: flags & 2 != 0,
            compressed: flags & 4 != 0,
            schema: 0xdead_beef,
            fill: *b"fillfill",
            version: (flags & 8 != 0).then_some(u64::MAX - 1),
            stamp: Stamp {
                incarnation: 1 << 63,
                counter: 1_700_000_000_000_000,
            },
            ttl_ms: 300_000,
            grace_ms: u64::MAX / 3,
            cost_ms: 17,
            tags: tags.iter().map(Vec::as_slice).collect(),
            payload,
        }
    }

    proptest! {
        #[test]
        fn an_entry_comes_back(
            tags in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..MAX_TAGS),
            payload in prop::collection::vec(any::<u8>(), 0..40),
            flags in any::<u8>(),
        ) {
            let bytes = envelope(&tags, &payload, flags).to_bytes();
            prop_assert_eq!(fill_of(&bytes), b"fillfill");
            prop_assert_eq!(Envelope::parse(&bytes), Some(envelope(&tags, &payload, flags)));
        }

        #[test]
        fn damaged_bytes_are_no_entry_or_another_one(
            cut in 0_usize..90,
            place in 0_usize..90,
            byte in any::<u8>(),
        ) {
            let tags = [b"org:7".to_vec(), b"page".to_vec()];
            let mut bytes = envelope(&tags, b"value", 8).to_bytes();
            if let Some(damaged) = bytes.get_mut(place) {
                *damaged = byte;
            }
            bytes.truncate(cut);
            // Whatever it reads, it reads within its bounds.
            let entry = Envelope::parse(&bytes);
            prop_assert!(entry.is_none_or(|entry| entry.payload.len() <= bytes.len() - HEAD));
            prop_assert!(fill_of(&bytes).len() <= 8);
        }
    }
}
