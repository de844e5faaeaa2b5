#[cfg(test)]
mod tests;

use super::sample::{subset, subset_of_table};
use super::table::{Entry, Seed, Slot, Table};
use super::{Blob, Element, Listpack, Needle};
use crate::random::Rng;

/// A hash: fields with values, packed while they are few and short, then in a table.
///
/// As in Redis, a hash that has outgrown its pack stays a table.
#[derive(Clone, Debug)]
pub(crate) struct Hash(Form);

/// How large a packed hash may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most fields.
    pub(crate) max_entries: usize,
    /// The most bytes of a field or a value.
    pub(crate) max_value: usize,
}

#[derive(Clone, Debug)]
enum Form {
    /// Field, value, field, value, in the order of their insertion.
    Packed(Listpack),
    Table(Fields),
}

#[derive(Clone, Debug)]
struct Fields {
    table: Table<Pair>,
    /// What the pairs own, together.
    pair_bytes: usize,
}

#[derive(Clone, Debug)]
struct Pair {
    field: Blob,
    value: Blob,
}

impl Hash {
    /// An empty hash, which owns no memory. The first field decides its form.
    pub(crate) const fn new() -> Self {
        Self(Form::Table(Fields::new()))
    }

    /// Takes a pack over in which fields and values take turns. `None` if they do not, or if a
    /// field stands twice. Only the number of fields decides the form, as in Redis.
    pub(crate) fn from_pack(pack: Listpack, limits: Limits, seed: Seed) -> Option<Self> {
        if !pack.len().is_multiple_of(2) || !pack.names_differ(seed) {
            return None;
        }
        Some(Self(match pack.len() / 2 {
            0 => return Some(Self::new()),
            len if len > limits.max_entries => Form::Table(Fields::from_pack(&pack, seed)),
            _ => Form::Packed(pack),
        }))
    }

    /// The pack, while there is one.
    pub(crate) fn as_pack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(pack) => Some(pack),
            Form::Table(_) => None,
        }
    }

    /// The number of fields.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len() / 2,
            Form::Table(fields) => fields.table.len(),
        }
    }

    /// Whether there is no field.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes this owns on the heap.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.memory(),
            Form::Table(fields) => fields.table.memory() + fields.pair_bytes,
        }
    }

    /// What Redis calls the form it has.
    pub(crate) fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The value of a field.
    #[inline]
    pub(crate) fn get(&self, field: &[u8], seed: Seed) -> Option<Element<'_>> {
        match &self.0 {
            Form::Packed(pack) => {
                let cursor = pack.find(pack.first()?, &Needle::from(field), 1)?;
                pack.get(pack.next(cursor)?)
            }
            Form::Table(fields) => {
                let pair = fields.table.get(seed.hash(field), field)?;
                Some(Element::Str(&pair.value))
            }
        }
    }

    /// Whether there is such a field.
    #[inline]
    pub(crate) fn contains(&self, field: &[u8], seed: Seed) -> bool {
        self.get(field, seed).is_some()
    }

    /// Gives a field a value. `true` if there was no such field.
    #[inline]
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], limits: Limits, seed: Seed) -> bool {
        let is_small = limits.allow(field) && limits.allow(value);
        match &mut self.0 {
            Form::Packed(pack) if is_small && has_room_for(pack, field, value) => {
                let created = set_in_pack(pack, field, value);
                // Also after a mere replacement: the limit may have been lowered meanwhile.
                if pack.len() / 2 > limits.max_entries {
                    self.0 = Form::Table(Fields::from_pack(pack, seed));
                }
                created
            }
            Form::Packed(pack) => {
                let mut fields = Fields::from_pack(pack, seed);
                let created = fields.set(field, value, seed);
                self.0 = Form::Table(fields);
                created
            }
            Form::Table(fields)
                if is_small && fields.table.is_empty() && limits.max_entries > 0 =>
            {
                let mut pack = Listpack::with_room(field.len() + value.len() + 4);
                pack.push_back_all([field, value]);
                self.0 = Form::Packed(pack);
                true
            }
            Form::Table(fields) => fields.set(field, value, seed),
        }
    }

    /// Removes a field. `false` if there was none.
    #[inline]
    pub(crate) fn remove(&mut self, field: &[u8], seed: Seed) -> bool {
        match &mut self.0 {
            Form::Packed(pack) => {
                let first = pack.first();
                match first.and_then(|first| pack.find(first, &Needle::from(field), 1)) {
                    Some(cursor) => {
                        pack.remove_many(cursor, 2);
                        true
                    }
                    None => false,
                }
            }
            Form::Table(fields) => fields.remove(field, seed),
        }
    }

    /// All fields with their values: of a packed hash in the order of their insertion.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
        let (packed, table) = match &self.0 {
            Form::Packed(pack) => (Some(pairs(pack)), None),
            Form::Table(fields) => (None, Some(fields.table.iter().map(Pair::view))),
        };
        packed
            .into_iter()
            .flatten()
            .chain(table.into_iter().flatten())
    }

    /// Visits about `count` fields from `cursor` on and returns where to go on, zero at the end,
    /// with the guarantee of [`Table::scan`]. A packed hash is visited whole, whatever the cursor.
    pub(crate) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        seed: Seed,
        mut visit: impl FnMut(Element<'a>, Element<'a>),
    ) -> u64 {
        match &self.0 {
            Form::Packed(pack) => {
                pairs(pack).for_each(|(field, value)| visit(field, value));
                0
            }
            Form::Table(fields) => fields.table.scan(cursor, count, seed, |pair| {
                let (field, value) = pair.view();
                visit(field, value);
            }),
        }
    }

    /// A uniformly random field with its value.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<(Element<'_>, Element<'_>)> {
        match &self.0 {
            Form::Packed(pack) => {
                let index = rng.below(self.len() as u64) as isize;
                pairs_of(pack.iter_from(pack.seek(2 * index)?)).next()
            }
            Form::Table(fields) => fields.table.random(rng).map(Pair::view),
        }
    }

    /// `count` different fields with their values, or all; every subset is equally likely.
    pub(crate) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<(Element<'_>, Element<'_>)> {
        match &self.0 {
            Form::Packed(pack) => subset(pairs(pack), self.len(), count, rng),
            Form::Table(fields) => subset_of_table(&fields.table, count, rng)
                .into_iter()
                .map(Pair::view)
                .collect(),
        }
    }
}

