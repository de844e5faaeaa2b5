//! The replies of a redis-server to some 1,500 scripts, and ours.
//!
//! `recorded.txt` has for each script its source, the reply to a client that speaks RESP2, and, if it
//! differs, the reply to one that speaks RESP3. The scripts use only what [`Store`] can do.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bytes::BytesMut;
use redstart_protocol::{Resp, encode};

use super::super::{Runtime, Script};
use super::caller::Store;
use super::server::Server;

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

/// Records the replies anew. The server must be a fresh one with `--enable-debug-command yes`.
#[test]
#[ignore = "needs the unix socket of a redis-server 7.0 of its own in REDSTART_ORACLE"]
fn record() {
    let socket = std::env::var("REDSTART_ORACLE").expect("a unix socket");
    let mut recorded = RECORDED
        .split_inclusive("\n--\n")
        .next()
        .expect("a head")
        .to_owned();
    let mut servers = [Resp::V2, Resp::V3].map(|resp| Server::connect(&socket, resp));
    servers[0].call(&[b"DEBUG", b"SET-DISABLE-DENY-SCRIPTS", b"1"]);
    for record in records() {
        let [second, third] = servers.each_mut().map(|server| {
            server.call(&[b"FLUSHALL"]);
            let source = record.source.as_bytes();
            let reply = server.call(&[b"EVAL", source, b"1", b"k", b"a"]);
            reply.escape_ascii().to_string()
        });
        let _ = write!(recorded, "{}\n=> {second}\n", record.source);
        if third != second {
            let _ = writeln!(recorded, "3> {third}");
        }
        recorded.push_str("--\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/script/tests/recorded.txt");
    fs::write(path, recorded).expect("the file can be written");
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
