//! The numbers of the format: versions, marks between records, types of values.

/// The version written, that of Redis 7.0: servers refuse files newer than themselves.
pub(super) const VERSION: u32 = 10;

/// The newest version read in files. Version 11 came with Redis 7.2 and is that of Valkey up to 8,
/// version 12 with Redis 7.4; what they brought is read, or refused by name.
pub(super) const NEWEST_VERSION: u32 = 12;

/// The newest version read in payloads of DUMP.
pub(super) const NEWEST_PAYLOAD_VERSION: u16 = 11;

pub(super) const MAGIC: &[u8; 5] = b"REDIS";

/// The first version whose files end in a checksum.
pub(super) const FIRST_CHECKED_VERSION: u32 = 5;

/// What stands between the entries.
pub(super) mod mark {
    pub(in crate::rdb) const SLOT_INFO: u8 = 244;
    pub(in crate::rdb) const FUNCTION: u8 = 245;
    pub(in crate::rdb) const FUNCTION_OF_A_CANDIDATE: u8 = 246;
    pub(in crate::rdb) const MODULE_AUX: u8 = 247;
    pub(in crate::rdb) const IDLE: u8 = 248;
    pub(in crate::rdb) const FREQUENCY: u8 = 249;
    pub(in crate::rdb) const AUX: u8 = 250;
    pub(in crate::rdb) const RESIZE_DB: u8 = 251;
    pub(in crate::rdb) const EXPIRES_MS: u8 = 252;
    pub(in crate::rdb) const EXPIRES_S: u8 = 253;
    pub(in crate::rdb) const SELECT_DB: u8 = 254;
    pub(in crate::rdb) const END: u8 = 255;
}

/// How a value is written.
pub(super) mod kind {
    pub(in crate::rdb) const STRING: u8 = 0;
    pub(in crate::rdb) const LIST: u8 = 1;
    pub(in crate::rdb) const SET: u8 = 2;
    pub(in crate::rdb) const SORTED_SET_IN_TEXT: u8 = 3;
    pub(in crate::rdb) const HASH: u8 = 4;
    pub(in crate::rdb) const SORTED_SET: u8 = 5;
    pub(in crate::rdb) const MODULE_OF_A_CANDIDATE: u8 = 6;
    pub(in crate::rdb) const MODULE: u8 = 7;
    pub(in crate::rdb) const HASH_ZIPMAP: u8 = 9;
    pub(in crate::rdb) const LIST_ZIPLIST: u8 = 10;
    pub(in crate::rdb) const SET_INTSET: u8 = 11;
    pub(in crate::rdb) const SORTED_SET_ZIPLIST: u8 = 12;
    pub(in crate::rdb) const HASH_ZIPLIST: u8 = 13;
    pub(in crate::rdb) const LIST_OF_ZIPLISTS: u8 = 14;
    pub(in crate::rdb) const STREAM: u8 = 15;
    pub(in crate::rdb) const HASH_LISTPACK: u8 = 16;
    pub(in crate::rdb) const SORTED_SET_LISTPACK: u8 = 17;
    pub(in crate::rdb) const LIST_OF_LISTPACKS: u8 = 18;
    pub(in crate::rdb) const STREAM_2: u8 = 19;
    pub(in crate::rdb) const SET_LISTPACK: u8 = 20;
    pub(in crate::rdb) const STREAM_3: u8 = 21;
    pub(in crate::rdb) const HASH_OF_MORTALS: u8 = 24;
    pub(in crate::rdb) const HASH_LISTPACK_OF_MORTALS: u8 = 25;
}

/// How a string is written that is not spelled out.
pub(super) mod string {
    pub(in crate::rdb) const INT_8: u8 = 0;
    pub(in crate::rdb) const INT_16: u8 = 1;
    pub(in crate::rdb) const INT_32: u8 = 2;
    pub(in crate::rdb) const COMPRESSED: u8 = 3;
}

/// What a node of a list is.
pub(super) mod node {
    pub(in crate::rdb) const PLAIN: u64 = 1;
    pub(in crate::rdb) const PACKED: u64 = 2;
}
