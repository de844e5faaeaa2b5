//! The check against its model, on the embedded engine in simulated time and on a real server.
//!
//! A real server's clock cannot be set, so there the script is given its time as an argument, in
//! place of TIME; that is the only word of it that changes. Times lie in the future, so that no
//! key expires by itself.

#[cfg(feature = "embedded")]
use std::pin::pin;
#[cfg(feature = "embedded")]
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use redstart_testkit::{RawConnection, Reply, Server};

use super::decision::Verdict;
use super::model::{self, Answer, Model};
use super::op::{CheckRules, Numbers, Subject};
use super::policy::{Policy, Quota};
use crate::store::{Arguments, KeySpace, Namespace, Operation, Value};
#[cfg(feature = "embedded")]
use crate::store::{Execution, Run, SimulatedTime, Store};

/// Later than any clock these tests run by.
const START_US: u64 = 4_000_000_000_000_000;

/// A rule as the policy and as the model know it.
#[derive(Clone, Copy, Debug)]
struct RuleCase {
    count: u64,
    period_us: u64,
    burst: u64,
    log: bool,
}

/// One thing that happens to one subject.
#[derive(Clone, Copy, Debug)]
enum Step {
    Pass {
        us: u64,
    },
    Check {
        cost: Cost,
    },
    Peek {
        cost: Cost,
    },
    /// Only right after something was taken: later, whether the key was still there to be found in
    /// the past depends on when the engine happened to remove it.
    TurnBack {
        us: u64,
    },
}

/// A cost relative to the first rule's limit, so that the limits are hit.
#[derive(Clone, Copy, Debug)]
enum Cost {
    Exactly(u64),
    LimitPlus(i64),
    Huge,
}

#[derive(Clone, Debug)]
struct History {
    rules: Vec<RuleCase>,
    steps: Vec<Step>,
}

impl History {
    fn policy(&self) -> Policy {
        let mut builder = Policy::named("p");
        for (index, rule) in self.rules.iter().enumerate() {
            let quota = Quota::new(rule.count, Duration::from_micros(rule.period_us));
            let quota = if rule.log {
                quota.sliding_log()
            } else {
                quota.burst(rule.burst)
            };
            builder = builder.rule(&format!("r{index}"), quota);
        }
        builder.build().unwrap()
    }

    fn model(&self) -> Model {
        Model::new(self.rules.iter().map(|rule| {
            if rule.log {
                model::Rule::log(rule.count, rule.period_us)
            } else {
                model::Rule::bucket(rule.count, rule.period_us, rule.burst)
            }
        }))
    }

    /// The checks and peeks of the history, and when they happen. The clock is set back wherever
    /// the history says so.
    fn operations<'h>(
        &'h self,
        policy: &'h Policy,
        subject: &'h str,
    ) -> impl Iterator<Item = (CheckRules<'h>, u64)> + 'h {
        let mut now_us = START_US;
        self.steps.iter().filter_map(move |step| {
            let (cost, take) = match *step {
                Step::Pass { us } => {
                    now_us += us;
                    return None;
                }
                Step::TurnBack { us } => {
                    now_us -= us;
                    return None;
                }
                Step::Check { cost } => (cost, true),
                Step::Peek { cost } => (cost, false),
            };
            Some((operation(policy, subject, self.cost(cost), take), now_us))
        })
    }

    fn cost(&self, cost: Cost) -> u64 {
        let rule = self.rules[0];
        let limit = if rule.log { rule.count } else { rule.burst };
        match cost {
            Cost::Exactly(cost) => cost,
            Cost::LimitPlus(more) => limit.saturating_add_signed(more),
            Cost::Huge => u64::MAX,
        }
    }
}

fn rule(logs: bool) -> impl Strategy<Value = RuleCase> {
    let period_us = prop_oneof![
        1_u64..50,
        Just(1_000),
        Just(999_983),
        Just(1_000_000),
        Just(86_400_000_000)
    ];
    let count = prop_oneof![1_u64..12, Just(97), Just(1_000), Just(999_983)];
    let bucket =
        (count, period_us.clone(), 1_u64..15).prop_map(|(count, period_us, burst)| RuleCase {
            count,
            period_us,
            burst,
            log: false,
        });
    let log = (1_u64..8, period_us).prop_map(|(count, period_us)| RuleCase {
        count,
        period_us,
        burst: 0,
        log: true,
    });
    prop_oneof![3 => bucket, u32::from(logs) * 2 => log]
}

