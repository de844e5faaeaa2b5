//! How effects are written: Redis' own commands, each batch under a line of ours.
//!
//! A batch is what belongs together: the effects of one command, transaction or script. Before it
//! stands an annotation, a line that a redis-server skips:
//!
//! ```text
//! #RS:lsn=7 n=4 crc32c=0a1b2c3d
//! *1 $5 MULTI  *3 $3 SET …  *3 $3 SET …  *1 $4 EXEC
//! ```
//!
//! `lsn` numbers the batches of a log without gaps, `n` counts the commands that follow, and the
//! checksum covers the numbers and the commands. Where it changes what is known, `synced=5` says
//! up to which batch the log was safe on disk when this one was written: a flaw before that cannot
//! come from a crash.

use std::fmt::Write as _;

use super::crc32c::crc32c;
use crate::keyspace::change::Effect;

/// What every annotation of ours begins with.
pub(crate) const PREFIX: &[u8] = b"#RS:";

/// The line above a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) lsn: u64,
    pub(crate) commands: u64,
    pub(crate) synced: Option<u64>,
    pub(crate) checksum: u32,
}

impl Annotation {
    /// What the checksum covers besides the commands.
    fn write_numbers(text: &mut String, lsn: u64, commands: u64, synced: Option<u64>) {
        // Writing into a string cannot fail.
        let _ = write!(text, "lsn={lsn} n={commands}");
        if let Some(synced) = synced {
            let _ = write!(text, " synced={synced}");
        }
    }

    fn numbers(&self) -> String {
        let mut text = String::new();
        Annotation::write_numbers(&mut text, self.lsn, self.commands, self.synced);
        text
    }

    /// The annotation of a line, its end included. It is taken as we write it and in no other form.
    pub(crate) fn parse(line: &[u8]) -> Option<Annotation> {
        let text = line.strip_prefix(PREFIX)?.strip_suffix(b"\r\n")?;
        let text = std::str::from_utf8(text).ok()?;
        let mut found = Annotation {
            lsn: 0,
            commands: 0,
            synced: None,
            checksum: 0,
        };
        for word in text.split(' ') {
            let (name, number) = word.split_once('=')?;
            match name {
                "lsn" => found.lsn = number.parse().ok()?,
                "n" => found.commands = number.parse().ok()?,
                "synced" => found.synced = Some(number.parse().ok()?),
                "crc32c" => found.checksum = u32::from_str_radix(number, 16).ok()?,
                _ => return None,
            }
        }
        let (numbers, checksum) = (found.numbers(), found.checksum);
        (text == format!("{numbers} crc32c={checksum:08x}")).then_some(found)
    }

    /// Whether these are the bytes of its commands.
    pub(crate) fn covers(&self, commands: &[u8]) -> bool {
        crc32c(crc32c(0, self.numbers().as_bytes()), commands) == self.checksum
    }
}

/// Effects as commands, for a reader that executes them in order.
#[derive(Debug, Default)]
pub(crate) struct CommandStream {
    /// The database that the reader has selected by now.
    selected: Option<u8>,
    /// What was written since [`Self::clear`].
    bytes: Vec<u8>,
    /// A test's own fault: transactions are not wrapped.
    #[cfg(test)]
    pub(crate) without_multi: bool,
}

impl CommandStream {
    /// From here on there is a reader that has selected nothing yet.
    pub(crate) fn begin_reader(&mut self) {
        self.selected = None;
    }

    /// Writes effects, those that belong together as a transaction; how many commands that takes.
    pub(crate) fn effects(&mut self, effects: &[Effect], atomic: bool) -> u64 {
        let wrapped = atomic && effects.len() > 1;
        #[cfg(test)]
        let wrapped = wrapped && !self.without_multi;
        let mut count = 0;
        if wrapped {
            // The first SELECT goes before MULTI, where Redis puts it.
            count += self.select(effects[0].db) + self.command(&[b"MULTI"]);
        }
        for effect in effects {
            count += self.select(effect.db) + self.command(&effect.args);
        }
        if wrapped {
            count += self.command(&[b"EXEC"]);
        }
        count
    }

    /// Writes one command.
    pub(crate) fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> u64 {
        command(&mut self.bytes, args);
        1
    }

