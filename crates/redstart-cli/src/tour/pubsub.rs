//! Pub/sub: every subscriber gets every message, in the order in which they were published.

use std::sync::Arc;
use std::time::Duration;

use redstart::Value;
use redstart_engine::{Engine, Outbox, Peer};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Finding, Shortfall, Stage, check, figures};

const SUBSCRIBERS: usize = 4;
const MESSAGES: u64 = 20_000;
const CHANNEL: &str = "redstart-tour:notifications";
/// Messages that may be under way before the publisher lets the subscribers run.
const BURST: u64 = 64;

pub(super) async fn run(stage: &Stage) -> Finding {
    let Some(engine) = &stage.engine else {
        return Err(Shortfall::NotHere(
            "subscriptions on a remote store come with a later release",
        ));
    };
    let mut subscribers = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let subscriber = Subscriber::new(engine);
        let time = stage.store.time().clone();
        subscribers.spawn(subscriber.listen(move || time.monotonic()));
    }
    let started = stage.now();
    for number in 0..MESSAGES {
        let message = format!("{number} {}", stage.now().as_nanos());
        let command = stage.store.command(["PUBLISH", CHANNEL, &message]);
        let reached = command.returning::<u64>().await?;
        check(reached == SUBSCRIBERS as u64, || {
            format!("a message reached {reached}")
        })?;
        if number % BURST == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut latencies = Vec::new();
    while let Some(heard) = subscribers.join_next().await {
        latencies.extend(
            heard
                .expect("a subscriber does not panic")
                .map_err(Shortfall::Untrue)?,
        );
    }
    let delivered = latencies.len() as u64;
    let rate = figures::rate(delivered, stage.now() - started);
    latencies.sort_unstable();
    let typical = figures::time(latencies[latencies.len() / 2]);
    let messages = figures::count(MESSAGES);
    Ok(format!(
        "{messages} messages × {SUBSCRIBERS}, all in order; {rate} a second, typically after {typical}"
    ))
}

/// A client that listens to the channel.
struct Subscriber {
    // Dropped, it would no longer listen.
    client: redstart_engine::Client,
    outbox: Outbox,
    arrived: Arc<Notify>,
}

impl Subscriber {
    fn new(engine: &Engine) -> Subscriber {
        let arrived = Arc::new(Notify::new());
        let bell = Arc::clone(&arrived);
        let outbox = Outbox::values(move || bell.notify_one());
        let mut client = engine.connect(outbox.clone(), Peer::embedded());
        client.call(&[b"SUBSCRIBE", CHANNEL.as_bytes()]);
        Subscriber {
            client,
            outbox,
            arrived,
        }
    }

    /// Takes all messages; returns how long each was under way.
    async fn listen(self, now: impl Fn() -> Duration) -> Result<Vec<Duration>, String> {
        let mut latencies = Vec::with_capacity(MESSAGES as usize);
        while (latencies.len() as u64) < MESSAGES {
            let Some(value) = self.outbox.take_value() else {
                self.arrived.notified().await;
                continue;
            };
            let Some((number, sent)) = parse(&value) else {
                continue; // The confirmation of the subscription.
            };
            let expected = latencies.len() as u64;
            if number != expected {
                return Err(format!(
                    "message {number} came when it was {expected}'s turn"
                ));
            }
            latencies.push(now().saturating_sub(sent));
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
