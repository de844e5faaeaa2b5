//! Between the engine and the disk: what was done and is not yet written.
//!
//! Clients append under their locks, so the order here is the order of execution; one
//! [`Writer`](super::writer::Writer) takes what has gathered. Whoever has to know that something
//! is safe waits for its number after releasing its locks, so one write and one fsync serve all
//! who came meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::batch::BatchEncoder;
use super::files::LogFiles;
use super::manifest::Member;
use super::settings::AppendFsync;
use super::vfs::VfsFile;
use crate::keyspace::change::{Effect, EffectLog};

/// Bytes that may wait to be written before writers are held up.
const PENDING_MAX: usize = 32 << 20;

/// The log of an engine, whether or not one is being kept.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    intake: Mutex<Intake>,
    /// The writer waits here for something to do.
    work: Condvar,
    progress: Mutex<Waiting>,
    /// Those who wait for something to be written or safe wait here.
    progressed: Condvar,
    /// Whether effects are wanted.
    on: AtomicBool,
    /// Whether nothing is acknowledged before it is safe.
    always: AtomicBool,
    /// Whether the disk fails.
    failed: AtomicBool,
    pending_bytes: AtomicUsize,
    /// The number of the last batch that was appended.
    appended: AtomicU64,
    /// The number of the last batch that the operating system has.
    written: AtomicU64,
    /// The number of the last batch that is safe.
    synced: AtomicU64,
    /// A test's own fault: what is done is appended some time later.
    #[cfg(test)]
    late: AtomicBool,
}

#[cfg(test)]
thread_local! {
    static LATE: std::cell::RefCell<Option<(Vec<Effect>, bool)>> = const {
        std::cell::RefCell::new(None)
    };
}

/// What the writer takes.
#[derive(Debug, Default)]
struct Intake {
    encoder: BatchEncoder,
    /// The number of the last batch.
    lsn: u64,
    /// What the log says is safe.
    announced: u64,
    bytes: Vec<u8>,
    /// What is to be done before `bytes` are written, each after bytes of its own.
    orders: VecDeque<(Vec<u8>, u64, Order)>,
    sleep: Sleep,
    /// Somebody waits for what was appended.
    urgent: bool,
    closing: bool,
    /// Why the disk fails.
    failure: Option<String>,
}

/// Whether the writer has to be woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sleep {
    #[default]
    Awake,
    /// It looks again in a moment, sooner only for somebody who waits.
    Nap,
    /// It looks again when something is appended.
    Deep,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<(u64, Waker)>,
}

/// What the writer does between two batches.
#[derive(Debug)]
pub(crate) enum Order {
    /// Goes on in a new file. Listed at once, or only when a base is there to build on.
    Begin {
        listed: bool,
        told: std::sync::mpsc::SyncSender<std::io::Result<Member>>,
    },
    /// Makes everything safe.
    Sync,
    /// Makes everything safe and writes no more.
    Stop,
}

/// What the writer has to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) bytes: Vec<u8>,
    /// The number of the last batch in `bytes`.
    pub(super) lsn: u64,
    /// To be done after them.
    pub(super) order: Option<Order>,
    pub(super) closing: bool,
}

/// What a client has done and seen that may not be safe yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Promise {
    /// The last batch of its own.
    own: u64,
    /// The last batch of anybody that touched what it looked at.
    seen: u64,
}

impl Promise {
    pub(crate) fn wrote(&mut self, lsn: u64) {
        self.own = self.own.max(lsn);
    }

    pub(crate) fn saw(&mut self, lsn: u64) {
        self.seen = self.seen.max(lsn);
    }
}

/// What becomes of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is kept.
    Kept,
    /// It cannot be kept: the disk fails.
    Broken,
    NotYet,
}

impl EffectLog for Journal {
    fn append(&self, effects: &[Effect], atomic: bool) -> u64 {
        #[cfg(test)]
        if self.late.load(Ordering::Relaxed) {
            return self.put_off(effects, atomic);
        }
        self.append_now(effects, atomic)
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }
}

impl Journal {
    // ---- the engine's side ---------------------------------------------------------------------

    fn append_now(&self, effects: &[Effect], atomic: bool) -> u64 {
        let mut intake = self.intake.lock();
        let Intake {
            encoder,
            lsn,
            announced,
            bytes,
            ..
        } = &mut *intake;
        let synced = self.synced.load(Ordering::Acquire);
        let news = (synced > *announced).then_some(synced);
        *announced = synced;
        *lsn += 1;
        encoder.encode(*lsn, news, effects, atomic, bytes);
        let lsn = *lsn;
        self.appended.store(lsn, Ordering::Release);
        self.pending_bytes
            .store(intake.bytes.len(), Ordering::Relaxed);
        if intake.sleep == Sleep::Deep {
            intake.sleep = Sleep::Awake;
            self.work.notify_one();
        }
        lsn
    }

