//! How the replies of two servers may differ without either being wrong.
//!
//! Most commands may not differ by a byte. The others are listed here, by name and by what is
//! open: the order of an unordered collection, the passing of time, chance, and the identity of
//! clients and processes.

use redstart_testkit::Reply;

/// What may differ in a command's replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing.
    Exact,
    /// The order of the elements or pairs.
    Unordered,
    /// Which commands there are, their order, and the notes on keys.
    Facts,
    /// Elements the other has and ours has not.
    Fewer,
    /// A copy of a shared integer is not shared in Redis, and is in the engine.
    Shared,
    /// The order of the messages it causes: several patterns may fit one message, and giving up
    /// everything goes through a table.
    Messages,
    /// The order, unless the collection is in a compact encoding, which keeps one.
    UnorderedUnlessCompact,
    /// An integer, by this much in both directions; but not whether it is negative.
    Near(i64),
    /// Everything but the kind of reply.
    Shape,
    /// The fields of clients and connections that name sockets, ages and sizes.
    ClientInfo,
    /// The connection's id.
    Hello,
    /// Which elements chance has chosen. Their number may not differ.
    Chance,
    /// Which elements chance has taken away.
    Taken,
    /// The bytes of a payload, if each side takes the other's for the same value.
    Payload,
    /// The cursor, and what one call returns. All calls together may not differ.
    Scan,
    /// The values of fields; and fields the other has and ours has not.
    Fields,
}

/// Seconds and milliseconds that may pass between two clock readings in one comparison.
const SECONDS: i64 = 3;
const MILLISECONDS: i64 = 3_000;

impl Rule {
    /// The rule for a command, from its name in capitals.
    pub(super) fn of(name: &str) -> Rule {
        match name {
            "KEYS"
            | "SMEMBERS"
            | "SUNION"
            | "SINTER"
            | "SDIFF"
            | "PUBSUB CHANNELS"
            | "PUBSUB SHARDCHANNELS"
            | "CONFIG GET" => Rule::Unordered,
            "COMMAND" | "COMMAND INFO" => Rule::Facts,
            "COMMAND LIST" => Rule::Fewer,
            "OBJECT REFCOUNT" => Rule::Shared,
            "PUBLISH" | "SPUBLISH" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" => {
                Rule::Messages
            }
            "HGETALL" | "HKEYS" | "HVALS" => Rule::UnorderedUnlessCompact,
            "TTL" | "EXPIRETIME" => Rule::Near(SECONDS),
            "PTTL" | "PEXPIRETIME" => Rule::Near(MILLISECONDS),
            "TIME"
            | "LASTSAVE"
            | "OBJECT IDLETIME"
            | "OBJECT FREQ"
            | "CLIENT ID"
            | "MEMORY USAGE"
            | "MEMORY STATS"
            | "MEMORY DOCTOR"
            | "MEMORY MALLOC-STATS"
            | "LATENCY DOCTOR"
            | "LATENCY GRAPH"
            | "LATENCY HISTOGRAM"
            | "DEBUG OBJECT"
            | "COMMAND COUNT"
            | "COMMAND DOCS" => Rule::Shape,
            // Redis' commands, our words.
            name if name.ends_with(" HELP") => Rule::Shape,
            "CLIENT INFO" | "CLIENT LIST" => Rule::ClientInfo,
            "HELLO" => Rule::Hello,
            "INFO" => Rule::Fields,
            "SRANDMEMBER" | "HRANDFIELD" | "ZRANDMEMBER" | "RANDOMKEY" => Rule::Chance,
            "SPOP" => Rule::Taken,
            "DUMP" => Rule::Payload,
            "SCAN" | "SSCAN" | "HSCAN" | "ZSCAN" => Rule::Scan,
            _ => Rule::Exact,
        }
    }

    /// Whether a command of this rule must run by itself, because what it did has to be looked at
    /// before the next command.
    pub(super) fn runs_alone(self) -> bool {
        matches!(
            self,
            Rule::Chance | Rule::Taken | Rule::Scan | Rule::Payload
        )
    }

    /// Whether two different replies are equal in all that may not differ. What chance chose and
    /// what scans return is the caller's to check further.
    pub(super) fn accepts(self, ours: &Reply, theirs: &Reply, compact: bool) -> bool {
        if ours == theirs {
            return true;
        }
        if ours.is_error() || theirs.is_error() {
            return false;
        }
        match self {
            Rule::Exact | Rule::Messages => false,
            Rule::Facts => same_facts(ours, theirs),
            Rule::Shared => {
                *ours == Reply::Integer(i64::from(i32::MAX)) && *theirs == Reply::Integer(1)
            }
            Rule::Fewer => {
                let elements = |reply: &Reply| reply.as_elements().unwrap_or_default().to_vec();
                let theirs = elements(theirs);
                let is_later = |name: &Reply| name.as_bytes() == Some(b"client|setinfo");
                elements(ours)
                    .iter()
                    .all(|name| theirs.contains(name) || is_later(name))
            }
            Rule::Unordered => sorted(ours) == sorted(theirs),
            Rule::UnorderedUnlessCompact => !compact && sorted(ours) == sorted(theirs),
            Rule::Near(by) => match (ours, theirs) {
                (Reply::Integer(ours), Reply::Integer(theirs)) => {
                    *ours >= 0 && *theirs >= 0 && ours.abs_diff(*theirs) <= by.unsigned_abs()
                }
                _ => false,
            },
            Rule::Shape => shape(ours) == shape(theirs),
            Rule::ClientInfo => client_fields(ours) == client_fields(theirs),
            Rule::Hello => without_id(ours) == without_id(theirs),
            Rule::Fields => {
                let (ours, theirs) = (field_names(ours), field_names(theirs));
                let titles = |names: &[String]| -> Vec<String> {
                    let served = |name: &&String| name.starts_with('#');
                    names.iter().filter(served).cloned().collect()
                };
                let own = ["server_name", "redstart_version"];
                titles(&ours) == titles(&theirs)
                    && ours
                        .iter()
                        .all(|name| theirs.contains(name) || own.contains(&&**name))
            }
            Rule::Chance | Rule::Taken => {
                shape(ours) == shape(theirs) && count(ours) == count(theirs)
            }
            Rule::Scan | Rule::Payload => shape(ours) == shape(theirs),
        }
    }
}

