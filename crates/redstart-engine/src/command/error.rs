//! Every error text a command can answer with, once, in Redis' exact words.

use std::borrow::Cow;

use redstart_protocol::{Octets, Value};

#[cfg(feature = "durable")]
use crate::durable::Refusal;
use crate::keyspace::WrongType;

/// An error reply: code, space, text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandError(Cow<'static, [u8]>);

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl CommandError {
            $($(#[$doc])* pub(crate) const $name: CommandError =
                CommandError(Cow::Borrowed($text.as_bytes()));)*
        }
    };
}

texts! {
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    SYNTAX = "ERR syntax error";
    INVALID_CURSOR = "ERR invalid cursor";
    BUSY_KEY = "BUSYKEY Target key name already exists.";
    NO_SUCH_KEY = "ERR no such key";
    NOT_AN_INTEGER = "ERR value is not an integer or out of range";
    NOT_A_FLOAT = "ERR value is not a valid float";
    OVERFLOW = "ERR increment or decrement would overflow";
    NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity";
    OUT_OF_RANGE = "ERR index out of range";
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    BIT_OFFSET_OUT_OF_RANGE = "ERR bit offset is not an integer or out of range";
    BIT_OUT_OF_RANGE = "ERR bit is not an integer or out of range";
    DB_OUT_OF_RANGE = "ERR DB index is out of range";
    SELECT_IN_CLUSTER = "ERR SELECT is not allowed in cluster mode";
    CROSS_SLOT = "CROSSSLOT Keys in request don't hash to the same slot";
    NO_PASSWORD_SET = "ERR AUTH <password> called without any password configured for the default \
                       user. Are you sure your configuration is correct?";
    WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";
    HELLO_WITHOUT_AUTH = "NOAUTH HELLO must be called with the client already authenticated, \
                          otherwise the HELLO AUTH <user> <pass> option can be used to authenticate \
                          the client and select the RESP protocol version at the same time";
    NO_SUCH_PROTOCOL = "NOPROTO unsupported protocol version";
    DEBUG_NOT_ALLOWED = "ERR DEBUG command not allowed. If the enable-debug-command option is set \
                         to \"local\", you can run it from a local connection, otherwise you need \
                         to set this option in the configuration file, and then restart the server.";
    NO_AUTH = "NOAUTH Authentication required.";
    OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
    MONITOR_CONTEXT = "ERR Replica can't interact with the keyspace";
    NOT_A_WAITING_CLIENT = "ERR MONITOR isn't allowed for DENY BLOCKING client";
    NESTED_MULTI = "ERR MULTI calls can not be nested";
    EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI";
    DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI";
    WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed";
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    #[cfg(feature = "durable")]
    NOT_KEPT = "ERR this engine keeps no data: it was not opened in a directory";
    #[cfg(feature = "durable")]
    SAVE_IN_PROGRESS = "ERR Background save already in progress";
    #[cfg(feature = "durable")]
    LOADING = "LOADING Redis is loading the dataset in memory";
    #[cfg(feature = "durable")]
    NOT_SAFE = "MISCONF Errors writing to the AOF file: it could not be made safe in time";
    #[cfg(feature = "durable")]
    SNAPSHOT_FAILED = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable \
                       to persist to disk. Commands that may modify the data set are disabled, \
                       because this instance is configured to report errors during writes if RDB \
                       snapshotting fails (stop-writes-on-bgsave-error option). Please check the \
                       Redis logs for details about the RDB error.";
    #[cfg(feature = "script")]
    NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";
    #[cfg(feature = "script")]
    UNDECLARED_KEY = "ERR Script attempted to access a key that it did not declare";
    #[cfg(feature = "script")]
    BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    TOO_MANY_KEYS = "ERR Number of keys can't be greater than number of args";
    HASH_VALUE_NOT_AN_INTEGER = "ERR hash value is not an integer";
    HASH_VALUE_NOT_A_FLOAT = "ERR hash value is not a float";
    NOT_A_HYPERLOGLOG = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    CORRUPT_HYPERLOGLOG = "INVALIDOBJ Corrupted HLL object detected";
    MIN_MAX_NOT_FLOAT = "ERR min or max is not a float";
    MIN_MAX_NOT_STRING = "ERR min or max not valid string range item";
}

