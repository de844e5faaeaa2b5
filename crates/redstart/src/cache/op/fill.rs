//! What was loaded, stored.

use bytes::Bytes;
use redstart_protocol::Value;

use crate::cache::keys::Place;
use crate::cache::token::Token;
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// Stores what was loaded under a lease.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Fill {
    pub(in crate::cache) place: Place,
    pub(in crate::cache) token: Token,
    pub(in crate::cache) envelope: Bytes,
    pub(in crate::cache) life_ms: u64,
    pub(in crate::cache) version: Option<u64>,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Filled {
    /// It is stored.
    Stored,
    /// The lease is gone: since the load began, somebody invalidated the entry, stored another
    /// value, or took over.
    Fenced,
    /// A newer version is stored.
    Older,
}

impl Operation for Fill {
    type Output = Filled;

    const NAME: OperationName = OperationName::named("cache.fill");

    const SCRIPT: &'static Script = {
        static FILL: Script = Script::new(include_str!("fill.lua"));
        &FILL
    };

    /// The second time it finds its own fill, or no lease.
    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.place.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.token.hex().append_to(arguments);
        self.token.bytes().append_to(arguments);
        self.envelope.append_to(arguments);
        self.life_ms.append_to(arguments);
        append_version(self.version, arguments);
    }

    fn decode(&self, reply: Value) -> Result<Filled, Mismatch> {
        Filled::from_reply(reply)
    }
}

impl Filled {
    pub(super) fn from_reply(reply: Value) -> Result<Filled, Mismatch> {
        Ok(match i64::from_value(reply)? {
            0 => Filled::Fenced,
            1 => Filled::Stored,
            2 => Filled::Older,
            _ => {
                return Err(Mismatch {
                    expected: "what became of a value",
                    got: "another number",
                });
            }
        })
    }
}

pub(super) fn append_version(version: Option<u64>, arguments: &mut Arguments) {
    match version {
        Some(version) => version.to_be_bytes().append_to(arguments),
        None => "".append_to(arguments),
    }
}
