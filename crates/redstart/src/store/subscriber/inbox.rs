//! What one subscription has not taken yet, within bounds.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use super::event::{Affected, Event, Gap, GapCause, Message};
use crate::store::error::{Error, Result};

/// What to do with a subscription that does not take its messages as fast as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Drop its oldest messages, and say how many by [`GapCause::Lagged`] in their place.
    #[default]
    DropOldest,
    /// End it: it still gives what it has, in order and without a hole, and then nothing more.
    Close,
}

/// Why a subscription came to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// It did not take its messages as fast as they came, and was opened with
    /// [`Overflow::Close`].
    Overflow,
    /// The server refused it when it was to be continued on another connection: permission was
    /// withdrawn meanwhile.
    Refused(Error),
}

/// How much an inbox may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// A gap that names more than this is one of everything: it must not outgrow the messages.
const NAMES_OF_A_GAP: usize = 1024;

/// Events wait here from the moment they come until the subscription takes them.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Tells subscriptions apart, in the order they began.
    pub(super) id: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    capacity: Capacity,
    overflow: Overflow,
    events: VecDeque<Event>,
    bytes: usize,
    /// What was dropped before the oldest event.
    dropped: Dropped,
    ending: Option<Ending>,
    /// Names that no server has confirmed yet since they were asked for.
    unconfirmed: usize,
    /// Why one of them never will be.
    refusal: Option<Error>,
    /// Whoever waits for an event or a confirmation; these two exclude each other.
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Dropped {
    messages: u64,
    /// The cause of a gap that was dropped along with them.
    gap: Option<GapCause>,
}

impl Inbox {
    pub(super) fn new(id: u64, capacity: Capacity, overflow: Overflow) -> Inbox {
        Inbox {
            id,
            state: Mutex::new(State {
                capacity,
                overflow,
                events: VecDeque::new(),
                bytes: 0,
                dropped: Dropped::default(),
                ending: None,
                unconfirmed: 0,
                refusal: None,
                waker: None,
            }),
        }
    }

    /// The next event; nothing more once the subscription has ended.
    pub(super) fn poll_event(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.state.lock();
        match state.take() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.ending.is_some() => Poll::Ready(None),
            None => state.wait(context),
        }
    }

    /// Whether every name is confirmed, or the first refusal.
    pub(super) fn poll_confirmed(&self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = self.state.lock();
        match state.refusal.take() {
            Some(error) => Poll::Ready(Err(error)),
            None if state.unconfirmed == 0 => Poll::Ready(Ok(())),
            None => state.wait(context),
        }
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.state.lock().ending.clone()
    }
}

/// What the ledger tells it. Each returns whom that wakes.
impl Inbox {
    pub(super) fn message(&self, message: &Message) -> Option<Waker> {
        let mut state = self.state.lock();
        state.message(message);
        state.waker.take()
    }

    pub(super) fn gap(&self, cause: GapCause, name: &Bytes) -> Option<Waker> {
        let mut state = self.state.lock();
        state.gap(cause, name);
        state.waker.take()
    }

    pub(super) fn end(&self, ending: Ending) -> Option<Waker> {
        let mut state = self.state.lock();
        state.ending.get_or_insert(ending);
        state.waker.take()
    }

    /// Something may have to be done about the connection.
    pub(super) fn nudge(&self) -> Option<Waker> {
        self.state.lock().waker.take()
    }

    /// Begins to wait for so many names; earlier ones are not waited for any more.
    pub(super) fn awaits(&self, names: usize) {
        let mut state = self.state.lock();
        state.unconfirmed += names;
        state.refusal = None;
    }

    pub(super) fn confirmed(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.unconfirmed -= 1;
        match state.unconfirmed {
            0 => state.waker.take(),
            _ => None,
        }
    }

    pub(super) fn refused(&self, error: Error) -> Option<Waker> {
        let mut state = self.state.lock();
        state.unconfirmed -= 1;
        state.refusal.get_or_insert(error);
        state.waker.take()
    }

