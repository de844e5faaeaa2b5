//! Both twins live through the same history, and their answers are compared.

use std::collections::BTreeSet;
use std::fmt;

use redstart_testkit::Reply;

use super::digest;
use super::endpoint::{Endpoint, Live, frames, words};
use super::rule::{Rule, same_messages};
use super::script::Step;

/// So many commands are in flight before replies are compared and the whole state is read.
const BATCH: usize = 50;

/// A scan that has not come to its end after so many calls never will.
const SCAN_CALLS_MAX: usize = 5_000;

/// How a history is lived through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) resp: u8,
    pub(super) clients: usize,
    /// Whether each command runs by itself, because it may cause any number of messages.
    pub(super) alone: bool,
}

/// The first answer that is not the same.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// The index of the command answered, or of the last command before the state was read.
    pub(super) at: usize,
    /// What differs: a command's name, or the state.
    pub(super) what: String,
    pub(super) ours: String,
    pub(super) theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            what, ours, theirs, ..
        } = self;
        write!(out, "{what}\n   ours: {ours}\n theirs: {theirs}")
    }
}

/// The twin under test beside the oracle.
pub(super) struct Pair {
    pub(super) ours: Box<dyn Endpoint>,
    pub(super) theirs: Live,
}

impl Pair {
    /// Lives through `history` from nothing and returns the first difference.
    pub(super) fn live_through(
        &mut self,
        history: &[Step],
        setting: Setting,
    ) -> Option<Difference> {
        self.ours.reset(setting.clients, setting.resp);
        self.theirs.reset(setting.clients, setting.resp);
        let mut compared = Comparison {
            queued: vec![Vec::new(); setting.clients],
        };
        let mut at = 0;
        while at < history.len() {
            let end = (at + BATCH).min(history.len());
            while at < end {
                let now = self.theirs.time_us();
                self.ours.set_time(now);
                let rest = &history[at..end];
                let found = match setting.alone {
                    true => self.one(&mut compared, &rest[0]).map(|found| (0, found)),
                    false => self.several(&mut compared, rest),
                };
                let done = match setting.alone {
                    true => 1,
                    false => run_length(rest),
                };
                if let Some((index, (ours, theirs))) = found {
                    let at = at + index;
                    return Some(Difference {
                        at,
                        what: history[at].name(),
                        ours,
                        theirs,
                    });
                }
                at += done;
            }
            if let Some((ours, theirs)) = self.states() {
                let what = "the state".to_owned();
                return Some(Difference {
                    at: at - 1,
                    what,
                    ours,
                    theirs,
                });
            }
        }
        None
    }

    fn states(&mut self) -> Option<(String, String)> {
        let now = self.theirs.time_us();
        self.ours.set_time(now);
        let (ours, theirs) = (
            digest::read(&mut *self.ours),
            digest::read(&mut self.theirs),
        );
        digest::difference(&ours, &theirs)
    }

    /// Runs what can be in flight together.
    fn several(&mut self, compared: &mut Comparison, steps: &[Step]) -> Option<(usize, Answers)> {
        let steps = &steps[..run_length(steps)];
        // Theirs first: its clock goes on, ours stands where it was put.
        let theirs = self.theirs.run(steps);
        let ours = self.ours.run(steps);
        for (index, step) in steps.iter().enumerate() {
            let before = index
                .checked_sub(1)
                .map(|before| (&steps[before], &theirs[before]));
            let compact = before.is_some_and(|(before, reply)| tells_compact(before, step, reply));
            if let Some(answers) = compared.reply(step, &ours[index], &theirs[index], compact) {
                return Some((index, answers));
            }
            let what = match Rule::of(&step.name()) {
                Rule::Chance => self.chosen(step, &ours[index], &theirs[index]),
                Rule::Taken => self.taken(step, &ours[index], &theirs[index]),
                Rule::Scan => self.scanned(step, &ours[index], &theirs[index]),
                Rule::Payload => self.exchanged(&ours[index], &theirs[index]),
                _ => None,
            };
            if let Some(what) = what {
                return Some((index, what));
            }
        }
        None
    }

