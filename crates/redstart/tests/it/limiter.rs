//! The limiter from outside. What it computes is held against a model inside the crate; this is
//! about what it promises.

use std::time::Duration;

use redstart::Store;
use redstart::limiter::{Decision, Limiter, OnStoreError, Policy, Quota, Source};
use redstart::store::{Error, Failure, KeyError};

use crate::stores::{OnServer, on_server};

on_every_store!(
    exactly_the_limit_is_admitted,
    a_cost_is_taken_whole_or_not_at_all,
    a_peek_takes_nothing,
    a_reset_forgets,
    all_rules_are_taken_from_or_none,
    a_log_and_a_bucket_hold_together,
    subjects_and_policies_do_not_meet,
    a_subject_may_be_called_anything_but_too_much,
    checks_can_be_spawned,
);

/// Long enough that nothing comes back during a test.
fn per_day(count: u64) -> Quota {
    Quota::per_day(count)
}

fn limiter(store: &Store, quota: Quota) -> Limiter {
    let policy = Policy::new("test", quota).unwrap();
    // A busy machine is not what these tests are about.
    Limiter::new(store, policy).deadline(Duration::from_secs(20))
}

async fn admitted(limiter: &Limiter, subject: &str, attempts: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..attempts {
        admitted += usize::from(limiter.check(subject).await.unwrap().allowed);
    }
    admitted
}

async fn exactly_the_limit_is_admitted(store: &Store) {
    for quota in [per_day(5), per_day(1).burst(5), per_day(5).sliding_log()] {
        let limiter = limiter(store, quota);
        let first = limiter.check("ada").await.unwrap();
        assert_eq!((first.allowed, first.limit, first.remaining), (true, 5, 4));
        assert_eq!(
            (first.retry_after, first.source),
            (Some(Duration::ZERO), Source::Store)
        );
        assert!(first.reset_after > Duration::from_secs(3600));
        assert_eq!(admitted(&limiter, "ada", 20).await, 4);
        let refusal = limiter.check("ada").await.unwrap();
        assert_eq!((refusal.allowed, refusal.remaining), (false, 0));
        assert!(refusal.retry_after.unwrap() > Duration::from_secs(3600));
        assert!(refusal.retry_after.unwrap() <= refusal.reset_after);
    }
}

async fn a_cost_is_taken_whole_or_not_at_all(store: &Store) {
    for quota in [per_day(10), per_day(10).sliding_log()] {
        let limiter = limiter(store, quota);
        let check = |cost| limiter.check("ada").cost(cost).into_future();
        assert_eq!(check(7).await.unwrap().remaining, 3);
        let refusal = check(4).await.unwrap();
        assert_eq!((refusal.allowed, refusal.remaining), (false, 3));
        let never = check(11).await.unwrap();
        assert_eq!(
            (never.allowed, never.retry_after, never.remaining),
            (false, None, 3)
        );
        assert!(!check(u64::MAX).await.unwrap().allowed);
        assert!(check(0).await.unwrap().allowed);
        assert_eq!(check(3).await.unwrap().remaining, 0);
        assert!(check(0).await.unwrap().allowed);
    }
}

async fn a_peek_takes_nothing(store: &Store) {
    for quota in [per_day(2), per_day(2).sliding_log()] {
        let limiter = limiter(store, quota);
        for _ in 0..5 {
            let peek = limiter.peek("ada").cost(2).await.unwrap();
            assert_eq!((peek.allowed, peek.remaining), (true, 2));
        }
        assert!(limiter.check("ada").await.unwrap().allowed);
        assert!(!limiter.peek("ada").cost(2).await.unwrap().allowed);
        assert!(limiter.peek("ada").await.unwrap().allowed);
    }
}

