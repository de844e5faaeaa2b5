//! What CONFIG shows and changes while the engine runs.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::background::Purpose;
use super::persistence::Persistence;
use super::settings::{AppendFsync, Durability, SavePoint};

impl Persistence {
    /// The settings it was opened with.
    pub(crate) fn settings(&self) -> &Durability {
        &self.settings
    }

    /// Whether a log is to be kept, which takes a snapshot first.
    pub(crate) fn wants_log(&self) -> bool {
        self.appendonly() || self.saves.lock().is_switching_on()
    }

    /// Has a log kept from about now on, or no more.
    pub(crate) fn set_appendonly(&self, on: bool) {
        match (on, self.wants_log()) {
            (true, false) => self.schedule(Purpose::SwitchOn),
            (false, true) => {
                let mut saves = self.saves.lock();
                saves
                    .scheduled
                    .retain(|purpose| *purpose != Purpose::SwitchOn);
                if saves.is_switching_on() {
                    self.cancelled.store(true, Ordering::Relaxed);
                }
                drop(saves);
                self.stop_log();
            }
            (true, true) | (false, false) => {}
        }
    }

    /// When what was logged is made safe.
    pub(crate) fn appendfsync(&self) -> AppendFsync {
        self.status.policy()
    }

    /// Sets when what is logged is made safe.
    pub(crate) fn set_appendfsync(&self, policy: AppendFsync) {
        self.status.set_policy(policy);
        self.journal.set_policy(policy);
        self.journal.hurry();
    }

    /// When snapshots are taken.
    pub(crate) fn save_points(&self) -> Vec<SavePoint> {
        self.points.lock().clone()
    }

    /// Sets when snapshots are taken.
    pub(crate) fn set_save_points(&self, points: Vec<SavePoint>) {
        *self.points.lock() = points;
    }

    /// By how many percent a log outgrows what it was before it is rewritten.
    pub(crate) fn rewrite_percentage(&self) -> &AtomicU32 {
        &self.rewrite_percentage
    }

    /// The size below which a log is not rewritten.
    pub(crate) fn rewrite_min_size(&self) -> &AtomicU64 {
        &self.rewrite_min_size
    }

    /// Bytes of the log's base.
    #[allow(dead_code, reason = "a figure for benchmarks")]
    pub(crate) fn base_bytes(&self) -> u64 {
        self.base_bytes.load(Ordering::Relaxed)
    }

    /// How often the log was made safe.
    #[allow(dead_code, reason = "a figure for benchmarks")]
    pub(crate) fn syncs(&self) -> u64 {
        self.status.syncs()
    }

    /// Whether writes are refused after a snapshot has failed.
    pub(crate) fn stop_writes_on_error(&self) -> &AtomicBool {
        &self.stop_writes_on_error
    }

    /// Whether long strings in snapshots are compressed.
    pub(crate) fn compress(&self) -> &AtomicBool {
        &self.compress
    }
}
