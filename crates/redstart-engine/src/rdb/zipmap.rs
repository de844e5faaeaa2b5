//! Zipmaps, in which small hashes were kept until Redis 2.6.
//!
//! The number of fields (one byte, 254 or more when it has to be counted), then for each field its
//! length and bytes, the length of the value, a byte that says how much room follows the value, the
//! value, the room; an end mark.

const END: u8 = 0xff;
/// In place of a length: it follows in four bytes.
const LONG: u8 = 0xfe;

/// Visits every field with its value. `None` if the bytes are not a well-formed zipmap to the last
/// byte.
pub(super) fn read(bytes: &[u8], mut visit: impl FnMut(&[u8], &[u8])) -> Option<()> {
    let (&counted, mut rest) = bytes.split_first()?;
    let mut count: usize = 0;
    while rest != [END] {
        let (len, behind) = length(rest)?;
        let (field, behind) = behind.split_at_checked(len)?;
        let (len, behind) = length(behind)?;
        let (&room, behind) = behind.split_first()?;
        let (value, behind) = behind.split_at_checked(len)?;
        visit(field, value);
        rest = behind.get(usize::from(room)..)?;
        count += 1;
    }
    (counted >= LONG || usize::from(counted) == count).then_some(())
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&LONG, rest) => {
            let (len, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*len) as usize, rest))
        }
        (&END, _) => None,
        (&len, rest) => Some((len.into(), rest)),
    }
}
