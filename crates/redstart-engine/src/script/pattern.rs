//! How long Lua's pattern matching would take, found out before Lua does it.
//!
//! Lua 5.1 matches by backtracking, in C, where no hook interrupts it: a short pattern can run for
//! years, and a long one can exhaust the thread's stack. So a search whose worst case is not plainly
//! small is tried here first, step by step and interruptible. Lua then takes the very same steps, and
//! its results, captures and messages stay its own. A malformed pattern ends the trial, since Lua
//! finds the same fault at the same step.

use super::error::{Outcome, Raise};

/// A text and a pattern to be found in it.
#[derive(Clone, Copy)]
pub(crate) struct Search<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    anchored: bool,
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    Match {
        start: usize,
        end: usize,
    },
    NoMatch,
    /// Lua will raise an error.
    Malformed,
}

impl<'a> Search<'a> {
    /// As `string.find`, `string.match` and `string.gsub` take a pattern: `^` in front anchors it.
    pub(crate) fn new(subject: &'a [u8], pattern: &'a [u8]) -> Search<'a> {
        let pattern = until_nul(pattern);
        let stripped = pattern.strip_prefix(b"^");
        Search {
            subject,
            pattern: stripped.unwrap_or(pattern),
            anchored: stripped.is_some(),
        }
    }

    /// As `string.gmatch` takes it: nothing anchors it.
    pub(crate) fn unanchored(subject: &'a [u8], pattern: &'a [u8]) -> Search<'a> {
        Search {
            subject,
            pattern: until_nul(pattern),
            anchored: false,
        }
    }

    /// Whether going through the whole subject takes little time however it goes.
    pub(crate) fn is_harmless(&self) -> bool {
        const STEPS_MAX: u64 = 1 << 22;
        const ITEMS_MAX: usize = 200;
        let Shape { items, repeats } = shape(self.pattern);
        let length = self.subject.len() as u64 + 1;
        let starts = if self.anchored { 1 } else { length };
        let worst = (0..repeats).try_fold(starts * (items as u64 + 1), |steps, _| {
            steps
                .checked_mul(length)
                .filter(|&steps| steps <= STEPS_MAX)
        });
        items <= ITEMS_MAX && worst.is_some_and(|steps| steps <= STEPS_MAX)
    }

    /// Looks for the first match at `from` or behind it.
    pub(crate) fn find(&self, from: usize, charge: Charge<'_>) -> Outcome<Trial> {
        let mut matcher = Matcher::new(self, charge);
        for start in from..=self.subject.len() {
            matcher.level = 0;
            match matcher.run(start, self.pattern, 0) {
                Ok(Some(end)) => return Ok(Trial::Match { start, end }),
                Ok(None) if self.anchored => break,
                Ok(None) => {}
                Err(Halt::Malformed) => return Ok(Trial::Malformed),
                Err(Halt::Raise(raise)) => return Err(raise),
            }
        }
        Ok(Trial::NoMatch)
    }

    /// Goes through up to `matches_max` matches as `string.gsub` does.
    pub(crate) fn substitute(&self, matches_max: usize, charge: Charge<'_>) -> Outcome<()> {
        let mut from = 0;
        for _ in 0..matches_max {
            let Trial::Match { start, end } = self.find(from, charge)? else {
                break;
            };
            from = if end > start { end } else { start + 1 };
            if self.anchored || from > self.subject.len() {
                break;
            }
        }
        Ok(())
    }
}

/// Is told about work, and says whether to go on.
pub(crate) type Charge<'a> = &'a dyn Fn(u64) -> Outcome<()>;

/// Whether `string.find` takes this pattern for plain text.
pub(crate) fn is_plain(pattern: &[u8]) -> bool {
    !until_nul(pattern)
        .iter()
        .any(|byte| b"^$*+?.([%-".contains(byte))
}

/// Finds plain text in time proportional to both lengths, which C's way does not guarantee.
pub(crate) fn find_plain(
    subject: &[u8],
    needle: &[u8],
    from: usize,
    charge: Charge<'_>,
) -> Outcome<Option<usize>> {
    charge((subject.len() + needle.len()) as u64)?;
    let Some(&last) = needle.last() else {
        return Ok(Some(from));
    };
    // Knuth, Morris and Pratt: after a mismatch go on with the longest beginning of the needle that
    // ends where the text stands.
    let mut borders = vec![0; needle.len()];
    let mut border = 0;
    for index in 1..needle.len() {
        while border > 0 && needle[index] != needle[border] {
            border = borders[border - 1];
        }
        border += usize::from(needle[index] == needle[border]);
        borders[index] = border;
    }
    let mut matched = 0;
    for (index, &byte) in subject.iter().enumerate().skip(from) {
        while matched > 0 && byte != needle[matched] {
            matched = borders[matched - 1];
        }
        matched += usize::from(byte == needle[matched]);
        if matched == needle.len() {
            debug_assert_eq!(byte, last);
            return Ok(Some(index + 1 - needle.len()));
        }
    }
    Ok(None)
}

struct Shape {
    /// Parts of the pattern, each of which may take a stack frame.
    items: usize,
    /// Those that may look at any number of bytes.
    repeats: usize,
}

