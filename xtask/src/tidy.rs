//! What the compiler does not see: the walls inside the engine and between the rooms, the size of
//! files, and words that do not belong into a repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::root;

/// A file beyond this is to be cut by what its readers look for.
const LINES_MAX: usize = 900;

/// What each layer of the engine may not know.
const WALLS: &[(&str, &[&str])] = &[
    (
        "data",
        &[
            "keyspace", "rdb", "durable", "state", "command", "clients", "script", "server",
        ],
    ),
    (
        "keyspace",
        &[
            "rdb", "durable", "state", "command", "clients", "script", "server",
        ],
    ),
    (
        "rdb",
        &["durable", "state", "command", "clients", "script", "server"],
    ),
    (
        "durable",
        &["state", "command", "clients", "script", "server"],
    ),
    ("state", &["command", "clients", "server"]),
    ("command", &["clients", "server"]),
    (
        "script",
        &["keyspace", "state", "command", "clients", "server"],
    ),
    ("clients", &["server"]),
];

#[test]
fn the_engines_layers_know_only_what_is_below_them() {
    let source = root().join("crates/redstart-engine/src");
    let mut breaches = Vec::new();
    for (layer, forbidden) in WALLS {
        for file in files(&source, &["rs"])
            .into_iter()
            .filter(|file| belongs(file, &source, layer))
        {
            let code = code(&file);
            for other in *forbidden {
                if imports(&code, other) {
                    breaches.push(format!("{} knows {other}", shown(&file)));
                }
            }
        }
    }
    assert_none("the engine's layers look up", breaches);
}

#[test]
fn rooms_do_not_know_each_other() {
    let source = root().join("crates/redstart/src");
    // A room is what has operations of its own.
    let rooms: BTreeSet<String> = fs::read_dir(&source)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("op").is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut breaches = Vec::new();
    for room in &rooms {
        for file in files(&source.join(room), &["rs"]) {
            let code = code(&file);
            for other in rooms.iter().filter(|other| *other != room) {
                if imports(&code, other) {
                    breaches.push(format!("{} knows the room {other}", shown(&file)));
                }
            }
        }
    }
    assert_none(
        "rooms know each other; what two need moves down into the store",
        breaches,
    );
}

#[test]
fn no_file_is_too_long() {
    let long = files(&root(), &["rs"])
        .into_iter()
        .filter_map(|file| {
            let lines = text(&file).lines().count();
            (lines > LINES_MAX).then(|| format!("{}: {lines} lines", shown(&file)))
        })
        .collect();
    assert_none(
        "these files are too long; cut them by what their readers look for",
        long,
    );
}

#[test]
fn nothing_is_left_undone_and_no_machine_is_named() {
    // Written in pieces, so that this file does not find itself.
    let words = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("db", "g!("),
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let mut found = Vec::new();
    for file in files(&root(), &["rs", "toml", "md", "lua", "yml", "sh", "txt"]) {
        let text = text(&file);
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", shown(&file), number + 1));
            }
        }
    }
    assert_none("words that do not belong here", found);
}

pub(crate) fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// Whether `file` is the layer's own `layer.rs` or lies in its folder.
fn belongs(file: &Path, source: &Path, layer: &str) -> bool {
    file.starts_with(source.join(layer)) || file == source.join(format!("{layer}.rs"))
}

/// Whether code names `crate::module`, alone or in a group.
fn imports(code: &str, module: &str) -> bool {
    let word = |rest: &str| {
        rest.strip_prefix(module).is_some_and(|after| {
            !after.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
        })
    };
    code.match_indices("crate::").any(|(at, found)| {
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            Some(group) => group
                .split('}')
                .next()
                .unwrap_or_default()
                .split(',')
                .any(|part| word(part.trim_start())),
            None => word(rest),
        }
    })
}

/// The file without comments.
fn code(file: &Path) -> String {
    let text = text(file);
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

pub(crate) fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", shown(file)))
}

pub(crate) fn shown(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

/// All files with one of these extensions, but for what is built and what is hidden.
pub(crate) fn files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if extensions
            .iter()
            .any(|extension| path.extension().is_some_and(|own| own == *extension))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn an_import_is_seen_in_all_its_forms() {
    for code in [
        "use crate::keyspace::Space;",
        "use crate::keyspace;",
        "use crate::{data::Blob, keyspace::Space};",
        "fn f() -> crate::keyspace::Space {}",
    ] {
        assert!(imports(code, "keyspace"), "{code}");
    }
    assert!(!imports("use crate::keyspace_size;", "keyspace"));
    assert!(!imports("use crate::{data, command};", "keyspace"));
}
