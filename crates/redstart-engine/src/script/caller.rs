//! What a running script may ask of the engine. The script module knows the engine by this trait only.

use redstart_protocol::{Resp, Value};

/// The engine as a running script sees it.
pub trait Caller {
    /// Runs one command for `redis.call` or `redis.pcall`.
    ///
    /// `args` is never empty. The reply keeps its RESP3 shape; it is lowered for a script that speaks
    /// RESP2. What a script may not do (unknown commands, writes from a read-only script, …) is
    /// answered by a [`Value::Error`] too.
    fn call(&mut self, args: &[&[u8]]) -> Value;

    /// `redis.setresp`: from now on commands run for a client of this protocol version.
    /// Every run starts with [`Resp::V2`].
    fn set_resp(&mut self, resp: Resp);

    /// `redis.log`. Levels that are not wanted are for the caller to drop.
    fn log(&mut self, level: LogLevel, text: &[u8]);

    /// `redis.set_repl`: whether the effects of the following commands go to the log and to replicas.
    fn set_replication(&mut self, targets: ReplicationTargets) {
        let _ = targets;
    }

    /// `redis.acl_check_cmd`: whether the user may run this command; `None` if there is no such
    /// command. `args` is never empty.
    fn may_run(&mut self, args: &[&[u8]]) -> Option<bool>;

    /// Asked again and again while the script runs; an answer ends the script, whatever it catches.
    ///
    /// `steps` says how much the script has done since the last time: instructions of Lua, and of what
    /// libraries did as many as would have taken as long. Usually some 100,000, less while the script
    /// calls commands or uses much memory.
    fn interrupt(&mut self, steps: u64) -> Option<Stop>;
}

/// Why a script is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `SCRIPT KILL`.
    Killed,
    /// It ran longer than it may.
    TimedOut,
}

impl Stop {
    /// The error the script ends in.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Stop::Killed => "ERR Script killed by user with SCRIPT KILL...",
            Stop::TimedOut => "ERR Script ended because it ran longer than its time limit",
        }
    }
}

/// The level of a message of `redis.log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `redis.LOG_DEBUG`
    Debug,
    /// `redis.LOG_VERBOSE`
    Verbose,
    /// `redis.LOG_NOTICE`
    Notice,
    /// `redis.LOG_WARNING`
    Warning,
}

/// Where effects go: the argument of `redis.set_repl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationTargets {
    /// `redis.REPL_AOF`
    pub log: bool,
    /// `redis.REPL_REPLICA`
    pub replicas: bool,
}
