use std::fmt;
use std::io::{Cursor, Read};

use super::error::{RdbError, RdbFault};
use super::format::{FIRST_CHECKED_VERSION, MAGIC, NEWEST_VERSION, mark};
use super::skip;
use super::source::Source;
use super::value::{self, Forms, Loaded};
use crate::data::Blob;
use crate::keyspace::access::Usage;
use crate::keyspace::object::Object;

/// Reads a snapshot in Redis' format, record by record, from versions of Redis 1.2 to 7.4.
///
/// Whatever the bytes are, it neither panics nor takes more memory than a few times what it has
/// read.
pub(crate) struct RdbReader<R> {
    source: Source<R>,
    forms: Forms,
    version: u32,
    is_done: bool,
}

/// One record of a snapshot.
#[derive(Debug)]
pub(crate) enum Record {
    /// Something said about the snapshot.
    Aux { name: Vec<u8>, value: Vec<u8> },
    /// The entries that follow are of this database, which may be one that is not there.
    SelectDb(u64),
    /// How many keys this database will hold was told, which nobody relies on.
    ResizeDb,
    /// A key and its value.
    Entry(RdbEntry),
    /// A library of functions: its code.
    Function(Vec<u8>),
    /// Something that was understood as far as its end, and no further.
    Unsupported(Unsupported),
    /// The end: everything was read, and as it was written.
    End,
}

/// A key of a snapshot.
#[derive(Debug)]
pub(crate) struct RdbEntry {
    pub(crate) key: Blob,
    /// The moment after which the key is gone, in milliseconds since 1970; it may have passed.
    pub(crate) expires_ms: Option<u64>,
    pub(crate) usage: Option<Usage>,
    pub(crate) object: Object,
}

/// What a snapshot holds and the engine has no place for.
#[derive(Debug)]
pub(crate) struct Unsupported {
    /// The key, where it is the value of one.
    pub(crate) key: Option<Blob>,
    /// What it is, in words.
    pub(crate) what: &'static str,
    /// The byte at which it begins.
    pub(crate) offset: u64,
}

impl From<Unsupported> for RdbError {
    /// For a reader who does not pass over it.
    fn from(unsupported: Unsupported) -> RdbError {
        RdbFault::Unsupported(unsupported.what).at(unsupported.offset)
    }
}

impl<R: Read> RdbReader<R> {
    /// Begins to read. Values will be laid out in memory as `forms` says.
    pub(crate) fn new(inner: R, forms: Forms) -> Result<Self, RdbError> {
        let mut source = Source::new(inner);
        let version = version(&mut source)?;
        Ok(Self {
            source,
            forms,
            version,
            is_done: false,
        })
    }

    /// The version of the format, which is not that of the server.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// How many bytes were read of the snapshot.
    pub(crate) fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// What comes after the snapshot, once its end was read: a log may follow one in the same file.
    pub(crate) fn into_rest(self) -> impl Read {
        let (buffered, inner) = self.source.into_rest();
        Cursor::new(buffered).chain(inner)
    }

    /// The next record; the end again and again once it was reached.
    pub(crate) fn next_record(&mut self) -> Result<Record, RdbError> {
        if self.is_done {
            return Ok(Record::End);
        }
        let (mut expires_ms, mut usage) = (None, None);
        loop {
            let offset = self.source.offset();
            match self.source.byte()? {
                mark::EXPIRES_MS => {
                    expires_ms = moment(i64::from_le_bytes(self.source.array()?));
                }
                mark::EXPIRES_S => {
                    let seconds = i32::from_le_bytes(self.source.array()?);
                    expires_ms = moment(i64::from(seconds).saturating_mul(1_000));
                }
                mark::IDLE => usage = Some(Usage::IdleS(self.source.length()?)),
                mark::FREQUENCY => usage = Some(Usage::Frequency(self.source.byte()?)),
                mark::AUX => {
                    let name = self.source.string()?.to_bytes().to_vec();
                    let value = self.source.string()?.to_bytes().to_vec();
                    return Ok(Record::Aux { name, value });
                }
                mark::SELECT_DB => return Ok(Record::SelectDb(self.source.length()?)),
                mark::RESIZE_DB => {
                    self.source.length()?;
                    self.source.length()?;
                    return Ok(Record::ResizeDb);
                }
                mark::SLOT_INFO => {
                    for _ in 0..3 {
                        self.source.length()?;
                    }
                }
                mark::FUNCTION => {
                    let code = self.source.string()?.to_bytes().to_vec();
                    return Ok(Record::Function(code));
                }
                mark::FUNCTION_OF_A_CANDIDATE => {
                    let what = "a library of functions of a release candidate of Redis 7.0";
                    return Err(RdbFault::Unsupported(what).at(offset));
                }
                mark::MODULE_AUX => {
                    skip::module_aux(&mut self.source)?;
                    return Ok(Record::Unsupported(Unsupported {
                        key: None,
                        what: "data of a module",
                        offset,
                    }));
                }
                mark::END => return self.end(),
                kind => {
                    let key = self.source.string()?.to_blob();
                    match value::read(&mut self.source, kind, &self.forms)? {
                        Loaded::Value(object) => {
                            return Ok(Record::Entry(RdbEntry {
                                key,
                                expires_ms,
                                usage,
                                object,
                            }));
                        }
                        // Redis passes over them as well: versions of it have written them.
                        Loaded::Nothing => (expires_ms, usage) = (None, None),
                        Loaded::Unsupported(what) => {
                            return Ok(Record::Unsupported(Unsupported {
                                key: Some(key),
                                what,
                                offset,
                            }));
                        }
                    }
                }
            }
        }
    }

    fn end(&mut self) -> Result<Record, RdbError> {
        self.is_done = true;
        if self.version < FIRST_CHECKED_VERSION {
            return Ok(Record::End);
        }
        let (offset, found) = (self.source.offset(), self.source.checksum());
        let expected = u64::from_le_bytes(self.source.array()?);
        // Zero says that the writer was told not to sum up.
        if expected != 0 && expected != found {
            return Err(RdbFault::Checksum { expected, found }.at(offset));
        }
        Ok(Record::End)
    }
}

impl<R> fmt::Debug for RdbReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdbReader")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn version<R: Read>(source: &mut Source<R>) -> Result<u32, RdbError> {
    let [magic @ .., a, b, c, d] = source.array::<9>()?;
    let digits = [a, b, c, d];
    if magic != *MAGIC || !digits.iter().all(u8::is_ascii_digit) {
        return Err(RdbFault::NoSnapshot.at(0));
    }
    let number = |number, digit: u8| number * 10 + u32::from(digit - b'0');
    match digits.into_iter().fold(0, number) {
        0 => Err(RdbFault::NoSnapshot.at(0)),
        version @ 1..=NEWEST_VERSION => Ok(version),
        version => Err(RdbFault::Version(version).at(5)),
    }
}

/// A moment after which a key is gone; Redis writes -1 for never.
fn moment(at_ms: i64) -> Option<u64> {
    match at_ms {
        -1 => None,
        at_ms => Some(u64::try_from(at_ms).unwrap_or(0)),
    }
}
