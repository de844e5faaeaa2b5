//! The keeping of an engine's data: its directory, its log, its settings.

use std::fmt::Debug;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::background::{Circumstances, Goes, Job, Purpose};
use super::error::OpenError;
use super::files::LogFiles;
use super::journal::{Journal, OpenLog, Order, Promise};
use super::load::{LoadedLog, Loading, Target, begin};
use super::saves::Saves;
use super::settings::{Durability, SavePoint};
use super::vfs::{Vfs, append_all};
use super::writer::{Next, Writer, WriterStatus};
use crate::clock::Clock;
use crate::keyspace::Space;
use crate::keyspace::change::EffectLog;

/// Who carries out what is written in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// A thread of its own.
    Thread,
    /// Whoever waits for it: for tests that repeat themselves.
    #[cfg(test)]
    Manual,
}

/// The keeping of an engine's data.
pub(crate) struct Persistence {
    vfs: Arc<dyn Vfs>,
    pub(super) settings: Durability,
    clock: Arc<dyn Clock>,
    pub(super) journal: Arc<Journal>,
    pub(super) status: Arc<WriterStatus>,
    files: Arc<LogFiles>,
    writing: OnceLock<Writing>,
    /// Whether what was kept is not yet there.
    loading: AtomicBool,
    /// Changes since the last snapshot.
    dirty: AtomicU64,
    pub(super) saves: Mutex<Saves>,
    /// The snapshot at hand is to be given up.
    pub(super) cancelled: AtomicBool,
    /// Writes are refused because a snapshot failed.
    save_failed: AtomicBool,
    /// A job without a thread of its own.
    parked: Mutex<Option<Job>>,
    /// The thread of the last job that had one.
    thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) points: Mutex<Vec<SavePoint>>,
    pub(super) stop_writes_on_error: AtomicBool,
    pub(super) compress: AtomicBool,
    pub(super) rewrite_percentage: AtomicU32,
    pub(super) rewrite_min_size: AtomicU64,
    /// Bytes of the log when it was rewritten or loaded last.
    rewritten_bytes: AtomicU64,
    /// Bytes of the log's base.
    pub(super) base_bytes: AtomicU64,
    /// Keys and commands loaded at the start.
    loaded: AtomicU64,
    _lock: Box<dyn Debug + Send + Sync>,
}

enum Writing {
    Thread(Mutex<Option<JoinHandle<()>>>),
    #[cfg_attr(not(test), allow(dead_code, reason = "for tests"))]
    Manual(Box<Mutex<Writer>>),
}

impl Debug for Persistence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Persistence")
            .field("directory", &self.settings.directory)
            .finish_non_exhaustive()
    }
}

impl Persistence {
    /// Takes possession of a directory.
    pub(crate) fn new(
        vfs: Arc<dyn Vfs>,
        settings: Durability,
        clock: Arc<dyn Clock>,
    ) -> Result<Persistence, OpenError> {
        let directory = &settings.directory;
        vfs.create_dir(directory)
            .map_err(OpenError::io("make the directory", directory))?;
        let lock_path = directory.join(LOCK);
        let lock = vfs
            .lock(&lock_path)
            .map_err(OpenError::io("lock", &lock_path))?;
        let lock = lock.ok_or_else(|| OpenError::Locked {
            directory: directory.clone(),
        })?;
        let files = LogFiles::new(
            Arc::clone(&vfs),
            directory.join(&settings.appenddirname),
            settings.appendfilename.clone(),
        );
        let status = WriterStatus::default();
        status.set_policy(settings.appendfsync);
        let journal = Journal::default();
        journal.set_policy(settings.appendfsync);
        let now_s = clock.now_us() / 1_000_000;
        Ok(Persistence {
            vfs,
            clock,
            journal: Arc::new(journal),
            status: Arc::new(status),
            files: Arc::new(files),
            writing: OnceLock::new(),
            loading: AtomicBool::new(true),
            dirty: AtomicU64::new(0),
            saves: Mutex::new(Saves::new(now_s)),
            cancelled: AtomicBool::new(false),
            save_failed: AtomicBool::new(false),
            parked: Mutex::new(None),
            thread: Mutex::new(None),
            points: Mutex::new(settings.save.clone()),
            stop_writes_on_error: AtomicBool::new(settings.stop_writes_on_bgsave_error),
            compress: AtomicBool::new(settings.rdbcompression),
            rewrite_percentage: AtomicU32::new(settings.auto_aof_rewrite_percentage),
            rewrite_min_size: AtomicU64::new(settings.auto_aof_rewrite_min_size),
            rewritten_bytes: AtomicU64::new(0),
            base_bytes: AtomicU64::new(0),
            loaded: AtomicU64::new(0),
            settings,
            _lock: lock,
        })
    }