    /// Runs one command and compares all that every client received.
    fn one(&mut self, compared: &mut Comparison, step: &Step) -> Option<Answers> {
        let theirs = self.theirs.run_alone(step);
        let ours = self.ours.run_alone(step);
        // Redis' EXEC counts its commands, and those may send any number of messages: what it
        // answers then is no tree. Ours counts what it sends.
        let open = |name: &String| {
            let sends = name.ends_with("SUBSCRIBE") || name.ends_with("PUBLISH");
            sends || Rule::of(name) != Rule::Exact
        };
        // HELLO has Redis change the protocol in the middle of the reply, ours at its start.
        let switches = step.name() == "EXEC"
            && compared.queued[step.client]
                .iter()
                .any(|name| name == "HELLO");
        let sends = step.name() == "EXEC" && compared.queued[step.client].iter().any(open);
        for (client, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let (mine, other) = (frames(ours), frames(theirs));
            if ours != theirs && Rule::of(&step.name()) == Rule::Messages {
                let parse = |frames: &[Vec<u8>]| -> Option<Vec<Reply>> {
                    frames
                        .iter()
                        .map(|frame| Reply::parse(frame).ok())
                        .collect()
                };
                let parsed = parse(&mine).zip(parse(&other));
                if parsed.is_some_and(|(mine, other)| same_messages(&mine, &other)) {
                    continue;
                }
            }
            let differs = match client == step.client && mine.len() == other.len() {
                true => mine
                    .iter()
                    .zip(&other)
                    .find_map(|(mine, other)| compared.reply(step, mine, other, false)),
                false => (ours != theirs).then(|| (escaped(ours), escaped(theirs))),
            };
            let differs = differs
                .filter(|_| !switches)
                .filter(|_| !sends || sorted_lines(ours) != sorted_lines(theirs));
            if let Some((ours, theirs)) = differs {
                let to = format!("(to client {}) ", client + 1);
                return Some((format!("{to}{ours}"), format!("{to}{theirs}")));
            }
        }
        if sends {
            compared.queued[step.client].clear();
        }
        None
    }

    /// What chance chose must be something the collection holds, and once only unless repetition
    /// was asked for.
    fn chosen(&mut self, step: &Step, ours: &[u8], theirs: &[u8]) -> Option<Answers> {
        let Ok(reply) = Reply::parse(ours) else {
            return Some((escaped(ours), escaped(theirs)));
        };
        if ours == theirs {
            return None;
        }
        let paired = step.args.iter().any(|arg| {
            arg.eq_ignore_ascii_case(b"WITHSCORES") || arg.eq_ignore_ascii_case(b"WITHVALUES")
        });
        let mut held = BTreeSet::new();
        for database in 0..digest::DATABASES {
            let key = step.args.get(1).cloned().unwrap_or_default();
            let read = |words: &[&str], key: &[u8], tail: &[&str]| {
                let mut command: Vec<Vec<u8>> =
                    words.iter().map(|word| word.as_bytes().to_vec()).collect();
                command.push(key.to_vec());
                command.extend(tail.iter().map(|word| word.as_bytes().to_vec()));
                command
            };
            let read = match step.name().as_str() {
                "RANDOMKEY" => words("KEYS *"),
                "SRANDMEMBER" => read(&["SMEMBERS"], &key, &[]),
                "HRANDFIELD" if paired => read(&["HGETALL"], &key, &[]),
                "HRANDFIELD" => read(&["HKEYS"], &key, &[]),
                _ if paired => read(&["ZRANGE"], &key, &["0", "-1", "WITHSCORES"]),
                _ => read(&["ZRANGE"], &key, &["0", "-1"]),
            };
            let replies = self
                .theirs
                .ask(&[words(&format!("SELECT {database}")), read]);
            held.extend(items(&replies[1], paired));
        }
        let chosen = items(&reply, paired);
        let distinct: BTreeSet<_> = chosen.iter().cloned().collect();
        let repeats = step
            .args
            .get(2)
            .is_some_and(|count| count.starts_with(b"-"));
        let fine = distinct.is_subset(&held) && (repeats || distinct.len() == chosen.len());
        (!fine).then(|| {
            (
                reply.to_string(),
                format!("a choice of what {step} can find"),
            )
        })
    }

