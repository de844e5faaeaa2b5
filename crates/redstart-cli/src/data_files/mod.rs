//! Files of servers' data: finding them, opening them, and what was met in them.

mod data_file;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use redstart_engine::files_of_manifest;
use redstart_engine::rdb::Item;

pub(crate) use self::data_file::{DataFile, Flaw, Piece};

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Whether it belongs to a log of commands.
    pub(crate) is_log: bool,
}

/// What a path stands for: sets of files, each of which holds all of some server's data.
pub(crate) fn find(path: &Path) -> Result<Vec<Vec<Found>>, String> {
    let is_directory = fs::metadata(path).map_err(said(path))?.is_dir();
    if has_extension(path, "manifest") {
        return Ok(vec![log_of(path)?]);
    }
    if !is_directory {
        return Ok(vec![vec![Found {
            path: path.to_owned(),
            is_log: has_extension(path, "aof"),
        }]]);
    }

    let mut sets = Vec::new();
    let mut files = list(path)?;
    for directory in files.clone().iter().filter(|file| file.is_dir()) {
        files.extend(list(directory)?);
    }
    let manifests = files.iter().filter(|file| has_extension(file, "manifest"));
    for manifest in manifests {
        sets.push(log_of(manifest)?);
    }
    let is_listed = |file: &Path| sets.iter().flatten().any(|it: &Found| it.path == file);
    let is_old_log = |file: &Path| file.parent() == Some(path) && has_extension(file, "aof");
    let single: Vec<Vec<Found>> = files
        .iter()
        .filter(|file| file.parent() == Some(path))
        .filter(|file| has_extension(file, "rdb") || is_old_log(file))
        .filter(|file| !is_listed(file))
        .map(|file| {
            vec![Found {
                path: file.clone(),
                is_log: is_old_log(file),
            }]
        })
        .collect();
    sets.extend(single);
    match sets.is_empty() {
        true => Err(format!("{}: no data of a server in there", path.display())),
        false => Ok(sets),
    }
}

/// The files that a manifest lists.
fn log_of(manifest: &Path) -> Result<Vec<Found>, String> {
    let text = fs::read(manifest).map_err(said(manifest))?;
    let names = files_of_manifest(&text);
    let names = names.map_err(|flaw| format!("{}: {flaw}", manifest.display()))?;
    let found = |name: &String| Found {
        path: manifest.with_file_name(name),
        is_log: true,
    };
    Ok(names.iter().map(found).collect())
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()
    });
    let mut entries = entries.map_err(said(directory))?;
    entries.sort();
    Ok(entries)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own == extension)
}

fn said(path: &Path) -> impl Fn(io::Error) -> String + '_ {
    move |error| format!("{}: {error}", path.display())
}

impl Found {
    /// Opens the file; its length. The outer error is about the file, the inner about what is in it.
    pub(crate) fn open(&self) -> Result<(Result<DataFile, Flaw>, u64), String> {
        let opened = File::open(&self.path).and_then(|file| {
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        let (file, len) = opened.map_err(said(&self.path))?;
        // A number that nobody could know who wrote the file.
        let seed = RandomState::new().build_hasher().finish();
        Ok((DataFile::open(file, self.is_log, seed), len))
    }
}

/// What an item is that the engine has no place for.
pub(crate) fn unsupported(item: &Item) -> Option<String> {
    match item {
        Item::Function(_) => Some("a library of functions is not supported".to_owned()),
        Item::Unsupported { key, what, offset } => Some(match key {
            Some((db, key)) => format!(
                "the key \"{}\" of database {db} holds {what}, which is not supported (at byte \
                 {offset})",
                key.escape_ascii()
            ),
            None => format!("{what}, which is not supported (at byte {offset})"),
        }),
        _ => None,
    }
}

/// What was met in files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Keys of snapshots by type.
    pub(crate) types: BTreeMap<&'static str, u64>,
    /// Keys whose time was over.
    pub(crate) expired: u64,
    /// Commands of logs.
    pub(crate) commands: u64,
    /// What there is no place for, by its kind.
    pub(crate) unsupported: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, piece: &Piece, now_ms: u64) {
        match piece {
            Piece::Item(item) => self.count_item(item, now_ms),
            Piece::Commands(commands) => {
                let is_work = |args: &&Vec<Vec<u8>>| !args[0].eq_ignore_ascii_case(b"select");
                self.commands += commands.iter().filter(is_work).count() as u64;
            }
        }
    }

    fn count_item(&mut self, item: &Item, now_ms: u64) {
        match item {
            Item::Key(key) if key.expires_ms.is_some_and(|at| at <= now_ms) => self.expired += 1,
            Item::Key(key) => *self.types.entry(key.type_name()).or_default() += 1,
            Item::Function(_) => self.left_out("a library of functions"),
            Item::Unsupported { what, .. } => self.left_out(what),
            _ => {}
        }
    }

    /// Something was met and left out.
    pub(crate) fn left_out(&mut self, what: &'static str) {
        *self.unsupported.entry(what).or_default() += 1;
    }

    /// How many keys were met and are alive.
    pub(crate) fn keys(&self) -> u64 {
        self.types.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        for (name, count) in &other.types {
            *self.types.entry(name).or_default() += count;
        }
        for (name, count) in &other.unsupported {
            *self.unsupported.entry(name).or_default() += count;
        }
        self.expired += other.expired;
        self.commands += other.commands;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.keys())?;
        let mut lead = ": ";
        for (name, count) in &self.types {
            write!(f, "{lead}{count} {name}")?;
            lead = ", ";
        }
        if self.commands > 0 {
            write!(f, "; {} commands", self.commands)?;
        }
        if self.expired > 0 {
            write!(f, "; {} expired", self.expired)?;
        }
        for (name, count) in &self.unsupported {
            write!(f, "; left out: {count} times {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_one_line() {
        let mut tally = Tally {
            types: BTreeMap::from([("hash", 2), ("string", 40)]),
            ..Tally::default()
        };
        assert_eq!(tally.to_string(), "42 keys: 2 hash, 40 string");
        tally.add(&Tally {
            types: BTreeMap::from([("string", 1)]),
            expired: 3,
            commands: 7,
            unsupported: BTreeMap::from([("a stream", 1)]),
        });
        assert_eq!(
            tally.to_string(),
            "43 keys: 2 hash, 41 string; 7 commands; 3 expired; left out: 1 times a stream"
        );
    }
}
