//! Bytes to requests: what a server reads from a client.
//!
//! A request is an array of bulk strings or, for a person at a terminal, a line of words. The bytes
//! stay in the connection's read buffer: the decoder only notes where each argument is, goes on
//! where it stopped when more has arrived, and never believes a length before the bytes are there.
//! What it refuses and in which words is Redis 7.0's.

mod error;
mod words;

use std::ops::Deref;

use bytes::{Buf, BytesMut};

use crate::number::parse_i64;
pub use error::RequestError;
pub use words::words_of_line;

/// How large requests may be.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Arguments of a request.
    pub args_max: usize,
    /// Bytes of an argument: `proto-max-bulk-len`.
    pub bulk_len_max: usize,
    /// Bytes of a line: of an inline request, or of a length.
    pub line_len_max: usize,
    /// Bytes of a request, everything included.
    pub request_len_max: usize,
    /// Arguments of a request before logging in.
    pub args_max_before_auth: usize,
    /// Bytes of an argument before logging in.
    pub bulk_len_max_before_auth: usize,
}

impl Default for RequestLimits {
    /// What Redis sets, and a million arguments.
    fn default() -> RequestLimits {
        RequestLimits {
            args_max: 1024 * 1024,
            bulk_len_max: 512 << 20,
            line_len_max: 64 * 1024,
            request_len_max: 1 << 30,
            args_max_before_auth: 10,
            bulk_len_max_before_auth: 16_384,
        }
    }
}

/// Reads requests from a connection's buffer, as they arrive.
///
/// ```
/// use bytes::BytesMut;
/// use redstart_protocol::RequestDecoder;
///
/// let mut decoder = RequestDecoder::default();
/// let mut buffer = BytesMut::from("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING 'a b'\r\n");
/// let request = decoder.decode(&mut buffer).unwrap().unwrap();
/// assert_eq!(*request.args(), [&b"GET"[..], b"k"]);
/// let request = decoder.decode(&mut buffer).unwrap().unwrap();
/// assert_eq!(*request.args(), [&b"PING"[..], b"a b"]);
/// assert!(decoder.decode(&mut buffer).unwrap().is_none());
/// ```
#[derive(Debug, Default)]
pub struct RequestDecoder {
    limits: RequestLimits,
    before_auth: bool,
    /// Where each argument is, in the buffer or in `words`.
    args: Vec<Place>,
    /// The words of an inline request, without their quotes.
    words: Vec<u8>,
    /// How many arguments are still to come; nothing between requests.
    missing: Option<usize>,
    /// The length of the next argument, once that is known.
    bulk_len: Option<usize>,
    /// How many bytes of the buffer are understood.
    position: usize,
    /// How many bytes from there on have no line end in them.
    searched: usize,
    /// How many bytes the last request took, which it no longer needs.
    finished: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    end: usize,
}

/// A complete request. It lies in the buffer until the decoder is asked for the next one.
#[derive(Debug)]
pub struct Request<'a> {
    bytes: &'a [u8],
    places: &'a [Place],
    len: usize,
}

/// The arguments of a request, the command's name first. Up to eight need no allocation.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    inline: [&'a [u8]; Args::INLINE],
    inline_len: usize,
    /// All of them, if they are too many.
    spilled: Vec<&'a [u8]>,
}

impl RequestDecoder {
    /// A decoder with limits of its own.
    pub fn new(limits: RequestLimits) -> RequestDecoder {
        RequestDecoder {
            limits,
            ..RequestDecoder::default()
        }
    }

    /// Says whether this client still has to log in, which makes the limits tighter.
    pub fn set_before_auth(&mut self, before_auth: bool) {
        self.before_auth = before_auth;
    }

