//! The right to load, taken, kept and given back.

use bytes::Bytes;
use redstart_protocol::Value;

use crate::cache::keys::Place;
use crate::cache::token::Token;
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// Asks for the right to load.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Lease {
    pub(in crate::cache) place: Place,
    pub(in crate::cache) token: Token,
    pub(in crate::cache) lasts_ms: u64,
    /// The fill that was seen and found wanting, as it stands in the value.
    pub(in crate::cache) seen: Vec<u8>,
    /// Takes it from whoever has it.
    pub(in crate::cache) by_force: bool,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Leased {
    /// It is the asker's to load.
    Granted,
    /// There is something else than was seen.
    Refilled { left_ms: i64, value: Bytes },
    /// Somebody else loads.
    Busy { left_ms: i64 },
    /// Nothing that is loaded now will be kept.
    HeldOff,
    /// The last load failed, and it is too soon for the next.
    BackingOff { left_ms: i64 },
}

impl Operation for Lease {
    type Output = Leased;

    const NAME: OperationName = OperationName::named("cache.lease");

    const SCRIPT: &'static Script = {
        static LEASE: Script = Script::new(include_str!("lease.lua"));
        &LEASE
    };

    /// A lease that is the asker's already is granted once more.
    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.place.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.token.hex().append_to(arguments);
        self.lasts_ms.append_to(arguments);
        self.seen.append_to(arguments);
        u8::from(self.by_force).append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<Leased, Mismatch> {
        let mut parts = Vec::<Value>::from_value(reply)?.into_iter();
        let mut number = || i64::from_value(parts.next().unwrap_or(Value::Null));
        let (kind, left_ms) = (number()?, number()?);
        Ok(match kind {
            0 => Leased::Granted,
            1 => Leased::Refilled {
                left_ms,
                value: Bytes::from_value(parts.next().unwrap_or(Value::Null))?,
            },
            2 => Leased::Busy { left_ms },
            3 => Leased::HeldOff,
            4 => Leased::BackingOff { left_ms },
            _ => {
                return Err(Mismatch {
                    expected: "what became of a lease",
                    got: "another number",
                });
            }
        })
    }
}

/// Keeps the right for longer.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Renew {
    pub(in crate::cache) place: Place,
    pub(in crate::cache) token: Token,
    pub(in crate::cache) lasts_ms: u64,
}

impl Operation for Renew {
    /// Whether it still is the loader's.
    type Output = bool;

    const NAME: OperationName = OperationName::named("cache.renew");

    const SCRIPT: &'static Script = {
        static RENEW: Script = Script::new(include_str!("renew.lua"));
        &RENEW
    };

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.place.lease()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.token.hex().append_to(arguments);
        self.lasts_ms.append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<bool, Mismatch> {
        bool::from_value(reply)
    }
}

/// Gives the right back.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Release {
    pub(in crate::cache) place: Place,
    pub(in crate::cache) token: Token,
    /// Until somebody may load again.
    pub(in crate::cache) back_off_ms: u64,
}

impl Operation for Release {
    /// Whether it still was the loader's.
    type Output = bool;

    const NAME: OperationName = OperationName::named("cache.release");

    const SCRIPT: &'static Script = {
        static RELEASE: Script = Script::new(include_str!("release.lua"));
        &RELEASE
    };

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.place.lease()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.token.hex().append_to(arguments);
        self.back_off_ms.append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<bool, Mismatch> {
        bool::from_value(reply)
    }
}
