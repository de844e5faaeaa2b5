//! How long a client is without its server when the server changes: from the moment at which it could
//! know (a sentinel names the new primary, a node of a cluster says that it is one, a frozen server
//! goes on) to the first write that succeeds.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redstart_testkit::{Address, Cluster, Failover, RawConnection, Sentinel, Server};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Failure;
use super::client::Client;
use crate::report::{Better, Row, median};

const TRIES: usize = 3;
/// Writers of each contestant, so that one in the middle of a pause does not decide.
const WRITERS: usize = 8;
/// Nobody stays away for so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any deadline of the contestants, and than the store trusts a silent connection.
const FROZEN: Duration = Duration::from_secs(5);
const KEY: &str = "written";

pub fn rows(runtime: &Runtime) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (name, killed) in [
        ("Sentinel, primary hands over: first write", false),
        ("Sentinel, primary killed: first write", true),
    ] {
        let tries: Vec<f64> = tries(|| sentinel(runtime, killed))?;
        rows.push(row(name, median(tries), 200.0, "the aim"));
    }
    for (name, killed) in [
        ("cluster, primary hands over: first write", false),
        ("cluster, primary killed: first write", true),
    ] {
        let (ours, peers) = tries(|| cluster(runtime, killed))?;
        rows.push(row(name, median(ours), median(peers), "redis-rs' cluster"));
    }
    let (ours, peers) = tries(|| thawed(runtime))?;
    let name = "SIGCONT after 5 s: first write";
    rows.push(row(name, median(ours), median(peers), "redis-rs"));
    Ok(rows)
}

fn row(name: &str, ours: f64, peer: f64, peer_name: &'static str) -> Row {
    Row {
        name: name.to_owned(),
        ours,
        peer,
        peer_name,
        unit: "ms",
        better: Better::Lower,
    }
}

/// On a busy machine a failover may fail, because those who vote give up: that is no measurement.
fn tries<T, C: Default + Extend<T>>(
    mut once: impl FnMut() -> Result<T, Failure>,
) -> Result<C, Failure> {
    let (mut all, mut done, mut failed) = (C::default(), 0, 0);
    while done < TRIES {
        match once() {
            Ok(measured) => {
                all.extend([measured]);
                done += 1;
            }
            Err(failure) if failed == TRIES => return Err(failure),
            Err(_) => failed += 1,
        }
    }
    Ok(all)
}

fn sentinel(runtime: &Runtime, killed: bool) -> Result<f64, Failure> {
    let mut deployment = Sentinel::from_path()?.start()?;
    let mut ours = runtime.block_on(Writers::of(Client::store(&deployment.url())))?;
    let primary = deployment.primary()?;
    let old = deployment.servers()[primary].address().url();
    let promotion = Promotion::watch(deployment.sentinels(), move |sentinel| {
        Ok(!old.ends_with(&named_primary(sentinel)?))
    });
    match killed {
        true => deployment.servers_mut()[primary].kill(),
        false => deployment.failover()?,
    }
    let promoted = promotion.seen()?;
    runtime.block_on(ours.first_after(promoted))
}

fn cluster(runtime: &Runtime, killed: bool) -> Result<(f64, f64), Failure> {
    let mut cluster = Cluster::from_path()?.start()?;
    let url = cluster.url();
    let mut ours = runtime.block_on(Writers::of(Client::store(&url)))?;
    let mut peers = runtime.block_on(Writers::of(Client::raw_cluster(&url)))?;
    let primary = cluster.primary_of(cluster.slot_of(KEY)?)?;
    let replica = *cluster
        .replicas_of(primary)?
        .first()
        .ok_or("the primary has no replica")?;
    let promotion = Promotion::watch(&cluster.nodes()[replica..=replica], is_primary);
    match killed {
        true => cluster.nodes_mut()[primary].kill(),
        false => cluster.failover(replica, Failover::Coordinated)?,
    }
    let promoted = promotion.seen()?;
    runtime.block_on(async {
        let ours = ours.first_after(promoted).await?;
        Ok((ours, peers.first_after(promoted).await?))
    })
}

