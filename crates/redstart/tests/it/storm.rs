//! Storms: many tasks in many processes on one subject admit exactly the limit.
//!
//! The test starts itself: a child runs one ignored test of this binary and prints how many of its
//! checks were admitted.

use std::process::{Command, Stdio};
use std::time::Duration;

use redstart::Store;
use redstart::limiter::{Limiter, Policy, Quota};
use redstart_testkit::Server;

use crate::stores::on_port;

const PROCESSES: usize = 8;
const TASKS: usize = 8;
const CHECKS: usize = 40;
const LIMIT: u64 = 100;

const URL: &str = "REDSTART_STORM_URL";
const KIND: &str = "REDSTART_STORM_KIND";
const ADMITTED: &str = "admitted by this process: ";

/// Nothing comes back within the storm: a token of a day takes minutes.
fn policy(kind: &str) -> Policy {
    let (bucket, log) = (Quota::per_day(LIMIT), Quota::per_day(LIMIT).sliding_log());
    let storm = Policy::named("storm");
    let storm = match kind {
        "bucket" => storm.rule("bucket", bucket),
        "log" => storm.rule("log", log),
        "both" => storm
            .rule("wide", Quota::per_day(10 * LIMIT))
            .rule("log", log),
        other => panic!("no such storm: {other}"),
    };
    storm.build().unwrap()
}

fn storm(url: &str, kind: &str) -> u64 {
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["storm::child", "--exact", "--ignored", "--nocapture"])
                .env(URL, url)
                .env(KIND, kind)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}");
            let line = text
                .lines()
                .find_map(|line| line.split_once(ADMITTED))
                .unwrap();
            line.1.trim().parse::<u64>().unwrap()
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "one process of a storm, started by it"]
async fn child() {
    let store = Store::open(&std::env::var(URL).unwrap()).await.unwrap();
    let policy = policy(&std::env::var(KIND).unwrap());
    let limiter = Limiter::new(&store, policy).deadline(Duration::from_secs(60));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let mut admitted = 0_u64;
                for _ in 0..CHECKS {
                    admitted += u64::from(limiter.check("everybody").await.unwrap().allowed);
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += task.await.unwrap();
    }
    println!("{ADMITTED}{admitted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_on_our_own_port_admits_exactly_the_limit() {
    for kind in ["bucket", "log", "both"] {
        let on_port = on_port().await;
        let admitted =
            tokio::task::block_in_place(|| storm(&on_port.store.url().to_string(), kind));
        assert_eq!(admitted, LIMIT, "{kind}");
    }
}

#[test]
fn a_storm_on_a_server_admits_exactly_the_limit() {
    for kind in ["bucket", "log", "both"] {
        let server = Server::from_path().unwrap().start().unwrap();
        assert_eq!(storm(&server.url(), kind), LIMIT, "{kind}");
    }
}
