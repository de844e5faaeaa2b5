//! How much may be under way, counted in requests and in the bytes of their arguments.
//!
//! Nobody waits here: what would be too much is refused, so that whoever can shed load learns of it
//! at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ways::Hold;
use crate::store::error::{Error, Limited, OperationName, Result};

#[derive(Debug)]
pub(super) struct Budget {
    requests: Count,
    bytes: Count,
}

#[derive(Debug)]
struct Count {
    taken: AtomicUsize,
    limit: usize,
}

/// A request's share. It stays taken until the server can be known to be done with the request, so
/// a server that hangs fills the budget once, however many callers come and give up.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
    /// Its place on the way of its slot, which it keeps for as long.
    _hold: Option<Hold>,
}

impl Budget {
    pub(super) fn new(requests: usize, bytes: usize) -> Arc<Budget> {
        let count = |limit| Count {
            taken: AtomicUsize::new(0),
            limit,
        };
        Arc::new(Budget {
            requests: count(requests),
            bytes: count(bytes),
        })
    }

    /// A share for a request of so many bytes.
    pub(super) fn take(
        self: &Arc<Budget>,
        operation: &OperationName,
        bytes: usize,
    ) -> Result<Permit> {
        if bytes > self.bytes.limit {
            return Err(Error::Malformed {
                operation: operation.clone(),
                reason: "more bytes than `max_in_flight_bytes` allows for all requests together",
            });
        }
        let overloaded = |limit, what| Error::Overloaded {
            operation: operation.clone(),
            limit,
            what,
        };
        if !self.requests.take(1) {
            return Err(overloaded(self.requests.limit, Limited::Requests));
        }
        if !self.bytes.take(bytes) {
            self.requests.give_back(1);
            return Err(overloaded(self.bytes.limit, Limited::Bytes));
        }
        Ok(Permit {
            budget: Arc::clone(self),
            bytes,
            _hold: None,
        })
    }
}

#[cfg(test)]
impl Budget {
    pub(super) fn requests_under_way(&self) -> usize {
        self.requests.taken.load(Ordering::Acquire)
    }
}

impl Permit {
    /// Has the request keep its place on its slot's way for as long as its share.
    pub(super) fn keep(&mut self, hold: Hold) {
        self._hold = Some(hold);
    }
}

impl Count {
    fn take(&self, amount: usize) -> bool {
        let taken = |taken: usize| taken.checked_add(amount).filter(|sum| *sum <= self.limit);
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        self.taken.fetch_update(set, get, taken).is_ok()
    }

    fn give_back(&self, amount: usize) {
        self.taken.fetch_sub(amount, Ordering::AcqRel);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.bytes.give_back(self.bytes);
        self.budget.requests.give_back(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_kept_and_named_and_what_is_given_back_is_there_again() {
        let budget = Budget::new(2, 100);
        let name = OperationName::named("SET");
        let take = |bytes| budget.take(&name, bytes);
        let limited = |taken: Result<Permit>| match taken.unwrap_err() {
            Error::Overloaded { what, .. } => what,
            error => panic!("{error}"),
        };
        let first = take(60).unwrap();
        assert_eq!(limited(take(41)), Limited::Bytes);
        let second = take(40).unwrap();
        assert_eq!(limited(take(0)), Limited::Requests);
        drop(first);
        let _third = take(60).unwrap();
        drop(second);
        assert!(matches!(take(101), Err(Error::Malformed { .. })));
        drop(take(40).unwrap());
    }
}
