//! HyperLogLogs: about how many different elements were seen, in 12 KiB or less.
//!
//! An element's hash chooses one of 16,384 registers and proposes a rank for it, the position of
//! the lowest bit set in the rest of the hash. A register keeps the highest rank proposed, and the
//! number of different elements is [estimated](estimate) from how often each rank is there
//! (Flajolet, Fusy, Gandouet and Meunier 2007; Heule, Nunkesser and Hall 2013; Ertl 2017).
//!
//! The bytes are Redis' own, because users move them about as strings:
//!
//! ```text
//! "HYLL"  encoding  0 0 0  count (8 bytes, little-endian)  registers
//! ```
//!
//! The count is what was last estimated; its highest bit says that the registers have changed
//! since. Registers are [dense], six bits each, or [sparse], runs of equal ones.

mod dense;
mod estimate;
mod hash;
mod self_test;
mod sparse;
#[cfg(test)]
mod tests;

use estimate::Histogram;
pub(crate) use self_test::self_test;

/// The number of registers.
pub(crate) const REGISTERS: usize = 1 << hash::INDEX_BITS;

const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;
const HEADER_LEN: usize = 16;
/// In the last byte of the count.
const COUNT_IS_STALE: u8 = 0x80;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// How the registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Dense,
    Sparse,
}

/// The runs of a sparse HyperLogLog are not those of 16,384 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// The bytes of one that has seen nothing.
pub(crate) fn empty() -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[ENCODING_AT] = SPARSE;
    bytes.extend(sparse::EMPTY);
    bytes
}

/// A HyperLogLog to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sketch<'a> {
    encoding: Encoding,
    bytes: &'a [u8],
}

impl<'a> Sketch<'a> {
    /// The HyperLogLog these bytes are, if they look like one.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Sketch<'a>> {
        let encoding = encoding_of(bytes)?;
        Some(Sketch { encoding, bytes })
    }

    /// How the registers are kept.
    pub(crate) fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The count that was last kept, unless registers have changed since.
    pub(crate) fn kept_count(self) -> Option<u64> {
        let count = self.bytes[COUNT_AT..HEADER_LEN].first_chunk();
        let count = u64::from_le_bytes(*count.expect("a header has eight bytes of count"));
        (count >> 63 == 0).then_some(count)
    }

    /// The estimated number of different elements.
    pub(crate) fn count(self) -> Result<u64, Corrupt> {
        let mut histogram = Histogram::default();
        match self.encoding {
            Encoding::Dense => dense::ranks(self.registers()).for_each(|rank| histogram.add(rank)),
            Encoding::Sparse => {
                for run in sparse::checked_runs(self.registers())? {
                    histogram.add_many(run.rank, run.len);
                }
            }
        }
        Ok(histogram.count())
    }

    /// Opcodes of the sparse encoding in words: `z` and `Z` for runs of zeros, `v` for a rank and
    /// how many registers have it. Nothing for a dense one.
    pub(crate) fn opcodes(self) -> Option<String> {
        match self.encoding {
            Encoding::Dense => None,
            Encoding::Sparse => Some(sparse::in_words(self.registers())),
        }
    }

    fn registers(self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }
}

/// A HyperLogLog to change.
#[derive(Debug)]
pub(crate) struct SketchMut<'a> {
    encoding: Encoding,
    bytes: &'a mut Vec<u8>,
}

