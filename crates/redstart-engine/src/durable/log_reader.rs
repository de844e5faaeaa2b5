//! Reads a log of commands, batch by batch, and says where it stops making sense.
//!
//! What we wrote is checked against its annotation; what a redis-server wrote is taken as it is,
//! each command or transaction a batch of its own.

use std::io::{self, Read};
use std::ops::Range;

use thiserror::Error;

use super::batch::{Annotation, PREFIX};

/// Read at once.
const CHUNK: usize = 256 * 1024;
/// The longest argument, as in Redis' protocol.
const ARG_MAX: u64 = 512 * 1024 * 1024;
/// The longest annotation that a redis-server skips.
const LINE_MAX: usize = 1_024;
/// The longest line that announces a number.
const NUMBER_MAX: usize = 32;

/// In place of the number of a batch. The first is 1.
const UNKNOWN: u64 = 0;

/// A log that is being read.
pub(crate) struct LogReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the next batch begins in the buffer.
    start: usize,
    /// Where that is in the file.
    offset: u64,
    /// There is no more to read than what is in the buffer.
    ended: bool,
    /// The number that the next batch must have, if it has one.
    next_lsn: u64,
    batch: Layout,
}

/// Where the commands of a batch are in the buffer.
#[derive(Debug, Default)]
struct Layout {
    args: Vec<Range<usize>>,
    /// For each command, where its arguments end in `args`.
    ends: Vec<usize>,
}

/// Commands that belong together.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// Where it begins in the file.
    pub(crate) offset: u64,
    buffer: &'a [u8],
    layout: &'a Layout,
}

/// Why a log cannot be read on.
#[derive(Debug)]
pub(crate) struct Flaw {
    /// Where the batch begins that makes no sense: what is before is good.
    pub(crate) batch_at: u64,
    /// Where the sense ends.
    pub(crate) at: u64,
    pub(crate) kind: FlawKind,
}

/// What is wrong with a log.
#[derive(Debug, Error)]
pub(crate) enum FlawKind {
    /// It ends in the middle of a batch.
    #[error("it ends in the middle of a command or transaction")]
    Truncated,
    /// It says what no log says.
    #[error("{0}")]
    Format(&'static str),
    #[error("cannot read: {0}")]
    Io(io::Error),
}

impl<R: Read> LogReader<R> {
    /// A reader of a file's beginning. `next_lsn`: the number of its first batch.
    pub(crate) fn new(source: R, next_lsn: u64) -> LogReader<R> {
        LogReader::at(source, 0, next_lsn)
    }

    /// A reader from this byte on of a file of which nothing is known.
    pub(crate) fn of_unknown(source: R, offset: u64) -> LogReader<R> {
        LogReader::at(source, offset, UNKNOWN)
    }

    /// A reader from this byte of a file on.
    pub(crate) fn at(source: R, offset: u64, next_lsn: u64) -> LogReader<R> {
        LogReader {
            source,
            buffer: Vec::new(),
            start: 0,
            offset,
            ended: false,
            next_lsn,
            batch: Layout::default(),
        }
    }

    /// The number that the next batch must have, if it has one.
    pub(crate) fn next_lsn(&self) -> u64 {
        self.next_lsn
    }

    /// Where the next batch begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next batch; `None` at the end of the log.
    pub(crate) fn next(&mut self) -> Result<Option<Batch<'_>>, Flaw> {
        self.forget_consumed();
        self.batch.args.clear();
        self.batch.ends.clear();
        let mut at = self.start;
        let outcome = self.read_batch(&mut at);
        let begun = self.start;
        let offset = self.offset;
        match outcome {
            Ok(false) => Ok(None),
            Ok(true) => {
                self.offset += (at - begun) as u64;
                self.start = at;
                Ok(Some(Batch {
                    offset,
                    buffer: &self.buffer,
                    layout: &self.batch,
                }))
            }
            Err(kind) => Err(Flaw {
                batch_at: offset,
                at: offset + (at - begun) as u64,
                kind,
            }),
        }
    }

    /// Reads one batch from `at` on, which is left where reading ended; whether there was one.
    fn read_batch(&mut self, at: &mut usize) -> Result<bool, FlawKind> {
        loop {
            match self.peek(*at)? {
                None => return Ok(false),
                Some(b'*') => {
                    self.read_foreign(at)?;
                    return Ok(true);
                }
                Some(b'#') => {
                    let line = self.line(*at, LINE_MAX)?;
                    let text = &self.buffer[line.clone()];
                    if text.starts_with(PREFIX) {
                        let annotation = Annotation::parse(text)
                            .ok_or(FlawKind::Format("a malformed annotation"))?;
                        *at = line.end;
                        self.read_own(at, &annotation)?;
                        return Ok(true);
                    }
                    // An annotation of somebody else's, such as the time.
                    *at = line.end;
                }
                Some(_) => return Err(FlawKind::Format("neither a command nor an annotation")),
            }
        }
    }

