//! What a server pushes to a subscriber.

use redstart_protocol::{Octets, Value};

use super::ledger::Verb;
use super::name::Kind;

/// A push that concerns subscriptions.
#[derive(Debug, PartialEq)]
pub(crate) enum Push {
    /// A subscription was begun or ended, asked for or not.
    Confirmed {
        verb: Verb,
        kind: Kind,
        name: Octets,
    },
    Message {
        kind: Kind,
        /// What was subscribed to: a channel or a pattern.
        name: Octets,
        /// Where it was published, if a pattern was subscribed to.
        channel: Option<Octets>,
        payload: Octets,
    },
}

impl Push {
    /// Nothing, if it is about something else or of a kind that this client does not know.
    pub(crate) fn read(items: Vec<Value>) -> Option<Push> {
        let mut items = items.into_iter();
        let word = bytes(items.next()?)?;
        let confirmed = |verb, kind, name| {
            let name = bytes(name?)?;
            Some(Push::Confirmed { verb, kind, name })
        };
        match &*word {
            b"message" => message(Kind::Channel, items.next()?, None, items.next()?),
            b"smessage" => message(Kind::Shard, items.next()?, None, items.next()?),
            b"pmessage" => {
                let (pattern, channel) = (items.next()?, items.next()?);
                message(Kind::Pattern, pattern, Some(channel), items.next()?)
            }
            b"subscribe" => confirmed(Verb::Enter, Kind::Channel, items.next()),
            b"psubscribe" => confirmed(Verb::Enter, Kind::Pattern, items.next()),
            b"ssubscribe" => confirmed(Verb::Enter, Kind::Shard, items.next()),
            b"unsubscribe" => confirmed(Verb::Leave, Kind::Channel, items.next()),
            b"punsubscribe" => confirmed(Verb::Leave, Kind::Pattern, items.next()),
            b"sunsubscribe" => confirmed(Verb::Leave, Kind::Shard, items.next()),
            _ => None,
        }
    }
}

fn message(kind: Kind, name: Value, channel: Option<Value>, payload: Value) -> Option<Push> {
    let channel = match channel {
        Some(channel) => Some(bytes(channel)?),
        None => None,
    };
    Some(Push::Message {
        kind,
        name: bytes(name)?,
        channel,
        payload: bytes(payload)?,
    })
}

fn bytes(value: Value) -> Option<Octets> {
    match value {
        Value::Bulk(bytes) | Value::Simple(bytes) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Option<Push> {
        Push::read(words.iter().map(Value::bulk).collect())
    }

    #[test]
    fn messages_and_confirmations_are_read_and_the_rest_is_left_out() {
        let name = Octets::from;
        assert_eq!(
            read(&["pmessage", "n*", "news", "hello"]),
            Some(Push::Message {
                kind: Kind::Pattern,
                name: name("n*"),
                channel: Some(name("news")),
                payload: name("hello"),
            })
        );
        assert_eq!(
            read(&["sunsubscribe", "a", "0"]),
            Some(Push::Confirmed {
                verb: Verb::Leave,
                kind: Kind::Shard,
                name: name("a"),
            })
        );
        // The answer to UNSUBSCRIBE of one who is subscribed to nothing.
        let nothing = vec![Value::bulk("unsubscribe"), Value::Null, Value::Integer(0)];
        assert_eq!(Push::read(nothing), None);
        for other in [&["invalidate", "k"][..], &["message", "a"], &[]] {
            assert_eq!(read(other), None);
        }
    }
}