/// The reply with its elements or pairs in order. Pairs in a flat array stay together only as
/// multisets of words do, which the digest makes up for.
fn sorted(reply: &Reply) -> Reply {
    match reply.clone() {
        Reply::Array(mut elements) => {
            elements.sort();
            Reply::Array(elements)
        }
        Reply::Set(mut elements) => {
            elements.sort();
            Reply::Set(elements)
        }
        Reply::Map(mut pairs) => {
            pairs.sort();
            Reply::Map(pairs)
        }
        other => other,
    }
}

fn sorted_throughout(reply: &Reply) -> Reply {
    let inside = |elements: &[Reply]| elements.iter().map(sorted_throughout).collect();
    sorted(&match reply {
        Reply::Array(elements) => Reply::Array(inside(elements)),
        Reply::Set(elements) => Reply::Set(inside(elements)),
        Reply::Map(pairs) => Reply::Map(
            pairs
                .iter()
                .map(|(key, value)| (sorted_throughout(key), sorted_throughout(value)))
                .collect(),
        ),
        other => other.clone(),
    })
}

/// Whether two sequences of replies and messages are equal but for the order in which messages of
/// one kind come. The counts at the end of confirmations keep their order.
pub(super) fn same_messages(ours: &[Reply], theirs: &[Reply]) -> bool {
    let counts = |replies: &[Reply]| -> Vec<Option<Reply>> {
        replies
            .iter()
            .map(|reply| reply.as_elements()?.get(2).cloned())
            .collect()
    };
    let contents = |replies: &[Reply]| -> Vec<Vec<Reply>> {
        let mut contents: Vec<Vec<Reply>> = replies
            .iter()
            .map(|reply| match reply.as_elements() {
                Some([kind, name, Reply::Integer(_)]) => vec![kind.clone(), name.clone()],
                _ => vec![reply.clone()],
            })
            .collect();
        contents.sort();
        contents
    };
    let confirmations = |counts: Vec<Option<Reply>>| -> Vec<Reply> {
        let number = |reply: &Reply| reply.as_integer().is_some();
        counts.into_iter().flatten().filter(number).collect()
    };
    contents(ours) == contents(theirs)
        && confirmations(counts(ours)) == confirmations(counts(theirs))
}

/// The kind of a reply.
fn shape(reply: &Reply) -> std::mem::Discriminant<Reply> {
    std::mem::discriminant(reply)
}

fn count(reply: &Reply) -> Option<usize> {
    reply.as_elements().map(<[Reply]>::len)
}

