//! An entry made invalid.

use redstart_protocol::Value;

use crate::cache::keys::Place;
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// Invalidates an entry and fences whoever loads it.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Invalidate {
    pub(in crate::cache) place: Place,
    pub(in crate::cache) staleness: Staleness,
    /// How long no load is to be kept.
    pub(in crate::cache) hold_off_ms: u64,
}

/// What an invalid value is still good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Staleness {
    /// Nothing: it is removed.
    Hard,
    /// To be served as a stale one.
    Soft,
}

impl Operation for Invalidate {
    /// Whether there was an entry.
    type Output = bool;

    const NAME: OperationName = OperationName::named("cache.invalidate");

    const SCRIPT: &'static Script = {
        static INVALIDATE: Script = Script::new(include_str!("invalidate.lua"));
        &INVALIDATE
    };

    /// Twice costs a load at most.
    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.place.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        u8::from(self.staleness == Staleness::Soft).append_to(arguments);
        self.hold_off_ms.append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<bool, Mismatch> {
        bool::from_value(reply)
    }
}
