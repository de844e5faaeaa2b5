#[cfg(test)]
mod tests;

use redstart_protocol::number::parse_i64;

use super::sample::{subset, subset_of_table};
use super::table::{Entry, Seed, Slot, Table};
use super::{Blob, Element, Intset};
use crate::random::Rng;

/// A set of strings: sorted integers while there are only such and few, then a table.
///
/// As in Redis, a set that has become a table stays one.
#[derive(Clone, Debug)]
pub(crate) struct Set(Form);

#[derive(Clone, Debug)]
enum Form {
    Integers(Intset),
    Table(Members),
}

#[derive(Clone, Debug)]
struct Members {
    table: Table<Blob>,
    /// What the members own, together.
    member_bytes: usize,
}

impl Set {
    /// An empty set, which owns no memory. The first member decides its form.
    pub(crate) const fn new() -> Self {
        Self(Form::Table(Members::new()))
    }

    /// Takes a set of integers over. More than `max_integers` become a table.
    pub(crate) fn from_intset(integers: Intset, max_integers: usize, seed: Seed) -> Self {
        Self(match integers.len() {
            0 => return Self::new(),
            len if len > max_integers => Form::Table(Members::from_integers(&integers, seed)),
            _ => Form::Integers(integers),
        })
    }

    /// The integers, while there are only such and few.
    pub(crate) fn as_intset(&self) -> Option<&Intset> {
        match &self.0 {
            Form::Integers(integers) => Some(integers),
            Form::Table(_) => None,
        }
    }

    /// The number of members.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Table(members) => members.table.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes this owns on the heap.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.memory(),
            Form::Table(members) => members.table.memory() + members.member_bytes,
        }
    }

    /// What Redis calls the form it has.
    pub(crate) fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Integers(_) => "intset",
            Form::Table(_) => "hashtable",
        }
    }

    /// Whether this is a member.
    #[inline]
    pub(crate) fn contains(&self, member: &[u8], seed: Seed) -> bool {
        match &self.0 {
            Form::Integers(integers) => {
                parse_i64(member).is_some_and(|integer| integers.contains(integer))
            }
            Form::Table(members) => members.table.contains(seed.hash(member), member),
        }
    }

    /// Adds a member. `false` if it was there. More than `max_integers` become a table.
    #[inline]
    pub(crate) fn insert(&mut self, member: &[u8], max_integers: usize, seed: Seed) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => match parse_i64(member) {
                Some(integer) => {
                    let inserted = integers.insert(integer);
                    if inserted && integers.len() > max_integers {
                        self.0 = Form::Table(Members::from_integers(integers, seed));
                    }
                    inserted
                }
                None => {
                    let mut members = Members::from_integers(integers, seed);
                    members.insert(member, seed);
                    self.0 = Form::Table(members);
                    true
                }
            },
            Form::Table(members) => match parse_i64(member) {
                Some(integer) if members.table.is_empty() && max_integers > 0 => {
                    let mut integers = Intset::new();
                    integers.insert(integer);
                    self.0 = Form::Integers(integers);
                    true
                }
                _ => members.insert(member, seed),
            },
        }
    }

    /// Takes a member out. `false` if it was not there.
    #[inline]
    pub(crate) fn remove(&mut self, member: &[u8], seed: Seed) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => {
                parse_i64(member).is_some_and(|integer| integers.remove(integer))
            }
            Form::Table(members) => members.remove(member, seed).is_some(),
        }
    }

    /// All members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Element<'_>> {
        let (integers, table) = match &self.0 {
            Form::Integers(integers) => (Some(integers.iter().map(Element::Int)), None),
            Form::Table(members) => (None, Some(members.table.iter().map(view))),
        };
        integers
            .into_iter()
            .flatten()
            .chain(table.into_iter().flatten())
    }

    /// Visits about `count` members from `cursor` on and returns where to go on, zero at the end,
    /// with the guarantee of [`Table::scan`]. Integers are visited all, whatever the cursor.
    pub(crate) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        seed: Seed,
        mut visit: impl FnMut(Element<'a>),
    ) -> u64 {
        match &self.0 {
            Form::Integers(integers) => {
                integers.iter().map(Element::Int).for_each(visit);
                0
            }
            Form::Table(members) => members
                .table
                .scan(cursor, count, seed, |member| visit(view(member))),
        }
    }

    /// A uniformly random member.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<Element<'_>> {
        match &self.0 {
            Form::Integers(integers) => {
                let index = rng.below(integers.len() as u64) as usize;
                integers.get(index).map(Element::Int)
            }
            Form::Table(members) => members.table.random(rng).map(view),
        }
    }

    /// `count` different members, or all; every subset is equally likely.
    pub(crate) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<Element<'_>> {
        match &self.0 {
            Form::Integers(integers) => subset(
                integers.iter().map(Element::Int),
                integers.len(),
                count,
                rng,
            ),
            Form::Table(members) => subset_of_table(&members.table, count, rng)
                .into_iter()
                .map(view)
                .collect(),
        }
    }

    /// Takes a uniformly random member out.
    pub(crate) fn pop_random(&mut self, rng: &mut Rng, seed: Seed) -> Option<Blob> {
        let member = self.random(rng)?.to_blob();
        self.remove(&member, seed);
        Some(member)
    }
}

impl Members {
    const fn new() -> Self {
        Self {
            table: Table::new(),
            member_bytes: 0,
        }
    }

    fn from_integers(integers: &Intset, seed: Seed) -> Self {
        let mut members = Self::new();
        for integer in integers.iter() {
            members.insert(&Element::Int(integer).to_bytes(), seed);
        }
        members
    }

    fn insert(&mut self, member: &[u8], seed: Seed) -> bool {
        match self.table.slot(seed.hash(member), member, seed) {
            Slot::Occupied(_) => false,
            Slot::Vacant(vacant) => {
                let member = Blob::from(member);
                self.member_bytes += member.heap_bytes();
                vacant.insert(member);
                true
            }
        }
    }

    fn remove(&mut self, member: &[u8], seed: Seed) -> Option<Blob> {
        let member = self.table.remove(seed.hash(member), member, seed)?;
        self.member_bytes -= member.heap_bytes();
        Some(member)
    }
}

impl Entry for Blob {
    #[inline]
    fn key(&self) -> &[u8] {
        self
    }
}

#[inline]
fn view(member: &Blob) -> Element<'_> {
    Element::Str(member)
}
