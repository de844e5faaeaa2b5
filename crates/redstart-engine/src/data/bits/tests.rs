//! Bits, compared with a row of booleans.

use super::*;
use crate::random::Rng;

/// A string of random length whose bits are random, or all alike but for a few.
fn string(rng: &mut Rng, len_max: u64) -> Vec<u8> {
    let len = rng.below(len_max + 1);
    let plain = [None, Some(0x00), Some(0xff)][rng.below(3) as usize];
    (0..len)
        .map(|_| match plain {
            Some(byte) if rng.below(40) > 0 => byte,
            _ => rng.next_u64() as u8,
        })
        .collect()
}

fn row(bytes: &[u8]) -> Vec<bool> {
    let bit = |byte: &u8, place: u32| byte >> (7 - place) & 1 == 1;
    bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |place| bit(byte, place)))
        .collect()
}

fn packed(row: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| {
        bits.iter()
            .enumerate()
            .fold(0, |byte, (place, &bit)| byte | u8::from(bit) << (7 - place))
    };
    row.chunks(8).map(byte).collect()
}

#[test]
fn single_bits_are_those_of_the_row() {
    let mut rng = Rng::new(1);
    for _ in 0..200 {
        let mut bytes = string(&mut rng, 40);
        let mut row = row(&bytes);
        for _ in 0..20 {
            let (offset, bit) = (rng.below(400), rng.below(2) == 1);
            let there = row.get(offset as usize).copied();
            assert_eq!(get(&bytes, offset), there.unwrap_or(false));
            if let Some(was) = there {
                assert_eq!(set(&mut bytes, offset, bit), was);
                row[offset as usize] = bit;
            }
            assert_eq!(bytes, packed(&row));
        }
    }
    assert!(!get(b"\xff", u64::MAX));
}

#[test]
fn bits_are_counted_and_found_as_in_the_row() {
    let mut rng = Rng::new(2);
    for round in 0..2_000 {
        let bytes = string(&mut rng, if round % 100 == 0 { 3_000 } else { 60 });
        let row = row(&bytes);
        let ones = |bits: &[bool]| bits.iter().filter(|&&bit| bit).count() as u64;
        assert_eq!(count(&bytes), ones(&row));
        if row.is_empty() {
            continue;
        }
        let one = rng.below(row.len() as u64);
        let other = rng.below(row.len() as u64);
        let (first, last) = (one.min(other), one.max(other));
        let bits = &row[first as usize..=last as usize];
        assert_eq!(count_within(&bytes, first..=last), ones(bits));
        for bit in [false, true] {
            let found = bits.iter().position(|&other| other == bit);
            let found = found.map(|index| index as u64 + first);
            assert_eq!(position(&bytes, first..=last, bit), found);
        }
    }
}

#[test]
fn strings_are_combined_as_rows_are() {
    let mut rng = Rng::new(3);
    for round in 0..400 {
        let len_max = if round % 100 == 0 { 40_000 } else { 50 };
        let sources: Vec<Vec<u8>> = (0..=rng.below(4))
            .map(|_| string(&mut rng, len_max))
            .collect();
        let rows: Vec<Vec<bool>> = sources.iter().map(|source| row(source)).collect();
        let len = rows.iter().map(Vec::len).max().unwrap_or(0);
        let bit = |row: &Vec<bool>, at: usize| row.get(at).copied().unwrap_or(false);
        let by = |combine: fn(bool, bool) -> bool| -> Vec<u8> {
            let combined = |at| rows.iter().map(|row| bit(row, at)).reduce(combine);
            let row: Vec<bool> = (0..len).filter_map(combined).collect();
            packed(&row)
        };
        let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
        assert_eq!(combine(Operation::And, &sources), by(|a, b| a & b));
        assert_eq!(combine(Operation::Or, &sources), by(|a, b| a | b));
        assert_eq!(combine(Operation::Xor, &sources), by(|a, b| a ^ b));
        let inverted: Vec<bool> = rows[0].iter().map(|bit| !bit).collect();
        assert_eq!(invert(sources[0]), packed(&inverted));
    }
}

fn random_type(rng: &mut Rng) -> IntegerType {
    let is_signed = rng.below(2) == 1;
    let width = 1 + rng.below(if is_signed { 64 } else { 63 });
    IntegerType::new(is_signed, width as i64).expect("a type of that width")
}

