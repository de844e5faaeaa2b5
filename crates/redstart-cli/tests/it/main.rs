//! The programs from outside: real processes, real sockets, real signals.
//!
//! A new test goes to the file of what it starts: `redis_server` for options of redstart-server,
//! `conf` for its configuration files, `data` for what is kept on disk, `port` for what peers may do to
//! a server, `redstart` for the other program, `data_files` for what that does with files of servers,
//! `deployments` for real servers that it starts and looks at, `tools` for programs of others that
//! talk to a server.

mod conf;
mod data;
mod data_files;
mod deployments;
mod port;
mod process;
mod redis_server;
mod redstart;
mod tools;

use redstart_testkit::{RawConnection, Reply, Server, ServerBinary, ServerBuilder};

/// A redstart-server to be started, on a unix socket unless told otherwise.
fn redstart_server() -> ServerBuilder {
    let binary = ServerBinary::at(env!("CARGO_BIN_EXE_redstart-server"));
    Server::builder(binary.expect("redstart-server tells its version"))
}

/// A started redstart-server.
fn start(args: &[&str]) -> Server {
    redstart_server()
        .args(args.iter().copied())
        .start()
        .expect("the server starts")
}

/// What a command answers.
fn call(connection: &mut RawConnection, args: &[&str]) -> Reply {
    connection.call(args).expect("the server answers")
}

/// Fails unless a command answers with this status.
fn expect_status(connection: &mut RawConnection, args: &[&str], status: &str) {
    assert_eq!(
        call(connection, args),
        Reply::Simple(status.as_bytes().to_vec()),
        "{args:?}"
    );
}

/// The text of an error, or nothing.
fn error_of(reply: &Reply) -> String {
    match reply {
        Reply::Error(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}

/// A field of INFO.
fn info(connection: &mut RawConnection, field: &str) -> String {
    let reply = call(connection, &["INFO"]);
    let text = String::from_utf8_lossy(reply.as_bytes().expect("INFO is text")).into_owned();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    found
        .unwrap_or_else(|| panic!("INFO tells {field}"))
        .to_owned()
}
