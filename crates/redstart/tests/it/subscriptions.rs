//! Subscriptions: every message, in order, or a gap in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::store::{
    Affected, Ending, Error, Event, Failure, GapCause, Message, Overflow, Subscription,
};
use redstart_testkit::{Cluster, Failover, FaultProxy, Faults, Sentinel};

use crate::fake_server::{Answer, FakeServer};
use crate::stores::{OnServer, hand_over, on_server};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);

async fn publish(store: &Store, channel: &str, payload: impl ToString) -> i64 {
    let publish = store.command(["PUBLISH", channel, &payload.to_string()]);
    publish.returning().await.unwrap()
}

async fn publish_to_shard(store: &Store, channel: &str, payload: &str) -> i64 {
    let publish = store.command(["SPUBLISH", channel, payload]);
    publish.returning().await.unwrap()
}

async fn message(subscription: &mut Subscription) -> Message {
    match subscription.next().await.unwrap() {
        Event::Message(message) => message,
        other => panic!("{other:?} is no message"),
    }
}

/// The cause of the gap that comes next, and the names it concerns.
async fn gap(subscription: &mut Subscription) -> (GapCause, Affected) {
    match subscription.next().await.unwrap() {
        Event::Gap(gap) => (gap.cause, gap.affected),
        other => panic!("{other:?} is no gap"),
    }
}

/// Takes events until every name has had its gap.
async fn gaps_of(subscription: &mut Subscription, names: &[String]) {
    let mut missing: Vec<&String> = names.iter().collect();
    while !missing.is_empty() {
        let (cause, affected) = gap(subscription).await;
        assert_eq!(cause, GapCause::Disconnected);
        missing.retain(|name| !affected.includes(name.as_bytes()));
    }
}

async fn text(subscription: &mut Subscription) -> String {
    let message = message(subscription).await;
    String::from_utf8(message.payload.to_vec()).unwrap()
}

/// How many clients of the server are subscribed to a channel; asked over a connection that is not
/// theirs.
async fn subscribers(store: &Store, channel: &str) -> i64 {
    let count = store.command(["PUBSUB", "NUMSUB", channel]);
    let counts: (String, i64) = count.returning().await.unwrap();
    counts.1
}

/// Asks until nobody is subscribed any more. Each question is a round trip.
async fn until_nobody_listens(store: &Store, channel: &str) {
    while subscribers(store, channel).await > 0 {
        tokio::task::yield_now().await;
    }
}

on_every_store!(
    messages_of_several_channels_come_in_order,
    patterns_say_which_channel,
    shard_channels_may_lie_in_any_slots,
    a_name_is_subscribed_to_once_for_all,
    names_are_added_and_removed,
    a_dropped_subscription_leaves_nothing_behind,
    a_lost_connection_is_a_gap,
    a_thousand_channels_are_there_again,
    a_slow_consumer_hears_how_much_it_lost,
    a_slow_consumer_is_closed_if_it_wants,
    names_are_bounded,
);

async fn messages_of_several_channels_come_in_order(store: &Store) {
    let mut news = store.subscribe(["news", "sport"]).await.unwrap();
    for number in 0..100 {
        let channel = ["news", "sport"][number % 2];
        assert_eq!(publish(store, channel, number).await, 1);
    }
    for number in 0..100 {
        let message = message(&mut news).await;
        assert_eq!(message.channel, ["news", "sport"][number % 2]);
        assert_eq!(message.payload, number.to_string());
        assert_eq!(message.pattern, None);
    }
}

async fn patterns_say_which_channel(store: &Store) {
    let mut users = store.subscribe_patterns(["user:*", "*:7"]).await.unwrap();
    publish(store, "user:1", "a").await;
    publish(store, "user:7", "b").await;
    let first = message(&mut users).await;
    assert_eq!(
        (&*first.channel, &*first.payload),
        (&b"user:1"[..], &b"a"[..])
    );
    assert_eq!(first.pattern.as_deref(), Some(&b"user:*"[..]));
    // Once for each pattern, in an order that is the server's.
    let mut patterns = Vec::new();
    for _ in 0..2 {
        let message = message(&mut users).await;
        assert_eq!(
            (&*message.channel, &*message.payload),
            (&b"user:7"[..], &b"b"[..])
        );
        patterns.push(message.pattern.unwrap());
    }
    patterns.sort();
    assert_eq!(patterns, ["*:7", "user:*"]);
}

