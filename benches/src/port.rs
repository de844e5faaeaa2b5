//! Through the RESP port, beside redis-server and valkey-server in the same run, driven by
//! redis-benchmark over loopback TCP.

use std::path::PathBuf;
use std::process::Command;

use redstart_testkit::{Server, ServerBinary};

use crate::report::{Better, Row, median};

const ROUNDS: usize = 5;
const SCRIPT: &str = "return redis.call('incr', KEYS[1])";

/// A request as redis-benchmark takes it, and how many of them a round sends at -P 1.
struct Load {
    name: &'static str,
    args: &'static [&'static str],
}

const LOADS: &[Load] = &[
    Load {
        name: "GET",
        args: &["GET", "key:__rand_int__"],
    },
    Load {
        name: "SET",
        args: &["SET", "key:__rand_int__", "xxx"],
    },
    Load {
        name: "INCR",
        args: &["INCR", "counter:__rand_int__"],
    },
    Load {
        name: "LPUSH",
        args: &["LPUSH", "list", "xxx"],
    },
    Load {
        name: "HSET",
        args: &["HSET", "hash", "field:__rand_int__", "xxx"],
    },
    Load {
        name: "ZADD",
        args: &["ZADD", "board", "__rand_int__", "player:__rand_int__"],
    },
    Load {
        name: "EVALSHA",
        args: &["EVALSHA", SHA_HERE, "1", "counter:__rand_int__"],
    },
];

/// Stands for the script's SHA-1, which the server tells.
const SHA_HERE: &str = "<sha>";

/// The binary of ours that stands in for a redis-server, and the peers to compare it with.
pub struct Contestants {
    pub ours: ServerBinary,
    pub peers: Vec<ServerBinary>,
}

impl Contestants {
    /// `REDSTART_SERVER_BIN`, and every server binary that the testkit finds.
    pub fn find() -> Result<Contestants, String> {
        let path = std::env::var_os("REDSTART_SERVER_BIN").ok_or(
            "REDSTART_SERVER_BIN does not name a redstart-server: run `cargo xtask bench`",
        )?;
        let ours = ServerBinary::at(PathBuf::from(path)).map_err(|error| error.to_string())?;
        let peers = ServerBinary::all().map_err(|error| error.to_string())?;
        Ok(Contestants { ours, peers })
    }
}

pub fn rows(contestants: &Contestants) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for peer in &contestants.peers {
        for pipeline in [1, 16] {
            for load in LOADS {
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                for _ in 0..ROUNDS {
                    ours.push(round(&contestants.ours, load, pipeline)?);
                    theirs.push(round(peer, load, pipeline)?);
                }
                rows.push(Row {
                    name: format!("port, -P {pipeline}: {}", load.name),
                    ours: median(ours),
                    peer: median(theirs),
                    peer_name: peer_name(peer),
                    unit: "req/s",
                    better: Better::Higher,
                });
            }
        }
    }
    Ok(rows)
}

/// The peer's name and version, kept for the whole run.
pub fn peer_name(peer: &ServerBinary) -> &'static str {
    let file = peer
        .path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let kind = if file.contains("valkey") {
        "valkey-server"
    } else {
        "redis-server"
    };
    Box::leak(format!("{kind} {}", peer.version()).into_boxed_str())
}

/// Requests a second in one round, on a server of its own.
fn round(binary: &ServerBinary, load: &Load, pipeline: usize) -> Result<f64, String> {
    let server = Server::builder(binary.clone())
        .tcp()
        .start()
        .map_err(|e| e.to_string())?;
    let mut connection = server.connect().map_err(|error| error.to_string())?;
    let sha = connection
        .call(&["SCRIPT", "LOAD", SCRIPT])
        .map_err(|error| error.to_string())?;
    let sha = String::from_utf8_lossy(sha.as_bytes().unwrap_or_default()).into_owned();
    let url = server.url();
    let port = url
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    let requests = if pipeline == 1 { 100_000 } else { 500_000 };
    let output = Command::new("redis-benchmark")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            port,
            "-c",
            "50",
            "-r",
            "100000",
            "--csv",
            "-q",
        ])
        .args(["-n", &requests.to_string(), "-P", &pipeline.to_string()])
        .args(
            load.args
                .iter()
                .map(|arg| if *arg == SHA_HERE { sha.as_str() } else { arg }),
        )
        .output()
        .map_err(|error| format!("redis-benchmark: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .rev()
        .find(|line| line.starts_with('"') && !line.contains("rps"));
    let rate = line
        .and_then(|line| line.split("\",\"").nth(1))
        .and_then(|rate| rate.parse().ok());
    rate.ok_or_else(|| format!("redis-benchmark said something unexpected: {text}"))
}
