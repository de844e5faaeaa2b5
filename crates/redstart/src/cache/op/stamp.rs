//! The number of the latest invalidation.

use redstart_protocol::Value;

use crate::cache::keys::Clock;
use crate::cache::stamp::Stamp;
use crate::store::{
    Argument, Arguments, FromValue, Key, Mismatch, Operation, OperationName, Replay, Script,
};

/// Reads the latest number, or makes the next.
#[derive(Clone, Debug)]
pub(in crate::cache) struct TakeStamp {
    pub(in crate::cache) clock: Clock,
    pub(in crate::cache) step: Step,
    /// In case there is none.
    pub(in crate::cache) incarnation: u64,
}

/// What to do with the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Step {
    /// Before a load.
    Read,
    /// Before tags are invalidated.
    Tick,
    /// To invalidate everything.
    Clear,
}

/// What there is to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Stamps {
    /// The latest invalidation of all.
    pub(in crate::cache) latest: Stamp,
    /// The latest clearing.
    pub(in crate::cache) cleared: Stamp,
}

impl Operation for TakeStamp {
    type Output = Stamps;

    const NAME: OperationName = OperationName::named("cache.stamp");

    const SCRIPT: &'static Script = {
        static STAMP: Script = Script::new(include_str!("stamp.lua"));
        &STAMP
    };

    /// A number that nobody got to know is left out.
    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn keys(&self) -> &[Key] {
        self.clock.keys()
    }

    fn encode(&self, arguments: &mut Arguments) {
        let step = match self.step {
            Step::Read => "read",
            Step::Tick => "tick",
            Step::Clear => "clear",
        };
        step.append_to(arguments);
        Stamp::text_of_incarnation(self.incarnation).append_to(arguments);
        self.clock.life_ms().append_to(arguments);
    }

    fn decode(&self, reply: Value) -> Result<Stamps, Mismatch> {
        let (latest, cleared) = <(Vec<u8>, Vec<u8>)>::from_value(reply)?;
        match (Stamp::parse(&latest), Stamp::parse(&cleared)) {
            (Some(latest), Some(cleared)) => Ok(Stamps { latest, cleared }),
            _ => Err(Mismatch {
                expected: "two numbers of invalidations",
                got: "something else",
            }),
        }
    }
}
