//! Who loads.

use crate::store::Random;

/// The name of one load: no other load of any process has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token(u64);

impl Token {
    pub(super) fn draw(random: &Random) -> Token {
        Token(random.next_u64())
    }

    /// As it stands in a lease.
    pub(super) fn hex(self) -> String {
        format!("{:016x}", self.0)
    }

    /// As it stands in an entry.
    pub(super) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}
