//! A million reads while values change and their keys are invalidated: how many were older than an
//! invalidation that had been acknowledged before the read began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redstart_testkit::Server;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::contestant::{Contestant, Kind, Origin};
use super::{Failure, many};
use crate::report::{Better, Row};

const READS: u64 = 1_000_000;
const READERS: u64 = 64;
const KEYS: u64 = 32;
const ORIGIN: Duration = Duration::from_millis(5);
/// Between one change and the next, of any key.
const PAUSE: Duration = Duration::from_millis(1);

pub fn rows(runtime: &Runtime, server: &Server) -> Result<Vec<Row>, Failure> {
    let mut seen = Vec::new();
    for kind in Kind::ALL {
        server.call(&["FLUSHALL"])?;
        seen.push(runtime.block_on(stale_reads(kind, &server.url()))? as f64);
    }
    let rows = Kind::PEERS.iter().zip(&seen[1..]).map(|(kind, peer)| Row {
        name: format!("stale reads of {}, keys changing", many(READS)),
        ours: seen[0],
        peer: *peer,
        peer_name: kind.name(),
        unit: "stale",
        better: Better::Lower,
    });
    Ok(rows.collect())
}

async fn stale_reads(kind: Kind, url: &str) -> Result<u64, Failure> {
    let contestant = Contestant::connect(kind, url).await?;
    let shared = Arc::new(Shared {
        origin: Origin::new(KEYS as usize, ORIGIN),
        acknowledged: (0..KEYS).map(|_| AtomicU64::new(0)).collect(),
        over: AtomicBool::new(false),
    });
    let changing = tokio::spawn(change(contestant.clone(), Arc::clone(&shared)));
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        readers.spawn(read(contestant.clone(), Arc::clone(&shared), reader));
    }
    let mut stale = 0;
    while let Some(read) = readers.join_next().await {
        stale += read??;
    }
    shared.over.store(true, Ordering::Relaxed);
    changing.await?;
    Ok(stale)
}

struct Shared {
    origin: Arc<Origin>,
    /// Of each key: nothing older may be seen by whoever asks from now on.
    acknowledged: Vec<AtomicU64>,
    over: AtomicBool,
}

async fn change(contestant: Contestant, shared: Arc<Shared>) {
    let mut key = 0;
    while !shared.over.load(Ordering::Relaxed) {
        // All keys in turn, in an order that has no pattern a reader would follow.
        key = (key * 5 + 7) % KEYS;
        let version = shared.origin.commit(key);
        // On a busy machine one may come too late; only what is acknowledged counts.
        while contestant.invalidate(key).await.is_err() {}
        shared.acknowledged[key as usize].store(version, Ordering::SeqCst);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(contestant: Contestant, shared: Arc<Shared>, reader: u64) -> Result<u64, Failure> {
    let mut stale = 0;
    for turn in 0..many(READS) / READERS {
        let key = (reader * 7 + turn) % KEYS;
        let oldest = shared.acknowledged[key as usize].load(Ordering::SeqCst);
        let seen: u64 = contestant.read(key, &shared.origin).await?.parse()?;
        stale += u64::from(seen < oldest);
    }
    Ok(stale)
}
