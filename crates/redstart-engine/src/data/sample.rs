use std::collections::BTreeSet;

use super::table::{Entry, Table};
use crate::random::Rng;

/// A uniformly random subset: `count` of the items, of which there are `len`, in their order.
pub(super) fn subset<T>(
    items: impl Iterator<Item = T>,
    len: usize,
    count: usize,
    rng: &mut Rng,
) -> Vec<T> {
    // Selection sampling: each item is taken with the chance that fills what is still wanted.
    let mut wanted = count.min(len);
    let mut chosen = Vec::with_capacity(wanted);
    for (seen, item) in items.take(len).enumerate() {
        if rng.below((len - seen) as u64) < wanted as u64 {
            chosen.push(item);
            wanted -= 1;
        }
    }
    chosen
}

/// A uniformly random subset of a table's entries.
pub(super) fn subset_of_table<'a, E: Entry>(
    table: &'a Table<E>,
    count: usize,
    rng: &mut Rng,
) -> Vec<&'a E> {
    if count.saturating_mul(4) >= table.len() {
        return subset(table.iter(), table.len(), count, rng);
    }
    // So few are wanted that drawing until they are different beats walking over all.
    let mut keys = BTreeSet::new();
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count
        && let Some(entry) = table.random(rng)
    {
        if keys.insert(entry.key()) {
            chosen.push(entry);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Blob, Seed};

    /// How often each of `len` items is chosen over many rounds of choosing `count`.
    fn met(len: usize, mut choose: impl FnMut(&mut Rng) -> Vec<usize>) -> Vec<u32> {
        let mut rng = Rng::new(11);
        let mut met = vec![0; len];
        for _ in 0..10_000 {
            for index in choose(&mut rng) {
                met[index] += 1;
            }
        }
        met
    }

    #[test]
    fn every_item_is_equally_likely() {
        let met = met(20, |rng| {
            let chosen = subset(0..20, 20, 5, rng);
            assert_eq!(chosen.len(), 5);
            assert!(chosen.is_sorted_by(|a, b| a < b));
            chosen
        });
        assert!(
            met.iter().all(|times| (2300..2700).contains(times)),
            "{met:?}"
        );
    }

    #[test]
    fn every_entry_of_a_table_is_equally_likely() {
        let seed = Seed::new(3);
        let mut table: Table<Blob> = Table::new();
        for index in 0..40u8 {
            table.insert(seed.hash(&[index]), Blob::from(&[index]), seed);
        }
        for count in [4, 9, 10, 30] {
            let met = met(40, |rng| {
                let chosen = subset_of_table(&table, count, rng);
                let mut chosen: Vec<usize> = chosen.iter().map(|entry| entry[0].into()).collect();
                chosen.sort_unstable();
                chosen.dedup();
                assert_eq!(chosen.len(), count);
                chosen
            });
            let expected = 10_000 * count as u32 / 40;
            let near = expected - expected / 8..expected + expected / 8;
            assert!(met.iter().all(|times| near.contains(times)), "{met:?}");
        }
    }

    #[test]
    fn more_than_there_are_is_all() {
        let mut rng = Rng::new(1);
        assert_eq!(subset(0..3, 3, 10, &mut rng), [0, 1, 2]);
        assert_eq!(subset(0..3, 3, 0, &mut rng), []);
        let table: Table<Blob> = Table::new();
        assert_eq!(subset_of_table(&table, usize::MAX, &mut rng).len(), 0);
    }
}
