//! What somebody may have meant by a name that does not exist.

use super::directives::DIRECTIVES;

/// Names longer than any directive are not compared.
const NAME_MAX: usize = 64;

/// The directive whose name is the most like `name`, if one is much like it.
///
/// ```
/// assert_eq!(redstart_engine::conf::nearest("maxmemmory"), Some("maxmemory"));
/// assert_eq!(redstart_engine::conf::nearest("colour"), None);
/// ```
pub fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > NAME_MAX {
        return None;
    }
    let tolerance = (name.len() / 3).clamp(1, 4);
    let of_like_length = |other: &&'static str| name.len().abs_diff(other.len()) <= tolerance;
    DIRECTIVES
        .iter()
        .map(|directive| directive.name)
        .filter(of_like_length)
        .map(|other| (distance(name, other), other))
        .min()
        .filter(|(distance, _)| *distance <= tolerance)
        .map(|(_, name)| name)
}

/// Letters to insert, remove, replace or exchange with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for row in 1..=from.len() {
        let mut this = vec![row];
        for column in 1..=to.len() {
            let replaced = last[column - 1] + usize::from(from[row - 1] != to[column - 1]);
            let mut least = replaced.min(last[column] + 1).min(this[column - 1] + 1);
            let exchanged = row > 1
                && column > 1
                && from[row - 1] == to[column - 2]
                && from[row - 2] == to[column - 1];
            if exchanged {
                least = least.min(before[column - 2] + 1);
            }
            this.push(least);
        }
        before = std::mem::replace(&mut last, this);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("save", "save", 0),
            ("sav", "save", 1),
            ("vase", "save", 2),
            ("asve", "save", 1),
            ("", "save", 4),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        assert_eq!(nearest("apendonly"), Some("appendonly"));
        assert_eq!(nearest("max-memory"), Some("maxmemory"));
        assert_eq!(nearest("appendfysnc"), Some("appendfsync"));
        assert_eq!(nearest("no-such-thing"), None);
        assert_eq!(nearest(&"x".repeat(100_000)), None);
    }
}