async fn shard_channels_may_lie_in_any_slots(store: &Store) {
    let names: Vec<String> = (0..50).map(|number| format!("shard:{number}")).collect();
    let mut shards = store.subscribe_shards(&names).await.unwrap();
    for name in &names {
        assert_eq!(publish_to_shard(store, name, name).await, 1);
        assert_eq!(message(&mut shards).await.channel, name.as_bytes());
    }
    // Another world: plain channels of the same name are others.
    assert_eq!(publish(store, &names[0], "x").await, 0);
}

async fn a_name_is_subscribed_to_once_for_all(store: &Store) {
    let mut one = store.subscribe(["both", "one"]).await.unwrap();
    let mut other = store.subscribe(["both", "other"]).await.unwrap();
    assert_eq!(publish(store, "both", "a").await, 1);
    let payload = "something longer than what a short string holds within itself";
    assert_eq!(publish(store, "both", payload).await, 1);
    assert_eq!(text(&mut one).await, "a");
    assert_eq!(text(&mut other).await, "a");
    let (at_one, at_other) = (message(&mut one).await, message(&mut other).await);
    assert_eq!(at_one.payload, payload);
    assert_eq!(at_one.payload.as_ptr(), at_other.payload.as_ptr());

    drop(one);
    until_nobody_listens(store, "one").await;
    assert_eq!(publish(store, "both", "b").await, 1);
    assert_eq!(text(&mut other).await, "b");
}

async fn names_are_added_and_removed(store: &Store) {
    let mut rooms = store.subscribe(["room:1"]).await.unwrap();
    rooms.add(["room:2", "room:1"]).await.unwrap();
    assert_eq!(publish(store, "room:2", "a").await, 1);
    assert_eq!(text(&mut rooms).await, "a");

    rooms.remove(["room:1", "room:unknown"]);
    until_nobody_listens(store, "room:1").await;
    assert_eq!(rooms.names().collect::<Vec<_>>(), [b"room:2"]);
    assert_eq!(publish(store, "room:1", "b").await, 0);
    assert_eq!(publish(store, "room:2", "c").await, 1);
    assert_eq!(text(&mut rooms).await, "c");

    rooms.remove(["room:2"]);
    rooms.add(["room:2"]).await.unwrap();
    assert_eq!(publish(store, "room:2", "d").await, 1);
    assert_eq!(text(&mut rooms).await, "d");
}

async fn a_dropped_subscription_leaves_nothing_behind(store: &Store) {
    let news = store.subscribe(["news"]).await.unwrap();
    let users = store.subscribe_patterns(["user:*"]).await.unwrap();
    assert_eq!(subscribers(store, "news").await, 1);
    drop((news, users));
    until_nobody_listens(store, "news").await;
    let mut again = store.subscribe(["news"]).await.unwrap();
    publish(store, "user:1", "nobody hears this").await;
    assert_eq!(publish(store, "news", "again").await, 1);
    assert_eq!(text(&mut again).await, "again");
}

async fn a_lost_connection_is_a_gap(store: &Store) {
    let mut news = store.subscribe(["news"]).await.unwrap();
    let mut users = store.subscribe_patterns(["user:*"]).await.unwrap();
    let mut shard = store.subscribe_shards(["s"]).await.unwrap();
    for round in 0..3 {
        publish(store, "news", round).await;
        let kill = store.command(["CLIENT", "KILL", "TYPE", "pubsub"]);
        assert_eq!(kill.returning::<i64>().await.unwrap(), 1);
        // What was on its way may have come or not; then comes the gap.
        let mut event = news.next().await.unwrap();
        if matches!(event, Event::Message(_)) {
            event = news.next().await.unwrap();
        }
        let Event::Gap(gap_of_news) = event else {
            panic!("{event:?} is no gap");
        };
        assert_eq!(gap_of_news.cause, GapCause::Disconnected);
        assert!(gap_of_news.affected.includes(b"news"));
        assert_eq!(gap(&mut users).await.0, GapCause::Disconnected);
        assert_eq!(gap(&mut shard).await.0, GapCause::Disconnected);
        // By then the server has confirmed: nothing published from here on is missing.
        assert_eq!(publish(store, "news", "after").await, 1);
        assert_eq!(publish(store, "user:1", "after").await, 1);
        assert_eq!(publish_to_shard(store, "s", "after").await, 1);
        for subscription in [&mut news, &mut users, &mut shard] {
            assert_eq!(text(subscription).await, "after");
        }
    }
}

