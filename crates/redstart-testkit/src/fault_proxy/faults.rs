//! What goes wrong on a connection for as long as it is set.

use std::num::NonZeroUsize;
use std::time::Duration;

/// What goes wrong on a connection for as long as it is set. Nothing, at first.
///
/// ```
/// use std::time::Duration;
/// use redstart_testkit::Faults;
///
/// let slow_and_in_pieces = Faults::none().delay(Duration::from_millis(30)).pieces(7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub(super) frozen: bool,
    pub(super) drops_requests: bool,
    pub(super) drops_replies: bool,
    pub(super) delay: Duration,
    pub(super) piece: Option<NonZeroUsize>,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Faults {
        Faults::default()
    }

    /// Nothing passes either way, and nothing is lost: it passes later. To both ends this is a peer
    /// that is silent.
    pub fn frozen(mut self) -> Faults {
        self.frozen = true;
        self
    }

    /// What clients send is lost. To a client this is a server that does not answer; nothing is
    /// executed.
    ///
    /// Networks lose the rest of a connection and never something in its middle, after which replies
    /// would answer the wrong requests. So a connection that has lost something is cut as soon as
    /// anything would pass again.
    pub fn dropping_requests(mut self) -> Faults {
        self.drops_requests = true;
        self
    }

    /// What the server sends is lost: it executes, and the client does not learn of it. As with
    /// [requests](Faults::dropping_requests), nothing passes after that.
    pub fn dropping_replies(mut self) -> Faults {
        self.drops_replies = true;
        self
    }

    /// What passes is late by this much each way, or by up to twice as much where more arrives in
    /// the meantime.
    pub fn delay(mut self, delay: Duration) -> Faults {
        self.delay = delay;
        self
    }

    /// What passes is written in pieces of at most so many bytes.
    pub fn pieces(mut self, bytes: usize) -> Faults {
        self.piece = NonZeroUsize::new(bytes);
        self
    }
}
