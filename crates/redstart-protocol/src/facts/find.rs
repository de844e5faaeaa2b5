//! From a name to a command.
//!
//! The engine looks up a command for every request, so this is a hash table made at compile time
//! over a hash that reads a name as one or two words. Case is folded by setting one bit of each byte,
//! which also folds a few bytes that are no letters; the comparison afterwards settles those.

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
    let mut bucket = bucket(hash(name)?);
    loop {
        let number = usize::from(BUCKETS[bucket]);
        let command = ALL.get(number)?;
        if command.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(command);
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

/// For each hash the number of a command in `ALL`, or `FREE`. A command that finds its place taken
/// has the next free one.
static BUCKETS: [u8; 1024] = buckets();
const FREE: u8 = u8::MAX;
const _: () = assert!(COUNT < FREE as usize);

const LONGEST: usize = 20;

#[inline]
const fn hash(name: &[u8]) -> Option<u64> {
    let len = name.len();
    let (first, last) = match len {
        0 => return None,
        1..4 => (
            (name[0] as u64) | (name[len / 2] as u64) << 8,
            name[len - 1] as u64,
        ),
        4..8 => (word32(name, 0), word32(name, len - 4)),
        8..=LONGEST => (word64(name, 0), word64(name, len - 8)),
        _ => return None,
    };
    let folded = (first | FOLD).wrapping_add((last | FOLD).rotate_left(23)) ^ len as u64;
    Some(folded.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Upper case to lower case, in every byte of a word.
const FOLD: u64 = 0x2020_2020_2020_2020;

#[inline]
const fn bucket(hash: u64) -> usize {
    (hash >> (64 - 10)) as usize
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

const fn buckets() -> [u8; 1024] {
    let mut buckets = [FREE; 1024];
    let mut number = 0;
    while number < COUNT {
        let name = ALL[number].name.as_bytes();
        assert!(name.len() <= LONGEST, "a name is longer than any hashed");
        let Some(hash) = hash(name) else {
            panic!("a command without a name");
        };
        let mut bucket = bucket(hash);
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
                let start = bucket(hash(command.name.as_bytes()).expect("a name"));
                (0..)
                    .find(|step| {
                        let number = BUCKETS[(start + step) % BUCKETS.len()];
                        ALL[usize::from(number)].name == command.name
                    })
                    .expect("it is in the table")
            })
            .max();
        assert!(longest <= Some(3), "{longest:?}");
    }
}
