use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::random::Rng;

const LIMITS: Limits = Limits {
    max_entries: 128,
    max_value: 64,
};
const NO_PACK: Limits = Limits {
    max_entries: 0,
    max_value: 64,
};

/// A sorted set beside a map it has to agree with.
struct Twin {
    set: SortedSet,
    model: BTreeMap<Vec<u8>, f64>,
    limits: Limits,
    seed: Seed,
}

type Pairs = Vec<(Vec<u8>, f64)>;

fn collect<'a>(iter: impl Iterator<Item = (Element<'a>, f64)>) -> Pairs {
    iter.map(|(member, score)| (member.to_bytes().to_vec(), score))
        .collect()
}

impl Twin {
    fn new(limits: Limits) -> Self {
        Self {
            set: SortedSet::new(),
            model: BTreeMap::new(),
            limits,
            seed: Seed::new(7),
        }
    }

    fn insert(&mut self, member: &[u8], score: f64) {
        let old = self.set.insert(member, score, self.limits, self.seed);
        assert_eq!(old, self.model.insert(member.to_vec(), score));
    }

    fn remove(&mut self, member: &[u8]) {
        assert_eq!(
            self.set.remove(member, self.seed),
            self.model.remove(member)
        );
    }

    fn remove_range(&mut self, ranks: Range<usize>) {
        let sorted = self.sorted();
        let gone: Vec<_> = sorted.iter().skip(ranks.start).take(ranks.len()).collect();
        assert_eq!(self.set.remove_range(ranks.clone(), self.seed), gone.len());
        for (member, _) in gone {
            self.model.remove(member);
        }
    }

    fn pop(&mut self, last: bool) {
        let sorted = self.sorted();
        let (found, expected) = if last {
            (self.set.pop_last(self.seed), sorted.last())
        } else {
            (self.set.pop_first(self.seed), sorted.first())
        };
        assert_eq!(
            found.map(|(member, score)| (Vec::from(member), score)),
            expected.cloned()
        );
        if let Some((member, _)) = expected {
            self.model.remove(member);
        }
    }

    fn sorted(&self) -> Pairs {
        let mut all: Pairs = self.model.clone().into_iter().collect();
        all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        all
    }

    fn check(&self) {
        let sorted = self.sorted();
        assert_eq!(self.set.len(), sorted.len());
        assert_eq!(self.set.iter().len(), sorted.len());
        assert_eq!(collect(self.set.iter()), sorted);
        for (rank, (member, score)) in sorted.iter().enumerate() {
            assert_eq!(self.set.score(member, self.seed), Some(*score));
            assert_eq!(self.set.rank(member, self.seed), Some((rank, *score)));
        }
        assert_eq!(self.set.score(b"no such member", self.seed), None);
        assert_eq!(self.set.rank(b"no such member", self.seed), None);
    }

    fn check_ranks(&self, ranks: Range<usize>) {
        let all = self.sorted();
        let expected: Pairs = all
            .into_iter()
            .skip(ranks.start)
            .take(ranks.len())
            .collect();
        assert_eq!(collect(self.set.range(ranks.clone())), expected);
        let mut backwards = collect(self.set.range(ranks).rev());
        backwards.reverse();
        assert_eq!(backwards, expected);
    }