    /// Has effects appended from here on, or no more. All shards must be locked, or nobody be
    /// there yet.
    pub(crate) fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// What is to be done once all appended so far is written. Under the locks of all shards it is
    /// known what that is.
    pub(crate) fn order(&self, order: Order) {
        let mut intake = self.intake.lock();
        if !matches!(order, Order::Sync) {
            intake.encoder.begin_file();
        }
        let (bytes, lsn) = (std::mem::take(&mut intake.bytes), intake.lsn);
        intake.orders.push_back((bytes, lsn, order));
        self.kick(&mut intake);
    }

    /// The number of the last batch appended.
    pub(crate) fn appended(&self) -> u64 {
        self.appended.load(Ordering::Acquire)
    }

    /// Whether more may be appended, or has to wait for the disk.
    pub(crate) fn has_room(&self) -> bool {
        self.pending_bytes.load(Ordering::Relaxed) < PENDING_MAX || self.is_failed()
    }

    /// Whether nothing is acknowledged before it is safe.
    pub(crate) fn is_always(&self) -> bool {
        self.always.load(Ordering::Relaxed)
    }

    /// Whether the disk fails.
    pub(crate) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Why the disk fails, if it does.
    pub(crate) fn failure(&self) -> Option<String> {
        self.intake.lock().failure.clone()
    }

    /// Bytes that are not written yet.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// Whether what was promised is kept.
    pub(crate) fn settled(&self, promise: &Promise) -> Settled {
        let reached = match self.is_always() {
            true => self.synced.load(Ordering::Acquire),
            false => self.written.load(Ordering::Acquire),
        };
        if reached >= promise.own.max(promise.seen) || !self.is_on() {
            return Settled::Kept;
        }
        match (self.is_failed(), reached >= promise.own) {
            (false, _) => Settled::NotYet,
            // Reading goes on while the disk fails.
            (true, true) => Settled::Kept,
            (true, false) => Settled::Broken,
        }
    }

    /// As [`Self::settled`]; where it is not yet, `waker` is woken when it may be.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "the port's"))]
    pub(crate) fn settled_or_wake(&self, promise: &Promise, waker: &Waker) -> Settled {
        match self.settled(promise) {
            Settled::NotYet => {}
            settled => return settled,
        }
        self.hurry();
        let mut progress = self.progress.lock();
        let settled = self.settled(promise);
        if settled == Settled::NotYet {
            let lsn = promise.own.max(promise.seen);
            progress.wakers.push((lsn, waker.clone()));
        }
        settled
    }

    /// Waits until what was promised is kept; false if it cannot be.
    pub(crate) fn wait(&self, promise: &Promise) -> bool {
        self.wait_until(|| match self.settled(promise) {
            Settled::Kept => Some(true),
            Settled::Broken => Some(false),
            Settled::NotYet => None,
        })
    }

    /// Waits until there is room for more.
    pub(crate) fn wait_for_room(&self) {
        self.wait_until(|| self.has_room().then_some(()));
    }

    /// Waits until everything up to `lsn` is safe; false if the disk fails.
    pub(crate) fn wait_until_synced(&self, lsn: u64) -> bool {
        self.wait_until(|| {
            let synced = self.synced.load(Ordering::Acquire) >= lsn || !self.is_on();
            match synced {
                true => Some(true),
                false => self.is_failed().then_some(false),
            }
        })
    }

    fn wait_until<R>(&self, ready: impl Fn() -> Option<R>) -> R {
        if let Some(result) = ready() {
            return result;
        }
        self.hurry();
        let mut progress = self.progress.lock();
        loop {
            if let Some(result) = ready() {
                return result;
            }
            self.progressed.wait(&mut progress);
        }
    }

    /// Has the writer look at what was appended at once.
    pub(crate) fn hurry(&self) {
        let mut intake = self.intake.lock();
        self.kick(&mut intake);
    }

    /// Has the writer write everything and end.
    pub(crate) fn close(&self) {
        let mut intake = self.intake.lock();
        intake.closing = true;
        self.kick(&mut intake);
    }

    fn kick(&self, intake: &mut Intake) {
        intake.urgent = true;
        if intake.sleep != Sleep::Awake {
            intake.sleep = Sleep::Awake;
            self.work.notify_one();
        }
    }

    // ---- the writer's side ---------------------------------------------------------------------

    /// Everything up to `lsn` is on disk; the next batch is the one after.
    pub(super) fn start_after(&self, lsn: u64) {
        let mut intake = self.intake.lock();
        (intake.lsn, intake.announced) = (lsn, lsn);
        for number in [&self.appended, &self.written, &self.synced] {
            number.store(lsn, Ordering::Release);
        }
    }

