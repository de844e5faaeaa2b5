//! Snapshots and payloads, written and read again.

mod servers;

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::data::{Element, End, Hash, Limits, List, Seed, Set, SortedSet};
use crate::keyspace::access::Usage;
use crate::keyspace::object::{Object, StringView};

const LIMITS: Limits = Limits {
    max_entries: 12,
    max_value: 64,
};

fn forms() -> Forms {
    Forms {
        seed: Seed::new(1),
        hash: LIMITS,
        sorted_set: LIMITS,
        set_max_integers: 12,
    }
}

/// What a value holds, whatever its form: strings, and scores as such.
#[derive(Clone, Debug, PartialEq)]
enum Contents {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    SortedSet(Vec<(Vec<u8>, f64)>),
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
}

fn contents(object: &Object) -> Contents {
    let owned = |element: Element<'_>| element.to_bytes().to_vec();
    match object {
        Object::Int(_) | Object::Str(_) | Object::Raw(_) => {
            Contents::String(object.as_string().map_or_else(Vec::new, StringView::to_vec))
        }
        Object::List(list) => Contents::List(list.iter().map(owned).collect()),
        Object::Set(set) => {
            let mut members: Vec<_> = set.iter().map(owned).collect();
            members.sort();
            Contents::Set(members)
        }
        Object::SortedSet(set) => Contents::SortedSet(
            set.iter()
                .map(|(member, score)| (owned(member), score))
                .collect(),
        ),
        Object::Hash(hash) => {
            let pair = |(field, value)| (owned(field), owned(value));
            let mut pairs: Vec<_> = hash.iter().map(pair).collect();
            pairs.sort();
            Contents::Hash(pairs)
        }
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        4 => (-200i64..40_000).prop_map(|number| number.to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..30),
        2 => (prop::collection::vec(b'a'..b'e', 0..20), 1usize..8).prop_map(|(s, n)| s.repeat(n)),
        1 => (prop::collection::vec(any::<u8>(), 1..30), 1usize..800).prop_map(|(s, n)| s.repeat(n)),
    ]
}

fn several() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        3 => prop::collection::vec(bytes(), 1..10),
        1 => prop::collection::vec(bytes(), 1..60),
        1 => prop::collection::vec(any::<i32>().prop_map(|n| n.to_string().into_bytes()), 1..30),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5i32..5).prop_map(f64::from),
        2 => any::<f64>().prop_map(|score| if score.is_nan() { f64::INFINITY } else { score }),
        1 => prop::sample::select(vec![0.5, -0.0, f64::NEG_INFINITY, 1e300, 4e18, 1.0 / 3.0]),
    ]
}

fn object() -> impl Strategy<Value = Object> {
    let seed = Seed::new(1);
    prop_oneof![
        2 => bytes().prop_map(|bytes| Object::string(&bytes)),
        1 => bytes().prop_map(|bytes| Object::Raw(Box::new(bytes))),
        1 => several().prop_map(|elements| {
            let mut list = List::new();
            elements.iter().for_each(|element| list.push(End::Tail, element));
            Object::List(Box::new(list))
        }),
        1 => several().prop_map(move |members| {
            let mut set = Set::new();
            for member in &members {
                set.insert(member, 12, seed);
            }
            Object::Set(Box::new(set))
        }),
        1 => several().prop_map(move |elements| {
            let mut hash = Hash::new();
            for field in &elements {
                hash.set(field, &elements[elements.len() - 1], LIMITS, seed);
            }
            Object::Hash(Box::new(hash))
        }),
        1 => prop::collection::vec((bytes(), score()), 1..30).prop_map(move |pairs| {
            let mut set = SortedSet::new();
            for (member, score) in &pairs {
                set.insert(member, *score, LIMITS, seed);
            }
            Object::SortedSet(Box::new(set))
        }),
    ]
}

fn usage() -> impl Strategy<Value = Option<Usage>> {
    prop_oneof![
        Just(None),
        any::<u64>().prop_map(|seconds| Some(Usage::IdleS(seconds))),
        any::<u8>().prop_map(|counter| Some(Usage::Frequency(counter))),
    ]
}

/// A source that gives its bytes in pieces of one size.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let len = self.1.min(out.len());
        (&mut self.0).take(len as u64).read(out)
    }
}

/// All records of a snapshot.
fn read(bytes: &[u8]) -> Result<Vec<Record>, RdbError> {
    read_from(bytes)
}

fn read_from(source: impl Read) -> Result<Vec<Record>, RdbError> {
    let mut reader = RdbReader::new(source, forms())?;
    let mut records = Vec::new();
    loop {
        match reader.next_record()? {
            Record::End => return Ok(records),
            record => records.push(record),
        }
    }
}

/// A snapshot of about two kilobytes with something of every kind.
fn small_snapshot() -> Vec<u8> {
    let seed = Seed::new(1);
    let mut writer = RdbWriter::new(Vec::new(), true).expect("a vector takes all");
    let mut write = || -> std::io::Result<()> {
        writer.aux("redis-ver", "7.0.15")?;
        writer.aux("redis-bits", 64)?;
        writer.select_db(0)?;
        writer.resize_db(6, 1)?;
        writer.entry(b"number", None, None, &Object::Int(12_345))?;
        let text = b"to be or not to be or to be again ".repeat(10);
        writer.entry(b"text", Some(1 << 40), None, &Object::string(&text))?;
        let noise: Vec<u8> = (0..300u32).map(|n| ((n * n) >> 3) as u8).collect();
        writer.entry(
            b"noise",
            None,
            Some(Usage::Frequency(7)),
            &Object::string(&noise),
        )?;
        for (name, len) in [("few", 5), ("many", 20)] {
            let mut list = List::new();
            let mut set = Set::new();
            let mut sorted = SortedSet::new();
            let mut hash = Hash::new();
            for number in 0..len {
                let text = format!("{name}:{}", number * 7919);
                list.push(End::Tail, text.as_bytes());
                set.insert(number.to_string().as_bytes(), 12, seed);
                sorted.insert(text.as_bytes(), f64::from(number) / 3.0, LIMITS, seed);
                hash.set(
                    text.as_bytes(),
                    &number.to_string().into_bytes(),
                    LIMITS,
                    seed,
                );
            }
            let idle = Some(Usage::IdleS(99));
            writer.entry(b"list", None, idle, &Object::List(Box::new(list)))?;
            writer.entry(b"set", None, None, &Object::Set(Box::new(set)))?;
            writer.entry(b"sorted", None, None, &Object::SortedSet(Box::new(sorted)))?;
            writer.entry(b"hash", None, None, &Object::Hash(Box::new(hash)))?;
            writer.select_db(9)?;
        }
        Ok(())
    };
    write().expect("a vector takes all");
    writer.finish().expect("a vector takes all")
}

