//! Replies belong to the requests that get them, whatever happens to connections and slots: many
//! tasks read, every value carries its key, and nobody may ever see another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart_testkit::{Cluster, Failover, Faults};
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(60);

const TASKS: usize = 200;

/// Tasks that read keys of their own and each other's, until they are stopped.
struct Readers {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

fn key(number: usize) -> String {
    format!("key:{number}")
}

fn value(key: &str) -> String {
    format!("value of {key}")
}

impl Readers {
    async fn start(store: &Store) -> Readers {
        let mut writes = store.pipeline();
        for number in 0..TASKS {
            let key = key(number);
            writes = writes.command(["SET", &key, &value(&key)]);
        }
        for written in writes.await.unwrap() {
            written.unwrap();
        }
        let mut readers = Readers {
            stop: Arc::default(),
            reads: Arc::default(),
            tasks: JoinSet::new(),
        };
        for number in 0..TASKS {
            let store = store.clone();
            let (stop, reads) = (Arc::clone(&readers.stop), Arc::clone(&readers.reads));
            readers.tasks.spawn(async move {
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    match round % 4 {
                        0 => read_several(&store, number + round).await,
                        _ => read(&store, &key(number)).await,
                    }
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        readers
    }

    /// Until so many more reads have come back.
    async fn more(&self, count: u64) {
        let goal = self.reads.load(Ordering::Relaxed) + count;
        while self.reads.load(Ordering::Relaxed) < goal {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
    }
}

async fn read(store: &Store, key: &str) {
    let read = store.command(["GET", key]).returning::<String>();
    assert_eq!(read.await.unwrap(), value(key));
}

/// Keys of several nodes in one pipeline.
async fn read_several(store: &Store, first: usize) {
    let keys: Vec<String> = (0..8).map(|n| key((first + n * 17) % TASKS)).collect();
    let mut reads = store.pipeline();
    for key in &keys {
        reads = reads.command(["GET", key]);
    }
    for (key, read) in keys.iter().zip(reads.await.unwrap()) {
        assert_eq!(read.unwrap(), redstart::Value::bulk(value(key)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reply_ever_goes_to_another_request() {
    let cluster = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::from_path().unwrap();
        cluster.proxied().start().unwrap()
    });
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    let readers = Readers::start(&store).await;
    readers.more(1_000).await;

    for round in 0..3 {
        for node in cluster.nodes() {
            let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
            node.call(&kill).unwrap();
            readers.more(200).await;
        }
        for proxy in cluster.proxies() {
            proxy.set(Faults::none().pieces(3).delay(Duration::from_millis(2)));
            readers.more(200).await;
            proxy.cut();
            readers.more(200).await;
            // Some replies are lost, and the connections with them.
            proxy.set(Faults::none().dropping_replies());
            proxy.heal();
            proxy.cut();
        }
        readers.more(200).await;

        let slot = cluster.slot_of(&key(round)).unwrap();
        let from = cluster.primary_of(slot).unwrap();
        let to = (0..cluster.nodes().len()).find(|node| {
            *node != from
                && cluster
                    .replicas_of(*node)
                    .is_ok_and(|replicas| !replicas.is_empty())
        });
        let moving = cluster.begin_move(slot, to.unwrap()).unwrap();
        readers.more(200).await;
        while moving.migrate(1).unwrap() > 0 {
            readers.more(50).await;
        }
        moving.finish().unwrap();
        readers.more(200).await;

        let replica = cluster.replicas_of(from).unwrap()[0];
        cluster.failover(replica, Failover::Coordinated).unwrap();
        readers.more(500).await;
    }
    readers.stop().await;
}
