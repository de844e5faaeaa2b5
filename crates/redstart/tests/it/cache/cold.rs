//! A cold key that everybody wants at once, and the same on every deployment there is.
//!
//! The test starts itself: a child runs one ignored test of this binary and prints how many loads
//! it made.

use std::process::{Command, Stdio};

use redstart::cache::Outcome;
use redstart_testkit::{Matrix, Server};

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

#[tokio::test]
async fn the_rights_that_the_guide_names_are_enough() {
    let guide = include_str!("../../../../../docs/cache.md");
    let rights = guide.lines().find(|line| line.starts_with("~redstart:"));
    let server = Server::from_path().unwrap().tcp().start().unwrap();
    let mut set_user = vec!["ACL", "SETUSER", "cache", "on", ">secret"];
    set_user.extend(rights.unwrap().split(' '));
    server.call(&set_user).unwrap();
    let url = server.url().replace("redis://", "redis://cache:secret@");
    assert_ne!(url, server.url());
    everyday(&Store::open(&url).await.unwrap()).await;
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
