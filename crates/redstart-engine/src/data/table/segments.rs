//! Extendible hashing over `hashbrown` segments, for entries of any kind: what two entries have to
//! do with each other is said by closures.
//!
//! Which bits of a hash serve what, from the top:
//!
//! ```text
//! 63      57 56                                         11 10      0
//! |  tag   |  the point in hash space, 46 bits            | bucket |
//! ```
//!
//! `hashbrown` takes the tag for its control bytes and the low bits for the bucket. The point
//! orders all entries; its leading bits index the directory. A segment of depth d holds the
//! points that begin with its d-bit prefix, and every slot of the directory that begins so names
//! it.
//!
//! Invariants of a directory:
//! 1. segments partition the points, and each has at least [`SEGMENT_BUCKETS`] buckets;
//! 2. it is no deeper than its deepest segment, and has at least two segments;
//! 3. it is never much larger than its segments are many, even if hashes are so bad that splitting
//!    does not help: then a segment outgrows the usual size instead.

use std::fmt;
use std::mem;

use hashbrown::HashTable;
use hashbrown::hash_table;

use crate::random::Rng;

/// Scan cursors are below two to this power, which leaves room for a shard number above them in
/// the 52 bits that every client can read.
pub(crate) const CURSOR_BITS: u32 = 46;

const TAG_BITS: u32 = 7;
const CURSOR_END: u64 = 1 << CURSOR_BITS;

/// The buckets of a segment. Splitting one takes some ten microseconds.
const SEGMENT_BUCKETS: usize = 512;
/// What `hashbrown` puts into that many buckets.
const SEGMENT_CAPACITY: usize = SEGMENT_BUCKETS / 8 * 7;
/// A full segment with fewer entries than this is full of tombstones: it is cleaned, not split.
const CLEAN_BELOW: usize = SEGMENT_CAPACITY / 8 * 7;
/// Two neighbours with together no more entries than this become one.
const MERGE_MAX: usize = SEGMENT_BUCKETS * 3 / 8;

/// A hash table in segments.
#[derive(Clone)]
pub(crate) struct Segments<T> {
    root: Root<T>,
}

#[derive(Clone)]
enum Root<T> {
    /// All there is to a table of up to some hundred entries.
    One(HashTable<T>),
    Many(Box<Directory<T>>),
}

#[derive(Clone)]
struct Directory<T> {
    /// The segment of each prefix of `depth` bits; two to the power of `depth` in number.
    slots: Box<[u32]>,
    /// 64 - depth.
    shift: u32,
    segments: Vec<Segment<T>>,
    /// The entries of all segments.
    len: usize,
    /// How many segments are as deep as the directory.
    deepest: usize,
    /// The buckets of the largest segment there has been; a power of two.
    widest: usize,
    /// The allocations of all segments.
    segment_bytes: usize,
}

/// Aligned so that what a look-up reads of it is in one cache line.
#[derive(Clone)]
#[repr(align(64))]
struct Segment<T> {
    table: HashTable<T>,
    depth: u32,
    prefix: u32,
}

/// The place of a key.
pub(crate) enum Slot<'a, T> {
    /// The entry that has it.
    Occupied(&'a mut T),
    /// Where one would go.
    Vacant(Vacant<'a, T>),
}

/// Where an entry is, until its table changes.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    segment: usize,
    bucket: usize,
}

/// A place for an entry that is not there yet.
pub(crate) struct Vacant<'a, T> {
    place: hash_table::VacantEntry<'a, T>,
    len: Option<&'a mut usize>,
}

