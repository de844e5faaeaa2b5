//! Numbers of invalidations: what says whether an entry is older than an invalidation.
//!
//! A load reads the latest number before it begins and stores it with the entry; an invalidation
//! makes the next one and writes it to its tags. An entry is valid by a tag whose number is not
//! above the entry's own. No clock of a client has a part in it.

use std::fmt;

/// The number of an invalidation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    /// Which series of numbers it belongs to. A lost series is followed by another, and numbers of
    /// different series do not compare.
    pub(super) incarnation: u64,
    pub(super) counter: u64,
}

impl Stamp {
    /// From what a key holds; nothing if it is no number, such as that of a pending tag.
    pub(super) fn parse(text: &[u8]) -> Option<Stamp> {
        let (incarnation, counter) = std::str::from_utf8(text).ok()?.split_once(':')?;
        Some(Stamp {
            incarnation: u64::from_str_radix(incarnation, 16).ok()?,
            counter: counter.parse().ok()?,
        })
    }

    pub(super) fn text_of_incarnation(incarnation: u64) -> String {
        format!("{incarnation:016x}")
    }

    /// Whether what was loaded after this invalidation has seen that one.
    pub(super) fn covers(self, invalidation: Stamp) -> bool {
        self.incarnation == invalidation.incarnation && self.counter >= invalidation.counter
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}", self.incarnation, self.counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_nothing_else_is_one() {
        let stamp = Stamp {
            incarnation: 0xab,
            counter: 1_700_000_000_000_000,
        };
        assert_eq!(Stamp::parse(stamp.to_string().as_bytes()), Some(stamp));
        for text in ["", "P00000000000000ab", "ab", "ab:", ":7", "xy:7", "ab:-7"] {
            assert_eq!(Stamp::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_number_covers_what_came_before_it_in_its_own_series() {
        let stamp = |incarnation, counter| Stamp {
            incarnation,
            counter,
        };
        assert!(stamp(1, 7).covers(stamp(1, 7)));
        assert!(!stamp(1, 7).covers(stamp(1, 8)));
        assert!(!stamp(1, 7).covers(stamp(2, 3)));
    }
}
