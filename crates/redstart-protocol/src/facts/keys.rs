//! The keys of a request: where they stand and what happens to them.
//!
//! Most commands have one key, their first argument, which costs a comparison. The others are read
//! from the command's key specifications; a handful whose options decide have a rule of their own.

use std::fmt;
use std::ops::Deref;

use super::command::Command;
use super::flags::Flags;
use super::key_spec::{self, BeginSearch, FindKeys, KeyFlags, KeySpec};
use crate::number::parse_i64;

/// A key of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPosition {
    /// Which argument it is; the command's name is argument 0.
    pub index: usize,
    /// What happens to it.
    pub flags: KeyFlags,
}

/// The keys of a request, in the order in which Redis finds them. A key that is named twice is here
/// twice. Up to four need no allocation.
#[derive(Clone)]
pub struct KeyPositions {
    inline: [KeyPosition; KeyPositions::INLINE],
    inline_len: u8,
    /// All of them, once they are too many.
    spilled: Vec<KeyPosition>,
}

/// Why the keys of a request cannot be told, in the words of COMMAND GETKEYS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysError {
    /// Commands of this kind have none.
    NoKeys,
    /// There are too few or too many arguments.
    ArgumentCount,
    /// The arguments contradict each other, such as a number of keys that are not there.
    Arguments,
}

/// How the keys of a command are found.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyRule {
    /// The first argument is the only one.
    OnlyFirst(KeyFlags),
    /// The first argument is the only one; options decide what happens to it.
    OnlyFirstBy(FlagRule),
    /// By the specifications.
    Specs,
    /// Options decide.
    ByArguments(ArgumentRule),
}

pub(super) type FlagRule = fn(&[&[u8]]) -> KeyFlags;
pub(super) type ArgumentRule = fn(&[&[u8]]) -> Result<KeyPositions, KeysError>;

/// The keys of a request for this command. Commands without keys have none.
#[inline]
pub fn keys(command: &Command, args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    match command.key_rule {
        KeyRule::OnlyFirst(flags) => KeyPositions::only(1, flags, args),
        KeyRule::OnlyFirstBy(rule) => KeyPositions::only(1, rule(args), args),
        KeyRule::ByArguments(rule) => rule(args),
        KeyRule::Specs => specified(command, args, Rest::MayBeEmpty),
    }
}

/// The keys of a request as COMMAND GETKEYS finds them, which is [`keys`] for complete requests of
/// commands that have keys; but Redis does not find the one key of a PFMERGE without sources.
pub fn get_keys(command: &Command, args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    if command
        .key_specs
        .iter()
        .all(|spec| spec.flags.contains(KeyFlags::NOT_KEY))
    {
        return Err(KeysError::NoKeys);
    }
    if !command.accepts(args.len()) {
        return Err(KeysError::ArgumentCount);
    }
    match command.key_rule {
        KeyRule::Specs => specified(command, args, Rest::Required),
        _ => keys(command, args),
    }
}

/// What decides the slot of a request in a cluster: its keys, and its shard channels.
pub fn slot_arguments(command: &Command, args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    match command.key_specs {
        [spec] if spec.flags.contains(KeyFlags::NOT_KEY) => {
            let mut channels = KeyPositions::new();
            // SUNSUBSCRIBE alone means every channel and goes anywhere.
            if args.len() > 1 {
                add(spec, args, Rest::Required, &mut channels)?;
            }
            Ok(channels)
        }
        _ => keys(command, args),
    }
}

/// Whether there have to be keys where a specification says "all arguments from here on".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Required,
    MayBeEmpty,
}

fn specified(command: &Command, args: &[&[u8]], rest: Rest) -> Result<KeyPositions, KeysError> {
    let mut keys = KeyPositions::new();
    for spec in command.key_specs {
        if spec.flags.contains(KeyFlags::NOT_KEY) {
            continue;
        }
        if let Err(error) = add(spec, args, rest, &mut keys) {
            return match command.flags.contains(Flags::NO_MANDATORY_KEYS) {
                true => Ok(KeyPositions::new()),
                false => Err(error),
            };
        }
    }
    Ok(keys)
}