fn cost() -> impl Strategy<Value = Cost> {
    prop_oneof![
        12 => Just(Cost::Exactly(1)),
        4 => (0_u64..5).prop_map(Cost::Exactly),
        2 => (-1_i64..2).prop_map(Cost::LimitPlus),
        1 => Just(Cost::Huge),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let pass = prop_oneof![
        0_u64..60,
        1_000_u64..200_000,
        900_000_u64..1_100_000,
        1_000_000_000_u64..100_000_000_000
    ];
    prop_oneof![
        6 => pass.prop_map(|us| Step::Pass { us }),
        12 => cost().prop_map(|cost| Step::Check { cost }),
        2 => cost().prop_map(|cost| Step::Peek { cost }),
        1 => prop_oneof![0_u64..2_000, 1_000_000_u64..4_000_000_000]
            .prop_map(|us| Step::TurnBack { us }),
    ]
}

fn history(logs: bool, steps: usize) -> impl Strategy<Value = History> {
    let rules = prop::collection::vec(rule(logs), 1..4);
    let steps = prop::collection::vec(step(), steps);
    (rules, steps).prop_map(|(rules, steps)| History { rules, steps })
}

/// Something that can run a check at a given time.
trait Lab {
    type Reply: PartialEq + std::fmt::Debug;

    fn check(&mut self, operation: &CheckRules<'_>, now_us: u64) -> Verdict;

    /// What is stored, and until when: equal before and after whatever writes nothing.
    fn stored(&mut self, operation: &CheckRules<'_>) -> Vec<(Self::Reply, Self::Reply)>;
}

fn operation<'p>(policy: &'p Policy, subject: &str, cost: u64, take: bool) -> CheckRules<'p> {
    let space = KeySpace::new(&Namespace::new("test").unwrap(), "limiter", 1);
    let space = space.within(policy.name().as_bytes());
    let subject = Subject::new(&space, policy, subject.as_bytes()).unwrap();
    CheckRules::new(subject, policy, cost, take)
}

/// Runs a history in a lab and holds every answer against the model.
fn compare(lab: &mut impl Lab, history: &History, subject: &str) {
    let policy = history.policy();
    let mut model = history.model();
    let mut now_us = START_US;
    let mut just_taken = false;
    for (index, step) in history.steps.iter().enumerate() {
        let (cost, take) = match *step {
            Step::Pass { us } => {
                now_us += us;
                just_taken &= us == 0;
                continue;
            }
            Step::TurnBack { us } => {
                if just_taken {
                    now_us -= us;
                }
                continue;
            }
            Step::Check { cost } => (history.cost(cost), true),
            Step::Peek { cost } => (history.cost(cost), false),
        };
        let (allowed, answers) = model.check(now_us.into(), cost.into(), take);
        let operation = operation(&policy, subject, cost, take);
        let verdict = lab.check(&operation, now_us);
        assert_eq!(verdict.allowed, allowed, "step {index} {step:?}");
        let reported = verdict.states.iter().map(|state| Answer {
            remaining: state.remaining.into(),
            retry_after_us: state.retry_after_us.map(i128::from),
            reset_after_us: state.reset_after_us.into(),
        });
        assert_eq!(
            reported.collect::<Vec<_>>(),
            answers,
            "step {index} {step:?}"
        );
        just_taken = take && allowed && cost > 0;
    }
}

/// The script on a real server, with its time as an argument.
struct ServerLab {
    connection: RawConnection,
    sha1: String,
    _server: Server,
}

impl ServerLab {
    fn start() -> ServerLab {
        let server = Server::from_path().unwrap().start().unwrap();
        let mut connection = server.connect().unwrap();
        let source = include_str!("op/check.lua");
        let timed = source.replace("redis.call('TIME')", "{ ARGV[#ARGV - 1], ARGV[#ARGV] }");
        assert_ne!(
            source, timed,
            "the script asks for the time in other words now"
        );
        let Reply::Bulk(sha1) = connection.call(&["SCRIPT", "LOAD", &timed]).unwrap() else {
            panic!("SCRIPT LOAD answers with a hash");
        };
        ServerLab {
            connection,
            sha1: String::from_utf8(sha1).unwrap(),
            _server: server,
        }
    }

    fn call(&mut self, arguments: &[Vec<u8>]) -> Reply {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        self.connection.call(&arguments).unwrap()
    }
}

impl Lab for ServerLab {
    type Reply = Reply;

    fn check(&mut self, operation: &CheckRules<'_>, now_us: u64) -> Verdict {
        let mut encoded = Arguments::new();
        operation.encode(&mut encoded);
        let keys = operation.keys();
        let mut call = vec![b"EVALSHA".to_vec(), self.sha1.clone().into_bytes()];
        call.push(keys.len().to_string().into_bytes());
        call.extend(keys.iter().map(|key| key.as_bytes().to_vec()));
        call.extend(encoded.iter().map(<[u8]>::to_vec));
        call.push((now_us / 1_000_000).to_string().into_bytes());
        call.push((now_us % 1_000_000).to_string().into_bytes());
        let reply = self.call(&call);
        let Reply::Array(numbers) = &reply else {
            panic!("an array, not {reply:?}")
        };
        let numbers = numbers.iter().map(|number| match number {
            Reply::Integer(number) => Value::Integer(*number),
            other => panic!("an integer, not {other:?}"),
        });
        operation.decode(Value::Array(numbers.collect())).unwrap()
    }

    fn stored(&mut self, operation: &CheckRules<'_>) -> Vec<(Reply, Reply)> {
        let keys: Vec<Vec<u8>> = operation
            .keys()
            .iter()
            .map(|key| key.as_bytes().to_vec())
            .collect();
        keys.into_iter()
            .map(|key| {
                let value = self.call(&[b"DUMP".to_vec(), key.clone()]);
                (value, self.call(&[b"PEXPIRETIME".to_vec(), key]))
            })
            .collect()
    }
}

/// The embedded engine in simulated time, by the native twin or by the script.
#[cfg(feature = "embedded")]
struct EmbeddedLab {
    store: Store,
    time: SimulatedTime,
    by_script: bool,
}

#[cfg(feature = "embedded")]
impl EmbeddedLab {
    fn start(by_script: bool) -> EmbeddedLab {
        let time = SimulatedTime::starting_at(Duration::from_micros(START_US));
        let store = at_once(Store::builder("memory:").time(time.time()).open()).unwrap();
        EmbeddedLab {
            store,
            time,
            by_script,
        }
    }

    fn call(&self, command: &[&[u8]]) -> Value {
        at_once(self.store.command(command).into_future()).unwrap()
    }
}

#[cfg(feature = "embedded")]
impl Lab for EmbeddedLab {
    type Reply = Value;

    fn check(&mut self, operation: &CheckRules<'_>, now_us: u64) -> Verdict {
        let was_us = self.time.time().unix_us();
        self.time
            .advance(Duration::from_micros(now_us.saturating_sub(was_us)));
        self.time
            .turn_back(Duration::from_micros(was_us.saturating_sub(now_us)));
        if self.by_script {
            let mut encoded = Arguments::new();
            operation.encode(&mut encoded);
            let call = self.store.command(["EVAL", include_str!("op/check.lua")]);
            let call = call.arg(operation.keys().len()).args(operation.keys());
            let reply = at_once(call.args(encoded.iter()).into_future()).unwrap();
            operation.decode(reply).unwrap()
        } else {
            let run = Run::new(&self.store, operation.clone(), Duration::ZERO);
            at_once(Execution::new(run)).unwrap()
        }
    }

    fn stored(&mut self, operation: &CheckRules<'_>) -> Vec<(Value, Value)> {
        let stored = operation.keys().iter().map(|key| {
            let key = key.as_bytes();
            let value = match self.call(&[b"TYPE", key]) {
                Value::Simple(kind) if kind.as_ref() == b"list" => {
                    self.call(&[b"LRANGE", key, b"0", b"-1"])
                }
                _ => self.call(&[b"GET", key]),
            };
            (value, self.call(&[b"PEXPIRETIME", key]))
        });
        stored.collect()
    }
}

/// The answer of a future that needs no waiting.
#[cfg(feature = "embedded")]
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the embedded engine answers at once"),
    }
}

