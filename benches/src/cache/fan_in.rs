//! A cold key: many processes with a thousand tasks each want it at the same moment. Counted is
//! how often the origin is asked, and how long it takes until all have the value.
//!
//! This program starts itself: a child is one of the processes, and prints what it has seen.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redstart_testkit::Server;
use tokio::task::JoinSet;

use super::contestant::{Contestant, Kind, Origin, raw};
use super::{Failure, runtime};
use crate::report::{Better, Row};

/// The first argument of a child; its others are who it is, the server and how many they are.
pub const CHILD: &str = "cache-caller";

const PROCESSES: [u64; 2] = [1, 8];
const TASKS: usize = 1_000;
const ORIGIN: Duration = Duration::from_millis(200);
const KEY: u64 = 7;
/// Where the processes count themselves, so as to start together.
const READY: &str = "bench:ready";

pub fn rows(server: &Server) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for processes in PROCESSES {
        let mut seen = Vec::new();
        for kind in Kind::ALL {
            server.call(&["FLUSHALL"])?;
            seen.push(race(kind, &server.url(), processes)?);
        }
        for (kind, theirs) in Kind::PEERS.iter().zip(&seen[1..]) {
            let row = |what: &str, ours, peer, unit| Row {
                name: format!("cold key, {processes} × 1,000 tasks: {what}"),
                ours,
                peer,
                peer_name: kind.name(),
                unit,
                better: Better::Lower,
            };
            rows.push(row("loads", seen[0].0, theirs.0, "loads"));
            rows.push(row("all served", seen[0].1, theirs.1, "ms"));
        }
    }
    Ok(rows)
}

/// Loads of all processes together, and the milliseconds of the slowest.
fn race(kind: Kind, url: &str, processes: u64) -> Result<(f64, f64), Failure> {
    let mut children = Vec::new();
    for _ in 0..processes {
        let mut child = Command::new(std::env::current_exe()?);
        child.args([CHILD, kind.name(), url, &processes.to_string()]);
        children.push(child.stdout(Stdio::piped()).spawn()?);
    }
    let (mut loads, mut slowest) = (0.0, 0.0_f64);
    for child in children {
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (made, took) = text.trim().split_once(' ').ok_or("a process failed")?;
        loads += made.parse::<f64>()?;
        slowest = slowest.max(took.parse()?);
    }
    Ok((loads, slowest))
}

/// One of the processes.
pub fn child() -> Result<(), String> {
    let run = || {
        let arguments: Vec<String> = std::env::args().skip(2).collect();
        let [kind, url, processes] = arguments.as_slice() else {
            return Err("three arguments are missing".into());
        };
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
        let kind = kind.ok_or("nobody is called so")?;
        let (loads, took) = runtime()?.block_on(call(kind, url, processes.parse()?))?;
        println!("{loads} {}", took.as_secs_f64() * 1e3);
        Ok(())
    };
    run().map_err(|error: Failure| error.to_string())
}

async fn call(kind: Kind, url: &str, processes: u64) -> Result<(u64, Duration), Failure> {
    let contestant = Contestant::connect(kind, url).await?;
    let mut connection = raw(url).await?;
    let mut incr = redis::cmd("INCR");
    let mut ready: u64 = incr.arg(READY).query_async(&mut connection).await?;
    while ready < processes {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut get = redis::cmd("GET");
        ready = get.arg(READY).query_async(&mut connection).await?;
    }
    let (origin, start) = (Origin::new(1, ORIGIN), Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (contestant, origin) = (contestant.clone(), Arc::clone(&origin));
        tasks.spawn(async move { contestant.read(KEY, &origin).await });
    }
    while let Some(read) = tasks.join_next().await {
        read??;
    }
    Ok((origin.loads(), start.elapsed()))
}
