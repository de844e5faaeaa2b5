//! The forms in which values were ever written into snapshots: a small writer, which knows nothing
//! of the engine's.

/// A length, in the form of so many bytes as `size` asks for, if it fits.
pub(super) fn length(length: usize, size: usize) -> Vec<u8> {
    match size {
        0 if length < 0x40 => vec![length as u8],
        0 | 1 if length < 0x4000 => (0x4000 | length as u16).to_be_bytes().to_vec(),
        0..=2 => [&[0x80][..], &(length as u32).to_be_bytes()].concat(),
        _ => [&[0x81][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// A string as it is.
pub(super) fn raw(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes.len(), 0), bytes].concat()
}

/// A string as a number of 8, 16 or 32 bits, if it is one.
pub(super) fn number(bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let number: i32 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    if number.to_string().as_bytes() != bytes {
        return None;
    }
    let fits = |width: usize| {
        let shift = 32 - 8 * width as u32;
        (number << shift) >> shift == number
    };
    let width = [1, 2, 4].into_iter().find(|&it| it >= width && fits(it))?;
    let kind = match width {
        1 => 0xc0,
        2 => 0xc1,
        _ => 0xc2,
    };
    Some([&[kind], &number.to_le_bytes()[..width]].concat())
}

/// A string under LZF: runs of one byte become references to what stands before them.
pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take_while(|&&byte| byte == first).count();
        out.extend([0, first]);
        let repeated = (run - 1).min(264);
        match repeated {
            0..=2 => {
                rest = &rest[1..];
                continue;
            }
            3..=8 => out.extend([((repeated - 2) as u8) << 5, 0]),
            _ => out.extend([7 << 5, (repeated - 9) as u8, 0]),
        }
        rest = &rest[1 + repeated..];
    }
    [
        &[0xc3][..],
        &length(out.len(), 0),
        &length(bytes.len(), 0),
        &out,
    ]
    .concat()
}

/// The number a compact form would hold in the place of a string.
fn integer(bytes: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == bytes).then_some(number)
}

/// A ziplist.
pub(super) fn ziplist(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut last = 10;
    let mut before: usize = 0;
    for element in elements {
        last = 10 + body.len();
        let start = body.len();
        match u8::try_from(before) {
            Ok(before @ 0..=253) => body.push(before),
            _ => {
                body.push(254);
                body.extend((before as u32).to_le_bytes());
            }
        }
        ziplist_content(element, &mut body);
        before = body.len() - start;
    }
    let mut out = ((11 + body.len()) as u32).to_le_bytes().to_vec();
    out.extend((last as u32).to_le_bytes());
    out.extend((elements.len() as u16).to_le_bytes());
    out.extend(body);
    out.push(255);
    out
}

fn ziplist_content(element: &[u8], out: &mut Vec<u8>) {
    // No number of more digits was ever tried.
    let number = integer(element).filter(|_| element.len() < 32);
    match number {
        Some(number @ 0..=12) => out.push(0xf1 + number as u8),
        Some(number) => {
            let (kind, width) = match number {
                -0x80..=0x7f => (0xfe, 1),
                -0x8000..=0x7fff => (0xc0, 2),
                -0x80_0000..=0x7f_ffff => (0xf0, 3),
                -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
                _ => (0xe0, 8),
            };
            out.push(kind);
            out.extend(&number.to_le_bytes()[..width]);
        }
        None => {
            match element.len() {
                len @ 0..=0x3f => out.push(len as u8),
                len @ 0x40..=0x3fff => out.extend((0x4000 | len as u16).to_be_bytes()),
                len => {
                    out.push(0x80);
                    out.extend((len as u32).to_be_bytes());
                }
            }
            out.extend(element);
        }
    }
}

/// A listpack.
pub(super) fn listpack(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for element in elements {
        let start = body.len();
        match integer(element) {
            Some(number @ 0..=127) => body.push(number as u8),
            Some(number @ -0x1000..=0xfff) => {
                body.extend((0xc000 | (number as u16 & 0x1fff)).to_be_bytes());
            }
            Some(number) => {
                let (kind, width) = match number {
                    -0x8000..=0x7fff => (0xf1, 2),
                    -0x80_0000..=0x7f_ffff => (0xf2, 3),
                    -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
                    _ => (0xf4, 8),
                };
                body.push(kind);
                body.extend(&number.to_le_bytes()[..width]);
            }
            None => {
                match element.len() {
                    len @ 0..=0x3f => body.push(0x80 | len as u8),
                    len @ 0x40..=0xfff => body.extend((0xe000 | len as u16).to_be_bytes()),
                    len => {
                        body.push(0xf0);
                        body.extend((len as u32).to_le_bytes());
                    }
                }
                body.extend(element);
            }
        }
        let mut size = body.len() - start;
        // Seven bits a byte, the highest first; all bytes but the first are marked.
        let mut behind = vec![(size & 0x7f) as u8];
        let bytes = match size {
            0..=0x7f => 1,
            0x80..0x3fff => 2,
            _ => 3,
        };
        while behind.len() < bytes {
            size >>= 7;
            behind.push((size & 0x7f) as u8);
        }
        let first = behind.len() - 1;
        for byte in &mut behind[..first] {
            *byte |= 0x80;
        }
        behind.reverse();
        body.extend(behind);
    }
    let mut out = ((7 + body.len()) as u32).to_le_bytes().to_vec();
    out.extend((elements.len() as u16).to_le_bytes());
    out.extend(body);
    out.push(255);
    out
}

/// An intset, if all are integers.
pub(super) fn intset(members: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut numbers: Vec<i64> = members
        .iter()
        .map(|it| integer(it))
        .collect::<Option<_>>()?;
    numbers.sort();
    let width: usize = match numbers.iter().map(|it| (it >> 63) ^ it).max()? {
        0..=0x7fff => 2,
        0x8000..=0x7fff_ffff => 4,
        _ => 8,
    };
    let mut out = (width as u32).to_le_bytes().to_vec();
    out.extend((numbers.len() as u32).to_le_bytes());
    for number in numbers {
        out.extend(&number.to_le_bytes()[..width]);
    }
    Some(out)
}

/// A zipmap, whose values are each followed by some room.
pub(super) fn zipmap(pairs: &[(Vec<u8>, Vec<u8>)], room: u8) -> Vec<u8> {
    let length = |bytes: &[u8]| match u8::try_from(bytes.len()) {
        Ok(len @ 0..=253) => vec![len],
        _ => [&[254][..], &(bytes.len() as u32).to_le_bytes()].concat(),
    };
    let mut out = vec![pairs.len() as u8];
    for (field, value) in pairs {
        out.extend(length(field));
        out.extend(field);
        out.extend(length(value));
        out.push(room);
        out.extend(value);
        out.resize(out.len() + usize::from(room), 0);
    }
    out.push(255);
    out
}

/// The checksum at the end, a bit at a time.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ u64::from(byte), |sum, _| {
            (sum >> 1) ^ ((sum & 1) * 0x95ac_9329_ac4b_c9b5)
        })
    })
}
