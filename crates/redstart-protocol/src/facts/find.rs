//! From a name to a command.
//!
//! The engine looks up a command for every request, so this is a hash table made at compile time
//! over names packed into three words: a name is folded to lower case, hashed and compared eight
//! bytes at a time.

use super::{COUNT, Command, TABLES};

/// The command of this name, whatever its case.
///
/// ```
/// use redstart_protocol::facts;
///
/// assert_eq!(facts::find(b"Get").map(|command| command.arity), Some(2));
/// assert!(facts::find(b"nosuch").is_none());
/// ```
#[inline]
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let packed = Packed::new(name)?;
    let mut bucket = packed.bucket();
    loop {
        let number = usize::from(BUCKETS[bucket]);
        if NAMES.get(number)?.equals(&packed) {
            return Some(&ALL[number]);
        }
        bucket = (bucket + 1) % BUCKETS.len();
    }
}

/// The command that a request names: for a container, its subcommand.
///
/// A container without a subcommand is itself; with an unknown one it is nothing.
pub fn resolve(args: &[&[u8]]) -> Option<&'static Command> {
    let command = find(args.first()?)?;
    match args.get(1) {
        Some(name) if !command.subcommands.is_empty() => command.subcommand(name),
        _ => Some(command),
    }
}

/// Every command, group by group. Subcommands are found in their containers.
pub fn all() -> &'static [Command] {
    &ALL
}

static ALL: [Command; COUNT] = concatenated();

static NAMES: [Packed; COUNT] = names();

/// For each hash the number of a command, or `FREE`. A command that finds its place taken has the
/// next free one.
static BUCKETS: [u8; 1024] = buckets();
const FREE: u8 = u8::MAX;
const _: () = assert!(COUNT < FREE as usize);

/// A name in lower case, packed into words.
#[derive(Clone, Copy)]
struct Packed {
    words: [u64; 3],
    len: usize,
}

impl Packed {
    /// Nothing for a name that is longer than any command's.
    #[inline]
    const fn new(name: &[u8]) -> Option<Packed> {
        let len = name.len();
        // Words may overlap; what matters is that together they have every byte.
        let words = match len {
            1..4 => [
                name[0] as u64 | (name[len / 2] as u64) << 8 | (name[len - 1] as u64) << 16,
                0,
                0,
            ],
            4..8 => [word32(name, 0) | word32(name, len - 4) << 32, 0, 0],
            8..=16 => [word64(name, 0), word64(name, len - 8), 0],
            17..=24 => [word64(name, 0), word64(name, 8), word64(name, len - 8)],
            _ => return None,
        };
        let words = [
            lower_case(words[0]),
            lower_case(words[1]),
            lower_case(words[2]),
        ];
        Some(Packed { words, len })
    }

    #[inline]
    const fn equals(&self, other: &Packed) -> bool {
        let [a, b, c] = self.words;
        let [x, y, z] = other.words;
        (a ^ x) | (b ^ y) | (c ^ z) == 0 && self.len == other.len
    }

    #[inline]
    const fn bucket(&self) -> usize {
        // Of some thousand random factors, one with which nobody stands more than a place off.
        const FACTOR: u64 = 0xc10f_aa40_03ba_33db;
        let [a, b, c] = self.words;
        let sum = a
            .wrapping_add(b.rotate_left(23))
            .wrapping_add(c.rotate_left(41));
        let hash = (sum ^ self.len as u64).wrapping_mul(FACTOR);
        (hash >> (64 - 10)) as usize
    }
}

/// Each byte of a word in lower case.
#[inline]
const fn lower_case(word: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    // With the highest bit out of the way, an addition to each byte cannot reach its neighbour.
    let low = word & each(0x7f);
    let from_a = low + each(0x80 - b'A');
    let beyond_z = low + each(0x7f - b'Z');
    let upper = (from_a & !beyond_z) & !word & each(0x80);
    word | upper >> 2
}

#[inline]
const fn word64(bytes: &[u8], start: usize) -> u64 {
    word32(bytes, start) | word32(bytes, start + 4) << 32
}

#[inline]
const fn word32(bytes: &[u8], start: usize) -> u64 {
    u32::from_le_bytes([
        bytes[start],
        bytes[start + 1],
        bytes[start + 2],
        bytes[start + 3],
    ]) as u64
}

const fn concatenated() -> [Command; COUNT] {
    let mut all = [TABLES[0][0]; COUNT];
    let (mut table, mut row, mut next) = (0, 0, 0);
    while table < TABLES.len() {
        if row == TABLES[table].len() {
            (table, row) = (table + 1, 0);
            continue;
        }
        all[next] = TABLES[table][row];
        row += 1;
        next += 1;
    }
    all
}

const fn names() -> [Packed; COUNT] {
    let mut names = [Packed {
        words: [0; 3],
        len: 0,
    }; COUNT];
    let mut number = 0;
    while number < COUNT {
        let Some(packed) = Packed::new(ALL[number].name.as_bytes()) else {
            panic!("a name has no letters or too many");
        };
        names[number] = packed;
        number += 1;
    }
    names
}

const fn buckets() -> [u8; 1024] {
    let mut buckets = [FREE; 1024];
    let mut number = 0;
    while number < COUNT {
        let mut bucket = NAMES[number].bucket();
        while buckets[bucket] != FREE {
            bucket = (bucket + 1) % buckets.len();
        }
        buckets[bucket] = number as u8;
        number += 1;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_any_case() {
        for command in all() {
            for name in [command.name.to_owned(), command.name.to_uppercase()] {
                let found = find(name.as_bytes()).expect("it is in the table");
                assert_eq!(found.name, command.name);
            }
            let mut almost = command.name.as_bytes().to_vec();
            almost.push(b'x');
            assert!(find(&almost).is_none_or(|found| found.name.as_bytes() == almost));
        }
    }

    #[test]
    fn nothing_else_is_found() {
        for name in [
            &b""[..],
            b"x",
            b"ge",
            b"get ",
            b"\x47\x45\x14",
            b"config|get",
            &[0; 64],
        ] {
            assert!(find(name).is_none(), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn only_letters_have_a_case() {
        for byte in 0..=u8::MAX {
            let expected = u64::from_ne_bytes([byte.to_ascii_lowercase(); 8]);
            assert_eq!(
                lower_case(u64::from_ne_bytes([byte; 8])),
                expected,
                "{byte}"
            );
        }
    }

    #[test]
    fn subcommands() {
        let name = |args: &[&[u8]]| resolve(args).map(|command| command.name);
        assert_eq!(name(&[b"CONFIG", b"GET", b"x"]), Some("config|get"));
        assert_eq!(name(&[b"config"]), Some("config"));
        assert_eq!(name(&[b"config", b"nosuch"]), None);
        assert_eq!(name(&[b"get", b"config"]), Some("get"));
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn probes_are_short() {
        let longest = all()
            .iter()
            .map(|command| {
                let packed = Packed::new(command.name.as_bytes());
                let start = packed.expect("a name").bucket();
                (0..)
                    .find(|step| {
                        let number = BUCKETS[(start + step) % BUCKETS.len()];
                        ALL[usize::from(number)].name == command.name
                    })
                    .expect("it is in the table")
            })
            .max();
        assert!(longest <= Some(2), "{longest:?}");
    }
}
