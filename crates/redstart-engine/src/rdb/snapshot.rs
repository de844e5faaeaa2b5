use std::fmt;
use std::io::Read;

use super::encode::Encoder;
use super::error::RdbError;
use super::payload;
use super::reader::{RdbEntry, RdbReader, Record};
use super::value::Forms;
use crate::data::{Limits, Seed};
use crate::keyspace::access::Usage;

/// A snapshot of a Redis server, read item by item: to be checked, or to be put into another store.
///
/// Every value is read to its last byte and validated; a key hands it out as RESTORE takes it.
///
/// ```no_run
/// use redstart_engine::rdb::{Item, Snapshot};
///
/// let mut snapshot = Snapshot::open(std::fs::File::open("dump.rdb")?, 7)?;
/// while let Some(item) = snapshot.next_item()? {
///     if let Item::Key(key) = item {
///         println!("{} in database {}", key.type_name(), key.db);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Snapshot<R> {
    reader: RdbReader<R>,
    db: u64,
}

/// What a snapshot holds.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// Something that its writer says about it: a name such as `redis-ver`, and a value.
    About {
        /// What is said something about.
        name: Vec<u8>,
        /// What is said.
        value: Vec<u8>,
    },
    /// A key with its value.
    Key(SnapshotKey),
    /// The code of a library of functions.
    Function(Vec<u8>),
    /// Something that was read as far as its end and is not understood.
    Unsupported {
        /// The database and the key, where it is the value of one.
        key: Option<(u64, Vec<u8>)>,
        /// What it is, in words.
        what: &'static str,
        /// The byte at which it begins.
        offset: u64,
    },
}

/// A key of a snapshot.
pub struct SnapshotKey {
    /// Its database.
    pub db: u64,
    /// The moment after which it is gone, in milliseconds since 1970; it may have passed.
    pub expires_ms: Option<u64>,
    entry: RdbEntry,
}

impl<R: Read> Snapshot<R> {
    /// Begins to read; the source needs no buffer. The seed is any number that whoever made the
    /// snapshot cannot have known: without it, fields could be chosen that take long to tell apart.
    pub fn open(source: R, seed: u64) -> Result<Self, RdbError> {
        let seed = Seed::new(seed);
        let limits = |max_entries| Limits {
            max_entries,
            max_value: 64,
        };
        // What Redis keeps in its compact forms unless told otherwise.
        let forms = Forms {
            seed,
            hash: limits(512),
            sorted_set: limits(128),
            set_max_integers: 512,
        };
        let reader = RdbReader::new(source, forms)?;
        Ok(Self { reader, db: 0 })
    }

    /// The version of the format.
    pub fn version(&self) -> u32 {
        self.reader.version()
    }

    /// How many bytes were read.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// What comes after the snapshot, once its end was read: a log may follow one in the same file.
    pub fn into_rest(self) -> impl Read {
        self.reader.into_rest()
    }

    /// The next item. `None` at the end, when everything was read as it was written.
    pub fn next_item(&mut self) -> Result<Option<Item>, RdbError> {
        loop {
            return Ok(Some(match self.reader.next_record()? {
                Record::End => return Ok(None),
                Record::SelectDb(db) => {
                    self.db = db;
                    continue;
                }
                Record::ResizeDb => continue,
                Record::Aux { name, value } => Item::About { name, value },
                Record::Function(code) => Item::Function(code),
                Record::Entry(entry) => Item::Key(SnapshotKey {
                    db: self.db,
                    expires_ms: entry.expires_ms,
                    entry,
                }),
                Record::Unsupported(unsupported) => Item::Unsupported {
                    key: unsupported.key.map(|key| (self.db, key.into())),
                    what: unsupported.what,
                    offset: unsupported.offset,
                },
            }));
        }
    }
}

impl SnapshotKey {
    /// The key itself.
    pub fn name(&self) -> &[u8] {
        &self.entry.key
    }

    /// The type of its value, as TYPE answers it.
    pub fn type_name(&self) -> &'static str {
        self.entry.object.type_name()
    }

    /// The arguments of the RESTORE that creates the key, or replaces it, as it was in the snapshot.
    /// Servers from Redis 7.0 on take them.
    pub fn restore(&self) -> Vec<Vec<u8>> {
        let mut args: Vec<Vec<u8>> = vec![
            b"RESTORE".to_vec(),
            self.name().to_vec(),
            // Zero would be for ever.
            self.expires_ms
                .map_or(0, |at| at.max(1))
                .to_string()
                .into_bytes(),
            payload::dump(&self.entry.object, &mut Encoder::new(false)),
            b"REPLACE".to_vec(),
            b"ABSTTL".to_vec(),
        ];
        let (option, number) = match self.entry.usage {
            None => return args,
            Some(Usage::IdleS(seconds)) => ("IDLETIME", seconds.min(i64::MAX as u64)),
            Some(Usage::Frequency(counter)) => ("FREQ", counter.into()),
        };
        args.push(option.into());
        args.push(number.to_string().into_bytes());
        args
    }
}

impl<R> fmt::Debug for Snapshot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reader.fmt(f)
    }
}

impl fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotKey")
            .field("db", &self.db)
            .field("type", &self.type_name())
            .finish_non_exhaustive()
    }
}
