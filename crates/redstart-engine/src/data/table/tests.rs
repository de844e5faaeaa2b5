use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::random::Rng;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    key: Vec<u8>,
    value: u32,
}

impl Entry for Pair {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

fn pair(number: u32) -> Pair {
    Pair {
        key: format!("key:{number}").into_bytes(),
        value: number,
    }
}

/// A table that takes its keys as numbers.
struct Numbers {
    seed: Seed,
    table: Table<Pair>,
}

impl Numbers {
    fn new() -> Self {
        Self {
            seed: Seed::new(7),
            table: Table::new(),
        }
    }

    fn of(numbers: std::ops::Range<u32>) -> Self {
        let mut it = Self::new();
        numbers.for_each(|number| assert_eq!(it.insert(number), None));
        it
    }

    fn hash(&self, number: u32) -> u64 {
        self.seed.hash(&pair(number).key)
    }

    fn insert(&mut self, number: u32) -> Option<Pair> {
        self.table
            .insert(self.hash(number), pair(number), self.seed)
    }

    fn get(&self, number: u32) -> Option<&Pair> {
        self.table.get(self.hash(number), &pair(number).key)
    }

    fn remove(&mut self, number: u32) -> Option<Pair> {
        self.table
            .remove(self.hash(number), &pair(number).key, self.seed)
    }

    fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(u32)) -> u64 {
        self.table
            .scan(cursor, count, self.seed, |pair| visit(pair.value))
    }

    fn sorted(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.table.iter().map(|pair| pair.value).collect();
        all.sort_unstable();
        all
    }
}

#[test]
fn an_empty_table_owns_nothing_and_is_four_words() {
    let empty = Numbers::new();
    assert_eq!(empty.table.memory(), 0);
    assert_eq!(size_of::<Table<Pair>>(), 32);
    assert_eq!(empty.get(1), None);
    assert_eq!(empty.table.random(&mut Rng::new(1)), None);
    assert_eq!(empty.scan(0, 10, |_| panic!()), 0);
}

#[test]
fn a_table_of_three_is_small() {
    let table = Numbers::of(0..3).table;
    assert!(
        table.memory() <= 4 * size_of::<Pair>() + 32,
        "{}",
        table.memory()
    );
}

#[test]
fn replacing_entries_of_a_full_segment_does_not_grow_it() {
    for full in [3, 7, 14, 28, 448] {
        let mut it = Numbers::of(0..full);
        let memory = it.table.memory();
        for number in 0..full {
            assert_eq!(it.insert(number), Some(pair(number)));
        }
        assert_eq!(it.table.memory(), memory);
    }
}

#[test]
fn grows_and_gives_the_memory_back() {
    let mut it = Numbers::of(0..100_000);
    it.table.segments.check(|pair| it.seed.hash(&pair.key));
    assert_eq!(it.table.len(), 100_000);
    let entry = size_of::<Pair>() + 1;
    assert!(
        it.table.memory() < 100_000 * entry * 5 / 2,
        "{}",
        it.table.memory()
    );
    assert!((0..100_000).all(|number| it.get(number) == Some(&pair(number))));
    for number in 0..99_990 {
        assert_eq!(it.remove(number), Some(pair(number)));
        if number % 10_000 == 0 {
            it.table.segments.check(|pair| it.seed.hash(&pair.key));
        }
    }
    it.table.segments.check(|pair| it.seed.hash(&pair.key));
    assert_eq!(it.sorted(), (99_990..100_000).collect::<Vec<_>>());
    assert!(it.table.memory() < 200 * entry, "{}", it.table.memory());
}

#[test]
fn tombstones_are_cleaned_instead_of_split() {
    // Segments of about 310 of 448, so that none fills up by chance.
    let mut it = Numbers::of(0..80_000);
    let before = it.table.memory();
    for number in 0..400_000 {
        it.remove(number);
        it.insert(number + 80_000);
    }
    assert_eq!(it.table.len(), 80_000);
    assert_eq!(it.table.memory(), before);
    it.table.segments.check(|pair| it.seed.hash(&pair.key));
}

#[test]
fn keys_of_one_hash_are_survived() {
    #[derive(Debug)]
    struct Twin(u32);
    let mut twins = Segments::new();
    for number in 0..5_000 {
        twins.insert_new(Twin(number), |_| 0x5555);
    }
    twins.check(|_| 0x5555);
    assert_eq!(
        twins.scan(0, 10, |_| 0x5555, |_| ()),
        (point_of(0x5555)) + 1
    );
    assert!(twins.find(0x5555, |twin| twin.0 == 4_321).is_some());
    for number in 0..5_000 {
        assert!(
            twins
                .remove(0x5555, |twin| twin.0 == number, |_| 0x5555)
                .is_some()
        );
    }
    twins.check(|_| 0x5555);
    assert!(twins.memory() < 10_000);
}

fn point_of(hash: u64) -> u64 {
    (hash >> 11) & ((1 << CURSOR_BITS) - 1)
}

#[test]
fn a_scan_visits_about_as_many_as_asked() {
    let it = Numbers::of(0..10_000);
    let (mut cursor, mut seen) = (0, BTreeSet::new());
    loop {
        let mut visited = 0;
        cursor = it.scan(cursor, 10, |number| {
            visited += 1;
            assert!(seen.insert(number));
        });
        assert!(cursor < 1 << CURSOR_BITS);
        if cursor == 0 {
            break;
        }
        assert_eq!(visited, 10);
    }
    assert_eq!(seen.len(), 10_000);
}