    /// Loads what is there and begins to keep what comes. Nobody reads or writes keys yet.
    pub(crate) fn start(&self, target: &mut dyn Target, drive: Drive) -> Result<(), OpenError> {
        self.remove_leftovers();
        let mut loading = Loading {
            vfs: &*self.vfs,
            truncated: self.settings.aof_load_truncated,
            listener: &self.settings.on_progress,
            loaded: 0,
        };
        let listed = self.files.load_manifest()?;
        let log = match self.settings.appendonly {
            false => {
                let found = self.load_snapshot(&mut loading, target)?;
                self.check_log_is_not_ignored(listed && !found)?;
                None
            }
            true => Some(self.load_log(listed, &mut loading, target)?),
        };
        self.loaded.store(loading.loaded, Ordering::Relaxed);
        let writer = Writer::new(
            Arc::clone(&self.journal),
            Arc::clone(&self.status),
            Arc::clone(&self.files),
            log,
        );
        let writing = match drive {
            Drive::Thread => Writing::Thread(Mutex::new(Some(self.spawn(writer)?))),
            #[cfg(test)]
            Drive::Manual => Writing::Manual(Box::new(Mutex::new(writer))),
        };
        // Only here, and once.
        let _ = self.writing.set(writing);
        self.journal.switch(self.settings.appendonly);
        self.loading.store(false, Ordering::Release);
        Ok(())
    }

