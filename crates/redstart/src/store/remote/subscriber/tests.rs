//! What only shows when time passes.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::Stream;
use redstart_testkit::{Address, FaultProxy, Faults, Server};

use super::*;
use crate::Store;
use crate::store::remote::Remote;
use crate::store::store::Backend;
use crate::store::time::SimulatedTime;
use crate::store::url::Endpoint;
use crate::store::{Event, GapCause, Subscription};

const START: Duration = Duration::from_secs(1_700_000_000);

async fn open(url: &str, time: &SimulatedTime) -> Store {
    Store::builder(url).time(time.time()).open().await.unwrap()
}

/// Lets time pass, second by second; in between everybody is answered whatever was asked.
async fn pass(time: &SimulatedTime, seconds: u64, store: &Store) {
    for _ in 0..seconds {
        time.advance(Duration::from_secs(1));
        for _ in 0..20 {
            store.command(["PING"]).await.unwrap();
        }
    }
}

/// Lets time pass until `happened`, but not for ever. An attempt to connect may fail when time
/// passes quickly, and be repeated.
async fn pass_until(time: &SimulatedTime, store: &Store, mut happened: impl FnMut() -> bool) {
    for _ in 0..300 {
        if happened() {
            return;
        }
        pass(time, 1, store).await;
    }
    panic!("it never happens");
}

async fn becomes_a_gap(subscription: &mut Subscription, time: &SimulatedTime, store: &Store) {
    let mut context = Context::from_waker(Waker::noop());
    let mut event = None;
    let next = || match Pin::new(&mut *subscription).poll_next(&mut context) {
        Poll::Ready(next) => {
            event = next;
            true
        }
        Poll::Pending => false,
    };
    pass_until(time, store, next).await;
    match event {
        Some(Event::Gap(gap)) => assert_eq!(gap.cause, GapCause::Disconnected),
        other => panic!("{other:?} is no gap"),
    }
}

async fn is_the_message(subscription: &mut Subscription, payload: &str) {
    match subscription.next().await {
        Some(Event::Message(message)) => assert_eq!(message.payload, payload.as_bytes()),
        other => panic!("{other:?} is no message"),
    }
}

/// Another store on the same server, whose connections nobody interferes with.
async fn bystander(server: &Server) -> Store {
    Store::open(&server.url()).await.unwrap()
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_replaced() {
    let server = Server::from_path().unwrap().start().unwrap();
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    let time = SimulatedTime::starting_at(START);
    let (store, publisher) = (open(&proxy.url(), &time).await, bystander(&server).await);
    let mut news = store.subscribe(["news"]).await.unwrap();
    proxy
        .connections()
        .last()
        .unwrap()
        .set(Faults::none().frozen());
    publisher
        .command(["PUBLISH", "news", "lost"])
        .await
        .unwrap();
    becomes_a_gap(&mut news, &time, &publisher).await;
    publisher.command(["PUBLISH", "news", "x"]).await.unwrap();
    is_the_message(&mut news, "x").await;
}

#[tokio::test]
async fn a_connection_with_nothing_to_do_is_closed_and_opened_again() {
    let server = Server::from_path().unwrap().start().unwrap();
    let time = SimulatedTime::starting_at(START);
    let (store, other) = (open(&server.url(), &time).await, bystander(&server).await);
    let connections = || {
        let clients = server.call(&["INFO", "clients"]).unwrap();
        let text = String::from_utf8(clients.as_bytes().unwrap().to_vec()).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("connected_clients"));
        line.unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let before = connections();
    for _ in 0..2 {
        let mut news = store.subscribe(["news"]).await.unwrap();
        assert_eq!(connections(), before + 1);
        other.command(["PUBLISH", "news", "x"]).await.unwrap();
        is_the_message(&mut news, "x").await;
        drop(news);
        pass_until(&time, &other, || connections() == before).await;
    }
}

/// A store whose commands go to one server and whose subscriptions to another: an address that leads
/// elsewhere since a failover.
async fn split(commands: &Server, subscriptions: &Server, time: &SimulatedTime) -> Store {
    let store = open(&commands.url(), time).await;
    let endpoint = match subscriptions.address() {
        Address::Tcp(address) => Endpoint::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        },
        Address::Unix(path) => Endpoint::Unix { path: path.clone() },
    };
    let mut inner = std::sync::Arc::into_inner(store.into_inner()).unwrap();
    let remote = match &mut inner.backend {
        Backend::Remote(remote) => remote,
        #[cfg(feature = "embedded")]
        Backend::Embedded(_) => panic!("a server is not embedded"),
    };
    let Remote { router, config, .. } = remote;
    let site = Source::One(Site::Fixed(endpoint));
    remote.subscriber = Subscriber::new(config, router, site);
    Store::new(inner)
}

#[tokio::test]
async fn a_server_where_nothing_is_published_any_more_is_left() {
    let (here, there) = (
        Server::from_path().unwrap().start().unwrap(),
        Server::from_path().unwrap().start().unwrap(),
    );
    let time = SimulatedTime::starting_at(START);
    let (store, other) = (split(&here, &there, &time).await, bystander(&here).await);
    let mut news = store.subscribe(["news"]).await.unwrap();
    // The test has nowhere else to lead the address to; that it asks again is enough.
    becomes_a_gap(&mut news, &time, &other).await;
}

#[tokio::test]
async fn messages_that_come_through_keep_a_quiet_connection() {
    let server = Server::from_path().unwrap().start().unwrap();
    let time = SimulatedTime::starting_at(START);
    let (store, other) = (
        split(&server, &server, &time).await,
        bystander(&server).await,
    );
    let mut news = store.subscribe(["news"]).await.unwrap();
    pass(&time, 120, &other).await;
    other.command(["PUBLISH", "news", "x"]).await.unwrap();
    is_the_message(&mut news, "x").await;
    let channels = other.command(["PUBSUB", "CHANNELS", "__redstart:probe:*"]);
    assert_eq!(channels.returning::<Vec<String>>().await.unwrap().len(), 1);
    let published = String::from_utf8(
        other
            .command(["INFO", "commandstats"])
            .returning::<Vec<u8>>()
            .await
            .unwrap(),
    );
    let published = published.unwrap();
    let line = published
        .lines()
        .find(|line| line.starts_with("cmdstat_publish:"));
    // Three times in two minutes, and once above.
    assert!(line.unwrap().contains("calls=4,"), "{line:?}");
}

#[tokio::test]
async fn whoever_may_not_probe_is_left_alone() {
    let server = Server::from_path().unwrap().start().unwrap();
    let other = bystander(&server).await;
    let ada = [
        "ACL",
        "SETUSER",
        "ada",
        "on",
        ">secret",
        "+@all",
        "~*",
        "resetchannels",
        "&news",
    ];
    other.command(ada).await.unwrap();
    let time = SimulatedTime::starting_at(START);
    let store = open(&server.url().replace("://", "://ada:secret@"), &time).await;
    let mut news = store.subscribe(["news"]).await.unwrap();
    pass(&time, 120, &other).await;
    other.command(["PUBLISH", "news", "x"]).await.unwrap();
    is_the_message(&mut news, "x").await;
}
