use super::bound::Key;
use crate::data::Blob;

/// Names a pair of one tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(u32);

/// What a tree orders.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) score: f64,
    pub(crate) member: Blob,
}

/// Where the pairs of a tree lie: places that are numbered, used again, and allocated in chunks,
/// so that neither growing nor shrinking ever moves more than one chunk.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    /// All full but the last.
    chunks: Vec<Vec<Pair>>,
    /// Places that may be vacant. One is stale when it is past the end or taken.
    vacant: Vec<Id>,
    len: usize,
    /// What the members own beside their places.
    member_bytes: usize,
}

/// The places of a chunk: two kilobytes.
const CHUNK: usize = 64;

/// What a vacant place holds. No pair has NaN for its score.
const VACANT: Pair = Pair {
    score: f64::NAN,
    member: Blob::EMPTY,
};

impl Elements {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn memory(&self) -> usize {
        let last = self.chunks.last().map_or(0, Vec::capacity);
        let chunks = self.chunks.len().saturating_sub(1) * CHUNK + last;
        chunks * size_of::<Pair>()
            + self.chunks.capacity() * size_of::<Vec<Pair>>()
            + self.vacant.capacity() * size_of::<Id>()
            + self.member_bytes
    }

    #[inline]
    pub(super) fn get(&self, Id(place): Id) -> &Pair {
        &self.chunks[place as usize / CHUNK][place as usize % CHUNK]
    }

    /// The place right before a pair.
    #[inline]
    pub(super) fn before(&self, id: Id) -> Key<'_> {
        Key {
            pair: self.get(id),
            id,
            after: false,
        }
    }

    /// The place right after a pair.
    #[inline]
    pub(super) fn after(&self, id: Id) -> Key<'_> {
        Key {
            pair: self.get(id),
            id,
            after: true,
        }
    }

    #[inline]
    pub(super) fn set_score(&mut self, id: Id, score: f64) {
        self.place(id).score = score;
    }

    pub(super) fn add(&mut self, pair: Pair) -> Id {
        self.len += 1;
        self.member_bytes += pair.member.heap_bytes();
        let id = self.next_vacancy().unwrap_or_else(|| self.append());
        *self.place(id) = pair;
        id
    }

    pub(super) fn take(&mut self, id: Id) -> Pair {
        let pair = std::mem::replace(self.place(id), VACANT);
        self.vacant.push(id);
        if self.vacant.len() > self.end() {
            self.forget_stale();
        }
        self.len -= 1;
        self.member_bytes -= pair.member.heap_bytes();
        if self.len == 0 {
            *self = Self::default();
        }
        pair
    }

    /// If most places are vacant, the last pair's id and the vacant place it should move to.
    pub(super) fn sparse(&mut self) -> Option<(Id, Id)> {
        if self.end() <= 2 * self.len + CHUNK {
            return None;
        }
        while self.chunks.last()?.last()?.score.is_nan() {
            self.drop_last();
        }
        let from = Id(self.end() as u32 - 1);
        Some((from, self.next_vacancy()?))
    }

    /// Moves the last pair to a vacant place.
    pub(super) fn relocate(&mut self, from: Id, to: Id) {
        *self.place(to) = std::mem::replace(self.place(from), VACANT);
        self.drop_last();
    }

    /// How many places there are.
    fn end(&self) -> usize {
        let last = self.chunks.last().map_or(0, Vec::len);
        self.chunks.len().saturating_sub(1) * CHUNK + last
    }

    fn place(&mut self, Id(place): Id) -> &mut Pair {
        &mut self.chunks[place as usize / CHUNK][place as usize % CHUNK]
    }

    fn is_vacant(&self, id: Id) -> bool {
        (id.0 as usize) < self.end() && self.get(id).score.is_nan()
    }

    fn next_vacancy(&mut self) -> Option<Id> {
        loop {
            let id = self.vacant.pop()?;
            if self.is_vacant(id) {
                return Some(id);
            }
        }
    }

    fn forget_stale(&mut self) {
        let mut vacant = std::mem::take(&mut self.vacant);
        vacant.retain(|id| self.is_vacant(*id));
        // The lowest are used first, which helps the last chunks to become empty.
        vacant.sort_unstable_by(|a, b| b.cmp(a));
        vacant.dedup();
        vacant.shrink_to_fit();
        self.vacant = vacant;
    }

    fn append(&mut self) -> Id {
        let id = u32::try_from(self.end()).expect("2^32 pairs do not fit into memory");
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(VACANT),
            // Only the first chunk starts small.
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(VACANT);
                self.chunks.push(chunk);
            }
            None => self.chunks.push(vec![VACANT]),
        }
        Id(id)
    }

    fn drop_last(&mut self) {
        if let Some(last) = self.chunks.last_mut() {
            last.pop();
            if last.is_empty() {
                self.chunks.pop();
            }
            if self.chunks.len() * 4 < self.chunks.capacity() {
                self.chunks.shrink_to(self.chunks.len() * 2);
            }
        }
    }
}