#[cfg(feature = "embedded")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_native_twin_on_the_embedded_engine_equals_the_model(
        histories in prop::collection::vec(history(false, 500), 4)
    ) {
        let mut lab = EmbeddedLab::start(false);
        for (index, history) in histories.iter().enumerate() {
            compare(&mut lab, history, &index.to_string());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_script_on_a_server_equals_the_model(
        histories in prop::collection::vec(history(true, 250), 4)
    ) {
        let mut lab = ServerLab::start();
        for (index, history) in histories.iter().enumerate() {
            compare(&mut lab, history, &index.to_string());
        }
    }
}

#[cfg(feature = "embedded")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_script_on_the_embedded_engine_equals_the_model(
        histories in prop::collection::vec(history(true, 500), 4)
    ) {
        let mut lab = EmbeddedLab::start(true);
        for (index, history) in histories.iter().enumerate() {
            compare(&mut lab, history, &index.to_string());
        }
    }

    #[test]
    fn twin_and_script_leave_the_same_on_the_embedded_engine(
        history in history(false, 500),
        garbage in prop::collection::vec(garbage(), 20),
    ) {
        let mut labs = [EmbeddedLab::start(false), EmbeddedLab::start(true)];
        let policy = history.policy();
        let mut garbage = garbage.iter();
        for (index, (operation, now_us)) in history.operations(&policy, "twin").enumerate() {
            if index % 20 == 0 && let Some(garbage) = garbage.next() {
                let key = operation.keys()[0].as_bytes();
                for lab in &labs {
                    lab.call(&[b"SET", key, garbage]);
                }
            }
            let [native, script] = &mut labs;
            prop_assert_eq!(
                native.check(&operation, now_us),
                script.check(&operation, now_us),
                "step {}", index
            );
            prop_assert_eq!(native.stored(&operation), script.stored(&operation), "step {}", index);
        }
    }
}