    /// What SPOP took must have been in the set; then both sets are made equal again.
    fn taken(&mut self, step: &Step, ours: &[u8], theirs: &[u8]) -> Option<Answers> {
        let key = step.args.get(1)?.clone();
        let taken = |bytes: &[u8]| {
            Reply::parse(bytes)
                .map(|reply| items(&reply, false))
                .unwrap_or_default()
        };
        let (mut mine, mut other) = (taken(ours), taken(theirs));
        let members = |reply: &Reply| -> BTreeSet<Vec<u8>> {
            items(reply, false)
                .into_iter()
                .map(|item| item.concat())
                .collect()
        };
        let (mut held_ours, mut held_theirs) = (BTreeSet::new(), BTreeSet::new());
        for database in 0..digest::DATABASES {
            let select = words(&format!("SELECT {database}"));
            let read = [
                select.clone(),
                vec![b"SMEMBERS".to_vec(), key.clone()],
                vec![b"OBJECT".to_vec(), b"ENCODING".to_vec(), key.clone()],
            ];
            let (mine, other) = (self.ours.ask(&read), self.theirs.ask(&read));
            let left = members(&mine[1]);
            let right = members(&other[1]);
            let change = |name: &str, members: Vec<&Vec<u8>>| {
                let members = members.into_iter().cloned();
                [name.as_bytes().to_vec(), key.clone()]
                    .into_iter()
                    .chain(members)
                    .collect()
            };
            let missing: Vec<_> = right.difference(&left).collect();
            let surplus: Vec<_> = left.difference(&right).collect();
            if !missing.is_empty() {
                self.ours.ask(&[select.clone(), change("SADD", missing)]);
            }
            if !surplus.is_empty() {
                self.ours.ask(&[select.clone(), change("SREM", surplus)]);
            }
            // What is left may have been put into a new set, whose encoding depends on what it is.
            if mine[2] != other[2] && !right.is_empty() {
                let again = change("SADD", right.iter().collect());
                let anew = [select, vec![b"DEL".to_vec(), key.clone()], again];
                self.ours.ask(&anew);
                self.theirs.ask(&anew);
            }
            held_ours.extend(left);
            held_theirs.extend(right);
        }
        // Taken and left together are what was there.
        mine.extend(held_ours.into_iter().map(|member| vec![member]));
        other.extend(held_theirs.into_iter().map(|member| vec![member]));
        mine.sort();
        other.sort();
        (mine != other).then(|| (escaped(ours), escaped(theirs)))
    }

    /// Gives each the other's payload. What they make of it is compared with everything else.
    fn exchanged(&mut self, ours: &[u8], theirs: &[u8]) -> Option<Answers> {
        let payload = |reply: &[u8]| match Reply::parse(reply) {
            Ok(Reply::Bulk(payload)) => Some(payload),
            _ => None,
        };
        let (mine, other) = (payload(ours)?, payload(theirs)?);
        let take = |payload: Vec<u8>| {
            let mut restore = words("RESTORE exchanged 0");
            restore.extend([payload, b"REPLACE".to_vec()]);
            [words("SELECT 0"), restore]
        };
        let taken = (self.ours.ask(&take(other)), self.theirs.ask(&take(mine)));
        let is_fine = taken.0 == taken.1 && taken.0[1] == Reply::Simple(b"OK".to_vec());
        (!is_fine).then(|| {
            let show = |reply: &[u8], taken: &Reply| format!("{}, and {taken}", escaped(reply));
            (show(ours, &taken.0[1]), show(theirs, &taken.1[1]))
        })
    }

    /// Goes on with the scan that the step began and compares what it returns in all.
    fn scanned(&mut self, step: &Step, ours: &[u8], theirs: &[u8]) -> Option<Answers> {
        let position = match step.name().as_str() {
            "SCAN" => 1,
            _ => 2,
        };
        if ours == theirs || step.args.get(position).is_none_or(|cursor| cursor != b"0") {
            return None;
        }
        let whole = |endpoint: &mut dyn Endpoint, first: &[u8]| -> Result<BTreeSet<_>, String> {
            let mut found = BTreeSet::new();
            let mut reply = first.to_vec();
            for _ in 0..SCAN_CALLS_MAX {
                let tree = Reply::parse(&reply).map_err(|error| error.to_string())?;
                let Some([cursor, page]) = tree.as_elements() else {
                    return Err(format!("not a page: {tree}"));
                };
                let paired = matches!(step.name().as_str(), "HSCAN" | "ZSCAN");
                found.extend(items(page, paired));
                let cursor = cursor.as_bytes().unwrap_or_default().to_vec();
                if cursor == b"0" {
                    return Ok(found);
                }
                let mut next = step.clone();
                next.args[position] = cursor;
                reply = endpoint.run(&[next]).remove(0);
            }
            Err("no end".to_owned())
        };
        let ours = whole(&mut *self.ours, ours);
        let theirs = whole(&mut self.theirs, theirs);
        let show = |whole: &Result<BTreeSet<Vec<Vec<u8>>>, String>| match whole {
            Ok(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| escaped(&item.join(&b'=')))
                    .collect();
                format!("in all {}: {}", items.len(), items.join(" "))
            }
            Err(error) => error.clone(),
        };
        (ours != theirs).then(|| (show(&ours), show(&theirs)))
    }
}

