//! What is kept where, and how soon it is safe.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// How an engine keeps its data: Redis' settings under Redis' names.
///
/// ```
/// use redstart_engine::{AppendFsync, Durability};
///
/// let mut durability = Durability::new("./redstart-data");
/// durability.appendfsync = AppendFsync::Always;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Durability {
    /// The directory everything is in; made if it is not there.
    pub directory: PathBuf,
    /// The snapshot's file name.
    pub dbfilename: String,
    /// Whether every change is logged.
    pub appendonly: bool,
    /// The directory of the log's files, inside the other.
    pub appenddirname: String,
    /// What the names of the log's files begin with.
    pub appendfilename: String,
    /// When what was logged is made safe.
    pub appendfsync: AppendFsync,
    /// Whether a log that ends in the middle is cut back to its last whole batch when it is loaded,
    /// as it has to be after a crash; otherwise it is refused.
    pub aof_load_truncated: bool,
    /// By how many percent a log outgrows its base before it is rewritten; zero for never.
    pub auto_aof_rewrite_percentage: u32,
    /// The size in bytes below which a log is not rewritten.
    pub auto_aof_rewrite_min_size: u64,
    /// When snapshots are taken.
    pub save: Vec<SavePoint>,
    /// Whether writes are refused after a snapshot has failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Whether long strings in snapshots are compressed.
    pub rdbcompression: bool,
    /// Is told how loading goes on.
    pub on_progress: ProgressListener,
}

impl Durability {
    /// Redis' defaults, in this directory: snapshots now and then and no log.
    pub fn new(directory: impl Into<PathBuf>) -> Durability {
        let point = |seconds, changes| SavePoint { seconds, changes };
        Durability {
            directory: directory.into(),
            dbfilename: "dump.rdb".into(),
            appendonly: false,
            appenddirname: "appendonlydir".into(),
            appendfilename: "appendonly.aof".into(),
            appendfsync: AppendFsync::EverySecond,
            aof_load_truncated: true,
            auto_aof_rewrite_percentage: 100,
            auto_aof_rewrite_min_size: 64 << 20,
            save: vec![point(3_600, 1), point(300, 100), point(60, 10_000)],
            stop_writes_on_bgsave_error: true,
            rdbcompression: true,
            on_progress: ProgressListener::default(),
        }
    }
}

/// When what was logged is made safe on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFsync {
    /// Before it is acknowledged: nothing acknowledged is ever lost.
    Always,
    /// Every second: a crash of the system loses at most what was acknowledged in the last second
    /// and while the disk was at work.
    EverySecond,
    /// When the operating system likes.
    No,
}

impl AppendFsync {
    /// All of them.
    pub const ALL: [AppendFsync; 3] = [
        AppendFsync::Always,
        AppendFsync::EverySecond,
        AppendFsync::No,
    ];

    /// The name Redis' configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            AppendFsync::Always => "always",
            AppendFsync::EverySecond => "everysec",
            AppendFsync::No => "no",
        }
    }

    /// The policy of that name, in any case.
    pub fn from_name(name: &str) -> Option<AppendFsync> {
        AppendFsync::ALL
            .into_iter()
            .find(|policy| policy.name().eq_ignore_ascii_case(name))
    }
}

/// A snapshot is taken when so many seconds have passed since the last and so many changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: u64,
    /// Changes since the last snapshot.
    pub changes: u64,
}

/// How far loading is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The file that is being read.
    pub file: PathBuf,
    /// Bytes read of it.
    pub read_bytes: u64,
    /// Bytes it has.
    pub total_bytes: u64,
    /// Keys and commands loaded so far, from all files.
    pub loaded: u64,
}

type Listen = dyn Fn(&Progress) + Send + Sync;

/// Whoever wants to know how loading goes on. Nobody, by default.
#[derive(Clone, Default)]
pub struct ProgressListener(Option<Arc<Listen>>);

impl ProgressListener {
    /// Has `listen` called now and then while data is loaded, on the thread that loads.
    pub fn new(listen: impl Fn(&Progress) + Send + Sync + 'static) -> ProgressListener {
        ProgressListener(Some(Arc::new(listen)))
    }

    pub(crate) fn tell(&self, progress: impl FnOnce() -> Progress) {
        if let Some(listen) = &self.0 {
            listen(&progress());
        }
    }
}

impl fmt::Debug for ProgressListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressListener").finish_non_exhaustive()
    }
}
