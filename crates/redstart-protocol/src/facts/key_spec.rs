//! Where the keys of a command stand, and what it does to them.

use super::bits::bits;

bits! {
    /// What a command does to a key.
    ///
    /// One of the first four says what happens to the value as a whole; the others say what the
    /// command does with the data that users put there.
    pub struct KeyFlags(u16) {
        /// Reads the value.
        RO = 0, "RO";
        /// Reads and changes the value.
        RW = 1, "RW";
        /// Overwrites the value without looking at it.
        OW = 2, "OW";
        /// Deletes the key.
        RM = 3, "RM";
        /// User data may come back in the reply or be copied elsewhere.
        ACCESS = 4, "access";
        /// User data may be changed, depending on what is there.
        UPDATE = 5, "update";
        /// User data may be added, none changed or deleted.
        INSERT = 6, "insert";
        /// User data may be deleted.
        DELETE = 7, "delete";
        /// Not a key, though it decides the slot: a shard channel.
        NOT_KEY = 8, "not_key";
        /// Some keys may be missing from this specification.
        INCOMPLETE = 9, "incomplete";
        /// The arguments may make it less than this.
        VARIABLE_FLAGS = 10, "variable_flags";
    }
}

/// Where some of the keys of a command stand, and what it does to them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// How to find the first one.
    pub begin: BeginSearch,
    /// How to go on from there.
    pub find: FindKeys,
    /// What happens to them.
    pub flags: KeyFlags,
}

/// How to find the first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// It is this argument; the command's name is argument 0.
    Index(i32),
    /// It follows a word, which is looked for from this argument on, or if that is negative from
    /// this argument, counted from the end, backwards.
    Keyword {
        /// The word.
        keyword: &'static str,
        /// Where the search begins.
        start_from: i32,
    },
    /// There is no rule.
    Unknown,
}

/// How to find the other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// They stand in a row.
    Range {
        /// The last one, counted from the first; if negative, counted from the end of the arguments.
        last: i32,
        /// Every how many arguments there is a key.
        step: i32,
        /// If above one, only this part of the rest is keys: 2 means the first half.
        limit: i32,
    },
    /// One argument says how many there are.
    KeyNumber {
        /// Which argument, counted from where the search began.
        index: i32,
        /// Where the keys begin, counted from where the search began.
        first: i32,
        /// Every how many arguments there is a key.
        step: i32,
    },
    /// There is no rule.
    Unknown,
}

/// The key that is this argument.
pub(super) const fn key(index: i32, flags: KeyFlags) -> KeySpec {
    range(index, 0, 1, flags)
}

/// The keys from this argument to the end.
pub(super) const fn keys_from(index: i32, flags: KeyFlags) -> KeySpec {
    range(index, -1, 1, flags)
}

/// The keys from this argument to the `last`, each `step` arguments.
pub(super) const fn range(index: i32, last: i32, step: i32, flags: KeyFlags) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Index(index),
        find: FindKeys::Range {
            last,
            step,
            limit: 0,
        },
        flags,
    }
}

/// The keys behind this argument, which is their number.
pub(super) const fn counted(index: i32, flags: KeyFlags) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Index(index),
        find: FindKeys::KeyNumber {
            index: 0,
            first: 1,
            step: 1,
        },
        flags,
    }
}

/// Keys that follow a word.
pub(super) const fn after(keyword: &'static str, start_from: i32, flags: KeyFlags) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Keyword {
            keyword,
            start_from,
        },
        find: FindKeys::Range {
            last: 0,
            step: 1,
            limit: 0,
        },
        flags,
    }
}

/// Keys that no rule finds.
pub(super) const fn somewhere(flags: KeyFlags) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Unknown,
        find: FindKeys::Unknown,
        flags,
    }
}

impl KeySpec {
    /// As [`range`], from where this one begins.
    pub(super) const fn to(mut self, last: i32, limit: i32) -> KeySpec {
        self.find = FindKeys::Range {
            last,
            step: 1,
            limit,
        };
        self
    }
}

// What commands do to keys, named once so that a row of a table reads like a sentence.

/// Looks at the key but shows nothing of its data.
pub(super) const LOOK: KeyFlags = KeyFlags::RO;
/// Reads.
pub(super) const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
/// Replaces whatever is there.
pub(super) const REPLACE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
/// Sets what was not there.
pub(super) const CREATE: KeyFlags = KeyFlags::OW.union(KeyFlags::INSERT);
/// Deletes the key.
pub(super) const REMOVE: KeyFlags = KeyFlags::RM.union(KeyFlags::DELETE);
/// Adds to what is there.
pub(super) const INSERT: KeyFlags = KeyFlags::RW.union(KeyFlags::INSERT);
/// Changes what is there.
pub(super) const UPDATE: KeyFlags = KeyFlags::RW.union(KeyFlags::UPDATE);
/// Deletes some of what is there.
pub(super) const DELETE: KeyFlags = KeyFlags::RW.union(KeyFlags::DELETE);
/// Shows what is there and may note something beside it.
pub(super) const READ_AND_NOTE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS);
/// Shows and adds to what is there.
pub(super) const READ_AND_INSERT: KeyFlags = READ_AND_NOTE.union(KeyFlags::INSERT);
/// Shows and changes what is there.
pub(super) const READ_AND_UPDATE: KeyFlags = READ_AND_NOTE.union(KeyFlags::UPDATE);
/// Shows and deletes some of what is there.
pub(super) const TAKE: KeyFlags = READ_AND_NOTE.union(KeyFlags::DELETE);
/// A shard channel.
pub(super) const CHANNEL: KeyFlags = KeyFlags::NOT_KEY;
