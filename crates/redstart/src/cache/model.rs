//! What a cache promises, in plain Rust: an origin whose values have versions, and what may still be
//! seen of them. Written from the promise and not from the code.

use std::collections::BTreeSet;

/// The origin, and what has been acknowledged.
#[derive(Debug)]
pub(super) struct Model {
    values: Vec<Value>,
}

#[derive(Clone, Debug, Default)]
struct Value {
    /// What a load finds.
    current: u64,
    /// Nothing older may be seen by whoever asks from now on.
    oldest: u64,
    /// What puts may still bring, since nobody knows what became of them.
    adrift: BTreeSet<u64>,
}

impl Model {
    pub(super) fn new(keys: usize) -> Model {
        Model {
            values: vec![Value::default(); keys],
        }
    }

    /// What a load finds.
    pub(super) fn load(&self, key: usize) -> u64 {
        self.values[key].current
    }

    /// The origin has a new value.
    pub(super) fn commit(&mut self, key: usize) -> u64 {
        self.values[key].current += 1;
        self.values[key].current
    }

    /// An invalidation has been acknowledged that began when this was the origin's value; or this
    /// value has been put.
    pub(super) fn acknowledge(&mut self, key: usize, version: u64) {
        let oldest = &mut self.values[key].oldest;
        *oldest = version.max(*oldest);
    }

    /// A put of this value failed, and may have been carried out or may still be.
    pub(super) fn set_adrift(&mut self, key: usize, version: u64) {
        self.values[key].adrift.insert(version);
    }

    /// The oldest value that somebody may see who asks now.
    pub(super) fn oldest(&self, key: usize) -> u64 {
        self.values[key].oldest
    }

    /// Whether this value may be seen by somebody who asked when that was the oldest.
    pub(super) fn allows(&self, key: usize, oldest: u64, seen: u64) -> bool {
        let value = &self.values[key];
        value.adrift.contains(&seen) || (oldest <= seen && seen <= value.current)
    }
}
