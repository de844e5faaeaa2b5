//! When and how often a key was used: what LRU and LFU eviction go by.
//!
//! One 32-bit word an entry, as Redis keeps 24 bits: under LRU the second of the last access;
//! under LFU a logarithmic counter (8 bits) and the minute it was last lowered (16 bits).

use crate::random::Rng;

/// Which of the two meanings the word has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// Seconds of the last access.
    Recency,
    /// A frequency counter with Redis' `lfu-log-factor` and `lfu-decay-time` (minutes).
    Frequency { log_factor: u32, decay_minutes: u32 },
}

/// A key's use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access(u32);

/// What others may know about a key's use: what snapshots and payloads carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Seconds since the last access.
    IdleS(u64),
    /// The frequency counter.
    Frequency(u8),
}

/// Where a new key's counter starts, so that it is not evicted at once.
const LFU_START: u32 = 5;

impl Access {
    /// A key used for the first time.
    pub(crate) fn first(tracking: Tracking, now_s: u64) -> Access {
        match tracking {
            Tracking::Recency => Access(now_s as u32),
            Tracking::Frequency { .. } => Access::frequency(LFU_START, now_s),
        }
    }

    /// A key about whose use something is known. `None` if that is not what is tracked.
    pub(crate) fn known(usage: Usage, tracking: Tracking, now_s: u64) -> Option<Access> {
        match (usage, tracking) {
            (Usage::IdleS(seconds), Tracking::Recency) => {
                Some(Access(now_s.saturating_sub(seconds) as u32))
            }
            (Usage::Frequency(counter), Tracking::Frequency { .. }) => {
                Some(Access::frequency(counter.into(), now_s))
            }
            _ => None,
        }
    }

    /// What is known about the key's use.
    #[cfg_attr(
        not(feature = "durable"),
        allow(dead_code, reason = "only snapshots tell")
    )]
    pub(crate) fn usage(self, tracking: Tracking, now_s: u64) -> Usage {
        match tracking {
            Tracking::Recency => Usage::IdleS(self.idle_s(now_s)),
            Tracking::Frequency { .. } => {
                Usage::Frequency(self.counter(tracking, now_s).min(255) as u8)
            }
        }
    }

    /// Notes one more use.
    pub(crate) fn touch(&mut self, tracking: Tracking, now_s: u64, rng: &mut Rng) {
        *self = match tracking {
            Tracking::Recency => Access(now_s as u32),
            Tracking::Frequency { log_factor, .. } => {
                let counter = self.counter(tracking, now_s);
                let base = f64::from(counter.saturating_sub(LFU_START));
                let chance = 1.0 / (base * f64::from(log_factor) + 1.0);
                let grows = counter < 255 && rng.unit_f64() < chance;
                Access::frequency(counter + u32::from(grows), now_s)
            }
        };
    }

    /// Seconds since the last access, under [`Tracking::Recency`].
    pub(crate) fn idle_s(self, now_s: u64) -> u64 {
        u64::from((now_s as u32).wrapping_sub(self.0))
    }

    /// The frequency counter now, under [`Tracking::Frequency`].
    pub(crate) fn counter(self, tracking: Tracking, now_s: u64) -> u32 {
        let Tracking::Frequency { decay_minutes, .. } = tracking else {
            return 0;
        };
        let elapsed = u32::from((minute(now_s) as u16).wrapping_sub((self.0 >> 8) as u16));
        let periods = elapsed.checked_div(decay_minutes).unwrap_or(0);
        (self.0 & 0xFF).saturating_sub(periods)
    }

    fn frequency(counter: u32, now_s: u64) -> Access {
        Access(((minute(now_s) as u32 & 0xFFFF) << 8) | counter.min(255))
    }
}

fn minute(now_s: u64) -> u64 {
    now_s / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    const LFU: Tracking = Tracking::Frequency {
        log_factor: 10,
        decay_minutes: 1,
    };

    #[test]
    fn idleness_counts_from_the_last_touch() {
        let mut access = Access::first(Tracking::Recency, 1_000);
        assert_eq!(access.idle_s(1_030), 30);
        access.touch(Tracking::Recency, 1_020, &mut Rng::new(1));
        assert_eq!(access.idle_s(1_030), 10);
    }

    #[test]
    fn the_counter_grows_with_use_and_decays_with_time() {
        let mut rng = Rng::new(1);
        let mut access = Access::first(LFU, 600);
        for _ in 0..1_000 {
            access.touch(LFU, 600, &mut rng);
        }
        let high = access.counter(LFU, 600);
        assert!((10..40).contains(&high), "{high}");
        assert_eq!(access.counter(LFU, 600 + 5 * 60), high - 5);
        assert_eq!(access.counter(LFU, 600 + 500 * 60), 0);
    }
}
