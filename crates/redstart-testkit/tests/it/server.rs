//! The server and its guard, on the real binary in `PATH`.

use std::time::Duration;

use redstart_testkit::{Address, Reply, Server, ServerBinary, ServerError};

use crate::{
    ask, assert_gone, assert_no_trace, assert_nothing_survives_the_runner, bulk, error_of, ok,
    traces,
};

fn start() -> Server {
    Server::from_path()
        .and_then(|builder| builder.start())
        .unwrap_or_else(|error| panic!("{error}"))
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
fn a_password_is_demanded_and_stands_in_the_url() {
    let builder = Server::from_path().expect("a server");
    let server = builder.password("s3cret/@").start().expect("started");
    assert!(
        server.url().starts_with("redis+unix://:s3cret%2F%40@/"),
        "{}",
        server.url()
    );
    assert!(server.call(&["PING"]).is_ok());
    let refused = error_of(&ask(server.address(), &["PING"]));
    assert!(refused.starts_with("NOAUTH "), "{refused}");
}

#[test]
fn a_port_that_another_server_has_is_not_taken_for_ones_own() {
    let first = Server::from_path().expect("a server").tcp().start();
    let first = first.expect("started");
    let port = first.url().rsplit(':').next().expect("a port").parse();
    let second = Server::from_path().expect("a server");
    let refused = second.port(port.expect("a number")).start();
    let refused = refused.expect_err("the port is taken").to_string();
    assert!(refused.contains("Address already in use"), "{refused}");
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
    let left = traces([&server]);
    drop(server);
    assert_no_trace(&left);
}

#[test]
fn a_killed_test_runner_leaves_no_server() {
    let name = "server::a_killed_test_runner_leaves_no_server";
    assert_nothing_survives_the_runner(name, start, |server| vec![server]);
}

#[test]
fn a_kept_directory_outlives_its_server() {
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("kept");
    let start = || {
        let builder = Server::from_path().expect("a server");
        let builder = builder.tcp().directory(&directory);
        let server = builder.args(["--appendonly", "yes"]).start();
        server.unwrap_or_else(|error| panic!("{error}"))
    };
    let mut server = start();
    assert_eq!(server.call(&["SET", "k", "v"]).expect("set"), ok());
    assert!(server.stop().expect("stopped").success());
    drop(server);
    assert!(directory.join("log").is_file());
    assert_eq!(start().call(&["GET", "k"]).expect("kept"), bulk("v"));
}

#[test]
fn a_server_in_trouble_refuses_and_recovers() {
    let server = start();
    let set = || ask(server.address(), &["SET", "k", "v"]);
    assert_eq!(set(), ok());

    server.fill_memory().expect("full");
    assert!(error_of(&set()).starts_with("OOM "));
    server.free_memory().expect("free");
    assert_eq!(set(), ok());

    server.refuse_writes().expect("alone");
    assert!(error_of(&set()).starts_with("NOREPLICAS "));
    server.accept_writes().expect("not alone");
    assert_eq!(set(), ok());

    server.demote().expect("a replica");
    assert!(error_of(&set()).starts_with("READONLY "));
    assert_eq!(server.call(&["GET", "k"]).expect("it reads"), bulk("v"));
    server.promote().expect("a primary");
    assert_eq!(set(), ok());
}

#[test]
fn a_refusal_names_server_command_and_reason() {
    let refused = start().call(&["INCR"]).expect_err("too few arguments");
    let words = refused.to_string();
    assert!(
        words.contains("server at redis+unix://")
            && words.contains(" answered INCR with ERR wrong"),
        "{words}"
    );
}

#[test]
fn what_is_no_server_is_named() {
    let refused = ServerBinary::at("/nonexistent/redis-server").expect_err("no such file");
    assert!(matches!(&refused, ServerError::Spawn { .. }), "{refused}");
    let refused = ServerBinary::at("/bin/true").expect_err("not a server");
    assert!(refused.to_string().contains("/bin/true"), "{refused}");
    let refused = ServerBinary::named("no-such-server").expect_err("not in PATH");
    assert!(refused.to_string().contains("no-such-server"), "{refused}");
    let found = ServerBinary::from_path().expect("a server");
    let name = found.path().file_name().expect("a name");
    assert_eq!(ServerBinary::named(name).expect("found by its name"), found);
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