impl<'a, T> Vacant<'a, T> {
    /// Puts the entry there. It must have the hash that was looked for.
    #[inline]
    pub(crate) fn insert(self, entry: T) -> &'a mut T {
        if let Some(len) = self.len {
            *len += 1;
        }
        self.place.insert(entry).into_mut()
    }
}

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Segments<T> {
    pub(crate) const fn new() -> Self {
        Self {
            root: Root::One(HashTable::new()),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.root {
            Root::One(table) => table.len(),
            Root::Many(directory) => directory.len,
        }
    }

    #[inline]
    pub(crate) fn memory(&self) -> usize {
        match &self.root {
            Root::One(table) => table.allocation_size(),
            Root::Many(directory) => directory.memory(),
        }
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.table(hash).find(hash, is_it)
    }

    #[inline]
    pub(crate) fn find_mut(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.table_mut(hash).0.find_mut(hash, is_it)
    }

    #[inline(always)]
    pub(crate) fn locate(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<Spot> {
        let (segment, table) = match &self.root {
            Root::One(table) => (0, table),
            Root::Many(directory) => {
                let index = directory.index(hash);
                (index, &directory.segments[index].table)
            }
        };
        let bucket = table.find_bucket_index(hash, is_it)?;
        Some(Spot { segment, bucket })
    }

    #[inline]
    pub(crate) fn at(&self, spot: Spot) -> Option<&T> {
        let table = match &self.root {
            Root::One(table) => table,
            Root::Many(directory) => &directory.segments[spot.segment].table,
        };
        table.get_bucket(spot.bucket)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, spot: Spot) -> Option<&mut T> {
        let table = match &mut self.root {
            Root::One(table) => table,
            Root::Many(directory) => &mut directory.segments[spot.segment].table,
        };
        table.get_bucket_mut(spot.bucket)
    }

    #[inline]
    pub(crate) fn slot(
        &mut self,
        hash: u64,
        is_it: impl Fn(&T) -> bool,
        hash_of: impl Fn(&T) -> u64,
    ) -> Slot<'_, T> {
        if is_full(self.table(hash)) {
            // A replacement must not make the table grow.
            if self.find(hash, &is_it).is_some() {
                let entry = self.find_mut(hash, is_it).expect("it was just found");
                return Slot::Occupied(entry);
            }
            self.make_room(hash, &hash_of);
        }
        let (table, len) = self.table_mut(hash);
        match table.entry(hash, is_it, hash_of) {
            hash_table::Entry::Occupied(entry) => Slot::Occupied(entry.into_mut()),
            hash_table::Entry::Vacant(place) => Slot::Vacant(Vacant { place, len }),
        }
    }

    /// Adds an entry that is known not to be there.
    #[cfg(test)]
    pub(crate) fn insert_new(&mut self, entry: T, hash_of: impl Fn(&T) -> u64) {
        let hash = hash_of(&entry);
        if is_full(self.table(hash)) {
            self.make_room(hash, &hash_of);
        }
        let (table, len) = self.table_mut(hash);
        table.insert_unique(hash, entry, hash_of);
        if let Some(len) = len {
            *len += 1;
        }
    }

    #[inline]
    pub(crate) fn remove(
        &mut self,
        hash: u64,
        is_it: impl Fn(&T) -> bool,
        hash_of: impl Fn(&T) -> u64,
    ) -> Option<T> {
        let (table, len) = self.table_mut(hash);
        let (entry, _) = table.find_entry(hash, is_it).ok()?.remove();
        if let Some(len) = len {
            *len -= 1;
            if table.len() <= MERGE_MAX / 2 {
                self.merge(hash, hash_of);
            }
        } else {
            shrink(table, hash_of);
        }
        Some(entry)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match &self.root {
            Root::One(table) => (Some(table), &[][..]),
            Root::Many(directory) => (None, &directory.segments[..]),
        };
        let many = many.iter().map(|segment| &segment.table);
        one.into_iter().chain(many).flatten()
    }

    pub(crate) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        hash_of: impl Fn(&T) -> u64,
        mut visit: impl FnMut(&'a T),
    ) -> u64 {
        let mut wanted = count.max(1);
        let mut at = cursor;
        while at < CURSOR_END {
            let (table, range) = self.table_at(at);
            if at == range.start && table.len() <= wanted {
                table.iter().for_each(&mut visit);
                wanted -= table.len();
            } else {
                let mut ahead: Vec<(u64, &T)> = table
                    .iter()
                    .map(|entry| (point(hash_of(entry)), entry))
                    .filter(|(point, _)| *point >= at)
                    .collect();
                if ahead.len() > wanted {
                    let (_, last, _) = ahead.select_nth_unstable_by_key(wanted - 1, |it| it.0);
                    let last = last.0;
                    ahead
                        .iter()
                        .filter(|it| it.0 <= last)
                        .for_each(|it| visit(it.1));
                    return (last + 1) % CURSOR_END;
                }
                wanted -= ahead.len();
                ahead.into_iter().for_each(|it| visit(it.1));
            }
            at = range.end;
            if wanted == 0 {
                break;
            }
        }
        if at < CURSOR_END { at } else { 0 }
    }

    pub(crate) fn random(&self, rng: &mut Rng) -> Option<&T> {
        if self.len() == 0 {
            return None;
        }
        loop {
            let (table, buckets) = match &self.root {
                Root::One(table) => (table, table.num_buckets()),
                Root::Many(directory) => {
                    let index = rng.below(directory.segments.len() as u64) as usize;
                    (&directory.segments[index].table, directory.widest)
                }
            };
            let bucket = rng.next_u64() as usize & (buckets - 1);
            if let Some(entry) = table.get_bucket(bucket) {
                return Some(entry);
            }
        }
    }

    pub(crate) fn sample<'a>(&'a self, rng: &mut Rng, count: usize, mut visit: impl FnMut(&'a T)) {
        let mut left = count.min(self.len());
        if left == 0 {
            return;
        }
        let segments = match &self.root {
            Root::One(_) => 1,
            Root::Many(directory) => directory.segments.len(),
        };
        let first = rng.below(segments as u64) as usize;
        let start = rng.next_u64() as usize;
        for index in (first..segments).chain(0..first) {
            let table = match &self.root {
                Root::One(table) => table,
                Root::Many(directory) => &directory.segments[index].table,
            };
            let mask = table.num_buckets() - 1;
            for bucket in 0..=mask {
                if let Some(entry) = table.get_bucket(start.wrapping_add(bucket) & mask) {
                    visit(entry);
                    left -= 1;
                    if left == 0 {
                        return;
                    }
                }
            }
        }
    }

    /// The table where entries with this hash are.
    #[inline]
    fn table(&self, hash: u64) -> &HashTable<T> {
        match &self.root {
            Root::One(table) => table,
            Root::Many(directory) => &directory.segments[directory.index(hash)].table,
        }
    }

    /// The same for changes, with the number of all entries where that is kept apart.
    #[inline]
    fn table_mut(&mut self, hash: u64) -> (&mut HashTable<T>, Option<&mut usize>) {
        match &mut self.root {
            Root::One(table) => (table, None),
            Root::Many(directory) => {
                let index = directory.index(hash);
                let Directory { segments, len, .. } = &mut **directory;
                (&mut segments[index].table, Some(len))
            }
        }
    }

    /// The table where entries with this point are, and all the points it is for.
    fn table_at(&self, point: u64) -> (&HashTable<T>, std::ops::Range<u64>) {
        match &self.root {
            Root::One(table) => (table, 0..CURSOR_END),
            Root::Many(directory) => {
                let hash = point << (64 - TAG_BITS - CURSOR_BITS);
                let segment = &directory.segments[directory.index(hash)];
                let width = CURSOR_BITS - segment.depth;
                let start = u64::from(segment.prefix) << width;
                (&segment.table, start..start + (1 << width))
            }
        }
    }

    /// Makes the table for this hash able to take one entry more.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, hash: u64, hash_of: &impl Fn(&T) -> u64) {
        while is_full(self.table(hash)) {
            match &mut self.root {
                Root::One(table) if table.num_buckets() < SEGMENT_BUCKETS => {
                    table.reserve(1, hash_of);
                }
                Root::One(table) if table.len() < CLEAN_BELOW => clean(table, hash_of),
                Root::One(table) => {
                    let mut directory = Box::new(Directory::new(mem::take(table)));
                    directory.split(0, hash_of);
                    self.root = Root::Many(directory);
                }
                Root::Many(directory) => directory.make_room(directory.index(hash), hash_of),
            }
        }
    }

    /// Unites the emptied segment for this hash with its neighbour, and so on upwards.
    #[inline(never)]
    fn merge(&mut self, hash: u64, hash_of: impl Fn(&T) -> u64) {
        let Root::Many(directory) = &mut self.root else {
            return;
        };
        while directory.merge(directory.index(hash), &hash_of) {
            if directory.segments.len() == 1 {
                let rest = directory.segments.pop().expect("a directory has a segment");
                self.root = Root::One(rest.table);
                return;
            }
        }
    }
}

