//! What is said on a subscriber's connection, and which answer belongs to what.
//!
//! Confirmations are matched by name and by nothing else. Behind each command goes a PING: an error
//! that comes before its PONG belongs to that command, and what is not confirmed by then will not
//! be.

use std::collections::{HashSet, VecDeque};

use bytes::{Bytes, BytesMut};
use redstart_protocol::{Value, encode};

use crate::store::error::Error;
use crate::store::subscriber::{Order, Push, Refusal, Verb};

/// What was said and not answered yet.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    unanswered: VecDeque<Exchange>,
}

/// A command, if there is one, and the PING behind it.
#[derive(Debug)]
struct Exchange {
    order: Option<Order>,
    /// Its names that are not confirmed yet.
    open: HashSet<Bytes>,
    error: Option<Error>,
}

/// What the server said.
#[derive(Debug)]
pub(super) enum Said {
    Push(Push),
    /// Of this order it did nothing.
    Refused(Order, Refusal),
    /// An order is carried out.
    Done,
    Nothing,
}

impl Conversation {
    pub(super) fn say(&mut self, order: Order, out: &mut BytesMut) {
        let word = match order.verb {
            Verb::Enter => order.kind.command(),
            Verb::Leave => order.kind.opposite(),
        };
        encode::array_header(order.names.len() + 1, out);
        encode::bulk(word.as_bytes(), out);
        for name in &order.names {
            encode::bulk(name, out);
        }
        ping(out);
        self.unanswered.push_back(Exchange {
            open: order.names.iter().cloned().collect(),
            order: Some(order),
            error: None,
        });
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self, out: &mut BytesMut) {
        ping(out);
        self.unanswered.push_back(Exchange {
            order: None,
            open: HashSet::new(),
            error: None,
        });
    }

    pub(super) fn awaits_answer(&self) -> bool {
        !self.unanswered.is_empty()
    }

    pub(super) fn hear(&mut self, value: Value) -> Said {
        match value {
            Value::Push(items) => match Push::read(items) {
                Some(push) => {
                    self.confirm(&push);
                    Said::Push(push)
                }
                None => Said::Nothing,
            },
            Value::Error(text) => match self.unanswered.front_mut() {
                Some(Exchange {
                    order: Some(order),
                    open,
                    error: error @ None,
                }) if open.len() == order.names.len() => {
                    *error = Some(Error::server(&order.kind.operation(), &text));
                    Said::Nothing
                }
                // A server that is busy, or loads its data, refuses the PING as well.
                _ => self.answered(),
            },
            // Nothing else is answered by a reply than a PING.
            _ => self.answered(),
        }
    }

    fn confirm(&mut self, push: &Push) {
        let Push::Confirmed { verb, kind, name } = push else {
            return;
        };
        if let Some(Exchange { order, open, .. }) = self.unanswered.front_mut()
            && let Some(order) = order
            && (order.verb, order.kind) == (*verb, *kind)
        {
            open.remove(&**name);
        }
    }

    fn answered(&mut self) -> Said {
        let Some(Exchange { order, open, error }) = self.unanswered.pop_front() else {
            return Said::Nothing;
        };
        let Some(mut order) = order else {
            return Said::Nothing;
        };
        if open.is_empty() {
            return Said::Done;
        }
        order.names = open.into_iter().collect();
        let refusal = error.map_or(Refusal::Silence, Refusal::Error);
        Said::Refused(order, refusal)
    }
}

fn ping(out: &mut BytesMut) {
    encode::array_header(1, out);
    encode::bulk(b"PING", out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error::Failure;
    use crate::store::subscriber::Kind;

    fn order(verb: Verb, names: &[&'static str]) -> Order {
        Order {
            verb,
            kind: Kind::Shard,
            names: names.iter().map(|name| Bytes::from(*name)).collect(),
        }
    }

    fn confirmation(word: &str, name: &str) -> Value {
        Value::Push(vec![
            Value::bulk(word),
            Value::bulk(name),
            Value::Integer(1),
        ])
    }

    fn refused(said: Said) -> (Vec<Bytes>, Option<Failure>) {
        let Said::Refused(order, refusal) = said else {
            panic!("{said:?} is no refusal");
        };
        let failure = match refusal {
            Refusal::Error(error) => Some(error.failure()),
            Refusal::Silence => None,
        };
        (order.names, failure)
    }

    #[test]
    fn an_error_belongs_to_the_command_before_the_next_pong() {
        let (mut conversation, mut out) = (Conversation::default(), BytesMut::new());
        conversation.say(order(Verb::Enter, &["a", "b"]), &mut out);
        conversation.say(order(Verb::Enter, &["c"]), &mut out);
        conversation.hear(confirmation("ssubscribe", "b"));
        conversation.hear(confirmation("ssubscribe", "a"));
        assert!(matches!(
            conversation.hear(Value::simple("PONG")),
            Said::Done
        ));
        conversation.hear(Value::error("MOVED 15495 127.0.0.1:7001"));
        // Not asked for, and confirming nothing.
        conversation.hear(confirmation("sunsubscribe", "c"));
        let (names, failure) = refused(conversation.hear(Value::simple("PONG")));
        assert_eq!(
            (names, failure),
            (vec!["c".into()], Some(Failure::NotExecuted))
        );
        assert!(!conversation.awaits_answer());
    }

    #[test]
    fn a_ping_that_is_refused_is_answered_all_the_same() {
        let (mut conversation, mut out) = (Conversation::default(), BytesMut::new());
        let busy = || Value::error("BUSY Redis is busy running a script.");
        conversation.say(order(Verb::Enter, &["a"]), &mut out);
        conversation.say(order(Verb::Enter, &["b"]), &mut out);
        conversation.ping(&mut out);
        conversation.say(order(Verb::Enter, &["c"]), &mut out);
        // Both the command and its PING are refused.
        assert!(matches!(conversation.hear(busy()), Said::Nothing));
        let (names, failure) = refused(conversation.hear(busy()));
        assert_eq!(
            (names, failure),
            (vec!["a".into()], Some(Failure::NotExecuted))
        );
        // A server that loads its data subscribes, and does not answer the PING.
        conversation.hear(confirmation("ssubscribe", "b"));
        assert!(matches!(conversation.hear(busy()), Said::Done));
        assert!(matches!(conversation.hear(busy()), Said::Nothing));
        conversation.hear(confirmation("ssubscribe", "c"));
        assert!(matches!(
            conversation.hear(Value::simple("PONG")),
            Said::Done
        ));
        assert!(!conversation.awaits_answer());
    }

    #[test]
    fn what_is_not_confirmed_before_the_pong_is_refused_in_silence() {
        let (mut conversation, mut out) = (Conversation::default(), BytesMut::new());
        conversation.say(order(Verb::Enter, &["a", "b"]), &mut out);
        conversation.ping(&mut out);
        conversation.hear(confirmation("ssubscribe", "a"));
        let (names, failure) = refused(conversation.hear(Value::simple("PONG")));
        assert_eq!((names, failure), (vec!["b".into()], None));
        assert!(conversation.awaits_answer());
        assert!(matches!(
            conversation.hear(Value::simple("PONG")),
            Said::Nothing
        ));
        assert!(!conversation.awaits_answer());
    }
}
