mod encoding;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use self::encoding::{END, check_entry, entry_size, read_entry, size_of_last, write_entry};
use super::growth::{capacity_for, is_wasteful};
use super::table::Seed;
use super::{Blob, Element, Needle};

/// A sequence of strings and integers in one allocation, in Redis' own listpack format.
///
/// The bytes are those that an RDB file holds: the total length (u32, little-endian), the number
/// of entries (u16, 65535 when there are more), the entries, an end mark. Integers in canonical
/// form are stored as integers.
///
/// Everything but the ends is linear, so this is for small collections. At the ends it is
/// amortized constant: the bytes float in their allocation and there may be room on either side.
pub(crate) struct Listpack {
    buffer: Box<[u8]>,
    start: u32,
    end: u32,
    /// The number of entries, which the header cannot always hold and is far away in memory.
    count: u32,
}

/// Where an entry is, until the next change of the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(u32);

/// The bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

const HEADER: usize = 6;
/// In the header: the number of entries does not fit and has to be counted.
const UNCOUNTED: u16 = u16::MAX;

impl Listpack {
    /// Packs are refused beyond this, as Redis does; callers ask [`Self::has_room_for`].
    pub(crate) const MAX_BYTES: usize = 1 << 30;

    /// An empty pack.
    pub(crate) fn new() -> Self {
        Self::with_room(0)
    }

