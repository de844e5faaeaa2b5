//! The number of a tag: invalidated, looked up before a fill, settled.

use redstart_protocol::Value;

use crate::cache::keys::TagKey;
use crate::cache::stamp::Stamp;
use crate::cache::token::Token;
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// How long a tag may be pending. A loader that is slower loses a fill.
const PENDING_MS: u64 = 10_000;

/// Invalidates what has a tag.
#[derive(Clone, Debug)]
pub(in crate::cache) struct MarkTag {
    pub(in crate::cache) tag: TagKey,
    pub(in crate::cache) stamp: Stamp,
}

impl Operation for MarkTag {
    type Output = ();

    const NAME: OperationName = OperationName::named("cache.mark_tag");

    const SCRIPT: &'static Script = {
        static MARK_TAG: Script = Script::new(include_str!("mark_tag.lua"));
        &MARK_TAG
    };

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.tag.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        Stamp::text_of_incarnation(self.stamp.incarnation).append_to(arguments);
        self.stamp.counter.append_to(arguments);
    }

    fn decode(&self, _: Value) -> Result<(), Mismatch> {
        Ok(())
    }
}

/// Looks up the number of a tag that an entry is about to have.
#[derive(Clone, Debug)]
pub(in crate::cache) struct EnsureTag {
    pub(in crate::cache) tag: TagKey,
    /// Of the load.
    pub(in crate::cache) stamp: Stamp,
    pub(in crate::cache) token: Token,
    /// Of the entry.
    pub(in crate::cache) life_ms: u64,
}

impl Operation for EnsureTag {
    /// Nothing: the tag is pending now.
    type Output = Option<Stamp>;

    const NAME: OperationName = OperationName::named("cache.ensure_tag");

    const SCRIPT: &'static Script = {
        static ENSURE_TAG: Script = Script::new(include_str!("ensure_tag.lua"));
        &ENSURE_TAG
    };

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.tag.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        Stamp::text_of_incarnation(self.stamp.incarnation).append_to(arguments);
        self.token.hex().append_to(arguments);
        self.life_ms.append_to(arguments);
        PENDING_MS.append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<Option<Stamp>, Mismatch> {
        let number = Option::<Vec<u8>>::from_value(reply)?;
        Ok(number.as_deref().and_then(Stamp::parse))
    }
}

/// Gives a pending tag its number.
#[derive(Clone, Debug)]
pub(in crate::cache) struct SettleTag {
    pub(in crate::cache) tag: TagKey,
    pub(in crate::cache) token: Token,
    pub(in crate::cache) stamp: Stamp,
    /// Of the entry.
    pub(in crate::cache) life_ms: u64,
}

impl Operation for SettleTag {
    /// Whether it has that number now.
    type Output = bool;

    const NAME: OperationName = OperationName::named("cache.settle_tag");

    const SCRIPT: &'static Script = {
        static SETTLE_TAG: Script = Script::new(include_str!("settle_tag.lua"));
        &SETTLE_TAG
    };

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.tag.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        self.token.hex().append_to(arguments);
        self.stamp.to_string().append_to(arguments);
        self.life_ms.append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<bool, Mismatch> {
        bool::from_value(reply)
    }
}
