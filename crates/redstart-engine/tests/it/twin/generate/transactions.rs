//! Transactions: two clients in each other's way.

use super::{Entry, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(20, "MULTI", |_| args![]),
    entry(20, "EXEC", |_| args![]),
    entry(5, "DISCARD", |_| args![]),
    entry(12, "WATCH", |w| w.keys(1, 2)),
    entry(3, "UNWATCH", |_| args![]),
    // Refused when it is queued: the transaction fails as a whole.
    entry(2, "GET", |w| w.keys(2, 2)),
    entry(2, "NOSUCHCOMMAND", |w| w.keys(0, 2)),
];
