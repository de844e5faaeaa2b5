//! What a node does with a request besides executing it, and what it is like in general.

use std::time::Duration;

use crate::store::random::Random;

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// It is answered.
    Answer,
    /// This error is the answer, and nothing is executed.
    Refuse(&'static str),
    /// The connection breaks before it is executed.
    CutBefore,
    /// It is executed, and the connection breaks before the answer.
    CutAfter,
    /// It is executed, and the connection breaks within the answer.
    CutWithin,
    /// It is executed late.
    DelayBefore(Duration),
    /// It is executed, and answered late.
    DelayAfter(Duration),
    /// It is answered byte by byte, with pauses.
    Torn,
}

/// Of 1,000 requests, how many meet which fate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chances {
    pub(super) cut: u64,
    pub(super) delayed: u64,
    pub(super) torn: u64,
    /// At most.
    pub(super) delay: Duration,
}

impl Fate {
    /// Between two bytes, at most.
    pub(super) const PAUSE: Duration = Duration::from_micros(50);
}

impl Chances {
    pub(super) fn draw(&self, random: &Random) -> Fate {
        let throw = random.below(1000);
        if throw < self.cut {
            match random.below(3) {
                0 => Fate::CutBefore,
                1 => Fate::CutAfter,
                _ => Fate::CutWithin,
            }
        } else if throw < self.cut + self.delayed {
            let delay = up_to(self.delay, random);
            match random.below(2) {
                0 => Fate::DelayBefore(delay),
                _ => Fate::DelayAfter(delay),
            }
        } else if throw < self.cut + self.delayed + self.torn {
            Fate::Torn
        } else {
            Fate::Answer
        }
    }
}

/// Up to this long.
pub(super) fn up_to(longest: Duration, random: &Random) -> Duration {
    let longest = u64::try_from(longest.as_micros()).expect("not that long");
    Duration::from_micros(random.below(longest + 1))
}

/// What a node says instead of executing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mood {
    Loading,
    Busy,
    /// It follows a primary.
    ReadOnly,
    MasterDown,
    ClusterDown,
}

impl Mood {
    pub(super) const OF_A_SERVER: [Mood; 4] =
        [Mood::Loading, Mood::Busy, Mood::ReadOnly, Mood::MasterDown];

    pub(super) const OF_A_NODE: [Mood; 3] = [Mood::Loading, Mood::Busy, Mood::ClusterDown];

    /// The refusal, if such a request is refused.
    pub(super) fn refusal(self, has_key: bool, writes: bool) -> Option<&'static str> {
        match self {
            Mood::Loading => Some("LOADING Redis is loading the dataset in memory"),
            Mood::Busy => Some("BUSY Redis is busy running a script."),
            Mood::ReadOnly if writes => {
                Some("READONLY You can't write against a read only replica.")
            }
            Mood::MasterDown if has_key => Some(
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            ),
            Mood::ClusterDown if has_key => Some("CLUSTERDOWN The cluster is down"),
            _ => None,
        }
    }
}

/// Who opens when somebody connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    /// Nobody listens.
    Closed,
    /// Nobody answers, not even no.
    Silent,
}
