//! Writes the log: one thread takes what has gathered, writes it, and makes it safe.
//!
//! What is not safe yet stays in memory. When the disk fails, the file is cut back to what was
//! safe and written anew, again and again, until it works: a failed fsync says nothing about what
//! is on disk, so it is never simply repeated.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use super::files::LogFiles;
use super::journal::{Journal, OpenLog, Order, Work};
use super::settings::AppendFsync;
use super::vfs::append_all;
use crate::clock::Clock;
use crate::keyspace::change::EffectLog;

/// How often `everysec` makes things safe.
const SYNC_EVERY_US: u64 = 1_000_000;
/// Bytes that are written and not safe, above which they are made so before the second is over.
const TAIL_MAX: usize = 64 << 20;
/// How soon a failing disk is tried again.
const RETRY_US: u64 = 1_000_000;
/// How often a failing disk is tried before a log is given up that is to be closed.
const LAST_TRIES: u32 = 3;
/// How long the writer lets things gather when nobody waits for them.
const GATHER: Duration = Duration::from_millis(2);
/// A buffer larger than this is given back.
const SPARE_BYTES: usize = 4 << 20;

/// What others may know of a writer.
#[derive(Debug, Default)]
pub(crate) struct WriterStatus {
    policy: AtomicU8,
    /// Bytes of the file that is written.
    file_bytes: AtomicU64,
    /// Bytes of the log's other files.
    earlier_bytes: AtomicU64,
    /// How often something was made safe.
    syncs: AtomicU64,
    /// A test's own fault: nothing is made safe.
    #[cfg(test)]
    pub(crate) without_sync: std::sync::atomic::AtomicBool,
}

impl WriterStatus {
    pub(crate) fn policy(&self) -> AppendFsync {
        AppendFsync::ALL[usize::from(self.policy.load(Ordering::Relaxed))]
    }

    pub(crate) fn set_policy(&self, policy: AppendFsync) {
        let index = AppendFsync::ALL.iter().position(|&known| known == policy);
        self.policy
            .store(index.unwrap_or(0) as u8, Ordering::Relaxed);
    }

    /// Bytes of the whole log.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.file_bytes.load(Ordering::Relaxed) + self.earlier_bytes.load(Ordering::Relaxed)
    }

    /// Sets how many bytes there are in files that are no longer written.
    pub(crate) fn set_earlier_bytes(&self, bytes: u64) {
        self.earlier_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

/// Writes the log.
#[derive(Debug)]
pub(crate) struct Writer {
    journal: Arc<Journal>,
    status: Arc<WriterStatus>,
    files: Arc<LogFiles>,
    log: Option<OpenLog>,
    /// What comes after what is safe of the file.
    tail: Vec<u8>,
    /// How much of that is written.
    written: usize,
    /// Something was written since the file was synced, whether or not it is still in the tail.
    is_unsynced: bool,
    /// The number of the last batch in the tail.
    lsn: u64,
    /// What is to be done once the tail is safe.
    order: Option<Order>,
    last_sync_us: u64,
    /// When to try again, while the disk fails.
    retry_us: Option<u64>,
    /// How often that was tried since the log is to be closed.
    last_tries: u32,
    spare: Vec<u8>,
}

/// What the writer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There may be more to do at once.
    Look,
    /// More may be appended soon.
    Gather,
    /// Nothing to do until something is appended.
    Sleep,
    /// Nothing to do for some microseconds, unless something is appended.
    SleepFor(u64),
    /// The disk fails: to be tried again after some microseconds.
    Retry(u64),
    /// Everything is done for good.
    End,
}

impl Writer {
    pub(crate) fn new(
        journal: Arc<Journal>,
        status: Arc<WriterStatus>,
        files: Arc<LogFiles>,
        log: Option<OpenLog>,
    ) -> Writer {
        let lsn = journal.appended();
        let writer = Writer {
            journal,
            status,
            files,
            log,
            tail: Vec::new(),
            written: 0,
            is_unsynced: false,
            lsn,
            order: None,
            last_sync_us: 0,
            retry_us: None,
            last_tries: 0,
            spare: Vec::new(),
        };
        writer.note_size();
        writer
    }

    /// Works until the log is closed.
    pub(crate) fn run(mut self, clock: &dyn Clock) {
        loop {
            match self.step(clock.monotonic_us()) {
                Next::Look => {}
                Next::Gather => self.journal.gather(GATHER),
                Next::Sleep => self.journal.sleep(None),
                Next::SleepFor(us) => self.journal.sleep(Some(Duration::from_micros(us))),
                Next::Retry(us) => self.journal.gather(Duration::from_micros(us)),
                Next::End => return,
            }
        }
    }

