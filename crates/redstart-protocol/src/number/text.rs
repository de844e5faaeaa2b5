//! The text of a number, kept inline.

use std::fmt;
use std::ops::Deref;

/// The text of a number, without an allocation.
///
/// Room for 32 bytes: an `i64` needs at most 20, `%.17g` of a double at most 24.
#[derive(Clone, Copy)]
pub struct NumberText {
    bytes: [u8; NumberText::CAPACITY],
    start: u8,
    end: u8,
}

impl NumberText {
    const CAPACITY: usize = 32;

    /// Grows at its end.
    pub(super) const fn new() -> NumberText {
        NumberText {
            bytes: [0; NumberText::CAPACITY],
            start: 0,
            end: 0,
        }
    }

    /// What a writer that begins at the end of a buffer has written from `start` on.
    #[inline]
    pub(super) const fn right_aligned(
        bytes: [u8; NumberText::CAPACITY],
        start: usize,
    ) -> NumberText {
        NumberText {
            bytes,
            start: start as u8,
            end: NumberText::CAPACITY as u8,
        }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..usize::from(self.end)]
    }

    /// The text as a string slice.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("the text of a number is ASCII")
    }

    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.end)] = byte;
        self.end += 1;
    }

    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let end = usize::from(self.end);
        self.bytes[end..end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len() as u8;
    }
}

impl Deref for NumberText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for NumberText {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Write for NumberText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if usize::from(self.end) + text.len() > NumberText::CAPACITY {
            return Err(fmt::Error);
        }
        self.extend(text.as_bytes());
        Ok(())
    }
}

impl fmt::Display for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for NumberText {
    fn eq(&self, other: &NumberText) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for NumberText {}
