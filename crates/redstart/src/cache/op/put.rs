//! A value that is known to be current, stored.

use bytes::Bytes;
use redstart_protocol::Value;

use super::fill::{Filled, append_version};
use crate::cache::keys::Place;
use crate::store::{Argument, Arguments, Key, Mismatch, Operation, OperationName, Replay, Script};

/// Stores a value that its writer knows to be current.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Put {
    pub(in crate::cache) place: Place,
    pub(in crate::cache) envelope: Bytes,
    pub(in crate::cache) life_ms: u64,
    pub(in crate::cache) version: Option<u64>,
}

impl Operation for Put {
    type Output = Filled;

    const NAME: OperationName = OperationName::named("cache.put");

    const SCRIPT: &'static Script = {
        static PUT: Script = Script::new(include_str!("put.lua"));
        &PUT
    };

    /// Somebody may have invalidated the value in between.
    fn replay(&self) -> Replay {
        Replay::Never
    }

    fn keys(&self) -> &[Key] {
        self.place.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.envelope.append_to(arguments);
        self.life_ms.append_to(arguments);
        append_version(self.version, arguments);
    }

    fn decode(&self, reply: Value) -> Result<Filled, Mismatch> {
        Filled::from_reply(reply)
    }
}
