//! Requests a second, and the processor time that each costs the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redstart_testkit::{Cluster, Server};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Failure;
use super::client::{Client, Material, Work};
use crate::report::{Better, Row, median};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(300);
const TASKS: [usize; 2] = [1, 512];
const KEYS: usize = 10_000;
/// Of a value.
const BYTES: usize = 64;
const SCRIPT: &str = "return redis.call('exists', KEYS[1])";

pub fn rows(runtime: &Runtime) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let server = Server::from_path()?.tcp().start()?;
    runtime.block_on(async {
        let contestants = Contestants {
            deployment: "standalone",
            ours: Client::store(&server.url()).await?,
            peer: Client::raw(&server.url()).await?,
            peer_name: "redis-rs",
            material: Arc::new(fill(&[&server], &server.url()).await?),
        };
        contestants.compare(&mut rows).await
    })?;
    drop(server);

    let cluster = Cluster::from_path()?.replicas(0).start()?;
    let nodes: Vec<&Server> = cluster.nodes().iter().collect();
    runtime.block_on(async {
        let contestants = Contestants {
            deployment: "cluster",
            ours: Client::store(&cluster.url()).await?,
            peer: Client::raw_cluster(&cluster.url()).await?,
            peer_name: "redis-rs' cluster",
            material: Arc::new(fill(&nodes, &cluster.url()).await?),
        };
        contestants.compare(&mut rows).await
    })?;
    Ok(rows)
}

/// Writes the keys, and loads the script on every node.
async fn fill(nodes: &[&Server], url: &str) -> Result<Material, Failure> {
    let mut sha = String::new();
    for node in nodes {
        let loaded = node.connect()?.call(&["SCRIPT", "LOAD", SCRIPT])?;
        sha = String::from_utf8_lossy(loaded.as_bytes().unwrap_or_default()).into_owned();
    }
    let material = Material {
        keys: (0..KEYS).map(|n| format!("key:{n:08}")).collect(),
        value: "x".repeat(BYTES),
        sha,
    };
    let mut client = Client::store(url).await?;
    for at in 0..KEYS {
        client.ask(Work::Set, &material, at).await?;
    }
    Ok(material)
}

struct Contestants {
    deployment: &'static str,
    ours: Client,
    peer: Client,
    peer_name: &'static str,
    material: Arc<Material>,
}

impl Contestants {
    async fn compare(&self, rows: &mut Vec<Row>) -> Result<(), Failure> {
        for tasks in TASKS {
            for work in Work::ALL {
                let (mut ours, mut peer) = (Rounds::default(), Rounds::default());
                for _ in 0..ROUNDS {
                    ours.add(round(&self.ours, work, tasks, &self.material).await?);
                    peer.add(round(&self.peer, work, tasks, &self.material).await?);
                }
                let name = format!("{}, tasks {tasks}: {}", self.deployment, work.name());
                let row = |name, ours, peer, unit, better| Row {
                    name,
                    ours,
                    peer,
                    peer_name: self.peer_name,
                    unit,
                    better,
                };
                let (ours, peer) = (ours.medians(), peer.medians());
                let cpu = format!("{name}, client's CPU");
                rows.push(row(name, ours.0, peer.0, "req/s", Better::Higher));
                rows.push(row(cpu, ours.1, peer.1, "µs/req", Better::Lower));
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    costs: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, (rate, cost): (f64, f64)) {
        self.rates.push(rate);
        self.costs.push(cost);
    }

    fn medians(self) -> (f64, f64) {
        (median(self.rates), median(self.costs))
    }
}

/// Requests a second, and microseconds of processor time of this process for each.
async fn round(
    client: &Client,
    work: Work,
    tasks: usize,
    material: &Arc<Material>,
) -> Result<(f64, f64), Failure> {
    let over = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    let (started, cpu) = (Instant::now(), cpu_time());
    for task in 0..tasks {
        let (mut client, material, over) = (client.clone(), material.clone(), over.clone());
        running.spawn(async move {
            let (mut done, mut at) = (0_u64, task * 7919);
            while !over.load(Ordering::Relaxed) {
                client.ask(work, &material, at).await?;
                at += 31;
                done += 1;
            }
            Ok::<_, Failure>(done)
        });
    }
    tokio::time::sleep(ROUND).await;
    over.store(true, Ordering::Relaxed);
    let mut done = 0;
    while let Some(ended) = running.join_next().await {
        done += ended??;
    }
    let (took, cpu) = (started.elapsed(), cpu_time() - cpu);
    let done = done as f64;
    Ok((done / took.as_secs_f64(), cpu.as_secs_f64() * 1e6 / done))
}

/// Of this process, not of the servers it started.
fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}
