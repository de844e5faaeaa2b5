//! Whether anybody looks closely at commands: one byte that every command reads, so that those
//! nobody looks at pay for one reading alone.

use std::sync::atomic::{AtomicU8, Ordering};

/// What is to be done for every command.
#[derive(Debug, Default)]
pub(crate) struct Attention(AtomicU8);

impl Attention {
    /// Time every call.
    pub(crate) const TIMING: u8 = 1;
    /// Show commands to those who MONITOR.
    pub(crate) const SHOWING: u8 = 2;

    #[inline]
    pub(crate) fn paid(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// Begins or ends paying attention.
    pub(crate) fn set(&self, what: u8, on: bool) {
        match on {
            true => self.0.fetch_or(what, Ordering::Relaxed),
            false => self.0.fetch_and(!what, Ordering::Relaxed),
        };
    }
}
