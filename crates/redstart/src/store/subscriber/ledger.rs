//! What is wanted and what is so, name by name.
//!
//! No I/O, no clock and no lock: the engines report what happens, and ask what to do.

#[cfg(test)]
mod tests;

use std::collections::hash_map::{Entry as Slot, HashMap};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::event::{GapCause, Message};
use super::hub::Connection;
use super::inbox::{Ending, Inbox};
use super::name::Kind;
use super::push::Push;
use crate::store::error::{Error, Failure};

/// Names in one command. A server confirms them one by one, and a command of many thousands would
/// keep it from everybody else.
const NAMES_OF_AN_ORDER: usize = 512;

/// What a subscriber's connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Leave,
    Enter,
}

/// One command: names of one kind and, if they are shard channels, of one slot.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) verb: Verb,
    pub(crate) kind: Kind,
    pub(crate) names: Vec<Bytes>,
}

/// What the names of an order have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    verb: Verb,
    kind: Kind,
    /// Of shard channels.
    slot: Option<u16>,
    /// Of a name that goes alone.
    alone: Option<Bytes>,
}

/// Why an order was not carried out, in part or whole.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server said so.
    Error(Error),
    /// It has answered what came after and not this.
    Silence,
}

impl Refusal {
    /// Whether no node will do it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Refusal::Error(error) if error.failure() == Failure::Failed)
    }

    /// Whether this node may do the same later.
    fn passes(&self) -> bool {
        match self {
            Refusal::Error(error) => {
                error.failure() == Failure::NotExecuted && error.code() != Some("MOVED")
            }
            Refusal::Silence => true,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    channels: HashMap<Bytes, Entry>,
    patterns: HashMap<Bytes, Entry>,
    shards: HashMap<Bytes, Entry>,
    /// Those that may not be as they should.
    unsettled: HashSet<(Kind, Bytes)>,
    /// Whom to wake when the ledger is free again.
    wakers: Vec<Waker>,
}

/// A name: who wants it, and where it is subscribed to. There is one while either is so.
#[derive(Debug)]
struct Entry {
    /// By the ids of their inboxes, ascending.
    followers: Vec<Follower>,
    standing: Standing,
    /// An order with this name and others was refused: it is to be asked for alone.
    alone: bool,
}

#[derive(Debug)]
struct Follower {
    inbox: Arc<Inbox>,
    hearing: Hearing,
}

/// What a follower hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    /// Nothing yet: no server has confirmed the name since it was asked for.
    Waiting,
    /// Every message.
    Live,
    /// Nothing any more. It will hear of this gap when a server has confirmed the name again.
    Interrupted(GapCause),
}

/// What a server has said of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Absent,
    Asked(Connection),
    Confirmed(Connection),
    Leaving(Connection),
}

/// What callers want.
impl Ledger {
    /// Has an inbox follow names, and gives those back that it did not follow yet. It waits for
    /// those among them that no server has confirmed.
    pub(super) fn follow(&mut self, inbox: &Arc<Inbox>, kind: Kind, names: &[Bytes]) -> Vec<Bytes> {
        let mut new = Vec::new();
        let mut waiting = 0;
        for name in names {
            let entry = match self.book(kind).entry(name.clone()) {
                Slot::Occupied(known) => known.into_mut(),
                Slot::Vacant(vacant) => vacant.insert(Entry::new(Standing::Absent)),
            };
            let Err(place) = entry.place_of(inbox.id) else {
                continue;
            };
            let hearing = match entry.standing {
                Standing::Confirmed(_) => Hearing::Live,
                _ => Hearing::Waiting,
            };
            let inbox = Arc::clone(inbox);
            entry.followers.insert(place, Follower { inbox, hearing });
            let absent = entry.standing == Standing::Absent;
            waiting += usize::from(hearing == Hearing::Waiting);
            new.push(name.clone());
            if absent {
                self.unsettled.insert((kind, name.clone()));
            }
        }
        inbox.awaits(waiting);
        new
    }

    /// From now on the inbox gets nothing of these names.
    pub(super) fn unfollow<'n>(
        &mut self,
        inbox: &Inbox,
        kind: Kind,
        names: impl IntoIterator<Item = &'n Bytes>,
    ) {
        for name in names {
            let Some(entry) = self.book(kind).get_mut(name) else {
                continue;
            };
            let Ok(place) = entry.place_of(inbox.id) else {
                continue;
            };
            if entry.followers.remove(place).hearing == Hearing::Waiting {
                inbox.withdrawn();
            }
            if entry.followers.is_empty() {
                self.settle_later(kind, name.clone());
            }
        }
    }
}