async fn a_reset_forgets(store: &Store) {
    for quota in [per_day(2), per_day(2).sliding_log()] {
        let limiter = limiter(store, quota);
        assert_eq!(admitted(&limiter, "ada", 3).await, 2);
        limiter.reset("ada").await.unwrap();
        assert_eq!(admitted(&limiter, "ada", 3).await, 2);
        limiter.reset("nobody").await.unwrap();
    }
}

fn rule(decision: &Decision, name: &str) -> (u64, Option<Duration>) {
    let state = decision.rules().find(|rule| rule.name == name).unwrap();
    (state.remaining, state.retry_after)
}

async fn all_rules_are_taken_from_or_none(store: &Store) {
    let policy = Policy::named("test")
        .rule("burst", Quota::per_day(3))
        .rule(
            "daily",
            Quota::new(100, Duration::from_secs(30 * 24 * 3600)),
        )
        .build()
        .unwrap();
    let limiter = Limiter::new(store, policy).deadline(Duration::from_secs(20));
    let decision = limiter.check("ada").cost(3).await.unwrap();
    assert_eq!(
        (rule(&decision, "burst").0, rule(&decision, "daily").0),
        (0, 97)
    );
    assert_eq!(decision.binding().unwrap().name, "burst");

    // What one rule refuses is not taken from the other.
    let refusal = limiter.check("ada").await.unwrap();
    assert_eq!(
        (refusal.allowed, refusal.limit, refusal.remaining),
        (false, 3, 0)
    );
    assert_eq!(rule(&refusal, "daily"), (97, Some(Duration::ZERO)));
    let never = limiter.check("ada").cost(50).await.unwrap();
    assert_eq!(
        (never.binding().unwrap().name, never.retry_after),
        ("burst", None)
    );
    assert_eq!(rule(&never, "daily"), (97, Some(Duration::ZERO)));
}

async fn a_log_and_a_bucket_hold_together(store: &Store) {
    let policy = Policy::named("mixed")
        .rule("log", per_day(4).sliding_log())
        .rule("bucket", per_day(9))
        .build()
        .unwrap();
    let limiter = Limiter::new(store, policy).deadline(Duration::from_secs(20));
    let decision = limiter.check("ada").cost(3).await.unwrap();
    assert_eq!(
        (rule(&decision, "log").0, rule(&decision, "bucket").0),
        (1, 6)
    );
    let refusal = limiter.check("ada").cost(2).await.unwrap();
    assert!(!refusal.allowed);
    assert_eq!(
        (rule(&refusal, "log").0, rule(&refusal, "bucket").0),
        (1, 6)
    );
    assert_eq!(refusal.binding().unwrap().name, "log");
    let names: Vec<_> = refusal.rules().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(names, ["log", "bucket"]);
    limiter.reset("ada").await.unwrap();
    let decision = limiter.peek("ada").await.unwrap();
    assert_eq!(
        (rule(&decision, "log").0, rule(&decision, "bucket").0),
        (4, 9)
    );
}

async fn subjects_and_policies_do_not_meet(store: &Store) {
    let one = limiter(store, per_day(1));
    let same = limiter(store, per_day(1));
    let other = Limiter::new(store, Policy::new("other", per_day(1)).unwrap());
    assert!(one.check("ada").await.unwrap().allowed);
    assert!(!same.check("ada").await.unwrap().allowed);
    assert!(same.check("bob").await.unwrap().allowed);
    assert!(
        other
            .deadline(Duration::from_secs(20))
            .check("ada")
            .await
            .unwrap()
            .allowed
    );
}

async fn a_subject_may_be_called_anything_but_too_much(store: &Store) {
    let limiter = limiter(store, per_day(1)).on_store_error(OnStoreError::Open);
    for subject in [&b""[..], b"}", b"{", b"%", b":", b"a:b", b"\x00\xff\r\n"] {
        assert!(limiter.check(subject).await.unwrap().allowed);
        assert!(!limiter.check(subject).await.unwrap().allowed);
    }
    // Not the store's fault, so it is not for the fallback to decide.
    let error = limiter.check([b'x'; 2000]).await.unwrap_err();
    assert!(
        matches!(error, Error::Key(KeyError::TooLong { .. })),
        "{error}"
    );
}

