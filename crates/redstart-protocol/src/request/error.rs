//! Why a server refuses the bytes of a client, in Redis 7.0's words.

use std::fmt;

use crate::Octets;

use crate::Value;

/// Why the bytes of a client are no request. The server says so and closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The number of arguments does not end.
    BigCount,
    /// The number of arguments is no number or too large.
    Count,
    /// There are many arguments and nobody logged in.
    CountBeforeAuth,
    /// The length of an argument does not end.
    BigLength,
    /// The length of an argument is no number or too large.
    Length,
    /// An argument is long and nobody logged in.
    LengthBeforeAuth,
    /// An argument begins with this byte instead of `$`.
    NoBulk(u8),
    /// A line does not end.
    BigInline,
    /// A quotation does not end, or not with the word.
    Quotes,
    /// The request as a whole is too large. Redis closes the connection without a word.
    TooLarge,
}

impl RequestError {
    /// What the server answers before it closes the connection.
    pub fn reply(self) -> Option<Value> {
        let text = match self {
            RequestError::TooLarge => return None,
            // Whatever byte it is, even if it is no text.
            RequestError::NoBulk(got) => Octets::from(
                [b"ERR Protocol error: expected '$', got '", &[got][..], b"'"].concat(),
            ),
            other => Octets::from(format!("ERR Protocol error: {other}")),
        };
        Some(Value::Error(text))
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::BigCount => "too big mbulk count string",
            RequestError::Count => "invalid multibulk length",
            RequestError::CountBeforeAuth => "unauthenticated multibulk length",
            RequestError::BigLength => "too big bulk count string",
            RequestError::Length => "invalid bulk length",
            RequestError::LengthBeforeAuth => "unauthenticated bulk length",
            RequestError::NoBulk(got) => {
                return write!(f, "expected '$', got '{}'", got.escape_ascii());
            }
            RequestError::BigInline => "too big inline request",
            RequestError::Quotes => "unbalanced quotes in request",
            RequestError::TooLarge => "too big request",
        })
    }
}

impl std::error::Error for RequestError {}