    /// Reads the commands under an annotation of ours.
    fn read_own(&mut self, at: &mut usize, annotation: &Annotation) -> Result<(), FlawKind> {
        let lsn = annotation.lsn;
        if self.next_lsn != lsn && self.next_lsn != UNKNOWN {
            return Err(FlawKind::Format("a batch out of sequence"));
        }
        let commands_at = *at;
        for _ in 0..annotation.commands {
            self.read_command(at)?;
        }
        if !annotation.covers(&self.buffer[commands_at..*at]) {
            *at = commands_at;
            return Err(FlawKind::Format("a batch that does not match its checksum"));
        }
        self.next_lsn = lsn
            .checked_add(1)
            .ok_or(FlawKind::Format("a number too large"))?;
        Ok(())
    }

    /// Reads a command without an annotation, or a whole transaction of them.
    fn read_foreign(&mut self, at: &mut usize) -> Result<(), FlawKind> {
        self.read_command(at)?;
        if !self.last_command_is(b"multi") {
            return Ok(());
        }
        while !self.last_command_is(b"exec") {
            match self.peek(*at)? {
                None => return Err(FlawKind::Truncated),
                Some(b'#') => {
                    let line = self.line(*at, LINE_MAX)?;
                    if self.buffer[line.clone()].starts_with(PREFIX) {
                        return Err(FlawKind::Format("a transaction without its end"));
                    }
                    *at = line.end;
                }
                Some(_) => self.read_command(at)?,
            }
        }
        Ok(())
    }

    fn last_command_is(&self, name: &[u8]) -> bool {
        let ends = &self.batch.ends;
        let first = ends.len().checked_sub(2).map_or(0, |before| ends[before]);
        let is_it = |range: &Range<usize>| self.buffer[range.clone()].eq_ignore_ascii_case(name);
        self.batch.args.get(first).is_some_and(is_it)
    }

    /// Reads one command: an array of at least one bulk string.
    fn read_command(&mut self, at: &mut usize) -> Result<(), FlawKind> {
        let count = self.number(at, b'*', u64::MAX)?;
        if count == 0 {
            return Err(FlawKind::Format("a command without a name"));
        }
        for _ in 0..count {
            let len = self.number(at, b'$', ARG_MAX)? as usize;
            let end = *at + len;
            if !self.fill(end + 2)? {
                return Err(FlawKind::Truncated);
            }
            if &self.buffer[end..end + 2] != b"\r\n" {
                *at = end;
                return Err(FlawKind::Format("an argument longer than announced"));
            }
            self.batch.args.push(*at..end);
            *at = end + 2;
        }
        self.batch.ends.push(self.batch.args.len());
        Ok(())
    }

    /// Reads a line that announces how many there are of something.
    fn number(&mut self, at: &mut usize, kind: u8, most: u64) -> Result<u64, FlawKind> {
        const NOT_A_NUMBER: FlawKind = FlawKind::Format("no number where one belongs");
        match self.peek(*at)? {
            None => return Err(FlawKind::Truncated),
            Some(found) if found == kind => {}
            Some(_) => return Err(FlawKind::Format("something else where an argument belongs")),
        }
        let line = self.line(*at, NUMBER_MAX)?;
        let text = &self.buffer[line.start + 1..line.end];
        let digits = text.strip_suffix(b"\r\n").ok_or(NOT_A_NUMBER)?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(NOT_A_NUMBER);
        }
        let number = digits.iter().try_fold(0u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        match number {
            Some(number) if number <= most => {
                *at = line.end;
                Ok(number)
            }
            _ => Err(FlawKind::Format("a number too large")),
        }
    }

    /// A line from `at` on, its end included.
    fn line(&mut self, at: usize, longest: usize) -> Result<Range<usize>, FlawKind> {
        let mut looked_at = at;
        loop {
            let found = self.buffer[looked_at..]
                .iter()
                .position(|&byte| byte == b'\n');
            if let Some(found) = found {
                let end = looked_at + found + 1;
                return match end - at <= longest {
                    true => Ok(at..end),
                    false => Err(FlawKind::Format("a line too long")),
                };
            }
            if self.buffer.len() - at > longest {
                return Err(FlawKind::Format("a line too long"));
            }
            looked_at = self.buffer.len();
            if !self.fill(looked_at + 1)? {
                return Err(FlawKind::Truncated);
            }
        }
    }

    fn peek(&mut self, at: usize) -> Result<Option<u8>, FlawKind> {
        self.fill(at + 1)?;
        Ok(self.buffer.get(at).copied())
    }

    /// Reads on until there are `len` bytes in the buffer; whether there are.
    fn fill(&mut self, len: usize) -> Result<bool, FlawKind> {
        while self.buffer.len() < len && !self.ended {
            let wanted = CHUNK.max(len - self.buffer.len()) as u64;
            let read = Read::by_ref(&mut self.source)
                .take(wanted)
                .read_to_end(&mut self.buffer);
            self.ended = read.map_err(FlawKind::Io)? == 0;
        }
        Ok(self.buffer.len() >= len)
    }