/// Ours and theirs, readable.
type Answers = (String, String);

/// What has to be remembered to compare replies: which commands each client has queued.
struct Comparison {
    queued: Vec<Vec<String>>,
}

impl Comparison {
    fn reply(&mut self, step: &Step, ours: &[u8], theirs: &[u8], compact: bool) -> Option<Answers> {
        let name = step.name();
        let queue = &mut self.queued[step.client];
        let queued = match name.as_str() {
            "EXEC" | "DISCARD" | "RESET" | "QUIT" => std::mem::take(queue),
            _ => Vec::new(),
        };
        if theirs == b"+QUEUED\r\n" {
            queue.push(name.clone());
        }
        if ours == theirs {
            return None;
        }
        let (Ok(mine), Ok(other)) = (Reply::parse(ours), Reply::parse(theirs)) else {
            return Some((escaped(ours), escaped(theirs)));
        };
        let same = match (name.as_str(), &mine, &other) {
            ("EXEC", Reply::Array(mine), Reply::Array(other)) => {
                mine.len() == other.len()
                    && other.len() == queued.len()
                    && queued
                        .iter()
                        .zip(mine.iter().zip(other))
                        .all(|(name, (mine, other))| Rule::of(name).accepts(mine, other, false))
            }
            _ => Rule::of(&name).accepts(&mine, &other, compact),
        };
        (!same).then(|| (mine.to_string(), other.to_string()))
    }
}

/// The lines of replies in an order of their own, without those that tell of the connection, and
/// without headers: HELLO in a transaction changes them on the way.
fn sorted_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let own = |line: &&[u8]| {
        let header = line.first().is_some_and(|kind| b"$=:*%~>_+".contains(kind));
        header || line.starts_with(b"id=") || line.starts_with(b"txt:id=")
    };
    let mut lines: Vec<&[u8]> = bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !own(line))
        .collect();
    lines.sort();
    lines
}

/// How many steps from the start can be in flight together.
fn run_length(steps: &[Step]) -> usize {
    match steps
        .iter()
        .position(|step| Rule::of(&step.name()).runs_alone())
    {
        Some(0) => 1,
        Some(length) => length,
        None => steps.len(),
    }
}

/// Whether `before` asked for the encoding of the key that `step` reads, and it was compact.
fn tells_compact(before: &Step, step: &Step, reply: &[u8]) -> bool {
    before.name() == "OBJECT ENCODING"
        && before.args.get(2) == step.args.get(1)
        && reply == b"$8\r\nlistpack\r\n"
}

/// The elements of a reply: of one word each, or of two if they come in pairs, however nested.
fn items(reply: &Reply, paired: bool) -> Vec<Vec<Vec<u8>>> {
    fn flatten(reply: &Reply, out: &mut Vec<Vec<u8>>) {
        match reply {
            Reply::Double(digits) => out.push(digits.clone()),
            Reply::Map(pairs) => {
                for (key, value) in pairs {
                    flatten(key, out);
                    flatten(value, out);
                }
            }
            other => match (other.as_bytes(), other.as_elements()) {
                (Some(bytes), _) => out.push(bytes.to_vec()),
                (None, Some(elements)) => elements.iter().for_each(|one| flatten(one, out)),
                (None, None) => {}
            },
        }
    }
    let mut flat = Vec::new();
    flatten(reply, &mut flat);
    let size = if paired { 2 } else { 1 };
    flat.chunks(size).map(<[Vec<u8>]>::to_vec).collect()
}

fn escaped(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 2_000;
    bytes[..bytes.len().min(SHOWN_MAX)]
        .escape_ascii()
        .to_string()
}