#[test]
fn a_snapshot_cut_anywhere_is_refused_where_it_ends() {
    let snapshot = small_snapshot();
    assert!(
        (1_500..3_500).contains(&snapshot.len()),
        "{}",
        snapshot.len()
    );
    assert!(read(&snapshot).is_ok());
    for len in 0..snapshot.len() {
        let error = read(&snapshot[..len]).expect_err("it was cut");
        assert!(matches!(error.fault, RdbFault::Truncated), "{len}: {error}");
        assert_eq!(error.offset, len as u64);
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let snapshot = small_snapshot();
    for bit in 0..snapshot.len() * 8 {
        let mut flipped = snapshot.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = read(&flipped).expect_err("a bit was flipped");
        assert!(error.offset <= snapshot.len() as u64, "{bit}: {error}");
    }
}

#[test]
fn what_follows_a_snapshot_is_left_for_others() {
    let mut bytes = small_snapshot();
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut reader = RdbReader::new(Trickle(&bytes, 11), forms()).expect("a header");
    while !matches!(reader.next_record().expect("a record"), Record::End) {}
    assert!(matches!(reader.next_record(), Ok(Record::End)));
    let mut rest = Vec::new();
    reader.into_rest().read_to_end(&mut rest).expect("bytes");
    assert_eq!(rest, b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn forged_lengths_take_no_memory() {
    // A string, a list, a compressed string of 2^62 bytes or elements.
    let huge = [&[0x81][..], &(1u64 << 62).to_be_bytes()].concat();
    for kind in 0..=30u8 {
        for body in [
            huge.clone(),
            [&[0xc3, 1][..], &huge, b"a"].concat(),
            [&[0xc3][..], &huge, &[1], b"a"].concat(),
            [&[0x80][..], &u32::MAX.to_be_bytes()].concat(),
            [&[0x80][..], &u32::MAX.to_be_bytes(), &[0; 50]].concat(),
        ] {
            let bytes = [b"REDIS0010", &[kind][..], b"\x01k", &body].concat();
            assert!(read(&bytes).is_err(), "{kind}");
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_comes_back(
        entries in prop::collection::vec((bytes(), any::<Option<u64>>(), usage(), object()), 0..12),
        compress: bool,
        piece in 1usize..300,
    ) {
        let mut writer = RdbWriter::new(Vec::new(), compress)?;
        writer.aux("key", "value")?;
        writer.select_db(3)?;
        writer.resize_db(entries.len(), 1)?;
        for (key, expires_ms, usage, object) in &entries {
            let expires_ms = expires_ms.map(|at| at >> 1);
            writer.entry(key, expires_ms, *usage, object)?;
        }
        let len = writer.len();
        let snapshot = writer.finish()?;
        prop_assert_eq!(snapshot.len() as u64, len + 9);

        let mut records = read_from(Trickle(&snapshot, piece)).expect("a snapshot").into_iter();
        let aux = records.next();
        let is_it = matches!(&aux, Some(Record::Aux { name, value }) if name == b"key" && value == b"value");
        prop_assert!(is_it, "{:?}", aux);
        prop_assert!(matches!(records.next(), Some(Record::SelectDb(3))));
        prop_assert!(matches!(records.next(), Some(Record::ResizeDb)));
        for (key, expires_ms, usage, object) in &entries {
            let Some(Record::Entry(entry)) = records.next() else {
                return Err(TestCaseError::fail("an entry is missing"));
            };
            prop_assert_eq!(&*entry.key, &key[..]);
            prop_assert_eq!(entry.expires_ms, expires_ms.map(|at| at >> 1));
            prop_assert_eq!(entry.usage, *usage);
            prop_assert_eq!(contents(&entry.object), contents(object));
        }
        prop_assert!(records.next().is_none());
    }

    #[test]
    fn what_was_dumped_is_restored(object in object(), compress: bool) {
        let payload = dump(&object, &mut Encoder::new(compress));
        prop_assert!(is_for_redis_7_0(&payload));
        let restored = restore(&payload, &forms()).expect("a payload");
        prop_assert_eq!(contents(&restored), contents(&object));
    }

    #[test]
    fn values_from_outside_never_panic(kind in 0u8..30, body in body()) {
        let mut payload = vec![kind];
        payload.extend(&body);
        let mut source = super::source::Source::with_buffer(&payload[1..], 32);
        let _ = super::value::read(&mut source, kind, &forms());
    }
}

/// Bytes that are likely to look like something.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        (0u8..5).prop_map(|byte| vec![byte]),
        bytes().prop_map(|bytes| {
            let mut out = Vec::new();
            let mut encoder = Encoder::new(true);
            encoder
                .string(&mut out, &bytes)
                .expect("a vector takes all");
            out
        }),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
