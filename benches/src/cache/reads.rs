//! Hits, misses and loads that take no time: what the cache adds to plain commands.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use redis::aio::MultiplexedConnection;
use redstart::Store;
use redstart::cache::Cache;
use redstart_testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Failure;
use super::contestant::{Contestant, Kind, Origin, cache, cached, name, raw, value};
use crate::report::{Better, Row, median};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(300);
const TASKS: [u64; 2] = [1, 64];
const KEYS: u64 = 10_000;

pub fn rows(runtime: &Runtime, server: &Server) -> Result<Vec<Row>, Failure> {
    runtime.block_on(async {
        let mut rows = vec![embedded().await?];
        let url = server.url();
        let store = Store::open(&url).await?;
        let readers = [
            Reader::Cache(cache(&store)?),
            Reader::Get(store),
            Reader::Raw(raw(&url).await?),
            Reader::Cached(cached(&url).await?),
        ];
        fill(&readers).await?;
        for tasks in TASKS {
            rows.extend(compare("hit", tasks, 0, &readers).await?);
        }
        for tasks in TASKS {
            rows.extend(compare("miss", tasks, KEYS, &readers).await?);
        }
        rows.extend(loads(&url).await?);
        Ok(rows)
    })
}

async fn embedded() -> Result<Row, Failure> {
    let store = Store::open("memory:").await?;
    let (cache, plain) = (cache(&store)?, Reader::Get(store));
    let readers = [Reader::Cache(cache), plain];
    fill(&readers).await?;
    let mut rounds = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (reader, costs) in readers.iter().zip(&mut rounds) {
            let (mut reader, start, mut done) = (reader.clone(), Instant::now(), 0);
            while start.elapsed() < ROUND {
                for _ in 0..1_000 {
                    black_box(reader.finds(done * 31 % KEYS).await?);
                    done += 1;
                }
            }
            costs.push(start.elapsed().as_nanos() as f64 / done as f64);
        }
    }
    let [ours, peer] = rounds.map(median);
    Ok(Row {
        name: "embedded: hit".to_owned(),
        ours,
        peer,
        peer_name: "GET, the same store",
        unit: "ns",
        better: Better::Lower,
    })
}

/// Who reads.
#[derive(Clone)]
enum Reader {
    Cache(Cache<u64, String>),
    Get(Store),
    Raw(MultiplexedConnection),
    Cached(AsyncRedisCache<u64, String>),
}

impl Reader {
    fn name(&self) -> &'static str {
        match self {
            Reader::Cache(_) => "redstart",
            Reader::Get(_) => "GET, the same store",
            Reader::Raw(_) => "GET, redis-rs",
            Reader::Cached(_) => "cached 4.1",
        }
    }

    async fn finds(&mut self, key: u64) -> Result<bool, Failure> {
        let found: Option<String> = match self {
            Reader::Cache(cache) => cache.get(&key).await?,
            Reader::Get(store) => store.command(["GET", &name(key)]).returning().await?,
            Reader::Raw(connection) => {
                let mut get = redis::cmd("GET");
                get.arg(name(key)).query_async(connection).await?
            }
            Reader::Cached(cache) => cache.async_cache_get(&key).await?,
        };
        Ok(found.is_some())
    }
}

async fn fill(readers: &[Reader]) -> Result<(), Failure> {
    for key in 0..KEYS {
        for reader in readers {
            match reader {
                Reader::Cache(cache) => drop(cache.put(&key, &value(key)).await?),
                Reader::Get(store) => {
                    let set = store.command(["SET", &name(key), &value(key)]);
                    set.returning::<()>().await?;
                }
                // It reads what the one before it reads.
                Reader::Raw(_) => {}
                Reader::Cached(cache) => drop(cache.async_cache_set(key, value(key)).await?),
            }
        }
    }
    Ok(())
}

/// Reads a second of keys from `first` on.
async fn compare(
    what: &str,
    tasks: u64,
    first: u64,
    readers: &[Reader],
) -> Result<Vec<Row>, Failure> {
    let mut rounds = vec![Vec::new(); readers.len()];
    for _ in 0..ROUNDS {
        for (reader, rates) in readers.iter().zip(&mut rounds) {
            let reading = |task| Work::Read {
                reader: reader.clone(),
                first,
                task,
            };
            rates.push(rate(tasks, reading).await?);
        }
    }
    let mut rates = rounds.into_iter().map(median);
    let ours = rates.next().unwrap_or_default();
    let peers = readers.iter().skip(1).zip(rates);
    let rows = peers.map(|(reader, peer)| Row {
        name: format!("{what}, tasks {tasks}"),
        ours,
        peer,
        peer_name: reader.name(),
        unit: "reads/s",
        better: Better::Higher,
    });
    Ok(rows.collect())
}

/// Reads a second of keys that nobody has asked for before, of an origin that takes no time.
async fn loads(url: &str) -> Result<Vec<Row>, Failure> {
    let tasks = TASKS[1];
    let origin = Origin::new(1, Duration::ZERO);
    let fresh = Arc::new(AtomicU64::new(1_000_000));
    let mut contestants = Vec::new();
    for kind in Kind::ALL {
        contestants.push((kind, Contestant::connect(kind, url).await?));
    }
    let mut rounds = Kind::ALL.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, contestant), rates) in contestants.iter().zip(&mut rounds) {
            let loading = |_| Work::Load {
                contestant: contestant.clone(),
                origin: Arc::clone(&origin),
                fresh: Arc::clone(&fresh),
            };
            rates.push(rate(tasks, loading).await?);
        }
    }
    let [ours, peers @ ..] = rounds.map(median);
    let rows = Kind::PEERS.iter().zip(peers).map(|(kind, peer)| Row {
        name: format!("miss, load and fill, tasks {tasks}"),
        ours,
        peer,
        peer_name: kind.name(),
        unit: "loads/s",
        better: Better::Higher,
    });
    Ok(rows.collect())
}

/// What a task does again and again.
enum Work {
    Read {
        reader: Reader,
        /// Keys from here on; those from 0 on are there.
        first: u64,
        task: u64,
    },
    Load {
        contestant: Contestant,
        origin: Arc<Origin>,
        fresh: Arc<AtomicU64>,
    },
}

impl Work {
    async fn once(&mut self, turn: u64) -> Result<(), Failure> {
        match self {
            Work::Read {
                reader,
                first,
                task,
            } => {
                let key = *first + (*task * 7919 + turn * 31) % KEYS;
                match reader.finds(key).await? == (*first == 0) {
                    true => Ok(()),
                    false => Err("a hit for a miss, or a miss for a hit".into()),
                }
            }
            Work::Load {
                contestant,
                origin,
                fresh,
            } => {
                let key = fresh.fetch_add(1, Ordering::Relaxed);
                contestant.read(key, origin).await.map(drop)
            }
        }
    }
}

/// How often a second all tasks together do something.
async fn rate(tasks: u64, work: impl Fn(u64) -> Work) -> Result<f64, Failure> {
    let (mut running, start) = (JoinSet::new(), Instant::now());
    for task in 0..tasks {
        let mut work = work(task);
        running.spawn(async move {
            let mut done = 0;
            while start.elapsed() < ROUND {
                work.once(done).await?;
                done += 1;
            }
            Ok::<_, Failure>(done)
        });
    }
    let mut done = 0;
    while let Some(ended) = running.join_next().await {
        done += ended??;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}
