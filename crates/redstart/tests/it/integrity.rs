//! Replies belong to the requests that get them, whatever happens to connections and slots: many
//! tasks read, every value carries its key, and nobody may ever see another's. Meanwhile numbers are
//! published to a thousand shard channels, and what is missing of them has a gap in its place.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::store::{Event, Subscription};
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

/// How many shard channels there are, in slots of all nodes.
const CHANNELS: usize = 1_000;

/// Of each channel, the numbers whose publishing was acknowledged.
type Acknowledged = Arc<Mutex<HashMap<String, BTreeSet<u64>>>>;

/// Publishes numbers and hears them.
struct Channels {
    stop: Arc<AtomicBool>,
    publishing: tokio::task::JoinHandle<()>,
    listening: tokio::task::JoinHandle<()>,
}

impl Channels {
    async fn start(store: &Store) -> Channels {
        let names: Vec<String> = (0..CHANNELS)
            .map(|number| format!("channel:{number}"))
            .collect();
        let subscription = store.subscribe_shards(&names).capacity(100_000, 64 << 20);
        let subscription = subscription.await.unwrap();
        let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Acknowledged::default());
        Channels {
            publishing: tokio::spawn(publish(
                store.clone(),
                names,
                Arc::clone(&stop),
                Arc::clone(&acknowledged),
            )),
            listening: tokio::spawn(listen(subscription, acknowledged)),
            stop,
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.publishing.await.unwrap();
        tokio::time::timeout(LONG, self.listening)
            .await
            .unwrap()
            .unwrap();
    }
}

const LAST: &str = "the last one";

async fn publish(store: Store, names: Vec<String>, stop: Arc<AtomicBool>, known: Acknowledged) {
    for number in 1_u64.. {
        let stopping = stop.load(Ordering::Relaxed);
        for name in &names {
            let text = match stopping {
                true => LAST.to_owned(),
                false => number.to_string(),
            };
            let published = store.command(["SPUBLISH", name, &text]).await;
            match published {
                Ok(_) => {
                    let mut known = known.lock().unwrap();
                    known.entry(name.clone()).or_default().insert(number);
                }
                Err(error) => assert!(!stopping, "{error}"),
            }
            if !stopping && stop.load(Ordering::Relaxed) {
                break;
            }
        }
        if stopping {
            return;
        }
    }
}

/// Until the last one was heard on every channel. What was acknowledged and is missing has a gap
/// in its place.
async fn listen(mut subscription: Subscription, known: Acknowledged) {
    let mut left: HashSet<String> = (0..CHANNELS)
        .map(|number| format!("channel:{number}"))
        .collect();
    let mut heard: HashMap<String, u64> = HashMap::new();
    let mut gaps: HashSet<String> = HashSet::new();
    while !left.is_empty() {
        match subscription.next().await.unwrap() {
            Event::Message(message) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let (name, payload) = (text(&message.channel), text(&message.payload));
                let number = match payload.parse() {
                    Ok(number) => number,
                    Err(_) => {
                        assert_eq!(payload, LAST);
                        left.remove(&name);
                        continue;
                    }
                };
                let before = heard.insert(name.clone(), number).unwrap_or(0);
                if !gaps.remove(&name) && before + 1 < number {
                    let known = known.lock().unwrap();
                    let missing = known.get(&name);
                    let missing = missing.and_then(|known| known.range(before + 1..number).next());
                    assert_eq!(missing, None, "{name}: {number} after {before}");
                }
            }
            Event::Gap(gap) => {
                let all = (0..CHANNELS).map(|number| format!("channel:{number}"));
                gaps.extend(all.filter(|name| gap.affected.includes(name.as_bytes())));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reply_goes_to_another_request_and_no_message_is_missing_without_a_gap() {
    let cluster = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::from_path().unwrap();
        cluster.proxied().start().unwrap()
    });
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    let readers = Readers::start(&store).await;
    let channels = Channels::start(&store).await;
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
    channels.stop().await;
}
