//! What a command is about: the ACL categories.

use super::bits::bits;

bits! {
    /// The ACL categories of a command. Names are without the leading `@`.
    pub struct Categories(u32) {
        /// Keys of any type.
        KEYSPACE = 0, "keyspace";
        /// Reads values.
        READ = 1, "read";
        /// Changes values.
        WRITE = 2, "write";
        /// Sets.
        SET = 3, "set";
        /// Sorted sets.
        SORTED_SET = 4, "sortedset";
        /// Lists.
        LIST = 5, "list";
        /// Hashes.
        HASH = 6, "hash";
        /// Strings.
        STRING = 7, "string";
        /// Strings as rows of bits.
        BITMAP = 8, "bitmap";
        /// HyperLogLogs.
        HYPERLOGLOG = 9, "hyperloglog";
        /// Positions on the earth.
        GEO = 10, "geo";
        /// Streams.
        STREAM = 11, "stream";
        /// Channels.
        PUBSUB = 12, "pubsub";
        /// For administrators.
        ADMIN = 13, "admin";
        /// Time does not grow with the data, or only with its logarithm.
        FAST = 14, "fast";
        /// Time may grow with the data.
        SLOW = 15, "slow";
        /// May wait.
        BLOCKING = 16, "blocking";
        /// Not for everybody.
        DANGEROUS = 17, "dangerous";
        /// The connection itself.
        CONNECTION = 18, "connection";
        /// Transactions.
        TRANSACTION = 19, "transaction";
        /// Scripts and functions.
        SCRIPTING = 20, "scripting";
    }
}
