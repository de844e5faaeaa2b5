//! What callers see of a Redis that hangs: how long a read takes, at first and after a while, and
//! how many get a value.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redstart_testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Failure;
use super::contestant::{Contestant, Kind, Origin};
use crate::report::{Better, Row};

const CALLERS: u64 = 64;
const ORIGIN: Duration = Duration::from_millis(5);
/// How long the server hangs; the later half counts as later.
const FROZEN: Duration = Duration::from_secs(6);

pub fn rows(runtime: &Runtime) -> Result<Vec<Row>, Failure> {
    let mut seen = Vec::new();
    for kind in Kind::ALL {
        let server = Server::from_path()?.tcp().start()?;
        let contestant = runtime.block_on(Contestant::connect(kind, &server.url()))?;
        server.pause()?;
        seen.push(runtime.block_on(reads(&contestant))?);
        server.resume()?;
    }
    let ours = &seen[0];
    let mut rows = Vec::new();
    for (kind, theirs) in Kind::PEERS.iter().zip(&seen[1..]) {
        let row = |name: &str, ours, peer, unit, better| Row {
            name: format!("frozen: {name}"),
            ours,
            peer,
            peer_name: kind.name(),
            unit,
            better,
        };
        let (lower, higher) = (Better::Lower, Better::Higher);
        rows.extend([
            row(
                "p99 of the first reads",
                ours.first,
                theirs.first,
                "ms",
                lower,
            ),
            row("p99 after 3 s", ours.later, theirs.later, "ms", lower),
            row(
                "reads with a value",
                ours.served,
                theirs.served,
                "%",
                higher,
            ),
        ]);
    }
    Ok(rows)
}

/// What the callers have seen.
struct Seen {
    /// 99th percentiles, in milliseconds.
    first: f64,
    later: f64,
    /// Of a hundred reads.
    served: f64,
}

async fn reads(contestant: &Contestant) -> Result<Seen, Failure> {
    let origin = Origin::new(1, ORIGIN);
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (contestant, origin) = (contestant.clone(), Arc::clone(&origin));
        callers.spawn(async move {
            let mut reads = Vec::new();
            while begun.elapsed() < FROZEN {
                let start = Instant::now();
                let served = contestant.read(caller, &origin).await.is_ok();
                reads.push((start - begun, start.elapsed(), served));
                // Who is refused at once comes back in a moment, as a program would.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            reads
        });
    }
    let (mut first, mut later, mut served, mut all) = (Vec::new(), Vec::new(), 0, 0);
    while let Some(reads) = callers.join_next().await {
        let reads = reads?;
        first.extend(reads.first().map(|(_, took, _)| *took));
        let late = reads.iter().filter(|(start, ..)| *start > FROZEN / 2);
        later.extend(late.map(|(_, took, _)| *took));
        served += reads.iter().filter(|(.., served)| *served).count();
        all += reads.len();
    }
    Ok(Seen {
        first: p99(first),
        later: p99(later),
        served: served as f64 * 100.0 / all as f64,
    })
}

fn p99(mut waits: Vec<Duration>) -> f64 {
    waits.sort_unstable();
    let at = waits.len().saturating_sub(1) * 99 / 100;
    waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}
