//! Programs that are started, watched and ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Nothing takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of its own, removed at the end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("redstart-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Directory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running program whose output is read line by line. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    /// Where it was started, unless that was somebody else's.
    _directory: Option<Directory>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

/// What a program did that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts `redstart`.
    pub(crate) fn redstart(args: &[&str]) -> Process {
        Process::start(env!("CARGO_BIN_EXE_redstart"), args)
    }

    /// Starts a program.
    pub(crate) fn start(program: &str, args: &[&str]) -> Process {
        Process::start_with_input(program, args, "")
    }

    /// Starts a program in a directory.
    pub(crate) fn start_in(directory: &Path, program: &str, args: &[&str]) -> Process {
        Process::spawn(directory, None, program, args, "")
    }

    /// Starts a program that finds a text on its standard input.
    pub(crate) fn start_with_input(program: &str, args: &[&str], input: &str) -> Process {
        let own = Directory::new("process");
        let path = own.path().to_owned();
        Process::spawn(&path, Some(own), program, args, input)
    }

    fn spawn(
        directory: &Path,
        own: Option<Directory>,
        program: &str,
        args: &[&str],
        input: &str,
    ) -> Process {
        let mut command = Command::new(program);
        command.current_dir(directory);
        command
            .args(args)
            .env("NO_COLOR", "")
            .env_remove("REDSTART_PASSWORD");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A program that ends at once does not read it.
        let _ = child
            .stdin
            .take()
            .expect("piped")
            .write_all(input.as_bytes());
        let (sender, lines) = channel();
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("piped"));
        let stderr: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("piped"));
        for stream in [stdout, stderr] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Process {
            child,
            _directory: own,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line, on either stream, that contains `text`; returns it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!(
                    "{text:?} should have been said by now:\n{}",
                    self.seen.join("\n")
                )
            });
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the program runs");
    }

    /// Ends it without asking.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the program runs");
        self.child.wait().expect("the program can be waited for");
    }

    /// Waits for its end; returns how it ended and everything it said.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        // Both streams end with the program.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let status = self.child.wait().expect("the program can be waited for");
        (status, self.seen.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, args: &[&str]) -> Ended {
    run_in(Directory::new("run").path(), program, args)
}

/// Runs a program in a directory to its end.
pub(crate) fn run_in(directory: &Path, program: &str, args: &[&str]) -> Ended {
    let mut command = Command::new(program);
    command.current_dir(directory);
    run_to_end(command, args)
}

fn run_to_end(mut command: Command, args: &[&str]) -> Ended {
    command
        .args(args)
        .env_remove("REDSTART_PASSWORD")
        .stdin(Stdio::null());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} can be run: {error}"));
    Ended {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `redstart` to its end.
pub(crate) fn run_redstart(args: &[&str]) -> Ended {
    run(env!("CARGO_BIN_EXE_redstart"), args)
}

/// Runs `redstart` to its end where other programs are looked for only in `path`.
pub(crate) fn run_redstart_with_path(path: &str, args: &[&str]) -> Ended {
    let directory = Directory::new("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_redstart"));
    command.current_dir(directory.path()).env("PATH", path);
    run_to_end(command, args)
}

/// Runs `redstart-server` to its end.
pub(crate) fn run_redstart_server(args: &[&str]) -> Ended {
    run(env!("CARGO_BIN_EXE_redstart-server"), args)
}
