//! The server and its guard, on the real binary in `PATH`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redstart_testkit::{Address, Reply, Server, ServerBinary, ServerError};
use rustix::process::{Pid, test_kill_process};

fn start() -> Server {
    Server::from_path()
        .and_then(|builder| builder.start())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until the process is gone; whoever reaps it does so soon.
fn assert_gone(pid: u32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    wait_until("the process is gone", || test_kill_process(pid).is_err());
}

#[allow(clippy::disallowed_methods, reason = "processes end in real time")]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "waited too long until {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_server_answers_as_soon_as_it_is_there() {
    let server = start();
    let mut connection = server.connect().expect("a connection");
    assert_eq!(
        connection.call(&["PING"]).expect("a reply"),
        Reply::Simple(b"PONG".to_vec())
    );
    assert!(server.url().starts_with("redis+unix://"));
    assert!(
        server.log().contains("eady to accept connections"),
        "{}",
        server.log()
    );
}

#[test]
fn a_server_listens_on_a_free_port_on_demand() {
    let builder = Server::from_path().expect("a server");
    let server = builder
        .tcp()
        .arg("--requirepass")
        .arg("secret")
        .start()
        .expect("started");
    assert!(matches!(server.address(), Address::Tcp(address) if address.port() != 0));
    let mut connection = server.connect().expect("a connection");
    assert!(connection.call(&["PING"]).expect("a reply").is_error());
    assert_eq!(
        connection
            .call(&["AUTH", "secret"])
            .expect("a reply")
            .to_bytes(),
        b"+OK\r\n"
    );
}

#[test]
fn kill_stop_and_restart_keep_the_address() {
    let mut server = start();
    let (address, first) = (server.address().clone(), server.pid().expect("a process"));
    server.kill();
    assert!(!server.is_running());
    assert_gone(first);
    server.restart().expect("restarted after a kill");
    assert_eq!(server.address(), &address);
    assert!(server.stop().expect("stopped").success());
    assert!(!server.is_running());
    server.restart().expect("restarted after a stop");
    assert!(server.is_running());
    assert!(
        server
            .connect()
            .expect("a connection")
            .call(&["PING"])
            .is_ok()
    );
}

#[test]
fn a_paused_server_holds_its_connections_and_answers_later() {
    let server = start();
    let mut connection = server.connect().expect("a connection");
    server.pause().expect("paused");
    connection.set_deadline(Duration::from_millis(50));
    connection.send_command(&["PING"]).expect("sent");
    let silence = connection
        .receive_raw()
        .expect_err("a paused server says nothing");
    assert_eq!(silence.kind(), std::io::ErrorKind::TimedOut);
    server.resume().expect("resumed");
    connection.set_deadline(Duration::from_secs(20));
    assert_eq!(
        connection.receive_raw().expect("a late reply"),
        b"+PONG\r\n"
    );
}

#[test]
fn a_dropped_server_is_gone() {
    let server = start();
    let (pid, directory) = (
        server.pid().expect("a process"),
        server.directory().to_owned(),
    );
    drop(server);
    assert_gone(pid);
    assert!(!directory.exists());
}

/// The test starts itself again as the runner that gets killed.
#[test]
fn a_killed_test_runner_leaves_no_server() {
    const ROLE: &str = "REDSTART_TESTKIT_ROLE";
    const NAME: &str = "a_killed_test_runner_leaves_no_server";
    if std::env::var_os(ROLE).is_some() {
        let server = start();
        let (pid, directory) = (server.pid().expect("a process"), server.directory());
        let told = writeln!(std::io::stdout(), "\nserver {pid} {}", directory.display());
        told.expect("the test listens");
        loop {
            std::thread::park();
        }
    }
    let mut runner = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", NAME, "--nocapture"])
        .env(ROLE, "runner")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a runner");
    let output = BufReader::new(runner.stdout.take().expect("its output"));
    let told = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("server ").map(str::to_owned))
        .expect("the runner tells its server");
    let (pid, directory) = told.split_once(' ').expect("its id and its directory");
    runner.kill().expect("killed");
    runner.wait().expect("reaped");
    assert_gone(pid.parse().expect("a number"));
    wait_until("the directory is gone", || !Path::new(directory).exists());
}

#[test]
fn what_is_no_server_is_named() {
    let refused = ServerBinary::at("/nonexistent/redis-server").expect_err("no such file");
    assert!(matches!(&refused, ServerError::Spawn { .. }), "{refused}");
    let refused = ServerBinary::at("/bin/true").expect_err("not a server");
    assert!(refused.to_string().contains("/bin/true"), "{refused}");
    let refused = Server::from_path()
        .expect("a server")
        .arg("--no-such-option")
        .arg("1")
        .start()
        .expect_err("a wrong option");
    assert!(
        matches!(&refused, ServerError::NotReady { log, .. } if log.contains("no-such-option"))
    );
}
