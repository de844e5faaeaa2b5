use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::random::Rng;

/// The order of a sorted set.
#[derive(Clone, Debug, PartialEq)]
struct Key(f64, Vec<u8>);

impl Eq for Key {}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0
            .partial_cmp(&other.0)
            .unwrap()
            .then_with(|| self.1.cmp(&other.1))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A tree beside the std collection it has to agree with.
#[derive(Default)]
struct Twin {
    tree: Tree,
    model: BTreeMap<Key, Id>,
}

impl Twin {
    fn insert(&mut self, score: f64, member: &[u8]) {
        let key = Key(score, member.to_vec());
        if !self.model.contains_key(&key) {
            let id = self.tree.insert(score, member.into());
            self.model.insert(key, id);
        }
    }

    fn nth(&self, rank: usize) -> (Key, Id) {
        let (key, id) = self.model.iter().nth(rank % self.model.len()).unwrap();
        (key.clone(), *id)
    }

    fn remove(&mut self, rank: usize) {
        let (key, id) = self.nth(rank);
        self.model.remove(&key);
        let pair = self.tree.remove(id);
        assert_eq!(Key(pair.score, pair.member.to_vec()), key);
        while let Some((from, to)) = self.tree.compact() {
            let moved = self.tree.get(to);
            let id = self
                .model
                .get_mut(&Key(moved.score, moved.member.to_vec()))
                .unwrap();
            assert_eq!(std::mem::replace(id, to), from);
        }
    }

    fn update(&mut self, rank: usize, score: f64) {
        let (old, id) = self.nth(rank);
        let new = Key(score, old.1.clone());
        if !self.model.contains_key(&new) {
            self.model.remove(&old);
            self.model.insert(new, id);
            self.tree.update(id, score);
        }
    }

    fn check(&self) {
        let ids: Vec<Id> = self.model.values().copied().collect();
        assert_eq!(self.tree.nodes.check(), ids);
        assert_eq!(self.tree.len(), ids.len());
        for (rank, (key, id)) in self.model.iter().enumerate() {
            let pair = self.tree.get(*id);
            assert_eq!((pair.score, &*pair.member), (key.0, &key.1[..]));
            assert_eq!(self.tree.rank(*id), rank);
            assert_eq!(self.tree.select(rank), Some(*id));
        }
        assert_eq!(self.tree.select(ids.len()), None);
    }

    fn keys(&self, ranks: Range<usize>) -> Vec<&Key> {
        self.model
            .keys()
            .skip(ranks.start)
            .take(ranks.len())
            .collect()
    }

    fn check_range(&self, ranks: Range<usize>) {
        let expected = self.keys(ranks.clone());
        let key = |pair: &Pair| Key(pair.score, pair.member.to_vec());
        let found: Vec<Key> = self.tree.range(ranks.clone()).map(key).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        let mut backwards: Vec<Key> = self.tree.range(ranks.clone()).rev().map(key).collect();
        backwards.reverse();
        assert_eq!(backwards, found);
        // From both ends, to where they meet.
        let (mut both, mut from_back) = (Vec::new(), Vec::new());
        let mut iter = self.tree.range(ranks);
        assert_eq!(iter.len(), expected.len());
        while let Some(pair) = iter.next() {
            both.push(key(pair));
            from_back.extend(iter.next_back().map(key));
            from_back.extend(iter.next_back().map(key));
        }
        both.extend(from_back.into_iter().rev());
        assert_eq!(both, found);
    }

    fn check_bound(&self, score: f64, member: &[u8]) {
        let before = |is_before: &dyn Fn(&Key) -> bool| {
            self.model.keys().filter(|key| is_before(key)).count()
        };
        for (bound, expected) in [
            (Bound::First, 0),
            (Bound::Last, self.model.len()),
            (Bound::BeforeScore(score), before(&|it| it.0 < score)),
            (Bound::AfterScore(score), before(&|it| it.0 <= score)),
        ] {
            assert_eq!(self.tree.rank_of(&bound), expected, "{bound:?}");
        }
        let first_score = self.model.keys().next().map_or(0.0, |it| it.0);
        if self.model.keys().all(|it| it.0 == first_score) {
            for (bound, expected) in [
                (
                    Bound::BeforeMember(member),
                    before(&|it| it.1.as_slice() < member),
                ),
                (
                    Bound::AfterMember(member),
                    before(&|it| it.1.as_slice() <= member),
                ),
            ] {
                assert_eq!(self.tree.rank_of(&bound), expected, "{bound:?}");
            }
        }
    }
}

#[test]
fn an_empty_tree_owns_nothing() {
    let mut twin = Twin::default();
    assert_eq!(twin.tree.memory(), 0);
    twin.check();
    twin.check_range(0..10);
    twin.check_bound(1.0, b"a");
    twin.insert(1.0, b"a");
    twin.remove(0);
    assert_eq!(twin.tree.memory(), 0);
}

