//! Pub/sub: every subscriber gets every message, in the order in which they were published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redstart::Value;
use redstart_engine::{Client, Engine, Outbox, Peer};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Finding, Shortfall, Stage, check, figures};

const SUBSCRIBERS: u64 = 4;
/// Messages sent one by one, each when everybody has the last one: they tell how long one takes.
const SINGLE: u64 = 1_000;
/// Messages sent one after the other without waiting: they tell how many there can be.
const STREAMED: u64 = 20_000;
const CHANNEL: &str = "redstart-tour:notifications";

pub(super) async fn run(stage: &Stage) -> Finding {
    let Some(engine) = &stage.engine else {
        return Err(Shortfall::NotHere(
            "subscriptions on a remote store come with a later release",
        ));
    };
    let heard = Arc::new(Heard::default());
    let mut subscribers = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let subscriber = Subscriber::new(engine, &heard);
        let time = stage.store.time().clone();
        subscribers.spawn(subscriber.listen(move || time.monotonic()));
    }
    for number in 0..SINGLE {
        publish(stage, number).await?;
        heard.wait_for((number + 1) * SUBSCRIBERS).await;
    }
    let started = stage.now();
    for number in SINGLE..SINGLE + STREAMED {
        publish(stage, number).await?;
    }
    let mut latencies = Vec::new();
    while let Some(ended) = subscribers.join_next().await {
        let single = ended.expect("a subscriber does not panic");
        latencies.extend(single.map_err(Shortfall::Untrue)?);
    }
    let rate = figures::rate(STREAMED * SUBSCRIBERS, stage.now() - started);
    latencies.sort_unstable();
    let typical = figures::time(latencies[latencies.len() / 2]);
    let messages = figures::count(SINGLE + STREAMED);
    Ok(format!(
        "{messages} messages × {SUBSCRIBERS}, all in order: {typical} for one, {rate} a second"
    ))
}

async fn publish(stage: &Stage, number: u64) -> Result<(), Shortfall> {
    let message = format!("{number} {}", stage.now().as_nanos());
    let command = stage.store.command(["PUBLISH", CHANNEL, &message]);
    let reached = command.returning::<u64>().await?;
    check(reached == SUBSCRIBERS, || {
        format!("message {number} reached {reached} of {SUBSCRIBERS} subscribers")
    })
}

/// How many messages all subscribers have taken together.
#[derive(Default)]
struct Heard {
    count: AtomicU64,
    changed: Notify,
}

impl Heard {
    fn one_more(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
    }

    async fn wait_for(&self, count: u64) {
        while self.count.load(Ordering::Acquire) < count {
            self.changed.notified().await;
        }
    }
}

/// A client that listens to the channel.
struct Subscriber {
    // Dropped, it would no longer listen.
    client: Client,
    outbox: Outbox,
    arrived: Arc<Notify>,
    heard: Arc<Heard>,
}

impl Subscriber {
    fn new(engine: &Engine, heard: &Arc<Heard>) -> Subscriber {
        let arrived = Arc::new(Notify::new());
        let bell = Arc::clone(&arrived);
        let outbox = Outbox::values(move || bell.notify_one());
        let mut client = engine.connect(outbox.clone(), Peer::embedded());
        client.call(&[b"SUBSCRIBE", CHANNEL.as_bytes()]);
        let heard = Arc::clone(heard);
        Subscriber {
            client,
            outbox,
            arrived,
            heard,
        }
    }

    /// Takes all messages; returns how long each of the single ones was under way.
    async fn listen(self, now: impl Fn() -> Duration) -> Result<Vec<Duration>, String> {
        let mut latencies = Vec::with_capacity(SINGLE as usize);
        let mut expected = 0;
        while expected < SINGLE + STREAMED {
            let Some(value) = self.outbox.take_value() else {
                self.arrived.notified().await;
                continue;
            };
            let Some((number, sent)) = parse(&value) else {
                continue; // The confirmation of the subscription.
            };
            if number < SINGLE {
                latencies.push(now().saturating_sub(sent));
            }
            // Before the judgement: a publisher that waits for this one must not wait for ever.
            self.heard.one_more();
            if number != expected {
                return Err(format!(
                    "message {number} came when it was {expected}'s turn"
                ));
            }
            expected += 1;
        }
        drop(self.client);
        Ok(latencies)
    }
}

/// A message's number, and when it was sent.
fn parse(value: &Value) -> Option<(u64, Duration)> {
    let (Value::Push(parts) | Value::Array(parts)) = value else {
        return None;
    };
    let [Value::Bulk(kind), _, Value::Bulk(text)] = parts.as_slice() else {
        return None;
    };
    let (number, sent) = str::from_utf8(text).ok()?.split_once(' ')?;
    let sent = Duration::from_nanos(sent.parse().ok()?);
    (&kind[..] == b"message").then_some((number.parse().ok()?, sent))
}
