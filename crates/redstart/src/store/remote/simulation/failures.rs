//! Each way of failing, on purpose: what the caller sees, how often the server executed what was
//! asked, and how long that took.

use std::sync::Arc;
use std::time::Duration;

use super::fate::{Door, Fate, Mood};
use super::world::first_count;
use super::{World, simulate};
use crate::store::error::{Disconnect, Error, Failure};
use crate::store::{Result, Store, Value};

const SEED: u64 = 1;
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The longest pauses before a request is repeated twice, together.
const TWICE: Duration = Duration::from_millis(20 + 40);

const KEY: &str = "key";
const NUMBER: u64 = 7;

/// A store that is connected to its world, over one connection a node.
struct Scene<'w> {
    world: &'w Arc<World>,
    store: Store,
}

impl<'w> Scene<'w> {
    async fn open(world: &'w Arc<World>) -> Scene<'w> {
        let store = world.store().lanes(1).open().await.unwrap();
        let scene = Scene { world, store };
        for node in 0..world.nodes() {
            scene
                .ask(&["GET", &scene.key_of(node)], SECOND)
                .await
                .0
                .unwrap();
        }
        world.forget_commands();
        scene
    }

    /// What came of a command, and how long it took.
    async fn ask(&self, words: &[&str], within: Duration) -> (Result<Value>, Duration) {
        let asked = self.world.time.monotonic();
        let answer = self.store.command(words).within(within).await;
        (answer, self.world.time.monotonic() - asked)
    }

    /// Never repeated. The server counts.
    async fn increment(&self, within: Duration) -> (Result<Value>, Duration) {
        self.ask(&["INCR", KEY], within).await
    }

    /// May be repeated.
    async fn set(&self, within: Duration) -> (Result<Value>, Duration) {
        self.ask(&["SET", KEY, &format!("{KEY}={NUMBER}")], within)
            .await
    }

    /// May be repeated, two keys of one slot.
    async fn set_both(&self, within: Duration) -> Result<Vec<Result<Value>>> {
        let pipeline = self.store.pipeline().within(within);
        let pipeline = pipeline.command(["SET", KEY, "1"]);
        pipeline.command(["SET", "{key}", "2"]).await
    }

    /// Never repeated, two keys of one slot.
    async fn evaluate(&self, within: Duration) -> (Result<Value>, Duration) {
        let number = NUMBER.to_string();
        self.ask(&["EVAL", "a script", "2", KEY, "{key}2", &number], within)
            .await
    }

    fn count(&self) -> i64 {
        self.world.count(KEY)
    }

    fn key_of(&self, node: usize) -> String {
        let mut keys = (0..).map(|number: u32| number.to_string());
        let served =
            |key: &String| self.world.owner(redstart_protocol::slot(key.as_bytes())) == node;
        keys.find(served).unwrap()
    }

    /// The server is gone, and the store knows.
    async fn kill(&self) {
        self.world.set_door(0, Door::Closed);
        self.world.cut(0, true);
        self.world.time.sleep(MILLISECOND).await;
    }
}

fn slot() -> u16 {
    redstart_protocol::slot(KEY.as_bytes())
}

fn answered(count: i64) -> Value {
    Value::Integer(first_count(KEY) + count)
}

#[track_caller]
fn assert_failed(answer: Result<Value>, failure: Failure, code: Option<&str>) -> Error {
    let error = answer.unwrap_err();
    assert_eq!((error.failure(), error.code()), (failure, code), "{error}");
    error
}

#[test]
fn what_was_never_handed_over_is_not_sent() {
    simulate(SEED, 1, async |world| {
        let scene = Scene::open(world).await;
        scene.kill().await;
        let (answer, took) = scene.increment(50 * MILLISECOND).await;
        let error = assert_failed(answer, Failure::NotSent, None);
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
        assert!(took <= 50 * MILLISECOND, "{took:?}");
        assert_eq!(scene.count(), 0);

        // It waits for a server that comes back in time.
        let back = async {
            world.time.sleep(3 * SECOND).await;
            world.set_door(0, Door::Open);
        };
        let ((answer, took), ()) = tokio::join!(scene.increment(10 * SECOND), back);
        assert_eq!(answer.unwrap(), answered(1));
        assert!((3 * SECOND..=5 * SECOND).contains(&took), "{took:?}");
        assert_eq!(world.commands(0), ["INCR"]);
    });
}

#[test]
fn a_server_that_does_not_even_refuse_costs_the_deadline_and_no_more() {
    simulate(SEED, 1, async |world| {
        world.set_door(0, Door::Silent);
        let store = world.store().lazy().open().await.unwrap();
        let scene = Scene { world, store };
        let (answer, took) = scene.increment(SECOND).await;
        let error = assert_failed(answer, Failure::NotSent, None);
        assert!(matches!(error, Error::Deadline { .. }), "{error}");
        assert_eq!(took, SECOND);
    });
}

#[test]
fn a_connection_that_breaks_leaves_a_write_open() {
    // Nobody but the server can tell these apart.
    for (fate, executed) in [
        (Fate::CutBefore, 0),
        (Fate::CutAfter, 1),
        (Fate::CutWithin, 1),
    ] {
        simulate(SEED, 1, async |world| {
            let scene = Scene::open(world).await;
            world.next(0, [fate]);
            let (answer, took) = scene.increment(SECOND).await;
            let error = assert_failed(answer, Failure::Unknown, None);
            let lost = matches!(
                &error,
                Error::Disconnected {
                    cause: Disconnect::Lost,
                    ..
                }
            );
            assert!(lost, "{error}");
            assert_eq!(
                (scene.count(), took),
                (executed, Duration::ZERO),
                "{fate:?}"
            );
            assert_eq!(world.commands(0), ["INCR"]);
        });
    }
}

#[test]
fn a_connection_that_breaks_has_what_may_be_repeated_repeated() {
    for (fate, executed) in [
        (Fate::CutBefore, 1),
        (Fate::CutAfter, 3),
        (Fate::CutWithin, 3),
    ] {
        simulate(SEED, 1, async |world| {
            let scene = Scene::open(world).await;
            world.next(0, [fate, fate]);
            let (answer, took) = scene.set(SECOND).await;
            assert_eq!(answer.unwrap(), Value::OK);
            assert_eq!(world.executions(NUMBER), executed, "{fate:?}");
            assert_eq!(world.commands(0), ["SET", "SET", "SET"]);
            // The connection pauses as long as the request, at most.
            assert!(took < TWICE * 2, "{took:?}");

            world.next(0, [fate]);
            let (answer, _) = scene.ask(&["GET", KEY], SECOND).await;
            assert_eq!(answer.unwrap(), Value::bulk(format!("{KEY}={NUMBER}")));
        });
    }
}

#[test]
fn a_refusal_is_asked_again_and_executed_once() {
    for (refusal, nodes) in [
        ("LOADING Redis is loading the dataset in memory", 1),
        ("BUSY Redis is busy running a script.", 1),
        ("MASTERDOWN Link with MASTER is down", 1),
        ("READONLY You can't write against a read only replica.", 1),
        ("CLUSTERDOWN The cluster is down", 3),
        ("TRYAGAIN Multiple keys request during rehashing of slot", 3),
        ("LOADING Redis is loading the dataset in memory", 3),
    ] {
        simulate(SEED, nodes, async |world| {
            let scene = Scene::open(world).await;
            let (node, accepted) = (world.owner(slot()), world.accepted());
            world.next(node, [Fate::Refuse(refusal), Fate::Refuse(refusal)]);
            let (answer, took) = scene.increment(SECOND).await;
            assert_eq!(answer.unwrap(), answered(1), "{refusal}");
            assert_eq!(scene.count(), 1);
            assert_eq!(world.commands(node), ["INCR", "INCR", "INCR"]);
            match refusal.starts_with("READONLY") {
                // Only a new connection can lead to another server.
                true => assert_eq!(world.accepted(), accepted + 2),
                false => {
                    assert_eq!(world.accepted(), accepted);
                    assert!(took < TWICE, "{refusal}: {took:?}");
                }
            }
        });
    }
}

#[test]
fn a_refusal_that_lasts_is_the_answer_before_the_deadline() {
    for (mood, code) in [
        (Mood::Loading, "LOADING"),
        (Mood::Busy, "BUSY"),
        (Mood::ReadOnly, "READONLY"),
        (Mood::MasterDown, "MASTERDOWN"),
        (Mood::ClusterDown, "CLUSTERDOWN"),
    ] {
        simulate(
            SEED,
            if mood == Mood::ClusterDown { 3 } else { 1 },
            async |world| {
                let scene = Scene::open(world).await;
                for node in 0..world.nodes() {
                    world.set_mood(node, Some(mood));
                }
                let (answer, took) = scene.increment(2 * SECOND).await;
                assert_failed(answer, Failure::NotExecuted, Some(code));
                // It gives up when the next attempt would be too late.
                assert!((SECOND..=2 * SECOND).contains(&took), "{code}: {took:?}");
                let asked = world.commands(world.owner(slot())).len();
                assert!((5..=30).contains(&asked), "{code}: asked {asked} times");
                assert_eq!(scene.count(), 0);
            },
        );
    }
}

#[test]
fn a_slot_that_has_moved_is_followed_at_once() {
    simulate(SEED, 3, async |world| {
        let scene = Scene::open(world).await;
        let (from, to) = (world.owner(slot()), (world.owner(slot()) + 1) % 3);
        world.begin_move(slot(), to);
        world.finish_move(slot());
        world.learn(to);
        let (answer, took) = scene.increment(SECOND).await;
        assert_eq!((answer.unwrap(), took), (answered(1), Duration::ZERO));
        // From then on it is asked where it is.
        let (answer, took) = scene.increment(SECOND).await;
        assert_eq!((answer.unwrap(), took), (answered(2), Duration::ZERO));
        assert_eq!(world.commands(from), ["INCR"]);
        assert_eq!(world.commands(to), ["INCR", "INCR"]);
    });
}

#[test]
fn nodes_that_send_a_request_to_each_other_are_asked_ever_more_slowly() {
    simulate(SEED, 3, async |world| {
        let scene = Scene::open(world).await;
        let (from, to) = (world.owner(slot()), (world.owner(slot()) + 1) % 3);
        world.fail_over(from, to);
        let (answer, took) = scene.increment(SECOND).await;
        assert_failed(answer, Failure::NotExecuted, Some("MOVED"));
        assert!((SECOND / 2..=SECOND).contains(&took), "{took:?}");
        let asked = world.commands(from).len() + world.commands(to).len();
        assert!((5..=20).contains(&asked), "asked {asked} times");
        assert_eq!(scene.count(), 0);

        // Until they agree.
        let agree = async {
            world.time.sleep(SECOND).await;
            world.learn(to);
        };
        let ((answer, took), ()) = tokio::join!(scene.increment(5 * SECOND), agree);
        assert_eq!(answer.unwrap(), answered(1));
        assert!((SECOND..2 * SECOND).contains(&took), "{took:?}");
    });
}

#[test]
fn a_key_that_has_left_before_its_slot_is_asked_for_where_it_is() {
    simulate(SEED, 3, async |world| {
        let scene = Scene::open(world).await;
        let (from, to) = (world.owner(slot()), (world.owner(slot()) + 1) % 3);
        scene.increment(SECOND).await.0.unwrap();
        world.begin_move(slot(), to);
        let (answer, _) = scene.increment(SECOND).await;
        assert_eq!(answer.unwrap(), answered(2));
        assert!(world.move_key(slot()));
        for count in 3..5 {
            let (answer, took) = scene.increment(SECOND).await;
            assert_eq!((answer.unwrap(), took), (answered(count), Duration::ZERO));
        }
        assert_eq!(world.commands(from), ["INCR"; 4]);
        assert_eq!(world.commands(to), ["ASKING", "INCR", "ASKING", "INCR"]);

        // In a pipeline as well, among others.
        let pipeline = scene.store.pipeline().command(["INCR", KEY]);
        let answers = pipeline
            .command(["INCR", &scene.key_of(from)])
            .await
            .unwrap();
        assert_eq!(answers[0].as_ref().unwrap(), &answered(5));
        assert!(answers[1].is_ok());
    });
}

#[test]
fn keys_that_are_apart_while_their_slot_moves_are_waited_for() {
    simulate(SEED, 3, async |world| {
        let scene = Scene::open(world).await;
        let to = (world.owner(slot()) + 1) % 3;
        scene.ask(&["SET", KEY, "1"], SECOND).await.0.unwrap();
        world.begin_move(slot(), to);
        let (answer, _) = scene.evaluate(SECOND).await;
        assert_failed(answer, Failure::NotExecuted, Some("TRYAGAIN"));
        assert_eq!(world.executions(NUMBER), 0);

        let arrives = async {
            world.time.sleep(SECOND).await;
            world.move_key(slot());
            world.finish_move(slot());
            world.learn(to);
        };
        let ((answer, _), ()) = tokio::join!(scene.evaluate(3 * SECOND), arrives);
        answer.unwrap();
        assert_eq!(world.executions(NUMBER), 1);
    });
}

#[test]
fn a_node_that_is_asked_instead_may_have_to_be_asked_again() {
    simulate(SEED, 3, async |world| {
        let scene = Scene::open(world).await;
        let (from, to) = (world.owner(slot()), (world.owner(slot()) + 1) % 3);
        // Neither key is at the old node, and the new one cannot know that both are new.
        world.begin_move(slot(), to);
        let arrives = async {
            world.time.sleep(SECOND).await;
            world.finish_move(slot());
            world.learn(to);
        };
        let ((answer, took), ()) = tokio::join!(scene.evaluate(3 * SECOND), arrives);
        answer.unwrap();
        assert!(took >= SECOND, "{took:?}");
        assert_eq!(world.executions(NUMBER), 1);
        assert!(world.refusals().contains("TRYAGAIN"));
        assert!(world.commands(from).len() > 1);
    });
}

#[test]
fn an_answer_that_comes_late_leaves_a_write_open_exactly_at_the_deadline() {
    for late in [Fate::DelayBefore(3 * SECOND), Fate::DelayAfter(3 * SECOND)] {
        simulate(SEED, 1, async |world| {
            let scene = Scene::open(world).await;
            world.next(0, [late]);
            let (answer, took) = scene.increment(SECOND).await;
            let error = assert_failed(answer, Failure::Unknown, None);
            assert!(matches!(error, Error::Deadline { .. }), "{error}");
            assert_eq!(took, SECOND);
            world.time.sleep(10 * SECOND).await;
            assert_eq!(scene.count(), 1);
        });
    }
}

#[test]
fn a_server_that_freezes_is_noticed_and_asked_nothing_more() {
    simulate(SEED, 1, async |world| {
        let scene = Scene::open(world).await;
        world.freeze(0, Duration::MAX);
        let (answer, took) = scene.increment(SECOND).await;
        assert_failed(answer, Failure::Unknown, None);
        assert_eq!(took, SECOND);
        // Asked for a sign of life, it says nothing for two seconds.
        world.time.sleep(2 * SECOND + MILLISECOND).await;
        let (answer, took) = scene.increment(SECOND).await;
        assert_failed(answer, Failure::NotSent, None);
        assert!(took <= SECOND, "{took:?}");
        assert_eq!(world.commands(0), ["INCR"; 0]);
    });
}

#[test]
fn an_idle_connection_to_a_frozen_server_is_given_up() {
    simulate(SEED, 1, async |world| {
        let scene = Scene::open(world).await;
        world.freeze(0, Duration::MAX);
        // A sign of life is asked for after five seconds, and two are given for it.
        world.time.sleep(7 * SECOND + MILLISECOND).await;
        let (answer, took) = scene.increment(SECOND).await;
        assert_failed(answer, Failure::NotSent, None);
        assert!(took <= SECOND, "{took:?}");
    });
}

#[test]
fn a_repetition_that_is_not_even_sent_leaves_open_what_the_first_attempt_did() {
    simulate(SEED, 1, async |world| {
        let scene = Scene::open(world).await;
        for fate in [Fate::CutBefore, Fate::CutAfter] {
            world.next(0, [fate]);
            world.set_door(0, Door::Closed);
            let (answer, took) = scene.set(SECOND).await;
            assert_failed(answer, Failure::Unknown, None);
            assert!(took <= SECOND, "{took:?}");
            world.set_door(0, Door::Open);
            world.time.sleep(10 * SECOND).await;
        }
        // A read has no effect, so all of its attempts together have none.
        world.next(0, [Fate::CutAfter]);
        world.set_door(0, Door::Closed);
        let (answer, _) = scene.ask(&["GET", KEY], SECOND).await;
        assert_failed(answer, Failure::NotSent, None);
    });
}

#[test]
fn a_repetition_that_is_refused_leaves_open_what_the_first_attempt_did() {
    for code in ["LOADING", "OOM"] {
        simulate(SEED, 1, async |world| {
            let scene = Scene::open(world).await;
            let refusals = [Fate::Refuse(code); 100];
            world.next(0, [Fate::CutAfter]);
            world.next(0, refusals);
            let (answer, _) = scene.set(SECOND).await;
            assert_failed(answer, Failure::Unknown, Some(code));
            assert_eq!(world.executions(NUMBER), 1);
        });
    }
}

#[test]
fn a_pipeline_whose_repetition_fails_leaves_open_what_the_first_attempt_did() {
    for nodes in [1, 3] {
        simulate(SEED, nodes, async |world| {
            let scene = Scene::open(world).await;
            let node = world.owner(slot());
            let failure = |answer: &Result<Value>| answer.as_ref().unwrap_err().failure();
            // Both were executed; then one is, and the other is refused for good.
            let loading = Fate::Refuse("LOADING Redis is loading the dataset in memory");
            world.next(node, [Fate::Answer, Fate::CutAfter, loading, Fate::Answer]);
            let answers = scene.set_both(SECOND).await.unwrap();
            assert_eq!(failure(&answers[0]), Failure::Unknown);
            assert_eq!(answers[1].as_ref().unwrap(), &Value::OK);

            world.next(node, [Fate::Answer, Fate::CutAfter]);
            world.set_door(node, Door::Closed);
            let failures: Vec<Failure> = match scene.set_both(SECOND).await {
                Ok(answers) => answers.iter().map(failure).collect(),
                Err(error) => vec![error.failure()],
            };
            assert!(
                failures.iter().all(|it| *it == Failure::Unknown),
                "{failures:?}"
            );
        });
    }
}

#[test]
fn a_transaction_that_exec_refuses_is_asked_again() {
    let because = "EXECABORT Transaction discarded because of: READONLY You can't write";
    for refusal in [
        because,
        "MOVED 12539 node:7002",
        "CLUSTERDOWN The cluster is down",
    ] {
        simulate(SEED, 3, async |world| {
            let scene = Scene::open(world).await;
            assert_eq!((slot(), world.owner(slot())), (12539, 2));
            world.next(2, [Fate::Answer, Fate::Answer, Fate::Refuse(refusal)]);
            let transaction = scene.store.pipeline().atomic().command(["INCR", KEY]);
            let answers = transaction.await.unwrap();
            assert_eq!(answers[0].as_ref().unwrap(), &answered(1), "{refusal}");
            assert_eq!(scene.count(), 1);
        });
    }
}

#[test]
fn a_caller_that_leaves_takes_back_only_what_was_not_handed_over() {
    simulate(SEED, 1, async |world| {
        let store = world
            .store()
            .lanes(1)
            .max_in_flight(1)
            .open()
            .await
            .unwrap();
        let scene = Scene { world, store };
        let patience = |limit| world.time.sleep(limit);
        scene.kill().await;
        tokio::select! {
            _ = scene.increment(10 * SECOND) => panic!("nobody is there"),
            () = patience(SECOND) => {}
        }
        world.set_door(0, Door::Open);
        world.time.sleep(10 * SECOND).await;
        assert_eq!(scene.count(), 0);

        world.next(0, [Fate::DelayBefore(SECOND)]);
        tokio::select! {
            _ = scene.increment(10 * SECOND) => panic!("it is late"),
            () = patience(MILLISECOND) => {}
        }
        // What was handed over counts until the server has dealt with it.
        let (answer, took) = scene.increment(SECOND).await;
        let error = assert_failed(answer, Failure::NotSent, None);
        assert!(
            matches!(error, Error::Overloaded { limit: 1, .. }),
            "{error}"
        );
        assert_eq!(took, Duration::ZERO);
        world.time.sleep(SECOND).await;
        assert_eq!(scene.count(), 1);
        let (answer, _) = scene.increment(SECOND).await;
        assert_eq!(answer.unwrap(), answered(2));
    });
}