    /// An empty pack with room for so many bytes of entries.
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut buffer = vec![0; (HEADER + bytes + 1).next_multiple_of(16)].into_boxed_slice();
        buffer[HEADER] = END;
        let mut pack = Self {
            buffer,
            start: 0,
            end: 0,
            count: 0,
        };
        pack.set_bounds(0, HEADER + 1);
        pack
    }

    /// Takes a copy of a pack that comes from outside, when it is well-formed to the last byte.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let count = validate(bytes)?;
        Ok(Self {
            buffer: bytes.into(),
            start: 0,
            end: bytes.len() as u32,
            count: count as u32,
        })
    }

    /// The pack in Redis' format.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start as usize..self.end as usize]
    }

    /// The number of entries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no entry.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes this owns on the heap.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.buffer.len()
    }

    /// How many bytes the pack has in Redis' format.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether a string of `len` bytes can still be added with the pack staying within `limit`
    /// bytes.
    #[inline]
    pub(crate) fn has_room_for(&self, len: usize, limit: usize) -> bool {
        // Ten bytes is the most that header and length behind can take.
        len.saturating_add(self.size() + 10) <= limit
    }

    /// How many bytes the pack would have with `bytes` in the place of an entry.
    pub(crate) fn size_with(&self, cursor: Cursor, bytes: &[u8]) -> usize {
        let removed = self.entry_at(cursor.offset()).map_or(0, |(_, size)| size);
        self.size() - removed + entry_size(Element::compact(bytes))
    }

    /// The entry at a cursor.
    #[inline]
    pub(crate) fn get(&self, cursor: Cursor) -> Option<Element<'_>> {
        self.entry_at(cursor.offset()).map(|(element, _)| element)
    }

    /// The first entry.
    #[inline]
    pub(crate) fn first(&self) -> Option<Cursor> {
        (!self.is_empty()).then_some(Cursor(HEADER as u32))
    }

    /// The last entry.
    #[inline]
    pub(crate) fn last(&self) -> Option<Cursor> {
        self.before_offset(self.size() - 1)
    }

    /// The entry after another.
    #[inline]
    pub(crate) fn next(&self, cursor: Cursor) -> Option<Cursor> {
        let (_, size) = self.entry_at(cursor.offset())?;
        self.cursor_at(cursor.offset() + size)
    }

    /// The entry before another.
    #[inline]
    pub(crate) fn prev(&self, cursor: Cursor) -> Option<Cursor> {
        self.before_offset(cursor.offset())
    }

    /// The entry with an index; -1 is the last, -2 the one before it.
    pub(crate) fn seek(&self, index: isize) -> Option<Cursor> {
        let len = self.len();
        let index = if index < 0 {
            len.checked_sub(index.unsigned_abs())?
        } else {
            index.unsigned_abs()
        };
        if index >= len {
            return None;
        }
        if index <= len / 2 {
            (0..index).try_fold(self.first()?, |cursor, _| self.next(cursor))
        } else {
            (index + 1..len).try_fold(self.last()?, |cursor, _| self.prev(cursor))
        }
    }

    /// All entries, from either end.
    #[inline]
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter {
            entries: &self.as_bytes()[HEADER..self.size() - 1],
        }
    }

    /// The entries from a cursor to the end.
    #[inline]
    pub(crate) fn iter_from(&self, cursor: Cursor) -> Iter<'_> {
        Iter {
            entries: &self.as_bytes()[cursor.offset()..self.size() - 1],
        }
    }

    /// The first entry, from `from` on, that matches; `skip` entries are passed over between two
    /// that are looked at.
    pub(crate) fn find(&self, from: Cursor, needle: &Needle<'_>, skip: usize) -> Option<Cursor> {
        let mut rest = self.as_bytes().get(from.offset()..)?;
        loop {
            let (element, size) = read_entry(rest)?;
            if element.matches(needle) {
                return self.cursor_at(self.size() - rest.len());
            }
            rest = rest.get(size..)?;
            for _ in 0..skip {
                let (_, size) = read_entry(rest)?;
                rest = rest.get(size..)?;
            }
        }
    }

    /// Whether no two entries with an even index stand for the same bytes: those of a pack of pairs
    /// that name the others.
    pub(crate) fn names_differ(&self, seed: Seed) -> bool {
        // What comes from outside may hold the same number in either form.
        let name = |element| match element {
            Element::Str(bytes) => Element::compact(bytes),
            number => number,
        };
        let key = |element| match element {
            Element::Int(number) => (seed.hash(&number.to_le_bytes()), Some(number), &[][..]),
            Element::Str(bytes) => (seed.hash(bytes), None, bytes),
        };
        let mut names: Vec<_> = self.iter().step_by(2).map(|it| key(name(it))).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Adds an entry in front of all.
    #[inline]
    pub(crate) fn push_front(&mut self, bytes: &[u8]) {
        self.insert_at(HEADER, Element::compact(bytes));
    }

    /// Adds an entry behind all.
    #[inline]
    pub(crate) fn push_back(&mut self, bytes: &[u8]) {
        self.insert_at(self.size() - 1, Element::compact(bytes));
    }

    /// Adds several entries behind all.
    #[inline]
    pub(crate) fn push_back_all<const N: usize>(&mut self, strings: [&[u8]; N]) {
        self.insert_all_at(self.size() - 1, strings);
    }

    /// Inserts several entries before another; the cursor then stands on the first of them.
    pub(crate) fn insert_all_before<const N: usize>(
        &mut self,
        cursor: Cursor,
        strings: [&[u8]; N],
    ) {
        self.insert_all_at(cursor.offset(), strings);
    }

    /// Takes the first entry out.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<Blob> {
        let (element, size) = self.entry_at(HEADER)?;
        let element = element.to_blob();
        self.splice(HEADER, size, 0, -1);
        Some(element)
    }

    /// Takes the last entry out.
    #[inline]
    pub(crate) fn pop_back(&mut self) -> Option<Blob> {
        let at = self.last()?.offset();
        let (element, size) = self.entry_at(at)?;
        let element = element.to_blob();
        self.splice(at, size, 0, -1);
        Some(element)
    }

    /// Inserts an entry before another; the cursor then stands on the new one.
    pub(crate) fn insert_before(&mut self, cursor: Cursor, bytes: &[u8]) {
        self.insert_at(cursor.offset(), Element::compact(bytes));
    }

    /// Inserts an entry after another; the cursor stays valid.
    #[cfg(test)]
    pub(crate) fn insert_after(&mut self, cursor: Cursor, bytes: &[u8]) {
        if let Some((_, size)) = self.entry_at(cursor.offset()) {
            self.insert_at(cursor.offset() + size, Element::compact(bytes));
        }
    }

    /// Puts another string in an entry's place; the cursor stays valid.
    pub(crate) fn replace(&mut self, cursor: Cursor, bytes: &[u8]) {
        let element = Element::compact(bytes);
        let at = cursor.offset();
        if let Some((_, removed)) = self.entry_at(at) {
            self.splice(at, removed, entry_size(element), 0);
            self.write_at(at, element);
        }
    }

    /// Removes an entry; what stood behind it is then at the same cursor and is returned.
    pub(crate) fn remove(&mut self, cursor: Cursor) -> Option<Cursor> {
        self.remove_many(cursor, 1)
    }

    /// Removes up to `count` entries from a cursor on; what stood behind them is then at the same
    /// cursor and is returned.
    pub(crate) fn remove_many(&mut self, cursor: Cursor, count: usize) -> Option<Cursor> {
        let at = cursor.offset();
        let (mut size, mut removed) = (0, 0);
        while removed < count
            && let Some((_, entry)) = self.entry_at(at + size)
        {
            size += entry;
            removed += 1;
        }
        self.splice(at, size, 0, -(removed as isize));
        self.cursor_at(at)
    }

    /// Removes up to `count` entries from an index on.
    pub(crate) fn remove_range(&mut self, index: isize, count: usize) {
        if let Some(cursor) = self.seek(index) {
            self.remove_many(cursor, count);
        }
    }

    /// Cuts the pack in two: the entries from the cursor on are returned.
    pub(crate) fn split_off(&mut self, cursor: Cursor) -> Self {
        let moved = self.iter_from(cursor).entries;
        let mut behind = Self::with_room(moved.len());
        behind.append_entries(moved, self.iter_from(cursor).count());
        self.remove_many(cursor, usize::MAX);
        behind
    }

    /// Adds all entries of another pack behind its own.
    pub(crate) fn append(&mut self, other: &Self) {
        self.append_entries(other.iter().entries, other.len());
    }

    /// Gives back the room that is not used.
    pub(crate) fn shrink_to_fit(&mut self) {
        if self.buffer.len() > self.size() {
            let bytes = self.as_bytes().to_vec();
            self.set_bounds(0, bytes.len());
            self.buffer = bytes.into_boxed_slice();
        }
    }

    #[inline]
    fn entry_at(&self, offset: usize) -> Option<(Element<'_>, usize)> {
        read_entry(self.as_bytes().get(offset..)?)
    }

    #[inline]
    fn cursor_at(&self, offset: usize) -> Option<Cursor> {
        (offset + 1 < self.size()).then_some(Cursor(offset as u32))
    }

    #[inline]
    fn before_offset(&self, offset: usize) -> Option<Cursor> {
        let before = self.as_bytes().get(HEADER..offset)?;
        let size = size_of_last(before)?;
        self.cursor_at(offset.checked_sub(size)?)
    }

    #[inline]
    fn insert_at(&mut self, at: usize, element: Element<'_>) {
        self.splice(at, 0, entry_size(element), 1);
        self.write_at(at, element);
    }

    #[inline]
    fn write_at(&mut self, at: usize, element: Element<'_>) {
        let from = self.start as usize + at;
        write_entry(element, &mut self.buffer[from..from + entry_size(element)]);
    }

    #[inline]
    fn insert_all_at<const N: usize>(&mut self, mut at: usize, strings: [&[u8]; N]) {
        let elements = strings.map(Element::compact);
        let inserted = elements.into_iter().map(entry_size).sum();
        self.splice(at, 0, inserted, N as isize);
        for element in elements {
            self.write_at(at, element);
            at += entry_size(element);
        }
    }

    fn append_entries(&mut self, entries: &[u8], count: usize) {
        let at = self.size() - 1;
        self.splice(at, 0, entries.len(), count as isize);
        let from = self.start as usize + at;
        self.buffer[from..from + entries.len()].copy_from_slice(entries);
    }

    /// Makes the `removed` bytes at an offset `inserted` bytes, whose content is then undefined,
    /// and counts `entries` more (or fewer) entries.
    ///
    /// The shorter side is what moves. When it has no room to move to, everything is laid out
    /// anew with all the room on that side, so that a run of pushes at one end is cheap.
    fn splice(&mut self, at: usize, removed: usize, inserted: usize, entries: isize) {
        let (start, end) = (self.start as usize, self.end as usize);
        let head = start..start + at;
        let tail = head.end + removed..end;
        let head_is_shorter = at < tail.len();
        let used = self.size() - removed + inserted;
        if inserted <= removed {
            let freed = removed - inserted;
            if head_is_shorter {
                self.buffer.copy_within(head, start + freed);
                self.set_bounds(start + freed, end);
            } else {
                self.buffer.copy_within(tail, start + at + inserted);
                self.set_bounds(start, end - freed);
            }
            if is_wasteful(used, self.buffer.len()) {
                self.shrink_to_fit();
            }
        } else {
            let grown = inserted - removed;
            if head_is_shorter && grown <= start {
                self.buffer.copy_within(head, start - grown);
                self.set_bounds(start - grown, end);
            } else if !head_is_shorter && grown <= self.buffer.len() - end {
                self.buffer.copy_within(tail, start + at + inserted);
                self.set_bounds(start, end + grown);
            } else {
                self.lay_out(head, tail, used, head_is_shorter);
            }
        }
        self.count(entries);
    }

    /// Moves head and tail apart so that `used` bytes are in use, with the room left over in
    /// front or behind; in a larger allocation when there would be too little of it.
    fn lay_out(
        &mut self,
        head: Range<usize>,
        tail: Range<usize>,
        used: usize,
        room_in_front: bool,
    ) {
        let reused = self.buffer.len() >= capacity_for(used);
        let capacity = if reused {
            self.buffer.len()
        } else {
            capacity_for(used)
        };
        let start = if room_in_front { capacity - used } else { 0 };
        let tail_start = start + used - tail.len();
        if !reused {
            let mut buffer = vec![0; capacity].into_boxed_slice();
            buffer[start..start + head.len()].copy_from_slice(&self.buffer[head]);
            buffer[tail_start..start + used].copy_from_slice(&self.buffer[tail]);
            self.buffer = buffer;
        } else if room_in_front {
            // Everything moves back: what is behind makes way first.
            self.buffer.copy_within(tail, tail_start);
            self.buffer.copy_within(head, start);
        } else {
            self.buffer.copy_within(head, start);
            self.buffer.copy_within(tail, tail_start);
        }
        self.set_bounds(start, start + used);
    }

    #[inline]
    fn count(&mut self, entries: isize) {
        self.count = self.count.saturating_add_signed(entries as i32);
        let header = u16::try_from(self.count).unwrap_or(UNCOUNTED);
        let at = self.start as usize + 4;
        self.buffer[at..at + 2].copy_from_slice(&header.to_le_bytes());
    }

    #[inline]
    fn set_bounds(&mut self, start: usize, end: usize) {
        (self.start, self.end) = (start as u32, end as u32);
        if let Some(total) = self.buffer.get_mut(start..start + 4) {
            total.copy_from_slice(&((end - start) as u32).to_le_bytes());
        }
    }
}

