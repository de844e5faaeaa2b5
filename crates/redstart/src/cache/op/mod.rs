//! The cache's atomic steps.

mod discard;
mod fill;
mod invalidate;
mod lease;
mod put;
mod stamp;
mod tag;

pub(super) use discard::Discard;
pub(super) use fill::{Fill, Filled};
pub(super) use invalidate::{Invalidate, Staleness};
pub(super) use lease::{Lease, Leased, Release, Renew};
pub(super) use put::Put;
pub(super) use stamp::{Stamps, Step, TakeStamp};
pub(super) use tag::{EnsureTag, MarkTag, SettleTag};