/// Adds the keys that a specification finds.
fn add(
    spec: &KeySpec,
    args: &[&[u8]],
    rest: Rest,
    keys: &mut KeyPositions,
) -> Result<(), KeysError> {
    let end = args.len() as i64;
    let begin = begin(spec.begin, args).ok_or(KeysError::Arguments)?;
    let (first, last, step) = match spec.find {
        FindKeys::Range { last, step, limit } => {
            let last = if last >= 0 {
                begin + i64::from(last)
            } else if limit > 1 {
                begin + (end - begin) / i64::from(limit) + i64::from(last)
            } else {
                end + i64::from(last)
            };
            (begin, last, i64::from(step))
        }
        FindKeys::KeyNumber { index, first, step } => {
            let number = usize::try_from(begin + i64::from(index))
                .ok()
                .and_then(|index| args.get(index))
                .and_then(|number| parse_i64(number))
                .filter(|number| (0..end).contains(number))
                .ok_or(KeysError::Arguments)?;
            let first = begin + i64::from(first);
            (
                first,
                first + (number - 1) * i64::from(step),
                i64::from(step),
            )
        }
        FindKeys::Unknown => return Ok(()),
    };
    if rest == Rest::MayBeEmpty && first > 1 && first == end && last == end - 1 {
        return Ok(());
    }
    if first < 1 || last < first || last >= end {
        return Err(KeysError::Arguments);
    }
    let mut index = first;
    while index <= last {
        keys.push(index as usize, spec.flags);
        index += step;
    }
    Ok(())
}

fn begin(begin: BeginSearch, args: &[&[u8]]) -> Option<i64> {
    match begin {
        BeginSearch::Index(index) => Some(i64::from(index)),
        BeginSearch::Keyword {
            keyword,
            start_from,
        } => {
            let start = usize::try_from(start_from).ok()?;
            let mut rest = args.iter().skip(start);
            let found = rest.position(|arg| arg.eq_ignore_ascii_case(keyword.as_bytes()))?;
            Some((start + found + 1) as i64)
        }
        BeginSearch::Unknown => None,
    }
}

/// With GET the old value is shown, without it nobody looks at it.
pub(super) fn set(args: &[&[u8]]) -> KeyFlags {
    let shows = args
        .iter()
        .skip(3)
        .any(|arg| arg.eq_ignore_ascii_case(b"GET"));
    match shows {
        true => key_spec::READ_AND_UPDATE,
        false => key_spec::REPLACE,
    }
}

/// Nothing but GET only reads.
pub(super) fn bitfield(args: &[&[u8]]) -> KeyFlags {
    let mut operations = args.get(2..).unwrap_or_default();
    let only_gets = loop {
        operations = match operations {
            [] => break true,
            [name, _, _, rest @ ..] if name.eq_ignore_ascii_case(b"GET") => rest,
            [name, _, rest @ ..] if name.eq_ignore_ascii_case(b"OVERFLOW") => rest,
            _ => break false,
        };
    };
    match only_gets {
        true => key_spec::READ,
        false => key_spec::READ_AND_UPDATE,
    }
}

/// Options are skipped with their operands, so that a key named `store` is no STORE. The last wins.
pub(super) fn sort(args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    let mut keys = KeyPositions::only(1, key_spec::READ, args)?;
    let mut target = None;
    let mut index = 2;
    while let Some(option) = args.get(index) {
        let is = |word: &[u8]| option.eq_ignore_ascii_case(word);
        index += if is(b"LIMIT") {
            3
        } else if is(b"GET") || is(b"BY") {
            2
        } else if is(b"STORE") && index + 1 < args.len() {
            target = Some(index + 1);
            2
        } else {
            1
        };
    }
    if let Some(target) = target {
        keys.push(target, key_spec::REPLACE);
    }
    Ok(keys)
}

/// One key in its place, or many behind KEYS and an empty argument in that place. A password may be
/// called `keys`.
pub(super) fn migrate(args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    let mut index = 6;
    while index + 1 < args.len() {
        let is = |word: &[u8]| args[index].eq_ignore_ascii_case(word);
        if is(b"KEYS") {
            if !args[3].is_empty() {
                return Err(KeysError::Arguments);
            }
            let mut keys = KeyPositions::new();
            (index + 1..args.len()).for_each(|index| keys.push(index, key_spec::TAKE));
            return Ok(keys);
        }
        index += if is(b"AUTH2") {
            3
        } else if is(b"AUTH") {
            2
        } else {
            1
        };
    }
    KeyPositions::only(3, key_spec::TAKE, args)
}

pub(super) fn sort_ro(args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    KeyPositions::only(1, key_spec::READ, args)
}

pub(super) fn georadius(args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    radius(args, 6)
}

pub(super) fn georadiusbymember(args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
    radius(args, 5)
}

