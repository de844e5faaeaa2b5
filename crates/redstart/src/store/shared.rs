//! What is known of a raw command before it is sent: whether it may go over a connection that
//! others use too, how long it waits, which slot it belongs to, and what repeating it would do.

use std::time::Duration;

use redstart_protocol::facts::{self, Command, Flags};

use super::error::{Error, OperationName, Result};
use super::replay::Replay;

/// No server takes more in one request.
const MAX_BYTES: usize = 512 * 1024 * 1024;

/// No server takes more, and nobody means to send more.
const MAX_ARGUMENTS: usize = 1024 * 1024;

/// Subcommands of CLIENT that concern the connection they come over.
const EXCLUSIVE_CLIENT: [&str; 7] = [
    "caching", "no-evict", "no-touch", "reply", "setinfo", "setname", "tracking",
];

/// A well-formed command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Absent for commands of modules and of servers newer than our facts.
    facts: Option<&'static Command>,
}

/// What a command does to the connection it comes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// Nothing: others may use it at the same time.
    Shared,
    /// Holds it up until something happens.
    Waits,
    /// Begins something that EXEC, DISCARD or UNWATCH ends.
    Begins,
    /// Ends it.
    Ends,
    /// Changes it for good.
    Changes,
    /// Changes what its replies are or whose they are.
    Never,
}

/// How long a command waits by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// At most so long; no time, if it does not wait.
    AtMost(Duration),
    /// Until something happens.
    ForEver,
}

impl Kind {
    /// Refuses what is malformed and what needs a connection of its own.
    pub(crate) fn of(operation: &OperationName, arguments: &[&[u8]]) -> Result<Kind> {
        let kind = Kind::read(operation, arguments)?;
        if kind.bearing(arguments) != Bearing::Shared {
            return Err(Error::NeedsExclusive {
                operation: operation.clone(),
            });
        }
        Ok(kind)
    }

    /// For a connection that nobody else uses: refuses what is malformed and what no connection of
    /// a store carries.
    pub(crate) fn of_exclusive(
        operation: &OperationName,
        arguments: &[&[u8]],
    ) -> Result<(Kind, Bearing)> {
        let kind = Kind::read(operation, arguments)?;
        let bearing = kind.bearing(arguments);
        if bearing == Bearing::Never {
            return Err(Error::Malformed {
                operation: operation.clone(),
                reason: "no connection of a store carries it, not even an exclusive one",
            });
        }
        Ok((kind, bearing))
    }

    fn read(operation: &OperationName, arguments: &[&[u8]]) -> Result<Kind> {
        let malformed = |reason| {
            Err(Error::Malformed {
                operation: operation.clone(),
                reason,
            })
        };
        let Some(name) = arguments.first() else {
            return malformed("a command needs a name");
        };
        if arguments.len() > MAX_ARGUMENTS {
            return malformed("more than 1,048,576 arguments");
        }
        if arguments
            .iter()
            .map(|argument| argument.len())
            .sum::<usize>()
            > MAX_BYTES
        {
            return malformed("more than 512 MiB");
        }
        Ok(Kind {
            facts: facts::find(name),
        })
    }

    fn bearing(self, arguments: &[&[u8]]) -> Bearing {
        let subcommand_is = |names: &[&str]| {
            arguments.get(1).is_some_and(|argument| {
                let same = |name: &&str| argument.eq_ignore_ascii_case(name.as_bytes());
                names.iter().any(same)
            })
        };
        let waits = match self.facts {
            // These two wait only when told to.
            Some(facts) if matches!(facts.name, "xread" | "xreadgroup") => {
                block_option(arguments).is_some()
            }
            Some(facts) => facts.flags.contains(Flags::BLOCKING) || facts.name == "wait",
            // Newer than the facts.
            None => arguments[0].eq_ignore_ascii_case(b"waitaof"),
        };
        match self.facts.map_or("", |facts| facts.name) {
            _ if waits => Bearing::Waits,
            "multi" | "watch" => Bearing::Begins,
            "discard" | "exec" | "unwatch" => Bearing::Ends,
            "asking" | "auth" | "readonly" | "readwrite" | "select" => Bearing::Changes,
            "hello" | "monitor" | "psubscribe" | "psync" | "punsubscribe" | "quit" | "replconf"
            | "reset" | "ssubscribe" | "subscribe" | "sunsubscribe" | "sync" | "unsubscribe" => {
                Bearing::Never
            }
            "client" if subcommand_is(&["reply"]) => Bearing::Never,
            "client" if subcommand_is(&EXCLUSIVE_CLIENT) => Bearing::Changes,
            "script" if subcommand_is(&["debug"]) => Bearing::Never,
            _ => Bearing::Shared,
        }
    }

