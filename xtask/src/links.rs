//! Links in the Markdown: every file and every heading that is linked to is there. Links to the
//! web are not followed.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::run::root;
use crate::tidy::{assert_none, files, shown, text};

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in files(&root(), &["md"]) {
        let prose = prose(&text(&page));
        for target in targets(&prose) {
            if !target.contains("://") && !leads_somewhere(&page, target) {
                broken.push(format!("{}: {target}", shown(&page)));
            }
        }
    }
    assert_none("links that lead nowhere", broken);
}

fn leads_somewhere(page: &Path, target: &str) -> bool {
    let (path, heading) = match target.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (target, None),
    };
    let file = match path {
        "" => page.to_owned(),
        path => beside(page, path),
    };
    match heading {
        None => file.exists(),
        Some(heading) => file.is_file() && headings(&prose(&text(&file))).contains(heading),
    }
}

/// The file that `path` means on `page`.
fn beside(page: &Path, path: &str) -> PathBuf {
    let mut file = page.to_owned();
    file.pop();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                file.pop();
            }
            part => file.push(part),
        }
    }
    file
}

/// The page without its blocks of code.
fn prose(page: &str) -> String {
    let mut inside = false;
    let mut prose = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// What `[text](target)` and `[text]: target` name.
fn targets(prose: &str) -> impl Iterator<Item = &str> {
    ["](", "]: "].into_iter().flat_map(move |before| {
        prose.match_indices(before).filter_map(move |(at, found)| {
            let rest = &prose[at + found.len()..];
            let end = rest.find([')', '\n', ' '])?;
            Some(&rest[..end])
        })
    })
}

/// The names that GitHub gives to headings.
fn headings(prose: &str) -> BTreeSet<String> {
    let headings = prose.lines().filter_map(|line| {
        line.trim_start_matches('#')
            .strip_prefix(' ')
            .filter(|_| line.starts_with('#'))
    });
    let name = |heading: &str| {
        let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let name: String = heading.trim().to_lowercase().chars().filter(kept).collect();
        name.replace(' ', "-")
    };
    headings.map(name).collect()
}

#[test]
fn links_and_headings_are_seen() {
    let page = "# The `one` thing!\n[a](x.md#y) and [b](z)\n```\n[c](code)\n```\n[d]: e.md\n";
    let prose = prose(page);
    assert_eq!(targets(&prose).collect::<Vec<_>>(), ["x.md#y", "z", "e.md"]);
    assert!(headings(&prose).contains("the-one-thing"));
}
