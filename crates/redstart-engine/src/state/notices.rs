//! Keyspace notifications: which are sent, and the sending.
//!
//! A notice is published from within the one change hook, under the lock of its key's shard, so
//! notices come in the order of what they tell of. That is no deadlock: the locks of pub/sub and
//! of outboxes come after those of shards, and nobody who holds them asks for a shard.

use crate::keyspace::change::{Event, EventClass};

use super::pubsub::PubSub;

/// A set of event classes and of forms to send them in: the letters of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(pub(crate) u32);

/// Letters in the order in which Redis shows them.
const LETTERS: &[u8; 14] = b"g$lshzxetdnKEm";
/// What `A` stands for: all classes but `n` and `m`.
const ALL: &[u8] = b"g$lshzxetd";

impl Classes {
    /// Reads letters; `None` if one of them means nothing.
    pub(crate) fn parse(letters: &[u8]) -> Option<Classes> {
        letters.iter().try_fold(Classes(0), |classes, &letter| {
            let more = match letter {
                b'A' => Classes::of(ALL),
                _ if LETTERS.contains(&letter) => Classes::of(&[letter]),
                _ => return None,
            };
            Some(Classes(classes.0 | more.0))
        })
    }

    /// The letters, as short as they can be.
    pub(crate) fn show(self) -> String {
        let all = Classes::of(ALL);
        let (alias, rest) = match self.0 & all.0 == all.0 {
            // Beside `A` Redis does not show `n`.
            true => ("A", self.0 & !all.0 & !Classes::of(b"n").0),
            false => ("", self.0),
        };
        let is_in = |letter: &&u8| rest & Classes::of(&[**letter]).0 != 0;
        let letters = LETTERS.iter().filter(is_in).map(|&letter| letter as char);
        alias.chars().chain(letters).collect()
    }

    fn of(letters: &[u8]) -> Classes {
        let place = |letter: &u8| LETTERS.iter().position(|known| known == letter);
        let places = letters.iter().filter_map(place);
        Classes(places.fold(0, |set, place| set | 1 << place))
    }

    fn has(self, letter: u8) -> bool {
        self.0 & Classes::of(&[letter]).0 != 0
    }

    fn has_class(self, class: EventClass) -> bool {
        let letter = match class {
            EventClass::Generic => b'g',
            EventClass::String => b'$',
            EventClass::List => b'l',
            EventClass::Set => b's',
            EventClass::Hash => b'h',
            EventClass::SortedSet => b'z',
            EventClass::Expired => b'x',
            EventClass::Evicted => b'e',
            EventClass::New => b'n',
            EventClass::Miss => b'm',
            EventClass::Silent => return false,
        };
        self.has(letter)
    }
}

/// Publishes an event, if its class is among `classes`.
pub(crate) fn publish(pubsub: &PubSub, classes: Classes, db: u8, key: &[u8], event: Event) {
    if !classes.has_class(event.class) {
        return;
    }
    if classes.has(b'K') {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        pubsub.publish(&channel, event.name.as_bytes());
    }
    if classes.has(b'E') {
        let channel = format!("__keyevent@{db}__:{}", event.name);
        pubsub.publish(channel.as_bytes(), key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As redis-server 7.0.15 answers.
    #[test]
    fn letters_are_shown_as_redis_does() {
        for (given, shown) in [
            ("", ""),
            ("A", "A"),
            ("KEA", "AKE"),
            ("KEAmn", "AKEm"),
            ("Kg", "gK"),
            ("g$lshzxetd", "A"),
            ("g$lshzxetdK", "AK"),
            ("KEn", "nKE"),
            ("nmEK", "nKEm"),
            ("EKx", "xKE"),
            ("mK", "Km"),
        ] {
            let classes = Classes::parse(given.as_bytes()).expect("letters");
            assert_eq!(classes.show(), shown, "{given}");
        }
        assert_eq!(Classes::parse(b"Kq"), None);
    }
}