    /// Lets go of the batches before this one, now and then.
    fn forget_consumed(&mut self) {
        if self.start > CHUNK / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}

impl<'a> Batch<'a> {
    /// The commands, without the MULTI and EXEC that hold them together.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &'a [Range<usize>]> {
        let (layout, buffer) = (self.layout, self.buffer);
        let starts = std::iter::once(0).chain(layout.ends.iter().copied());
        starts
            .zip(&layout.ends)
            .map(|(start, &end)| &layout.args[start..end])
            .filter(move |args| {
                let name = &buffer[args[0].clone()];
                !name.eq_ignore_ascii_case(b"multi") && !name.eq_ignore_ascii_case(b"exec")
            })
    }

    /// An argument of a command.
    pub(crate) fn arg(&self, range: &Range<usize>) -> &'a [u8] {
        &self.buffer[range.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{BatchEncoder, command};
    use super::*;
    use crate::keyspace::change::Effect;

    type Commands = Vec<Vec<Vec<u8>>>;

    /// Everything that can be read, and why reading ended.
    fn read(log: &[u8]) -> (Vec<Commands>, Option<Flaw>) {
        let (mut reader, mut batches) = (LogReader::new(log, 1), Vec::new());
        loop {
            match reader.next() {
                Ok(None) => return (batches, None),
                Err(flaw) => return (batches, Some(flaw)),
                Ok(Some(batch)) => {
                    let arg = |range| batch.arg(range).to_vec();
                    let commands = batch.commands();
                    batches.push(
                        commands
                            .map(|args| args.iter().map(arg).collect())
                            .collect(),
                    );
                }
            }
        }
    }

    fn log_of(commands: &[&str]) -> Vec<u8> {
        let mut log = Vec::new();
        for words in commands {
            command(&mut log, &words.split(' ').collect::<Vec<_>>());
        }
        log
    }

    #[test]
    fn commands_of_others_are_batches_of_their_own_and_transactions_too() {
        let mut log = log_of(&["SELECT 0", "SET a 1", "multi", "SET b 2"]);
        log.extend_from_slice(b"#TS:1700000000\r\n");
        log.extend(log_of(&["SET c 3", "EXEC", "DEL a"]));
        let (batches, flaw) = read(&log);
        assert!(flaw.is_none());
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 1, 2, 1]);
        assert_eq!(batches[2][1], [b"SET", &b"c"[..], b"3"]);
    }

    #[test]
    fn an_unfinished_transaction_is_cut_before_its_beginning() {
        let whole = log_of(&["SET a 1"]);
        let log = [whole.clone(), log_of(&["MULTI", "SET b 2"])].concat();
        let (batches, flaw) = read(&log);
        assert_eq!(batches.len(), 1);
        let flaw = flaw.expect("there is no EXEC");
        assert!(matches!(flaw.kind, FlawKind::Truncated));
        assert_eq!(flaw.batch_at, whole.len() as u64);
    }

    #[test]
    fn what_is_no_log_is_told_with_its_place() {
        for (log, at) in [
            (&b"SET a 1\r\n"[..], 0),
            (b"*0\r\n", 4),
            (b"*1\r\n+OK\r\n", 4),
            (b"*1\r\n$2\r\nPING\r\n", 10),
            (b"*1\r\n$-1\r\n", 4),
            (b"*1\r\n$999999999999\r\n", 4),
            (b"*99999999999999999999999\r\n", 0),
            (b"*1\n$4\r\nPING\r\n", 0),
            (b"#RS:nonsense\r\n", 0),
        ] {
            let (_, flaw) = read(log);
            let flaw = flaw.expect("it is no log");
            let text = log.escape_ascii();
            assert!(matches!(flaw.kind, FlawKind::Format(_)), "{text}: {flaw:?}");
            assert_eq!(flaw.at, at, "{text}");
        }
    }

    #[test]
    fn a_batch_that_is_missing_is_missed() {
        let (mut encoder, mut batches) = (BatchEncoder::default(), Vec::new());
        for lsn in 1..=3 {
            let effect = Effect {
                db: 0,
                args: vec![b"INCR".to_vec(), b"a".to_vec()],
            };
            let mut log = Vec::new();
            encoder.encode(lsn, None, &[effect], false, &mut log);
            batches.push(log);
        }
        assert!(read(&batches.concat()).1.is_none());
        let flaw = read(&[&batches[0][..], &batches[2]].concat()).1;
        let flaw = flaw.expect("the second is missing");
        assert_eq!(flaw.batch_at, batches[0].len() as u64);
    }

    #[test]
    fn long_arguments_and_many_commands_pass_through_the_buffer() {
        let long = "x".repeat(3 * CHUNK);
        let mut log = log_of(&[&format!("SET long {long}")]);
        for _ in 0..50_000 {
            log.extend(log_of(&["INCR a"]));
        }
        let (batches, flaw) = read(&log);
        assert!(flaw.is_none());
        assert_eq!(batches.len(), 50_001);
        assert_eq!(batches[0][0][2].len(), long.len());
    }
}
