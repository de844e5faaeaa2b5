//! Glob patterns as KEYS, SCAN and PSUBSCRIBE understand them: `*`, `?`, `[a-c]`, `[^x]`, `\`.
//!
//! Only the last `*` ever needs to be tried again, so matching takes at most the product of the
//! two lengths, whatever the pattern; the recursion of older matchers could take exponential time.

/// Whether `text` matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_by(pattern, text, |byte| byte)
}

/// Whether `text` matches `pattern`, ASCII letters of either case being equal.
pub(crate) fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    matches_by(pattern, text, |byte| byte.to_ascii_lowercase())
}

fn matches_by(pattern: &[u8], text: &[u8], fold: impl Fn(u8) -> u8) -> bool {
    // Redis looks at a pattern only while there is text, so not even stars match none at all.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut read) = (0, 0);
    // Where to go on should the rest fail: behind the last star, having it take one byte more.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        let step = match pattern.get(at) {
            None => None,
            Some(b'*') => {
                at += 1;
                star = Some((at, read));
                continue;
            }
            Some(_) => one(&pattern[at..], text[read], &fold),
        };
        match (step, star) {
            (Some(len), _) => {
                at += len;
                read += 1;
            }
            (None, Some((after, taken))) => {
                at = after;
                read = taken + 1;
                star = Some((after, read));
            }
            (None, None) => return false,
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How long the pattern's first element is, if it matches `byte`.
fn one(pattern: &[u8], byte: u8, fold: &impl Fn(u8) -> u8) -> Option<usize> {
    let same = |a: u8, b: u8| fold(a) == fold(b);
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (found, len) = class_contains(class, byte, fold);
            found.then_some(1 + len)
        }
        [b'\\', escaped, ..] => same(*escaped, byte).then_some(2),
        [literal, ..] => same(*literal, byte).then_some(1),
        [] => None,
    }
}

/// Whether a class (behind its `[`) contains `byte`, and how long it is with its `]`. One that is
/// never closed ends with the pattern.
fn class_contains(class: &[u8], byte: u8, fold: &impl Fn(u8) -> u8) -> (bool, usize) {
    let byte = fold(byte);
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                found |= fold(*escaped) == byte;
                at += 2;
            }
            [first, b'-', last, ..] => {
                let (first, last) = (fold(*first), fold(*last));
                found |= (first.min(last)..=first.max(last)).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= fold(*literal) == byte;
                at += 1;
            }
        }
    }
    (found != negated, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} should match {text}"
            );
        }
        for text in no {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} matched {text}"
            );
        }
    }

    #[test]
    fn stars_and_question_marks() {
        check("*", &["a", "abc"], &[""]);
        check("a*c", &["ac", "abc", "abcbc"], &["", "a", "abcd"]);
        check("?", &["a"], &["", "ab"]);
        check("*a*b*", &["ab", "xaxbx"], &["ba"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn classes() {
        check("[abc]", &["a", "c"], &["d", "", "ab"]);
        check("[^abc]x", &["dx"], &["ax"]);
        check("[c-a]", &["b"], &["d"]);
        check("[a-]", &["a", "^"], &["b", "-"]);
        check("[ab", &["a", "b"], &["c", "["]);
        check("[]", &[], &["a", "]"]);
        check("[\\]]", &["]"], &["\\"]);
    }

    #[test]
    fn escapes() {
        check("\\*", &["*"], &["a"]);
        check("a\\", &["a\\"], &["a"]);
    }

    #[test]
    fn case_can_be_ignored() {
        assert!(matches_ignoring_case(b"MAX*[A-C]", b"maxmemory-b"));
        assert!(!matches(b"MAX*", b"maxmemory"));
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "a*".repeat(40) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(500).as_bytes()));
    }
}