async fn checks_can_be_spawned(store: &Store) {
    let limiter = limiter(store, per_day(10));
    let checks: Vec<_> = (0..30)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.check("ada").await.unwrap().allowed })
        })
        .collect();
    let mut admitted = 0;
    for check in checks {
        admitted += usize::from(check.await.unwrap());
    }
    assert_eq!(admitted, 10);
}

#[cfg(feature = "embedded")]
mod in_simulated_time {
    use redstart::store::SimulatedTime;

    use super::*;

    async fn store() -> (Store, SimulatedTime) {
        let time = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
        (
            Store::builder("memory:")
                .time(time.time())
                .open()
                .await
                .unwrap(),
            time,
        )
    }

    #[tokio::test]
    async fn waiting_as_told_is_enough_and_less_is_not() {
        let (store, time) = store().await;
        let quotas = [
            Quota::per_second(7).burst(3),
            Quota::per_minute(3).sliding_log(),
            Quota::per_hour(7),
        ];
        for quota in quotas {
            let limiter = limiter(&store, quota);
            while limiter.check("ada").await.unwrap().allowed {}
            let wait = limiter.check("ada").await.unwrap().retry_after.unwrap();
            time.advance(wait - Duration::from_micros(1));
            assert!(!limiter.check("ada").await.unwrap().allowed);
            time.advance(Duration::from_micros(1));
            assert!(limiter.check("ada").await.unwrap().allowed);
            time.advance(limiter.peek("ada").await.unwrap().reset_after);
            assert_eq!(
                limiter.peek("ada").await.unwrap().remaining,
                limiter.policy().limits().next().unwrap().1
            );
        }
    }

    #[tokio::test]
    async fn a_clock_set_back_refuses_for_one_refill_at_most() {
        let (store, time) = store().await;
        for quota in [
            Quota::per_second(1).burst(10),
            Quota::per_minute(10).sliding_log(),
        ] {
            let limiter = limiter(&store, quota);
            while limiter.check("ada").await.unwrap().allowed {}
            time.turn_back(Duration::from_secs(3600));
            let refusal = limiter.check("ada").await.unwrap();
            assert!(!refusal.allowed);
            assert!(refusal.reset_after <= Duration::from_secs(60));
            time.advance(refusal.reset_after);
            assert!(limiter.check("ada").cost(10).await.unwrap().allowed);
        }
    }

