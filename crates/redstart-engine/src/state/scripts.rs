//! Scripts: those that were loaded, and those that are running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use hashbrown::HashMap;
use redstart_protocol::Value;

use crate::script::{Runtime, Script, Sha};
use crate::shim::{Mutex, RwLock};

/// The scripts of an engine.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    pub(crate) runtime: Runtime,
    loaded: RwLock<HashMap<Sha, Arc<Loaded>, foldhash::fast::RandomState>>,
    running: Mutex<Vec<Arc<Running>>>,
    /// How many are running: what the hot path looks at.
    running_count: AtomicU64,
}

/// A script that EVALSHA finds.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) script: Script,
    /// It touches no key that its call does not declare, and is held to that: only those keys'
    /// shards are locked.
    pub(crate) declares_its_keys: bool,
}

/// A script while it runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Monotonic microseconds.
    pub(crate) started_us: u64,
    pub(crate) wrote: AtomicBool,
    pub(crate) killed: AtomicBool,
}

/// Why no script was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unkillable {
    NothingRuns,
    HasWritten,
}

impl Scripts {
    /// Compiles a script and keeps it. One that is there already stays, and once it declares its
    /// keys it does so for good: locks may have been planned by that.
    ///
    /// # Errors
    ///
    /// The reply that says why it cannot be compiled.
    pub(crate) fn load(
        &self,
        source: impl Into<Bytes>,
        declares_its_keys: bool,
    ) -> Result<Arc<Loaded>, Value> {
        let script = Script::parse(source)?;
        let sha = script.sha();
        let serves = |loaded: &Loaded| loaded.declares_its_keys || !declares_its_keys;
        if let Some(loaded) = self.find(&sha).filter(|loaded| serves(loaded)) {
            return Ok(loaded);
        }
        self.runtime.compile(&script)?;
        let loaded = Arc::new(Loaded {
            script,
            declares_its_keys,
        });
        let mut all = self.loaded.write();
        // Another client may have been faster.
        if let Some(faster) = all.get(&sha).filter(|faster| serves(faster)) {
            return Ok(Arc::clone(faster));
        }
        all.insert(sha, Arc::clone(&loaded));
        Ok(loaded)
    }

    pub(crate) fn find(&self, sha: &Sha) -> Option<Arc<Loaded>> {
        self.loaded.read().get(sha).cloned()
    }

    /// Whether this call of EVALSHA is of a script that declares all its keys.
    pub(crate) fn declares_its_keys(&self, args: &[&[u8]]) -> bool {
        let sha = args.get(1).and_then(|sha| Sha::parse(sha));
        sha.and_then(|sha| self.find(&sha))
            .is_some_and(|loaded| loaded.declares_its_keys)
    }

    /// Forgets what clients have loaded. The engine's own operations stay.
    pub(crate) fn forget_all(&self) {
        self.loaded
            .write()
            .retain(|_, loaded| loaded.declares_its_keys);
        self.runtime.flush();
    }

    /// Enters a script as running until the guard is dropped.
    pub(crate) fn start(&self, now_us: u64) -> RunningGuard<'_> {
        let running = Arc::new(Running {
            started_us: now_us,
            wrote: AtomicBool::new(false),
            killed: AtomicBool::new(false),
        });
        self.running.lock().push(Arc::clone(&running));
        self.running_count.fetch_add(1, Ordering::Relaxed);
        RunningGuard {
            scripts: self,
            running,
        }
    }

    /// Whether some script has been running since before `moment_us`.
    pub(crate) fn any_since(&self, moment_us: u64) -> bool {
        self.running_count.load(Ordering::Relaxed) > 0
            && self
                .running
                .lock()
                .iter()
                .any(|running| running.started_us <= moment_us)
    }

    /// Has the script that has been running longest end, if it has not written.
    pub(crate) fn kill(&self) -> Result<(), Unkillable> {
        let running = self.running.lock();
        let oldest = running.iter().min_by_key(|running| running.started_us);
        match oldest {
            None => Err(Unkillable::NothingRuns),
            Some(running) if running.wrote.load(Ordering::Acquire) => Err(Unkillable::HasWritten),
            Some(running) => {
                running.killed.store(true, Ordering::Release);
                Ok(())
            }
        }
    }
}

/// Strikes a script out of those running when it ends, however it ends.
pub(crate) struct RunningGuard<'a> {
    scripts: &'a Scripts,
    pub(crate) running: Arc<Running>,
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        self.scripts
            .running
            .lock()
            .retain(|running| !Arc::ptr_eq(running, &self.running));
        self.scripts.running_count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_stays_one_whoever_else_loads_it() {
        for operation_first in [true, false] {
            let scripts = Scripts::default();
            for is_operation in [operation_first, !operation_first] {
                let loaded = scripts.load("return 1", is_operation).expect("it compiles");
                assert_eq!(loaded.declares_its_keys, is_operation || operation_first);
            }
            scripts.forget_all();
            let sha = Script::parse("return 1").expect("a script").sha();
            assert!(scripts.find(&sha).is_some_and(|it| it.declares_its_keys));
        }
    }
}