/// Whatever STORE and STOREDIST name is written to, even if only the last one is in the end.
fn radius(args: &[&[u8]], options: usize) -> Result<KeyPositions, KeysError> {
    let mut keys = KeyPositions::only(1, key_spec::READ, args)?;
    let is_store =
        |arg: &[u8]| arg.eq_ignore_ascii_case(b"STORE") || arg.eq_ignore_ascii_case(b"STOREDIST");
    let mut index = options;
    while index + 1 < args.len() {
        if is_store(args[index]) {
            index += 1;
            keys.push(index, key_spec::REPLACE);
        }
        index += 1;
    }
    Ok(keys)
}

impl KeyPositions {
    const INLINE: usize = 4;

    const fn new() -> KeyPositions {
        let nowhere = KeyPosition {
            index: 0,
            flags: KeyFlags::EMPTY,
        };
        KeyPositions {
            inline: [nowhere; KeyPositions::INLINE],
            inline_len: 0,
            spilled: Vec::new(),
        }
    }

    #[inline]
    const fn one(index: usize, flags: KeyFlags) -> KeyPositions {
        let mut keys = KeyPositions::new();
        keys.inline[0] = KeyPosition { index, flags };
        keys.inline_len = 1;
        keys
    }

    fn push(&mut self, index: usize, flags: KeyFlags) {
        let position = KeyPosition { index, flags };
        if !self.spilled.is_empty() {
            self.spilled.push(position);
        } else if let Some(free) = self.inline.get_mut(usize::from(self.inline_len)) {
            *free = position;
            self.inline_len += 1;
        } else {
            self.spilled.extend_from_slice(&self.inline);
            self.spilled.push(position);
        }
    }

    #[inline]
    fn only(index: usize, flags: KeyFlags, args: &[&[u8]]) -> Result<KeyPositions, KeysError> {
        match index < args.len() {
            true => Ok(KeyPositions::one(index, flags)),
            false => Err(KeysError::Arguments),
        }
    }
}

impl Deref for KeyPositions {
    type Target = [KeyPosition];

    #[inline]
    fn deref(&self) -> &[KeyPosition] {
        if self.spilled.is_empty() {
            &self.inline[..usize::from(self.inline_len)]
        } else {
            &self.spilled
        }
    }
}

impl fmt::Debug for KeyPositions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeysError::NoKeys => "The command has no key arguments",
            KeysError::ArgumentCount => "Invalid number of arguments specified for command",
            KeysError::Arguments => "Invalid arguments specified for command",
        })
    }
}

impl std::error::Error for KeysError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::resolve;

    fn found(
        find: fn(&Command, &[&[u8]]) -> Result<KeyPositions, KeysError>,
        request: &str,
    ) -> Result<Vec<usize>, KeysError> {
        let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let command = resolve(&args).expect("a command");
        find(command, &args).map(|keys| keys.iter().map(|key| key.index).collect())
    }

    #[test]
    fn more_keys_than_fit_inline() {
        for count in 1..12 {
            let request = format!("del{}", " k".repeat(count));
            assert_eq!(found(keys, &request), Ok((1..=count).collect()));
        }
    }

    #[test]
    fn incomplete_requests_have_no_keys_to_tell() {
        assert_eq!(found(keys, "ping"), Ok(vec![]));
        assert_eq!(found(get_keys, "ping"), Err(KeysError::NoKeys));
        assert_eq!(found(get_keys, "ssubscribe c"), Err(KeysError::NoKeys));
        assert_eq!(found(get_keys, "get a b"), Err(KeysError::ArgumentCount));
        for request in [
            "get", "set", "del", "sort", "migrate", "zunion", "xread a", "lcs a",
        ] {
            assert_eq!(found(keys, request), Err(KeysError::Arguments), "{request}");
        }
    }

    #[test]
    fn a_shard_channel_decides_the_slot() {
        assert_eq!(found(slot_arguments, "spublish c m"), Ok(vec![1]));
        assert_eq!(found(slot_arguments, "ssubscribe a b"), Ok(vec![1, 2]));
        assert_eq!(found(slot_arguments, "sunsubscribe"), Ok(vec![]));
        assert_eq!(found(slot_arguments, "publish c m"), Ok(vec![]));
        assert_eq!(found(slot_arguments, "mset a 1 b 2"), Ok(vec![1, 3]));
    }

    #[test]
    fn a_key_may_be_called_like_an_option() {
        assert_eq!(
            found(keys, "sort k by store get store store d"),
            Ok(vec![1, 7])
        );
        assert_eq!(
            found(keys, "xread count 2 streams streams b 0 0"),
            Ok(vec![4, 5])
        );
    }
}
