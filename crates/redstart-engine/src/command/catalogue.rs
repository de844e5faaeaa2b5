//! COMPATIBILITY.md, written from the tables: every command of Redis 7.0, served or not yet, every
//! directive of redis.conf and what becomes of it, and how far clients' own tests pass.
//!
//! `UPDATE=1 cargo test -p redstart-engine --all-features catalogue` writes the page; without it the test fails
//! when the page no longer says what the tables say.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use redstart_protocol::facts::{self, Group};

use crate::conf::{DIRECTIVES, Directive, Refusal, Support};

/// The groups in the order of the page, each with its title.
const GROUPS: &[(Group, &str)] = &[
    (Group::String, "Strings"),
    (Group::Generic, "Keys"),
    (Group::Hash, "Hashes"),
    (Group::List, "Lists"),
    (Group::Set, "Sets"),
    (Group::SortedSet, "Sorted sets"),
    (Group::Transactions, "Transactions"),
    (Group::PubSub, "Pub/sub"),
    (Group::Scripting, "Scripting"),
    (Group::Connection, "Connection"),
    (Group::Server, "Server"),
    (Group::Bitmap, "Bitmaps"),
    (Group::HyperLogLog, "HyperLogLog"),
    (Group::Geo, "Geo"),
    (Group::Stream, "Streams"),
    (Group::Cluster, "Cluster"),
];

const INTRODUCTION: &str = "\
# Compatibility

Written by a test from the engine's tables; do not edit (see `crates/redstart-engine/src/command/catalogue.rs`).

What is served is served with every option of Redis 7.0, with its replies and error texts, in RESP2
and RESP3; the few deliberate differences are listed in
[docs/engine.md](docs/engine.md#differences-from-redis). What is not served is answered as Redis
answers an unknown command. This page is about the embedded engine; a store that is connected to a
server serves what that server serves.
";

#[test]
fn compatibility_page_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../COMPATIBILITY.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).expect("the page is there");
    assert!(
        found == page,
        "COMPATIBILITY.md is stale: UPDATE=1 cargo test -p redstart-engine --all-features catalogue"
    );
}

/// The commands of one group, by whether they are served.
#[derive(Default)]
struct Split {
    served: Vec<&'static str>,
    missing: Vec<&'static str>,
}

fn page() -> String {
    let served: Vec<&str> = super::all().iter().map(|command| command.name).collect();
    let mut split: Vec<Split> = GROUPS.iter().map(|_| Split::default()).collect();
    for command in facts::all() {
        let of_group = GROUPS.iter().position(|(group, _)| *group == command.group);
        let split = &mut split[of_group.expect("every group has its place on the page")];
        let (there, missing): (Vec<_>, Vec<_>) = command
            .subcommands
            .iter()
            .map(|sub| sub.name)
            .partition(|name| served.contains(name));
        match served.contains(&command.name) {
            true => split.served.push(command.name),
            false if there.is_empty() => split.missing.push(command.name),
            false => {}
        }
        if !there.is_empty() {
            split.served.extend(there);
            split.missing.extend(missing);
        }
    }

    let mut page = String::from(INTRODUCTION);
    page.push_str("\n| | served | not yet |\n| --- | ---: | ---: |\n");
    for ((_, title), split) in GROUPS.iter().zip(&split) {
        let (served, missing) = (split.served.len(), split.missing.len());
        writeln!(page, "| {title} | {served} | {missing} |").expect("strings can be written to");
    }
    let sum = |of: fn(&Split) -> usize| split.iter().map(of).sum::<usize>();
    let (served, missing) = (sum(|s| s.served.len()), sum(|s| s.missing.len()));
    writeln!(page, "| **all** | **{served}** | **{missing}** |")
        .expect("strings can be written to");
    page.push_str(
        "\nA subcommand counts as one; a command none of whose subcommands is served counts once.\n",
    );

    for ((_, title), split) in GROUPS.iter().zip(&mut split) {
        write!(page, "\n## {title}\n").expect("strings can be written to");
        append(&mut page, "", &mut split.served);
        append(&mut page, "Not yet: ", &mut split.missing);
    }
    append_directives(&mut page);
    append_suites(&mut page);
    page
}

fn append_directives(page: &mut String) {
    type Kind = (&'static str, fn(&Support) -> bool);
    const KINDS: [Kind; 5] = [
        ("Obeyed, and set at run time by CONFIG SET: ", |support| {
            matches!(support, Support::Engine { .. })
        }),
        ("Obeyed at the start: ", |support| {
            matches!(support, Support::Program { .. })
        }),
        ("Other names of these: ", |support| {
            matches!(support, Support::Alias(_))
        }),
        (
            "Not yet, so accepted only where they say what is the case anyway: ",
            |support| {
                matches!(
                    support,
                    Support::Only {
                        refusal: Refusal::NotYet,
                        ..
                    }
                )
            },
        ),
        (
            "About something that does not exist here, so the same: ",
            |support| {
                matches!(
                    support,
                    Support::Only {
                        refusal: Refusal::Meaningless,
                        ..
                    }
                )
            },
        ),
    ];
    page.push_str(
        "\n## redis.conf\n\nEvery directive of Redis 7.0. One that is refused is refused with its file, \
         its line and the reason.\n",
    );
    for (title, is_of_kind) in KINDS {
        let of_kind = DIRECTIVES
            .iter()
            .filter(|directive| is_of_kind(&directive.support));
        let mut names: Vec<_> = of_kind.map(|Directive { name, .. }| *name).collect();
        names.sort_unstable();
        write!(page, "\n{title}{}.\n", names.join(", ")).expect("strings can be written to");
    }
}

/// What other people's tests say.
fn append_suites(page: &mut String) {
    const REDIS_RS: &str = include_str!("../../../redstart-cli/tests/clients/redis-rs.passing");
    let is_name = |line: &&str| !line.is_empty() && !line.starts_with(['#', '~']);
    let passing = REDIS_RS.lines().filter(is_name).count();
    write!(
        page,
        "\n## Clients\n\nOf redis-rs' own tests {passing} pass on redstart-server, over TCP with RESP2 and over \
         a unix socket with RESP3\n([the list](crates/redstart-cli/tests/clients/redis-rs.passing), which may \
         only grow); those that do not need\nblocking commands, tracking or users. Our scripts for redis-py \
         get the same answers from redis-server\nand from redstart-server. redis-cli, redis-benchmark and \
         prometheus-redis-exporter run against it in CI.\n"
    )
    .expect("strings can be written to");
}

fn append(page: &mut String, title: &str, names: &mut [&'static str]) {
    if names.is_empty() {
        return;
    }
    names.sort_unstable();
    let names = names
        .iter()
        .map(|name| name.to_ascii_uppercase().replace('|', " "))
        .collect::<Vec<_>>();
    write!(page, "\n{title}{}.\n", names.join(", ")).expect("strings can be written to");
}