/// The smallest and the largest value, of the type's definition.
fn bounds(is_signed: bool, width: u32) -> (i128, i128) {
    match is_signed {
        true => (-(1 << (width - 1)), (1 << (width - 1)) - 1),
        false => (0, (1 << width) - 1),
    }
}

#[test]
fn an_integer_is_the_bits_it_lies_in() {
    let mut rng = Rng::new(4);
    for _ in 0..5_000 {
        let mut bytes = string(&mut rng, 30);
        let mut row = row(&bytes);
        let kind = random_type(&mut rng);
        let offset = rng.below(260);
        let width = u64::from(kind.width());
        let bits = (offset..offset + width).map(|at| row.get(at as usize).copied());
        let value = bits.fold(0i128, |value, bit| {
            value << 1 | i128::from(bit.unwrap_or(false))
        });
        let (_, max) = bounds(
            kind == IntegerType::new(true, width as i64).unwrap(),
            kind.width(),
        );
        let value = if value > max {
            value - (1 << width)
        } else {
            value
        };
        assert_eq!(i128::from(kind.read(&bytes, offset)), value);

        if offset + width > row.len() as u64 {
            continue;
        }
        let new = kind
            .assigned(rng.next_u64() as i64, Overflow::Wrap)
            .expect("wrapped it always fits");
        kind.write(&mut bytes, offset, new);
        for at in 0..width {
            row[(offset + at) as usize] = new >> (width - 1 - at) & 1 == 1;
        }
        assert_eq!(bytes, packed(&row));
        assert_eq!(kind.read(&bytes, offset), new);
    }
}

#[test]
fn what_does_not_fit_wraps_saturates_or_fails() {
    let mut rng = Rng::new(5);
    let integer = |rng: &mut Rng| match rng.below(4) {
        0 => [i64::MIN, i64::MAX, -1, 0, 1][rng.below(5) as usize],
        1 => rng.below(300) as i64 - 150,
        _ => (rng.next_u64() as i64) >> rng.below(64),
    };
    for _ in 0..20_000 {
        let kind = random_type(&mut rng);
        let width = kind.width();
        let is_signed = IntegerType::new(true, width.into()) == Some(kind);
        let (min, max) = bounds(is_signed, width);
        let wrapped = |value: i128| (value - min).rem_euclid(1 << width) + min;
        let check = |given: i128, is_above: bool, result: [Option<i64>; 3]| {
            let fits = (min..=max).contains(&given);
            let limit = if is_above { max } else { min };
            let expected = match fits {
                true => [Some(given); 3],
                false => [Some(wrapped(given)), Some(limit), None],
            };
            assert_eq!(result.map(|value| value.map(i128::from)), expected);
        };
        let all = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail];

        let value = integer(&mut rng);
        // Unsigned fields read a negative value as unsigned; see also the next test.
        let is_quirk = is_signed && width < 64 && i128::from(value) < max - i128::from(i64::MAX);
        let is_above = !is_signed && value < 0 || i128::from(value) > max || is_quirk;
        let assigned = all.map(|overflow| kind.assigned(value, overflow));
        check(value.into(), is_above, assigned);

        let old = wrapped(integer(&mut rng).into()) as i64;
        let sum = i128::from(old) + i128::from(value);
        let sums = all.map(|overflow| kind.incremented(old, value, overflow));
        check(sum, sum > max, sums);
    }
}

#[test]
fn a_very_small_value_saturates_as_in_redis() {
    let byte = IntegerType::new(true, 8).unwrap();
    let assigned = |value| byte.assigned(value, Overflow::Saturate);
    assert_eq!(assigned(-1_000), Some(-128));
    assert_eq!(assigned(i64::MIN + 128), Some(-128));
    assert_eq!(assigned(i64::MIN + 127), Some(127));
    assert_eq!(assigned(i64::MIN), Some(127));
}

#[test]
fn types_have_1_to_63_or_64_bits() {
    for (is_signed, width) in [
        (true, 0),
        (true, 65),
        (false, 64),
        (false, -1),
        (true, i64::MAX),
    ] {
        assert_eq!(IntegerType::new(is_signed, width), None);
    }
}
