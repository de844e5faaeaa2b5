//! How often numbered things were done and how long they took, counted under a shard's lock.
//!
//! A count costs an addition, the time two readings of a clock, which is more than a short command
//! itself. So of short commands some calls are timed and each of those speaks for the calls since
//! the last timed one: `calls` is exact, `usec` an estimate.

/// What is known of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    /// The calls that `usec` speaks for.
    pub(crate) accounted: u64,
    pub(crate) usec: u64,
}

/// So many calls are all timed at first.
const FIRST: u64 = 16;
/// Then one of so many.
const TIMED_OF: u64 = 64;

impl Tally {
    /// Whether the next call is one of those that are timed: the first ones all are.
    #[inline]
    pub(crate) fn is_next_timed(calls: u64) -> bool {
        calls < FIRST || calls.is_multiple_of(TIMED_OF)
    }

    /// Takes a timed call, already counted, into account; for how many calls it speaks.
    pub(crate) fn account(&mut self, usec: u64) -> u64 {
        let speaks_for = self.calls.saturating_sub(self.accounted);
        self.accounted = self.calls;
        self.usec += usec.saturating_mul(speaks_for);
        speaks_for
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.calls += other.calls;
        self.accounted += other.accounted;
        self.usec += other.usec;
    }

    /// The time all calls took, those not yet accounted for taken as long as the others.
    pub(crate) fn estimated_usec(&self) -> u64 {
        match self.accounted {
            0 => 0,
            accounted => {
                let all = u128::from(self.usec) * u128::from(self.calls) / u128::from(accounted);
                u64::try_from(all).unwrap_or(u64::MAX)
            }
        }
    }
}

/// A tally for each number. Empty until the first is asked for.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Vec<Tally>);

impl Tallies {
    /// The calls counted for a number so far.
    pub(crate) fn calls(&self, number: u32) -> u64 {
        self.0.get(number as usize).map_or(0, |tally| tally.calls)
    }

    /// What is counted of a number.
    pub(crate) fn get(&self, number: u32) -> Tally {
        self.0.get(number as usize).copied().unwrap_or_default()
    }

    /// As [`Tallies::get_mut`], if there is room for it already.
    #[inline]
    pub(crate) fn known_mut(&mut self, number: u32) -> Option<&mut Tally> {
        self.0.get_mut(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> &mut Tally {
        let index = number as usize;
        if index >= self.0.len() {
            self.grow(index);
        }
        &mut self.0[index]
    }

    /// Makes room for all there are at once: a few kilobytes.
    #[cold]
    fn grow(&mut self, index: usize) {
        const NUMBERS: usize = 256;
        let room = (index + 1).next_power_of_two().max(NUMBERS);
        self.0.resize(room, Tally::default());
    }

    /// Every number that was asked for, with its tally.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tally> {
        self.0.iter()
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.0.fill(Tally::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timed_call_speaks_for_those_before_it() {
        let mut tally = Tally::default();
        for calls in 0..1_000 {
            let is_timed = Tally::is_next_timed(calls);
            tally.calls += 1;
            if is_timed {
                tally.account(3);
            }
        }
        assert_eq!((tally.calls, tally.estimated_usec()), (1_000, 3_000));
        assert!(tally.accounted > 1_000 - TIMED_OF);
    }

    #[test]
    fn the_first_calls_are_timed_as_they_are() {
        let mut tally = Tally::default();
        for usec in [1, 2, 30] {
            assert!(Tally::is_next_timed(tally.calls));
            tally.calls += 1;
            assert_eq!(tally.account(usec), 1);
        }
        assert_eq!(tally.estimated_usec(), 33);
    }
}