impl<T> Directory<T> {
    /// A directory of one segment. It must be split before it is used.
    fn new(table: HashTable<T>) -> Self {
        Self {
            slots: Box::new([0]),
            shift: 64,
            len: table.len(),
            deepest: 1,
            widest: table.num_buckets(),
            segment_bytes: table.allocation_size(),
            segments: vec![Segment {
                table,
                depth: 0,
                prefix: 0,
            }],
        }
    }

    fn memory(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.slots)
            + self.segments.capacity() * size_of::<Segment<T>>()
            + self.segment_bytes
    }

    fn depth(&self) -> u32 {
        64 - self.shift
    }

    /// Which segment is for this hash.
    #[inline]
    fn index(&self, hash: u64) -> usize {
        self.slots[((hash << TAG_BITS) >> self.shift) as usize] as usize
    }

    /// The slots that name the segment with this prefix.
    fn slots_of(&self, prefix: u32, depth: u32) -> std::ops::Range<usize> {
        let width = self.depth() - depth;
        let start = (prefix as usize) << width;
        start..start + (1 << width)
    }

    fn make_room(&mut self, index: usize, hash_of: &impl Fn(&T) -> u64) {
        let must_double = self.segments[index].depth == self.depth();
        let may_double = self.slots.len() <= 4 * self.segments.len();
        let table = &mut self.segments[index].table;
        if table.len() >= CLEAN_BELOW && (!must_double || may_double) {
            self.split(index, hash_of);
            return;
        }
        self.segment_bytes -= table.allocation_size();
        if table.len() < CLEAN_BELOW {
            clean(table, hash_of);
        } else {
            table.reserve(1, hash_of);
        }
        self.segment_bytes += table.allocation_size();
        self.widest = self.widest.max(table.num_buckets());
    }

    fn split(&mut self, index: usize, hash_of: &impl Fn(&T) -> u64) {
        let Segment {
            table,
            depth,
            prefix,
        } = &mut self.segments[index];
        let (old, depth, prefix) = (mem::take(table), *depth, *prefix);
        if depth == self.depth() {
            self.slots = self
                .slots
                .iter()
                .flat_map(|&index| [index, index])
                .collect();
            self.shift -= 1;
            self.deepest = 0;
        }
        if depth + 1 == self.depth() {
            self.deepest += 2;
        }

        self.segment_bytes -= old.allocation_size();
        let mut halves = [
            HashTable::with_capacity(SEGMENT_CAPACITY),
            HashTable::with_capacity(SEGMENT_CAPACITY),
        ];
        for entry in old {
            let hash = hash_of(&entry);
            let half = (hash << (TAG_BITS + depth)) >> 63;
            halves[half as usize].insert_unique(hash, entry, hash_of);
        }
        for half in &halves {
            self.segment_bytes += half.allocation_size();
            self.widest = self.widest.max(half.num_buckets());
        }

        let new_index = self.segments.len() as u32;
        let [low, high] = halves;
        let (depth, prefix) = (depth + 1, prefix << 1);
        self.segments[index] = Segment {
            table: low,
            depth,
            prefix,
        };
        self.segments.push(Segment {
            table: high,
            depth,
            prefix: prefix | 1,
        });
        let slots = self.slots_of(prefix | 1, depth);
        self.slots[slots].fill(new_index);
    }

    /// Unites a segment with its neighbour if both are small enough; says whether it did.
    fn merge(&mut self, index: usize, hash_of: &impl Fn(&T) -> u64) -> bool {
        let Segment {
            ref table,
            depth,
            prefix,
        } = self.segments[index];
        let other_slots = self.slots_of(prefix ^ 1, depth);
        let other = self.slots[other_slots.start] as usize;
        if self.segments[other].depth != depth
            || self.segments[other].table.len() + table.len() > MERGE_MAX
        {
            return false;
        }

        self.slots[other_slots].fill(index as u32);
        let emptied = mem::take(&mut self.segments[other].table);
        self.segment_bytes -= emptied.allocation_size();
        let Segment {
            table,
            depth,
            prefix,
        } = &mut self.segments[index];
        self.segment_bytes -= table.allocation_size();
        for entry in emptied {
            table.insert_unique(hash_of(&entry), entry, hash_of);
        }
        self.segment_bytes += table.allocation_size();
        *prefix >>= 1;
        *depth -= 1;
        if *depth + 1 == 64 - self.shift {
            self.deepest -= 2;
        }

        self.segments.swap_remove(other);
        if let Some(&Segment { depth, prefix, .. }) = self.segments.get(other) {
            let moved = self.slots_of(prefix, depth);
            self.slots[moved].fill(other as u32);
        }
        if self.segments.len() * 4 < self.segments.capacity() {
            self.segments.shrink_to(self.segments.len() * 2);
        }
        while self.deepest == 0 {
            self.slots = self.slots.iter().copied().step_by(2).collect();
            self.shift += 1;
            let depth = self.depth();
            self.deepest = self.segments.iter().filter(|it| it.depth == depth).count();
        }
        true
    }
}

