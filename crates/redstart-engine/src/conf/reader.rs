//! Configuration files to lines: comments, quotes, `include`.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use redstart_protocol::words_of_line;

use crate::data::glob;

/// Bytes of all files together.
const BYTES_MAX: u64 = 1024 * 1024;

/// Files all in all.
const FILES_MAX: usize = 256;

/// How deep files may include files. One that includes itself ends here.
const DEPTH_MAX: usize = 16;

/// One directive, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// In lower case.
    pub name: String,
    /// What follows it.
    pub values: Vec<Vec<u8>>,
    /// Where it stands.
    pub origin: Origin,
}

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Among the arguments.
    CommandLine,
    /// In a file, in the line of this number.
    File(Arc<Path>, usize),
    /// In the line of this number of what came over standard input.
    StandardInput(usize),
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw(String);

/// Reads configurations and what they include. Its limits hold for everything it reads.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: u64,
    files: usize,
}

/// Takes a line, or what is wrong with it, before the next one is read: a directive may change
/// where relative paths after it are meant from.
type Take<'a> = &'a mut dyn FnMut(Result<Line, Flaw>);

impl Line {
    /// The values as one text, as they stood in the line but for their quotes.
    pub fn joined(&self) -> Vec<u8> {
        self.values.join(&b' ')
    }
}

impl Reader {
    /// One that takes nothing from files: what would be included is a flaw.
    pub fn without_files() -> Reader {
        Reader {
            bytes: 0,
            files: FILES_MAX,
        }
    }

    /// Reads a file. Its name may be a pattern, as Redis has it.
    pub fn file(&mut self, path: &Path, take: Take<'_>) {
        if let Err(flaw) = self.files_at(path, 0, take) {
            take(Err(flaw));
        }
    }

    /// Reads a text that did not come from a file.
    pub fn text(&mut self, text: &[u8], origin: fn(usize) -> Origin, take: Take<'_>) {
        if let Err(flaw) = self.account(text.len() as u64) {
            return take(Err(flaw));
        }
        self.lines(text, &origin, 0, take);
    }

    /// A pattern that nothing matches is no flaw: directories of snippets may be empty.
    fn files_at(&mut self, path: &Path, depth: usize, take: Take<'_>) -> Result<(), Flaw> {
        if depth > DEPTH_MAX {
            let reason = format!("files include files more than {DEPTH_MAX} deep");
            return Err(Flaw::new(&path.display().to_string(), &reason));
        }
        match path.to_str().is_some_and(is_pattern) {
            false => self.one_file(path, depth, take),
            true => matches(path)
                .iter()
                .try_for_each(|path| self.one_file(path, depth, take)),
        }
    }

    fn one_file(&mut self, path: &Path, depth: usize, take: Take<'_>) -> Result<(), Flaw> {
        let shown = path.display().to_string();
        let unreadable = |error: io::Error| Flaw(format!("cannot read {shown}: {error}"));
        self.files += 1;
        if self.files > FILES_MAX {
            let reason = "too many files are included";
            return Err(Flaw::new(&shown, reason));
        }
        let mut text = Vec::new();
        let mut file = File::open(path).map_err(unreadable)?.take(BYTES_MAX + 1);
        file.read_to_end(&mut text).map_err(unreadable)?;
        self.account(text.len() as u64)?;
        let path: Arc<Path> = path.into();
        let origin = |number| Origin::File(Arc::clone(&path), number);
        self.lines(&text, &origin, depth, take);
        Ok(())
    }

    fn account(&mut self, bytes: u64) -> Result<(), Flaw> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes <= BYTES_MAX {
            true => Ok(()),
            false => Err(Flaw("a configuration of more than 1 MiB is refused".into())),
        }
    }

    fn lines(
        &mut self,
        text: &[u8],
        origin: &dyn Fn(usize) -> Origin,
        depth: usize,
        take: Take<'_>,
    ) {
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = trimmed(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let origin = origin(index + 1);
            match directive(line, origin) {
                Err(flaw) => take(Err(flaw)),
                Ok(None) => {}
                Ok(Some(line)) if line.name == "include" => {
                    if let Err(flaw) = self.include(&line, depth, take) {
                        take(Err(flaw));
                    }
                }
                Ok(Some(line)) => take(Ok(line)),
            }
        }
    }

    fn include(&mut self, line: &Line, depth: usize, take: Take<'_>) -> Result<(), Flaw> {
        let flawed = |reason: &str| Err(line.origin.flaw("include", reason));
        let [path] = line.values.as_slice() else {
            return flawed("takes one value");
        };
        let Ok(path) = str::from_utf8(path) else {
            return flawed("the path is not UTF-8");
        };
        let read = self.files_at(Path::new(path), depth + 1, take);
        read.map_err(|Flaw(reason)| line.origin.flaw("include", &reason))
    }
}

/// The directive in a line, unless nothing but white space is there.
fn directive(line: &[u8], origin: Origin) -> Result<Option<Line>, Flaw> {
    if line.contains(&0) {
        return Err(origin.flaw("", "a zero byte"));
    }
    let Some(mut words) = words_of_line(line) else {
        // The line is not repeated: it may be that of a password.
        return Err(origin.flaw("", "a quote is not closed, or not followed by a space"));
    };
    if words.is_empty() {
        return Ok(None);
    }
    let name = String::from_utf8_lossy(&words.remove(0)).to_ascii_lowercase();
    Ok(Some(Line {
        name,
        values: words,
        origin,
    }))
}

/// Without white space at either end.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !b" \t\r\n".contains(byte);
    let start = line.iter().position(is_text).unwrap_or(line.len());
    let end = line
        .iter()
        .rposition(is_text)
        .map_or(start, |last| last + 1);
    &line[start..end]
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files that match a pattern, in order of their names. Stars and question marks stand for no
/// slash and for no dot at the beginning of a name, as in a shell.
fn matches(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        found = match component {
            Component::Normal(name) if name.to_str().is_some_and(is_pattern) => {
                let name = name.to_string_lossy().replace("[!", "[^");
                found
                    .iter()
                    .flat_map(|directory| names_like(directory, &name))
                    .take(FILES_MAX + 1)
                    .collect()
            }
            other => found.iter().map(|path| path.join(other)).collect(),
        };
    }
    found.retain(|path| path.exists());
    found
}

fn names_like(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let place = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let matches = |name: &str| {
        name.starts_with('.') == pattern.starts_with('.')
            && glob::matches(pattern.as_bytes(), name.as_bytes())
    };
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| matches(name)).collect();
    names.sort_unstable();
    names.iter().map(|name| directory.join(name)).collect()
}

impl Origin {
    /// A directive as the user wrote it, with the place where that was.
    pub fn spell(&self, directive: &str) -> String {
        let place = match self {
            Origin::CommandLine if directive.starts_with('-') => return directive.to_owned(),
            Origin::CommandLine => return format!("--{directive}"),
            Origin::File(path, line) => format!("{}:{line}", path.display()),
            Origin::StandardInput(line) => format!("standard input:{line}"),
        };
        match directive {
            "" => place,
            _ => format!("{place}: {directive}"),
        }
    }

    /// What is wrong with the directive that stands here.
    pub fn flaw(&self, directive: &str, reason: &str) -> Flaw {
        Flaw::new(&self.spell(directive), reason)
    }
}

impl Flaw {
    fn new(place: &str, reason: &str) -> Flaw {
        Flaw(format!("{place}: {reason}"))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Flaw {}

#[cfg(test)]
mod tests;
