//! What a store may fail with, and what is known after each failure.
//!
//! Texts never hold keys, values or credentials, so that an error may be logged as it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::key::KeyError;
use super::url::UrlError;

/// The result of a request to a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is known about the effect of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// It was never handed to a connection: it had no effect.
    NotSent,
    /// The server refused it before executing it (it loads its data, is a replica, knows the key
    /// to be elsewhere): it had no effect, and later it may succeed.
    NotExecuted,
    /// It was handed over and no answer came: it may have had its effect, once, or may still have
    /// it. Also when it was repeated, as far as that is allowed, and failed otherwise then.
    Unknown,
    /// The answer is final: the same request would fail the same way.
    Failed,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::NotSent => "not sent",
            Failure::NotExecuted => "not executed",
            Failure::Unknown => "outcome unknown",
            Failure::Failed => "failed",
        })
    }
}

/// A request that did not succeed, or a store that could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL does not say where a store lives.
    #[error("store url: {0}")]
    Url(#[from] UrlError),
    /// An option of the builder, or two together, cannot be.
    #[error("store: {0}")]
    Config(&'static str),
    /// Certificates or keys that cannot be used: which file, and why.
    #[error("tls: {0}")]
    Tls(Arc<str>),
    /// [`Store::require_shared`](crate::Store::require_shared) on a store that only this process
    /// sees.
    #[error("store: its data is private to this process, a shared one is required")]
    NotShared,
    /// The directory of a `file:` store cannot be used, and what can be done about it.
    #[error("store: {reason}")]
    Directory {
        /// Whether another process keeps its data there.
        in_use: bool,
        /// Why, and what to do.
        reason: Arc<str>,
    },
    /// A key could not be made from what the caller gave.
    #[error("key: {0}")]
    Key(#[from] KeyError),
    /// As much as allowed is under way already; nothing was sent. Shed load, or raise the limit.
    #[error("{operation}: overloaded, {limit} {what} already")]
    Overloaded {
        /// What was asked for.
        operation: OperationName,
        /// How much may be under way.
        limit: usize,
        /// What it is the limit of.
        what: Limited,
    },
    /// The deadline passed without an answer.
    #[error("{operation}: no answer within {within:?} ({failure})")]
    Deadline {
        /// What was asked for.
        operation: OperationName,
        /// What is known of its effect.
        failure: Failure,
        /// The time it was given.
        within: Duration,
    },
    /// No connection could be made, or it broke under the request.
    #[error("{operation}: {cause} ({failure})")]
    Disconnected {
        /// What was asked for.
        operation: OperationName,
        /// What is known of its effect.
        failure: Failure,
        /// Why there is no connection.
        cause: Disconnect,
    },
    /// The server answered with an error.
    #[error("{operation}: {code} {text} ({failure})")]
    Server {
        /// What was asked for.
        operation: OperationName,
        /// What is known of its effect.
        failure: Failure,
        /// The error's first word, such as `WRONGTYPE`.
        code: Arc<str>,
        /// The rest, without echoed arguments.
        text: Arc<str>,
    },
    /// The answer is not of the kind that was asked for.
    #[error("{operation}: expected {expected}, got {got}")]
    UnexpectedReply {
        /// What was asked for.
        operation: OperationName,
        /// What was wanted.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// The keys of one atomic step lie in different hash slots.
    #[error("{operation}: its keys are not all in one hash slot")]
    CrossSlot {
        /// What was asked for.
        operation: OperationName,
    },
    /// The command changes or blocks the connection it is sent over, and that one is shared.
    #[error(
        "{operation}: needs a connection of its own; `exclusive()` gives one, and `subscribe()` \
         listens to channels"
    )]
    NeedsExclusive {
        /// The command.
        operation: OperationName,
    },
    /// What is asked for needs something that is not there.
    #[error("{operation}: {needs}")]
    Missing {
        /// What was asked for.
        operation: OperationName,
        /// What is missing, and what would have it.
        needs: &'static str,
    },
    /// The request is empty or larger than any server takes.
    #[error("{operation}: {reason}")]
    Malformed {
        /// What was asked for.
        operation: OperationName,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Error {
    /// What is known about the effect of the request.
    pub fn failure(&self) -> Failure {
        match self {
            Error::Overloaded { .. } => Failure::NotSent,
            Error::Deadline { failure, .. }
            | Error::Disconnected { failure, .. }
            | Error::Server { failure, .. } => *failure,
            _ => Failure::Failed,
        }
    }

    /// What was asked for: a command's name, or a pattern's step such as `limiter.check`.
    pub fn operation(&self) -> Option<&str> {
        match self {
            Error::Overloaded { operation, .. }
            | Error::Deadline { operation, .. }
            | Error::Disconnected { operation, .. }
            | Error::Server { operation, .. }
            | Error::UnexpectedReply { operation, .. }
            | Error::CrossSlot { operation }
            | Error::NeedsExclusive { operation }
            | Error::Missing { operation, .. }
            | Error::Malformed { operation, .. } => Some(operation.as_str()),
            _ => None,
        }
    }

    /// The first word of the server's own error, such as `WRONGTYPE` or `OOM`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Server { code, .. } => Some(code),
            Error::Disconnected {
                cause: Disconnect::Refused { code, .. },
                ..
            } => Some(code),
            _ => None,
        }
    }

    /// Whether the store is away or too busy, in contrast to a request that is wrong in itself.
    pub fn is_unavailable(&self) -> bool {
        !matches!(self.failure(), Failure::Failed)
            || matches!(self, Error::Disconnected { .. } | Error::Directory { .. })
            || matches!(self.code(), Some("OOM" | "MISCONF" | "NOREPLICAS"))
    }

    /// The same of a request that may have had its effect all the same, in an attempt before.
    pub(crate) fn left_open(mut self) -> Error {
        if let Error::Deadline { failure, .. }
        | Error::Disconnected { failure, .. }
        | Error::Server { failure, .. } = &mut self
        {
            *failure = Failure::Unknown;
        }
        self
    }

    /// From the text of an error reply.
    pub(crate) fn server(operation: &OperationName, reply: &[u8]) -> Error {
        let (code, text) = split_reply(reply);
        let failure = if is_refusal(&code) {
            Failure::NotExecuted
        } else {
            Failure::Failed
        };
        Error::Server {
            operation: operation.clone(),
            failure,
            code,
            text,
        }
    }
}

/// What a limit is the limit of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limited {
    /// Requests under way: `max_in_flight`.
    Requests,
    /// The bytes of their arguments: `max_in_flight_bytes`.
    Bytes,
    /// Connections lent out: `max_exclusive`.
    ExclusiveConnections,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limited::Requests => "requests are in flight",
            Limited::Bytes => "bytes are in flight",
            Limited::ExclusiveConnections => "exclusive connections are lent out",
        })
    }
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// The server could not be reached.
    #[error("cannot reach the server: {0}")]
    Unreachable(Arc<str>),
    /// The server does not let us in: wrong password, no such database, a protocol too old.
    #[error("the server refuses the connection: {code} {text}")]
    Refused {
        /// The error's first word.
        code: Arc<str>,
        /// The rest.
        text: Arc<str>,
    },
    /// The connection broke.
    #[error("the connection was lost")]
    Lost,
    /// The server takes connections and says nothing, or nothing comes back from where it should
    /// be. Requests fail at once until something does.
    #[error("the server is silent")]
    Silent,
}

