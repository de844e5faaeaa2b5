//! Random schedules of subscriptions: publishers number their messages, and whatever is missing in
//! what a subscription hears has a gap in its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fate::up_to;
use super::schedules::{Seed, from_environment, trouble};
use super::{World, simulate};
use crate::store::subscriber::Kind;
use crate::store::{Affected, Ending, Event, GapCause, Overflow, Store, Subscription};

/// Of each kind of deployment.
const SCHEDULES: u64 = 1_000;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Every channel there is.
const CHANNELS: [&str; 6] = ["{0}:a", "{0}:b", "{1}:a", "{1}:b", "{2}:a", "{3}:a"];
const PATTERNS: [&str; 3] = ["{0}:*", "{1}:*", "{*"];

#[test]
fn nothing_that_a_server_published_is_missing_without_a_gap() {
    let heard = play_many(1);
    assert_eq!(heard.moves, 0);
}

#[test]
fn nothing_that_a_cluster_published_is_missing_without_a_gap() {
    let heard = play_many(3);
    assert!(heard.moves > 0);
}

#[test]
fn nodes_that_send_a_subscription_to_each_other_are_asked_ever_more_slowly() {
    simulate(1, 3, async |world| {
        let channel = CHANNELS[0];
        let store = world.store().open().await.unwrap();
        let from = world.owner(redstart_protocol::slot(channel.as_bytes()));
        let to = (from + 1) % 3;
        world.fail_over(from, to);
        let subscribe = store.subscribe_shards([channel]).within(SECOND).await;
        subscribe.unwrap_err();
        let mut asked = world.commands(from);
        asked.extend(world.commands(to));
        let asked = asked.iter().filter(|name| *name == "SSUBSCRIBE").count();
        assert!((4..=40).contains(&asked), "asked {asked} times");

        // Until they agree.
        world.learn(to);
        let mut subscription = store.subscribe_shards([channel]).await.unwrap();
        world.publish(Kind::Shard, channel);
        let event = subscription.next().await;
        assert!(matches!(event, Some(Event::Message(_))), "{event:?}");
    });
}

fn play_many(nodes: usize) -> Heard {
    let first = from_environment("REDSTART_SCHEDULE_SEED", 1);
    let schedules = from_environment("REDSTART_SCHEDULES", SCHEDULES);
    let mut heard = Heard::default();
    for seed in first..first + schedules {
        let _told = Seed(seed);
        heard.add(&play(seed, nodes));
    }
    println!("{schedules} schedules: {heard:?}");
    if schedules >= SCHEDULES {
        let Heard {
            messages,
            disconnections,
            lags,
            ..
        } = heard;
        assert!(messages > schedules * 10 && disconnections > schedules && lags > schedules / 4);
    }
    heard
}

/// How much was heard in all, so that it is known to have been something.
#[derive(Debug, Default)]
struct Heard {
    messages: u64,
    disconnections: u64,
    moves: u64,
    lags: u64,
    overflows: u64,
}

impl Heard {
    fn add(&mut self, other: &Heard) {
        self.messages += other.messages;
        self.disconnections += other.disconnections;
        self.moves += other.moves;
        self.lags += other.lags;
        self.overflows += other.overflows;
    }
}

fn play(seed: u64, nodes: usize) -> Heard {
    simulate(seed, nodes, async |world| {
        let random = &world.random;
        let store = world
            .store()
            .lanes(1)
            .connect_within(MILLISECOND * [100, 2000][random.below(2) as usize])
            .unresponsive_after(MILLISECOND * [50, 500, 2000][random.below(3) as usize])
            .lazy();
        let store = store.open().await.unwrap();
        let (phases, phase) = watch::channel(Phase::Trouble);
        let mut listeners = JoinSet::new();
        for _ in 0..1 + random.below(4) {
            let kind = Kind::ALL[random.below(3) as usize];
            let (world, store, phase) = (Arc::clone(world), store.clone(), phase.clone());
            listeners.spawn(async move {
                let mut listener = Listener::begin(&world, &store, kind).await;
                listener.listen(phase).await;
                listener.heard
            });
        }
        drop(store);
        let publishing = tokio::spawn(publish(Arc::clone(world), phase));
        trouble(Arc::clone(world)).await;
        world.heal();
        phases.send_replace(Phase::Calm);
        // Long enough for the last connection to be noticed as dead, and to be replaced.
        world.time.sleep(20 * SECOND).await;
        phases.send_replace(Phase::Over);
        publishing.await.unwrap();
        let mut heard = Heard::default();
        for one in listeners.join_all().await {
            heard.add(&one);
        }
        world.time.sleep(SECOND).await;
        assert_eq!(world.clients(), 0, "connections are left");
        let tasks = tokio::runtime::Handle::current().metrics();
        assert_eq!(tasks.num_alive_tasks(), 0, "tasks are left");
        heard
    })
}

/// How far a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Trouble,
    /// All is well, and everything finds back.
    Calm,
    Over,
}

