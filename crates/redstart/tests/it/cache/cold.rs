//! A cold key that everybody wants at once, and the same on every deployment there is.
//!
//! The test starts itself: a child runs one ignored test of this binary and prints how many loads
//! it made.

use std::process::{Command, Stdio};

use redstart::cache::Outcome;
use redstart::store::SimulatedTime;
use redstart_testkit::{Matrix, Server};

use super::loading::held;
use super::*;

const PROCESSES: usize = 8;
const TASKS: usize = 1_000;

const URL: &str = "REDSTART_COLD_URL";
const LOADS: &str = "loads of this process: ";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "one process of many, started by the test"]
async fn child() {
    let store = Store::open(&std::env::var(URL).unwrap()).await.unwrap();
    let pages = builder(&store).load_timeout(LONG).build().unwrap();
    store.command(["INCR", "arrived"]).await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (pages, store) = (pages.clone(), store.clone());
            tokio::spawn(async move {
                // It ends when all processes are at it.
                let loader = |_| async move {
                    loop {
                        let arrived = store.command(["GET", "arrived"]).returning::<usize>();
                        if arrived.await? == PROCESSES {
                            return Ok::<_, redstart::store::Error>("text".to_owned());
                        }
                    }
                };
                assert_eq!(pages.get_or_load("a", loader).await.unwrap(), "text");
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    println!("{LOADS}{}", pages.count(Outcome::Load));
}

#[test]
fn a_cold_key_is_loaded_once_by_eight_processes_of_a_thousand_tasks() {
    let server = Server::from_path().unwrap().start().unwrap();
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["cache::cold::child", "--exact", "--ignored", "--nocapture"])
                .env(URL, server.url())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let loads = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        let line = text.lines().find_map(|line| line.split_once(LOADS));
        line.unwrap().1.trim().parse::<u64>().unwrap()
    });
    assert_eq!(loads.sum::<u64>(), 1);
}

#[test]
fn everything_a_cache_does_it_does_everywhere() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut matrix = Matrix::of_servers().unwrap();
    if cfg!(feature = "embedded") {
        matrix = matrix.url("embedded", "memory:");
        matrix = matrix.url("embedded, strict", "memory:?cluster=strict");
    }
    matrix.run(|target| {
        runtime.block_on(async {
            let store = Store::builder(target.url()).deadline(PATIENCE).open();
            everyday(&store.await.unwrap()).await;
        });
    });
}

#[test]
fn who_waits_is_told_everywhere() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut matrix = Matrix::of_servers().unwrap();
    if cfg!(feature = "embedded") {
        matrix = matrix.url("embedded", "memory:");
        matrix = matrix.url("embedded, strict", "memory:?cluster=strict");
    }
    matrix.run(|target| {
        runtime.block_on(async {
            let time = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
            let waiting = Store::builder(target.url()).time(time.time()).open();
            let waiting = waiting.await.unwrap();
            // An embedded store has one time for all of its handles.
            let store = match target.url().starts_with("memory:") {
                true => waiting.clone(),
                false => Store::builder(target.url())
                    .deadline(PATIENCE)
                    .open()
                    .await
                    .unwrap(),
            };
            who_waits_is_told(&store, &waiting).await;
        });
    });
}

/// Time stands still for those who wait, so nothing but a message wakes them.
async fn who_waits_is_told(store: &Store, waiting: &Store) {
    let (one, other) = (pages(store), pages(waiting));
    for (key, ending) in [
        ("filled", Ending::Fill),
        ("failed", Ending::Failure),
        ("invalid", Ending::Invalidation),
        ("held-off", Ending::HoldOff),
        ("put", Ending::Put),
    ] {
        let (load, begun, go_on) = held(&one, key, None);
        begun.await.unwrap();
        let waiting = {
            let other = other.clone();
            tokio::spawn(async move { Origin::default().through(&other, key, "other").await })
        };
        // One message more makes it look once more, no more than that.
        let lease = format!("redstart:cache:v1:{{pages:{key}}}:lease");
        let listened = async || {
            let say = store.command(["SPUBLISH", &lease, ""]);
            say.returning::<u64>().await.unwrap()
        };
        while listened().await == 0 {
            tokio::task::yield_now().await;
        }
        let expected = match ending {
            Ending::Fill => "one",
            Ending::Put => "two",
            Ending::Failure | Ending::Invalidation | Ending::HoldOff => "other",
        };
        let mut go_on = Some(go_on);
        match ending {
            Ending::Fill => go_on.take().unwrap().send("one").unwrap(),
            Ending::Failure => drop(go_on.take()),
            Ending::Invalidation => drop(one.invalidate(key).await.unwrap()),
            Ending::HoldOff => drop(one.invalidate(key).hold_off(PATIENCE).await.unwrap()),
            Ending::Put => drop(one.put(key, &"two".to_owned()).await.unwrap()),
        }
        assert_eq!(waiting.await.unwrap(), expected, "{key}");
        drop(go_on);
        load.await.unwrap().ok();
    }
    assert_eq!(other.count(Outcome::LeaseWait), 5);
    assert_eq!(other.count(Outcome::Load), 3);
}