/// CLIENT LIST as `name=value` fields, without the values that are the connection's own.
fn client_fields(reply: &Reply) -> Vec<String> {
    const OWN: [&str; 17] = [
        "id",
        "addr",
        "laddr",
        "fd",
        "age",
        "idle",
        "qbuf",
        "qbuf-free",
        "argv-mem",
        "multi-mem",
        "rbs",
        "rbp",
        "obl",
        "oll",
        "omem",
        "tot-mem",
        "events",
    ];
    let text = reply.as_bytes().unwrap_or_default();
    String::from_utf8_lossy(text)
        .split([' ', '\n'])
        // Of 7.2.
        .filter(|field| !field.starts_with("lib-"))
        .map(|field| match field.split_once('=') {
            Some((name, _)) if OWN.contains(&name) => name.to_owned(),
            _ => field.to_owned(),
        })
        .collect()
}

fn without_id(reply: &Reply) -> Vec<Reply> {
    let flat: Vec<Reply> = match reply {
        Reply::Map(pairs) => pairs
            .iter()
            .flat_map(|(key, value)| [key, value])
            .cloned()
            .collect(),
        other => other.as_elements().unwrap_or_default().to_vec(),
    };
    let id = flat.iter().position(|word| word.as_bytes() == Some(b"id"));
    flat.iter()
        .enumerate()
        .filter(|(index, _)| id.is_none_or(|id| *index != id + 1))
        .map(|(_, word)| word.clone())
        .collect()
}

/// The facts of commands. One that ours does not serve may be null; of a container only the
/// subcommands that are served are compared. The twins of the facts' own crate compare them all.
fn same_facts(ours: &Reply, theirs: &Reply) -> bool {
    let entries = |reply: &Reply| reply.as_elements().unwrap_or_default().to_vec();
    let (ours, theirs) = (entries(ours), entries(theirs));
    let name = |entry: &Reply| entries(entry).first().cloned();
    let same = |ours: &Reply, theirs: &Reply| {
        let (mut ours, mut theirs) = (entries(ours), entries(theirs));
        let subcommands = [ours.pop(), theirs.pop()].map(|last| last.map(|last| entries(&last)));
        let [Some(ours_below), Some(theirs_below)] = subcommands else {
            return false;
        };
        let facts = |facts: Vec<Reply>| sorted_throughout(&without_notes(&Reply::Array(facts)));
        // Those of later versions have no counterpart.
        let same_below = ours_below.iter().all(|ours| {
            let counterpart = theirs_below
                .iter()
                .find(|theirs| name(theirs) == name(ours));
            counterpart.is_none_or(|theirs| {
                same_facts(
                    &Reply::Array(vec![ours.clone()]),
                    &Reply::Array(vec![theirs.clone()]),
                )
            })
        });
        facts(ours) == facts(theirs) && same_below
    };
    if ours.len() == theirs.len() && ours.iter().any(|entry| name(entry).is_none()) {
        let mut pairs = ours.iter().zip(&theirs);
        return pairs.all(|(ours, theirs)| name(ours).is_none() || same(ours, theirs));
    }
    ours.iter().all(|ours| {
        let counterpart = theirs.iter().find(|theirs| name(theirs) == name(ours));
        counterpart.is_some_and(|theirs| same(ours, theirs))
    })
}

/// Without what is said in prose about keys.
fn without_notes(reply: &Reply) -> Reply {
    let is_notes = |word: &Reply| word.as_bytes() == Some(b"notes");
    match reply {
        Reply::Map(pairs) => Reply::Map(
            pairs
                .iter()
                .filter(|(name, _)| !is_notes(name))
                .map(|(name, value)| (name.clone(), without_notes(value)))
                .collect(),
        ),
        Reply::Array(elements) if elements.first().is_some_and(is_notes) => {
            without_notes(&Reply::Array(elements[2..].to_vec()))
        }
        Reply::Array(elements) => Reply::Array(elements.iter().map(without_notes).collect()),
        Reply::Set(elements) => Reply::Set(elements.iter().map(without_notes).collect()),
        other => other.clone(),
    }
}

/// INFO's field names and section titles, in order. Which commands and errors there were is left to
/// the tests of `watching`: a history also leaves behind what is meant to differ.
fn field_names(reply: &Reply) -> Vec<String> {
    const OF_HISTORY: [&str; 3] = ["cmdstat_", "errorstat_", "latency_percentiles_usec_"];
    let text = reply.as_bytes().unwrap_or_default();
    String::from_utf8_lossy(text)
        .lines()
        .filter(|line| !line.is_empty())
        .filter(|line| !OF_HISTORY.iter().any(|kind| line.starts_with(kind)))
        .map(|line| line.split(':').next().unwrap_or(line).to_owned())
        .collect()
}
