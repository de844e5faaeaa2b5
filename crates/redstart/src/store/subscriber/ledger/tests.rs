//! The ledger against two simulated nodes that confirm late, refuse, hang up and hand each other
//! their channels, in any order of events.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use proptest::prelude::*;
use redstart_protocol::Octets;

use super::*;
use crate::store::error::OperationName;
use crate::store::subscriber::event::{Affected, Event};
use crate::store::subscriber::hub::Hub;
use crate::store::subscriber::inbox::{Capacity, Overflow};

/// The first ones may be published anywhere, the others belong to one node.
const NAMES: [(Kind, &[u8]); 6] = [
    (Kind::Channel, b"a"),
    (Kind::Channel, b"b"),
    (Kind::Pattern, b"p*"),
    (Kind::Shard, b"s1"),
    (Kind::Shard, b"s2"),
    (Kind::Shard, b"s3"),
];

const NODES: usize = 2;
const SUBSCRIPTIONS: usize = 3;

fn place(kind: Kind, name: &[u8]) -> usize {
    let known = NAMES.iter().position(|known| *known == (kind, name));
    known.unwrap()
}

/// A connection as both sides see it.
struct Link {
    connection: Connection,
    subscribed: HashSet<usize>,
    to_server: VecDeque<Order>,
    to_client: VecDeque<Frame>,
}

enum Frame {
    Push(Push),
    Refused(Order, Refusal),
}

/// What a subscription has heard of a name.
#[derive(Clone, Default)]
struct Heard {
    follows: bool,
    last: u64,
    /// No confirmation was seen since it began to follow.
    open: bool,
    /// What was published from this number on it has to hear.
    promised: u64,
    /// After a gap the next message may be any up to this one.
    excused: u64,
}

struct World {
    hub: Arc<Hub>,
    inboxes: Vec<Arc<Inbox>>,
    heard: Vec<Vec<Heard>>,
    links: [Option<Link>; NODES],
    /// Which node serves a name, and which one the client takes for that.
    truth: [usize; NAMES.len()],
    map: [usize; NAMES.len()],
    published: [u64; NAMES.len()],
}

impl World {
    fn new(capacity: usize) -> World {
        let hub = Hub::new();
        let capacity = Capacity {
            messages: capacity,
            bytes: 1 << 20,
        };
        let inbox = |_| hub.inbox(capacity, Overflow::DropOldest);
        World {
            inboxes: (0..SUBSCRIPTIONS).map(inbox).collect(),
            heard: vec![vec![Heard::default(); NAMES.len()]; SUBSCRIPTIONS],
            links: [None, None],
            truth: [0, 0, 0, 0, 1, 0],
            map: [0; NAMES.len()],
            published: [0; NAMES.len()],
            hub,
        }
    }

    fn publish(&mut self, name: usize) {
        self.published[name] += 1;
        let (kind, bytes) = NAMES[name];
        for link in self.links.iter_mut().flatten() {
            if link.subscribed.contains(&name) {
                link.to_client.push_back(Frame::Push(Push::Message {
                    kind,
                    name: bytes.into(),
                    channel: (kind == Kind::Pattern).then(|| Octets::from("pub")),
                    payload: self.published[name].to_string().into(),
                }));
            }
        }
    }

    /// The client says what it has to say to a node.
    fn speak(&mut self, node: usize) {
        let map = self.map;
        let is_own = |kind, name: &[u8]| map[place(kind, name)] == node;
        if self.links[node].is_none() {
            if !self.hub.with(|ledger| ledger.wants(is_own)) {
                return;
            }
            self.links[node] = Some(Link {
                connection: self.hub.connection(),
                subscribed: HashSet::new(),
                to_server: VecDeque::new(),
                to_client: VecDeque::new(),
            });
        }
        let link = self.links[node].as_mut().unwrap();
        let orders = self
            .hub
            .with(|ledger| ledger.orders(link.connection, is_own));
        link.to_server.extend(orders);
    }

