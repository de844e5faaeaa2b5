//! Memory a key: a million small values, as `used_memory` accounts for them and as the process
//! really holds them (resident set), beside redis-server.

use redstart_testkit::{RawConnection, Server, ServerBinary};

use crate::port::{Contestants, peer_name};
use crate::report::{Better, Row};

const KEYS: usize = 1_000_000;
const BATCH: usize = 1_000;

/// How the n-th key is made.
struct Shape {
    name: &'static str,
    command: fn(usize) -> Vec<Vec<u8>>,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "strings, 16 B key, 16 B value",
        command: string,
    },
    Shape {
        name: "hashes of 5 fields",
        command: hash,
    },
    Shape {
        name: "sorted sets of 5 members",
        command: sorted_set,
    },
];

fn words(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

fn string(n: usize) -> Vec<Vec<u8>> {
    words(&["SET", &format!("key:{n:012}"), &format!("value:{n:010}")])
}

fn hash(n: usize) -> Vec<Vec<u8>> {
    let mut args = words(&["HSET", &format!("key:{n:012}")]);
    for field in 0..5 {
        args.extend(words(&[&format!("field{field}"), &format!("value:{n:06}")]));
    }
    args
}

fn sorted_set(n: usize) -> Vec<Vec<u8>> {
    let mut args = words(&["ZADD", &format!("key:{n:012}")]);
    for member in 0..5 {
        args.extend(words(&[
            &(n % 1_000 + member).to_string(),
            &format!("member:{member}"),
        ]));
    }
    args
}

pub fn rows(contestants: &Contestants) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for peer in &contestants.peers {
        for shape in SHAPES {
            let ours = measure(&contestants.ours, shape)?;
            let theirs = measure(peer, shape)?;
            let kinds = [
                ("accounted", ours.0, theirs.0),
                ("resident", ours.1, theirs.1),
            ];
            for (kind, ours, theirs) in kinds {
                rows.push(Row {
                    name: format!("memory, {kind}: {}", shape.name),
                    ours,
                    peer: theirs,
                    peer_name: peer_name(peer),
                    unit: "B/key",
                    better: Better::Lower,
                });
            }
        }
    }
    Ok(rows)
}

/// Bytes a key: accounted, resident.
fn measure(binary: &ServerBinary, shape: &Shape) -> Result<(f64, f64), String> {
    let server = Server::builder(binary.clone())
        .start()
        .map_err(|error| error.to_string())?;
    let mut connection = server.connect().map_err(|error| error.to_string())?;
    let before = (used(&mut connection)?, resident(&server)?);
    let mut batch = Vec::new();
    for start in (0..KEYS).step_by(BATCH) {
        batch.clear();
        for n in start..start + BATCH {
            RawConnection::encode(&(shape.command)(n), &mut batch);
        }
        connection.send(&batch).map_err(|error| error.to_string())?;
        for _ in 0..BATCH {
            let reply = connection.receive().map_err(|error| error.to_string())?;
            if reply.is_error() {
                return Err(format!("{}: {reply:?}", shape.name));
            }
        }
    }
    let after = (used(&mut connection)?, resident(&server)?);
    let per_key = |before: f64, after: f64| (after - before) / KEYS as f64;
    Ok((per_key(before.0, after.0), per_key(before.1, after.1)))
}

fn used(connection: &mut RawConnection) -> Result<f64, String> {
    let info = connection
        .call(&["INFO", "memory"])
        .map_err(|error| error.to_string())?;
    let info = String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned();
    let field = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    field
        .and_then(|bytes| bytes.trim().parse().ok())
        .ok_or_else(|| "INFO memory has no used_memory".to_owned())
}

/// The resident set of the server's process.
fn resident(server: &Server) -> Result<f64, String> {
    let pid = server.pid().ok_or("the server has no process")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|error| format!("/proc/{pid}/status: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<f64> = line.and_then(|text| text.split_whitespace().next()?.parse().ok());
    kib.map(|kib| kib * 1024.0)
        .ok_or_else(|| "no VmRSS".to_owned())
}