    /// A name is not waited for any more.
    pub(super) fn withdrawn(&self) {
        self.state.lock().unconfirmed -= 1;
    }
}

impl State {
    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn message(&mut self, message: &Message) {
        let size = size_of_message(message);
        if self.ending.is_some() {
            return;
        }
        if size > self.capacity.bytes && self.overflow == Overflow::DropOldest {
            // It alone is more than there is room for: it is dropped, and not what came before.
            self.lag();
            return;
        }
        self.push(Event::Message(message.clone()), size);
    }

    /// Notes at the end that one message was dropped.
    fn lag(&mut self) {
        match self.events.back_mut() {
            Some(Event::Gap(Gap {
                cause: GapCause::Lagged(messages),
                ..
            })) => *messages += 1,
            _ => {
                let gap = Gap {
                    cause: GapCause::Lagged(1),
                    affected: Affected::All,
                };
                self.push(Event::Gap(gap), size_of_gap(0));
            }
        }
    }

    fn gap(&mut self, cause: GapCause, name: &Bytes) {
        if self.ending.is_some() {
            return;
        }
        // Names that are confirmed one after the other share one gap.
        if let Some(Event::Gap(gap)) = self.events.back_mut()
            && gap.cause == cause
        {
            let before = size_of_affected(&gap.affected);
            match &mut gap.affected {
                Affected::Names(names) if names.len() >= NAMES_OF_A_GAP => {
                    gap.affected = Affected::All;
                }
                Affected::Names(names) if !names.contains(name) => names.push(name.clone()),
                Affected::Names(_) | Affected::All => {}
            }
            self.bytes = self.bytes - before + size_of_affected(&gap.affected);
            self.make_room();
            return;
        }
        let affected = Affected::Names(vec![name.clone()]);
        self.push(Event::Gap(Gap { cause, affected }), size_of_gap(1));
    }

    fn push(&mut self, event: Event, size: usize) {
        self.events.push_back(event);
        self.bytes += size;
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.events.len() > self.capacity.messages || self.bytes > self.capacity.bytes {
            if self.overflow == Overflow::Close {
                // What does not fit is what came last.
                self.discard(VecDeque::pop_back);
                self.ending = Some(Ending::Overflow);
                return;
            }
            match self.discard(VecDeque::pop_front) {
                Some(Event::Message(_)) => self.dropped.messages += 1,
                Some(Event::Gap(gap)) => match gap.cause {
                    GapCause::Lagged(messages) => self.dropped.messages += messages,
                    cause => self.dropped.gap = Some(cause),
                },
                None => return,
            }
        }
    }

    fn take(&mut self) -> Option<Event> {
        let Dropped { messages, gap } = std::mem::take(&mut self.dropped);
        let cause = match messages {
            0 => gap,
            lagged => Some(GapCause::Lagged(lagged)),
        };
        if let Some(cause) = cause {
            let affected = Affected::All;
            return Some(Event::Gap(Gap { cause, affected }));
        }
        self.discard(VecDeque::pop_front)
    }

    fn discard(
        &mut self,
        pop: impl FnOnce(&mut VecDeque<Event>) -> Option<Event>,
    ) -> Option<Event> {
        let event = pop(&mut self.events)?;
        self.bytes -= match &event {
            Event::Message(message) => size_of_message(message),
            Event::Gap(gap) => size_of_affected(&gap.affected),
        };
        Some(event)
    }
}

/// What is counted of a message: its channel, which subscriptions share as they share the payload,
/// is short.
fn size_of_message(message: &Message) -> usize {
    message.payload.len() + message.channel.len() + size_of::<Event>()
}

fn size_of_affected(affected: &Affected) -> usize {
    match affected {
        Affected::All => size_of_gap(0),
        Affected::Names(names) => size_of_gap(names.len()),
    }
}