    /// The node answers one order, if it has any.
    fn answer(&mut self, node: usize, loading: bool) -> bool {
        let Some(link) = &mut self.links[node] else {
            return false;
        };
        let Some(order) = link.to_server.pop_front() else {
            return false;
        };
        let places: Vec<usize> = order
            .names
            .iter()
            .map(|name| place(order.kind, name))
            .collect();
        let elsewhere =
            order.kind == Kind::Shard && places.iter().any(|at| self.truth[*at] != node);
        let refusal = match () {
            () if elsewhere => Some("MOVED 1 there:1"),
            () if loading => Some("LOADING not yet"),
            () => None,
        };
        if let Some(text) = refusal {
            let error = Error::server(&OperationName::named("test"), text.as_bytes());
            let refused = Frame::Refused(order, Refusal::Error(error));
            link.to_client.push_back(refused);
            return true;
        }
        for at in places {
            match order.verb {
                Verb::Enter => link.subscribed.insert(at),
                Verb::Leave => link.subscribed.remove(&at),
            };
            let (kind, name) = NAMES[at];
            link.to_client.push_back(Frame::Push(Push::Confirmed {
                verb: order.verb,
                kind,
                name: name.into(),
            }));
        }
        true
    }

    /// The client hears one thing a node has said, if there is any.
    fn hear(&mut self, node: usize) -> bool {
        let Some(link) = &mut self.links[node] else {
            return false;
        };
        let connection = link.connection;
        match link.to_client.pop_front() {
            Some(Frame::Push(push)) => self.hub.with(|ledger| ledger.pushed(connection, push)),
            Some(Frame::Refused(order, refusal)) => {
                self.hub
                    .with(|ledger| ledger.refused(connection, &order, &refusal));
                for name in &order.names {
                    let at = place(order.kind, name);
                    self.map[at] = self.truth[at];
                }
                self.hub.with(Ledger::doubt);
            }
            None => return false,
        }
        self.note_confirmations();
        true
    }

    fn hang_up(&mut self, node: usize) {
        if let Some(link) = self.links[node].take() {
            self.hub.with(|ledger| ledger.lost(link.connection));
        }
    }

    /// Another node serves a name from now on; the client may hear of it before it notices.
    fn hand_over(&mut self, name: usize, tells: bool) {
        let (kind, bytes) = NAMES[name];
        if kind != Kind::Shard {
            // Any node delivers these; the client may choose another one.
            self.map[name] = 1 - self.map[name];
            self.hub.with(Ledger::doubt);
            return;
        }
        let from = self.truth[name];
        self.truth[name] = 1 - from;
        if let Some(link) = &mut self.links[from]
            && link.subscribed.remove(&name)
        {
            link.to_client.push_back(Frame::Push(Push::Confirmed {
                verb: Verb::Leave,
                kind,
                name: bytes.into(),
            }));
        }
        if tells {
            self.map[name] = self.truth[name];
            self.hub.with(Ledger::doubt);
        }
    }

    fn follow(&mut self, subscription: usize, name: usize) {
        let (kind, bytes) = NAMES[name];
        let inbox = &self.inboxes[subscription];
        let names = [Bytes::from_static(bytes)];
        self.hub.with(|ledger| ledger.follow(inbox, kind, &names));
        let heard = &mut self.heard[subscription][name];
        if !heard.follows {
            heard.follows = true;
            heard.open = true;
        }
        self.note_confirmations();
    }

    fn unfollow(&mut self, subscription: usize, name: usize) {
        let (kind, bytes) = NAMES[name];
        let inbox = &self.inboxes[subscription];
        let names = [Bytes::from_static(bytes)];
        self.hub.with(|ledger| ledger.unfollow(inbox, kind, &names));
        let heard = &mut self.heard[subscription][name];
        heard.follows = false;
        heard.open = true;
    }

