//! The same scripts here and on a redis-server.

use std::fs;

use bytes::BytesMut;
use redstart_protocol::{Resp, encode};

use super::super::{Runtime, Script};
use super::server::{Forward, Server};

/// Compares every script of the file `REDSTART_SCRIPTS` with the redis-server at the unix socket
/// `REDSTART_ORACLE`. Scripts are separated by lines of two dashes.
#[test]
#[ignore = "needs a redis-server 7.0 of its own, named by REDSTART_ORACLE"]
fn scripts_answer_as_on_a_live_server() {
    let socket = std::env::var("REDSTART_ORACLE").expect("REDSTART_ORACLE");
    let file = std::env::var("REDSTART_SCRIPTS").expect("REDSTART_SCRIPTS");
    let scripts = fs::read(file).expect("the scripts");
    let runtime = Runtime::default();
    let mut differences = String::new();
    for resp in [Resp::V2, Resp::V3] {
        let mut oracle = Server::connect(&socket, resp);
        let mut forward = Forward {
            server: Server::connect(&socket, Resp::V3),
            resp: Resp::V2,
        };
        for source in split(&scripts) {
            oracle.raw(&[b"FLUSHALL"]);
            let theirs = oracle.raw(&[b"EVAL", source, b"1", b"k", b"a"]);
            oracle.raw(&[b"FLUSHALL"]);
            let ours = match Script::parse(source.to_vec()) {
                Ok(script) => {
                    forward.resp = Resp::V2;
                    runtime.run(&script, &[b"k"], &[b"a"], &mut forward)
                }
                Err(refusal) => refusal,
            };
            let mut bytes = BytesMut::new();
            encode(&ours, resp, &mut bytes);
            if theirs != bytes {
                differences += &format!(
                    "--- {resp:?}\n{}\nredis: {}\nours:  {}\n",
                    source.escape_ascii(),
                    theirs.escape_ascii(),
                    bytes.escape_ascii()
                );
            }
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
}

fn split(scripts: &[u8]) -> Vec<&[u8]> {
    let mut rest = scripts;
    let mut parts = Vec::new();
    while let Some(end) = rest.windows(4).position(|window| window == b"\n--\n") {
        parts.push(&rest[..end]);
        rest = &rest[end + 4..];
    }
    parts.push(rest.strip_suffix(b"\n").unwrap_or(rest));
    parts
}
