//! The sparse encoding: runs of equal registers.
//!
//! ```text
//! ZERO   00llllll            l+1 registers of rank 0
//! XZERO  01hhhhhh llllllll   h*256+l+1 registers of rank 0
//! VAL    1rrrrrll            l+1 registers of rank r+1
//! ```
//!
//! How runs are split and joined shows in the stored bytes, so both are done where Redis does them:
//! a run is split where a register in it changes, and then neighbours of equal rank are joined
//! among the five opcodes from the one before it on.

use std::fmt::Write;

use super::{Corrupt, REGISTERS};

/// One run over all registers, which have rank 0.
pub(super) const EMPTY: [u8; 2] = Opcode::zeros(REGISTERS).bytes;

/// The highest rank a run can have.
const RANK_MAX: u8 = 32;
const RANK_RUN_MAX: usize = 4;
const ZERO_RUN_MAX: usize = 64;
const XZERO: u8 = 0x40;
const VAL: u8 = 0x80;

/// How many opcodes are looked at after a change.
const JOINED_MAX: usize = 5;

/// Registers of one rank, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) rank: u8,
    pub(super) len: usize,
    /// How many bytes say so.
    width: usize,
}

impl Run {
    /// The run at the start of `opcodes`. One that is cut off reads as if a zero followed.
    fn read(opcodes: &[u8]) -> Option<Run> {
        let (&first, rest) = opcodes.split_first()?;
        let (rank, len, width) = if first & VAL != 0 {
            ((first >> 2 & 0x1f) + 1, first & 3, 1)
        } else if first & XZERO != 0 {
            let low = rest.first().copied().unwrap_or(0);
            let len = usize::from(first & 0x3f) << 8 | usize::from(low);
            return Some(Run {
                rank: 0,
                len: len + 1,
                width: 2,
            });
        } else {
            (0, first & 0x3f, 1)
        };
        Some(Run {
            rank,
            len: usize::from(len) + 1,
            width,
        })
    }
}

/// The runs of a HyperLogLog, if they are those of all registers.
pub(super) fn checked_runs(opcodes: &[u8]) -> Result<impl Iterator<Item = Run>, Corrupt> {
    match runs(opcodes).map(|run| run.len).sum::<usize>() {
        REGISTERS => Ok(runs(opcodes)),
        _ => Err(Corrupt),
    }
}

fn runs(mut opcodes: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        let run = Run::read(opcodes)?;
        opcodes = opcodes.get(run.width..).unwrap_or_default();
        Some(run)
    })
}

/// The runs as PFDEBUG DECODE writes them.
pub(super) fn in_words(opcodes: &[u8]) -> String {
    let mut text = String::new();
    for Run { rank, len, width } in runs(opcodes) {
        let separator = if text.is_empty() { "" } else { " " };
        let written = match (rank, width) {
            (0, 1) => write!(text, "{separator}z:{len}"),
            (0, _) => write!(text, "{separator}Z:{len}"),
            _ => write!(text, "{separator}v:{rank},{len}"),
        };
        written.expect("writing to a string does not fail");
    }
    text
}

/// What became of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It had the rank, or a higher one.
    Already,
    /// It has the rank now.
    Now,
    /// This encoding cannot hold it, or not in the bytes there are for it.
    NotHere,
}

/// Sees to it that a register has at least this rank, if all of `bytes`, of which the opcodes begin
/// at `start`, then are no more than `bytes_max`.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    start: usize,
    register: usize,
    rank: u8,
    bytes_max: usize,
) -> Result<Raised, Corrupt> {
    if rank > RANK_MAX {
        return Ok(Raised::NotHere);
    }
    let found = find(&bytes[start..], register).ok_or(Corrupt)?;
    let (run, at) = (found.run, start + found.at);
    if run.rank >= rank {
        return Ok(Raised::Already);
    }

    let before = Opcode::run(run.rank, register - found.first);
    let behind = Opcode::run(run.rank, found.first + run.len - 1 - register);
    let opcodes = [before, Opcode::run(rank, 1), behind];
    let len = bytes.len() - run.width + opcodes.iter().map(|opcode| opcode.len).sum::<usize>();
    if len > bytes.len() && len > bytes_max {
        return Ok(Raised::NotHere);
    }
    let replaced = at..(at + run.width).min(bytes.len());
    bytes.splice(replaced, opcodes.iter().flat_map(Opcode::as_bytes).copied());
    // Where the opcode was cut off, so is what takes its place.
    bytes.truncate(len);
    join(bytes, start + found.previous.unwrap_or(0));
    Ok(Raised::Now)
}

/// Where a register is.
struct Found {
    run: Run,
    /// Where its opcode is.
    at: usize,
    /// Where the opcode before it is.
    previous: Option<usize>,
    /// The first register of the run.
    first: usize,
}

fn find(opcodes: &[u8], register: usize) -> Option<Found> {
    let (mut at, mut previous, mut first) = (0, None, 0);
    loop {
        let run = Run::read(opcodes.get(at..)?)?;
        if register < first + run.len {
            return Some(Found {
                run,
                at,
                previous,
                first,
            });
        }
        previous = Some(at);
        at += run.width;
        first += run.len;
    }
}

/// Joins runs of equal rank from the opcode at `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED_MAX {
        let Some(run) = bytes.get(at..).and_then(Run::read) else {
            return;
        };
        let next = bytes.get(at + run.width..).and_then(Run::read);
        match next {
            Some(next)
                if run.rank > 0 && next.rank == run.rank && run.len + next.len <= RANK_RUN_MAX =>
            {
                bytes[at] = Opcode::run(run.rank, run.len + next.len).bytes[0];
                bytes.remove(at + 1);
            }
            _ => at += run.width,
        }
    }
}

/// A run, written.
#[derive(Clone, Copy, Debug)]
struct Opcode {
    bytes: [u8; 2],
    len: usize,
}

impl Opcode {
    /// `len` registers of one rank: no opcode for none of them, and no more than one opcode holds.
    const fn run(rank: u8, len: usize) -> Opcode {
        match (rank, len) {
            (_, 0) => Opcode {
                bytes: [0; 2],
                len: 0,
            },
            (0, _) => Opcode::zeros(len),
            _ => Opcode {
                bytes: [VAL | (rank - 1) << 2 | (len - 1) as u8, 0],
                len: 1,
            },
        }
    }

    /// At least one register of rank 0.
    const fn zeros(len: usize) -> Opcode {
        let [low, high, ..] = (len - 1).to_le_bytes();
        match len <= ZERO_RUN_MAX {
            true => Opcode {
                bytes: [low, 0],
                len: 1,
            },
            false => Opcode {
                bytes: [XZERO | high, low],
                len: 2,
            },
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