fn thawed(runtime: &Runtime) -> Result<(f64, f64), Failure> {
    let server = Server::from_path()?.tcp().start()?;
    let mut ours = runtime.block_on(Writers::of(Client::store(&server.url())))?;
    let mut peers = runtime.block_on(Writers::of(Client::raw(&server.url())))?;
    server.pause()?;
    std::thread::sleep(FROZEN);
    server.resume()?;
    let thawed = Instant::now();
    runtime.block_on(async {
        let ours = ours.first_after(thawed).await?;
        Ok((ours, peers.first_after(thawed).await?))
    })
}

/// Tasks that write one key again and again, and tell when a write has succeeded.
struct Writers {
    _running: JoinSet<()>,
    successes: mpsc::UnboundedReceiver<Instant>,
}

impl Writers {
    /// Returns when the first write has succeeded.
    async fn of(client: impl Future<Output = Result<Client, Failure>>) -> Result<Writers, Failure> {
        let client = client.await?;
        let (tell, successes) = mpsc::unbounded_channel();
        let mut running = JoinSet::new();
        for _ in 0..WRITERS {
            let (mut client, tell) = (client.clone(), tell.clone());
            running.spawn(async move {
                loop {
                    if client.write(KEY, "value").await.is_ok() {
                        let _ = tell.send(Instant::now());
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }
        let mut writers = Writers {
            _running: running,
            successes,
        };
        writers.first_after(Instant::now()).await?;
        Ok(writers)
    }

    /// Milliseconds from then to the first success after it.
    async fn first_after(&mut self, then: Instant) -> Result<f64, Failure> {
        let first = async {
            while let Some(success) = self.successes.recv().await {
                if success > then {
                    return Some((success - then).as_secs_f64() * 1e3);
                }
            }
            None
        };
        let first = tokio::time::timeout(PATIENCE, first).await;
        let first = first.map_err(|_| "no write succeeded any more")?;
        first.ok_or_else(|| "the writers have ended".into())
    }
}

/// Looks every millisecond whether one of some servers says that there is a new primary.
struct Promotion {
    watching: JoinHandle<Option<Instant>>,
    over: Arc<AtomicBool>,
}

impl Promotion {
    fn watch(
        servers: &[Server],
        is_seen: impl Fn(&Address) -> io::Result<bool> + Send + 'static,
    ) -> Promotion {
        let addresses: Vec<Address> = servers.iter().map(|s| s.address().clone()).collect();
        let over = Arc::new(AtomicBool::new(false));
        let watching = std::thread::spawn({
            let over = over.clone();
            move || {
                while !over.load(Ordering::Relaxed) {
                    // Who ends connections because its role changes is asked again.
                    if addresses.iter().any(|at| is_seen(at).unwrap_or(false)) {
                        return Some(Instant::now());
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                None
            }
        });
        Promotion { watching, over }
    }

    /// When that was.
    fn seen(self) -> Result<Instant, Failure> {
        let begun = Instant::now();
        while !self.watching.is_finished() {
            if begun.elapsed() > PATIENCE {
                self.over.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let seen = self.watching.join().ok().flatten();
        seen.ok_or_else(|| "nobody was promoted".into())
    }
}

fn is_primary(address: &Address) -> io::Result<bool> {
    let info = RawConnection::open(address)?.call(&["INFO", "replication"])?;
    let info = String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned();
    Ok(info.contains("role:master"))
}

/// `host:port`, as a sentinel tells it.
fn named_primary(sentinel: &Address) -> io::Result<String> {
    let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"];
    let answer = RawConnection::open(sentinel)?.call(&question)?;
    let words = answer.as_elements().unwrap_or_default().iter();
    let words = words.map(|word| String::from_utf8_lossy(word.as_bytes().unwrap_or_default()));
    Ok(words.collect::<Vec<_>>().join(":"))
}
