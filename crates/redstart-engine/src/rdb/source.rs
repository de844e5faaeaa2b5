use std::io::{ErrorKind, Read};

use super::checksum::Checksum;
use super::error::{RdbError, RdbFault};
use super::format::string;
use super::lzf;
use crate::data::Element;

/// The bytes of a snapshot, read in order: numbers, lengths and strings, each with the byte it
/// begins at.
///
/// No length is believed before its bytes are there: memory grows with what was read, never with
/// what was announced.
pub(super) struct Source<R> {
    inner: R,
    /// A stretch of the input, of which `start..end` has been read and not been used.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How many bytes came before the buffer's first.
    before: u64,
    /// Of everything up to `summed` in the buffer.
    checksum: Checksum,
    summed: usize,
    /// Where what was read last begins.
    item: u64,
    /// A string that is longer than the buffer.
    long: Vec<u8>,
    /// A string that was compressed.
    plain: Vec<u8>,
}

/// A length, or what stands in its place.
enum Length {
    Plain(u64),
    /// The string that follows is written in another way.
    Special(u8),
}

/// Where a string lies that has been read.
enum Place {
    Buffer(usize),
    Long,
}

/// What is read at a time.
const BUFFER: usize = 64 * 1024;
/// No string is longer: eight times what a Redis server takes unless told otherwise.
const STRING_MAX: u64 = 4 << 30;

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self::with_buffer(inner, BUFFER)
    }

    /// A source that reads so many bytes at a time, at least 16.
    pub(super) fn with_buffer(inner: R, bytes: usize) -> Self {
        Self {
            inner,
            buffer: vec![0; bytes.max(16)],
            start: 0,
            end: 0,
            before: 0,
            checksum: Checksum::new(),
            summed: 0,
            item: 0,
            long: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// How many bytes have been used.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The checksum of the bytes that have been used.
    pub(super) fn checksum(&mut self) -> u64 {
        self.sum();
        self.checksum.value()
    }

    /// What was read and not used, and what has not been read.
    pub(super) fn into_rest(self) -> (Vec<u8>, R) {
        (self.buffer[self.start..self.end].to_vec(), self.inner)
    }

    /// Has errors name the byte that comes next, until it is called again.
    pub(super) fn begin(&mut self) {
        self.item = self.offset();
    }

    /// What was read since [`Self::begin`] breaks a rule.
    pub(super) fn corrupt(&self, what: &'static str) -> RdbError {
        RdbFault::Corrupt(what).at(self.item)
    }

    pub(super) fn byte(&mut self) -> Result<u8, RdbError> {
        self.fill(1)?;
        self.start += 1;
        Ok(self.buffer[self.start - 1])
    }

    /// The next bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        self.fill(N)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.buffer[self.start..self.start + N]);
        self.start += N;
        Ok(bytes)
    }

    /// A length.
    pub(super) fn length(&mut self) -> Result<u64, RdbError> {
        self.begin();
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(self.corrupt("a length is none")),
        }
    }

    /// A string, in the form it was written in.
    pub(super) fn string(&mut self) -> Result<Element<'_>, RdbError> {
        self.begin();
        match self.any_length()? {
            Length::Plain(length) => {
                let place = self.raw(length)?;
                Ok(Element::Str(self.at(place, length)))
            }
            Length::Special(string::INT_8) => {
                Ok(Element::Int(i8::from_le_bytes(self.array()?).into()))
            }
            Length::Special(string::INT_16) => {
                Ok(Element::Int(i16::from_le_bytes(self.array()?).into()))
            }
            Length::Special(string::INT_32) => {
                Ok(Element::Int(i32::from_le_bytes(self.array()?).into()))
            }
            Length::Special(string::COMPRESSED) => self.compressed(),
            Length::Special(_) => Err(self.corrupt("a string in no known form")),
        }
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), RdbError> {
        let mut left = bytes;
        while left > 0 {
            self.fill(1)?;
            let skipped = left.min((self.end - self.start) as u64);
            self.start += skipped as usize;
            left -= skipped;
        }
        Ok(())
    }

    fn compressed(&mut self) -> Result<Element<'_>, RdbError> {
        let compressed = self.plain_length()?;
        let length = self.plain_length()?;
        if length > STRING_MAX {
            return Err(self.corrupt("a string is too long"));
        }
        let place = self.raw(compressed)?;
        let input = match place {
            Place::Buffer(from) => &self.buffer[from..from + compressed as usize],
            Place::Long => &self.long,
        };
        match lzf::decompress(input, length as usize, &mut self.plain) {
            Some(()) => Ok(Element::Str(&self.plain)),
            None => Err(self.corrupt("a compressed string cannot be decompressed")),
        }
    }

    fn plain_length(&mut self) -> Result<u64, RdbError> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(self.corrupt("a length is none")),
        }
    }

    fn any_length(&mut self) -> Result<Length, RdbError> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Length::Plain(first.into()),
            1 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            2 => return Err(self.corrupt("a length is none")),
            _ => Length::Special(first & 0x3f),
        })
    }

    /// Reads so many bytes.
    fn raw(&mut self, length: u64) -> Result<Place, RdbError> {
        if length > STRING_MAX {
            return Err(self.corrupt("a string is too long"));
        }
        let length = length as usize;
        if length <= self.buffer.len() {
            self.fill(length)?;
            self.start += length;
            return Ok(Place::Buffer(self.start - length));
        }
        let mut long = std::mem::take(&mut self.long);
        long.clear();
        while long.len() < length {
            self.fill(1)?;
            let taken = (length - long.len()).min(self.end - self.start);
            long.extend_from_slice(&self.buffer[self.start..self.start + taken]);
            self.start += taken;
        }
        self.long = long;
        Ok(Place::Long)
    }

    fn at(&self, place: Place, length: u64) -> &[u8] {
        match place {
            Place::Buffer(from) => &self.buffer[from..from + length as usize],
            Place::Long => &self.long,
        }
    }

    /// Has at least so many bytes in the buffer, not more than it can hold.
    #[inline]
    fn fill(&mut self, wanted: usize) -> Result<(), RdbError> {
        if self.end - self.start >= wanted {
            return Ok(());
        }
        self.read_more(wanted)
    }

    #[cold]
    fn read_more(&mut self, wanted: usize) -> Result<(), RdbError> {
        self.sum();
        self.buffer.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        (self.start, self.end, self.summed) = (0, self.end - self.start, 0);
        while self.end < wanted {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(RdbFault::Truncated.at(self.before + self.end as u64)),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(RdbFault::Io(error).at(self.before + self.end as u64)),
            }
        }
        Ok(())
    }

    /// Adds what has been used to the checksum.
    fn sum(&mut self) {
        self.checksum.add(&self.buffer[self.summed..self.start]);
        self.summed = self.start;
    }
}
