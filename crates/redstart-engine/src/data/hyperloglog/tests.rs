//! Both encodings against a plain array of registers, and what bytes from outside can do.

use super::*;
use crate::random::Rng;

const SPARSE_MAX: usize = 3_000;

fn add(bytes: &mut Vec<u8>, element: &[u8]) -> bool {
    let mut sketch = SketchMut::of(bytes).expect("a HyperLogLog");
    sketch.add(element, SPARSE_MAX).expect("whole")
}

fn ranks(bytes: &[u8]) -> Vec<u8> {
    let mut union = Union::new();
    let sketch = Sketch::of(bytes).expect("a HyperLogLog");
    union.merge(sketch).expect("whole");
    union.ranks().to_vec()
}

#[test]
fn either_encoding_keeps_the_highest_ranks() {
    let mut rng = Rng::new(1);
    for sparse_max in [0, 18, 40, 300, 3_000, 20_000] {
        let (mut bytes, mut model) = (empty(), vec![0u8; REGISTERS]);
        for _ in 0..2_000 {
            // Few registers, so that runs are split and joined.
            let register = 100 + rng.below(300) as usize;
            let rank = (1 + rng.next_u64().trailing_zeros() as u8).min(51);
            let raised = SketchMut::of(&mut bytes)
                .expect("a HyperLogLog")
                .raise(register, rank, sparse_max);
            assert_eq!(raised, Ok(model[register] < rank));
            model[register] = model[register].max(rank);
        }
        assert_eq!(ranks(&bytes), model);
        let mut union = Union::new();
        let sketch = Sketch::of(&bytes).expect("a HyperLogLog");
        union.merge(sketch).expect("whole");
        assert_eq!(sketch.count(), Ok(union.count()));
        if sketch.encoding() == Encoding::Sparse {
            assert!(bytes.len() <= sparse_max.max(empty().len()));
            let mut dense = bytes.clone();
            let mut sketch = SketchMut::of(&mut dense).expect("a HyperLogLog");
            assert_eq!(sketch.make_dense(), Ok(true));
            assert_eq!(ranks(&dense), model);
        }
    }
}

#[test]
fn the_bytes_are_those_of_redis() {
    let mut bytes = empty();
    for element in [b"a", b"b", b"c"] {
        add(&mut bytes, element);
    }
    let recorded = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ";
    assert_eq!(bytes, recorded);
}

#[test]
fn the_estimate_is_near() {
    let mut bytes = empty();
    for number in 1..=100_000u64 {
        add(&mut bytes, &number.to_le_bytes());
        if [10, 100, 1_000, 10_000, 100_000].contains(&number) {
            let count = Sketch::of(&bytes).expect("one").count().expect("whole");
            let error = count.abs_diff(number) as f64 / number as f64;
            assert!(error < 0.03, "{count} of {number}");
        }
    }
}

#[test]
fn a_count_is_kept_until_a_register_changes() {
    let mut bytes = empty();
    assert_eq!(Sketch::of(&bytes).expect("one").kept_count(), Some(0));
    assert!(add(&mut bytes, b"a"));
    assert_eq!(Sketch::of(&bytes).expect("one").kept_count(), None);
    SketchMut::of(&mut bytes).expect("one").keep_count(1);
    assert_eq!(Sketch::of(&bytes).expect("one").kept_count(), Some(1));
    assert!(!add(&mut bytes, b"a"));
    assert_eq!(Sketch::of(&bytes).expect("one").kept_count(), Some(1));
}

#[test]
fn what_is_none() {
    let whole = empty();
    for len in 0..HEADER_LEN {
        assert!(Sketch::of(&whole[..len]).is_none());
    }
    let mut bytes = whole.clone();
    bytes[ENCODING_AT] = 2;
    assert!(Sketch::of(&bytes).is_none());
    bytes[ENCODING_AT] = DENSE;
    assert!(Sketch::of(&bytes).is_none());
    bytes[0] = b'h';
    assert!(Sketch::of(&bytes).is_none());
}

#[test]
fn damage_is_found_and_does_no_harm() {
    let mut rng = Rng::new(7);
    let mut whole = empty();
    for number in 0..500u64 {
        add(&mut whole, &number.to_le_bytes());
    }
    for _ in 0..500 {
        let mut bytes = whole.clone();
        for _ in 0..1 + rng.below(3) {
            let at = HEADER_LEN + rng.below((bytes.len() - HEADER_LEN) as u64) as usize;
            match rng.below(3) {
                0 => bytes[at] = rng.next_u64() as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, rng.next_u64() as u8),
            }
        }
        let sketch = Sketch::of(&bytes).expect("the header is whole");
        let is_whole = sketch.count().is_ok();
        assert_eq!(Union::new().merge(sketch).is_ok(), is_whole);
        assert!(sketch.opcodes().is_some());
        let mut dense = bytes.clone();
        let mut sketch = SketchMut::of(&mut dense).expect("the header is whole");
        assert_eq!(sketch.make_dense().is_ok(), is_whole);
        let mut sketch = SketchMut::of(&mut bytes).expect("the header is whole");
        for number in 0..50u64 {
            let added = sketch.add(&number.to_be_bytes(), SPARSE_MAX);
            assert!(added.is_ok() || !is_whole);
        }
    }
}

#[test]
fn the_self_test_passes() {
    assert_eq!(self_test(&mut Rng::new(3)), Ok(()));
}
