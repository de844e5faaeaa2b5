//! What connections to the port may use.
//!
//! Kept with the rest of the configuration, so that CONFIG GET and SET reach it; obeyed by
//! `server`. An engine without a port has these settings too, and nobody to obey them.

#![cfg_attr(
    not(feature = "server"),
    allow(dead_code, reason = "obeyed by the port")
)]

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

const MIB: u64 = 1024 * 1024;

/// The limits in force.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    /// Connections at the same time.
    pub(crate) max_clients: AtomicUsize,
    /// Seconds of silence after which a peer is disconnected; zero for never.
    pub(crate) idle_timeout_s: AtomicU64,
    /// Seconds of silence after which a TCP peer is probed; zero for never.
    pub(crate) tcp_keepalive_s: AtomicU64,
    /// Whether peers of other machines are turned away while there is no password.
    pub(crate) protected_mode: AtomicBool,
    /// Bytes of input that is not yet a whole request.
    pub(crate) query_buffer_bytes: AtomicU64,
    /// Periodic work, times a second.
    pub(crate) hz: AtomicU32,
    normal: OutputLimit,
    pubsub: OutputLimit,
}

/// Where clients connect to, for those who ask. Nowhere, for an engine inside its own process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listening {
    /// The TCP port; zero for none.
    pub(crate) port: u16,
    /// The IP addresses, separated by spaces.
    pub(crate) addresses: String,
    pub(crate) unix_socket: String,
}

/// How much output may wait for a peer.
#[derive(Debug)]
pub(crate) struct OutputLimit {
    hard_bytes: AtomicU64,
    soft_bytes: AtomicU64,
    soft_s: AtomicU64,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits {
            max_clients: AtomicUsize::new(10_000),
            idle_timeout_s: AtomicU64::new(0),
            tcp_keepalive_s: AtomicU64::new(300),
            protected_mode: AtomicBool::new(true),
            query_buffer_bytes: AtomicU64::new(1024 * MIB),
            hz: AtomicU32::new(10),
            normal: OutputLimit::new(0, 0, 0),
            pubsub: OutputLimit::new(32 * MIB, 8 * MIB, 60),
        }
    }
}

impl ConnectionLimits {
    /// The limit of a peer that listens to channels, or of one that does not.
    pub(crate) fn output(&self, subscriber: bool) -> &OutputLimit {
        match subscriber {
            true => &self.pubsub,
            false => &self.normal,
        }
    }
}

impl OutputLimit {
    fn new(hard_bytes: u64, soft_bytes: u64, soft_s: u64) -> OutputLimit {
        OutputLimit {
            hard_bytes: AtomicU64::new(hard_bytes),
            soft_bytes: AtomicU64::new(soft_bytes),
            soft_s: AtomicU64::new(soft_s),
        }
    }

    /// Redis' default for replicas, which do not exist here.
    pub(crate) fn of_replicas() -> OutputLimit {
        OutputLimit::new(256 * MIB, 64 * MIB, 60)
    }

    /// Changes the limit.
    pub(crate) fn set(&self, hard_bytes: u64, soft_bytes: u64, soft_s: u64) {
        self.hard_bytes.store(hard_bytes, Ordering::Relaxed);
        self.soft_bytes.store(soft_bytes, Ordering::Relaxed);
        self.soft_s.store(soft_s, Ordering::Relaxed);
    }

    /// Above this many bytes the peer is disconnected at once; zero for never.
    pub(crate) fn hard_bytes(&self) -> u64 {
        self.hard_bytes.load(Ordering::Relaxed)
    }

    /// Above this many bytes for this many seconds the peer is disconnected; zero bytes for never.
    pub(crate) fn soft(&self) -> (u64, u64) {
        (
            self.soft_bytes.load(Ordering::Relaxed),
            self.soft_s.load(Ordering::Relaxed),
        )
    }
}
