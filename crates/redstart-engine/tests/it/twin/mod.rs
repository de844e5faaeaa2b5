//! Twins: the engine and a live redis-server 7.0 live through the same random histories, and
//! every byte they answer is compared, in RESP2 and RESP3, with 1 and with 16 shards; after every
//! fifty commands so is everything they hold.
//!
//! A difference is shrunk and printed as a history that fits into `twin/regressions/NAME.txt`, all
//! of which are replayed here. What may differ is listed in [`rule`].
//!
//! - `REDSTART_TWIN_COMMANDS`: how many commands in all, 20,000 unless told otherwise.
//! - `REDSTART_TWIN_SEED`: where the histories begin, 1 unless told otherwise.
//! - `REDSTART_TWIN_SUBJECT`: a server binary that takes the engine's place.

mod digest;
mod endpoint;
mod generate;
mod pair;
pub(crate) mod random;
mod rule;
mod script;
mod shrink;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use redstart_testkit::{Reply, ServerBinary};

use endpoint::{Embedded, Endpoint, Live, words};
use generate::{FAMILIES, Family};
use pair::{Difference, Pair, Setting};
use rule::Rule;
use script::Step;

/// How many commands follow one another before everything begins anew.
const HISTORY: usize = 300;

/// So many different differences are shrunk and reported; the rest is only counted.
const REPORTED_MAX: usize = 12;

/// The whole volume.
fn commands() -> usize {
    from_environment("REDSTART_TWIN_COMMANDS", 20_000)
}

fn from_environment(name: &str, otherwise: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

/// The server whose word counts. Its texts are those of 7.0, so no other version will do.
fn oracle() -> ServerBinary {
    let binary = ServerBinary::from_path().unwrap_or_else(|error| panic!("{error}"));
    assert!(
        binary.version().starts_with("7.0."),
        "the twins' oracle is redis-server 7.0, and {binary} is not: put one first in PATH"
    );
    binary
}

fn subject(shards: usize) -> Box<dyn Endpoint> {
    match std::env::var("REDSTART_TWIN_SUBJECT") {
        Ok(path) => Box::new(Live::start(
            ServerBinary::at(path).unwrap_or_else(|error| panic!("{error}")),
        )),
        Err(_) => Box::new(Embedded::new(shards)),
    }
}

/// A history of a family, for other tests to live through: each command with its client.
pub(crate) fn history(family: &str, seed: u64, length: usize) -> Vec<(usize, Vec<Vec<u8>>)> {
    let family = FAMILIES
        .iter()
        .find(|one| one.name == family)
        .expect("a family of that name");
    // A configuration is no content, and neither changes a key nor has an effect on others.
    let steps = family.history(seed, length, |name| name != "CONFIG SET");
    steps
        .into_iter()
        .map(|step| (step.client, step.args))
        .collect()
}

/// Which of the generated commands an endpoint serves at all.
fn unserved(endpoint: &mut dyn Endpoint) -> BTreeSet<&'static str> {
    endpoint.reset(0, 2);
    FAMILIES
        .iter()
        .flat_map(Family::names)
        // These are served or nothing is; and they cannot be queued.
        .filter(|name| {
            !matches!(
                *name,
                "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "QUIT" | "RESET"
            )
        })
        .filter(|name| !name.contains("NOSUCH"))
        .filter(|name| {
            // An unknown name is refused when it is queued, and nothing is done with a known one.
            match endpoint
                .ask(&[words("MULTI"), words(name), words("DISCARD")])
                .remove(1)
            {
                Reply::Error(text) => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    text.starts_with("ERR unknown command") || text.contains("unknown subcommand")
                }
                _ => false,
            }
        })
        .collect()
}

/// One difference, made small.
struct Finding {
    setting: String,
    seed: u64,
    history: Vec<Step>,
    difference: Difference,
}

