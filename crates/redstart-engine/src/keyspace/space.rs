//! Typed access to the keys of the locked shards, for the length of one command, transaction or
//! script.
//!
//! Here, once, live: lazy expiry, access tracking, creation on write, removal of what became
//! empty, memory accounting, and the change hook. Time stands still for as long as a space lives.

use std::cell::Cell;
use std::num::NonZeroU64;

use super::access::{Access, Tracking};
use super::change::{Announcer, ChangeObserver, Effect, Event, EventClass};
use super::entry::Entry;
use super::object::{Aggregate, Object, StringView};
use super::shard::{Database, Shard};
use super::shards::{Locked, Shards};
use super::tally::Tally;
use super::watch::WatchFlag;
use crate::clock::Clock;
use crate::data::table::{CURSOR_BITS, Slot, Spot};
use crate::data::{Blob, Table};
use crate::random::Rng;

/// The key holds another type than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType;

/// What becomes of a key's time to live when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ttl {
    Keep,
    Clear,
    /// Expires after this moment, in milliseconds since 1970.
    At(u64),
}

impl Ttl {
    /// Sets an entry's time to live, and how many entries of its database have one.
    fn apply(self, expires: &mut Option<NonZeroU64>, volatile: &mut usize) {
        let new = match self {
            Ttl::Keep => return,
            Ttl::Clear => None,
            Ttl::At(at_ms) => NonZeroU64::new(at_ms.max(1)),
        };
        *volatile -= usize::from(expires.is_some());
        *volatile += usize::from(new.is_some());
        *expires = new;
    }
}

/// Which entries may be sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    All,
    /// Only those with a time to live.
    Volatile,
}

/// What a space needs to know besides the keys.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) clock: &'a dyn Clock,
    /// Microseconds since 1970, as coarse as the clock allows: what access tracking goes by while
    /// nobody has asked for the time.
    pub(crate) coarse_us: u64,
    pub(crate) tracking: Tracking,
    pub(crate) observer: Option<&'a dyn ChangeObserver>,
    /// Publishes notifications, if any are sent.
    pub(crate) announcer: Option<&'a dyn Announcer>,
    /// Whether effects are to be collected.
    pub(crate) logging: bool,
    /// Whether a read counts as a use of the key (`CLIENT NO-TOUCH` of later versions, upkeep).
    pub(crate) touching: bool,
}

/// With what in mind a key is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// A use, and a hit or miss.
    Read,
    /// A use, neither hit nor miss.
    Write,
    /// No use, but a hit or miss.
    Inspect,
    /// A use, unless the command has looked before; neither hit nor miss.
    Change,
    /// As to inspect, but a miss is not announced.
    Examine,
}

/// Where a key belongs: its shard, and its hash in the shard's table.
#[derive(Clone, Copy)]
struct Place {
    shard: usize,
    hash: u64,
}

/// Where a live key is, until its shard changes.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    shard: usize,
    hash: u64,
    spot: Spot,
}

/// A live entry that is being looked at.
struct Seen<'s> {
    found: Found,
    entry: &'s mut Entry,
    /// Of its shard.
    heap_bytes: &'s mut usize,
}

/// The keys of the locked shards.
pub(crate) struct Space<'a> {
    pub(super) shards: &'a Shards,
    pub(super) locked: Locked<'a>,
    surroundings: Surroundings<'a>,
    pub(super) rng: &'a mut Rng,
    /// Microseconds since 1970, read at most once; zero until then.
    now_us: Cell<u64>,
    changes: u64,
    effects: Vec<Effect>,
    /// The hashes of the last keys that the current command has used.
    used: [u64; REMEMBERED],
    used_count: usize,
}

/// So many keys a command may look at before it changes them, and still use each of them once.
const REMEMBERED: usize = 4;

