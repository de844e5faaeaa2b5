//! What can be subscribed to.

use bytes::Bytes;

use crate::store::argument::Arguments;
use crate::store::error::{Error, OperationName, Result};

/// How many channels or patterns one subscription may have.
pub const MAX_NAMES: usize = 65_536;

/// How long the name of a channel or a pattern may be.
pub const MAX_NAME_BYTES: usize = 4096;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

    /// The command that begins such a subscription.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Kind::Channel => "SUBSCRIBE",
            Kind::Pattern => "PSUBSCRIBE",
            Kind::Shard => "SSUBSCRIBE",
        }
    }

    /// The command that ends it.
    pub(crate) fn opposite(self) -> &'static str {
        match self {
            Kind::Channel => "UNSUBSCRIBE",
            Kind::Pattern => "PUNSUBSCRIBE",
            Kind::Shard => "SUNSUBSCRIBE",
        }
    }

    pub(crate) fn operation(self) -> OperationName {
        OperationName::named(self.command())
    }
}

/// The names that a caller gave, each once, if there are not too many and none is too long.
pub(super) fn checked(kind: Kind, given: &Arguments) -> Result<Vec<Bytes>> {
    let malformed = |reason| {
        Err(Error::Malformed {
            operation: kind.operation(),
            reason,
        })
    };
    if given.iter().any(|name| name.len() > MAX_NAME_BYTES) {
        return malformed("a name is longer than 4,096 bytes");
    }
    let mut names: Vec<&[u8]> = given.iter().collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > MAX_NAMES {
        return malformed("more than 65,536 names in one subscription");
    }
    Ok(names.into_iter().map(Bytes::copy_from_slice).collect())
}