/// Lives through the family's share of histories.
fn live_through(family: &'static str) {
    let family = FAMILIES
        .iter()
        .find(|one| one.name == family)
        .expect("a family of that name");
    let volume = (commands() * family.share).div_ceil(100);
    let first_seed = from_environment("REDSTART_TWIN_SEED", 1) as u64;
    let mut pairs: Vec<Pair> = Vec::new();
    for shards in [1, 16] {
        pairs.push(Pair {
            ours: subject(shards),
            theirs: Live::start(oracle()),
        });
    }
    let unserved = unserved(&mut *pairs[0].ours);

    let mut findings: BTreeMap<String, (usize, Finding)> = BTreeMap::new();
    for round in 0..volume.div_ceil(HISTORY) {
        let pair = &mut pairs[round % 2];
        let resp = if (round / 2) % 2 == 0 { 2 } else { 3 };
        let setting = Setting {
            resp,
            clients: family.clients + usize::from(family.listens),
            alone: family.alone,
        };
        let seed = first_seed
            .wrapping_mul(1_000_003)
            .wrapping_add(round as u64);
        // What chance decides would tell the listener different things.
        let open = |name: &str| family.listens && Rule::of(name).runs_alone();
        let serves = |name: &str| !unserved.contains(name) && !open(name);
        let history = family.history(seed, HISTORY, serves);
        let Some(difference) = pair.live_through(&history, setting) else {
            continue;
        };
        if let Some((times, _)) = findings.get_mut(&difference.what) {
            *times += 1;
            continue;
        }
        if findings.len() >= REPORTED_MAX {
            break;
        }
        let (history, difference) = shrink::shrink(pair, &history, setting, difference);
        let setting = format!("RESP{resp}, {}", pair.ours.name());
        let finding = Finding {
            setting,
            seed,
            history,
            difference,
        };
        findings.insert(finding.difference.what.clone(), (1, finding));
    }
    assert!(findings.is_empty(), "{}", report(family, &findings));
}

fn report(family: &Family, findings: &BTreeMap<String, (usize, Finding)>) -> String {
    let mut text = format!(
        "the twins differ in {} of {}:\n",
        findings.len(),
        family.name
    );
    for (
        times,
        Finding {
            setting,
            seed,
            history,
            difference,
        },
    ) in findings.values()
    {
        let _ = writeln!(text, "\n# {difference}");
        let _ = writeln!(text, "# {setting}, seed {seed}, in {times} histories");
        for step in history {
            let _ = writeln!(text, "{step}");
        }
    }
    text
}

/// A test for each family, so that they run side by side and are named when they fail.
macro_rules! families {
    ($($family:ident),* $(,)?) => {
        $(
            #[test]
            fn $family() {
                live_through(stringify!($family));
            }
        )*

        #[test]
        fn every_family_has_its_test() {
            let tested = [$(stringify!($family)),*];
            let named: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
            assert_eq!(named, tested);
        }
    };
}

families!(
    strings,
    bitmaps,
    keys,
    payloads,
    hashes,
    lists,
    sets,
    sorted_sets,
    sort,
    geo,
    hyperloglogs,
    transactions,
    pubsub,
    notifications,
    scripts,
    connection,
    server,
    mixed,
);

/// Every use of a key counts, and nothing else does: with a counter that grows by one each time, the
/// twins agree on it.
#[test]
fn uses_are_counted() {
    // Redis shares its small integers, and with them their counters, unless there is a limit.
    const COUNTED: &str = "CONFIG SET maxmemory 100gb maxmemory-policy allkeys-lfu lfu-log-factor 0 \
                           lfu-decay-time 0";
    // The comparison itself uses keys to find out about these.
    const OPEN: [&str; 7] = [
        "SPOP",
        "SRANDMEMBER",
        "HRANDFIELD",
        "ZRANDMEMBER",
        "HSCAN",
        "SSCAN",
        "ZSCAN",
    ];
    const TABLES: [&str; 10] = [
        "strings",
        "bitmaps",
        "keys",
        "hashes",
        "lists",
        "sets",
        "sorted_sets",
        "sort",
        "hyperloglogs",
        "geo",
    ];
    let mut pair = Pair {
        ours: subject(16),
        theirs: Live::start(oracle()),
    };
    let setting = Setting {
        resp: 2,
        clients: 1,
        alone: false,
    };
    let mut differences = BTreeMap::new();
    for name in TABLES {
        let family = FAMILIES.iter().find(|family| family.name == name);
        let family = family.expect("a family of that name");
        for seed in 0..10 {
            let mut history = vec![Step {
                client: 0,
                args: words(COUNTED),
            }];
            // A counter ends at 255, and every look at the state is a use.
            history.extend(family.history(seed, 200, |name| !OPEN.contains(&name)));
            if let Some(found) = pair.live_through(&history, setting) {
                let (history, found) = shrink::shrink(&mut pair, &history, setting, found);
                let last = history.last().map(Step::name).unwrap_or_default();
                let lines: Vec<String> = history.iter().map(Step::to_string).collect();
                differences.insert(last, format!("{found}\n{}", lines.join("\n")));
            }
        }
    }
    let text: Vec<String> = differences.into_values().collect();
    assert!(text.is_empty(), "{}", text.join("\n\n"));
}

