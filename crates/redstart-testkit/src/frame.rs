//! Where a reply ends: RESP framing without a tree.
//!
//! A reply is complete when no value is outstanding. Every header line settles one outstanding
//! value and may add the values it announces, so one counter is all the state there is, and bytes
//! that arrive in pieces are looked at only once.

use std::fmt;

/// Longest header line taken for one. Lines of `+` and `-` may carry a text of any length.
const HEADER_BYTES_MAX: usize = 64;

/// Finds the end of one reply in bytes that arrive in pieces.
#[derive(Clone, Debug)]
pub struct FrameScanner {
    position: usize,
    outstanding: u64,
}

impl Default for FrameScanner {
    fn default() -> FrameScanner {
        FrameScanner {
            position: 0,
            outstanding: 1,
        }
    }
}

impl FrameScanner {
    /// A scanner at the start of a reply.
    pub fn new() -> FrameScanner {
        FrameScanner::default()
    }

    /// The length of the reply at the start of `bytes`, or `None` while it is incomplete. Each
    /// call passes the same bytes as before, and possibly more.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        while self.outstanding > 0 {
            let rest = bytes.get(self.position..).unwrap_or_default();
            let Some(&kind) = rest.first() else {
                return Ok(None);
            };
            let text_line = matches!(kind, b'+' | b'-' | b'(');
            let Some(line) = line_length(rest) else {
                if !text_line && rest.len() > HEADER_BYTES_MAX {
                    return Err(FrameError::at(
                        self.position,
                        "a header line without an end",
                    ));
                }
                return Ok(None);
            };
            let mut length = line;
            let mut children: u64 = 0;
            match kind {
                b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {}
                b'$' | b'=' | b'!' => {
                    if let Some(body) = self.count(rest, line)? {
                        length = line.saturating_add(body as usize).saturating_add(2);
                        if rest.len() < length {
                            return Ok(None);
                        }
                    }
                }
                b'*' | b'~' | b'>' => children = self.count(rest, line)?.unwrap_or(0),
                b'%' => children = self.count(rest, line)?.unwrap_or(0).saturating_mul(2),
                // An attribute is not a value: what it describes still has to come.
                b'|' => {
                    let pairs = self.count(rest, line)?.unwrap_or(0);
                    children = pairs.saturating_mul(2).saturating_add(1);
                }
                _ => return Err(FrameError::at(self.position, "an unknown type byte")),
            }
            self.position += length;
            self.outstanding = (self.outstanding - 1).saturating_add(children);
        }
        Ok(Some(self.position))
    }

    /// The number in a header line; `None` is RESP2's null, `-1`.
    fn count(&self, rest: &[u8], line: usize) -> Result<Option<u64>, FrameError> {
        let digits = rest.get(1..line - 2).unwrap_or_default();
        if digits == b"-1" {
            return Ok(None);
        }
        std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|&count| count <= u64::from(u32::MAX))
            .map(Some)
            .ok_or(FrameError::at(self.position, "a length that is none"))
    }
}

/// The length of the first line including its end.
fn line_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .map(|at| at + 2)
}

/// Bytes that are no RESP reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    position: usize,
    what: &'static str,
}

impl FrameError {
    pub(crate) fn at(position: usize, what: &'static str) -> FrameError {
        FrameError { position, what }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "not a RESP reply: {} at byte {}",
            self.what, self.position
        )
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every prefix is incomplete, the whole is complete, and a neighbour is left alone.
    fn check(frame: &[u8]) {
        let mut scanner = FrameScanner::new();
        for end in 0..frame.len() {
            assert_eq!(
                scanner.scan(&frame[..end]),
                Ok(None),
                "prefix of {end} bytes"
            );
        }
        let mut followed = frame.to_vec();
        followed.extend_from_slice(b"+NEXT\r\n");
        assert_eq!(scanner.scan(&followed), Ok(Some(frame.len())));
    }

    #[test]
    fn frames_end_where_they_should() {
        check(b"+OK\r\n");
        check(b"-ERR no such key\r\n");
        check(b":-12\r\n");
        check(b"$-1\r\n");
        check(b"$0\r\n\r\n");
        check(b"$6\r\na\r\nb\r\n\r\n");
        check(b"*-1\r\n");
        check(b"*0\r\n");
        check(b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n");
        check(b"%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n#t\r\n_\r\n");
        check(b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$0\r\n\r\n");
        check(b",1.5\r\n");
        check(b"(12345678901234567890\r\n");
        check(b"=7\r\ntxt:abc\r\n");
        check(b"|1\r\n+ttl\r\n:10\r\n*1\r\n:5\r\n");
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &b"hello\r\n"[..],
            b"$x\r\n",
            b"*-2\r\n",
            b"*99999999999\r\n",
        ] {
            assert!(FrameScanner::new().scan(bytes).is_err(), "{bytes:?}");
        }
        assert!(FrameScanner::new().scan(&[b':'; 100]).is_err());
    }
}