    /// Finds the next request in the buffer, or nothing until more has arrived.
    ///
    /// The bytes of the request before are dropped from the buffer now. After an error the
    /// connection is to be closed.
    pub fn decode<'a>(
        &'a mut self,
        buffer: &'a mut BytesMut,
    ) -> Result<Option<Request<'a>>, RequestError> {
        self.drop_finished(buffer);
        let is_inline = loop {
            let is_inline = match (self.missing, buffer.get(self.position)) {
                (None, None) => return Ok(None),
                (None, Some(first)) => *first != b'*',
                (Some(_), _) => false,
            };
            let complete = match is_inline {
                true => self.inline(buffer)?,
                false => self.array(buffer)?,
            };
            if !complete {
                return Ok(None);
            }
            self.finished = self.position;
            if !self.args.is_empty() {
                break is_inline;
            }
            // An empty array or line is no request.
            self.drop_finished(buffer);
        };
        Ok(Some(Request {
            bytes: if is_inline { &self.words } else { buffer },
            places: &self.args,
            len: self.finished,
        }))
    }

    fn drop_finished(&mut self, buffer: &mut BytesMut) {
        /// One huge request must not take its memory for ever.
        const KEPT_ARGS: usize = 1024;
        const KEPT_WORDS: usize = 64 * 1024;

        if self.finished == 0 {
            return;
        }
        buffer.advance(self.finished);
        self.finished = 0;
        self.position = 0;
        self.searched = 0;
        self.missing = None;
        self.args.clear();
        self.args.shrink_to(KEPT_ARGS);
        self.words.clear();
        self.words.shrink_to(KEPT_WORDS);
    }

    /// Whether an array is complete.
    fn array(&mut self, buffer: &[u8]) -> Result<bool, RequestError> {
        let mut missing = match self.missing {
            Some(missing) => missing,
            None => match self.count(buffer)? {
                Some(count) => count,
                None => return Ok(false),
            },
        };
        while missing > 0 {
            self.missing = Some(missing);
            let len = match self.bulk_len {
                Some(len) => len,
                None => match self.length(buffer)? {
                    Some(len) => len,
                    None => return Ok(false),
                },
            };
            let end = self.position.saturating_add(len);
            if end.saturating_add(2) > self.limits.request_len_max {
                return Err(RequestError::TooLarge);
            }
            if end + 2 > buffer.len() {
                self.bulk_len = Some(len);
                return Ok(false);
            }
            self.args.push(Place {
                start: self.position,
                end,
            });
            self.bulk_len = None;
            self.position = end + 2;
            missing -= 1;
        }
        Ok(true)
    }

    fn count(&mut self, buffer: &[u8]) -> Result<Option<usize>, RequestError> {
        let Some(line) = self.number_line(buffer, RequestError::BigCount)? else {
            return Ok(None);
        };
        // A count below zero is an empty array.
        let count = parse_i64(&line[1..]).ok_or(RequestError::Count)?;
        let count = usize::try_from(count).unwrap_or(0);
        if count > self.limits.args_max {
            return Err(RequestError::Count);
        }
        if self.before_auth && count > self.limits.args_max_before_auth {
            return Err(RequestError::CountBeforeAuth);
        }
        Ok(Some(count))
    }

    fn length(&mut self, buffer: &[u8]) -> Result<Option<usize>, RequestError> {
        let Some(line) = self.number_line(buffer, RequestError::BigLength)? else {
            return Ok(None);
        };
        match line.first() {
            Some(b'$') => {}
            other => return Err(RequestError::NoBulk(other.copied().unwrap_or(b'\r'))),
        }
        let length = parse_i64(&line[1..]).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(RequestError::Length)?;
        if length > self.limits.bulk_len_max {
            return Err(RequestError::Length);
        }
        if self.before_auth && length > self.limits.bulk_len_max_before_auth {
            return Err(RequestError::LengthBeforeAuth);
        }
        Ok(Some(length))
    }

    /// The next line without its end, which is a carriage return and, as in Redis, any byte.
    #[inline]
    fn number_line<'b>(
        &mut self,
        buffer: &'b [u8],
        endless: RequestError,
    ) -> Result<Option<&'b [u8]>, RequestError> {
        let rest = &buffer[self.position..];
        let found = rest[self.searched..].iter().position(|&byte| byte == b'\r');
        let Some(end) = found.map(|found| found + self.searched) else {
            self.searched = rest.len();
            return match rest.len() > self.limits.line_len_max {
                true => Err(endless),
                false => Ok(None),
            };
        };
        if end + 1 == rest.len() {
            self.searched = end;
            return Ok(None);
        }
        self.searched = 0;
        self.position += end + 2;
        Ok(Some(&rest[..end]))
    }

    /// Whether a line is complete.
    fn inline(&mut self, buffer: &[u8]) -> Result<bool, RequestError> {
        let rest = &buffer[self.position..];
        let found = rest[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(end) = found.map(|found| found + self.searched) else {
            self.searched = rest.len();
            return match rest.len() > self.limits.line_len_max {
                true => Err(RequestError::BigInline),
                false => Ok(false),
            };
        };
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        words::split(line, &mut self.words, &mut self.args)?;
        self.searched = 0;
        self.position += end + 1;
        Ok(true)
    }
}