fn size_of_gap(names: usize) -> usize {
    size_of::<Event>() + names * size_of::<Bytes>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(messages: usize, bytes: usize, overflow: Overflow) -> Inbox {
        Inbox::new(0, Capacity { messages, bytes }, overflow)
    }

    fn message(number: usize) -> Message {
        Message {
            channel: Bytes::from_static(b"c"),
            pattern: None,
            payload: number.to_string().into(),
        }
    }

    /// Everything there is, as short texts.
    fn taken(inbox: &Inbox) -> Vec<String> {
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = Vec::new();
        while let Poll::Ready(next) = inbox.poll_event(&mut context) {
            match next {
                Some(Event::Message(message)) => {
                    taken.push(String::from_utf8(message.payload.to_vec()).unwrap());
                }
                Some(Event::Gap(gap)) => taken.push(match gap.affected {
                    Affected::All => format!("{:?} all", gap.cause),
                    Affected::Names(names) => format!("{:?} {}", gap.cause, names.len()),
                }),
                None => {
                    taken.push("end".to_owned());
                    break;
                }
            }
        }
        taken
    }

    #[test]
    fn the_oldest_are_dropped_and_counted_in_their_place() {
        let inbox = inbox(3, 1 << 20, Overflow::DropOldest);
        for number in 0..10 {
            inbox.message(&message(number));
        }
        assert_eq!(taken(&inbox), ["Lagged(7) all", "7", "8", "9"]);
        inbox.message(&message(10));
        assert_eq!(taken(&inbox), ["10"]);
    }

    #[test]
    fn a_message_larger_than_the_inbox_leaves_the_others_alone() {
        let inbox = inbox(10, 500, Overflow::DropOldest);
        inbox.message(&message(1));
        for _ in 0..2 {
            let large = Message {
                payload: vec![0; 1000].into(),
                ..message(0)
            };
            inbox.message(&large);
        }
        inbox.message(&message(2));
        assert_eq!(taken(&inbox), ["1", "Lagged(2) all", "2"]);
    }

    #[test]
    fn bytes_are_a_bound_as_well() {
        let each = size_of_message(&message(0));
        let inbox = inbox(100, 4 * each, Overflow::DropOldest);
        for number in 0..6 {
            inbox.message(&message(number));
        }
        assert_eq!(taken(&inbox), ["Lagged(2) all", "2", "3", "4", "5"]);
        assert_eq!(inbox.state.lock().bytes, 0);
    }

    #[test]
    fn closing_gives_what_is_there_and_then_ends() {
        let inbox = inbox(2, 1 << 20, Overflow::Close);
        for number in 0..5 {
            inbox.message(&message(number));
        }
        assert_eq!(taken(&inbox), ["0", "1", "end"]);
        assert!(matches!(inbox.ending(), Some(Ending::Overflow)));
    }

    #[test]
    fn gaps_that_follow_each_other_are_one_and_a_dropped_one_is_not_forgotten() {
        let inbox = inbox(2, 1 << 20, Overflow::DropOldest);
        let name = |number: usize| Bytes::from(number.to_string());
        inbox.gap(GapCause::Disconnected, &name(1));
        inbox.gap(GapCause::Disconnected, &name(2));
        inbox.gap(GapCause::Disconnected, &name(1));
        inbox.message(&message(0));
        assert_eq!(taken(&inbox), ["Disconnected 2", "0"]);

        inbox.gap(GapCause::Disconnected, &name(1));
        inbox.message(&message(1));
        inbox.message(&message(2));
        assert_eq!(taken(&inbox), ["Disconnected all", "1", "2"]);

        for number in 0..=NAMES_OF_A_GAP {
            inbox.gap(GapCause::Moved, &name(number));
        }
        assert_eq!(taken(&inbox), ["Moved all"]);
        assert_eq!(inbox.state.lock().bytes, 0);
    }
}