/// Where in hash space a hash is.
#[inline]
pub(crate) fn point(hash: u64) -> u64 {
    (hash << TAG_BITS) >> (64 - CURSOR_BITS)
}

/// Whether `hashbrown` would reorganise the table before it takes one entry more.
#[inline]
fn is_full<T>(table: &HashTable<T>) -> bool {
    table.capacity() == table.len()
}

/// Gives memory back when most of a single segment is empty.
#[inline]
fn shrink<T>(table: &mut HashTable<T>, hash_of: impl Fn(&T) -> u64) {
    // The smallest tables are kept, so that a lone entry can come and go without allocations.
    if table.num_buckets() >= 16 && table.len() * 8 <= table.num_buckets() {
        table.shrink_to(table.len() * 2, hash_of);
    }
}

/// Rids a table of the tombstones that removals have left.
fn clean<T>(table: &mut HashTable<T>, hash_of: &impl Fn(&T) -> u64) {
    let fresh = HashTable::with_capacity(SEGMENT_CAPACITY);
    for entry in mem::replace(table, fresh) {
        table.insert_unique(hash_of(&entry), entry, hash_of);
    }
}

impl<T> fmt::Debug for Segments<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = match &self.root {
            Root::One(_) => 1,
            Root::Many(directory) => directory.segments.len(),
        };
        f.debug_struct("Segments")
            .field("len", &self.len())
            .field("segments", &segments)
            .finish()
    }
}

