//! A child process that cannot outlive its test.
//!
//! Three things could leave a server behind, and each has its answer. A test that ends or panics
//! drops the process, which kills its group. A test runner that is killed drops nothing: therefore
//! the server is started through a shell that first leaves a watcher behind, reading a pipe whose
//! other end only we hold. However we end, the pipe closes, and the watcher kills the group. The
//! shell then becomes the server (`exec`), so the child we know is the server itself.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::deadline::poll;

/// The double parentheses detach the watcher, so that the server does not get it as its child. A
/// line read says that the directory is still needed; the end of the pipe says that nobody is left.
/// A directory that is to be kept is not told.
const GUARDED: &str = "directory=$1; shift; exec 3<&0; \
    ( (read -r line <&3 || { kill -s KILL $$; [ -z \"$directory\" ] || rm -rf -- \"$directory\"; }; \
        kill -s KILL -- -$$) >/dev/null 2>&1 & ); \
    exec \"$@\" 3<&- </dev/null";

/// A running process, its group, and the watcher in it. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Whether it has ended and told its watcher so: then its id may be another's by now.
    is_over: bool,
}

impl Process {
    /// Starts `program` in `directory`. `doomed` is the directory that goes when everybody is gone.
    pub(crate) fn spawn(
        program: &Path,
        args: &[String],
        directory: &Path,
        doomed: Option<&Path>,
        log: File,
    ) -> io::Result<Process> {
        let child = Command::new("/bin/sh")
            .args(["-c", GUARDED, "sh"])
            .arg(doomed.unwrap_or(Path::new("")))
            .arg(program)
            .args(args)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own: a Ctrl-C meant for the tests does not reach it, the kill does.
            .process_group(0)
            .spawn()?;
        Ok(Process {
            child,
            is_over: false,
        })
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.pid(), signal)?)
    }

    /// Asks it to end with SIGTERM. `None` is no end within the time given.
    pub(crate) fn stop(&mut self, within: Duration) -> io::Result<Option<ExitStatus>> {
        self.signal(Signal::TERM)?;
        let status = poll(within, || self.child.try_wait())?;
        // The watcher is left. It must not take the directory for abandoned.
        if let (Some(_), Some(pipe)) = (&status, &mut self.child.stdin) {
            pipe.write_all(b"stopped\n")?;
            self.is_over = true;
        }
        Ok(status)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // The group first: it also holds the watcher and what the server has forked. Its id cannot
        // have been reused, since the watcher is a member for as long as we hold the pipe.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
