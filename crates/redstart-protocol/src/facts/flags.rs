//! What a command is like: the flags that COMMAND INFO prints.

use super::bits::bits;

bits! {
    /// Properties of a command that decide when and where it may run.
    pub struct Flags(u32) {
        /// It may change data.
        WRITE = 0, "write";
        /// It reads data and changes none.
        READONLY = 1, "readonly";
        /// It may need more memory and is refused when there is none.
        DENY_OOM = 2, "denyoom";
        /// It is for administrators.
        ADMIN = 3, "admin";
        /// It is about channels.
        PUBSUB = 4, "pubsub";
        /// It is refused in scripts.
        NO_SCRIPT = 5, "noscript";
        /// It may wait for something to happen.
        BLOCKING = 6, "blocking";
        /// It is allowed while data is loaded.
        LOADING = 7, "loading";
        /// It is allowed on a replica whose data may be out of date.
        STALE = 8, "stale";
        /// MONITOR does not show it.
        SKIP_MONITOR = 9, "skip_monitor";
        /// SLOWLOG does not show it.
        SKIP_SLOWLOG = 10, "skip_slowlog";
        /// It is allowed into a slot that is being imported, as if ASKING stood before it.
        ASKING = 11, "asking";
        /// Its time does not grow with the data, or only with its logarithm.
        FAST = 12, "fast";
        /// It is allowed before logging in.
        NO_AUTH = 13, "no_auth";
        /// It is complete without any key, although it may have some.
        NO_MANDATORY_KEYS = 14, "no_mandatory_keys";
        /// It is refused while a replica loads its master's data in the background.
        NO_ASYNC_LOADING = 15, "no_async_loading";
        /// It is refused in a transaction.
        NO_MULTI = 16, "no_multi";
        /// Where its keys stand depends on its arguments.
        MOVABLE_KEYS = 17, "movablekeys";
        /// It is allowed while a script runs for too long.
        ALLOW_BUSY = 18, "allow_busy";
    }
}

impl Flags {
    /// It may have effects elsewhere although it does not write: a message, a script. Redis knows
    /// this of its commands and does not print it.
    pub const MAY_REPLICATE: Flags = Flags(1 << 19);
}
