//! What nobody can read, removed.

use redstart_protocol::Value;

use crate::cache::keys::Place;
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// Removes an entry if it still is what could not be read.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Discard {
    place: Place,
    /// Of what could not be read.
    digest: String,
}

impl Discard {
    pub(in crate::cache) fn new(place: Place, unreadable: &[u8]) -> Discard {
        let digest = sha1_smol::Sha1::from(unreadable).digest().to_string();
        Discard { place, digest }
    }
}

impl Operation for Discard {
    /// Whether it was removed.
    type Output = bool;

    const NAME: OperationName = OperationName::named("cache.discard");

    const SCRIPT: &'static Script = {
        static DISCARD: Script = Script::new(include_str!("discard.lua"));
        &DISCARD
    };

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.place.entry()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.digest.append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<bool, Mismatch> {
        bool::from_value(reply)
    }
}