/// A twin that now and then adds one to an integer is found out, and the reason made small.
#[test]
fn a_lie_is_found() {
    struct Liar(Live);

    impl Endpoint for Liar {
        fn name(&self) -> String {
            "a liar".to_owned()
        }

        fn reset(&mut self, clients: usize, resp: u8) {
            self.0.reset(clients, resp);
        }

        fn run(&mut self, steps: &[Step]) -> Vec<Vec<u8>> {
            let mut replies = self.0.run(steps);
            for (step, reply) in steps.iter().zip(&mut replies) {
                if step.name() == "SCARD" && reply.starts_with(b":3") {
                    *reply = b":4\r\n".to_vec();
                }
            }
            replies
        }

        fn run_alone(&mut self, step: &Step) -> Vec<Vec<u8>> {
            self.0.run_alone(step)
        }

        fn ask(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Reply> {
            self.0.ask(commands)
        }

        fn set_time(&mut self, now_us: u64) {
            self.0.set_time(now_us);
        }
    }

    let mut pair = Pair {
        ours: Box::new(Liar(Live::start(oracle()))),
        theirs: Live::start(oracle()),
    };
    let setting = Setting {
        resp: 2,
        clients: 1,
        alone: false,
    };
    let sets = FAMILIES
        .iter()
        .find(|family| family.name == "sets")
        .expect("a family");
    let (history, difference) = (1..200)
        .find_map(|seed| {
            let history = sets.history(seed, HISTORY, |_| true);
            pair.live_through(&history, setting)
                .map(|difference| (history, difference))
        })
        .expect("some set has three members");
    let (history, difference) = shrink::shrink(&mut pair, &history, setting, difference);
    assert_eq!(
        (difference.ours.as_str(), difference.theirs.as_str()),
        ("4", "3")
    );
    assert_eq!(difference.what, "SCARD");
    assert!(history.len() <= 5, "{history:?}");
}

/// What the engine serves is in some family, and what is in a family it serves, but for what is
/// named here.
#[test]
fn every_command_has_its_twin() {
    const NOT_SERVED: &[&str] = &["SCRIPT DEBUG"];
    // What ends the server, came with 7.2, or is about files and peers that a twin does not have:
    // those have tests of their own.
    const NOT_COMPARED: &[&str] = &[
        "BGREWRITEAOF",
        "BGSAVE",
        "CLIENT SETINFO",
        "CONFIG REWRITE",
        "MONITOR",
        "PSYNC",
        "REPLCONF",
        "SAVE",
        "SHUTDOWN",
        "SYNC",
    ];

    let mut engine = Embedded::new(1);
    let missing: Vec<_> = unserved(&mut engine).into_iter().collect();
    assert_eq!(
        missing, NOT_SERVED,
        "commands in families that the engine does not serve"
    );

    let generated: BTreeSet<String> = FAMILIES
        .iter()
        .flat_map(Family::names)
        .map(str::to_owned)
        .collect();
    let listed = engine.ask(&[words("COMMAND LIST")]).remove(0);
    let served = listed
        .as_elements()
        .expect("COMMAND LIST is an array")
        .iter();
    let forgotten: Vec<String> = served
        .filter_map(Reply::as_bytes)
        .map(|name| {
            String::from_utf8_lossy(name)
                .to_uppercase()
                .replace('|', " ")
        })
        .filter(|name| !generated.contains(name) && !NOT_COMPARED.contains(&name.as_str()))
        // A container is in the families with its subcommands.
        .filter(|name| {
            !generated
                .iter()
                .any(|other| other.starts_with(&format!("{name} ")))
        })
        .collect();
    assert!(
        forgotten.is_empty(),
        "commands without a twin: {forgotten:?}"
    );
}

/// Every difference ever found stays equal.
#[test]
fn regressions() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/twin/regressions");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("the directory of regressions")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let mut failed = String::new();
    for shards in [1, 16] {
        let mut pair = Pair {
            ours: subject(shards),
            theirs: Live::start(oracle()),
        };
        for file in &files {
            let text = std::fs::read_to_string(file).expect("a regression");
            let history = script::parse(&text);
            let clients = history
                .iter()
                .map(|step| step.client + 1)
                .max()
                .unwrap_or(1);
            for resp in [2, 3] {
                let setting = Setting {
                    resp,
                    clients,
                    alone: true,
                };
                if let Some(difference) = pair.live_through(&history, setting) {
                    let name = file.file_stem().unwrap_or_default().to_string_lossy();
                    let _ = writeln!(failed, "{name}: RESP{resp}, {shards} shards: {difference}");
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn a_step_is_read_as_it_was_written() {
    for args in [
        vec![
            b"SET".to_vec(),
            b"a b".to_vec(),
            b"\x00\xff\r\n\t\"\\#".to_vec(),
        ],
        vec![
            b"GET".to_vec(),
            Vec::new(),
            b"plain".to_vec(),
            b"'".to_vec(),
        ],
    ] {
        for client in [0, 1] {
            let step = Step {
                client,
                args: args.clone(),
            };
            assert_eq!(script::parse(&format!("\n# comment\n{step}\n")), [step]);
        }
    }
}