/// What is so.
impl Ledger {
    /// A server pushed something over this connection.
    pub(crate) fn pushed(&mut self, over: Connection, push: Push) {
        match push {
            Push::Confirmed {
                verb: Verb::Enter,
                kind,
                name,
            } => self.entered(over, kind, name.into()),
            Push::Confirmed {
                verb: Verb::Leave,
                kind,
                name,
            } => self.left(over, kind, name.into()),
            Push::Message {
                kind,
                name,
                channel,
                payload,
            } => {
                let channel = channel.map(Bytes::from);
                self.message(over, kind, &name, channel, payload.into());
            }
        }
    }

    fn message(
        &mut self,
        over: Connection,
        kind: Kind,
        name: &[u8],
        channel: Option<Bytes>,
        payload: Bytes,
    ) {
        let book = match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        };
        let Some((name, entry)) = book.get_key_value(name) else {
            return;
        };
        // What another connection still delivers came after that one was given up.
        let (confirmed, leaving) = (Standing::Confirmed(over), Standing::Leaving(over));
        if entry.standing != confirmed && entry.standing != leaving {
            return;
        }
        let (channel, pattern) = match channel {
            Some(channel) => (channel, Some(name.clone())),
            None => (name.clone(), None),
        };
        let message = Message {
            channel,
            pattern,
            payload,
        };
        for follower in &entry.followers {
            if follower.hearing == Hearing::Live {
                self.wakers.extend(follower.inbox.message(&message));
            }
        }
    }

    fn entered(&mut self, over: Connection, kind: Kind, name: Bytes) {
        let book = match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        };
        // Nobody wants it any more, but the server does not know: it is to be told.
        let entry = book
            .entry(name.clone())
            .or_insert_with(|| Entry::new(Standing::Absent));
        entry.standing = Standing::Confirmed(over);
        entry.alone = false;
        for follower in &mut entry.followers {
            let inbox = &follower.inbox;
            let woken = match std::mem::replace(&mut follower.hearing, Hearing::Live) {
                Hearing::Live => None,
                Hearing::Waiting => inbox.confirmed(),
                Hearing::Interrupted(cause) => inbox.gap(cause, &name),
            };
            self.wakers.extend(woken);
        }
        // It may be wanted no more, or elsewhere, since it was asked for.
        self.unsettled.insert((kind, name));
    }

    /// Whether it was asked for or the server found that it does not serve the slot any more.
    fn left(&mut self, over: Connection, kind: Kind, name: Bytes) {
        let Some(entry) = self.book(kind).get_mut(&name) else {
            return;
        };
        if entry.standing == Standing::Leaving(over) || entry.standing == Standing::Confirmed(over)
        {
            entry.interrupt(GapCause::Moved);
            self.settle_later(kind, name);
        }
    }

    /// The server did not do what an order says.
    pub(crate) fn refused(&mut self, over: Connection, order: &Order, refusal: &Refusal) {
        let Order { verb, kind, names } = order;
        for name in names {
            let standing = self.entry(*kind, name).map(|entry| entry.standing);
            match verb {
                Verb::Enter if standing == Some(Standing::Asked(over)) => {
                    self.not_entered(*kind, name, refusal, names.len() == 1);
                }
                Verb::Leave if standing == Some(Standing::Leaving(over)) => {
                    match refusal.passes() {
                        true => self.entered(over, *kind, name.clone()),
                        false => self.left(over, *kind, name.clone()),
                    }
                }
                _ => {}
            }
        }
    }

    fn not_entered(&mut self, kind: Kind, name: &Bytes, refusal: &Refusal, asked_alone: bool) {
        let Some(entry) = self.book(kind).get_mut(name) else {
            return;
        };
        entry.standing = Standing::Absent;
        if let Refusal::Error(error) = refusal
            && error.failure() == Failure::Failed
        {
            // Which of several names it is about, the server does not say.
            entry.alone = true;
            if asked_alone {
                self.reject(kind, name, error);
            }
        }
        self.settle_later(kind, name.clone());
    }

    /// Tells those who follow a name that they cannot.
    fn reject(&mut self, kind: Kind, name: &Bytes, error: &Error) {
        let followers = match self.book(kind).get_mut(name) {
            Some(entry) => std::mem::take(&mut entry.followers),
            None => return,
        };
        for Follower { inbox, hearing } in followers {
            let woken = match hearing {
                Hearing::Waiting => inbox.refused(error.clone()),
                _ => inbox.end(Ending::Refused(error.clone())),
            };
            self.wakers.extend(woken);
        }
    }

    /// The connection is gone. Wakes those it served: where nobody else is there to begin anew,
    /// they do.
    pub(crate) fn lost(&mut self, connection: Connection) {
        for kind in Kind::ALL {
            let mut affected = Vec::new();
            let mut wakers = Vec::new();
            for (name, entry) in self.book(kind) {
                if entry.standing.connection() == Some(connection) {
                    entry.interrupt(GapCause::Disconnected);
                    let followers = entry.followers.iter();
                    wakers.extend(followers.filter_map(|follower| follower.inbox.nudge()));
                    affected.push(name.clone());
                }
            }
            self.wakers.append(&mut wakers);
            for name in affected {
                self.settle_later(kind, name);
            }
        }
    }
}