/// Publishes until all is over, and then once more everywhere.
async fn publish(world: Arc<World>, phase: watch::Receiver<Phase>) {
    let random = &world.random;
    let pause = MILLISECOND * [5, 20, 200][random.below(3) as usize];
    loop {
        let kind = [Kind::Channel, Kind::Shard][random.below(2) as usize];
        let channel = CHANNELS[random.below(CHANNELS.len() as u64) as usize];
        world.publish(kind, channel);
        let pause = match *phase.borrow() {
            Phase::Trouble => pause,
            Phase::Calm => SECOND,
            Phase::Over => break,
        };
        world.time.sleep(up_to(pause, random)).await;
    }
    for channel in CHANNELS {
        world.publish(Kind::Channel, channel);
        world.publish(Kind::Shard, channel);
    }
}

/// A subscription, and what it must hear next.
struct Listener {
    world: Arc<World>,
    subscription: Subscription,
    /// How messages of its channels are published.
    published: Kind,
    /// By channel, of those it is subscribed to.
    expected: BTreeMap<&'static str, Expected>,
    heard: Heard,
    /// Between events, at most.
    pace: Duration,
}

/// What is known of a channel.
#[derive(Debug)]
struct Expected {
    /// The channel or the pattern that it is heard by.
    name: &'static str,
    /// Heard last.
    last: u64,
    /// The next message is none after this one, unless there is a gap first.
    latest: u64,
}

impl Listener {
    /// Subscribes to something, as often as it takes.
    async fn begin(world: &Arc<World>, store: &Store, kind: Kind) -> Listener {
        let random = &world.random;
        let published = match kind {
            Kind::Shard => Kind::Shard,
            _ => Kind::Channel,
        };
        let names: Vec<&'static str> = match kind {
            Kind::Pattern => vec![PATTERNS[random.below(PATTERNS.len() as u64) as usize]],
            _ => CHANNELS
                .into_iter()
                .filter(|_| random.below(2) > 0)
                .collect(),
        };
        let messages = [2, 8, 1000][random.below(3) as usize];
        let overflow = [Overflow::DropOldest, Overflow::DropOldest, Overflow::Close];
        let overflow = overflow[random.below(3) as usize];
        let pace = MILLISECOND * [0, 10, 300][random.below(3) as usize];
        loop {
            let subscribe = match kind {
                Kind::Channel => store.subscribe(&names),
                Kind::Pattern => store.subscribe_patterns(&names),
                Kind::Shard => store.subscribe_shards(&names),
            };
            let within = up_to(5 * SECOND, random);
            let subscribe = subscribe.capacity(messages, 1 << 20).overflow(overflow);
            let Ok(subscription) = subscribe.within(within).await else {
                world.time.sleep(MILLISECOND).await;
                continue;
            };
            let mut expected = BTreeMap::new();
            for channel in CHANNELS {
                let heard_by = |name: &&&'static str| match name.strip_suffix('*') {
                    Some(beginning) => channel.starts_with(beginning),
                    None => **name == channel,
                };
                if let Some(name) = names.iter().find(heard_by) {
                    let latest = world.published(published, channel) + 1;
                    expected.insert(
                        channel,
                        Expected {
                            name,
                            last: 0,
                            latest,
                        },
                    );
                }
            }
            return Listener {
                world: Arc::clone(world),
                subscription,
                published,
                expected,
                heard: Heard::default(),
                pace,
            };
        }
    }

    /// Takes events until all is over and nothing more comes.
    async fn listen(&mut self, mut phase: watch::Receiver<Phase>) {
        let time = self.world.time.clone();
        loop {
            let over = async {
                let _ = phase.wait_for(|phase| *phase == Phase::Over).await;
                time.sleep(SECOND).await;
            };
            let event = tokio::select! {
                biased;
                event = self.subscription.next() => event,
                () = over => break,
            };
            match event {
                Some(event) => self.hear(event),
                None => {
                    let ending = self.subscription.ending();
                    assert!(matches!(ending, Some(Ending::Overflow)), "{ending:?}");
                    self.heard.overflows += 1;
                    return;
                }
            }
            time.sleep(up_to(self.pace, &self.world.random)).await;
        }
        for (channel, expected) in &self.expected {
            // Heard, or dropped with a gap in its place.
            let published = self.world.published(self.published, channel);
            assert_eq!(
                expected.latest,
                published + 1,
                "{channel}: the last one, {expected:?}"
            );
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let (channel, payload) = (text(&message.channel), text(&message.payload));
                let number: u64 = payload.parse().unwrap();
                let expected = self.expected.get_mut(&*channel).expect("asked for");
                assert!(
                    number > expected.last,
                    "{channel}: {number} again, {expected:?}"
                );
                assert!(
                    number <= expected.latest,
                    "{channel}: {number} without a gap, {expected:?}"
                );
                expected.last = number;
                expected.latest = number + 1;
                self.heard.messages += 1;
            }
            Event::Gap(gap) => {
                match gap.cause {
                    GapCause::Disconnected => self.heard.disconnections += 1,
                    GapCause::Moved => self.heard.moves += 1,
                    GapCause::Lagged(_) => self.heard.lags += 1,
                }
                // What is published from here on is heard.
                for (channel, expected) in &mut self.expected {
                    if Affected::includes(&gap.affected, expected.name.as_bytes()) {
                        expected.latest = self.world.published(self.published, channel) + 1;
                    }
                }
            }
        }
    }
}
