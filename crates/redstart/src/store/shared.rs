//! What is known of a raw command before it is sent: whether it may go over a connection that
//! others use too, which slot it belongs to, and what repeating it would do.

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

/// A command that may be sent over a shared connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Absent for commands of modules and of servers newer than our facts.
    facts: Option<&'static Command>,
}

impl Kind {
    /// Refuses what is malformed and what needs a connection of its own.
    pub(crate) fn of(operation: &OperationName, arguments: &[&[u8]]) -> Result<Kind> {
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
        let kind = Kind {
            facts: facts::find(name),
        };
        if kind.needs_exclusive(arguments) {
            return Err(Error::NeedsExclusive {
                operation: operation.clone(),
            });
        }
        Ok(kind)
    }

    /// Commands that wait, and those that change what their connection is or what its replies
    /// mean.
    fn needs_exclusive(self, arguments: &[&[u8]]) -> bool {
        let subcommand_is = |names: &[&str]| {
            arguments.get(1).is_some_and(|argument| {
                let same = |name: &&str| argument.eq_ignore_ascii_case(name.as_bytes());
                names.iter().any(same)
            })
        };
        let Some(facts) = self.facts else {
            // Newer than the facts.
            return arguments[0].eq_ignore_ascii_case(b"waitaof");
        };
        match facts.name {
            "asking" | "auth" | "discard" | "exec" | "hello" | "monitor" | "multi"
            | "psubscribe" | "psync" | "punsubscribe" | "quit" | "readonly" | "readwrite"
            | "replconf" | "reset" | "select" | "ssubscribe" | "subscribe" | "sunsubscribe"
            | "sync" | "unsubscribe" | "unwatch" | "wait" | "watch" => true,
            "client" => subcommand_is(&EXCLUSIVE_CLIENT),
            "script" => subcommand_is(&["debug"]),
            // These two wait only when told to.
            "xread" | "xreadgroup" => has_block_option(arguments),
            _ => facts.flags.contains(Flags::BLOCKING),
        }
    }

    /// The slot of the command's first key. Of a command we do not know, the first argument is
    /// taken for one: so far a slot only chooses among connections to the same server.
    pub(crate) fn slot(self, arguments: &[&[u8]]) -> Option<u16> {
        let index = match self.facts {
            Some(command) => facts::keys(command, arguments).ok()?.first()?.index,
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

/// Options end where STREAMS begins; after it stand keys, which may be called anything.
fn has_block_option(arguments: &[&[u8]]) -> bool {
    let options = arguments
        .iter()
        .take_while(|word| !word.eq_ignore_ascii_case(b"streams"));
    options
        .into_iter()
        .any(|word| word.eq_ignore_ascii_case(b"block"))
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
}