impl<'a> Request<'a> {
    /// The arguments, the command's name first. There is at least one.
    #[inline]
    pub fn args(&self) -> Args<'a> {
        let bytes = self.bytes;
        let arg = move |place: &Place| &bytes[place.start..place.end];
        let mut args = Args {
            inline: [&[]; Args::INLINE],
            inline_len: self.places.len(),
            spilled: Vec::new(),
        };
        if self.places.len() <= Args::INLINE {
            for (to, place) in args.inline.iter_mut().zip(self.places) {
                *to = arg(place);
            }
        } else {
            args.spilled = self.places.iter().map(arg).collect();
        }
        args
    }

    /// How many bytes of the buffer the request takes.
    pub fn wire_len(&self) -> usize {
        self.len
    }
}

impl Args<'_> {
    const INLINE: usize = 8;
}

impl<'a> Deref for Args<'a> {
    type Target = [&'a [u8]];

    #[inline]
    fn deref(&self) -> &[&'a [u8]] {
        if self.spilled.is_empty() {
            &self.inline[..self.inline_len]
        } else {
            &self.spilled
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encode;

    /// Every request in the bytes, and the error behind them.
    fn decode(bytes: &[u8], step: usize) -> (Vec<Vec<Vec<u8>>>, Option<RequestError>) {
        decode_with(RequestDecoder::default(), bytes, step)
    }

    fn decode_with(
        mut decoder: RequestDecoder,
        bytes: &[u8],
        step: usize,
    ) -> (Vec<Vec<Vec<u8>>>, Option<RequestError>) {
        let mut requests = Vec::new();
        let mut buffer = BytesMut::new();
        for piece in bytes.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(None) => break,
                    Ok(Some(request)) => {
                        requests.push(request.args().iter().map(|arg| arg.to_vec()).collect());
                    }
                    Err(error) => return (requests, Some(error)),
                }
            }
        }
        (requests, None)
    }

    #[track_caller]
    fn check_inline(line: &str, expected: Result<&[&str], RequestError>) {
        for step in [1, 3, 1000] {
            let (requests, error) = decode(format!("{line}\r\n").as_bytes(), step);
            match expected {
                Ok(words) => {
                    let request = requests.first().cloned().unwrap_or_default();
                    let request: Vec<_> = request
                        .iter()
                        .map(|word| word.escape_ascii().to_string())
                        .collect();
                    assert_eq!(request, words, "{line}");
                }
                Err(expected) => assert_eq!(error, Some(expected), "{line}"),
            }
        }
    }

