//! Loads a log: its base, what was appended since, and repairs an end that a crash has torn.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::files::LogFiles;
use super::journal::OpenLog;
use super::log_reader::{Batch, Flaw, FlawKind, LogReader};
use super::manifest::{Member, Part};
use super::settings::{Progress, ProgressListener};
use super::torn::is_torn;
use super::vfs::Vfs;
use crate::keyspace::shard::DATABASES;
use crate::rdb::{Forms, RdbEntry, RdbError, RdbFault, RdbReader, Record, Unsupported};

/// Where loaded data goes.
pub(crate) trait Target {
    /// Has the commands that follow work on database 0.
    fn begin_file(&mut self);

    /// How values are to be laid out.
    fn forms(&self) -> Forms;

    /// Puts a key where there is none.
    fn put(&mut self, db: u8, entry: RdbEntry);

    /// Carries out a command of a log; the code of its error, if it fails.
    fn apply(&mut self, args: &[&[u8]]) -> Result<(), String>;
}

/// A log that was loaded and can be continued.
#[derive(Debug)]
pub(crate) struct LoadedLog {
    /// The number of its last batch.
    pub(crate) lsn: u64,
    /// The file to be continued.
    pub(crate) log: OpenLog,
    /// Bytes in the other files.
    pub(crate) earlier_bytes: u64,
    /// Bytes in the base.
    pub(crate) base_bytes: u64,
}

/// How a log is to be loaded.
#[derive(Debug)]
pub(crate) struct Loading<'a> {
    pub(crate) vfs: &'a dyn Vfs,
    /// Whether a torn end is cut off.
    pub(crate) truncated: bool,
    pub(crate) listener: &'a ProgressListener,
    /// Keys and commands loaded so far.
    pub(crate) loaded: u64,
}

const HINT: &str = "restore it from a backup, or make a copy and let redis-check-aof --fix cut off \
                    the rest";

impl Loading<'_> {
    /// Loads the log that a manifest lists.
    pub(crate) fn log(
        &mut self,
        files: &LogFiles,
        target: &mut dyn Target,
    ) -> Result<LoadedLog, OpenError> {
        let manifest = files.manifest();
        let mut members: Vec<(Member, PathBuf, u64)> = Vec::new();
        for member in manifest.read_order() {
            let path = files.path(member);
            let len = self
                .vfs
                .len(&path)
                .map_err(OpenError::io("look for", &path))?;
            let len = len.ok_or_else(|| OpenError::Missing {
                path: path.clone(),
                manifest: files.manifest_path(),
            })?;
            members.push((member.clone(), path, len));
        }
        let last = members.iter().rposition(|(_, _, len)| *len > 0);
        let mut next_lsn = 1;
        for (index, (_, path, len)) in members.iter_mut().enumerate() {
            target.begin_file();
            let may_be_torn = Some(index) == last;
            (next_lsn, *len) = self.log_file(path, *len, next_lsn, may_be_torn, target)?;
        }

        let lsn = next_lsn - 1;
        let total: u64 = members.iter().map(|(_, _, len)| len).sum();
        let is_base = |member: &&(Member, PathBuf, u64)| member.0.part == Part::Base;
        let base_bytes = members.iter().find(is_base).map_or(0, |(_, _, len)| *len);
        let log = match members.pop() {
            Some((member, path, len)) if member.part == Part::Incr => {
                let opened = self.vfs.append(&path).and_then(|mut file| {
                    // What was read may have been in the system's memory only.
                    file.sync_data()?;
                    Ok(OpenLog { member, file, len })
                });
                opened.map_err(OpenError::io("open", &path))?
            }
            _ => begin(files)?,
        };
        Ok(LoadedLog {
            lsn,
            earlier_bytes: total - log.len,
            base_bytes,
            log,
        })
    }

    /// Loads one file; the number of the batch after its last, and how long it is then.
    fn log_file(
        &mut self,
        path: &Path,
        len: u64,
        mut next_lsn: u64,
        may_be_torn: bool,
        target: &mut dyn Target,
    ) -> Result<(u64, u64), OpenError> {
        let mut file = self.vfs.read(path).map_err(OpenError::io("open", path))?;
        let mut magic = Vec::new();
        let read = Read::by_ref(&mut file).take(5).read_to_end(&mut magic);
        read.map_err(OpenError::io("read", path))?;
        let file = io::Cursor::new(magic.clone()).chain(file);
        let (rest, offset): (Box<dyn Read>, u64) = match &magic[..] == b"REDIS" {
            false => (Box::new(file), 0),
            true => {
                let (rest, about) = self.snapshot(path, len, file, target)?;
                next_lsn = about.lsn + 1;
                (Box::new(rest), about.len)
            }
        };
        let mut reader = LogReader::at(rest, offset, next_lsn);
        loop {
            let progress = |read_bytes, loaded| Progress {
                file: path.to_owned(),
                read_bytes,
                total_bytes: len,
                loaded,
            };
            match reader.next() {
                Ok(None) => {
                    self.listener.tell(|| progress(len, self.loaded));
                    return Ok((reader.next_lsn(), len));
                }
                Ok(Some(batch)) => {
                    let before = self.loaded / STRIDE;
                    self.loaded += apply(&batch, path, target)?;
                    if self.loaded / STRIDE != before {
                        self.listener.tell(|| progress(batch.offset, self.loaded));
                    }
                }
                Err(Flaw {
                    kind: FlawKind::Io(error),
                    ..
                }) => return Err(OpenError::io("read", path)(error)),
                Err(flaw) => {
                    let next_lsn = reader.next_lsn();
                    let torn = may_be_torn && self.truncated && {
                        let rest = self.rest(path, flaw.batch_at)?;
                        is_torn(&rest, &flaw, next_lsn)
                    };
                    if !torn {
                        return Err(corrupt(path, &flaw));
                    }
                    self.cut(path, &flaw, len)?;
                    return Ok((next_lsn, flaw.batch_at));
                }
            }
        }
    }

    /// Loads a snapshot; what comes after it in the file, and what it said of itself.
    pub(crate) fn snapshot<R: Read>(
        &mut self,
        path: &Path,
        len: u64,
        source: R,
        target: &mut dyn Target,
    ) -> Result<(impl Read + use<R>, About), OpenError> {
        let flawed = |error: RdbError| snapshot_error(path, error);
        let mut reader = RdbReader::new(source, target.forms()).map_err(flawed)?;
        let mut about = About::default();
        let mut db = 0;
        loop {
            match reader.next_record().map_err(flawed)? {
                Record::End => break,
                Record::Aux { name, value } if name == LSN.as_bytes() => {
                    let number = std::str::from_utf8(&value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                    about.lsn = number.unwrap_or(0);
                }
                Record::Aux { .. } | Record::ResizeDb => {}
                Record::SelectDb(number) => {
                    let known = u8::try_from(number).ok().filter(|db| *db < DATABASES);
                    db = known.ok_or_else(|| OpenError::Corrupt {
                        path: path.to_owned(),
                        offset: reader.offset(),
                        flaw: format!("database {number} is beyond the {DATABASES} there are"),
                        hint: "move its keys to a lower database, on the server that wrote it",
                    })?;
                }
                Record::Entry(entry) => {
                    target.put(db, entry);
                    self.loaded += 1;
                    about.keys += 1;
                    if self.loaded.is_multiple_of(STRIDE) {
                        let read_bytes = reader.offset();
                        self.listener.tell(|| Progress {
                            file: path.to_owned(),
                            read_bytes,
                            total_bytes: len,
                            loaded: self.loaded,
                        });
                    }
                }
                Record::Function(_) => {
                    return Err(flawed(
                        Unsupported {
                            key: None,
                            what: "a library of functions",
                            offset: reader.offset(),
                        }
                        .into(),
                    ));
                }
                Record::Unsupported(unsupported) => return Err(flawed(unsupported.into())),
            }
        }
        about.len = reader.offset();
        Ok((reader.into_rest(), about))
    }

    /// What a file holds from some byte on.
    fn rest(&self, path: &Path, from: u64) -> Result<Vec<u8>, OpenError> {
        let read = || {
            let mut file = self.vfs.read(path)?;
            io::copy(&mut Read::by_ref(&mut file).take(from), &mut io::sink())?;
            let mut rest = Vec::new();
            file.read_to_end(&mut rest)?;
            Ok(rest)
        };
        read().map_err(OpenError::io("read", path))
    }

    /// Cuts a file back to its last whole batch.
    fn cut(&self, path: &Path, flaw: &Flaw, len: u64) -> Result<(), OpenError> {
        let (cut, lost) = (flaw.batch_at, len - flaw.batch_at);
        tracing::warn!(
            file = %path.display(),
            "the log ends in the middle, as after a crash: cut back to byte {cut}, by {lost} bytes"
        );
        let cut = self.vfs.append(path).and_then(|mut file| {
            file.truncate(cut)?;
            file.sync_data()
        });
        cut.map_err(OpenError::io("truncate", path))
    }
}

