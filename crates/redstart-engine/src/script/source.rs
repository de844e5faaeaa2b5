//! A script as it was sent: its source, its SHA-1 and the flags of its first line.

use std::fmt;

use bytes::Bytes;
use redstart_protocol::Value;
use sha1_smol::Sha1;

/// A script that can be run.
#[derive(Clone, Debug)]
pub struct Script {
    sha: Sha,
    source: Bytes,
    body: usize,
    flags: Flags,
}

impl Script {
    /// Reads the first line; everything else is checked by [`Runtime::compile`](super::Runtime::compile).
    /// An error is a reply in Redis' words.
    pub fn parse(source: impl Into<Bytes>) -> Result<Script, Value> {
        let source = source.into();
        let (flags, body) = match source.strip_prefix(b"#!") {
            Some(_) => shebang(&source)?,
            None => (Flags::default(), 0),
        };
        Ok(Script {
            sha: Sha::of(&source),
            source,
            body,
            flags,
        })
    }

    /// The SHA-1 of the whole source.
    pub fn sha(&self) -> Sha {
        self.sha
    }

    /// The whole source.
    pub fn source(&self) -> &Bytes {
        &self.source
    }

    /// What the first line declares.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The source for the compiler. It begins with the line feed of the first line, so that line
    /// numbers are those of the source.
    pub(super) fn body(&self) -> &[u8] {
        &self.source[self.body..]
    }
}

/// What a script declares in its first line, `#!lua flags=no-writes,allow-oom`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// There is such a line. Without it a script may do everything, and what it does is found out
    /// command by command.
    pub declared: bool,
    /// It does not write, and must not.
    pub no_writes: bool,
    /// It may run when memory is exhausted.
    pub allow_oom: bool,
    /// It may run on a replica that lost its master.
    pub allow_stale: bool,
    /// It must not run in a cluster.
    pub no_cluster: bool,
    /// It may access keys of several slots.
    pub allow_cross_slot_keys: bool,
}

impl Flags {
    fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }
}

/// The SHA-1 of a script, in lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha([u8; 40]);

impl Sha {
    /// The SHA-1 of some bytes.
    pub fn of(bytes: &[u8]) -> Sha {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = Sha1::from(bytes).digest().bytes();
        let mut hex = [0; 40];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Sha(hex)
    }

    /// A SHA-1 as a client sends it, in upper or lower case; `None` if its length is not 40.
    pub fn parse(hex: &[u8]) -> Option<Sha> {
        let hex: [u8; 40] = hex.try_into().ok()?;
        Some(Sha(hex.map(|digit| digit.to_ascii_lowercase())))
    }

    /// The 40 digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha({self})")
    }
}

/// The flags, and where the body begins.
fn shebang(source: &[u8]) -> Result<(Flags, usize), Value> {
    // Redis looks for the line feed in a C string.
    let end = source.iter().position(|byte| matches!(byte, b'\n' | 0));
    let Some(end) = end.filter(|&end| source[end] == b'\n') else {
        return Err(Value::error("ERR Invalid script shebang"));
    };
    let mut words = match split_words(&source[..end]) {
        Some(words) if !words.is_empty() => words.into_iter(),
        _ => return Err(Value::error("ERR Invalid engine in script shebang")),
    };
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err(refusal("Unexpected engine in script shebang", &engine));
    }
    let mut flags = Flags {
        declared: true,
        ..Flags::default()
    };
    for word in words {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err(refusal("Unknown lua shebang option", &word));
        };
        if names.is_empty() {
            continue;
        }
        for name in names.split(|&byte| byte == b',') {
            if !flags.set(name) {
                return Err(refusal("Unexpected flag in script shebang", name));
            }
        }
    }
    Ok((flags, end))
}

fn refusal(what: &str, word: &[u8]) -> Value {
    let mut text = format!("ERR {what}: ").into_bytes();
    text.extend(word.iter().map(|&byte| match byte {
        b'\r' | b'\n' => b' ',
        byte => byte,
    }));
    Value::Error(text.into())
}

/// Words as in a line of Redis' configuration: separated by space, quoted by `"` (with escapes) or
/// `'`. `None` if a quote is not closed or something sticks to its end.
fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.iter().position(|&byte| !is_space(byte));
        let Some(start) = start else {
            return Some(words);
        };
        rest = &rest[start..];
        let mut word = Vec::new();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match byte {
                b'"' => rest = double_quoted(rest, &mut word)?,
                b'\'' => rest = single_quoted(rest, &mut word)?,
                byte if is_space(byte) || byte == 0 => break,
                byte => {
                    word.push(byte);
                    continue;
                }
            }
            if rest.first().is_some_and(|&byte| !is_space(byte)) {
                return None;
            }
            break;
        }
        words.push(word);
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(nibble(*high) << 4 | nibble(*low));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = tail;
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                rest = tail;
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        digit => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