/// The name of what was asked for: a command's name, or a pattern's step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperationName(Name);

/// Names of commands are made for every request, so they need no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Fixed(&'static str),
    Command([u8; LONGEST_NAME], u8),
}

const LONGEST_NAME: usize = 24;

impl OperationName {
    pub(crate) const fn named(name: &'static str) -> OperationName {
        OperationName(Name::Fixed(name))
    }

    /// From the first argument of a command. Anything that is not a plain word is not repeated:
    /// it may be data that slipped into the wrong place.
    pub(crate) fn command(name: &[u8]) -> OperationName {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.iter().all(plain) {
            return OperationName::named("command");
        }
        let mut upper = [0; LONGEST_NAME];
        for (to, from) in upper.iter_mut().zip(name) {
            *to = from.to_ascii_uppercase();
        }
        OperationName(Name::Command(upper, name.len() as u8))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Fixed(name) => name,
            Name::Command(name, length) => std::str::from_utf8(&name[..usize::from(*length)])
                .expect("only letters, digits, `.`, `_` and `-` are taken over"),
        }
    }
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Errors that say the command was not executed and may succeed later or elsewhere.
pub(crate) fn is_refusal(code: &str) -> bool {
    const REFUSALS: [&str; 8] = [
        "LOADING",
        "BUSY",
        "CLUSTERDOWN",
        "READONLY",
        "MOVED",
        "ASK",
        "TRYAGAIN",
        "MASTERDOWN",
    ];
    REFUSALS.contains(&code)
}

/// Splits an error reply into its code and a text without echoed arguments: Redis repeats the
/// arguments of a command it does not know.
fn split_reply(reply: &[u8]) -> (Arc<str>, Arc<str>) {
    let reply = String::from_utf8_lossy(reply);
    let (code, text) = reply.split_once(' ').unwrap_or((&reply, ""));
    let text = match text.find(", with args beginning with") {
        Some(end) => &text[..end],
        None => text,
    };
    (code.into(), text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_not_executed_and_another_error_is_final() {
        let of = |reply: &[u8]| Error::server(&OperationName::named("GET"), reply).failure();
        assert_eq!(
            of(b"LOADING Redis is loading the dataset in memory"),
            Failure::NotExecuted
        );
        assert_eq!(of(b"MOVED 1 10.0.0.1:6379"), Failure::NotExecuted);
        assert_eq!(of(b"WRONGTYPE Operation against a key"), Failure::Failed);
        assert_eq!(of(b"ERR"), Failure::Failed);
    }

    #[test]
    fn echoed_arguments_are_cut_off() {
        let error = Error::server(
            &OperationName::command(b"zorp"),
            b"ERR unknown command 'ZORP', with args beginning with: 'hunter2' ",
        );
        assert_eq!(
            error.to_string(),
            "ZORP: ERR unknown command 'ZORP' (failed)"
        );
    }

    #[test]
    fn data_in_the_place_of_a_command_is_not_repeated() {
        assert_eq!(
            OperationName::command(b"hunter2 secret").as_str(),
            "command"
        );
        assert_eq!(OperationName::command(b"").as_str(), "command");
        assert_eq!(OperationName::command(b"json.get").as_str(), "JSON.GET");
    }
}