impl<'a> Space<'a> {
    pub(crate) fn new(
        shards: &'a Shards,
        locked: Locked<'a>,
        surroundings: Surroundings<'a>,
        rng: &'a mut Rng,
    ) -> Space<'a> {
        let now_us = Cell::new(0);
        Space {
            shards,
            locked,
            surroundings,
            rng,
            now_us,
            changes: 0,
            effects: Vec::new(),
            used: [0; REMEMBERED],
            used_count: 0,
        }
    }

    /// A new command begins: what the last one has used is forgotten.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.used_count = 0;
    }

    // ---- time, randomness, hashing ------------------------------------------------------------

    /// Microseconds since 1970. The same for as long as this space lives.
    pub(crate) fn now_us(&self) -> u64 {
        read_once(&self.now_us, self.surroundings.clock)
    }

    /// Milliseconds since 1970. The same for as long as this space lives.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_us() / 1_000
    }

    pub(crate) fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    pub(crate) fn seed(&self) -> crate::data::Seed {
        self.shards.seed()
    }

    pub(crate) fn tracking(&self) -> Tracking {
        self.surroundings.tracking
    }

    /// Seconds since 1970 as access tracking counts them.
    #[inline]
    fn access_s(&self) -> u64 {
        let now_us = match self.now_us.get() {
            0 => self.surroundings.coarse_us,
            now_us => now_us,
        };
        now_us / 1_000_000
    }

    // ---- reading ------------------------------------------------------------------------------

    /// The live entry of `key`, counted as a use and as a hit or miss.
    #[inline]
    pub(crate) fn read(&mut self, db: u8, key: &[u8]) -> Option<&Entry> {
        self.look(db, key, Look::Read).map(|seen| &*seen.entry)
    }

    /// The live entry of `key`, counted as a use only: what a command that writes looks at.
    #[inline]
    pub(crate) fn lookup(&mut self, db: u8, key: &[u8]) -> Option<&Entry> {
        self.look(db, key, Look::Write).map(|seen| &*seen.entry)
    }

    /// The live entry of `key`, counted as a hit or miss, but not as a use: for EXISTS, TYPE, TTL.
    pub(crate) fn inspect(&mut self, db: u8, key: &[u8]) -> Option<&Entry> {
        self.look(db, key, Look::Inspect).map(|seen| &*seen.entry)
    }

    /// As [`Space::inspect`], for OBJECT: a miss is not announced.
    pub(crate) fn examine(&mut self, db: u8, key: &[u8]) -> Option<&Entry> {
        self.look(db, key, Look::Examine).map(|seen| &*seen.entry)
    }

    /// The live entry of `key`, leaving no trace: for OBJECT, TTL and a second look.
    pub(crate) fn peek(&self, db: u8, key: &[u8]) -> Option<&Entry> {
        let place = self.place(key);
        let database = &self.locked.shard(place.shard).databases[usize::from(db)];
        let entry = database.table.get(place.hash, key)?;
        let gone = entry.expires.is_some() && entry.is_expired(self.now_ms());
        (!gone).then_some(entry)
    }

    /// Whether `key` is live. Counts nothing.
    #[inline(never)]
    pub(crate) fn contains(&mut self, db: u8, key: &[u8]) -> bool {
        self.find(db, key, self.place(key)).is_some()
    }

    /// The aggregate at `key`, counted as a use and as a hit or miss.
    pub(crate) fn read_as<T: Aggregate>(
        &mut self,
        db: u8,
        key: &[u8],
    ) -> Result<Option<&T>, WrongType> {
        match self.read(db, key) {
            None => Ok(None),
            Some(entry) => T::of(&entry.object).map(Some).ok_or(WrongType),
        }
    }

    /// The aggregate at `key`, leaving no trace: for several keys at once, after reading each.
    pub(crate) fn peek_as<T: Aggregate>(
        &self,
        db: u8,
        key: &[u8],
    ) -> Result<Option<&T>, WrongType> {
        match self.peek(db, key) {
            None => Ok(None),
            Some(entry) => T::of(&entry.object).map(Some).ok_or(WrongType),
        }
    }

    /// The string at `key`, counted as a use and as a hit or miss.
    pub(crate) fn read_string(
        &mut self,
        db: u8,
        key: &[u8],
    ) -> Result<Option<StringView<'_>>, WrongType> {
        match self.read(db, key) {
            None => Ok(None),
            Some(entry) => entry.object.as_string().map(Some).ok_or(WrongType),
        }
    }

    /// The same, and where it is.
    pub(crate) fn locate_string(
        &mut self,
        db: u8,
        key: &[u8],
    ) -> Result<Option<(Found, StringView<'_>)>, WrongType> {
        match self.look(db, key, Look::Read) {
            None => Ok(None),
            Some(Seen { found, entry, .. }) => {
                let string = entry.object.as_string().ok_or(WrongType)?;
                Ok(Some((found, string)))
            }
        }
    }

    // ---- writing ------------------------------------------------------------------------------

    /// Sets `key` to `object`, whatever it held. The caller reports the change.
    pub(crate) fn put(&mut self, db: u8, key: &[u8], object: Object, ttl: Ttl) {
        let (seed, place) = (self.shards.seed(), self.place(key));
        self.note_used(place.hash);
        let (tracking, now_s) = (self.surroundings.tracking, self.access_s());
        let access = Access::first(tracking, now_s);
        let Shard {
            databases,
            heap_bytes,
            #[cfg(feature = "durable")]
            snapshot,
            ..
        } = self.locked.shard_mut(place.shard);
        let Database { table, volatile } = &mut databases[usize::from(db)];
        *heap_bytes += object.memory();
        let mut replaces_expired = false;
        match table.slot(place.hash, key, seed) {
            Slot::Occupied(entry) => {
                #[cfg(feature = "durable")]
                if let Some(snapshot) = snapshot {
                    snapshot.preserve(db, place.hash, entry);
                }
                *heap_bytes -= entry.object.memory();
                entry.object = object;
                replaces_expired = entry.expires.is_some() && {
                    let now_us = read_once(&self.now_us, self.surroundings.clock);
                    entry.is_expired(now_us / 1_000)
                };
                match replaces_expired {
                    true => entry.access = access,
                    false => entry.access.touch(tracking, now_s, self.rng),
                }
                let ttl = match ttl {
                    Ttl::Keep if replaces_expired => Ttl::Clear,
                    ttl => ttl,
                };
                ttl.apply(&mut entry.expires, volatile);
            }
            Slot::Vacant(vacant) => {
                if let Some(announcer) = self.surroundings.announcer {
                    announcer.announce(db, key, Event::NEW);
                }
                let (key, mut expires) = (Blob::from(key), None);
                *heap_bytes += key.heap_bytes();
                ttl.apply(&mut expires, volatile);
                vacant.insert(Entry {
                    key,
                    object,
                    expires,
                    access,
                    #[cfg(feature = "durable")]
                    snapshot: snapshot.as_ref().map_or(0, |snapshot| snapshot.number()),
                });
            }
        }
        if replaces_expired {
            self.expired(db, key);
            self.announce(db, key, Event::NEW);
        }
    }

    /// Sets a key that was just found to `object`, as [`Space::put`] would.
    pub(crate) fn replace(&mut self, db: u8, found: Found, object: Object, ttl: Ttl) {
        let (tracking, now_s) = (self.surroundings.tracking, self.access_s());
        let shard = self.locked.shard_mut(found.shard);
        shard.preserve(db, found.hash, found.spot);
        let Shard {
            databases,
            heap_bytes,
            ..
        } = shard;
        let Database { table, volatile } = &mut databases[usize::from(db)];
        if let Some(entry) = table.at_mut(found.spot) {
            *heap_bytes += object.memory();
            *heap_bytes -= entry.object.memory();
            entry.object = object;
            entry.access.touch(tracking, now_s, self.rng);
            ttl.apply(&mut entry.expires, volatile);
        }
    }

    /// Sets what is known about the use of `key`.
    pub(crate) fn set_access(&mut self, db: u8, key: &[u8], access: Access) {
        if let Some(found) = self.find(db, key, self.place(key)) {
            let database = &mut self.locked.shard_mut(found.shard).databases[usize::from(db)];
            if let Some(entry) = database.table.at_mut(found.spot) {
                entry.access = access;
            }
        }
    }

    /// Changes the object of a live `key` in place, `None` where there is none.
    #[inline]
    pub(crate) fn update<R>(
        &mut self,
        db: u8,
        key: &[u8],
        change: impl FnOnce(&mut Object) -> R,
    ) -> Option<R> {
        let Seen {
            entry, heap_bytes, ..
        } = self.look(db, key, Look::Change)?;
        let before = entry.object.memory();
        let result = change(&mut entry.object);
        *heap_bytes = *heap_bytes - before + entry.object.memory();
        Some(result)
    }

    /// Changes the aggregate at `key` in place, `None` where there is none. One left empty is
    /// removed, and the `del` event follows what the caller reports: see [`Space::changed`].
    pub(crate) fn edit<T: Aggregate, R>(
        &mut self,
        db: u8,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>, WrongType> {
        let edited = self.update(db, key, |object| {
            let value = T::of_mut(object).ok_or(WrongType)?;
            let result = change(value);
            Ok((result, value.is_empty()))
        });
        match edited {
            None => Ok(None),
            Some(Err(wrong)) => Err(wrong),
            Some(Ok((result, emptied))) => {
                if emptied {
                    self.discard(db, key);
                }
                Ok(Some(result))
            }
        }
    }

    /// As [`Space::edit`], on an empty aggregate where there is none.
    pub(crate) fn edit_or_create<T: Aggregate, R>(
        &mut self,
        db: u8,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WrongType> {
        if !self.contains(db, key) {
            self.put(db, key, T::empty(), Ttl::Clear);
        }
        let edited = self.edit(db, key, change)?;
        Ok(edited.expect("the key was just found or created"))
    }

    /// Removes `key` and returns what it held. The caller reports the change.
    pub(crate) fn take(&mut self, db: u8, key: &[u8]) -> Option<Entry> {
        if !self.contains(db, key) {
            return None;
        }
        self.discard(db, key)
    }

    /// Sets or clears the time to live of a live `key`; false where there is none.
    pub(crate) fn set_expires(&mut self, db: u8, key: &[u8], at_ms: Option<u64>) -> bool {
        let place = self.place(key);
        let Some(found) = self.find(db, key, place) else {
            return false;
        };
        let shard = self.locked.shard_mut(found.shard);
        shard.preserve(db, found.hash, found.spot);
        let database = &mut shard.databases[usize::from(db)];
        let Some(entry) = database.table.at_mut(found.spot) else {
            return false;
        };
        database.volatile -= usize::from(entry.expires.is_some());
        entry.expires = at_ms.and_then(|at| NonZeroU64::new(at.max(1)));
        database.volatile += usize::from(entry.expires.is_some());
        true
    }

    /// Removes every key of `db` from the locked shards; how many there were.
    pub(crate) fn clear(&mut self, db: u8) -> u64 {
        let mut removed = 0;
        let mut watched: Vec<Blob> = Vec::new();
        let now_ms = self.now_ms();
        for shard in self.locked.iter_mut() {
            let database = std::mem::take(&mut shard.databases[usize::from(db)]);
            for entry in database.table.iter() {
                shard.heap_bytes -= entry.heap_bytes();
                removed += u64::from(!entry.is_expired(now_ms));
            }
            let hash = |key: &Blob| (self.shards.seed().hash(key), key.clone());
            watched.extend(
                shard
                    .watchers
                    .keys(db)
                    .map(hash)
                    .filter(|(hash, key)| database.table.get(*hash, key).is_some())
                    .map(|(_, key)| key),
            );
            #[cfg(feature = "durable")]
            if let Some(snapshot) = &mut shard.snapshot {
                snapshot.preserve_all(db, database);
            }
        }
        for key in watched {
            self.shard_mut(&key).watchers.touch(db, &key);
        }
        self.changes += removed;
        removed
    }

    /// Exchanges two databases in the locked shards. Who watches a key that is in either of them
    /// has to look again.
    pub(crate) fn swap(&mut self, one: u8, other: u8) {
        if one == other {
            return;
        }
        let seed = self.shards.seed();
        for shard in self.locked.iter_mut() {
            let mut watched: Vec<(u8, Blob)> = Vec::new();
            for db in [one, other] {
                let is_held = |key: &&Blob| {
                    let hash = seed.hash(key);
                    [one, other].into_iter().any(|db| {
                        let database = &shard.databases[usize::from(db)];
                        database.table.get(hash, key).is_some()
                    })
                };
                let keys = shard.watchers.keys(db).filter(is_held);
                watched.extend(keys.map(|key| (db, key.clone())));
            }
            shard.databases.swap(usize::from(one), usize::from(other));
            #[cfg(feature = "durable")]
            if let Some(snapshot) = &mut shard.snapshot {
                snapshot.swap(one, other);
            }
            for (db, key) in watched {
                shard.watchers.touch(db, &key);
            }
        }
        self.changes += 1;
    }

    // ---- the hook -----------------------------------------------------------------------------

    /// The one change hook: every mutation of `key` is reported here, after it was made.
    pub(crate) fn changed(&mut self, db: u8, key: &[u8], event: Event) {
        self.changes += 1;
        let shard = self.shard_mut(key);
        if !shard.watchers.is_empty() {
            shard.watchers.touch(db, key);
        }
        if let Some(observer) = self.surroundings.observer {
            observer.changed(db, key, event);
        }
        self.announce(db, key, event);
    }

    /// Publishes a notification, if any are sent.
    #[inline]
    fn announce(&self, db: u8, key: &[u8], event: Event) {
        if let Some(announcer) = self.surroundings.announcer {
            announcer.announce(db, key, event);
        }
    }

    /// How many changes were reported so far.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Sets the count of changes, for reports that must not count and changes that were many.
    pub(crate) fn set_changes(&mut self, changes: u64) {
        self.changes = changes;
    }

    /// Whether anyone collects effects.
    pub(crate) fn is_logging(&self) -> bool {
        self.surroundings.logging
    }

    /// Collects effects or stops doing so.
    #[cfg(feature = "script")]
    pub(crate) fn set_logging(&mut self, logging: bool) {
        self.surroundings.logging = logging;
    }

    /// Notes the deterministic form of what was just done.
    pub(crate) fn log(&mut self, db: u8, args: &[&[u8]]) {
        if self.surroundings.logging {
            let args = args.iter().map(|arg| arg.to_vec()).collect();
            self.effects.push(Effect { db, args });
        }
    }

    /// The effects noted so far.
    pub(crate) fn effects(&mut self) -> &mut Vec<Effect> {
        &mut self.effects
    }

    // ---- watching -----------------------------------------------------------------------------

    /// Has `flag` raised when `key` changes.
    pub(crate) fn watch(&mut self, db: u8, key: &[u8], flag: &WatchFlag) {
        self.shard_mut(key).watchers.add(db, key, flag);
    }

    // ---- the whole keyspace; these need all shards locked --------------------------------------

    /// The number of keys in `db`, expired ones not yet removed included.
    pub(crate) fn len(&self, db: u8) -> usize {
        self.locked.iter().map(|shard| shard.len(db)).sum()
    }

    /// How many keys in `db` have a time to live.
    pub(crate) fn volatile_len(&self, db: u8) -> usize {
        self.locked.iter().map(|shard| shard.volatile_len(db)).sum()
    }

    /// Every live entry of `db`, in no particular order.
    pub(crate) fn entries(&self, db: u8) -> impl Iterator<Item = (&[u8], &Entry)> {
        let now_ms = self.now_ms();
        self.locked
            .iter()
            .flat_map(move |shard| shard.databases[usize::from(db)].table.iter())
            .filter(move |entry| !entry.is_expired(now_ms))
            .map(|entry| (&*entry.key, entry))
    }

    /// Visits live entries from `cursor` on, about `count` of them, and returns where to go on;
    /// zero when done. A key that is there from the first call to the last is visited.
    pub(crate) fn scan(
        &mut self,
        db: u8,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&[u8], &Entry),
    ) -> u64 {
        let (seed, now_ms) = (self.shards.seed(), self.now_ms());
        let mut shard = (cursor >> CURSOR_BITS) as usize;
        let mut position = cursor & ((1 << CURSOR_BITS) - 1);
        let mut visited = 0;
        while shard < self.shards.count() {
            let table = &self.locked.shard(shard).databases[usize::from(db)].table;
            position = table.scan(
                position,
                count - visited.min(count),
                seed,
                |entry: &Entry| {
                    visited += 1;
                    if !entry.is_expired(now_ms) {
                        visit(&entry.key, entry);
                    }
                },
            );
            if position == 0 {
                shard += 1;
            }
            if visited >= count {
                break;
            }
        }
        match shard < self.shards.count() {
            true => (shard as u64) << CURSOR_BITS | position,
            false => 0,
        }
    }

    /// A live key of `db`, each about equally likely.
    pub(crate) fn random_key(&mut self, db: u8) -> Option<Blob> {
        // Redis tries as often before it answers with a key that has just expired.
        for _ in 0..100 {
            let mut chosen = self.rng.below(self.len(db) as u64) as usize;
            let shard = self
                .locked
                .iter()
                .find(|shard| match chosen < shard.len(db) {
                    true => true,
                    false => {
                        chosen -= shard.len(db);
                        false
                    }
                })?;
            let key = shard.databases[usize::from(db)]
                .table
                .random(self.rng)?
                .key
                .clone();
            if self.contains(db, &key) {
                return Some(key);
            }
        }
        None
    }

    /// Bytes the keys of the locked shards take.
    pub(crate) fn memory(&self) -> usize {
        self.locked.iter().map(Shard::memory).sum()
    }

    /// Bytes the table of `db` takes, without what hangs on it.
    pub(crate) fn table_memory(&self, db: u8) -> usize {
        let tables = self
            .locked
            .iter()
            .map(|shard| &shard.databases[usize::from(db)].table);
        tables.map(Table::memory).sum()
    }

    /// The locked shards, for what INFO adds up.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.locked.iter()
    }

    /// The locked shards, to reset what INFO adds up.
    pub(crate) fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.locked.iter_mut()
    }

    /// Whether the shard of `key` is locked, for scripts that touch keys they did not declare.
    #[cfg(feature = "script")]
    pub(crate) fn covers(&self, key: &[u8]) -> bool {
        let shard = self.shards.shard_of(key);
        match &self.locked {
            Locked::None => false,
            Locked::One(held, _) => *held == shard,
            Locked::Many(guards) => guards[shard].is_some(),
        }
    }

    /// The calls of command `number` counted where this space counts them; `None` where no shard
    /// is locked.
    #[inline]
    pub(crate) fn calls(&self, number: u32) -> Option<u64> {
        Some(self.locked.first()?.tallies.calls(number))
    }

    /// What is counted of command `number`, where it is easily found: one shard is locked, and the
    /// command was counted there before.
    #[inline]
    pub(crate) fn tally_at_hand(&mut self, number: u32) -> Option<&mut Tally> {
        self.locked.one_mut()?.tallies.known_mut(number)
    }

    /// What is counted of command `number`; `None` where no shard is locked.
    #[inline]
    pub(crate) fn tally(&mut self, number: u32) -> Option<&mut Tally> {
        Some(self.locked.first_mut()?.tallies.get_mut(number))
    }

    // ---- inside -------------------------------------------------------------------------------

    /// Where `key` belongs.
    #[inline(always)]
    fn place(&self, key: &[u8]) -> Place {
        Place {
            shard: self.shard_index(key),
            hash: self.shards.seed().hash(key),
        }
    }

    #[inline]
    fn note_used(&mut self, hash: u64) {
        self.used[self.used_count % REMEMBERED] = hash;
        self.used_count += 1;
    }

    /// Where `key` is, if it is live; removes it when its time has come.
    #[inline(always)]
    fn find(&mut self, db: u8, key: &[u8], place: Place) -> Option<Found> {
        let Place { shard, hash } = place;
        let table = &self.locked.shard(shard).databases[usize::from(db)].table;
        let spot = table.locate(hash, key)?;
        let entry = table.at(spot)?;
        if entry.expires.is_some() && entry.is_expired(self.now_ms()) {
            self.expire(db, key);
            return None;
        }
        Some(Found { shard, hash, spot })
    }

    /// The live entry of `key`, and what looking at it counts as.
    fn look(&mut self, db: u8, key: &[u8], look: Look) -> Option<Seen<'_>> {
        let place = self.place(key);
        let is_counted = u64::from(matches!(look, Look::Read | Look::Inspect | Look::Examine));
        let is_use = self.surroundings.touching
            && match look {
                Look::Read | Look::Write => true,
                Look::Inspect | Look::Examine => false,
                Look::Change => !self.used[..self.used_count.min(REMEMBERED)].contains(&place.hash),
            };
        if is_use {
            self.note_used(place.hash);
        }
        let Some(found) = self.find(db, key, place) else {
            self.locked.shard_mut(place.shard).counters.misses += is_counted;
            if matches!(look, Look::Read | Look::Inspect) {
                self.announce(db, key, Event::MISS);
            }
            return None;
        };
        let (tracking, now_s) = (self.surroundings.tracking, self.access_s());
        let shard = self.locked.shard_mut(found.shard);
        shard.counters.hits += is_counted;
        if look == Look::Change {
            shard.preserve(db, found.hash, found.spot);
        }
        let Shard {
            databases,
            heap_bytes,
            ..
        } = shard;
        let entry = databases[usize::from(db)].table.at_mut(found.spot)?;
        if is_use {
            entry.access.touch(tracking, now_s, self.rng);
        }
        Some(Seen {
            found,
            entry,
            heap_bytes,
        })
    }

    #[cold]
    pub(super) fn expire(&mut self, db: u8, key: &[u8]) {
        if self.discard(db, key).is_some() {
            self.expired(db, key);
        }
    }

    /// Tells that `key` has expired.
    fn expired(&mut self, db: u8, key: &[u8]) {
        self.shard_mut(key).counters.expired += 1;
        self.log(db, &[b"DEL", key]);
        let changes = self.changes;
        self.changed(
            db,
            key,
            Event {
                class: EventClass::Expired,
                name: "expired",
            },
        );
        // An expiry is not the command's doing: its own effect must not follow from it.
        self.changes = changes;
    }

    /// Removes `key`, live or not, and nothing else.
    pub(super) fn discard(&mut self, db: u8, key: &[u8]) -> Option<Entry> {
        let (seed, place) = (self.shards.seed(), self.place(key));
        let shard = self.locked.shard_mut(place.shard);
        #[cfg(feature = "durable")]
        if shard.snapshot.is_some()
            && let Some(spot) = shard.databases[usize::from(db)]
                .table
                .locate(place.hash, key)
        {
            shard.preserve(db, place.hash, spot);
        }
        let database = &mut shard.databases[usize::from(db)];
        let entry = database.table.remove(place.hash, key, seed)?;
        database.volatile -= usize::from(entry.expires.is_some());
        shard.heap_bytes -= entry.heap_bytes();
        Some(entry)
    }

    #[inline]
    fn shard_index(&self, key: &[u8]) -> usize {
        self.locked
            .only()
            .unwrap_or_else(|| self.shards.shard_of(key))
    }

    #[inline]
    pub(super) fn shard_mut(&mut self, key: &[u8]) -> &mut Shard {
        let shard = self.shard_index(key);
        self.locked.shard_mut(shard)
    }
}

/// The time that `now_us` holds, read from the clock if it holds none yet.
fn read_once(now_us: &Cell<u64>, clock: &dyn Clock) -> u64 {
    if now_us.get() == 0 {
        now_us.set(clock.now_us().max(1));
    }
    now_us.get()
}
