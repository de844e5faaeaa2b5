//! How one entry is written: a header that says kind and length, the payload, and the length of
//! both once more, to be read from behind when the pack is walked backwards.

use super::super::Element;

/// The byte that ends a pack.
pub(super) const END: u8 = 0xff;

const STR_6: u8 = 0x80;
const INT_13: u8 = 0xc0;
const STR_12: u8 = 0xe0;
const STR_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;

/// How many bytes the whole entry takes.
#[inline]
pub(super) fn entry_size(element: Element<'_>) -> usize {
    let size = body_size(element);
    size + backlen_size(size)
}

/// Writes the whole entry; `out` is as long as [`entry_size`] says.
#[inline]
pub(super) fn write_entry(element: Element<'_>, out: &mut [u8]) {
    let (body, backlen) = out.split_at_mut(body_size(element));
    match element {
        Element::Int(integer) => write_integer(integer, body),
        Element::Str(bytes) => write_string(bytes, body),
    }
    write_backlen(body.len(), backlen);
}

/// The entry that `bytes` begins with and how many bytes it takes, its length behind included.
/// `None` at the end of a pack and for anything malformed or cut short.
#[inline]
pub(super) fn read_entry(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    // What most entries are goes first; searching a pack is little else than this.
    match *bytes.first()? {
        integer @ 0..STR_6 => Some((Element::Int(integer.into()), 2)),
        kind @ STR_6..INT_13 => {
            let len = usize::from(kind & 0x3f);
            Some((Element::Str(bytes.get(1..=len)?), len + 2))
        }
        _ => {
            let (element, body) = read_body(bytes)?;
            Some((element, body + backlen_size(body)))
        }
    }
}

/// As [`read_entry`], and the length behind the entry must be the true one.
pub(super) fn check_entry(bytes: &[u8]) -> Option<usize> {
    let (_, body) = read_body(bytes)?;
    let size = body.checked_add(backlen_size(body))?;
    let mut backlen = [0; 5];
    let backlen = &mut backlen[..backlen_size(body)];
    write_backlen(body, backlen);
    (bytes.get(body..size)? == backlen).then_some(size)
}

/// How many bytes the whole entry takes that `bytes` ends with. `None` if there is none.
#[inline]
pub(super) fn size_of_last(bytes: &[u8]) -> Option<usize> {
    let mut body = 0usize;
    for (i, byte) in bytes.iter().rev().take(5).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(body + backlen_size(body));
        }
    }
    None
}

/// How many bytes header and payload take.
#[inline]
fn body_size(element: Element<'_>) -> usize {
    match element {
        Element::Str(bytes) => match bytes.len() {
            len @ 0..64 => 1 + len,
            len @ 64..4096 => 2 + len,
            len => 5 + len,
        },
        Element::Int(0..=127) => 1,
        Element::Int(-0x1000..=0xfff) => 2,
        Element::Int(-0x8000..=0x7fff) => 3,
        Element::Int(-0x80_0000..=0x7f_ffff) => 4,
        Element::Int(-0x8000_0000..=0x7fff_ffff) => 5,
        Element::Int(_) => 9,
    }
}

fn write_string(bytes: &[u8], out: &mut [u8]) {
    let (header, payload) = out.split_at_mut(out.len() - bytes.len());
    let len = bytes.len();
    match header {
        [kind] => *kind = STR_6 | len as u8,
        [kind, low] => {
            *kind = STR_12 | (len >> 8) as u8;
            *low = len as u8;
        }
        _ => {
            header[0] = STR_32;
            header[1..].copy_from_slice(&(len as u32).to_le_bytes());
        }
    }
    payload.copy_from_slice(bytes);
}

fn write_integer(integer: i64, out: &mut [u8]) {
    match out {
        [kind] => *kind = integer as u8,
        [kind, low] => {
            *kind = INT_13 | ((integer >> 8) & 0x1f) as u8;
            *low = integer as u8;
        }
        _ => {
            let width = out.len() - 1;
            out[0] = match width {
                2 => INT_16,
                3 => INT_24,
                4 => INT_32,
                _ => INT_64,
            };
            // The low bytes of two's complement; `body_size` chose a width that keeps the sign.
            out[1..].copy_from_slice(&integer.to_le_bytes()[..width]);
        }
    }
}

#[inline]
fn read_body(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let (&kind, rest) = bytes.split_first()?;
    match kind {
        0..STR_6 => Some((Element::Int(i64::from(kind)), 1)),
        STR_6..INT_13 => read_string(bytes, 1, usize::from(kind & 0x3f)),
        INT_13..STR_12 => {
            let raw = (i64::from(kind & 0x1f) << 8) | i64::from(*rest.first()?);
            Some((Element::Int((raw << 51) >> 51), 2))
        }
        STR_12..STR_32 => {
            let len = (usize::from(kind & 0x0f) << 8) | usize::from(*rest.first()?);
            read_string(bytes, 2, len)
        }
        STR_32 => {
            let len = u32::from_le_bytes(*rest.first_chunk()?);
            read_string(bytes, 5, usize::try_from(len).ok()?)
        }
        INT_16 => Some((
            Element::Int(i16::from_le_bytes(*rest.first_chunk()?).into()),
            3,
        )),
        INT_24 => {
            let &[a, b, c] = rest.first_chunk()?;
            Some((
                Element::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()),
                4,
            ))
        }
        INT_32 => Some((
            Element::Int(i32::from_le_bytes(*rest.first_chunk()?).into()),
            5,
        )),
        INT_64 => Some((Element::Int(i64::from_le_bytes(*rest.first_chunk()?)), 9)),
        _ => None,
    }
}

#[inline]
fn read_string(bytes: &[u8], header: usize, len: usize) -> Option<(Element<'_>, usize)> {
    let size = header.checked_add(len)?;
    Some((Element::Str(bytes.get(header..size)?), size))
}

/// How many bytes the length behind an entry takes.
///
/// Seven bits a byte; the largest value of two, three and four bytes is not used, because Redis
/// does not and checks.
#[inline]
fn backlen_size(body: usize) -> usize {
    match body {
        0..=0x7f => 1,
        0x80..0x3fff => 2,
        0x3fff..0x1f_ffff => 3,
        0x1f_ffff..0xfff_ffff => 4,
        _ => 5,
    }
}

#[inline]
fn write_backlen(body: usize, out: &mut [u8]) {
    let mut rest = body;
    for byte in out.iter_mut().rev() {
        *byte = (rest & 0x7f) as u8 | 0x80;
        rest >>= 7;
    }
    // The first byte has no mark: it is where reading from behind stops.
    if let Some(first) = out.first_mut() {
        *first &= 0x7f;
    }
}
