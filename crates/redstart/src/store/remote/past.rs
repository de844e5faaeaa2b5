//! What the attempts at a request have come to so far.

use redstart_protocol::Value;

use crate::store::error::{Error, Failure, OperationName, Result};
use crate::store::replay::Replay;

/// A request that is repeated fails as all its attempts together do: once one of them may have
/// had its effect, another that was refused or not even sent does not undo that.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// How the last attempt failed.
    last: Option<Error>,
    may_have_happened: bool,
}

impl Past {
    /// Takes note of an attempt that is to be repeated.
    pub(super) fn note(&mut self, replay: Replay, error: Error) {
        self.may_have_happened |= replay != Replay::Read && error.failure() == Failure::Unknown;
        self.last = Some(error);
    }

    /// The error that ends the request.
    pub(super) fn sum_up(&mut self, error: Error) -> Error {
        // While the connection is replaced, what the server said last tells more than that. And
        // an overload is no answer to a request that was under way already.
        let said = |last: &Error| last.failure() == Failure::NotExecuted;
        let last = match (&error, error.failure()) {
            (Error::Overloaded { .. }, _) => self.last.take(),
            (_, Failure::NotSent) => self.last.take().filter(said),
            _ => None,
        };
        let error = last.unwrap_or(error);
        match self.may_have_happened {
            true => error.left_open(),
            false => error,
        }
    }

    /// The reply that ends the request.
    pub(super) fn answer(&self, operation: &OperationName, reply: Value) -> Result<Value> {
        match &reply {
            Value::Error(text) if self.may_have_happened => {
                Err(Error::server(operation, text).left_open())
            }
            _ => Ok(reply),
        }
    }
}