#[test]
fn pairs_that_come_in_order_fill_the_leaves() {
    for descending in [false, true] {
        let mut twin = Twin::default();
        for number in 0..10_000 {
            let score = if descending {
                -f64::from(number)
            } else {
                f64::from(number)
            };
            twin.insert(score, number.to_string().as_bytes());
        }
        twin.check();
        assert!(twin.tree.memory() < 10_000 * 60, "{}", twin.tree.memory());
    }
}

#[test]
fn zeros_of_either_sign_are_equal() {
    let mut twin = Twin::default();
    twin.insert(0.0, b"b");
    twin.insert(-0.0, b"c");
    twin.insert(-0.0, b"a");
    let members: Vec<&[u8]> = twin.tree.range(0..3).map(|pair| &*pair.member).collect();
    assert_eq!(members, [b"a", b"b", b"c"]);
    twin.check_bound(0.0, b"b");
}

#[test]
fn gives_the_memory_back() {
    let mut twin = Twin::default();
    let long = [b'x'; 100];
    for number in 0..20_000u32 {
        let member = [&long[..], &number.to_be_bytes()].concat();
        twin.insert(f64::from(number % 777), &member);
    }
    let full = twin.tree.memory();
    assert!(full > 20_000 * 150);
    let mut rng = Rng::new(1);
    while twin.model.len() > 20 {
        // The model's `nth` is linear: near the front is good enough.
        let rank = rng.below(40) as usize;
        twin.remove(rank);
    }
    twin.check();
    assert!(
        twin.tree.memory() < full / 20,
        "{full} {}",
        twin.tree.memory()
    );
}

#[test]
fn a_tree_can_be_cloned() {
    let mut twin = Twin::default();
    (0..500).for_each(|number| twin.insert(f64::from(number % 7), number.to_string().as_bytes()));
    let clone = Twin {
        tree: twin.tree.clone(),
        model: twin.model.clone(),
    };
    (0..400).for_each(|_| twin.remove(3));
    clone.check();
    twin.check();
}

#[derive(Clone, Debug)]
enum Step {
    Insert(i8, u16),
    InsertMany(i8, u16),
    Remove(usize),
    RemoveMany(usize),
    Update(usize, i8),
    Range(usize, usize),
    Bound(i8, u16),
}

fn score(number: i8) -> f64 {
    match number {
        i8::MIN => f64::NEG_INFINITY,
        i8::MAX => f64::INFINITY,
        _ => f64::from(number) / 2.0,
    }
}

fn member(number: u16) -> Vec<u8> {
    // Of different lengths, some too long to be kept inline.
    format!("{number:0>width$}", width = usize::from(number % 30)).into_bytes()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (rank, number) = (0..20_000usize, any::<u16>());
    let step = prop_oneof![
        4 => (any::<i8>(), number).prop_map(|(s, m)| Step::Insert(s, m)),
        2 => (any::<i8>(), number).prop_map(|(s, m)| Step::InsertMany(s, m)),
        4 => rank.clone().prop_map(Step::Remove),
        2 => rank.clone().prop_map(Step::RemoveMany),
        4 => (rank.clone(), any::<i8>()).prop_map(|(r, s)| Step::Update(r, s)),
        2 => (rank.clone(), rank.clone()).prop_map(|(a, b)| Step::Range(a, b)),
        2 => (any::<i8>(), number).prop_map(|(s, m)| Step::Bound(s, m)),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_an_ordered_set(steps in steps(), one_score in any::<bool>()) {
        let score = |number| if one_score { 1.5 } else { score(number) };
        let mut twin = Twin::default();
        for step in steps {
            match step {
                Step::Insert(s, m) => twin.insert(score(s), &member(m)),
                Step::InsertMany(s, m) => {
                    for offset in 0..300u16 {
                        let s = s.wrapping_add((offset % 5) as i8);
                        twin.insert(score(s), &member(m.wrapping_add(offset * 7)));
                    }
                }
                Step::Range(a, b) => {
                    let len = twin.model.len() + 5;
                    let (a, b) = (a % len, b % len);
                    twin.check_range(a.min(b)..a.max(b));
                }
                Step::Bound(s, m) => twin.check_bound(score(s), &member(m)),
                _ if twin.model.is_empty() => {}
                Step::Remove(rank) => twin.remove(rank),
                Step::RemoveMany(rank) => {
                    for _ in 0..twin.model.len().min(250) {
                        twin.remove(rank);
                    }
                }
                Step::Update(rank, s) => twin.update(rank, score(s)),
            }
        }
        twin.check();
        twin.check_range(0..twin.model.len());
        while !twin.model.is_empty() {
            twin.remove(twin.model.len() / 3);
        }
        prop_assert_eq!(twin.tree.memory(), 0);
    }
}