#[test]
fn any_cursor_is_harmless() {
    let it = Numbers::of(0..1_000);
    for cursor in [1, 1 << 45, (1 << 46) - 1, 1 << 46, u64::MAX] {
        it.scan(cursor, usize::MAX, |_| ());
    }
}

#[test]
fn random_is_uniform_whatever_the_depth_of_segments() {
    // Sizes at which about half of the segments have just been split.
    for size in [1, 3, 460, 500, 1_000] {
        let it = Numbers::of(0..size);
        let (mut rng, mut met) = (Rng::new(1), vec![0f64; size as usize]);
        let draws = 400 * size;
        for _ in 0..draws {
            met[it.table.random(&mut rng).unwrap().value as usize] += 1.0;
        }
        let chi_square: f64 = met.iter().map(|n| (n - 400.0).powi(2) / 400.0).sum();
        let degrees = f64::from(size - 1);
        assert!(
            chi_square <= degrees + 5.0 * (2.0 * degrees).sqrt(),
            "{size}: {chi_square}"
        );
    }
}

#[test]
fn samples_are_different_entries() {
    let it = Numbers::of(0..2_000);
    let mut rng = Rng::new(1);
    let mut all = BTreeSet::new();
    for _ in 0..2_000 {
        let mut sample = BTreeSet::new();
        it.table
            .sample(&mut rng, 5, |pair| assert!(sample.insert(pair.value)));
        assert_eq!(sample.len(), 5);
        all.extend(sample);
    }
    assert!(all.len() > 1_500, "{}", all.len());
    let mut everything = 0;
    it.table.sample(&mut rng, usize::MAX, |_| everything += 1);
    assert_eq!(everything, 2_000);
}

#[test]
fn equal_seeds_are_equal_and_others_are_not() {
    assert_eq!(Seed::new(1).hash(b"key"), Seed::new(1).hash(b"key"));
    assert_ne!(Seed::new(1).hash(b"key"), Seed::new(2).hash(b"key"));
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    InsertMany(u32),
    Remove(u32),
    RemoveMany(u32),
    Change(u32, u32),
    Scan(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0..6_000u32;
    let step = prop_oneof![
        8 => number.clone().prop_map(Step::Insert),
        2 => number.clone().prop_map(Step::InsertMany),
        8 => number.clone().prop_map(Step::Remove),
        2 => number.clone().prop_map(Step::RemoveMany),
        4 => (number.clone(), any::<u32>()).prop_map(|(key, value)| Step::Change(key, value)),
        4 => (1..600usize).prop_map(Step::Scan),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Besides being a map, a table keeps the promise of SCAN in the midst of changes.
    #[test]
    fn behaves_as_a_map(steps in steps(), memory_step in 1..20usize) {
        let mut it = Numbers::new();
        let mut model: BTreeMap<u32, u32> = BTreeMap::new();
        let mut cursor = 0;
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        // What has been there since the scan began.
        let mut stayed: BTreeSet<u32> = BTreeSet::new();

        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(number) => {
                    let old = it.insert(number).map(|pair| pair.value);
                    prop_assert_eq!(old, model.insert(number, number));
                }
                Step::InsertMany(from) => {
                    for number in from..from + 1_500 {
                        it.insert(number);
                        model.insert(number, number);
                    }
                }
                Step::Remove(number) => {
                    let old = it.remove(number).map(|pair| pair.value);
                    prop_assert_eq!(old, model.remove(&number));
                    stayed.remove(&number);
                }
                Step::RemoveMany(from) => {
                    for number in from..from + 1_500 {
                        prop_assert_eq!(it.remove(number).is_some(), model.remove(&number).is_some());
                        stayed.remove(&number);
                    }
                }
                Step::Change(number, value) => {
                    let (hash, seed) = (it.hash(number), it.seed);
                    let entry = it.table.get_or_insert_with(hash, &pair(number).key, seed, || pair(number));
                    entry.value = value;
                    model.insert(number, value);
                }
                Step::Scan(count) => {
                    if cursor == 0 {
                        seen.clear();
                        stayed = model.keys().copied().collect();
                    }
                    let mut fresh = true;
                    cursor = it.table.scan(cursor, count, it.seed, |pair| {
                        let number = String::from_utf8_lossy(&pair.key)[4..].parse().unwrap();
                        fresh &= seen.insert(number) || !stayed.contains(&number);
                    });
                    prop_assert!(fresh, "visited twice");
                    if cursor == 0 {
                        prop_assert!(stayed.is_subset(&seen));
                    }
                }
            }
            prop_assert_eq!(it.table.len(), model.len());
            if at % memory_step == 0 {
                it.table.segments.check(|pair| it.seed.hash(&pair.key));
            }
        }
        let mut all: Vec<u32> = it.table.iter().map(|pair| pair.value).collect();
        all.sort_unstable();
        let mut expected: Vec<u32> = model.values().copied().collect();
        expected.sort_unstable();
        prop_assert_eq!(all, expected);
    }
}
