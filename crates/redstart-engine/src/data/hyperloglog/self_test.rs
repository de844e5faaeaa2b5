//! What PFSELFTEST tests.

use super::{Encoding, REGISTERS, Sketch, SketchMut, dense, empty};
use crate::random::Rng;

/// Elements counted in all. Redis counts a hundred times as many, and takes a second for it.
const ELEMENTS: u64 = 100_000;
const SPARSE_MAX: usize = 3_000;

/// Whether registers keep what is put into them, and estimates are as good as they should be, the
/// same in either encoding. An error says in which way not.
pub(crate) fn self_test(rng: &mut Rng) -> Result<(), String> {
    registers(rng)?;
    estimates(rng)
}

fn registers(rng: &mut Rng) -> Result<(), String> {
    let ranks: Vec<u8> = (0..REGISTERS).map(|_| rng.below(64) as u8).collect();
    let mut registers = vec![0; dense::LEN];
    for (register, rank) in ranks.iter().enumerate() {
        dense::raise(&mut registers, register, *rank);
    }
    for (register, (kept, rank)) in dense::ranks(&registers).zip(ranks).enumerate() {
        if kept != rank {
            return Err(format!(
                "Register {register} should be {rank} but is {kept}"
            ));
        }
    }
    Ok(())
}

fn estimates(rng: &mut Rng) -> Result<(), String> {
    let (mut sparse, mut dense) = (empty(), empty());
    let not_one = || "An empty HyperLogLog is none".to_owned();
    SketchMut::of(&mut dense)
        .ok_or_else(not_one)?
        .make_dense()
        .map_err(|_| not_one())?;

    let first = rng.next_u64();
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        let element = (first ^ number).to_le_bytes();
        for bytes in [&mut sparse, &mut dense] {
            SketchMut::of(bytes)
                .ok_or_else(not_one)?
                .add(&element, SPARSE_MAX)
                .map_err(|_| "A register is missing".to_owned())?;
        }
        if number == checkpoint {
            check(&sparse, &dense, number)?;
            checkpoint *= 10;
        }
    }
    Ok(())
}

fn check(sparse: &[u8], dense: &[u8], elements: u64) -> Result<(), String> {
    let [sparse, dense] = [sparse, dense].map(Sketch::of);
    let (sparse, dense) = sparse.zip(dense).ok_or("A header is damaged")?;
    if elements < SPARSE_MAX as u64 / 2 && sparse.encoding() != Encoding::Sparse {
        return Err("sparse encoding not used".to_owned());
    }
    let (Ok(count), true) = (dense.count(), sparse.count() == dense.count()) else {
        return Err("dense/sparse disagree".to_owned());
    };
    // Six times the standard error; among the first few, two may share a register.
    let error_max = (6.0 * 1.04 / (REGISTERS as f64).sqrt() * elements as f64).ceil();
    let error = count.abs_diff(elements);
    match error as f64 <= error_max.max(1.0) {
        true => Ok(()),
        false => Err(format!("Too big error. card:{elements} abserr:{error}")),
    }
}