fn shape(pattern: &[u8]) -> Shape {
    let mut shape = Shape {
        items: 0,
        repeats: 0,
    };
    let mut rest = pattern;
    while !rest.is_empty() {
        let end = match rest {
            [b'%', b'b' | b'0'..=b'9', ..] => {
                shape.repeats += 1;
                2
            }
            _ => class_end(rest).unwrap_or(rest.len()),
        };
        rest = &rest[end..];
        shape.items += 1;
        if let [b'*' | b'+' | b'-', tail @ ..] = rest {
            shape.repeats += 1;
            rest = tail;
        } else if let [b'?', tail @ ..] = rest {
            // Not matching one byte is as good as trying all of them twice.
            shape.repeats += 1;
            rest = tail;
        }
    }
    shape
}

enum Halt {
    Malformed,
    Raise(Raise),
}

#[derive(Clone, Copy)]
enum Capture {
    Position,
    Open { start: usize },
    Closed { start: usize, len: usize },
}

/// One trial; it does what Lua's matcher does, but stores no more than it has to.
struct Matcher<'a> {
    subject: &'a [u8],
    captures: [Capture; Matcher::CAPTURES_MAX],
    level: usize,
    steps: u64,
    charge: Charge<'a>,
}

impl<'a> Matcher<'a> {
    const CAPTURES_MAX: usize = 32;
    /// Lua's matcher calls itself as deep as this one does.
    const DEPTH_MAX: usize = 800;
    const STEPS_PER_CHARGE: u64 = 4096;

