use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::random::Rng;

const MAX_INTEGERS: usize = 512;

fn seed() -> Seed {
    Seed::new(5)
}

fn set<'a>(members: impl IntoIterator<Item = &'a [u8]>) -> Set {
    let mut set = Set::new();
    for member in members {
        assert!(set.insert(member, MAX_INTEGERS, seed()));
    }
    set
}

fn integers(count: usize) -> Set {
    let mut set = Set::new();
    for i in 0..count {
        assert!(set.insert(i.to_string().as_bytes(), MAX_INTEGERS, seed()));
    }
    set
}

#[test]
fn few_integers_are_kept_as_such() {
    assert_eq!(integers(512).encoding(), "intset");
    assert_eq!(integers(513).encoding(), "hashtable");
    assert_eq!(
        set([b"1".as_slice(), b"-9223372036854775808"]).encoding(),
        "intset"
    );
    for other in [b"a".as_slice(), b"", b"01", b"9223372036854775808"] {
        assert_eq!(set([other]).encoding(), "hashtable");
        let mut set = set([b"1", other]);
        assert_eq!((set.encoding(), set.len()), ("hashtable", 2));
        assert!(set.remove(other, seed()));
        assert_eq!((set.encoding(), set.len()), ("hashtable", 1));
        assert!(set.contains(b"1", seed()));
    }
    let mut never = Set::new();
    assert!(never.insert(b"1", 0, seed()));
    assert_eq!(never.encoding(), "hashtable");
}

#[test]
fn what_is_no_integer_is_not_among_integers() {
    let mut set = integers(3);
    for other in [b"a".as_slice(), b"", b"01", b"+1"] {
        assert!(!set.contains(other, seed()));
        assert!(!set.remove(other, seed()));
    }
    assert_eq!((set.encoding(), set.len()), ("intset", 3));
}

#[test]
fn random_members_are_equally_likely() {
    let mut rng = Rng::new(2);
    let mut strings = Set::new();
    for i in 0..10 {
        strings.insert(format!("member:{i}").as_bytes(), MAX_INTEGERS, seed());
    }
    for set in [integers(10), strings] {
        let (mut random, mut popped) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..10_000 {
            let member = set.random(&mut rng).expect("there are members").to_blob();
            *random.entry(member).or_insert(0) += 1;
            let member = set
                .clone()
                .pop_random(&mut rng, seed())
                .expect("there are members");
            *popped.entry(member).or_insert(0) += 1;
        }
        for met in [random, popped] {
            assert!(
                met.len() == 10 && met.values().all(|n| (850..1150).contains(n)),
                "{met:?}"
            );
        }
        for count in [0, 1, 3, 9, 10, 11] {
            let sample = set.sample(count, &mut rng);
            let members: BTreeSet<_> = sample.iter().map(|member| member.to_blob()).collect();
            assert_eq!(
                (sample.len(), members.len()),
                (count.min(10), count.min(10))
            );
        }
    }
    assert!(Set::new().random(&mut rng).is_none());
    assert!(Set::new().pop_random(&mut rng, seed()).is_none());
}

#[test]
fn pops_until_nothing_is_left() {
    let mut rng = Rng::new(9);
    for count in [20, 2000] {
        let mut set = integers(count);
        let mut popped = BTreeSet::new();
        while let Some(member) = set.pop_random(&mut rng, seed()) {
            assert!(!set.contains(&member, seed()));
            popped.insert(member);
        }
        assert_eq!((popped.len(), set.len()), (count, 0));
        assert!(set.memory() < 1000, "{}", set.memory());
    }
}

#[test]
fn memory_is_given_back() {
    let mut set = integers(1000);
    let before = set.memory();
    assert!(set.insert(&[b'm'; 100], MAX_INTEGERS, seed()));
    assert_eq!(set.memory(), before + 100);
    assert!(!set.insert(&[b'm'; 100], MAX_INTEGERS, seed()));
    assert_eq!(set.memory(), before + 100);
    assert!(set.remove(&[b'm'; 100], seed()));
    assert_eq!(set.memory(), before);
    assert_eq!(Set::new().memory(), 0);
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => (-20..20i64).prop_map(|i| i.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|i| i.to_string().into_bytes()),
        1 => prop::sample::select(vec![b"".to_vec(), b"a".to_vec(), b"007".to_vec()]),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_set(
        steps in prop::collection::vec((member(), prop::bool::weighted(0.7)), 0..150),
        max_integers in 0..40usize,
    ) {
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        let mut compact = true;
        for (member, insert) in steps {
            if insert {
                compact &= parse_i64(&member).is_some();
                prop_assert_eq!(
                    set.insert(&member, max_integers, seed()),
                    model.insert(member.clone()),
                );
            } else {
                prop_assert_eq!(set.remove(&member, seed()), model.remove(&member));
            }
            compact &= model.len() <= max_integers;
            if model.is_empty() {
                // Its key would be gone, and the next set under it be a new one.
                set = Set::new();
                compact = true;
            } else {
                prop_assert_eq!(set.encoding() == "intset", compact);
            }
            prop_assert_eq!(set.contains(&member, seed()), insert);
            prop_assert_eq!(set.len(), model.len());
        }
        let view = |member: Element<'_>| member.to_bytes().to_vec();
        let (copy, mut scanned) = (set.clone(), BTreeSet::new());
        prop_assert_eq!(&copy.iter().map(view).collect::<BTreeSet<_>>(), &model);
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 5, seed(), |member| scanned.extend([view(member)]));
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(&scanned, &model);
    }
}