    /// Whether what was kept is still being loaded.
    #[inline]
    pub(crate) fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Acquire)
    }

    fn load_log(
        &self,
        listed: bool,
        loading: &mut Loading<'_>,
        target: &mut dyn Target,
    ) -> Result<OpenLog, OpenError> {
        let directory = self.files.directory();
        self.prepare_log()
            .map_err(OpenError::io("make the directory", directory))?;
        if !listed && !self.adopt_old_log()? {
            self.check_no_log_is_orphaned()?;
            if self.load_snapshot(loading, target)? {
                self.begin_with_snapshot()?;
            }
            return begin(&self.files);
        }
        let LoadedLog {
            lsn,
            log,
            earlier_bytes,
            base_bytes,
        } = loading.log(&self.files, target)?;
        self.journal.start_after(lsn);
        self.status.set_earlier_bytes(earlier_bytes);
        self.base_bytes.store(base_bytes, Ordering::Relaxed);
        self.rewritten_bytes
            .store(earlier_bytes + log.len, Ordering::Relaxed);
        self.files
            .remove_history()
            .map_err(OpenError::io("clear up", directory))?;
        Ok(log)
    }

    /// Loads the snapshot, if there is one.
    fn load_snapshot(
        &self,
        loading: &mut Loading<'_>,
        target: &mut dyn Target,
    ) -> Result<bool, OpenError> {
        let path = self.snapshot_path();
        let len = self
            .vfs
            .len(&path)
            .map_err(OpenError::io("look for", &path))?;
        let Some(len) = len else {
            return Ok(false);
        };
        let file = self.vfs.read(&path).map_err(OpenError::io("open", &path))?;
        let (_, about) = loading.snapshot(&path, len, file, target)?;
        tracing::info!(file = %path.display(), keys = about.keys, "loaded the snapshot");
        Ok(true)
    }

    /// Has a new log build on the snapshot: keeping a log must not begin with forgetting.
    fn begin_with_snapshot(&self) -> Result<(), OpenError> {
        let (from, to) = (self.snapshot_path(), self.files.temporary_base());
        let copy = || {
            let (mut source, mut base) = (self.vfs.read(&from)?, self.vfs.create(&to)?);
            let mut piece = vec![0; 1 << 16];
            loop {
                match source.read(&mut piece)? {
                    0 => break,
                    read => append_all(&mut *base, &piece[..read])?,
                }
            }
            base.sync_data()?;
            self.files.install_base(&to, 0, None)
        };
        copy().map_err(OpenError::io("make the base of a log of", &from))
    }

    /// Takes over the one file that logs were before Redis 7.0, if there is one.
    fn adopt_old_log(&self) -> Result<bool, OpenError> {
        let old = self.settings.directory.join(&self.settings.appendfilename);
        let new = self.files.directory().join(&self.settings.appendfilename);
        let adopt = || {
            if self.vfs.len(&old)?.is_some() {
                self.vfs.rename(&old, &new)?;
                self.vfs.sync_dir(self.files.directory())?;
                self.vfs.sync_dir(&self.settings.directory)?;
            } else if self.vfs.len(&new)?.is_none() {
                return Ok(false);
            }
            self.files.list_base(self.settings.appendfilename.clone())?;
            Ok(true)
        };
        adopt().map_err(OpenError::io("take over the log", &old))
    }

    /// Files of a log without the manifest that lists them would be written over.
    fn check_no_log_is_orphaned(&self) -> Result<(), OpenError> {
        let directory = self.files.directory();
        let present = self
            .files
            .present()
            .map_err(OpenError::io("read", directory))?;
        // The first file of a log is made before its manifest, and is empty until that is there.
        let holds_data = |name: &String| {
            let len = self.vfs.len(&directory.join(name));
            !matches!(len, Ok(Some(0)))
        };
        match present.iter().any(holds_data) {
            false => Ok(()),
            true => Err(OpenError::WouldIgnore(format!(
                "{} holds files of an append-only log, but {} is missing: restore it, or move the \
                 directory away to begin anew",
                directory.display(),
                self.files.manifest_path().display()
            ))),
        }
    }

    /// A log that is there and not read would be forgotten.
    fn check_log_is_not_ignored(&self, would_be: bool) -> Result<(), OpenError> {
        match would_be {
            false => Ok(()),
            true => Err(OpenError::WouldIgnore(format!(
                "{} holds an append-only log, and appendonly is off: set appendonly to yes to load \
                 it, or move the directory away to begin without it",
                self.files.directory().display()
            ))),
        }
    }

    fn spawn(&self, writer: Writer) -> Result<JoinHandle<()>, OpenError> {
        let clock = Arc::clone(&self.clock);
        std::thread::Builder::new()
            .name("redstart-log".into())
            .spawn(move || writer.run(&*clock))
            .map_err(OpenError::io("start a thread for", self.files.directory()))
    }

    /// Removes what snapshots that were not completed have left.
    fn remove_leftovers(&self) {
        for directory in [&*self.settings.directory, self.files.directory()] {
            // Whatever is wrong with a directory shows when it is needed.
            for name in self.vfs.list(directory).unwrap_or_default() {
                if name.starts_with("temp-") && (name.ends_with(".rdb") || name.ends_with(".aof")) {
                    let _ = self.vfs.remove(&directory.join(name));
                }
            }
        }
    }

    // ---- snapshots -----------------------------------------------------------------------------

    /// Begins a snapshot at this moment; `None` if one is being taken. All shards must be locked.
    pub(crate) fn begin(
        &self,
        space: &mut Space<'_>,
        purpose: Purpose,
        circumstances: &Circumstances,
    ) -> Option<Job> {
        let mut saves = self.saves.lock();
        if saves.running.is_some() {
            return None;
        }
        let begun = space.begin_snapshot()?;
        saves.begin(purpose, self.clock.monotonic_us(), circumstances.now_s);
        self.cancelled.store(false, Ordering::Relaxed);
        Some(Job::begin(self, begun, purpose, circumstances))
    }

    /// A job is over.
    pub(super) fn end_job(&self, job: &Job, result: io::Result<()>) {
        let purpose = job.purpose();
        let is_ok = result.is_ok();
        match &result {
            Ok(()) => tracing::info!(?purpose, "a snapshot is complete"),
            Err(error) => tracing::error!(?purpose, %error, "a snapshot failed"),
        }
        if purpose == Purpose::Save {
            if is_ok {
                self.dirty.fetch_sub(job.changes(), Ordering::Relaxed);
            }
            self.save_failed.store(!is_ok, Ordering::Relaxed);
        }
        let mut saves = self.saves.lock();
        let now_s = self.clock.now_us() / 1_000_000;
        saves.end(purpose, is_ok, self.clock.monotonic_us(), now_s);
    }

    /// Has the snapshot at hand given up, and waits until its thread has ended. Not under a lock.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().take() {
            // One that panicked has left nothing to be waited for.
            let _ = thread.join();
        }
    }

    /// Keeps the thread of a job.
    pub(crate) fn keep_thread(&self, thread: JoinHandle<()>) {
        *self.thread.lock() = Some(thread);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether nothing is done in the background, for a test that repeats itself.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.writing.get(), Some(Writing::Manual(_)))
    }

    /// Keeps a job that has no thread of its own.
    pub(crate) fn park(&self, job: Job) {
        *self.parked.lock() = Some(job);
    }

    /// The job that has no thread of its own, if there is one.
    pub(crate) fn parked(&self) -> &Mutex<Option<Job>> {
        &self.parked
    }

    /// Where a snapshot is written until it is whole.
    pub(super) fn temporary(&self, purpose: Purpose) -> PathBuf {
        match purpose {
            Purpose::Save => {
                let name = format!("temp-{}.rdb", self.settings.dbfilename);
                self.settings.directory.join(name)
            }
            Purpose::Rewrite | Purpose::SwitchOn => self.files.temporary_base(),
        }
    }

    /// Puts a snapshot that is whole and safe in its place.
    pub(super) fn install_snapshot(&self, temporary: &Path) -> io::Result<()> {
        self.vfs.rename(temporary, &self.snapshot_path())?;
        self.vfs.sync_dir(&self.settings.directory)
    }

    /// Makes the directory of the log, if it is not there.
    pub(crate) fn prepare_log(&self) -> io::Result<()> {
        self.vfs.create_dir(self.files.directory())?;
        self.vfs.sync_dir(&self.settings.directory)
    }

    /// Puts a base that is whole and safe in its place, and what it holds out of the log.
    pub(super) fn install_base(&self, temporary: &Path, len: u64, goes: Goes) -> io::Result<()> {
        match goes {
            Goes::Nowhere => self.files.install_base(temporary, u64::MAX, None),
            Goes::To(incr) => self.files.install_base(temporary, incr.seq, None),
            Goes::ToUnlisted(incr) => self.files.install_base(temporary, incr.seq, Some(incr)),
        }?;
        self.status.set_earlier_bytes(len);
        self.base_bytes.store(len, Ordering::Relaxed);
        self.rewritten_bytes
            .store(self.log_bytes(), Ordering::Relaxed);
        if let Err(error) = self.files.remove_history() {
            tracing::warn!(%error, "old files of the log stay for now");
        }
        Ok(())
    }

    pub(super) fn note_keys(&self, keys: u64) {
        self.saves.lock().keys = keys;
    }

    /// What is due now, if anything: what was asked for, a save point, a log grown too large.
    pub(crate) fn due(&self) -> Option<Purpose> {
        let saves = self.saves.lock();
        if saves.running.is_some() {
            return None;
        }
        if let Some(&scheduled) = saves.scheduled.first() {
            return Some(scheduled);
        }
        let now_s = self.clock.now_us() / 1_000_000;
        if saves.save_is_due(&self.points.lock(), self.changes(), now_s) {
            return Some(Purpose::Save);
        }
        let (bytes, base) = (self.log_bytes(), self.rewritten_bytes().max(1));
        let percentage = u64::from(self.rewrite_percentage.load(Ordering::Relaxed));
        let has_grown = percentage > 0
            && bytes > self.rewrite_min_size.load(Ordering::Relaxed)
            && bytes.saturating_sub(base).saturating_mul(100) / base >= percentage;
        let is_due = self.appendonly() && has_grown && saves.rewrite_may_be_tried(now_s);
        is_due.then_some(Purpose::Rewrite)
    }

    /// Has a snapshot taken at the next occasion.
    pub(crate) fn schedule(&self, purpose: Purpose) {
        self.saves.lock().schedule(purpose);
    }

    /// How snapshots go.
    pub(crate) fn saves(&self) -> Saves {
        self.saves.lock().clone()
    }

    /// Whether snapshots are taken now and then.
    pub(crate) fn has_save_points(&self) -> bool {
        !self.points.lock().is_empty()
    }

    // ---- settings and figures ------------------------------------------------------------------

    pub(super) fn vfs(&self) -> &dyn Vfs {
        &*self.vfs
    }

    /// The log.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    fn snapshot_path(&self) -> PathBuf {
        self.settings.directory.join(&self.settings.dbfilename)
    }

    /// Whether a log is kept.
    pub(crate) fn appendonly(&self) -> bool {
        self.journal.is_on()
    }

    /// Keeps no log from here on. What there is of it stays.
    pub(crate) fn stop_log(&self) {
        self.journal.switch(false);
        self.journal.order(Order::Stop);
        self.drive();
    }

    /// Bytes of the log.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.status.log_bytes()
    }

    /// Bytes of the log when it was rewritten or loaded last.
    pub(crate) fn rewritten_bytes(&self) -> u64 {
        self.rewritten_bytes.load(Ordering::Relaxed)
    }

    /// How many keys and commands were loaded at the start.
    pub(crate) fn loaded(&self) -> u64 {
        self.loaded.load(Ordering::Relaxed)
    }

    /// Counts changes.
    pub(crate) fn note_changes(&self, changes: u64) {
        self.dirty.fetch_add(changes, Ordering::Relaxed);
    }

    /// Changes since the last snapshot.
    pub(crate) fn changes(&self) -> u64 {
        self.dirty.load(Ordering::Relaxed)
    }

    /// Whether writes are refused at present, and why is to be asked.
    #[inline]
    pub(crate) fn refuses_writes(&self) -> bool {
        self.journal.is_failed() || self.save_failed.load(Ordering::Relaxed)
    }

    /// Why writes are refused, if they are.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let save_failed = self.save_failed.load(Ordering::Relaxed)
            && self.stop_writes_on_error.load(Ordering::Relaxed)
            && self.has_save_points();
        match save_failed {
            true => Some(Refusal::Snapshot),
            false => self.journal.failure().map(Refusal::Log),
        }
    }

    // ---- waiting -------------------------------------------------------------------------------

    /// Waits until what was promised is kept; false if it cannot be. Never under a lock.
    pub(crate) fn wait(&self, promise: &Promise) -> bool {
        self.drive();
        self.journal.wait(promise)
    }

    /// Waits until more may be appended. Never under a lock.
    pub(crate) fn wait_for_room(&self) {
        if !self.journal.has_room() {
            self.drive();
            self.journal.wait_for_room();
        }
    }

    /// Makes everything logged so far safe; false if the disk fails.
    pub(crate) fn sync(&self) -> bool {
        let lsn = self.journal.appended();
        self.journal.order(Order::Sync);
        self.drive();
        self.journal.wait_until_synced(lsn)
    }

    /// A test's own fault: names are not made safe.
    #[cfg(test)]
    pub(crate) fn skip_dir_sync(&self) {
        self.files.without_dir_sync.store(true, Ordering::Relaxed);
    }

    /// A test's own fault: nothing is made safe.
    #[cfg(test)]
    pub(crate) fn skip_sync(&self) {
        self.status.without_sync.store(true, Ordering::Relaxed);
    }

    /// Where no thread does it, does what there is to do.
    pub(crate) fn drive(&self) {
        if let Some(Writing::Manual(writer)) = self.writing.get() {
            let mut writer = writer.lock();
            while let Next::Look | Next::Gather = writer.step(self.clock.monotonic_us()) {}
        }
    }
}

/// Why writes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The last snapshot failed.
    Snapshot,
    /// The log cannot be written: what the operating system says.
    Log(String),
}

/// The file that says a directory is in use.
const LOCK: &str = "redstart.lock";

impl Drop for Persistence {
    fn drop(&mut self) {
        self.journal.close();
        match self.writing.get() {
            Some(Writing::Thread(thread)) => {
                // A writer that panicked has nothing to hand over.
                let _ = thread.lock().take().map(JoinHandle::join);
            }
            Some(Writing::Manual(_)) | None => self.drive(),
        }
    }
}