/// What a snapshot says of itself.
#[derive(Debug, Default)]
pub(crate) struct About {
    /// The last batch of the log that it holds.
    pub(crate) lsn: u64,
    /// How many bytes it is long.
    pub(crate) len: u64,
    pub(crate) keys: u64,
}

/// Under this name a snapshot says which batch of the log is the last that it holds.
pub(crate) const LSN: &str = "redstart-lsn";

/// Keys or commands between two reports.
const STRIDE: u64 = 1 << 14;

fn snapshot_error(path: &Path, error: RdbError) -> OpenError {
    match error.fault {
        RdbFault::Io(source) => OpenError::io("read", path)(source),
        fault => OpenError::Corrupt {
            path: path.to_owned(),
            offset: error.offset,
            hint: match fault {
                RdbFault::Version(_) => "load it with the server that wrote it, and copy the keys",
                RdbFault::Unsupported(_) => {
                    "remove that on the server that wrote it, and save anew"
                }
                _ => "restore it from a backup",
            },
            flaw: fault.to_string(),
        },
    }
}

/// Begins a log that is not there.
pub(crate) fn begin(files: &LogFiles) -> Result<OpenLog, OpenError> {
    let create = OpenLog::create(files, true).and_then(|log| {
        files.list_incr(log.member.clone())?;
        Ok(log)
    });
    create.map_err(OpenError::io("begin a log in", files.directory()))
}

fn apply(batch: &Batch<'_>, path: &Path, target: &mut dyn Target) -> Result<u64, OpenError> {
    let mut count = 0;
    let mut args: Vec<&[u8]> = Vec::new();
    for command in batch.commands() {
        args.clear();
        args.extend(command.iter().map(|arg| batch.arg(arg)));
        target.apply(&args).map_err(|code| OpenError::Corrupt {
            path: path.to_owned(),
            offset: batch.offset,
            flaw: format!(
                "{} cannot be repeated: it answers {code}",
                String::from_utf8_lossy(args[0]).to_uppercase()
            ),
            hint: HINT,
        })?;
        count += 1;
    }
    Ok(count)
}

fn corrupt(path: &Path, flaw: &Flaw) -> OpenError {
    OpenError::Corrupt {
        path: path.to_owned(),
        offset: flaw.at,
        flaw: flaw.kind.to_string(),
        hint: HINT,
    }
}