    /// The ranks between two bounds, by looking at everything.
    fn between(&self, from: &Bound<'_>, to: &Bound<'_>) -> Pairs {
        let is_before = |(member, score): &(Vec<u8>, f64), bound: &Bound<'_>| match *bound {
            Bound::First => false,
            Bound::Last => true,
            Bound::BeforeScore(other) => *score < other,
            Bound::AfterScore(other) => *score <= other,
            Bound::BeforeMember(other) => member.as_slice() < other,
            Bound::AfterMember(other) => member.as_slice() <= other,
        };
        let mut all = self.sorted();
        all.retain(|pair| !is_before(pair, from) && is_before(pair, to));
        all
    }

    fn check_bounds(&self, (a, b): (f64, f64), (m, n): (&[u8], &[u8])) {
        let scores = [
            (Bound::BeforeScore(a), Bound::AfterScore(b)),
            (Bound::BeforeScore(a), Bound::BeforeScore(b)),
            (Bound::AfterScore(a), Bound::AfterScore(b)),
            (Bound::AfterScore(a), Bound::BeforeScore(b)),
            (Bound::First, Bound::Last),
            (Bound::Last, Bound::First),
        ];
        let members = [
            (Bound::BeforeMember(m), Bound::AfterMember(n)),
            (Bound::BeforeMember(m), Bound::BeforeMember(n)),
            (Bound::AfterMember(m), Bound::AfterMember(n)),
            (Bound::AfterMember(m), Bound::BeforeMember(n)),
            (Bound::First, Bound::AfterMember(n)),
            (Bound::BeforeMember(m), Bound::Last),
        ];
        let one_score = self
            .model
            .values()
            .all(|it| Some(it) == self.model.values().next());
        let members = members.iter().filter(|_| one_score);
        for (from, to) in scores.iter().chain(members) {
            let ranks = self.set.ranks(from, to);
            let expected = self.between(from, to);
            assert_eq!(ranks.len(), expected.len(), "{from:?} {to:?}");
            assert_eq!(collect(self.set.range(ranks)), expected, "{from:?} {to:?}");
        }
    }

    fn check_scan(&self, count: usize) {
        let (mut cursor, mut seen) = (0, BTreeMap::new());
        loop {
            cursor = self.set.scan(cursor, count, self.seed, |member, score| {
                assert_eq!(seen.insert(member.to_bytes().to_vec(), score), None);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, self.model);
    }
}

#[test]
fn is_packed_while_few_and_short() {
    let mut twin = Twin::new(LIMITS);
    for number in 0..128 {
        twin.insert(number.to_string().as_bytes(), f64::from(number));
        assert_eq!(twin.set.encoding(), "listpack");
    }
    twin.insert(b"17", 400.5);
    assert_eq!(twin.set.encoding(), "listpack");
    twin.insert(b"128", 128.0);
    assert_eq!(twin.set.encoding(), "skiplist");
    twin.check();
    twin.remove(b"128");
    assert_eq!(twin.set.encoding(), "skiplist");
    twin.set.pack(LIMITS);
    assert_eq!(twin.set.encoding(), "listpack");
    twin.check();

    let mut long = Twin::new(LIMITS);
    long.insert(&[b'x'; 64], 1.0);
    assert_eq!(long.set.encoding(), "listpack");
    long.insert(&[b'x'; 65], 1.0);
    assert_eq!(long.set.encoding(), "skiplist");
    long.set.pack(LIMITS);
    assert_eq!(long.set.encoding(), "skiplist");
    long.check();
}

#[test]
fn an_update_sees_the_old_score_and_may_decline() {
    for limits in [LIMITS, NO_PACK] {
        let mut twin = Twin::new(limits);
        twin.insert(b"a", 1.0);
        let (limits, seed) = (twin.limits, twin.seed);
        let add = |old: Option<f64>| Some(old.unwrap_or(0.0) + 2.5);
        let update = twin.set.update(b"a", limits, seed, add);
        assert_eq!(
            update,
            Update {
                old: Some(1.0),
                new: Some(3.5)
            }
        );
        let update = twin.set.update(b"a", limits, seed, |_| None);
        assert_eq!(
            update,
            Update {
                old: Some(3.5),
                new: None
            }
        );
        let update = twin.set.update(b"b", limits, seed, |_| None);
        assert_eq!(
            update,
            Update {
                old: None,
                new: None
            }
        );
        assert_eq!(collect(twin.set.iter()), [(b"a".to_vec(), 3.5)]);
    }
}

#[test]
fn scores_survive_a_pack() {
    let mut twin = Twin::new(LIMITS);
    for (member, score) in [
        ("inf", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
        ("tenth", 0.1),
        ("max", f64::MAX),
        ("min", f64::MIN_POSITIVE),
        ("subnormal", 5e-324),
        ("2^53+2", 9_007_199_254_740_994.0),
        ("2^62", 4_611_686_018_427_387_904.0),
        ("2^62+", 4_611_686_018_427_388_928.0),
        ("-2^63", -9_223_372_036_854_775_808.0),
        ("1e17", 1e17),
        ("third", -1.0 / 3.0),
    ] {
        twin.insert(member.as_bytes(), score);
    }
    assert_eq!(twin.set.encoding(), "listpack");
    twin.check();
}

#[test]
fn a_pack_forgets_the_sign_of_zero_as_in_redis() {
    for (limits, kept) in [(LIMITS, "0"), (NO_PACK, "-0")] {
        let mut twin = Twin::new(limits);
        twin.insert(b"a", -0.0);
        assert_eq!(twin.set.score(b"a", twin.seed).unwrap().to_string(), kept);
        // Equal scores are no change.
        twin.set.insert(b"a", 0.0, limits, twin.seed);
        assert_eq!(twin.set.score(b"a", twin.seed).unwrap().to_string(), kept);
    }
}

#[test]
fn every_member_is_equally_likely() {
    for (limits, len) in [(LIMITS, 20u32), (NO_PACK, 20), (LIMITS, 700)] {
        let mut twin = Twin::new(limits);
        (0..len).for_each(|n| twin.insert(n.to_string().as_bytes(), f64::from(n)));
        let mut rng = Rng::new(1);
        for count in [0, 1, 3, len / 2, len, len + 5] {
            let sample = twin.set.sample(count as usize, &mut rng);
            let different: BTreeSet<_> = sample.iter().map(|it| it.1 as u32).collect();
            assert_eq!(
                (sample.len(), different.len()),
                ((count.min(len)) as usize, sample.len())
            );
        }
        let mut met = vec![[0f64; 2]; len as usize];
        for _ in 0..100 * len {
            met[twin.set.random(&mut rng).unwrap().1 as usize][0] += 1.0;
            for (_, score) in twin.set.sample(1, &mut rng) {
                met[score as usize][1] += 1.0;
            }
        }
        for column in 0..2 {
            let chi_square: f64 = met
                .iter()
                .map(|n| (n[column] - 100.0).powi(2) / 100.0)
                .sum();
            let degrees = f64::from(len - 1);
            assert!(
                chi_square <= degrees + 5.0 * (2.0 * degrees).sqrt(),
                "{chi_square}"
            );
        }
    }
}

#[test]
fn memory_comes_back() {
    let mut twin = Twin::new(NO_PACK);
    for number in 0..3_000 {
        twin.insert(
            format!("a member too long to be inline: {number}").as_bytes(),
            1.0,
        );
    }
    let full = twin.set.memory();
    assert!(full > 3_000 * 80);
    twin.set.remove_range(10..2_990, twin.seed);
    assert!(
        twin.set.memory() < full / 10,
        "{full} {}",
        twin.set.memory()
    );
    twin.set.remove_range(0..20, twin.seed);
    assert!(twin.set.memory() < 300, "{}", twin.set.memory());
    assert!(twin.set.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u16),
    InsertMany(u8, u16),
    Remove(u16),
    RemoveRange(usize, usize),
    Pop(bool),
    Ranks(usize, usize),
    Bounds(u8, u8, u16, u16),
    Scan(usize),
    Pack,
}

fn score(number: u8) -> f64 {
    match number {
        0 => f64::NEG_INFINITY,
        255 => f64::INFINITY,
        _ => f64::from(number / 4) / 3.0 - 10.0,
    }
}

fn member(number: u16) -> Vec<u8> {
    let number = number % 500;
    match number % 3 {
        0 => number.to_string().into_bytes(),
        1 => format!("member {number} that is longer than an inline string").into_bytes(),
        _ => number.to_le_bytes().to_vec(),
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (rank, number) = (0..600usize, any::<u16>());
    let step = prop_oneof![
        8 => (any::<u8>(), number).prop_map(|(s, m)| Step::Insert(s, m)),
        1 => (any::<u8>(), number).prop_map(|(s, m)| Step::InsertMany(s, m)),
        6 => number.prop_map(Step::Remove),
        1 => (rank.clone(), 0..200usize).prop_map(|(a, n)| Step::RemoveRange(a, n)),
        2 => any::<bool>().prop_map(Step::Pop),
        2 => (rank.clone(), rank).prop_map(|(a, b)| Step::Ranks(a, b)),
        4 => (any::<u8>(), any::<u8>(), number, number)
            .prop_map(|(a, b, m, n)| Step::Bounds(a, b, m, n)),
        1 => (1..200usize).prop_map(Step::Scan),
        1 => Just(Step::Pack),
    ];
    prop::collection::vec(step, 1..100)
}

proptest! {
    #[test]
    fn behaves_as_a_sorted_set(
        steps in steps(),
        max_entries in prop_oneof![Just(0usize), Just(128), Just(20)],
        one_score in any::<bool>(),
    ) {
        let score = |number| if one_score { 2.5 } else { score(number) };
        let mut twin = Twin::new(Limits { max_entries, max_value: 64 });
        for step in steps {
            match step {
                Step::Insert(s, m) => twin.insert(&member(m), score(s)),
                Step::InsertMany(s, m) => {
                    for offset in 0..100u16 {
                        let s = s.wrapping_add(offset as u8);
                        twin.insert(&member(m.wrapping_add(offset)), score(s));
                    }
                }
                Step::Remove(m) => twin.remove(&member(m)),
                Step::RemoveRange(a, n) => twin.remove_range(a..a + n),
                Step::Pop(last) => twin.pop(last),
                Step::Ranks(a, b) => twin.check_ranks(a.min(b)..a.max(b)),
                Step::Bounds(a, b, m, n) => {
                    twin.check_bounds((score(a), score(b)), (&member(m), &member(n)));
                }
                Step::Scan(count) => twin.check_scan(count),
                Step::Pack => twin.set.pack(twin.limits),
            }
        }
        twin.check();
    }
}
