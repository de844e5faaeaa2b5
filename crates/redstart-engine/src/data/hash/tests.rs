use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::random::Rng;

const LIMITS: Limits = Limits {
    max_entries: 512,
    max_value: 64,
};

fn seed() -> Seed {
    Seed::new(5)
}

fn hash(fields: usize, limits: Limits) -> Hash {
    let mut hash = Hash::new();
    for i in 0..fields {
        assert!(hash.set(
            format!("field:{i}").as_bytes(),
            i.to_string().as_bytes(),
            limits,
            seed()
        ));
    }
    hash
}

fn text(element: Element<'_>) -> String {
    String::from_utf8_lossy(&element.to_bytes()).into_owned()
}

#[test]
fn is_packed_while_small() {
    assert_eq!(hash(512, LIMITS).encoding(), "listpack");
    let mut large = hash(513, LIMITS);
    assert_eq!(large.encoding(), "hashtable");
    for i in 1..513 {
        assert!(large.remove(format!("field:{i}").as_bytes(), seed()));
    }
    assert_eq!((large.encoding(), large.len()), ("hashtable", 1));
    for (field, value) in [(64, 64), (65, 1), (1, 65)] {
        for before in [0, 1] {
            let mut hash = hash(before, LIMITS);
            hash.set(&vec![b'f'; field], &vec![b'v'; value], LIMITS, seed());
            let expected = if field + value == 128 {
                "listpack"
            } else {
                "hashtable"
            };
            assert_eq!(hash.encoding(), expected);
            assert_eq!(hash.len(), before + 1);
        }
    }
    let no_pack = Limits {
        max_entries: 0,
        ..LIMITS
    };
    assert_eq!(hash(1, no_pack).encoding(), "hashtable");
}

#[test]
fn a_long_value_for_an_old_field_makes_a_table() {
    let mut hash = hash(3, LIMITS);
    assert!(!hash.set(b"field:1", &[b'v'; 65], LIMITS, seed()));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 3));
    assert_eq!(hash.get(b"field:1", seed()).map(Element::len), Some(65));
}

#[test]
fn a_lowered_limit_counts_from_the_next_write_on() {
    let lowered = Limits {
        max_entries: 2,
        ..LIMITS
    };
    let mut hash = hash(3, LIMITS);
    hash.remove(b"missing", seed());
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"field:0", b"again", lowered, seed());
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 3));
}

#[test]
fn a_packed_hash_keeps_the_order_of_insertion() {
    let mut hash = hash(3, LIMITS);
    hash.set(b"field:0", b"again", LIMITS, seed());
    hash.remove(b"field:1", seed());
    hash.set(b"field:1", b"new", LIMITS, seed());
    let all: Vec<_> = hash
        .iter()
        .map(|(field, value)| (text(field), text(value)))
        .collect();
    let expected = [("field:0", "again"), ("field:2", "2"), ("field:1", "new")];
    assert_eq!(
        all,
        expected.map(|(field, value)| (field.into(), value.into()))
    );
}

#[test]
fn fields_are_not_mistaken_for_values() {
    let mut hash = Hash::new();
    hash.set(b"a", b"b", LIMITS, seed());
    assert!(!hash.contains(b"b", seed()));
    assert!(!hash.remove(b"b", seed()));
    assert!(hash.set(b"b", b"a", LIMITS, seed()));
    assert_eq!(hash.len(), 2);
}

#[test]
fn random_fields_are_equally_likely() {
    let mut rng = Rng::new(2);
    for limits in [
        LIMITS,
        Limits {
            max_entries: 0,
            ..LIMITS
        },
    ] {
        let hash = hash(10, limits);
        let mut met = BTreeMap::new();
        for _ in 0..10_000 {
            let (field, value) = hash.random(&mut rng).expect("there are fields");
            assert_eq!(text(field), format!("field:{}", text(value)));
            *met.entry(text(field)).or_insert(0) += 1;
        }
        assert!(
            met.len() == 10 && met.values().all(|n| (850..1150).contains(n)),
            "{met:?}"
        );
        for count in [0, 1, 3, 9, 10, 11] {
            let sample = hash.sample(count, &mut rng);
            let fields: BTreeSet<_> = sample.iter().map(|(field, _)| text(*field)).collect();
            assert_eq!((sample.len(), fields.len()), (count.min(10), count.min(10)));
        }
    }
    assert!(Hash::new().random(&mut rng).is_none());
    assert!(Hash::new().sample(3, &mut rng).is_empty());
}

#[test]
fn memory_is_given_back() {
    let mut hash = hash(2000, LIMITS);
    assert!(hash.set(&[b'f'; 100], &[b'v'; 1000], LIMITS, seed()));
    let with_large = hash.memory();
    assert!(hash.remove(&[b'f'; 100], seed()));
    assert_eq!(hash.memory(), with_large - 1100);
    for i in 0..2000 {
        assert!(hash.remove(format!("field:{i}").as_bytes(), seed()));
    }
    assert!(hash.memory() < 1000, "{}", hash.memory());
    assert_eq!(Hash::new().memory(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
}

fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        10 => (0..30u8).prop_map(|i| i.to_string().into_bytes()),
        5 => prop::sample::select(vec![b"".to_vec(), b"a".to_vec(), b"007".to_vec()]),
        1 => (7..11usize).prop_map(|len| vec![b'l'; len]),
        1 => Just(vec![b'L'; 40]),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_map(
        steps in prop::collection::vec(
            prop_oneof![
                3 => (string(), string()).prop_map(|(field, value)| Step::Set(field, value)),
                1 => string().prop_map(Step::Remove),
            ],
            0..150,
        ),
        limits in (0..40usize, 8..60usize).prop_map(|(max_entries, max_value)| {
            Limits { max_entries, max_value }
        }),
    ) {
        let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
        let mut packed = true;
        for step in steps {
            match step {
                Step::Set(field, value) => {
                    packed &= field.len() <= limits.max_value && value.len() <= limits.max_value;
                    let created = hash.set(&field, &value, limits, seed());
                    prop_assert_eq!(created, model.insert(field, value).is_none());
                }
                Step::Remove(field) => {
                    prop_assert_eq!(hash.remove(&field, seed()), model.remove(&field).is_some());
                }
            }
            packed &= model.len() <= limits.max_entries;
            if model.is_empty() {
                // Its key would be gone, and the next hash under it be a new one.
                hash = Hash::new();
                packed = true;
            } else {
                prop_assert_eq!(hash.encoding() == "listpack", packed);
            }
            prop_assert_eq!(hash.len(), model.len());
        }
        let view = |(field, value): (Element<'_>, Element<'_>)| {
            (field.to_bytes().to_vec(), value.to_bytes().to_vec())
        };
        let (copy, mut scanned) = (hash.clone(), BTreeMap::new());
        prop_assert_eq!(&copy.iter().map(view).collect::<BTreeMap<_, _>>(), &model);
        let mut cursor = 0;
        loop {
            cursor = hash.scan(cursor, 5, seed(), |field, value| scanned.extend([view((field, value))]));
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(&scanned, &model);
        for (field, value) in &model {
            let found = hash.get(field, seed()).map(Element::to_blob);
            prop_assert_eq!(found, Some(Blob::from(&value[..])));
        }
        prop_assert!(hash.get(b"missing", seed()).is_none());
    }
}