/// What to do.
impl Ledger {
    /// Whether a connection is needed for what is its own.
    pub(crate) fn wants(&self, is_own: impl Fn(Kind, &[u8]) -> bool) -> bool {
        let absent = |(kind, name): &&(Kind, Bytes)| {
            let standing = self.entry(*kind, name).map(|entry| entry.standing);
            standing == Some(Standing::Absent)
        };
        let mut absent = self.unsettled.iter().filter(absent);
        absent.any(|(kind, name)| is_own(*kind, name))
    }

    /// Whether anything is subscribed to over this connection, or about to be.
    pub(crate) fn is_used(&self, connection: Connection) -> bool {
        Kind::ALL.iter().any(|kind| {
            let mut entries = match kind {
                Kind::Channel => self.channels.values(),
                Kind::Pattern => self.patterns.values(),
                Kind::Shard => self.shards.values(),
            };
            entries.any(|entry| entry.standing.connection() == Some(connection))
        })
    }

    /// What is to be said over this connection, so that it is subscribed to what is its own and
    /// wanted, and to nothing else.
    pub(crate) fn orders(
        &mut self,
        over: Connection,
        is_own: impl Fn(Kind, &[u8]) -> bool,
    ) -> Vec<Order> {
        let mut groups: BTreeMap<Group, Vec<Bytes>> = BTreeMap::new();
        let unsettled = std::mem::take(&mut self.unsettled);
        for (kind, name) in unsettled {
            let Some(entry) = self.book(kind).get_mut(&name) else {
                continue;
            };
            let wanted = !entry.followers.is_empty();
            let own = is_own(kind, &name);
            let verb = match entry.standing {
                Standing::Absent if wanted && own => {
                    entry.standing = Standing::Asked(over);
                    Verb::Enter
                }
                Standing::Confirmed(there) if there == over => {
                    if wanted && own {
                        continue;
                    }
                    entry.standing = Standing::Leaving(over);
                    Verb::Leave
                }
                // Another connection's business.
                Standing::Absent | Standing::Confirmed(_) => {
                    self.unsettled.insert((kind, name));
                    continue;
                }
                // Comes back when the server has answered.
                Standing::Asked(_) | Standing::Leaving(_) => continue,
            };
            let group = Group {
                verb,
                kind,
                slot: (kind == Kind::Shard).then(|| redstart_protocol::slot(&name)),
                alone: entry.alone.then(|| name.clone()),
            };
            groups.entry(group).or_default().push(name);
        }
        let orders = groups.into_iter().flat_map(|(group, names)| {
            let Group { verb, kind, .. } = group;
            let batches = names.chunks(NAMES_OF_AN_ORDER).map(<[Bytes]>::to_vec);
            let order = move |names| Order { verb, kind, names };
            batches.map(order).collect::<Vec<_>>()
        });
        orders.collect()
    }

    /// Looks at everything again: the map of a cluster has changed, or time has passed.
    pub(crate) fn doubt(&mut self) {
        for kind in Kind::ALL {
            let names: Vec<Bytes> = self.book(kind).keys().cloned().collect();
            self.unsettled
                .extend(names.into_iter().map(|name| (kind, name)));
        }
    }

    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }

    fn settle_later(&mut self, kind: Kind, name: Bytes) {
        let Slot::Occupied(entry) = self.book(kind).entry(name.clone()) else {
            return;
        };
        if entry.get().followers.is_empty() && entry.get().standing == Standing::Absent {
            entry.remove();
            self.unsettled.remove(&(kind, name));
        } else {
            self.unsettled.insert((kind, name));
        }
    }

    fn entry(&self, kind: Kind, name: &[u8]) -> Option<&Entry> {
        match kind {
            Kind::Channel => self.channels.get(name),
            Kind::Pattern => self.patterns.get(name),
            Kind::Shard => self.shards.get(name),
        }
    }

    fn book(&mut self, kind: Kind) -> &mut HashMap<Bytes, Entry> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }
}

impl Entry {
    fn new(standing: Standing) -> Entry {
        Entry {
            followers: Vec::new(),
            standing,
            alone: false,
        }
    }

    fn place_of(&self, inbox: u64) -> Result<usize, usize> {
        self.followers
            .binary_search_by_key(&inbox, |follower| follower.inbox.id)
    }

    /// It is not subscribed to any more. Whoever heard it has a gap from here on.
    fn interrupt(&mut self, cause: GapCause) {
        self.standing = Standing::Absent;
        for follower in &mut self.followers {
            if follower.hearing == Hearing::Live {
                follower.hearing = Hearing::Interrupted(cause);
            }
        }
    }
}

impl Standing {
    fn connection(self) -> Option<Connection> {
        match self {
            Standing::Absent => None,
            Standing::Asked(over) | Standing::Confirmed(over) | Standing::Leaving(over) => {
                Some(over)
            }
        }
    }
}
