//! Files that hold data: finding them, opening them, and what was met in them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use redstart_engine::rdb::Item;

/// The files that together hold the data at a path: the file itself, or what a directory has.
pub(crate) fn find(path: &Path) -> Result<Vec<PathBuf>, String> {
    let said = |error: std::io::Error| format!("{}: {error}", path.display());
    if !std::fs::metadata(path).map_err(said)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(said)? {
        let file = entry.map_err(said)?.path();
        if file.extension().is_some_and(|extension| extension == "rdb") {
            found.push(file);
        }
    }
    found.sort();
    match found.is_empty() {
        true => Err(format!("{}: no .rdb file in there", path.display())),
        false => Ok(found),
    }
}

/// Opens a file; its length.
pub(crate) fn open(path: &Path) -> Result<(File, u64), String> {
    let opened = File::open(path).and_then(|file| {
        let len = file.metadata()?.len();
        Ok((file, len))
    });
    opened.map_err(|error| format!("{}: {error}", path.display()))
}

/// A number that nobody could know who wrote a file.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
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
    /// Keys by type.
    pub(crate) types: BTreeMap<&'static str, u64>,
    /// Keys whose time was over.
    pub(crate) expired: u64,
    /// What there is no place for, by its kind.
    pub(crate) unsupported: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, item: &Item, now_ms: u64) {
        match item {
            Item::Key(key) if key.expires_ms.is_some_and(|at| at <= now_ms) => self.expired += 1,
            Item::Key(key) => *self.types.entry(key.type_name()).or_default() += 1,
            Item::Function(_) => {
                *self
                    .unsupported
                    .entry("a library of functions")
                    .or_default() += 1;
            }
            Item::Unsupported { what, .. } => {
                *self.unsupported.entry(what).or_default() += 1;
            }
            _ => {}
        }
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
            expired: 0,
            unsupported: BTreeMap::new(),
        };
        assert_eq!(tally.to_string(), "42 keys: 2 hash, 40 string");
        tally.add(&Tally {
            types: BTreeMap::from([("string", 1)]),
            expired: 3,
            unsupported: BTreeMap::from([("a stream", 1)]),
        });
        assert_eq!(
            tally.to_string(),
            "43 keys: 2 hash, 41 string; 3 expired; left out: 1 times a stream"
        );
    }
}