/// How a lease ends.
#[derive(Clone, Copy)]
enum Ending {
    Fill,
    Failure,
    Invalidation,
    HoldOff,
    Put,
}

#[tokio::test]
async fn the_rights_that_the_guide_names_are_enough() {
    let (_server, store) = with_rights(|_| true).await;
    everyday(&store).await;
    who_waits_is_told(&store, &store).await;
}

#[tokio::test]
async fn who_may_not_be_told_looks() {
    let (_server, store) = with_rights(|right| !right.starts_with('&')).await;
    let (one, other) = (pages(&store), pages(&store));
    let (load, begun, go_on) = held(&one, "a", None);
    begun.await.unwrap();
    let waiting = {
        let other = other.clone();
        tokio::spawn(async move { Origin::default().through(&other, "a", "other").await })
    };
    while other.count(Outcome::LeaseWait) == 0 {
        tokio::task::yield_now().await;
    }
    store
        .subscribe_shards(["redstart:cache:v1:"])
        .await
        .unwrap_err();
    go_on.send("one").unwrap();
    assert_eq!(load.await.unwrap().unwrap(), "one");
    assert_eq!(one.count(Outcome::Fill), 1);
    assert_eq!(waiting.await.unwrap(), "one");
}

/// A store whose user has those of the guide's rights.
async fn with_rights(has: impl Fn(&str) -> bool) -> (Server, Store) {
    let guide = include_str!("../../../../../docs/cache.md");
    let rights = guide.lines().find(|line| line.starts_with("~redstart:"));
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let mut set_user = vec!["ACL", "SETUSER", "cache", "on", ">secret"];
    set_user.extend(rights.unwrap().split(' ').filter(|right| has(right)));
    server.call(&set_user).unwrap();
    let url = server.url().replace("redis://", "redis://cache:secret@");
    assert_ne!(url, server.url());
    let store = Store::open(&url).await.unwrap();
    (server, store)
}

/// Many keys and tags, so that they lie on all nodes of a cluster.
async fn everyday(store: &Store) {
    let pages = pages(store);
    let origin = Origin::default();
    let keys: Vec<String> = (0..30).map(|key| format!("page {key}")).collect();
    for (index, key) in keys.iter().enumerate() {
        let origin = origin.clone();
        let loader = move |load: redstart::cache::Load| async move {
            load.tag(("third", index % 3));
            load.tag("all");
            origin.load("one").await
        };
        assert_eq!(
            pages.get_or_load(key.as_str(), loader).await.unwrap(),
            "one"
        );
    }
    assert_eq!(origin.loads(), 30);
    let there = async || {
        let mut there = 0;
        for key in &keys {
            there += usize::from(pages.get(key.as_str()).await.unwrap().is_some());
        }
        there
    };
    assert_eq!(there().await, 30);
    pages.invalidate(keys[0].as_str()).await.unwrap();
    assert_eq!(there().await, 29);
    pages.invalidate_tags([("third", 0)]).await.unwrap();
    assert_eq!(there().await, 20);
    for key in &keys {
        origin.through(&pages, key, "two").await;
    }
    assert_eq!((origin.loads(), there().await), (40, 30));
    pages.invalidate_tags(["all"]).await.unwrap();
    assert_eq!(there().await, 10);
    pages.clear().await.unwrap();
    assert_eq!(there().await, 0);
    pages
        .put("page 1", &"put".to_owned())
        .tag("all")
        .await
        .unwrap();
    assert_eq!(there().await, 1);
    let mut after_commit = pages.after_commit();
    after_commit.key("page 1").tag("all").tag("none");
    after_commit.apply().await.unwrap();
    assert_eq!(there().await, 0);
}
