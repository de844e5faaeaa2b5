use std::fmt;
use std::io::{self, Write};

use super::checksum::Checksum;
use super::encode::{Encoder, write_length};
use super::format::{MAGIC, VERSION, mark};

/// Writes a snapshot in Redis' format into any sink, record by record, in this order: what there is
/// to say about it, then for each database its number, its size and its entries, then the end.
///
/// The sink gets large pieces; nothing is complete before [`Self::finish`].
pub(crate) struct RdbWriter<W: Write> {
    out: Summed<W>,
    encoder: Encoder,
}

impl<W: Write> RdbWriter<W> {
    /// Begins a snapshot, in which long strings are compressed if asked to.
    pub(crate) fn new(sink: W, compress: bool) -> io::Result<Self> {
        let mut out = Summed::new(sink);
        out.write_all(MAGIC)?;
        write!(out, "{VERSION:04}")?;
        let encoder = Encoder::new(compress);
        Ok(Self { out, encoder })
    }

    /// Says something about the snapshot: readers pass over what they do not know.
    pub(crate) fn aux(&mut self, name: &str, value: impl fmt::Display) -> io::Result<()> {
        self.out.write_all(&[mark::AUX])?;
        self.encoder.string(&mut self.out, name.as_bytes())?;
        let value = value.to_string();
        self.encoder.string(&mut self.out, value.as_bytes())
    }

    /// Begins a database.
    pub(crate) fn select_db(&mut self, db: u8) -> io::Result<()> {
        self.out.write_all(&[mark::SELECT_DB])?;
        write_length(&mut self.out, db.into())
    }

    /// Says how many keys will come in this database, and how many of them have a time to live. Only
    /// what readers make room for depends on it.
    pub(crate) fn resize_db(&mut self, keys: usize, volatile: usize) -> io::Result<()> {
        self.out.write_all(&[mark::RESIZE_DB])?;
        write_length(&mut self.out, keys as u64)?;
        write_length(&mut self.out, volatile as u64)
    }

    /// Writes a key with all that belongs to it. Its use is given where a policy of eviction asks
    /// for it.
    #[cfg(test)]
    pub(crate) fn entry(
        &mut self,
        key: &[u8],
        expires_ms: Option<u64>,
        usage: Option<crate::keyspace::access::Usage>,
        object: &crate::keyspace::object::Object,
    ) -> io::Result<()> {
        self.encoder
            .entry(&mut self.out, key, expires_ms, usage, object)
    }

    /// Writes entries that an [`Encoder`] has encoded, which may be while they are locked.
    pub(crate) fn encoded(&mut self, entries: &[u8]) -> io::Result<()> {
        self.out.write_all(entries)
    }

    /// How many bytes the snapshot has so far.
    pub(crate) fn len(&self) -> u64 {
        self.out.flushed + self.out.buffer.len() as u64
    }

    /// Ends the snapshot and gives the sink back, which has got everything and was not flushed.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[mark::END])?;
        self.out.hand_over()?;
        let checksum = self.out.checksum.value();
        self.out.inner.write_all(&checksum.to_le_bytes())?;
        Ok(self.out.inner)
    }
}

impl<W: Write> fmt::Debug for RdbWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdbWriter")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Collects small writes into large ones and sums them up.
struct Summed<W> {
    inner: W,
    buffer: Vec<u8>,
    checksum: Checksum,
    flushed: u64,
}

/// What the sink gets at a time.
const PIECE: usize = 64 * 1024;

impl<W: Write> Summed<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            buffer: Vec::with_capacity(PIECE),
            checksum: Checksum::new(),
            flushed: 0,
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.checksum.add(&self.buffer);
        self.inner.write_all(&self.buffer)?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > PIECE {
            self.hand_over()?;
        }
        if bytes.len() < PIECE {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.checksum.add(bytes);
        self.inner.write_all(bytes)?;
        self.flushed += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