async fn a_thousand_channels_are_there_again(store: &Store) {
    let names: Vec<String> = (0..1000)
        .map(|number| format!("channel:{number}"))
        .collect();
    let mut all = store.subscribe(&names).await.unwrap();
    let kill = store.command(["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(kill.returning::<i64>().await.unwrap(), 1);
    gaps_of(&mut all, &names).await;
    for name in names.iter().step_by(37) {
        assert_eq!(publish(store, name, name).await, 1);
        assert_eq!(text(&mut all).await, *name);
    }
}

async fn a_slow_consumer_hears_how_much_it_lost(store: &Store) {
    let slow = store.subscribe(["news"]).capacity(10, 1 << 20);
    let mut slow = slow.await.unwrap();
    let mut fast = store.subscribe(["news"]).await.unwrap();
    for number in 0..100 {
        publish(store, "news", number).await;
        assert_eq!(text(&mut fast).await, number.to_string());
    }
    assert_eq!(gap(&mut slow).await, (GapCause::Lagged(90), Affected::All));
    for number in 90..100 {
        assert_eq!(text(&mut slow).await, number.to_string());
    }
}

async fn a_slow_consumer_is_closed_if_it_wants(store: &Store) {
    let strict = store.subscribe(["news"]).capacity(10, 1 << 20);
    let mut strict = strict.overflow(Overflow::Close).await.unwrap();
    let mut fast = store.subscribe(["news"]).await.unwrap();
    for number in 0..100 {
        publish(store, "news", number).await;
        assert_eq!(text(&mut fast).await, number.to_string());
    }
    for number in 0..10 {
        assert_eq!(text(&mut strict).await, number.to_string());
    }
    assert_eq!(strict.next().await, None);
    assert!(matches!(strict.ending(), Some(Ending::Overflow)));
}

async fn names_are_bounded(store: &Store) {
    let too_long = "x".repeat(4097);
    let error = store.subscribe([&too_long]).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let too_many = store.subscribe(0..65_537).await.unwrap_err();
    assert!(matches!(too_many, Error::Malformed { .. }), "{too_many}");
    let nowhere = store.subscribe(["a"]).capacity(0, 0).await.unwrap_err();
    assert!(matches!(nowhere, Error::Malformed { .. }), "{nowhere}");
    let nothing: [&str; 0] = [];
    let mut later = store.subscribe(nothing).await.unwrap();
    later.add(["a"]).await.unwrap();
    publish(store, "a", "b").await;
    assert_eq!(text(&mut later).await, "b");
}

#[tokio::test]
async fn a_server_that_comes_back_is_subscribed_to_again() {
    let OnServer { mut server, store } = on_server().await;
    let mut news = store.subscribe(["news"]).await.unwrap();
    for _ in 0..2 {
        server.kill();
        server.restart().unwrap();
        assert_eq!(gap(&mut news).await.0, GapCause::Disconnected);
        let publish = store.command(["PUBLISH", "news", "x"]).within(LONG);
        assert_eq!(publish.returning::<i64>().await.unwrap(), 1);
        assert_eq!(text(&mut news).await, "x");
    }
}

#[tokio::test]
async fn a_subscription_that_nobody_confirms_is_an_error() {
    let OnServer { mut server, store } = on_server().await;
    server.kill();
    let refused = store.subscribe(["news"]).within(SHORT).await.unwrap_err();
    assert!(matches!(
        refused,
        Error::Disconnected {
            failure: Failure::NotSent,
            ..
        }
    ));
    server.restart().unwrap();
    let mut sport = store.subscribe(["sport"]).within(LONG).await.unwrap();
    assert_eq!(subscribers(&store, "news").await, 0);

    server.pause().unwrap();
    let silent = store.subscribe(["news"]).within(SHORT).await.unwrap_err();
    assert!(matches!(silent, Error::Deadline { .. }), "{silent}");
    let given_up = hand_over(Box::pin(sport.add(["news"]))).await;
    drop(given_up);
    server.resume().unwrap();
    // What was asked for in the meantime is taken back.
    until_nobody_listens(&store, "news").await;
    assert_eq!(sport.names().collect::<Vec<_>>(), [b"sport"]);
}

#[tokio::test]
async fn a_login_that_is_refused_is_an_error_until_it_is_not() {
    let OnServer { server, store } = on_server().await;
    let password = |new: &'static str| store.command(["CONFIG", "SET", "requirepass", new]);
    password("new").await.unwrap();
    for _ in 0..2 {
        let error = store.subscribe(["news"]).within(LONG).await.unwrap_err();
        assert_eq!(error.failure(), Failure::Failed, "{error}");
    }
    password("").await.unwrap();
    // What was known to be wrong is known for as long as it is tried again.
    let mut subscribed = store.subscribe(["news"]).within(LONG).await;
    while subscribed.is_err() {
        tokio::task::yield_now().await;
        subscribed = store.subscribe(["news"]).within(LONG).await;
    }
    drop(server);
}

#[tokio::test]
async fn a_name_that_is_not_permitted_is_refused_alone() {
    let OnServer { server, store } = on_server().await;
    let permit = |what: &'static str| {
        let permit = store.command(["ACL", "SETUSER", "ada", "on", ">secret", "+@all", "~*"]);
        permit.arg("resetchannels").args(what.split(' '))
    };
    permit("&news &sport").await.unwrap();
    let url = server.url().replace("://", "://ada:secret@");
    let ada = Store::open(&url).await.unwrap();

    let mut news = ada.subscribe(["news"]).await.unwrap();
    let error = ada.subscribe(["sport", "secret"]).await.unwrap_err();
    assert_eq!(error.code(), Some("NOPERM"), "{error}");
    assert_eq!(error.failure(), Failure::Failed);
    until_nobody_listens(&store, "sport").await;
    let error = news.add(["secret", "sport"]).await.unwrap_err();
    assert_eq!(error.code(), Some("NOPERM"), "{error}");
    assert_eq!(publish(&store, "news", "x").await, 1);
    assert_eq!(text(&mut news).await, "x");

    // The server hangs up on whoever listens to what is forbidden now.
    let mut sport = ada.subscribe(["sport"]).await.unwrap();
    permit("&sport").await.unwrap();
    assert_eq!(gap(&mut sport).await.0, GapCause::Disconnected);
    assert_eq!(news.next().await, None);
    match news.ending() {
        Some(Ending::Refused(error)) => assert_eq!(error.code(), Some("NOPERM")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn confirmations_are_matched_by_name_however_they_come() {
    let server = FakeServer::start([
        Answer::Say("+PONG\r\n"),
        // The first of two, something else, and the second after what follows the command.
        Answer::Say(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>2\r\n$4\r\nnews\r\n:1\r\n"),
        Answer::Say(">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n+PONG\r\n"),
    ])
    .await;
    let store = Store::builder(&server.url()).lazy().open().await.unwrap();
    let subscription = store.subscribe(["a", "b"]).within(LONG).await.unwrap();
    assert_eq!(subscription.names().count(), 2);
    assert_eq!(server.commands(), ["PING", "SUBSCRIBE", "PING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn resubscribing_a_thousand_channels_disturbs_no_reply() {
    let OnServer { server, store } = on_server().await;
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    // Confirmations come in pieces, and replies as well.
    proxy.set(Faults::none().pieces(50));
    let through = Store::builder(&proxy.url()).deadline(LONG);
    let through = through.open().await.unwrap();
    for key in 0..50 {
        let set = store.command(["SET", &format!("key:{key}"), &key.to_string()]);
        set.await.unwrap();
    }
    let names: Vec<String> = (0..1000)
        .map(|number| format!("channel:{number}"))
        .collect();
    let mut all = through.subscribe(&names).await.unwrap();
    let mut readers = tokio::task::JoinSet::new();
    let done = Arc::new(AtomicBool::new(false));
    for key in 0..50 {
        let (store, done) = (through.clone(), Arc::clone(&done));
        readers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let value = store.command(["GET", &format!("key:{key}")]);
                // A cut connection may take a reply along, but never exchange it.
                if let Ok(value) = value.returning::<i64>().await {
                    assert_eq!(value, key);
                }
            }
        });
    }
    for _ in 0..5 {
        proxy.cut();
        gaps_of(&mut all, &names).await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
    store.command(["PUBLISH", &names[7], "x"]).await.unwrap();
    assert_eq!(text(&mut all).await, "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_follow_the_primary_that_sentinels_name() {
    let sentinel = tokio::task::spawn_blocking(|| Sentinel::from_path().unwrap().start().unwrap());
    let mut sentinel = sentinel.await.unwrap();
    let store = Store::builder(&sentinel.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    let mut news = store.subscribe(["news"]).await.unwrap();

    sentinel.failover().unwrap();
    assert_eq!(gap(&mut news).await.0, GapCause::Disconnected);
    publish_until_received(&store, "PUBLISH", "news", "after a failover").await;
    assert_eq!(text(&mut news).await, "after a failover");

    let primary = sentinel.primary().unwrap();
    sentinel.servers_mut()[primary].kill();
    assert_eq!(gap(&mut news).await.0, GapCause::Disconnected);
    publish_until_received(&store, "PUBLISH", "news", "after a crash").await;
    assert_eq!(text(&mut news).await, "after a crash");
}

/// A publisher may still speak to the server of before, where nobody listens any more. What it says
/// there is heard by nobody, so it says it again.
async fn publish_until_received(store: &Store, command: &str, channel: &str, payload: &str) {
    loop {
        let publish = store.command([command, channel, payload]);
        if publish
            .returning::<i64>()
            .await
            .is_ok_and(|heard| heard == 1)
        {
            return;
        }
    }
}

async fn on_cluster() -> (Cluster, Store) {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let store = Store::builder(&cluster.url()).deadline(LONG);
    let store = store.open().await.unwrap();
    (cluster, store)
}

/// Another node than this one serves it now.
fn move_away(cluster: &Cluster, slot: u16) {
    let from = cluster.primary_of(slot).unwrap();
    let to = (0..3).find(|node| *node != from).unwrap();
    cluster.move_slot(slot, to).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_takes_its_shard_channels_along() {
    let (cluster, store) = on_cluster().await;
    let mut moving = store
        .subscribe_shards(["{moving}a", "{moving}b"])
        .await
        .unwrap();
    let mut staying = store.subscribe_shards(["{staying}"]).await.unwrap();
    let slot = cluster.slot_of("{moving}").unwrap();
    for round in 0..3 {
        move_away(&cluster, slot);
        let mut missing = vec![&b"{moving}a"[..], b"{moving}b"];
        while !missing.is_empty() {
            let (cause, affected) = gap(&mut moving).await;
            assert_eq!(cause, GapCause::Moved);
            missing.retain(|name| !affected.includes(name));
        }
        let payload = format!("round {round}");
        publish_until_received(&store, "SPUBLISH", "{moving}b", &payload).await;
        assert_eq!(text(&mut moving).await, payload);
        publish_until_received(&store, "SPUBLISH", "{staying}", &payload).await;
        assert_eq!(text(&mut staying).await, payload);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbered_messages_have_no_hole_without_a_gap_while_slots_move() {
    let (cluster, store) = on_cluster().await;
    let names: Vec<String> = (0..8).map(|number| format!("{{moving}}{number}")).collect();
    let mut subscription = store
        .subscribe_shards(&names)
        .capacity(100_000, 64 << 20)
        .await
        .unwrap();
    let publisher = tokio::spawn({
        let (store, names) = (store.clone(), names.clone());
        async move {
            for number in 1..=1000_u64 {
                for name in &names {
                    // A number is published once or not at all: a repetition would be a message
                    // that comes twice.
                    let number = number.to_string();
                    let publish = store.command(["SPUBLISH", name, &number]);
                    publish.await.unwrap();
                }
            }
        }
    });
    let slot = cluster.slot_of("{moving}").unwrap();
    let mover = tokio::task::spawn_blocking(move || {
        for _ in 0..5 {
            move_away(&cluster, slot);
        }
        cluster
    });
    publisher.await.unwrap();
    let _cluster = mover.await.unwrap();
    for name in &names {
        publish_until_received(&store, "SPUBLISH", name, "end").await;
    }

    let mut heard = vec![(0, true); names.len()];
    let (mut ends, mut gaps) = (0, 0);
    while ends < names.len() {
        match subscription.next().await.unwrap() {
            Event::Message(message) => {
                let at = names
                    .iter()
                    .position(|name| message.channel == *name)
                    .unwrap();
                let Ok(number) = std::str::from_utf8(&message.payload)
                    .unwrap()
                    .parse::<u64>()
                else {
                    ends += 1;
                    continue;
                };
                let (last, excused) = heard[at];
                assert!(
                    number == last + 1 || (excused && number > last),
                    "{number} after {last}"
                );
                heard[at] = (number, false);
            }
            Event::Gap(gap) => {
                gaps += 1;
                for (name, heard) in names.iter().zip(&mut heard) {
                    heard.1 |= gap.affected.includes(name.as_bytes());
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(gaps >= 5, "{gaps}");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_outlive_the_primaries_of_a_cluster() {
    let (mut cluster, store) = on_cluster().await;
    let shards = ["a", "b", "c", "d", "e", "f"];
    let mut shard = store.subscribe_shards(shards).await.unwrap();
    let mut plain = store.subscribe(["news"]).await.unwrap();
    let mut patterns = store.subscribe_patterns(["ne*"]).await.unwrap();

    let primary = cluster.primary_of(cluster.slot_of("a").unwrap()).unwrap();
    let replica = cluster.replicas_of(primary).unwrap()[0];
    cluster.failover(replica, Failover::Coordinated).unwrap();
    publish_to_all(&store, &shards, "after a failover", &mut shard).await;

    // The one with the plain channels, which therefore have to go elsewhere, and with some slots.
    let home = home_of(&cluster, "news");
    cluster.nodes_mut()[home].kill();
    for subscription in [&mut plain, &mut patterns] {
        while until_gap(subscription).await != GapCause::Disconnected {}
    }
    publish_to_all(&store, &shards, "after a crash", &mut shard).await;
    // They may move once more, when the map says that the node they went to is a replica by now.
    for subscription in [&mut plain, &mut patterns] {
        loop {
            let publish = store.command(["PUBLISH", "news", "all is well"]);
            publish.await.unwrap();
            match subscription.next().await.unwrap() {
                Event::Message(message) if message.payload == "all is well" => break,
                // What was published before it may be lost.
                Event::Gap(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The node whose client is subscribed to a channel.
fn home_of(cluster: &Cluster, channel: &str) -> usize {
    let listens = |node: &redstart_testkit::Server| {
        let counts = node.call(&["PUBSUB", "NUMSUB", channel]).unwrap();
        counts.as_elements().unwrap()[1].as_integer() == Some(1)
    };
    cluster.nodes().iter().position(listens).unwrap()
}

/// The cause of the next gap, whatever comes before it.
async fn until_gap(subscription: &mut Subscription) -> GapCause {
    loop {
        if let Event::Gap(gap) = subscription.next().await.unwrap() {
            return gap.cause;
        }
    }
}

/// Publishes to every shard channel until it has come, over gaps. A node tells of its own
/// subscribers only: where one is subscribed to its replica, which it has passed the message on to,
/// it is published once more than it had to be.
async fn publish_to_all(
    store: &Store,
    names: &[&str],
    payload: &str,
    subscription: &mut Subscription,
) {
    for name in names {
        publish_until_received(store, "SPUBLISH", name, payload).await;
        loop {
            match subscription.next().await.unwrap() {
                Event::Message(message) if message.payload != payload => {}
                Event::Message(message) if message.channel != *name => {}
                Event::Message(_) => break,
                Event::Gap(gap) => {
                    assert!(matches!(
                        gap.cause,
                        GapCause::Moved | GapCause::Disconnected
                    ));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
