//! Taking a snapshot: from the keys as they stood at one moment into any sink of bytes.
//!
//! The same walk feeds `dump.rdb`, the base of a log, and whoever follows the log from the batch on
//! that [`Snapshot::lsn`] names: what the snapshot holds and the log from there on is everything.

use std::io::{self, Write};

use crate::keyspace::access::Tracking;
use crate::keyspace::shard::DATABASES;
use crate::keyspace::shards::Shards;
use crate::keyspace::{Begun, Entry, Population};
use crate::rdb::{Encoder, RdbWriter};

use super::load::LSN;

/// Bytes of keys and values that one piece aims at: what a writer may have to wait for.
const PIECE_BYTES: usize = 32 * 1024;
/// Entries in a piece, however small.
const PIECE_ENTRIES: usize = 512;

/// The moment a snapshot is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The last batch of the log that it holds.
    pub(crate) lsn: u64,
    /// What is walked over.
    pub(crate) snapshot: Begun,
    pub(crate) now_s: u64,
    pub(crate) used_memory: u64,
}

/// What is written down about a key besides its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Whether long strings are compressed.
    pub(crate) compress: bool,
    /// How keys' uses are tracked, where eviction goes by them.
    pub(crate) tracking: Option<Tracking>,
    /// Whether it is the base of a log.
    pub(crate) is_base: bool,
}

/// A snapshot that is being taken.
#[derive(Debug)]
pub(crate) struct Snapshot<W: Write> {
    origin: Origin,
    form: Form,
    writer: RdbWriter<W>,
    encoder: Encoder,
    /// The piece at hand: for each stretch of entries of one database, where it ends.
    piece: Vec<u8>,
    stretches: Vec<(u8, usize)>,
    /// Where the walk is.
    db: u8,
    shard: usize,
    /// Entries to visit next.
    count: usize,
    /// The database that the reader has selected.
    selected: Option<u8>,
    /// Databases whose size was told.
    sized: [bool; DATABASES as usize],
    keys: u64,
}

impl<W: Write> Snapshot<W> {
    /// Begins to write what began to be walked over at `origin`.
    pub(crate) fn new(sink: W, origin: Origin, form: Form) -> io::Result<Snapshot<W>> {
        let mut writer = RdbWriter::new(sink, form.compress)?;
        writer.aux("redis-ver", "7.0.15")?;
        writer.aux("redis-bits", usize::BITS)?;
        writer.aux("ctime", origin.now_s)?;
        writer.aux("used-mem", origin.used_memory)?;
        writer.aux("aof-base", u8::from(form.is_base))?;
        writer.aux(LSN, origin.lsn)?;
        Ok(Snapshot {
            origin,
            form,
            writer,
            encoder: Encoder::new(form.compress),
            piece: Vec::new(),
            stretches: Vec::new(),
            db: 0,
            shard: 0,
            count: PIECE_ENTRIES,
            selected: None,
            sized: [false; DATABASES as usize],
            keys: 0,
        })
    }

    /// The keys written so far.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// Writes one piece; whether that was the last.
    pub(crate) fn step(&mut self, shards: &Shards) -> io::Result<bool> {
        if self.shard == shards.count() {
            (self.db, self.shard) = (self.db + 1, 0);
        }
        if self.db == DATABASES {
            return Ok(true);
        }
        self.piece.clear();
        self.stretches.clear();
        let mut failure = None;
        let (mut entries, mut bytes) = (0, 0);
        let snapshot = self.origin.snapshot;
        let done = shards.walk(&snapshot, self.shard, self.db, self.count, |db, entry| {
            entries += 1;
            bytes += entry.heap_bytes() + size_of::<Entry>();
            if let Err(error) = self.encode(db, entry) {
                failure = Some(error);
            }
        });
        let done = done.ok_or_else(|| io::Error::other("the snapshot was given up"))?;
        if let Some(error) = failure {
            return Err(error);
        }
        self.write()?;
        self.keys += entries as u64;
        let share = self.count * PIECE_BYTES / bytes.max(1);
        if bytes > 0 {
            self.count = share.clamp(1, PIECE_ENTRIES);
        }
        if done {
            self.shard += 1;
        }
        Ok(false)
    }

    /// Ends the snapshot and gives the sink back.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.writer.finish()
    }

    fn encode(&mut self, db: u8, entry: &Entry) -> io::Result<()> {
        let now_s = self.origin.now_s;
        let usage = self
            .form
            .tracking
            .map(|tracking| entry.access.usage(tracking, now_s));
        self.encoder.entry(
            &mut self.piece,
            entry.key(),
            entry.expires_ms(),
            usage,
            &entry.object,
        )?;
        match self.stretches.last_mut() {
            Some((same, end)) if *same == db => *end = self.piece.len(),
            _ => self.stretches.push((db, self.piece.len())),
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let mut start = 0;
        for index in 0..self.stretches.len() {
            let (db, end) = self.stretches[index];
            self.select(db)?;
            self.writer.encoded(&self.piece[start..end])?;
            start = end;
        }
        Ok(())
    }

    fn select(&mut self, db: u8) -> io::Result<()> {
        if self.selected == Some(db) {
            return Ok(());
        }
        self.selected = Some(db);
        self.writer.select_db(db)?;
        if !std::mem::replace(&mut self.sized[usize::from(db)], true) {
            let Population { keys, volatile } = self.origin.snapshot.populations[usize::from(db)];
            self.writer.resize_db(keys, volatile)?;
        }
        Ok(())
    }
}
