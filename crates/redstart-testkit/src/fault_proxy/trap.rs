//! A fault that waits for a certain request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::deadline::wait_until;

/// How long a test waits for its trap.
const PATIENCE: Duration = Duration::from_secs(20);

/// What happens to the request that springs a trap. Requests before it are answered in all cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The connection is cut, and the request has not reached the server.
    CutBeforeRequest,
    /// The server executes the request, and the connection is cut before the client sees anything of
    /// the reply.
    CutBeforeReply,
    /// The same, when half of the reply has been seen.
    CutWithinReply,
    /// The server executes the request, and from then on the connection is frozen.
    FreezeBeforeReply,
    /// The request does not reach the server, and this is what the client gets in its place, in the
    /// right order among the other replies: `-LOADING …`, `-MOVED 1 127.0.0.1:7001` or whatever a
    /// server could say, in wire form.
    Answer(Vec<u8>),
}

/// A fault that waits for a request.
#[derive(Clone, Debug)]
pub struct Trap {
    pub(super) armed: Arc<ArmedTrap>,
}

#[derive(Debug)]
pub(super) struct ArmedTrap {
    needle: Vec<u8>,
    pub(super) strike: Strike,
    pub(super) is_lasting: bool,
    struck: AtomicU64,
}

impl Trap {
    pub(super) fn new(needle: &[u8], strike: Strike, is_lasting: bool) -> Trap {
        Trap {
            armed: Arc::new(ArmedTrap {
                needle: needle.to_ascii_lowercase(),
                strike,
                is_lasting,
                struck: AtomicU64::new(0),
            }),
        }
    }

    /// Whether it has struck.
    pub fn has_sprung(&self) -> bool {
        self.strikes() > 0
    }

    /// How often it has struck.
    pub fn strikes(&self) -> u64 {
        self.armed.struck.load(Ordering::Acquire)
    }

    /// Waits until it has struck; panics after 20 seconds.
    #[track_caller]
    pub fn wait(&self) {
        wait_until("the trap has sprung", PATIENCE, || self.has_sprung());
    }
}

impl ArmedTrap {
    /// Whether this request is the one.
    pub(super) fn matches(&self, request: &[u8]) -> bool {
        request
            .to_ascii_lowercase()
            .windows(self.needle.len().max(1))
            .any(|window| window == self.needle)
    }

    pub(super) fn spring(&self) {
        self.struck.fetch_add(1, Ordering::AcqRel);
    }
}
