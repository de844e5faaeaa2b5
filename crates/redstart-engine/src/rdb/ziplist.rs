//! Ziplists, in which small lists, hashes and sorted sets were kept until Redis 7.
//!
//! The total length (u32, little-endian), the offset of the last entry (u32), the number of entries
//! (u16, 65535 when there are more), the entries, an end mark. An entry begins with the length of
//! the one before it, then says what it is.

use crate::data::Element;

const HEADER: usize = 10;
const END: u8 = 0xff;
/// In front of an entry: the length of the one before follows in four bytes.
const LONG: u8 = 0xfe;
/// In the header: the number of entries does not fit and has to be counted.
const UNCOUNTED: u16 = u16::MAX;

/// Visits every entry. `None` if the bytes are not a well-formed ziplist to the last byte.
pub(super) fn read(bytes: &[u8], mut visit: impl FnMut(Element<'_>)) -> Option<()> {
    let (header, _) = bytes.split_at_checked(HEADER)?;
    let (body, end) = bytes.split_at_checked(bytes.len() - 1)?;
    let total = u32::from_le_bytes(*header.first_chunk()?);
    if end != [END] || total as usize != bytes.len() {
        return None;
    }
    let last = u32::from_le_bytes(*header.get(4..)?.first_chunk()?) as usize;
    let counted = u16::from_le_bytes(*header.get(8..)?.first_chunk()?);

    let (mut at, mut before, mut count) = (HEADER, 0, 0);
    let mut last_found = HEADER;
    while at < body.len() {
        let (element, size) = entry(&body[at..], before)?;
        visit(element);
        last_found = at;
        (at, before, count) = (at + size, size, count + 1);
    }

    let is_counted = counted == UNCOUNTED || usize::from(counted) == count;
    (is_counted && last == last_found).then_some(())
}

/// The entry that `bytes` begins with and its size, if it tells the size of the one before.
fn entry(bytes: &[u8], before: usize) -> Option<(Element<'_>, usize)> {
    let (told, rest) = match bytes.split_first()? {
        (&LONG, rest) => {
            let (size, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*size) as usize, rest)
        }
        (&END, _) => return None,
        (&size, rest) => (size.into(), rest),
    };
    let (element, body) = content(rest)?;
    (told == before).then_some((element, bytes.len() - rest.len() + body))
}

/// What an entry holds, and how many bytes it takes.
fn content(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let text = |header: usize, len: usize| {
        let end = header.checked_add(len)?;
        Some((Element::Str(bytes.get(header..end)?), end))
    };
    let integer = |number: i64, size: usize| Some((Element::Int(number), 1 + size));
    match first {
        0x00..=0x3f => text(1, first.into()),
        0x40..=0x7f => {
            let low = *rest.first()?;
            text(2, usize::from(first & 0x3f) << 8 | usize::from(low))
        }
        0x80 => text(5, u32::from_be_bytes(*rest.first_chunk()?) as usize),
        0xc0 => integer(i16::from_le_bytes(*rest.first_chunk()?).into(), 2),
        0xd0 => integer(i32::from_le_bytes(*rest.first_chunk()?).into(), 4),
        0xe0 => integer(i64::from_le_bytes(*rest.first_chunk()?), 8),
        0xf0 => {
            let &[a, b, c] = rest.first_chunk()?;
            integer((i32::from_le_bytes([0, a, b, c]) >> 8).into(), 3)
        }
        0xfe => integer(i8::from_le_bytes(*rest.first_chunk()?).into(), 1),
        0xf1..=0xfd => integer(i64::from(first & 0x0f) - 1, 0),
        _ => None,
    }
}
