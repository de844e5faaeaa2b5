//! The words of a line: of an inline request, or of a configuration file.

use super::{Place, RequestError};
use crate::number::is_space;

/// Splits a line into words, as inline requests and redis.conf quote them. `None` when a quote is
/// not closed, or something follows a closing one.
///
/// ```
/// use redstart_protocol::words_of_line;
///
/// let words = words_of_line(br#"logfile "a \"b\" \x41""#).unwrap();
/// assert_eq!(words, [b"logfile".to_vec(), b"a \"b\" A".to_vec()]);
/// assert_eq!(words_of_line(b"logfile 'a"), None);
/// ```
pub fn words_of_line(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    split(line, &mut bytes, &mut places).ok()?;
    let word = |place: &Place| bytes[place.start..place.end].to_vec();
    Some(places.iter().map(word).collect())
}

/// Splits a line at white space into words, which may be quoted: `"…"` knows `\n`, `\r`, `\t`,
/// `\b`, `\a`, `\xff` and stands for any other character behind `\`; `'…'` knows only `\'`. A
/// closing quote ends its word.
pub(super) fn split(
    line: &[u8],
    words: &mut Vec<u8>,
    places: &mut Vec<Place>,
) -> Result<(), RequestError> {
    let mut rest = trimmed(line);
    while !rest.is_empty() {
        let start = words.len();
        rest = trimmed(word(rest, words)?);
        let end = words.len();
        places.push(Place { start, end });
    }
    Ok(())
}

/// Appends the first word and returns what follows it.
fn word<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], RequestError> {
    loop {
        match rest {
            [] => return Ok(rest),
            [b' ' | b'\n' | b'\r' | b'\t', after @ ..] => return Ok(after),
            [b'"', after @ ..] => return double_quoted(after, words),
            [b'\'', after @ ..] => return single_quoted(after, words),
            [byte, after @ ..] => {
                words.push(*byte);
                rest = after;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], RequestError> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    loop {
        let (byte, after) = match rest {
            [] => return Err(RequestError::Quotes),
            [b'"', after @ ..] => return closed(after),
            [b'\\', b'x', high, low, after @ ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'x', &rest[2..]),
            },
            [b'\\', escaped, after @ ..] => {
                let byte = match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                };
                (byte, after)
            }
            [byte, after @ ..] => (*byte, after),
        };
        words.push(byte);
        rest = after;
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], words: &mut Vec<u8>) -> Result<&'a [u8], RequestError> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(RequestError::Quotes),
            [b'\'', after @ ..] => return closed(after),
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [byte, after @ ..] => (*byte, after),
        };
        words.push(byte);
        rest = after;
    }
}

/// White space or nothing must follow a closing quote.
fn closed(after: &[u8]) -> Result<&[u8], RequestError> {
    match after.first() {
        Some(&byte) if !is_space(byte) => Err(RequestError::Quotes),
        _ => Ok(after),
    }
}

/// From the first byte that is no white space.
fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| !is_space(byte));
    &text[start.unwrap_or(text.len())..]
}