impl<'a> SketchMut<'a> {
    /// The HyperLogLog these bytes are, if they look like one.
    pub(crate) fn of(bytes: &'a mut Vec<u8>) -> Option<SketchMut<'a>> {
        let encoding = encoding_of(bytes)?;
        Some(SketchMut { encoding, bytes })
    }

    /// Counts an element in. Whether that has changed a register.
    pub(crate) fn add(&mut self, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
        let (register, rank) = hash::place(element);
        self.raise(register, rank, sparse_max)
    }

    /// Sees to it that a register has at least this rank. Whether that has changed it.
    ///
    /// A sparse HyperLogLog that would have more than `sparse_max` bytes becomes dense.
    pub(crate) fn raise(
        &mut self,
        register: usize,
        rank: u8,
        sparse_max: usize,
    ) -> Result<bool, Corrupt> {
        let raised = match self.encoding {
            Encoding::Dense => sparse::Raised::NotHere,
            Encoding::Sparse => sparse::raise(self.bytes, HEADER_LEN, register, rank, sparse_max)?,
        };
        let changed = match raised {
            sparse::Raised::Already => false,
            sparse::Raised::Now => true,
            sparse::Raised::NotHere => {
                self.make_dense()?;
                dense::raise(&mut self.bytes[HEADER_LEN..], register, rank)
            }
        };
        if changed {
            self.forget_count();
        }
        Ok(changed)
    }

    /// Changes to the dense encoding. Whether it had another.
    pub(crate) fn make_dense(&mut self) -> Result<bool, Corrupt> {
        if self.encoding == Encoding::Dense {
            return Ok(false);
        }
        let mut bytes = vec![0; HEADER_LEN + dense::LEN];
        bytes[..HEADER_LEN].copy_from_slice(&self.bytes[..HEADER_LEN]);
        bytes[ENCODING_AT] = DENSE;
        let mut register = 0;
        for run in sparse::checked_runs(&self.bytes[HEADER_LEN..])? {
            if run.rank > 0 {
                for register in register..register + run.len {
                    dense::raise(&mut bytes[HEADER_LEN..], register, run.rank);
                }
            }
            register += run.len;
        }
        *self.bytes = bytes;
        self.encoding = Encoding::Dense;
        Ok(true)
    }

    /// Keeps a count, until registers change.
    pub(crate) fn keep_count(&mut self, count: u64) {
        self.bytes[COUNT_AT..HEADER_LEN].copy_from_slice(&count.to_le_bytes());
    }

    /// Registers have changed, and the count that is kept is not theirs.
    pub(crate) fn forget_count(&mut self) {
        self.bytes[HEADER_LEN - 1] |= COUNT_IS_STALE;
    }
}

/// The registers of several HyperLogLogs together: of each the highest rank.
#[derive(Clone, Debug)]
pub(crate) struct Union {
    ranks: Box<[u8]>,
    is_sparse: bool,
}

impl Union {
    /// Of none.
    pub(crate) fn new() -> Union {
        Union {
            ranks: vec![0; REGISTERS].into_boxed_slice(),
            is_sparse: true,
        }
    }

    /// Takes one more in.
    pub(crate) fn merge(&mut self, sketch: Sketch<'_>) -> Result<(), Corrupt> {
        match sketch.encoding {
            Encoding::Dense => {
                self.is_sparse = false;
                for (own, rank) in self.ranks.iter_mut().zip(dense::ranks(sketch.registers())) {
                    *own = rank.max(*own);
                }
            }
            Encoding::Sparse => {
                let mut rest = &mut *self.ranks;
                for run in sparse::checked_runs(sketch.registers())? {
                    let (own, behind) = rest.split_at_mut(run.len);
                    if run.rank > 0 {
                        own.iter_mut().for_each(|own| *own = run.rank.max(*own));
                    }
                    rest = behind;
                }
            }
        }
        Ok(())
    }

    /// Whether all that were taken in were sparse.
    pub(crate) fn is_sparse(&self) -> bool {
        self.is_sparse
    }

    /// The ranks of all registers.
    pub(crate) fn ranks(&self) -> &[u8] {
        &self.ranks
    }

    /// The estimated number of different elements.
    pub(crate) fn count(&self) -> u64 {
        let mut histogram = Histogram::default();
        self.ranks.iter().for_each(|&rank| histogram.add(rank));
        histogram.count()
    }
}

fn encoding_of(bytes: &[u8]) -> Option<Encoding> {
    if bytes.len() < HEADER_LEN || !bytes.starts_with(MAGIC) {
        return None;
    }
    match bytes[ENCODING_AT] {
        DENSE => (bytes.len() == HEADER_LEN + dense::LEN).then_some(Encoding::Dense),
        SPARSE => Some(Encoding::Sparse),
        _ => None,
    }
}
