//! What callers see of a server that hangs: how long a request takes to fail, at first and after a
//! while, when a client may have learnt that there is no use in waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redstart_testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Failure;
use super::client::{Client, Material, Work};
use crate::report::{Better, Row};

const CALLERS: usize = 64;
/// What redis-rs allows a request unless it is told otherwise; here the store does, too.
const DEADLINE: Duration = Duration::from_millis(500);
/// How long the server hangs; the later half counts as later.
const FROZEN: Duration = Duration::from_secs(6);

pub fn rows(runtime: &Runtime) -> Result<Vec<Row>, Failure> {
    let server = Server::from_path()?.tcp().start()?;
    let url = server.url();
    let mut clients = runtime.block_on(async {
        let store = redstart::Store::builder(&url).deadline(DEADLINE).open();
        let (store, raw) = (store.await?, Client::raw(&url).await?);
        Ok::<_, Failure>([Client::Store(store), raw])
    })?;
    server.pause()?;
    let waits = runtime.block_on(async {
        let [ours, peer] = &mut clients;
        tokio::join!(waits(ours), waits(peer))
    });
    server.resume()?;
    let (ours, peer) = (waits.0?, waits.1?);
    let row = |name: &str, ours, peer| Row {
        name: name.to_owned(),
        ours,
        peer,
        peer_name: "redis-rs",
        unit: "ms",
        better: Better::Lower,
    };
    Ok(vec![
        row("frozen: p99 of the first requests", ours.0, peer.0),
        row("frozen: p99 after 3 s", ours.1, peer.1),
    ])
}

/// The 99th percentile of how long requests took, in milliseconds: of the first of each caller,
/// and of all that began in the later half.
async fn waits(client: &Client) -> Result<(f64, f64), Failure> {
    let material = Arc::new(Material {
        keys: (0..CALLERS).map(|n| format!("key:{n}")).collect(),
        value: String::new(),
        sha: String::new(),
    });
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (mut client, material) = (client.clone(), material.clone());
        callers.spawn(async move {
            let mut waits = Vec::new();
            while begun.elapsed() < FROZEN {
                let start = Instant::now();
                if client.ask(Work::Get, &material, caller).await.is_ok() {
                    return Err("a frozen server has answered");
                }
                waits.push((start - begun, start.elapsed()));
                // Who is refused at once comes back in a moment, as a program would.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(waits)
        });
    }
    let (mut first, mut later) = (Vec::new(), Vec::new());
    while let Some(waits) = callers.join_next().await {
        let waits = waits??;
        first.extend(waits.first().map(|(_, took)| *took));
        let late = waits.iter().filter(|(start, _)| *start > FROZEN / 2);
        later.extend(late.map(|(_, took)| *took));
    }
    Ok((p99(first), p99(later)))
}

fn p99(mut waits: Vec<Duration>) -> f64 {
    waits.sort_unstable();
    let at = waits.len().saturating_sub(1) * 99 / 100;
    waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}
