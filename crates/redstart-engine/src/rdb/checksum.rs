//! CRC-64 as Redis computes it (polynomial of Jones, reflected), over snapshots and payloads.
//!
//! The crate `crc` is used rather than a table of our own: with sixteen tables it takes some two
//! gigabytes a second, which is ten times what reading or writing values takes.

use crc::{CRC_64_REDIS, Crc, Table};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of bytes that come in pieces.
#[derive(Clone)]
pub(super) struct Checksum(crc::Digest<'static, u64, Table<16>>);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(CRC.digest())
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of everything so far.
    pub(super) fn value(&self) -> u64 {
        self.0.clone().finalize()
    }

    pub(super) fn of(bytes: &[u8]) -> u64 {
        CRC.checksum(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_one_of_redis() {
        assert_eq!(Checksum::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let mut pieces = Checksum::new();
        pieces.add(b"1234");
        pieces.add(b"");
        pieces.add(b"56789");
        assert_eq!(pieces.value(), Checksum::of(b"123456789"));
    }
}
