//! Where the histories come from: a table of commands per family, and words that collide.
//!
//! A handful of keys, fields, members and values, so that commands meet each other's work; and
//! among them the words that break things: empty, binary, long, almost a number, too large.

mod bitmaps;
mod connection;
mod forms;
mod geo;
mod hashes;
mod hyperloglogs;
mod keys;
mod lists;
mod notifications;
mod payloads;
mod pubsub;
mod scripts;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod strings;
mod transactions;
mod words;

use super::random::Random;
use super::script::{self, Step};
pub(super) use words::Words;

/// The commands of one family and how its histories are lived through.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) clients: usize,
    /// Whether each command runs by itself.
    pub(super) alone: bool,
    /// Whether one client more listens to all keyspace notifications.
    pub(super) listens: bool,
    /// How much of the whole volume it gets, in percent.
    pub(super) share: usize,
    pub(super) tables: &'static [&'static [Entry]],
}

/// One kind of command.
pub(super) struct Entry {
    weight: usize,
    /// Its name, with the subcommand if it has one: `OBJECT ENCODING`.
    pub(super) name: &'static str,
    /// Its arguments behind the name.
    make: fn(&mut Words) -> Vec<Vec<u8>>,
}

const fn entry(weight: usize, name: &'static str, make: fn(&mut Words) -> Vec<Vec<u8>>) -> Entry {
    Entry { weight, name, make }
}

/// Arguments from anything that is bytes.
macro_rules! args {
    ($($arg:expr),* $(,)?) => {
        vec![$(Vec::<u8>::from($arg)),*]
    };
}
use args;

/// Every family, in reading order.
pub(super) const FAMILIES: &[Family] = &[
    family("strings", 11, &[strings::TABLE, keys::FEW]),
    family("bitmaps", 7, &[bitmaps::TABLE, keys::FEW]),
    family("keys", 12, &[keys::TABLE, keys::CREATORS]),
    family("payloads", 4, &[payloads::TABLE, keys::CREATORS, keys::FEW]),
    family("hashes", 8, &[hashes::TABLE, keys::FEW]),
    family("lists", 9, &[lists::TABLE, keys::FEW]),
    family("sets", 8, &[sets::TABLE, keys::FEW]),
    family("sorted_sets", 14, &[sorted_sets::TABLE, keys::FEW]),
    family("sort", 7, &[sort::TABLE]),
    family("geo", 8, &[geo::TABLE, keys::FEW]),
    family("hyperloglogs", 3, &[hyperloglogs::TABLE, keys::FEW]),
    Family {
        clients: 2,
        ..family(
            "transactions",
            8,
            &[
                transactions::TABLE,
                strings::TABLE,
                sets::CERTAIN,
                keys::CERTAIN,
            ],
        )
    },
    Family {
        clients: 3,
        alone: true,
        ..family("pubsub", 4, &[pubsub::TABLE])
    },
    Family {
        alone: true,
        listens: true,
        ..family(
            "notifications",
            4,
            &[
                notifications::TABLE,
                keys::TABLE,
                strings::TABLE,
                bitmaps::TABLE,
                hashes::TABLE,
                lists::TABLE,
                sets::TABLE,
                sorted_sets::TABLE,
                geo::TABLE,
                hyperloglogs::TABLE,
                scripts::TABLE,
                keys::CREATORS,
            ],
        )
    },
    family("scripts", 5, &[scripts::TABLE, keys::CREATORS, keys::FEW]),
    Family {
        clients: 2,
        alone: true,
        ..family("connection", 2, &[connection::TABLE])
    },
    Family {
        alone: true,
        ..family("server", 2, &[server::TABLE, keys::CREATORS])
    },
    family(
        "mixed",
        3,
        &[
            strings::TABLE,
            bitmaps::TABLE,
            keys::TABLE,
            hashes::TABLE,
            lists::TABLE,
            sets::TABLE,
            sorted_sets::TABLE,
        ],
    ),
];

const fn family(name: &'static str, share: usize, tables: &'static [&'static [Entry]]) -> Family {
    Family {
        name,
        clients: 1,
        alone: false,
        listens: false,
        share,
        tables,
    }
}

impl Family {
    /// The names of all its commands.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.tables
            .iter()
            .flat_map(|table| table.iter().map(|entry| entry.name))
    }

    /// A history of `length` commands, of those that `serves` accepts.
    pub(super) fn history(
        &self,
        seed: u64,
        length: usize,
        serves: impl Fn(&str) -> bool,
    ) -> Vec<Step> {
        // The first table is the family's own and gets nine commands of ten.
        let tables: Vec<Vec<&Entry>> = self
            .tables
            .iter()
            .map(|table| table.iter().filter(|entry| serves(entry.name)).collect())
            .filter(|table: &Vec<&Entry>| !table.is_empty())
            .collect();
        let mut words = Words::new(Random::new(seed));
        let mut steps = Vec::with_capacity(length);
        if tables.is_empty() {
            return steps;
        }
        if self.listens {
            steps.extend(script::parse(
                "CONFIG SET notify-keyspace-events KEAmn\n2> PSUBSCRIBE __key*__:*\n",
            ));
        }
        let mut client = 0;
        while steps.len() < length {
            let equal = matches!(self.name, "mixed" | "transactions" | "notifications");
            let table = match equal || words.random.chance(10) {
                true => words.random.below(tables.len()),
                false => 0,
            };
            let entry = weighted(&mut words.random, &tables[table]);
            if words.random.chance(20) {
                client = words.random.below(self.clients);
            }
            let mut args: Vec<Vec<u8>> = entry
                .name
                .split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect();
            let fixed = args.len();
            args.extend((entry.make)(&mut words));
            if words.random.chance(4) {
                words.spoil(&mut args, fixed);
            }
            if words.random.chance(5) {
                for arg in args.iter_mut().take(fixed) {
                    words.change_case(arg);
                }
            }
            // Which order a hash answers in depends on its encoding, so that is asked first.
            if matches!(entry.name, "HGETALL" | "HKEYS" | "HVALS") && args.len() == 2 {
                let ask = args![*b"OBJECT", *b"ENCODING", args[1].clone()];
                steps.push(Step { client, args: ask });
            }
            steps.push(Step { client, args });
        }
        steps
    }
}

fn weighted<'a>(random: &mut Random, entries: &[&'a Entry]) -> &'a Entry {
    let total: usize = entries.iter().map(|entry| entry.weight).sum();
    let mut at = random.below(total);
    for entry in entries {
        if at < entry.weight {
            return entry;
        }
        at -= entry.weight;
    }
    entries[0]
}
