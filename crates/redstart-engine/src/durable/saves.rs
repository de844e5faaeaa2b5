//! What is known about snapshots: which is being taken, how the last ones went, when the next is
//! due.

use super::background::Purpose;
use super::settings::SavePoint;

/// After a snapshot has failed, this many seconds pass before a save point tries again.
const RETRY_S: u64 = 5;
/// Failures of a rewrite in a row that are not waited after.
const FREE_FAILURES: u32 = 3;
/// The most minutes that are waited after failures of a rewrite.
const WAIT_MAX_MIN: u64 = 60;

/// The state of snapshots.
#[derive(Clone, Debug)]
pub(crate) struct Saves {
    /// What is being taken, and since when (microseconds on the monotonic clock).
    pub(crate) running: Option<(Purpose, u64)>,
    /// Asked for as soon as the other is over.
    pub(crate) scheduled: Vec<Purpose>,
    /// When the last snapshot was completed, in seconds since 1970.
    pub(crate) last_save_s: u64,
    /// When one was begun last.
    last_try_s: u64,
    pub(crate) save: Record,
    pub(crate) rewrite: Record,
    /// When the last rewrite failed, in seconds since 1970.
    failed_s: u64,
    failures: u32,
    /// Keys written by the snapshot at hand, or the last.
    pub(crate) keys: u64,
}

/// How snapshots of one kind went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) is_ok: bool,
    /// Seconds the last one took.
    pub(crate) took_s: Option<u64>,
    pub(crate) completed: u64,
}

impl Saves {
    pub(crate) fn new(now_s: u64) -> Saves {
        let record = Record {
            is_ok: true,
            took_s: None,
            completed: 0,
        };
        Saves {
            running: None,
            scheduled: Vec::new(),
            last_save_s: now_s,
            last_try_s: 0,
            save: record,
            rewrite: record,
            failed_s: 0,
            failures: 0,
            keys: 0,
        }
    }

    /// Whether a snapshot is being taken for `dump.rdb`.
    pub(crate) fn is_saving(&self) -> bool {
        matches!(self.running, Some((Purpose::Save, _)))
    }

    /// Whether a base of the log is being made.
    pub(crate) fn is_rewriting(&self) -> bool {
        matches!(
            self.running,
            Some((Purpose::Rewrite | Purpose::SwitchOn, _))
        )
    }

    /// Whether the log is about to be kept.
    pub(crate) fn is_switching_on(&self) -> bool {
        let running = self.running.map(|(purpose, _)| purpose);
        running == Some(Purpose::SwitchOn) || self.scheduled.contains(&Purpose::SwitchOn)
    }

    /// A snapshot begins.
    pub(super) fn begin(&mut self, purpose: Purpose, monotonic_us: u64, now_s: u64) {
        self.running = Some((purpose, monotonic_us));
        self.scheduled.retain(|scheduled| *scheduled != purpose);
        self.keys = 0;
        if purpose == Purpose::Save {
            self.last_try_s = now_s;
        }
    }

    /// A snapshot is over.
    pub(super) fn end(&mut self, purpose: Purpose, is_ok: bool, monotonic_us: u64, now_s: u64) {
        let started_us = self.running.take().map_or(monotonic_us, |(_, at)| at);
        let record = match purpose {
            Purpose::Save => &mut self.save,
            Purpose::Rewrite | Purpose::SwitchOn => &mut self.rewrite,
        };
        record.is_ok = is_ok;
        record.took_s = Some(monotonic_us.saturating_sub(started_us) / 1_000_000);
        record.completed += u64::from(is_ok);
        match (purpose, is_ok) {
            (Purpose::Save, true) => self.last_save_s = now_s,
            (Purpose::Save, false) => {}
            (Purpose::Rewrite | Purpose::SwitchOn, true) => self.failures = 0,
            (Purpose::Rewrite | Purpose::SwitchOn, false) => {
                self.failures += 1;
                self.failed_s = now_s;
            }
        }
    }

    /// How many rewrites in a row have failed.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Has a snapshot taken as soon as there is none at hand.
    pub(crate) fn schedule(&mut self, purpose: Purpose) {
        if !self.scheduled.contains(&purpose) {
            self.scheduled.push(purpose);
        }
    }

    /// Whether some save point is reached.
    pub(super) fn save_is_due(&self, points: &[SavePoint], changes: u64, now_s: u64) -> bool {
        let passed_s = now_s.saturating_sub(self.last_save_s);
        let may_try = self.save.is_ok || now_s.saturating_sub(self.last_try_s) > RETRY_S;
        may_try
            && points
                .iter()
                .any(|point| changes >= point.changes.max(1) && passed_s > point.seconds)
    }

    /// Whether a rewrite may be tried again after those that failed.
    pub(super) fn rewrite_may_be_tried(&self, now_s: u64) -> bool {
        let Some(extra) = self.failures.checked_sub(FREE_FAILURES) else {
            return true;
        };
        let minutes = 1u64
            .checked_shl(extra)
            .unwrap_or(WAIT_MAX_MIN)
            .min(WAIT_MAX_MIN);
        now_s.saturating_sub(self.failed_s) >= minutes * 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: &[SavePoint] = &[
        SavePoint {
            seconds: 900,
            changes: 1,
        },
        SavePoint {
            seconds: 60,
            changes: 1_000,
        },
    ];

    #[test]
    fn a_save_point_is_reached_by_time_and_changes_together() {
        let saves = Saves::new(10_000);
        for (changes, seconds, due) in [
            (0, 100_000, false),
            (1, 900, false),
            (1, 901, true),
            (999, 61, false),
            (1_000, 61, true),
        ] {
            assert_eq!(saves.save_is_due(POINTS, changes, 10_000 + seconds), due);
        }
    }

    #[test]
    fn what_fails_is_not_tried_at_once_again() {
        let mut saves = Saves::new(0);
        saves.begin(Purpose::Save, 0, 1_000);
        saves.end(Purpose::Save, false, 2_000_000, 1_002);
        assert_eq!(saves.save.took_s, Some(2));
        assert!(!saves.save_is_due(POINTS, 5, 1_005));
        assert!(saves.save_is_due(POINTS, 5, 1_006));
        for _ in 0..4 {
            assert!(saves.rewrite_may_be_tried(1_000));
            saves.begin(Purpose::Rewrite, 0, 1_000);
            saves.end(Purpose::Rewrite, false, 0, 1_000);
            saves.failures = saves.failures.min(FREE_FAILURES - 1);
        }
        saves.failures = FREE_FAILURES + 2;
        assert!(!saves.rewrite_may_be_tried(1_000 + 239));
        assert!(saves.rewrite_may_be_tried(1_000 + 240));
    }
}