/// State that no check ever wrote. Whoever wrote it, it must not matter how it is read.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        Just(START_US),
        START_US - 10_000_000..START_US + 10_000_000,
        Just(0),
        any::<u64>().prop_map(|number| number >> 12),
        any::<u64>(),
    ];
    let text = prop::collection::vec(number, 0..5).prop_map(|numbers| {
        numbers
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    });
    prop_oneof![
        text.prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn the_native_twin_equals_the_script_to_the_byte(
        history in history(false, 400),
        garbage in prop::collection::vec(garbage(), 20),
    ) {
        let mut lab = ServerLab::start();
        let policy = history.policy();
        let mut garbage = garbage.into_iter();
        for (index, (operation, now_us)) in history.operations(&policy, "twin").enumerate() {
            let key = operation.keys()[0].as_bytes().to_vec();
            if index % 20 == 0 && let Some(garbage) = garbage.next() {
                lab.call(&[b"SET".to_vec(), key.clone(), garbage]);
            }
            let before = match lab.call(&[b"GET".to_vec(), key.clone()]) {
                Reply::Bulk(states) => Some(states),
                _ => None,
            };
            let expiry_before = lab.call(&[b"PEXPIRETIME".to_vec(), key.clone()]);
            let numbers = Numbers(before.as_deref().unwrap_or_default());
            let outcome = operation.outcome(numbers, now_us);
            let verdict = lab.check(&operation, now_us);
            prop_assert_eq!(&outcome.verdict, &verdict, "step {} {:?}", index, before);
            let (stored, expiry) = match outcome.write {
                Some(write) => {
                    let expiry = i64::try_from(write.expire_at_ms).unwrap();
                    (Some(write.states.into_text().to_vec()), Reply::Integer(expiry))
                }
                None => (before, expiry_before),
            };
            let after = lab.call(&[b"GET".to_vec(), key.clone()]);
            prop_assert_eq!(stored.map_or(Reply::NullBulk, Reply::Bulk), after, "step {}", index);
            prop_assert_eq!(expiry, lab.call(&[b"PEXPIRETIME".to_vec(), key]), "step {}", index);
        }
    }
}

#[test]
fn a_refusal_and_a_peek_write_nothing_and_every_key_expires() {
    let mut lab = ServerLab::start();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for subject in 0..20 {
        let tree = history(true, 120).new_tree(&mut runner).unwrap();
        let mut history = proptest::strategy::ValueTree::current(&tree);
        history
            .steps
            .retain(|step| !matches!(step, Step::TurnBack { .. }));
        let policy = history.policy();
        for (operation, now_us) in history.operations(&policy, &subject.to_string()) {
            let before = lab.stored(&operation);
            let verdict = lab.check(&operation, now_us);
            if !operation.takes() || !verdict.allowed {
                assert_eq!(before, lab.stored(&operation));
            }
        }
    }
    let Reply::Array(keys) = lab.call(&[b"KEYS".to_vec(), b"*".to_vec()]) else {
        panic!("KEYS answers with an array");
    };
    assert!(!keys.is_empty());
    for key in keys {
        let Reply::Bulk(key) = key else {
            panic!("a key is a string")
        };
        let ttl = lab.call(&[b"PTTL".to_vec(), key]);
        assert!(matches!(ttl, Reply::Integer(ms) if ms > 0), "{ttl:?}");
    }
}
