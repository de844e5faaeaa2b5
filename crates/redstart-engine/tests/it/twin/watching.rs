//! What is told of commands to those who watch: both twins count, log and show the same.

use super::endpoint::{Endpoint, Live, words};
use super::generate::{FAMILIES, Family};
use super::rule::Rule;
use super::script::Step;
use super::{HISTORY, oracle, subject};

/// Either of the two.
type Twin = dyn Endpoint + 'static;

/// Histories in which nothing depends on chance.
fn histories(family: &str, rounds: u64) -> Vec<Vec<Step>> {
    let family: &Family = FAMILIES
        .iter()
        .find(|one| one.name == family)
        .expect("a family of that name");
    let is_certain = |name: &str| {
        let own = ["RESET", "QUIT", "CONFIG SET", "SCRIPT DEBUG"].contains(&name);
        !own && !name.starts_with("DEBUG") && !Rule::of(name).runs_alone()
    };
    let of_first = |steps: Vec<Step>| steps.into_iter().filter(|step| step.client == 0).collect();
    (1..=rounds)
        .map(|seed| of_first(family.history(seed, HISTORY, is_certain)))
        .collect()
}

/// Runs each history on both twins, prepared by `settings`, and gives both to `compare`.
fn on_both(settings: &str, mut compare: impl FnMut(&[Step], &mut Twin, &mut Live)) {
    let mut theirs = Live::start(oracle());
    for shards in [1, 16] {
        let mut ours = subject(shards);
        for family in ["keys", "transactions", "scripts", "strings"] {
            for history in histories(family, 3) {
                let now_us = theirs.time_us();
                ours.set_time(now_us);
                for twin in [&mut *ours, &mut theirs as &mut Twin] {
                    twin.reset(2, 2);
                    twin.ask(&[
                        words(settings),
                        words("CONFIG RESETSTAT"),
                        words("SLOWLOG RESET"),
                    ]);
                }
                compare(&history, &mut *ours, &mut theirs);
            }
        }
    }
}

/// The lines of a section but for times, and for what the harness itself has called.
fn figures(twin: &mut Twin, section: &str) -> Vec<String> {
    let reply = twin.ask(&[words(&format!("INFO {section}"))]).remove(0);
    let text = String::from_utf8_lossy(reply.as_bytes().expect("a text")).into_owned();
    let without_times = |line: &str| {
        let fields = line.split(',').filter(|field| !field.contains("usec"));
        fields.collect::<Vec<_>>().join(",")
    };
    let is_own = |line: &&str| {
        ["config|", "slowlog|", "info:", "time:"]
            .iter()
            .any(|name| line.starts_with(&format!("cmdstat_{name}")))
    };
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !is_own(line))
        .map(without_times)
        .collect();
    lines.sort();
    lines
}

#[test]
fn calls_and_errors_are_counted_alike() {
    on_both("PING", |history, ours, theirs| {
        for step in history {
            let step = std::slice::from_ref(step);
            let answers = [theirs.run(step), ours.run(step)];
            for section in ["commandstats", "errorstats"] {
                let [ours, theirs] =
                    [&mut *ours, &mut *theirs as &mut Twin].map(|twin| figures(twin, section));
                assert_eq!(ours, theirs, "after {step:?}, answered by {answers:?}");
            }
        }
    });
}

#[test]
fn slow_commands_are_logged_alike() {
    fn log(twin: &mut Twin) -> Vec<String> {
        let reply = twin.ask(&[words("SLOWLOG GET -1")]).remove(0);
        let entries = reply.as_elements().expect("a list").iter();
        let told = entries.rev().map(|entry| {
            let fields = entry.as_elements().expect("an entry");
            let is_script = fields[4].as_bytes() == Some(b"?:0");
            format!("{} {is_script} {}", fields[3], fields[5])
        });
        told.collect()
    }

    let settings = "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 10000";
    on_both(settings, |history, ours, theirs| {
        let named = Step {
            client: 0,
            args: words("CLIENT SETNAME somebody"),
        };
        for twin in [&mut *ours, &mut *theirs as &mut Twin] {
            twin.run(std::slice::from_ref(&named));
            for step in history {
                twin.run(std::slice::from_ref(step));
            }
        }
        for (ours, theirs) in log(ours).into_iter().zip(log(theirs)) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(log(ours).len(), log(theirs).len());
    });
}

#[test]
fn commands_are_shown_alike() {
    /// The database, whether it was a script, and the words; none of what the harness sends.
    fn shown(received: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(received).into_owned();
        let line = |line: &str| {
            let (_, rest) = line.split_once(" [")?;
            let (by, words) = rest.split_once("] ")?;
            let (db, by) = by.split_once(' ')?;
            let is_own = words.starts_with("\"PING\"") || words.to_uppercase() == "\"MULTI\"";
            (!is_own).then(|| format!("{db} {} {words}", by == "lua"))
        };
        text.lines().filter_map(line).collect()
    }

    on_both("PING", |history, ours, theirs| {
        let mut watcher = theirs.monitor();
        ours.run_alone(&Step {
            client: 1,
            args: words("MONITOR"),
        });
        for (number, step) in history.iter().enumerate() {
            theirs.run(std::slice::from_ref(step));
            // When this is shown, all before it was.
            let end = format!("the end of {number}");
            theirs.ask(&[vec![b"ECHO".to_vec(), end.clone().into_bytes()]]);
            let mut received = Vec::new();
            while !String::from_utf8_lossy(&received).contains(&end) {
                received.extend(watcher.receive_raw().expect("a line"));
            }
            let mut expected = shown(&received);
            expected.pop();
            let ours = shown(&ours.run_alone(step)[1]);
            let differs = ours
                .iter()
                .zip(&expected)
                .find(|(ours, other)| ours != other);
            assert_eq!(differs, None, "of {step}");
            assert_eq!(ours.len(), expected.len(), "of {step}");
        }
    });
}
