//! The replies of a redis-server to some 1,500 scripts, and ours.
//!
//! `recorded.txt` has for each script its source, the reply to a client that speaks RESP2, and, if it
//! differs, the reply to one that speaks RESP3. The scripts use only what [`Store`] can do.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bytes::BytesMut;
use redstart_protocol::{Resp, encode};
use redstart_testkit::{RawConnection, Server};

use super::super::{Runtime, Script};
use super::caller::Store;

const RECORDED: &str = include_str!("recorded.txt");

#[test]
fn scripts_answer_as_recorded() {
    let runtime = Runtime::default();
    let mut differences = String::new();
    for record in records() {
        for (resp, expected) in record.replies() {
            let reply = match Script::parse(record.source.to_owned()) {
                Ok(script) => runtime.run(&script, &[b"k"], &[b"a"], &mut Store::default()),
                Err(refusal) => refusal,
            };
            let mut bytes = BytesMut::new();
            encode(&reply, resp, &mut bytes);
            let reply = bytes.escape_ascii().to_string();
            if reply != expected {
                let source = record.source;
                let _ = write!(
                    differences,
                    "\n{source}\nfor {resp:?}: {expected}\nnot:    {reply}\n"
                );
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// What is recorded is what a redis-server answers. `UPDATE=1` records it anew.
#[test]
fn a_server_answers_as_recorded() {
    let server = Server::from_path().expect("a redis-server is installed");
    let server = server.args(["--enable-debug-command", "yes"]).start();
    let server = server.expect("a redis-server starts");
    let mut connections = [2, 3].map(|version| {
        let mut connection = server.connect().expect("it listens");
        call(&mut connection, &["HELLO", version.to_string().as_str()]);
        connection
    });
    call(
        &mut connections[0],
        &["DEBUG", "SET-DISABLE-DENY-SCRIPTS", "1"],
    );

    let head = RECORDED.split_inclusive("\n--\n").next();
    let mut answered = head.expect("a head").to_owned();
    for Record { source, .. } in records() {
        let [second, third] = connections.each_mut().map(|connection| {
            call(connection, &["FLUSHALL"]);
            call(connection, &["EVAL", source, "1", "k", "a"])
        });
        let _ = write!(answered, "{source}\n=> {second}\n");
        if third != second {
            let _ = writeln!(answered, "3> {third}");
        }
        answered.push_str("--\n");
    }

    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/script/tests/recorded.txt");
        fs::write(path, &answered).expect("the file can be written");
    } else if answered != RECORDED {
        let mut lines = answered.lines().zip(RECORDED.lines());
        let first = lines.find(|(answered, recorded)| answered != recorded);
        panic!("the server answers otherwise (UPDATE=1 records it): {first:?}");
    }
}

/// The bytes of the reply, escaped.
fn call(connection: &mut RawConnection, args: &[&str]) -> String {
    connection.send_command(args).expect("a request");
    let reply = connection.receive_raw().expect("a reply");
    reply.escape_ascii().to_string()
}

struct Record<'a> {
    source: &'a str,
    second: &'a str,
    third: &'a str,
}

impl<'a> Record<'a> {
    fn replies(&self) -> [(Resp, &'a str); 2] {
        [(Resp::V2, self.second), (Resp::V3, self.third)]
    }
}

fn records() -> Vec<Record<'static>> {
    let records = RECORDED.split_terminator("\n--\n").skip(1);
    let records = records.map(|record| {
        let (source, replies) = record.rsplit_once("\n=> ").unwrap_or((record, ""));
        let (second, third) = replies.split_once("\n3> ").unwrap_or((replies, replies));
        Record {
            source,
            second,
            third,
        }
    });
    records.collect()
}
