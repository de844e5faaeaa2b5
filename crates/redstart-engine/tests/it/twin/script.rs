//! A history that both twins live through, and its written form.
//!
//! One command a line, words separated by spaces, in redis-cli's quoting: `"a\x00b\n"`. A line
//! may begin with the number of a client, `2>`; without one it is client 1. `#` begins a comment.

use std::fmt;

/// One command of one client.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Which client sends it, from 0.
    pub(super) client: usize,
    pub(super) args: Vec<Vec<u8>>,
}

impl Step {
    /// The command's name in capitals, with the subcommand for those that have some.
    pub(super) fn name(&self) -> String {
        let word = |index: usize| {
            let word = self.args.get(index).map(Vec::as_slice).unwrap_or_default();
            String::from_utf8_lossy(word).to_uppercase()
        };
        let name = word(0);
        let containers = [
            "CLIENT", "COMMAND", "CONFIG", "DEBUG", "LATENCY", "MEMORY", "OBJECT", "PUBSUB",
            "SCRIPT", "SLOWLOG",
        ];
        match containers.contains(&name.as_str()) && self.args.len() > 1 {
            true => format!("{name} {}", word(1)),
            false => name,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.client > 0 {
            write!(out, "{}> ", self.client + 1)?;
        }
        for (index, arg) in self.args.iter().enumerate() {
            if index > 0 {
                out.write_str(" ")?;
            }
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte);
            match !arg.is_empty() && arg.iter().all(plain) {
                true => write!(out, "{}", String::from_utf8_lossy(arg))?,
                false => write!(out, "\"{}\"", quoted(arg))?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(byte as char),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// Reads a written history. Panics with the line that it cannot read: it is part of the tests.
pub(super) fn parse(text: &str) -> Vec<Step> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Step> {
    let mut words = words(line).into_iter().peekable();
    let client = words.peek().and_then(|word| {
        let number = std::str::from_utf8(word).ok()?.strip_suffix('>')?;
        number.parse::<usize>().ok()
    });
    if client.is_some() {
        words.next();
    }
    let args: Vec<Vec<u8>> = words.collect();
    let client = client.unwrap_or(1) - 1;
    (!args.is_empty()).then_some(Step { client, args })
}

fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let mut word = Vec::new();
        match byte {
            b' ' => continue,
            b'#' => break,
            b'"' => loop {
                match bytes.next() {
                    Some(b'"') => break,
                    Some(b'\\') => word.push(match bytes.next() {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'x') => {
                            let digits =
                                [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
                            let digits = std::str::from_utf8(&digits).expect("two hex digits");
                            u8::from_str_radix(digits, 16)
                                .unwrap_or_else(|_| panic!("not two hex digits in: {line}"))
                        }
                        Some(other) => other,
                        None => panic!("no closing quote in: {line}"),
                    }),
                    Some(other) => word.push(other),
                    None => panic!("no closing quote in: {line}"),
                }
            },
            first => {
                word.push(first);
                while let Some(byte) = bytes.next_if(|&byte| byte != b' ') {
                    word.push(byte);
                }
            }
        }
        words.push(word);
    }
    words
}
