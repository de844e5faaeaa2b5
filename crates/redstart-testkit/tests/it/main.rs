//! The kit on the servers it starts.

mod cluster;
mod fault_proxy;
mod matrix;
mod sentinel;
mod server;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use redstart_testkit::{Address, RawConnection, Reply, Server, wait_until};
use rustix::process::{Pid, test_kill_process};

/// Nothing takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a process is gone; whoever reaps it does so soon.
fn assert_gone(pid: u32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    wait_until("the process is gone", PATIENCE, || {
        test_kill_process(pid).is_err()
    });
}

/// The processes and directories of servers.
fn traces<'a>(servers: impl IntoIterator<Item = &'a Server>) -> Vec<(u32, PathBuf)> {
    let servers = servers.into_iter();
    servers
        .map(|server| {
            let pid = server.pid().expect("it runs");
            (pid, server.directory().to_owned())
        })
        .collect()
}

/// Fails unless nothing is left of servers that ran.
fn assert_no_trace(traces: &[(u32, PathBuf)]) {
    for (pid, directory) in traces {
        assert_gone(*pid);
        wait_until("the directory is gone", PATIENCE, || !directory.exists());
    }
}

/// Starts this test again as a runner that gets killed, and fails unless nothing is left of what it
/// had started.
fn assert_nothing_survives_the_runner<'a, T>(
    name: &str,
    start: impl FnOnce() -> T,
    servers: impl FnOnce(&'a T) -> Vec<&'a Server>,
) where
    T: 'static,
{
    const ROLE: &str = "REDSTART_TESTKIT_ROLE";
    if std::env::var_os(ROLE).is_some() {
        // It is never dropped: the runner is killed.
        let started: &'static T = Box::leak(Box::new(start()));
        for (pid, directory) in traces(servers(started)) {
            let told = writeln!(std::io::stdout(), "\nserver {pid} {}", directory.display());
            told.expect("the test listens");
        }
        let told = writeln!(std::io::stdout(), "\nthat is all");
        told.expect("the test listens");
        loop {
            std::thread::park();
        }
    }
    let mut runner = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, "runner")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a runner");
    let output = BufReader::new(runner.stdout.take().expect("its output"));
    let told: Vec<(u32, PathBuf)> = output
        .lines()
        .map_while(Result::ok)
        .take_while(|line| line != "that is all")
        .filter_map(|line| {
            let (pid, directory) = line.strip_prefix("server ")?.split_once(' ')?;
            Some((pid.parse().ok()?, Path::new(directory).to_owned()))
        })
        .collect();
    assert!(!told.is_empty(), "the runner tells its servers");
    runner.kill().expect("killed");
    runner.wait().expect("reaped");
    assert_no_trace(&told);
}

/// What a command answers over a connection of its own, errors included.
fn ask(address: &Address, command: &[&str]) -> Reply {
    let mut connection = RawConnection::open(address).expect("a connection");
    connection.call(command).expect("a reply")
}

/// The text of an error.
fn error_of(reply: &Reply) -> String {
    match reply {
        Reply::Error(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("{other} is no error"),
    }
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}