    #[test]
    fn lines_are_split_into_words() {
        check_inline("PING", Ok(&["PING"]));
        check_inline("  set \t k\x0bv  ", Ok(&["set", "k\\x0bv"]));
        check_inline(
            r#"set k "a b\n\x41\xzz\q""#,
            Ok(&["set", "k", r"a b\nAxzzq"]),
        );
        check_inline(r"set k 'a\'b\n'", Ok(&["set", "k", r"a\'b\\n"]));
        check_inline(r#"a"b c" d"#, Ok(&["ab c", "d"]));
        check_inline(r#""" ''"#, Ok(&["", ""]));
        check_inline("", Ok(&[]));
        check_inline(r#"a "b"#, Err(RequestError::Quotes));
        check_inline(r#"a "b"c"#, Err(RequestError::Quotes));
        check_inline(r"a 'b\'", Err(RequestError::Quotes));
    }

    #[test]
    fn empty_arrays_and_lines_are_no_requests() {
        let bytes = b"*0\r\n\r\n*-5\r\n   \n*1\r\n$4\r\nPING\r\n\n";
        for step in 1..bytes.len() {
            let (requests, error) = decode(bytes, step);
            assert_eq!(requests, [[b"PING"]]);
            assert_eq!(error, None);
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let long = vec![b'1'; 64 * 1024];
        for (prefix, error) in [
            (&b"*"[..], RequestError::BigCount),
            (b"*1\r\n$", RequestError::BigLength),
            (b"x", RequestError::BigInline),
        ] {
            let bytes = [prefix, &long].concat();
            assert_eq!(decode(&bytes, 5000), (vec![], Some(error)));
            assert_eq!(decode(&bytes[..bytes.len() - 1], 5000), (vec![], None));
        }
    }

    #[test]
    fn limits() {
        let limits = RequestLimits {
            args_max: 3,
            bulk_len_max: 10,
            request_len_max: 40,
            ..RequestLimits::default()
        };
        let error = |bytes: &[u8]| decode_with(RequestDecoder::new(limits), bytes, 7).1;
        assert_eq!(error(b"*4\r\n"), Some(RequestError::Count));
        assert_eq!(error(b"*3\r\n$11\r\n"), Some(RequestError::Length));
        let ten = "$10\r\n0123456789\r\n";
        assert_eq!(error(format!("*2\r\n{ten}{ten}").as_bytes()), None);
        let large = format!("*3\r\n{ten}{ten}$0\r\n");
        assert_eq!(error(large.as_bytes()), Some(RequestError::TooLarge));
    }

    #[test]
    fn before_logging_in_less_is_allowed() {
        let error = |bytes: &[u8]| {
            let mut decoder = RequestDecoder::default();
            decoder.set_before_auth(true);
            decode_with(decoder, bytes, 1000).1
        };
        assert_eq!(error(b"*10\r\n$16384\r\n"), None);
        assert_eq!(error(b"*11\r\n"), Some(RequestError::CountBeforeAuth));
        assert_eq!(
            error(b"*1\r\n$16385\r\n"),
            Some(RequestError::LengthBeforeAuth)
        );
    }

    #[test]
    fn a_claimed_length_reserves_nothing() {
        let mut decoder = RequestDecoder::default();
        let mut buffer = BytesMut::from("*1000000\r\n$500000000\r\n");
        assert!(
            decoder
                .decode(&mut buffer)
                .is_ok_and(|request| request.is_none())
        );
        assert!(decoder.args.capacity() < 100);
        assert!(buffer.capacity() < 1000);
    }

    #[test]
    fn a_large_request_leaves_nothing_behind() {
        let mut decoder = RequestDecoder::default();
        let mut buffer = BytesMut::new();
        encode::request(&vec![&b"x"[..]; 100_000], &mut buffer);
        let request = decoder
            .decode(&mut buffer)
            .expect("well-formed")
            .expect("complete");
        assert_eq!(request.args().len(), 100_000);
        assert!(
            decoder
                .decode(&mut buffer)
                .is_ok_and(|request| request.is_none())
        );
        assert!(buffer.is_empty());
        assert!(decoder.args.capacity() <= 1024);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            requests in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 1..20),
                0..6,
            ),
            step in 1usize..100,
        ) {
            let mut bytes = BytesMut::new();
            for request in &requests {
                let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
                encode::request(&args, &mut bytes);
            }
            prop_assert_eq!(decode(&bytes, step), (requests, None));
        }

        #[test]
        fn pieces_make_no_difference(
            bytes in prop::collection::vec(
                prop_oneof![
                    1 => any::<u8>(),
                    9 => prop::sample::select(&b"*$0123-\r\n\r\n \"'\\x4fa"[..]),
                ],
                0..200,
            ),
            step in 1usize..20,
        ) {
            prop_assert_eq!(decode(&bytes, step), decode(&bytes, usize::MAX));
        }
    }
}
