//! How a function that Lua calls fails.

use redstart_protocol::Value;

/// An error to be raised in the script.
#[derive(Debug)]
pub(crate) enum Raise {
    /// A message that gets the position of the caller in front, as `luaL_error` does it.
    Text(Vec<u8>),
    /// A message as it is, as Lua's core raises it from C.
    Bare(&'static str),
    /// A bad argument, counted from 1, as `luaL_argerror` says it.
    Argument(usize, Vec<u8>),
    /// A table with a field `err`, as failing commands raise it.
    Reply(Reply),
    /// Lua's own "not enough memory".
    Memory,
    /// The script was ended from outside; no `pcall` holds this.
    Stopped,
}

/// The table of a failed command.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) text: Vec<u8>,
    /// Whether the error has been counted as a command's error already. Nothing here looks at it,
    /// but scripts can see the field that says so.
    pub(crate) counted: bool,
}

impl Raise {
    pub(crate) fn text(text: impl Into<String>) -> Raise {
        Raise::Text(text.into().into_bytes())
    }

    pub(crate) fn argument(index: usize, text: impl Into<String>) -> Raise {
        Raise::Argument(index, text.into().into_bytes())
    }

    /// A failure of Redis' own functions. They name no code, so it is `ERR`.
    pub(crate) fn redis(text: &str) -> Raise {
        Raise::Reply(Reply {
            text: format!("ERR {text}").into_bytes(),
            counted: false,
        })
    }
}

pub(crate) type Outcome<T> = Result<T, Raise>;

/// The reply for a script that does not compile.
pub(super) fn does_not_compile(message: &[u8]) -> Value {
    let mut text = b"ERR Error compiling script (new function): ".to_vec();
    text.extend_from_slice(message);
    Value::Error(one_line(c_string(&text)).into())
}

/// The reply for a script that ended in something that is not one of our error tables.
pub(super) fn gave_up(sha: &[u8], message: &[u8]) -> Value {
    let message = c_string(message);
    let mut text = b"ERR Error running script ".to_vec();
    text.extend_from_slice(sha);
    text.extend_from_slice(b", ");
    text.extend_from_slice(&message[..message.len().min(100)]);
    Value::Error(one_line(&text).into())
}

/// The reply for a script that ended in an error, with the place where it was raised, if known.
pub(super) fn failed(sha: &[u8], message: &[u8], place: Option<(&[u8], &[u8])>) -> Value {
    let mut text = c_string(message).to_vec();
    if let Some((source, line)) = place {
        for part in [
            b" script: ".as_slice(),
            sha,
            b", on ",
            c_string(source),
            b":",
            c_string(line),
            b".",
        ] {
            text.extend_from_slice(part);
        }
    }
    Value::Error(one_line(&text).into())
}

/// Redis takes most messages for C strings: they end at the first NUL byte.
pub(super) fn c_string(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == 0);
    &text[..end.unwrap_or(text.len())]
}

/// A simple reply is one line: line ends become spaces.
pub(super) fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter()
        .map(|&byte| match byte {
            b'\r' | b'\n' => b' ',
            byte => byte,
        })
        .collect()
}
