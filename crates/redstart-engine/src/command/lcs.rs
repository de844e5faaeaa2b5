//! LCS: the longest common subsequence of two strings.
//!
//! The classical dynamic programme (Hirschberg 1975 gives its history), over a table of
//! `(len a + 1) * (len b + 1)` 32-bit lengths; a table that does not fit the limit of a string's
//! length is refused.

use redstart_protocol::Value;

use super::args::{Args, integer};
use super::ctx::Ctx;
use super::error::CommandError;
use crate::keyspace::object::StringView;

#[derive(Default)]
struct Rule {
    index: bool,
    length_only: bool,
    min_match_len: u64,
    with_match_len: bool,
}

impl Rule {
    fn parse(args: &mut Args<'_>) -> Result<Rule, CommandError> {
        let mut rule = Rule::default();
        while args.left() > 0 {
            if args.accept("IDX") {
                rule.index = true;
            } else if args.accept("LEN") {
                rule.length_only = true;
            } else if args.accept("WITHMATCHLEN") {
                rule.with_match_len = true;
            } else if args.left() > 1 && args.accept("MINMATCHLEN") {
                rule.min_match_len = u64::try_from(integer(args.next()?)?).unwrap_or(0);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        match rule.index && rule.length_only {
            true => Err(CommandError::new(
                "ERR If you want both the length and indexes, please just use IDX.",
            )),
            false => Ok(rule),
        }
    }
}

pub(super) fn lcs(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let not_strings = |_| CommandError::new("ERR The specified keys must contain string values");
    let [a, b]: [Result<Vec<u8>, CommandError>; 2] = [args[1], args[2]].map(|key| {
        let string = ctx.read_string(key).map_err(not_strings)?;
        Ok(string.map(StringView::to_vec).unwrap_or_default())
    });
    let (a, b) = (a?, b?);
    let rule = Rule::parse(&mut Args::at(args, 3))?;
    if a.len() >= u32::MAX as usize - 1 || b.len() >= u32::MAX as usize - 1 {
        return Err(CommandError::new("ERR String too long for LCS"));
    }
    let limit = ctx
        .env
        .config
        .proto_max_bulk_len
        .load(std::sync::atomic::Ordering::Relaxed);
    let bytes = (a.len() as u64 + 1) * (b.len() as u64 + 1) * size_of::<u32>() as u64;
    if bytes > limit.max(1 << 20) {
        return Err(CommandError::new(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }

    let table = Lengths::of(&a, &b);
    if rule.length_only {
        return Ok(Value::from(table.total()));
    }
    let (common, ranges) = table.trace(&a, &b);
    if !rule.index {
        return Ok(Value::bulk(common));
    }
    let matches = ranges
        .into_iter()
        .filter(|range| range.len as u64 >= rule.min_match_len);
    Ok(Value::Map(vec![
        (
            Value::bulk("matches"),
            Value::Array(
                matches
                    .map(|range| range.reply(rule.with_match_len))
                    .collect(),
            ),
        ),
        (Value::bulk("len"), Value::from(table.total())),
    ]))
}

/// The length of the longest common subsequence of every pair of prefixes.
struct Lengths {
    cells: Vec<u32>,
    width: usize,
}

/// A run of equal bytes: where it starts in each string, and how long it is.
struct Range {
    a: usize,
    b: usize,
    len: usize,
}

impl Range {
    fn reply(&self, with_len: bool) -> Value {
        let span = |start: usize| {
            Value::Array(vec![Value::from(start), Value::from(start + self.len - 1)])
        };
        let mut parts = vec![span(self.a), span(self.b)];
        if with_len {
            parts.push(Value::from(self.len));
        }
        Value::Array(parts)
    }
}

impl Lengths {
    fn of(a: &[u8], b: &[u8]) -> Lengths {
        let width = b.len() + 1;
        let mut cells = vec![0u32; (a.len() + 1) * width];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                cells[(i + 1) * width + j + 1] = match x == y {
                    true => cells[i * width + j] + 1,
                    false => cells[i * width + j + 1].max(cells[(i + 1) * width + j]),
                };
            }
        }
        Lengths { cells, width }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    fn total(&self) -> usize {
        self.cells.last().map_or(0, |&len| len as usize)
    }

    /// Walks back from the ends: the subsequence, and its runs from the last to the first.
    fn trace(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Range>) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut common = Vec::with_capacity(self.total());
        let mut ranges: Vec<Range> = Vec::new();
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                common.push(a[i]);
                match ranges.last_mut() {
                    Some(run) if run.a == i + 1 && run.b == j + 1 => {
                        *run = Range {
                            a: i,
                            b: j,
                            len: run.len + 1,
                        };
                    }
                    _ => ranges.push(Range { a: i, b: j, len: 1 }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        common.reverse();
        (common, ranges)
    }
}