impl Limits {
    /// Whether a pack may hold this field or value. However high the limits are, two of them fit.
    #[inline]
    fn allow(self, bytes: &[u8]) -> bool {
        bytes.len() <= self.max_value.min(Listpack::MAX_BYTES / 4)
    }
}

impl Fields {
    const fn new() -> Self {
        Self {
            table: Table::new(),
            pair_bytes: 0,
        }
    }

    fn from_pack(pack: &Listpack, seed: Seed) -> Self {
        let mut fields = Self::new();
        for (field, value) in pairs(pack) {
            fields.set(&field.to_bytes(), &value.to_bytes(), seed);
        }
        fields
    }

    fn set(&mut self, field: &[u8], value: &[u8], seed: Seed) -> bool {
        let value = Blob::from(value);
        self.pair_bytes += value.heap_bytes();
        match self.table.slot(seed.hash(field), field, seed) {
            Slot::Occupied(pair) => {
                self.pair_bytes -= pair.value.heap_bytes();
                pair.value = value;
                false
            }
            Slot::Vacant(vacant) => {
                let field = Blob::from(field);
                self.pair_bytes += field.heap_bytes();
                vacant.insert(Pair { field, value });
                true
            }
        }
    }

    fn remove(&mut self, field: &[u8], seed: Seed) -> bool {
        match self.table.remove(seed.hash(field), field, seed) {
            Some(pair) => {
                self.pair_bytes -= pair.field.heap_bytes() + pair.value.heap_bytes();
                true
            }
            None => false,
        }
    }
}

impl Pair {
    #[inline]
    fn view(&self) -> (Element<'_>, Element<'_>) {
        (Element::Str(&self.field), Element::Str(&self.value))
    }
}

impl Entry for Pair {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.field
    }
}

#[inline]
fn has_room_for(pack: &Listpack, field: &[u8], value: &[u8]) -> bool {
    // As if one string, with what surrounds the other on top.
    pack.has_room_for(field.len() + value.len() + 10, Listpack::MAX_BYTES)
}

#[inline]
fn set_in_pack(pack: &mut Listpack, field: &[u8], value: &[u8]) -> bool {
    let found = pack
        .first()
        .and_then(|first| pack.find(first, &Needle::from(field), 1));
    match found.and_then(|cursor| pack.next(cursor)) {
        Some(cursor) => {
            pack.replace(cursor, value);
            false
        }
        None => {
            pack.push_back_all([field, value]);
            true
        }
    }
}

fn pairs(pack: &Listpack) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
    pairs_of(pack.iter())
}

fn pairs_of<'a>(
    mut elements: impl Iterator<Item = Element<'a>>,
) -> impl Iterator<Item = (Element<'a>, Element<'a>)> {
    std::iter::from_fn(move || Some((elements.next()?, elements.next()?)))
}