    fn new(search: &Search<'a>, charge: Charge<'a>) -> Matcher<'a> {
        Matcher {
            subject: search.subject,
            captures: [Capture::Position; Matcher::CAPTURES_MAX],
            level: 0,
            steps: 0,
            charge,
        }
    }

    /// The end of the match of `pattern` at `at`, if there is one.
    fn run(
        &mut self,
        mut at: usize,
        mut pattern: &[u8],
        depth: usize,
    ) -> Result<Option<usize>, Halt> {
        if depth > Matcher::DEPTH_MAX {
            return Err(Halt::Raise(Raise::text("pattern too complex")));
        }
        let deeper = depth + 1;
        loop {
            self.step(1)?;
            match pattern {
                [] => return Ok(Some(at)),
                [b'(', b')', rest @ ..] => {
                    return self.open(Capture::Position, at, rest, deeper);
                }
                [b'(', rest @ ..] => {
                    return self.open(Capture::Open { start: at }, at, rest, deeper);
                }
                [b')', rest @ ..] => return self.close(at, rest, deeper),
                [b'$'] => return Ok((at == self.subject.len()).then_some(at)),
                [b'%', b'b', rest @ ..] => {
                    let [open, close, rest @ ..] = rest else {
                        return Err(Halt::Malformed);
                    };
                    match self.balanced(at, *open, *close)? {
                        Some(end) => (at, pattern) = (end, rest),
                        None => return Ok(None),
                    }
                }
                [b'%', b'f', rest @ ..] => {
                    if rest.first() != Some(&b'[') {
                        return Err(Halt::Malformed);
                    }
                    let end = class_end(rest)?;
                    let before = at.checked_sub(1).map_or(0, |before| self.subject[before]);
                    let after = self.subject.get(at).copied().unwrap_or(0);
                    if in_set(before, &rest[..end]) || !in_set(after, &rest[..end]) {
                        return Ok(None);
                    }
                    pattern = &rest[end..];
                }
                [b'%', digit @ b'0'..=b'9', rest @ ..] => match self.again(at, *digit)? {
                    Some(end) => (at, pattern) = (end, rest),
                    None => return Ok(None),
                },
                _ => {
                    let (class, rest) = pattern.split_at(class_end(pattern)?);
                    let matches = self.matches(at, class);
                    match rest {
                        [b'?', rest @ ..] => {
                            if matches && let Some(end) = self.run(at + 1, rest, deeper)? {
                                return Ok(Some(end));
                            }
                            pattern = rest;
                        }
                        [b'*', rest @ ..] => return self.longest(at, class, rest, deeper),
                        [b'+', ..] if !matches => return Ok(None),
                        [b'+', rest @ ..] => return self.longest(at + 1, class, rest, deeper),
                        [b'-', rest @ ..] => return self.shortest(at, class, rest, deeper),
                        _ if !matches => return Ok(None),
                        rest => (at, pattern) = (at + 1, rest),
                    }
                }
            }
        }
    }

    fn longest(
        &mut self,
        at: usize,
        class: &[u8],
        rest: &[u8],
        depth: usize,
    ) -> Result<Option<usize>, Halt> {
        let mut end = at;
        while self.matches(end, class) {
            self.step(1)?;
            end += 1;
        }
        loop {
            if let Some(end) = self.run(end, rest, depth)? {
                return Ok(Some(end));
            }
            if end == at {
                return Ok(None);
            }
            end -= 1;
        }
    }

    fn shortest(
        &mut self,
        mut at: usize,
        class: &[u8],
        rest: &[u8],
        depth: usize,
    ) -> Result<Option<usize>, Halt> {
        loop {
            if let Some(end) = self.run(at, rest, depth)? {
                return Ok(Some(end));
            }
            if !self.matches(at, class) {
                return Ok(None);
            }
            at += 1;
        }
    }

    fn open(
        &mut self,
        capture: Capture,
        at: usize,
        rest: &[u8],
        depth: usize,
    ) -> Result<Option<usize>, Halt> {
        let slot = self.captures.get_mut(self.level).ok_or(Halt::Malformed)?;
        *slot = capture;
        self.level += 1;
        let end = self.run(at, rest, depth)?;
        if end.is_none() {
            self.level -= 1;
        }
        Ok(end)
    }

    fn close(&mut self, at: usize, rest: &[u8], depth: usize) -> Result<Option<usize>, Halt> {
        let open = self.captures[..self.level]
            .iter()
            .rposition(|capture| matches!(capture, Capture::Open { .. }));
        let Some(index) = open else {
            return Err(Halt::Malformed);
        };
        let before = self.captures[index];
        if let Capture::Open { start } = before {
            let len = at - start;
            self.captures[index] = Capture::Closed { start, len };
        }
        let end = self.run(at, rest, depth)?;
        if end.is_none() {
            self.captures[index] = before;
        }
        Ok(end)
    }

    /// A capture once more, `%1` to `%9`.
    fn again(&mut self, at: usize, digit: u8) -> Result<Option<usize>, Halt> {
        let captures = &self.captures[..self.level];
        let index = usize::from(digit).checked_sub(usize::from(b'1'));
        let capture = index.and_then(|index| captures.get(index));
        match capture.ok_or(Halt::Malformed)? {
            Capture::Open { .. } => Err(Halt::Malformed),
            Capture::Position => Ok(None),
            Capture::Closed { start, len } => {
                let (start, len) = (*start, *len);
                self.step(len as u64 / 16)?;
                let text = &self.subject[start..start + len];
                let found = self.subject[at..].starts_with(text);
                Ok(found.then_some(at + len))
            }
        }
    }

    fn balanced(&mut self, at: usize, open: u8, close: u8) -> Result<Option<usize>, Halt> {
        let first = self.subject.get(at).copied().unwrap_or(0);
        if first != open {
            return Ok(None);
        }
        let mut depth = 1;
        for index in at + 1..self.subject.len() {
            self.step(1)?;
            let byte = self.subject[index];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(index + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn matches(&self, at: usize, class: &[u8]) -> bool {
        let Some(&byte) = self.subject.get(at) else {
            return false;
        };
        match class {
            [b'.'] => true,
            [b'%', class] => in_class(byte, *class),
            [b'[', ..] => in_set(byte, class),
            [literal, ..] => byte == *literal,
            [] => false,
        }
    }

    fn step(&mut self, steps: u64) -> Result<(), Halt> {
        self.steps += steps;
        if self.steps >= Matcher::STEPS_PER_CHARGE {
            // A step takes several nanoseconds, here and again in Lua.
            (self.charge)(self.steps * 8).map_err(Halt::Raise)?;
            self.steps = 0;
        }
        Ok(())
    }
}

/// Where the first single-character class of a pattern ends.
fn class_end(pattern: &[u8]) -> Result<usize, Halt> {
    match pattern {
        [b'%'] => Err(Halt::Malformed),
        [b'%', ..] => Ok(2),
        [b'[', ..] => {
            let mut end = 1 + usize::from(pattern.get(1) == Some(&b'^'));
            // The first character of a set is never its end.
            loop {
                let byte = *pattern.get(end).ok_or(Halt::Malformed)?;
                end += 1;
                if byte == b'%' && end < pattern.len() {
                    end += 1;
                }
                if pattern.get(end) == Some(&b']') {
                    return Ok(end + 1);
                }
            }
        }
        _ => Ok(1),
    }
}

/// Whether a byte is in a set, given with its brackets.
fn in_set(byte: u8, set: &[u8]) -> bool {
    let inner = &set[1..set.len() - 1];
    let (inner, wanted) = match inner {
        [b'^', inner @ ..] => (inner, false),
        inner => (inner, true),
    };
    let mut rest = inner;
    loop {
        rest = match rest {
            [] => return !wanted,
            [b'%', class, ..] if in_class(byte, *class) => return wanted,
            [b'%', _, tail @ ..] => tail,
            [low, b'-', high, ..] if (*low..=*high).contains(&byte) => return wanted,
            [_, b'-', _, tail @ ..] => tail,
            [literal, ..] if byte == *literal => return wanted,
            [_, tail @ ..] => tail,
        };
    }
}

/// Whether a byte is in a class such as `%a`; an upper-case letter is the opposite class.
fn in_class(byte: u8, class: u8) -> bool {
    let found = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return byte == class,
    };
    found == class.is_ascii_lowercase()
}

/// Patterns are C strings.
fn until_nul(pattern: &[u8]) -> &[u8] {
    let end = pattern.iter().position(|&byte| byte == 0);
    &pattern[..end.unwrap_or(pattern.len())]
}
