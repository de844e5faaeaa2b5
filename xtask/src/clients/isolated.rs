//! Runs tests each in a process of its own, so that one that hangs or kills takes no other along.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// A process that is a test.
pub(super) struct Test {
    /// What it is called when told of.
    pub(super) name: String,
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) environment: Vec<(&'static str, String)>,
    pub(super) directory: PathBuf,
    /// What it prints.
    pub(super) log: PathBuf,
    /// From then on it is taken for hanging.
    pub(super) limit: Duration,
}

/// Runs all, as many at a time as there are processors; answers with whether each has passed.
pub(super) fn run_all(tests: &[Test]) -> io::Result<Vec<bool>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(tests.len()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, test)) = claim(tests, &next) {
                    let result = run(test);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs one; whether it has passed.
pub(super) fn run(test: &Test) -> io::Result<bool> {
    if let Some(parent) = test.log.parent() {
        fs::create_dir_all(parent)?;
    }
    let log = File::create(&test.log)?;
    let mut child = Command::new(&test.program)
        .args(&test.args)
        .envs(test.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&test.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A group of its own, so that the servers it has started can be ended with it.
        .process_group(0)
        .spawn()?;
    let group = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    match ended.recv_timeout(test.limit) {
        Ok(status) => Ok(status?.success()),
        Err(_) => {
            end(group)?;
            Ok(false)
        }
    }
}

fn claim<'a>(tests: &'a [Test], next: &AtomicUsize) -> Option<(usize, &'a Test)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    tests.get(at).map(|test| (at, test))
}

/// Ends a group of processes.
fn end(group: u32) -> io::Result<()> {
    Command::new("kill")
        .args(["-KILL", "--", &format!("-{group}")])
        .status()
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Test {
        let directory = std::env::temp_dir();
        Test {
            name: script.to_owned(),
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            environment: vec![("GREETING", "hello".to_owned())],
            log: directory.join(format!("xtask-isolated-{}.log", std::process::id())),
            directory,
            limit,
        }
    }

    #[test]
    fn a_test_passes_fails_or_hangs() {
        let ample = Duration::from_secs(60);
        assert!(run(&shell("test $GREETING = hello", ample)).unwrap());
        assert!(!run(&shell("exit 3", ample)).unwrap());
        assert!(!run(&shell("while :; do :; done", Duration::from_millis(1))).unwrap());
    }
}