impl Cursor {
    #[inline]
    fn offset(self) -> usize {
        self.0 as usize
    }
}

impl Clone for Listpack {
    /// A copy without the room at the sides.
    fn clone(&self) -> Self {
        let bytes = self.as_bytes();
        Self {
            buffer: bytes.into(),
            start: 0,
            end: bytes.len() as u32,
            count: self.count,
        }
    }
}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(Element::to_blob))
            .finish()
    }
}

/// The entries of a pack.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a> {
    entries: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (element, size) = read_entry(self.entries)?;
        self.entries = &self.entries[size..];
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let size = size_of_last(self.entries)?;
        let (rest, last) = self.entries.split_at(self.entries.len() - size);
        self.entries = rest;
        read_entry(last).map(|(element, _)| element)
    }
}

/// The number of entries, if bytes from outside are a whole, well-formed pack.
fn validate(bytes: &[u8]) -> Result<usize, Malformed> {
    let len = bytes.len();
    if !(HEADER + 1..=Listpack::MAX_BYTES).contains(&len)
        || bytes[len - 1] != END
        || bytes[..4] != (len as u32).to_le_bytes()
    {
        return Err(Malformed);
    }
    let mut entries = &bytes[HEADER..len - 1];
    let mut count: usize = 0;
    while !entries.is_empty() {
        let size = check_entry(entries).ok_or(Malformed)?;
        entries = entries.get(size..).ok_or(Malformed)?;
        count += 1;
    }
    let counted = u16::from_le_bytes([bytes[4], bytes[5]]);
    if counted != UNCOUNTED && usize::from(counted) != count {
        return Err(Malformed);
    }
    Ok(count)
}