    pub(crate) fn set_policy(&self, policy: AppendFsync) {
        self.always
            .store(policy == AppendFsync::Always, Ordering::Relaxed);
        self.publish();
    }

    /// What there is to do. `spare` is an empty buffer to be filled next.
    pub(super) fn take(&self, spare: Vec<u8>) -> Work {
        let mut intake = self.intake.lock();
        intake.urgent = false;
        let closing = intake.closing;
        if let Some((bytes, lsn, order)) = intake.orders.pop_front() {
            return Work {
                bytes,
                lsn,
                order: Some(order),
                closing,
            };
        }
        self.pending_bytes.store(0, Ordering::Relaxed);
        Work {
            bytes: std::mem::replace(&mut intake.bytes, spare),
            lsn: intake.lsn,
            order: None,
            closing,
        }
    }

    /// Lets things gather for a moment, unless somebody waits for them.
    pub(super) fn gather(&self, moment: Duration) {
        let mut intake = self.intake.lock();
        if !intake.urgent && !intake.closing {
            intake.sleep = Sleep::Nap;
            self.work.wait_for(&mut intake, moment);
            intake.sleep = Sleep::Awake;
        }
    }

    /// Waits until there is something to do, at most so long.
    pub(super) fn sleep(&self, longest: Option<Duration>) {
        let mut intake = self.intake.lock();
        let idle = intake.bytes.is_empty() && intake.orders.is_empty();
        if !idle || intake.closing {
            return;
        }
        intake.sleep = Sleep::Deep;
        match longest {
            None => self.work.wait(&mut intake),
            Some(longest) => drop(self.work.wait_for(&mut intake, longest)),
        }
        intake.sleep = Sleep::Awake;
    }

    /// Whether the log is to be closed.
    pub(super) fn is_closing(&self) -> bool {
        self.intake.lock().closing
    }

    /// The operating system has everything up to `lsn`.
    pub(super) fn note_written(&self, lsn: u64) {
        self.written.store(lsn, Ordering::Release);
        self.publish();
    }

    /// Everything up to `lsn` is safe.
    pub(super) fn note_synced(&self, lsn: u64) {
        self.synced.store(lsn, Ordering::Release);
        self.publish();
    }

    /// The disk fails, or no longer does.
    pub(super) fn note_failure(&self, failure: Option<String>) {
        self.failed.store(failure.is_some(), Ordering::Release);
        self.intake.lock().failure = failure;
        self.publish();
    }

    /// Tells everybody who waits to look again.
    fn publish(&self) {
        let mut progress = self.progress.lock();
        self.progressed.notify_all();
        if progress.wakers.is_empty() {
            return;
        }
        let reached = match self.is_always() {
            true => self.synced.load(Ordering::Acquire),
            false => self.written.load(Ordering::Acquire),
        };
        let all = self.is_failed() || !self.is_on();
        progress.wakers.retain(|(lsn, waker)| {
            let ready = all || *lsn <= reached;
            if ready {
                waker.wake_by_ref();
            }
            !ready
        });
    }

    /// A test's own fault: what is done is appended some time later.
    #[cfg(test)]
    pub(crate) fn append_late(&self, late: bool) {
        self.late.store(late, Ordering::Relaxed);
    }

    /// Appends what this thread did last, and keeps this for the next time.
    #[cfg(test)]
    fn put_off(&self, effects: &[Effect], atomic: bool) -> u64 {
        self.catch_up();
        LATE.set(Some((effects.to_vec(), atomic)));
        self.appended()
    }

    /// Appends what this thread did last.
    #[cfg(test)]
    pub(crate) fn catch_up(&self) {
        if let Some((effects, atomic)) = LATE.take() {
            self.append_now(&effects, atomic);
        }
    }

    /// A test's own fault: transactions are not wrapped.
    #[cfg(test)]
    pub(crate) fn forget_multi(&self) {
        self.intake.lock().encoder.commands.without_multi = true;
    }
}

/// A file that a log is written to.
#[derive(Debug)]
pub(crate) struct OpenLog {
    pub(crate) member: Member,
    pub(crate) file: Box<dyn VfsFile>,
    /// What is safe of it.
    pub(crate) len: u64,
}

impl OpenLog {
    /// Begins a file, to be listed at once or when a base is there to build on.
    pub(crate) fn create(files: &LogFiles, listed: bool) -> std::io::Result<OpenLog> {
        let (member, file) = files.create_incr(listed)?;
        Ok(OpenLog {
            member,
            file,
            len: 0,
        })
    }
}