    /// Selects a database if another is selected; how many commands that took.
    fn select(&mut self, db: u8) -> u64 {
        if self.selected == Some(db) {
            return 0;
        }
        self.selected = Some(db);
        self.command(&[&b"SELECT"[..], db.to_string().as_bytes()])
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written. The memory of a larger batch is given back.
    pub(crate) fn clear(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}

/// Turns effects into the bytes of a log.
#[derive(Debug, Default)]
pub(crate) struct BatchEncoder {
    /// The commands of the batch at hand.
    pub(crate) commands: CommandStream,
    /// The numbers of the batch at hand, as text.
    numbers: String,
}

impl BatchEncoder {
    /// From here on the log goes on in another file, whose reader has selected nothing yet.
    pub(crate) fn begin_file(&mut self) {
        self.commands.begin_reader();
    }

    /// Appends a batch to `log`.
    pub(crate) fn encode(
        &mut self,
        lsn: u64,
        synced: Option<u64>,
        effects: &[Effect],
        atomic: bool,
        log: &mut Vec<u8>,
    ) {
        let count = self.commands.effects(effects, atomic);
        self.numbers.clear();
        Annotation::write_numbers(&mut self.numbers, lsn, count, synced);
        let commands = self.commands.bytes();
        let checksum = crc32c(crc32c(0, self.numbers.as_bytes()), commands);
        // Writing into a string cannot fail.
        let _ = write!(self.numbers, " crc32c={checksum:08x}\r\n");
        log.extend_from_slice(PREFIX);
        log.extend_from_slice(self.numbers.as_bytes());
        log.extend_from_slice(commands);
        self.commands.clear();
    }
}

/// Appends a command as a request.
pub(crate) fn command<A: AsRef<[u8]>>(bytes: &mut Vec<u8>, args: &[A]) {
    header(bytes, b'*', args.len());
    for arg in args {
        let arg = arg.as_ref();
        header(bytes, b'$', arg.len());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
}

fn header(bytes: &mut Vec<u8>, kind: u8, number: usize) {
    bytes.push(kind);
    match u8::try_from(number) {
        Ok(digit @ 0..=9) => bytes.push(b'0' + digit),
        _ => bytes.extend_from_slice(number.to_string().as_bytes()),
    }
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(db: u8, words: &str) -> Effect {
        let args = words.split(' ').map(|word| word.as_bytes().to_vec());
        Effect {
            db,
            args: args.collect(),
        }
    }

    #[test]
    fn a_transaction_is_wrapped_and_a_database_selected_once() {
        let (mut encoder, mut log) = (BatchEncoder::default(), Vec::new());
        encoder.encode(1, None, &[effect(2, "DEL a")], true, &mut log);
        let both = [effect(2, "DEL a"), effect(0, "DEL b")];
        encoder.encode(2, Some(1), &both, true, &mut log);
        let text = String::from_utf8(log).expect("the log of these is text");
        let lines: Vec<&str> = text
            .split("\r\n")
            .filter(|line| !line.starts_with(['*', '$']))
            .map(|line| line.split(" crc32c=").next().unwrap_or_default())
            .collect();
        assert_eq!(
            lines.join(" "),
            "#RS:lsn=1 n=2 SELECT 2 DEL a #RS:lsn=2 n=5 synced=1 MULTI DEL a SELECT 0 DEL b EXEC "
        );
    }

    #[test]
    fn an_annotation_is_read_as_it_is_written_and_not_otherwise() {
        let (mut encoder, mut log) = (BatchEncoder::default(), Vec::new());
        encoder.encode(7, Some(3), &[effect(0, "DEL a")], false, &mut log);
        let end = log.windows(2).position(|pair| pair == b"\r\n");
        let (line, commands) = log.split_at(end.expect("a line") + 2);
        let annotation = Annotation::parse(line).expect("our own line");
        assert_eq!((annotation.lsn, annotation.commands), (7, 2));
        assert_eq!(annotation.synced, Some(3));
        assert!(annotation.covers(commands));
        for at in 0..log.len() {
            for bit in 0..8 {
                let mut bad = log.clone();
                bad[at] ^= 1 << bit;
                let (line, commands) = bad.split_at(line.len());
                let accepted = Annotation::parse(line).is_some_and(|found| found.covers(commands));
                assert!(!accepted, "byte {at}, bit {bit}");
            }
        }
        assert_eq!(
            Annotation::parse(b"#RS:lsn=+7 n=1 crc32c=00000000\r\n"),
            None
        );
        assert_eq!(
            Annotation::parse(b"#RS:n=1 lsn=7 crc32c=00000000\r\n"),
            None
        );
    }
}