    /// Does what there is to do now.
    pub(crate) fn step(&mut self, now_us: u64) -> Next {
        if let Some(retry_us) = self.retry_us {
            if !self.journal.is_on() {
                // Nobody wants the log any more.
                self.consider_safe();
            } else if self.journal.is_closing() {
                // Nobody will be left to wait for a disk that fails.
                self.last_tries += 1;
                if self.last_tries > LAST_TRIES {
                    return Next::End;
                }
            } else if now_us < retry_us {
                return Next::Retry(retry_us - now_us);
            }
        }
        let mut closing = false;
        // While the disk fails, what is there is tried again before more is taken.
        if self.retry_us.is_none() {
            let work = self.journal.take(std::mem::take(&mut self.spare));
            closing = work.closing;
            self.accept(work);
        }
        let had_work = self.written < self.tail.len() || self.order.is_some();
        if let Err(error) = self.carry_out(now_us, closing) {
            tracing::error!(%error, "cannot write the append-only log");
            self.retry_us = Some(now_us.saturating_add(RETRY_US));
            self.journal.note_failure(Some(reason(&error)));
            return Next::Look;
        }
        if self.retry_us.take().is_some() {
            tracing::info!("the append-only log can be written again");
            self.journal.note_failure(None);
        }
        match self.status.policy() {
            _ if had_work && closing => Next::Look,
            _ if closing => Next::End,
            AppendFsync::Always if had_work => Next::Look,
            _ if had_work => Next::Gather,
            AppendFsync::EverySecond if !self.tail.is_empty() => {
                let due_us = self.last_sync_us.saturating_add(SYNC_EVERY_US);
                Next::SleepFor(due_us.saturating_sub(now_us).max(1))
            }
            _ => Next::Sleep,
        }
    }

    /// Takes over what was appended.
    fn accept(&mut self, work: Work) {
        let Work {
            bytes, lsn, order, ..
        } = work;
        (self.lsn, self.order) = (lsn, order);
        match self.tail.is_empty() {
            true => self.spare = std::mem::replace(&mut self.tail, bytes),
            false => {
                self.tail.extend_from_slice(&bytes);
                self.spare = bytes;
            }
        }
        self.spare.clear();
        if self.spare.capacity() > SPARE_BYTES {
            self.spare = Vec::new();
        }
    }

    /// Writes what is not written, makes it safe if it is time, and does what was ordered.
    fn carry_out(&mut self, now_us: u64, closing: bool) -> io::Result<()> {
        self.write()?;
        let policy = self.status.policy();
        let due = match policy {
            AppendFsync::Always => true,
            AppendFsync::EverySecond => {
                now_us.saturating_sub(self.last_sync_us) >= SYNC_EVERY_US
                    || self.tail.len() > TAIL_MAX
            }
            AppendFsync::No => false,
        };
        if self.order.is_some() || closing || (due && !self.tail.is_empty()) {
            self.sync(now_us)?;
        } else if policy == AppendFsync::No {
            // Nothing is promised, so nothing is kept to be repeated. Should a later sync fail, what
            // came before it is left to chance.
            self.consider_safe();
        }
        match self.order.take() {
            None => Ok(()),
            Some(order) => self.obey(order),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.written < self.tail.len() {
            if let Some(log) = &mut self.log {
                if self.retry_us.is_some() {
                    // What is beyond this may be anything.
                    self.written = 0;
                    log.file.truncate(log.len)?;
                }
                append_all(&mut *log.file, &self.tail[self.written..]).inspect_err(|_| {
                    self.written = 0;
                })?;
            }
            self.written = self.tail.len();
            self.is_unsynced = true;
            self.note_size();
        }
        self.journal.note_written(self.lsn);
        Ok(())
    }

    fn sync(&mut self, now_us: u64) -> io::Result<()> {
        #[cfg(test)]
        let faulty = self.status.without_sync.load(Ordering::Relaxed);
        #[cfg(not(test))]
        let faulty = false;
        if let Some(log) = &mut self.log
            && self.is_unsynced
            && !faulty
        {
            log.file.sync_data().inspect_err(|_| {
                // The system may have dropped what it could not write.
                self.written = 0;
            })?;
            self.is_unsynced = false;
            self.status.syncs.fetch_add(1, Ordering::Relaxed);
        }
        self.last_sync_us = now_us;
        self.consider_safe();
        self.journal.note_synced(self.lsn);
        Ok(())
    }

    fn note_size(&self) {
        let len = self.log.as_ref().map_or(0, |log| log.len) + self.written as u64;
        self.status.file_bytes.store(len, Ordering::Relaxed);
    }

    fn consider_safe(&mut self) {
        if let Some(log) = &mut self.log {
            log.len += self.tail.len() as u64;
        }
        self.tail.clear();
        self.written = 0;
    }

    /// Everything before is safe.
    fn obey(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Begin { listed, told } => {
                let begun = OpenLog::create(&self.files, listed).and_then(|log| {
                    if listed {
                        self.files.list_incr(log.member.clone())?;
                    }
                    Ok(log)
                });
                // Where it cannot be begun, the log goes on in the old file, if there is one.
                let _ = told.send(match begun {
                    Ok(log) => {
                        let member = log.member.clone();
                        let old = self.log.replace(log).map_or(0, |old| old.len);
                        self.is_unsynced = false;
                        self.status.earlier_bytes.fetch_add(old, Ordering::Relaxed);
                        self.note_size();
                        Ok(member)
                    }
                    Err(error) => Err(error),
                });
            }
            Order::Sync => {}
            Order::Stop => {
                self.log = None;
                self.status.set_earlier_bytes(0);
                self.note_size();
            }
        }
        Ok(())
    }
}

/// What the operating system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}