    /// Whoever is told that all its names are confirmed may rely on every message from then on.
    fn note_confirmations(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        for (inbox, heard) in self.inboxes.iter().zip(&mut self.heard) {
            if let Poll::Ready(confirmed) = inbox.poll_confirmed(&mut context) {
                confirmed.unwrap();
                for (at, heard) in heard.iter_mut().enumerate() {
                    if heard.follows && std::mem::take(&mut heard.open) {
                        heard.promised = self.published[at] + 1;
                    }
                }
            }
        }
    }

    /// A subscription takes its next event, and what it was promised is held against it.
    fn take(&mut self, subscription: usize) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(event) = self.inboxes[subscription].poll_event(&mut context) else {
            return false;
        };
        let heard = &mut self.heard[subscription];
        match event.unwrap() {
            Event::Message(message) => {
                let kind = match (&message.pattern, &message.channel[..]) {
                    (Some(_), _) => Kind::Pattern,
                    (None, channel) if channel.starts_with(b"s") => Kind::Shard,
                    (None, _) => Kind::Channel,
                };
                let name = message.pattern.as_ref().unwrap_or(&message.channel);
                let heard = &mut heard[place(kind, name)];
                let number: u64 = String::from_utf8_lossy(&message.payload).parse().unwrap();
                let last = std::mem::replace(&mut heard.last, number);
                let excused = std::mem::take(&mut heard.excused);
                assert!(number > last, "{number} after {last}");
                let is_next = number == last + 1 || number <= excused;
                let was_promised = number > heard.promised && !heard.open;
                assert!(
                    is_next || !was_promised,
                    "{number} after {last}, and no gap"
                );
            }
            Event::Gap(gap) => {
                for (at, (_, name)) in NAMES.iter().enumerate() {
                    if gap.affected.includes(name) {
                        heard[at].excused = match gap.affected {
                            // Some may still be interrupted and have a gap of their own to come.
                            Affected::All => u64::MAX,
                            Affected::Names(_) => self.published[at] + 1,
                        };
                    }
                }
            }
        }
        true
    }

    /// Lets everything happen that is still to happen, without further mishaps.
    fn come_to_rest(&mut self) {
        self.hub.with(Ledger::doubt);
        let mut rounds = 0;
        loop {
            let mut busy = false;
            for node in 0..NODES {
                self.speak(node);
                while self.answer(node, false) {
                    busy = true;
                }
                while self.hear(node) {
                    busy = true;
                }
            }
            if !busy {
                return;
            }
            rounds += 1;
            assert!(rounds < 50, "it never comes to rest");
        }
    }

    fn act(&mut self, (what, which, how): (u8, usize, bool)) {
        let (node, name) = (which % NODES, which % NAMES.len());
        let subscription = which / NAMES.len() % SUBSCRIPTIONS;
        match what {
            0..=5 => self.publish(name),
            6..=8 => self.speak(node),
            9..=11 => drop(self.answer(node, how && which > 15)),
            12..=16 => drop(self.hear(node)),
            17 => self.hang_up(node),
            18 => self.hand_over(name, how),
            19..=20 => self.follow(subscription, name),
            21 if how => self.unfollow(subscription, name),
            21 => self.come_to_rest(),
            _ => drop(self.take(subscription)),
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(u8, usize, bool)>> {
    prop::collection::vec(
        (0..26_u8, 0..NAMES.len() * SUBSCRIPTIONS, any::<bool>()),
        0..150,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_message_is_missing_without_a_gap(capacity in 1..12_usize, events in events()) {
        let mut world = World::new(capacity);
        for event in events {
            world.act(event);
        }
        world.come_to_rest();
        for subscription in 0..SUBSCRIPTIONS {
            while world.take(subscription) {}
        }
        // Whoever follows a name hears it now, and nobody else keeps a server busy.
        for name in 0..NAMES.len() {
            world.publish(name);
            world.come_to_rest();
            let followed = world.heard.iter().any(|heard| heard[name].follows);
            let mut links = world.links.iter().flatten();
            prop_assert_eq!(links.any(|link| link.subscribed.contains(&name)), followed);
            for subscription in 0..SUBSCRIPTIONS {
                let follows = world.heard[subscription][name].follows;
                prop_assert_eq!(world.take(subscription), follows);
                if follows {
                    let last = world.heard[subscription][name].last;
                    prop_assert_eq!(last, world.published[name]);
                }
            }
        }
    }
}

#[test]
fn orders_are_of_one_kind_of_one_slot_and_of_512_names() {
    let hub = Hub::new();
    let capacity = Capacity {
        messages: 1,
        bytes: 1,
    };
    let inbox = hub.inbox(capacity, Overflow::DropOldest);
    let many: Vec<Bytes> = (0..1200).map(|n: u32| n.to_string().into()).collect();
    let tagged = |tag: &str, count: u32| -> Vec<Bytes> {
        let name = |n| format!("{{{tag}}}{n}").into();
        (0..count).map(name).collect()
    };
    let connection = hub.connection();
    let orders = hub.with(|ledger| {
        ledger.follow(&inbox, Kind::Channel, &many);
        ledger.follow(&inbox, Kind::Pattern, &many[..3]);
        ledger.follow(&inbox, Kind::Shard, &tagged("a", 600));
        ledger.follow(&inbox, Kind::Shard, &tagged("b", 5));
        ledger.orders(connection, |_, _| true)
    });
    let mut sizes: Vec<(Kind, usize)> = Vec::new();
    for order in &orders {
        assert_eq!(order.verb, Verb::Enter);
        sizes.push((order.kind, order.names.len()));
        if order.kind == Kind::Shard {
            let slot = |name: &Bytes| redstart_protocol::slot(name);
            let first = slot(&order.names[0]);
            assert!(order.names.iter().all(|name| slot(name) == first));
        }
    }
    sizes.sort();
    let channels = [176, 512, 512].map(|size| (Kind::Channel, size));
    let shards = [5, 88, 512].map(|size| (Kind::Shard, size));
    let expected = [&channels[..], &[(Kind::Pattern, 3)], &shards].concat();
    assert_eq!(sizes, expected);
}

#[test]
fn what_may_not_be_subscribed_to_is_found_one_by_one() {
    let hub = Hub::new();
    let capacity = Capacity {
        messages: 9,
        bytes: 9999,
    };
    let inbox = || hub.inbox(capacity, Overflow::DropOldest);
    let (good, bad) = (inbox(), inbox());
    let connection = hub.connection();
    let names = |names: [&'static str; 2]| names.map(Bytes::from);
    hub.with(|ledger| {
        ledger.follow(&good, Kind::Channel, &names(["a", "b"]));
        ledger.follow(&bad, Kind::Channel, &names(["b", "forbidden"]));
    });
    let refuse = |order: &Order| {
        let error = Error::server(&order.kind.operation(), b"NOPERM no permissions");
        let refusal = Refusal::Error(error);
        hub.with(|ledger| ledger.refused(connection, order, &refusal));
    };
    let orders = || hub.with(|ledger| ledger.orders(connection, |_, _| true));
    let together = orders();
    assert_eq!(together.len(), 1);
    refuse(&together[0]);
    let apart = orders();
    assert_eq!(apart.len(), 3);
    for order in &apart {
        match &*order.names[0] {
            b"forbidden" => refuse(order),
            name => hub.with(|ledger| {
                ledger.pushed(
                    connection,
                    Push::Confirmed {
                        verb: Verb::Enter,
                        kind: Kind::Channel,
                        name: name.into(),
                    },
                );
            }),
        }
    }
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(
        good.poll_confirmed(&mut context),
        Poll::Ready(Ok(()))
    ));
    let Poll::Ready(Err(error)) = bad.poll_confirmed(&mut context) else {
        panic!("nobody said no");
    };
    assert_eq!(error.code(), Some("NOPERM"));
    assert!(orders().is_empty());
}
