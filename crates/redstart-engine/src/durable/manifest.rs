//! The manifest: which files make up an append-only log, in Redis' format.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.3.incr.aof seq 3 type i
//! ```
//!
//! A base and what was appended since, in order. Files of type `h` are history, to be removed.

use std::fmt::Write;

/// Which part of a log a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Base,
    Incr,
    History,
}

/// One file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) seq: u64,
    pub(crate) part: Part,
}

/// The files of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) base: Option<Member>,
    pub(crate) incrs: Vec<Member>,
    pub(crate) history: Vec<Member>,
}

/// The names of the files that a log's manifest lists, in the order in which they are read. They lie
/// beside it.
///
/// # Errors
///
/// It is no manifest; the line is named.
pub fn files_of_manifest(text: &[u8]) -> Result<Vec<String>, String> {
    let manifest = Manifest::parse(text).map_err(|(line, flaw)| format!("line {line}: {flaw}"))?;
    Ok(manifest.read_order().map(|it| it.name.clone()).collect())
}

/// The longest line, as in Redis.
const LINE_MAX: usize = 1_024;

impl Manifest {
    /// The manifest that `text` writes, or what is wrong with which of its lines.
    pub(crate) fn parse(text: &[u8]) -> Result<Manifest, (usize, &'static str)> {
        let mut manifest = Manifest::default();
        let text = std::str::from_utf8(text).map_err(|_| (1, "the manifest is no text"))?;
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            manifest.add(line).map_err(|flaw| (index + 1, flaw))?;
        }
        match manifest.base.is_none() && manifest.incrs.is_empty() {
            true => Err((1, "the manifest names no file")),
            false => Ok(manifest),
        }
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        if line.len() > LINE_MAX {
            return Err("the line is too long");
        }
        let words = words(line).ok_or("a quotation mark is missing")?;
        let (mut name, mut seq, mut part) = (None, None, None);
        for pair in words.chunks(2) {
            let [key, value] = pair else {
                return Err("a value is missing");
            };
            match key.to_ascii_lowercase().as_str() {
                "file" if value.contains(['/', '\\']) || value == ".." => {
                    return Err("a file must be in the directory itself");
                }
                "file" => name = Some(value.clone()),
                "seq" => seq = value.parse().ok(),
                "type" => part = Part::of(value),
                // Of a later version, which tells more.
                _ => {}
            }
        }
        let (Some(name), Some(seq), Some(part)) = (name, seq, part) else {
            return Err("a line must name a file, its number and its type");
        };
        let member = Member { name, seq, part };
        match part {
            Part::Base if self.base.is_some() => return Err("there is a second base"),
            Part::Base => self.base = Some(member),
            Part::Incr if self.incrs.last().is_some_and(|last| last.seq >= seq) => {
                return Err("the numbers do not rise");
            }
            Part::Incr => self.incrs.push(member),
            Part::History => self.history.push(member),
        }
        Ok(())
    }

    /// The text of the manifest, in Redis' order.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for member in self.base.iter().chain(&self.history).chain(&self.incrs) {
            let Member { name, seq, part } = member;
            let (name, letter) = (quoted(name), part.letter());
            // Writing into a string cannot fail.
            let _ = writeln!(text, "file {name} seq {seq} type {letter}");
        }
        text
    }

    /// Every file that the log is read from, in order.
    pub(crate) fn read_order(&self) -> impl Iterator<Item = &Member> {
        self.base.iter().chain(&self.incrs)
    }

    /// A number that no incremental file has had yet.
    pub(crate) fn next_incr(&self) -> u64 {
        self.incrs
            .last()
            .map_or(0, |last| last.seq)
            .max(self.highest(Part::Incr))
            + 1
    }

    /// A number that no base has had yet.
    pub(crate) fn next_base(&self) -> u64 {
        self.base
            .as_ref()
            .map_or(0, |base| base.seq)
            .max(self.highest(Part::Base))
            + 1
    }

    /// The highest number among the history of such files.
    fn highest(&self, part: Part) -> u64 {
        let word = match part {
            Part::Base => ".base.",
            Part::Incr | Part::History => ".incr.",
        };
        let of_part = self
            .history
            .iter()
            .filter(|member| member.name.contains(word));
        of_part.map(|member| member.seq).max().unwrap_or(0)
    }

    /// Declares all that the log was read from so far to be history, but for the files from
    /// `first_incr` on, and `base` what they build on.
    pub(crate) fn rebase(&mut self, base: Member, first_incr: u64) {
        let older = |member: &Member| member.seq < first_incr;
        let (old, kept) = self.incrs.drain(..).partition(older);
        self.incrs = kept;
        let old: Vec<Member> = old;
        for mut member in self.base.replace(base).into_iter().chain(old) {
            member.part = Part::History;
            self.history.push(member);
        }
    }
}

