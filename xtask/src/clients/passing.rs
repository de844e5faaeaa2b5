//! The list of tests that must pass. It may only grow.
//!
//! One name a line, sorted. A name with `~` before it may pass or fail, and the comment above it
//! says why.

use std::collections::BTreeSet;

/// What a list says about a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// They must pass and have not.
    pub(super) broken: Vec<String>,
    /// They must pass and were not there to be run.
    pub(super) absent: Vec<String>,
    /// They have passed and are not in the list yet.
    pub(super) new: Vec<String>,
    /// They have failed, as they may.
    pub(super) not_yet: Vec<String>,
}

/// The names that must pass.
pub(super) fn names(list: &str) -> BTreeSet<&str> {
    list.lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '~']))
        .collect()
}

/// Compares a list with a run.
pub(super) fn judge(list: &str, passed: &BTreeSet<String>, failed: &BTreeSet<String>) -> Verdict {
    let names = names(list);
    let either: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("~ "))
        .collect();
    let listed = |name: &&String| names.contains(name.as_str());
    let open = |name: &&String| !listed(name) && !either.contains(name.as_str());
    Verdict {
        broken: failed.iter().filter(listed).cloned().collect(),
        absent: names
            .iter()
            .filter(|name| !passed.contains(**name) && !failed.contains(**name))
            .map(|name| (*name).to_owned())
            .collect(),
        new: passed.iter().filter(open).cloned().collect(),
        not_yet: failed.iter().filter(open).cloned().collect(),
    }
}

/// The list with more names; its head, which ends with an empty line, stays.
pub(super) fn with(list: &str, new: &[String]) -> String {
    let (head, _) = list.rsplit_once("\n\n").unwrap_or((list, ""));
    let mut names: BTreeSet<&str> = names(list);
    names.extend(new.iter().map(String::as_str));
    let mut grown = format!("{}\n\n", head.trim_end());
    for name in names {
        grown.push_str(name);
        grown.push('\n');
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# What must pass.\n# Depends on chance:\n~ d\n\na\nb\nc\n";

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_run_is_judged() {
        let verdict = judge(LIST, &set(&["a", "e"]), &set(&["b", "d", "f"]));
        let names = |name: &str| vec![name.to_owned()];
        let expected = Verdict {
            broken: names("b"),
            absent: names("c"),
            new: names("e"),
            not_yet: names("f"),
        };
        assert_eq!(verdict, expected);
    }

    #[test]
    fn a_list_grows_and_keeps_its_head() {
        let grown = with(LIST, &["bb".to_owned()]);
        assert_eq!(
            grown,
            "# What must pass.\n# Depends on chance:\n~ d\n\na\nb\nbb\nc\n"
        );
        assert_eq!(
            with("# None yet.\n", &["a".to_owned()]),
            "# None yet.\n\na\n"
        );
    }
}