    /// How long the command waits before it answers, as its arguments tell.
    pub(crate) fn wait(self, arguments: &[&[u8]]) -> Wait {
        const MILLISECOND: f64 = 0.001;
        let (timeout, unit) = match self.facts.map_or("waitaof", |facts| facts.name) {
            _ if self.bearing(arguments) != Bearing::Waits => return Wait::AtMost(Duration::ZERO),
            "blmpop" | "bzmpop" => (arguments.get(1), 1.0),
            "xread" | "xreadgroup" => {
                let place = block_option(arguments).map(|option| option + 1);
                (place.and_then(|place| arguments.get(place)), MILLISECOND)
            }
            "wait" | "waitaof" => (arguments.last(), MILLISECOND),
            _ => (arguments.last(), 1.0),
        };
        let number = timeout.and_then(|text| std::str::from_utf8(text).ok()?.parse::<f64>().ok());
        match number.map(|number| number * unit) {
            Some(0.0) => Wait::ForEver,
            // What is no timeout is the server's to refuse.
            Some(seconds) => {
                Wait::AtMost(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
            }
            None => Wait::AtMost(Duration::ZERO),
        }
    }

    /// The slot of the command's first key or shard channel. Of a command we do not know, the first
    /// argument is taken for one: so far a slot only chooses among connections to the same server.
    pub(crate) fn slot(self, arguments: &[&[u8]]) -> Option<u16> {
        let index = match self.facts {
            Some(command) => {
                let deciding = facts::slot_arguments(command, arguments).ok()?;
                deciding.first()?.index
            }
            None => 1,
        };
        arguments.get(index).map(|key| redstart_protocol::slot(key))
    }

    /// What repeating the command would do.
    pub(crate) fn replay(self, arguments: &[&[u8]]) -> Replay {
        self.facts
            .map_or(Replay::Never, |facts| facts.replay(arguments))
    }
}

/// Where BLOCK stands. Options end where STREAMS begins; after it stand keys, which may be called
/// anything.
fn block_option(arguments: &[&[u8]]) -> Option<usize> {
    arguments
        .iter()
        .take_while(|word| !word.eq_ignore_ascii_case(b"streams"))
        .position(|word| word.eq_ignore_ascii_case(b"block"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(command: &str) -> Result<(Option<u16>, Replay)> {
        let arguments: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let kind = Kind::of(&OperationName::named("test"), &arguments)?;
        Ok((kind.slot(&arguments), kind.replay(&arguments)))
    }

    #[test]
    fn facts_say_where_keys_are_and_what_repeating_does() {
        let slot = |key: &str| Some(redstart_protocol::slot(key.as_bytes()));
        assert_eq!(kind("GET a").unwrap(), (slot("a"), Replay::Read));
        assert_eq!(kind("set a 1").unwrap(), (slot("a"), Replay::Idempotent));
        assert_eq!(kind("INCR a").unwrap(), (slot("a"), Replay::Never));
        assert_eq!(
            kind("EVAL script 1 a b").unwrap(),
            (slot("a"), Replay::Never)
        );
        assert_eq!(kind("SPUBLISH a m").unwrap().0, slot("a"));
        assert_eq!(kind("PING").unwrap().0, None);
        assert_eq!(kind("JSON.SET a . 1").unwrap(), (slot("a"), Replay::Never));
    }

    #[test]
    fn what_waits_is_refused_and_a_key_called_block_is_not() {
        assert!(kind("BZPOPMIN z 0").is_err());
        assert!(kind("XREAD COUNT 1 BLOCK 0 STREAMS s $").is_err());
        assert!(kind("XREAD COUNT 1 STREAMS block 0").is_ok());
        assert!(kind("CLIENT ID").is_ok());
        assert!(kind("client tracking on").is_err());
        assert!(kind("SCRIPT DEBUG yes").is_err());
        for name in [
            "SELECT 1",
            "wait 1 0",
            "WAITAOF 0 0 0",
            "PSYNC ? -1",
            "unwatch",
        ] {
            assert!(kind(name).is_err(), "{name}");
        }
    }

    #[test]
    fn timeouts_stand_where_each_command_has_them() {
        let wait = |command: &str| {
            let arguments: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            let (kind, _) = Kind::of_exclusive(&OperationName::named("test"), &arguments)?;
            Ok::<_, Error>(kind.wait(&arguments))
        };
        let at_most = |ms| Wait::AtMost(Duration::from_millis(ms));
        assert_eq!(wait("BLPOP a b 1.5").unwrap(), at_most(1500));
        assert_eq!(wait("BLMPOP 0.25 1 a LEFT").unwrap(), at_most(250));
        assert_eq!(
            wait("XREAD BLOCK 700 STREAMS block 0").unwrap(),
            at_most(700)
        );
        assert_eq!(wait("XREAD STREAMS block 0").unwrap(), at_most(0));
        assert_eq!(wait("WAIT 1 90").unwrap(), at_most(90));
        assert_eq!(wait("WAITAOF 0 1 90").unwrap(), at_most(90));
        assert_eq!(wait("BRPOP a 0").unwrap(), Wait::ForEver);
        assert_eq!(wait("BRPOP a -1").unwrap(), at_most(0));
        assert_eq!(wait("GET a").unwrap(), at_most(0));
        for never in ["SUBSCRIBE news", "MONITOR", "HELLO 2", "CLIENT REPLY OFF"] {
            assert!(wait(never).is_err(), "{never}");
        }
    }
}