impl Part {
    fn of(letter: &str) -> Option<Part> {
        match letter {
            "b" => Some(Part::Base),
            "i" => Some(Part::Incr),
            "h" => Some(Part::History),
            _ => None,
        }
    }

    fn letter(self) -> char {
        match self {
            Part::Base => 'b',
            Part::Incr => 'i',
            Part::History => 'h',
        }
    }
}

/// The words of a line. One in quotation marks may hold spaces and escaped characters.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut rest) = (Vec::new(), line.trim_start());
    while !rest.is_empty() {
        let (word, left) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
            Some(inside) => {
                let mut word = String::new();
                let mut letters = inside.char_indices();
                let end = loop {
                    match letters.next()? {
                        (at, '"') => break at,
                        (_, '\\') => word.push(letters.next()?.1),
                        (_, letter) => word.push(letter),
                    }
                };
                (word, &inside[end + 1..])
            }
        };
        words.push(word);
        rest = left.trim_start();
    }
    Some(words)
}

/// A name as the manifest writes it: in quotation marks if it would be taken apart otherwise.
fn quoted(name: &str) -> String {
    match name.contains([' ', '"', '\'', '\\']) {
        false => name.to_owned(),
        true => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.base.rdb seq 1 type h\n\
                        file appendonly.aof.3.incr.aof seq 3 type i\n\
                        file appendonly.aof.4.incr.aof seq 4 type i\n";

    #[test]
    fn a_manifest_is_written_as_it_was_read() {
        let manifest = Manifest::parse(TEXT.as_bytes()).expect("it is a manifest");
        assert_eq!(manifest.text(), TEXT);
        assert_eq!((manifest.next_base(), manifest.next_incr()), (3, 5));
        let odd = "# a comment\nFILE \"with \\\"space\" TYPE i seq 1 more words\n";
        let manifest = Manifest::parse(odd.as_bytes()).expect("it is a manifest");
        assert_eq!(manifest.incrs[0].name, "with \"space");
        assert_eq!(manifest.text(), "file \"with \\\"space\" seq 1 type i\n");
    }

    #[test]
    fn flaws_are_told_with_their_line() {
        for (text, line) in [
            ("", 1),
            ("# only a comment\n", 1),
            ("file a seq 1 type b\nfile b seq 2 type b\n", 2),
            ("file a seq 2 type i\nfile b seq 2 type i\n", 2),
            ("file a seq 1\n", 1),
            ("file a seq x type i\n", 1),
            ("file a seq 1 type x\n", 1),
            ("file ../a seq 1 type i\n", 1),
            ("file \"a seq 1 type i\n", 1),
            ("file a seq 1 type\n", 1),
        ] {
            let flaw = Manifest::parse(text.as_bytes()).expect_err(text);
            assert_eq!(flaw.0, line, "{text}");
        }
    }

    #[test]
    fn a_new_base_makes_history_of_what_it_holds() {
        let mut manifest = Manifest::parse(TEXT.as_bytes()).expect("it is a manifest");
        let base = Member {
            name: "appendonly.aof.3.base.rdb".into(),
            seq: 3,
            part: Part::Base,
        };
        manifest.rebase(base, 4);
        let history: Vec<&str> = manifest
            .history
            .iter()
            .map(|old| old.name.as_str())
            .collect();
        assert_eq!(
            history,
            [
                "appendonly.aof.1.base.rdb",
                "appendonly.aof.2.base.rdb",
                "appendonly.aof.3.incr.aof"
            ]
        );
        assert_eq!((manifest.next_base(), manifest.next_incr()), (4, 5));
    }
}