#[cfg(test)]
impl<T> Segments<T> {
    /// Panics unless the invariants at the head of this file hold.
    pub(super) fn check(&self, hash_of: impl Fn(&T) -> u64) {
        let Root::Many(directory) = &self.root else {
            return;
        };
        let depths = || directory.segments.iter().map(|it| it.depth);
        let tables = || directory.segments.iter().map(|it| &it.table);
        assert_eq!(directory.slots.len(), 1 << directory.depth());
        assert_eq!(depths().max(), Some(directory.depth()));
        assert_eq!(
            depths().filter(|it| *it == directory.depth()).count(),
            directory.deepest
        );
        assert_eq!(tables().map(HashTable::len).sum::<usize>(), directory.len);
        assert_eq!(
            tables().map(HashTable::allocation_size).sum::<usize>(),
            directory.segment_bytes
        );
        assert!(tables().all(|it| it.num_buckets() >= SEGMENT_BUCKETS));
        assert!(tables().all(|it| it.num_buckets() <= directory.widest));
        assert!(directory.segments.len() > 1);
        let mut named = 0;
        for (index, segment) in directory.segments.iter().enumerate() {
            let slots = directory.slots_of(segment.prefix, segment.depth);
            named += slots.len();
            assert!(
                directory.slots[slots]
                    .iter()
                    .all(|it| *it as usize == index)
            );
            assert!(
                segment
                    .table
                    .iter()
                    .all(|it| directory.index(hash_of(it)) == index)
            );
        }
        assert_eq!(named, directory.slots.len());
    }
}