    #[tokio::test]
    async fn nothing_is_left_when_nothing_is_owed() {
        let (store, time) = store().await;
        let mixed = Policy::named("mixed")
            .rule("log", Quota::per_minute(4).sliding_log())
            .rule("bucket", Quota::per_second(1).burst(5))
            .build()
            .unwrap();
        let limiter = Limiter::new(&store, mixed);
        for subject in 0..50 {
            assert!(
                limiter
                    .check(format!("user {subject}"))
                    .cost(4)
                    .await
                    .unwrap()
                    .allowed
            );
        }
        let size = || store.command(["DBSIZE"]).returning::<u64>().into_future();
        assert_eq!(size().await.unwrap(), 100);
        time.advance(Duration::from_millis(60_002));
        let keys = store
            .command(["KEYS", "*"])
            .returning::<Vec<String>>()
            .await
            .unwrap();
        assert_eq!(keys, [""; 0]);
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_unless_a_decision_was_agreed() {
    let OnServer { mut server, store } = on_server().await;
    server.kill();
    let limiter = Limiter::new(&store, Policy::new("test", per_day(5)).unwrap())
        .deadline(Duration::from_millis(50));
    let error = limiter.check("ada").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(error.operation(), Some("limiter.check"));

    let open = limiter
        .clone()
        .on_store_error(OnStoreError::Open)
        .check("ada")
        .await
        .unwrap();
    assert_eq!((open.allowed, open.source), (true, Source::FailedOpen));
    assert_eq!((open.limit, open.remaining), (5, 0));
    assert!(open.binding().is_none());

    let closed = limiter
        .on_store_error(OnStoreError::Closed)
        .check("ada")
        .await
        .unwrap();
    assert_eq!(
        (closed.allowed, closed.source),
        (false, Source::FailedClosed)
    );
    assert!(closed.retry_after.unwrap() > Duration::ZERO);
    assert_eq!(closed.rules().count(), 0);
}

#[tokio::test]
async fn a_check_that_was_handed_over_is_not_asked_twice() {
    let OnServer { server, store } = on_server().await;
    let limiter = limiter(&store, per_day(5));
    assert_eq!(limiter.check("ada").await.unwrap().remaining, 4);
    server.pause().unwrap();
    let hurried = limiter.clone().deadline(Duration::from_millis(50));
    let error = hurried.check("ada").await.unwrap_err();
    assert_eq!(error.failure(), Failure::Unknown, "{error}");
    server.resume().unwrap();
    assert_eq!(limiter.check("ada").await.unwrap().remaining, 2);
}

/// As the guide gives it.
const LEAST_ACL: &str = "~redstart:limiter:v1:* -@all +ping +evalsha +eval +time +get +set +llen \
                         +lindex +rpush +rpop +ltrim +pexpireat +del";

#[tokio::test]
async fn the_least_acl_of_the_guide_is_enough() {
    let OnServer { server, .. } = on_server().await;
    let mut admin = server.connect().unwrap();
    let mut rules = vec!["ACL", "SETUSER", "limits", "on", ">pw", "resetkeys"];
    rules.extend(LEAST_ACL.split_whitespace());
    admin.call(&rules).unwrap();
    let guide = include_str!("../../../../docs/limiter.md");
    assert!(guide.contains(LEAST_ACL));

    let url = server
        .url()
        .replace("redis+unix://", "redis+unix://limits:pw@");
    let store = Store::open(&url).await.unwrap();
    a_log_and_a_bucket_hold_together(&store).await;
    exactly_the_limit_is_admitted(&store).await;
    let error = store.command(["GET", "elsewhere"]).await.unwrap_err();
    assert_eq!(error.code(), Some("NOPERM"));
}

#[tokio::test]
async fn a_forgotten_script_is_sent_again() {
    let OnServer { server, store } = on_server().await;
    let limiter = limiter(&store, per_day(5));
    assert_eq!(limiter.check("ada").await.unwrap().remaining, 4);
    server
        .connect()
        .unwrap()
        .call(&["SCRIPT", "FLUSH"])
        .unwrap();
    assert_eq!(limiter.check("ada").await.unwrap().remaining, 3);
}

#[tokio::test]
async fn a_key_of_another_kind_is_an_error() {
    let OnServer { server, store } = on_server().await;
    let limiter = limiter(&store, per_day(5));
    assert!(limiter.check("somebody").await.unwrap().allowed);
    let mut connection = server.connect().unwrap();
    let redstart_testkit::Reply::Array(keys) = connection.call(&["KEYS", "*"]).unwrap() else {
        panic!("KEYS answers with an array");
    };
    let [redstart_testkit::Reply::Bulk(key)] = &keys[..] else {
        panic!("one key, not {keys:?}")
    };
    assert!(
        key.starts_with(b"redstart:limiter:v1:{test:somebody}:"),
        "{}",
        key.escape_ascii()
    );
    connection.call(&[b"DEL", key.as_slice()]).unwrap();
    connection.call(&[b"LPUSH", key.as_slice(), b"x"]).unwrap();
    let error = limiter.check("somebody").await.unwrap_err();
    assert_eq!(error.failure(), Failure::Failed, "{error}");
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    assert!(!error.to_string().contains("somebody"), "{error}");
}