impl CommandError {
    /// Why writes are refused for the disk's sake, if they are.
    #[cfg(feature = "durable")]
    pub(crate) fn disk(durable: &crate::durable::Persistence) -> Option<CommandError> {
        let refusal = durable.refusal()?;
        Some(match refusal {
            Refusal::Snapshot => CommandError::SNAPSHOT_FAILED,
            Refusal::Log(failure) => {
                let text = format!("MISCONF Errors writing to the AOF file: {failure}");
                CommandError::from_bytes(text.into_bytes())
            }
        })
    }

    /// An error with a text made up on the spot; the code comes first.
    pub(crate) fn new(text: impl Into<String>) -> CommandError {
        CommandError(Cow::Owned(text.into().into_bytes()))
    }

    /// An error whose text quotes bytes that came from outside. Line breaks become spaces, as the
    /// protocol demands.
    pub(crate) fn from_bytes(mut text: Vec<u8>) -> CommandError {
        for byte in &mut text {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        CommandError(Cow::Owned(text))
    }

    /// An error whose text quotes one thing that came from outside.
    pub(crate) fn quoting(before: &str, quoted: &[u8], after: &str) -> CommandError {
        // As in C, what is quoted ends at a NUL.
        let len = quoted.iter().position(|&byte| byte == 0);
        let quoted = &quoted[..len.unwrap_or(quoted.len())];
        CommandError::from_bytes([before.as_bytes(), quoted, after.as_bytes()].concat())
    }

    /// The command was called with too few or too many arguments. `name` as the facts write it.
    pub(crate) fn arity(name: &str) -> CommandError {
        CommandError::new(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// No command has this name. What is quoted ends at a NUL, as in C.
    pub(crate) fn unknown_command(args: &[&[u8]]) -> CommandError {
        const QUOTED_MAX: usize = 128;
        let quoted = |arg: &[u8], room: usize| -> Vec<u8> {
            arg.iter()
                .copied()
                .take(room)
                .take_while(|&byte| byte != 0)
                .collect()
        };
        let mut text = b"ERR unknown command '".to_vec();
        text.extend(
            args.first()
                .map_or(Vec::new(), |name| quoted(name, QUOTED_MAX)),
        );
        text.extend_from_slice(b"', with args beginning with: ");
        let mut room = QUOTED_MAX;
        for arg in args.iter().skip(1) {
            if room == 0 {
                break;
            }
            let shown = quoted(arg, room);
            room = room.saturating_sub(shown.len() + 3);
            text.push(b'\'');
            text.extend(shown);
            text.extend_from_slice(b"' ");
        }
        CommandError::from_bytes(text)
    }

    /// A container command has no such subcommand.
    pub(crate) fn unknown_subcommand(container: &str, subcommand: &[u8]) -> CommandError {
        let subcommand = &subcommand[..subcommand.len().min(128)];
        let after = format!("'. Try {} HELP.", container.to_ascii_uppercase());
        CommandError::quoting("ERR unknown subcommand '", subcommand, &after)
    }

    /// An expire time that is not positive or too far away.
    pub(crate) fn invalid_expire(command: &str) -> CommandError {
        CommandError::new(format!("ERR invalid expire time in '{command}' command"))
    }

    /// A subcommand that its container does not know, or not with these arguments.
    pub(crate) fn subcommand_syntax(container: &str, subcommand: &[u8]) -> CommandError {
        const BEFORE: &str = "ERR unknown subcommand or wrong number of arguments for '";
        let subcommand = &subcommand[..subcommand.len().min(128)];
        CommandError::quoting(BEFORE, subcommand, &format!("'. Try {container} HELP."))
    }

    /// A RESP2 client called something else while subscribed.
    pub(crate) fn subscriber_context(command: &str) -> CommandError {
        CommandError::new(format!(
            "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        ))
    }

    /// The command cannot be queued.
    pub(crate) fn not_in_transaction() -> CommandError {
        CommandError::new("ERR Command not allowed inside a transaction")
    }

    /// What EXEC answers with when it is refused itself.
    pub(crate) fn abort_because(self) -> CommandError {
        let reason = self.0.strip_prefix(b"ERR ").unwrap_or(&self.0);
        let text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
        CommandError(Cow::Owned(text))
    }

    /// The reply this error is sent as.
    pub(crate) fn into_value(self) -> Value {
        Value::Error(match self.0 {
            Cow::Borrowed(text) => Octets::from_static(text),
            Cow::Owned(text) => text.into(),
        })
    }
}

impl From<WrongType> for CommandError {
    fn from(_: WrongType) -> CommandError {
        CommandError::WRONG_TYPE
    }
}
