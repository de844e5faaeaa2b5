//! A process is killed again and again; what it had acknowledged is there.
//!
//! One connection sends numbers to be counted and hears of some of them when the process is
//! killed. The counter, opened again, is at least what was acknowledged and at most what was sent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use redstart_engine::server::Server;
use redstart_engine::{AppendFsync, Value};
use redstart_testkit::{Address, RawConnection, Reply};

use super::{call, logged, open};
use crate::twin::random::Random;

/// Where the child keeps its data, and how soon it is safe.
const PLACE: &str = "REDSTART_TEST_KILLED_IN";
const POLICY: &str = "REDSTART_TEST_KILLED_POLICY";

/// Not a test: what the child process runs.
#[test]
#[ignore = "the process that others kill"]
fn child() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let policy = std::env::var(POLICY).ok();
    let policy = policy.and_then(|name| AppendFsync::from_name(&name));
    let place = Path::new(&place);
    let engine = open(logged(place, policy.unwrap_or(AppendFsync::Always)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let server = Server::builder(engine).unix(place.join("socket"), None);
        let server = server.listen().await.expect("a socket");
        #[allow(clippy::print_stdout, reason = "its parent waits for it")]
        {
            println!("\nlistening");
        }
        server.serve(std::future::pending()).await;
    });
}

fn spawn(place: &Path, policy: AppendFsync) -> (Child, RawConnection) {
    let executable = std::env::current_exe().expect("this test is a program");
    let mut child = Command::new(executable)
        .args([
            "--exact",
            "durable::killed::child",
            "--ignored",
            "--nocapture",
        ])
        .env(PLACE, place)
        .env(POLICY, policy.name())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let output = child.stdout.take().expect("it was asked for");
    let mut lines = BufReader::new(output).lines();
    let listening = lines.any(|line| line.is_ok_and(|line| line == "listening"));
    assert!(listening, "the child has not opened its data");
    let address = Address::Unix(place.join("socket"));
    let connection = RawConnection::open(&address).expect("the child listens");
    (child, connection)
}

fn counter(place: &Path, policy: AppendFsync) -> i64 {
    let engine = open(logged(place, policy));
    let mut client = engine.connect_embedded();
    let counters = ["counter", "pair:a", "pair:b"];
    let [counter, one, other] =
        counters.map(|key| match call(&mut client, &format!("GET {key}")) {
            Value::Bulk(text) => String::from_utf8_lossy(&text).parse().unwrap_or(0),
            _ => 0,
        });
    assert_eq!(one, other, "a transaction was torn");
    counter
}

#[test]
fn what_was_acknowledged_survives_two_hundred_kills() {
    let mut random = Random::new(11);
    for policy in [AppendFsync::Always, AppendFsync::EverySecond] {
        let place = tempfile::tempdir().expect("there is room for a directory");
        let mut known = 0;
        for round in 0..100 {
            let (mut child, mut connection) = spawn(place.path(), policy);
            let (acknowledged, sent) = disturb(&mut connection, &mut random, round);
            child.kill().expect("the child runs");
            child.wait().expect("the child is gone");
            let found = counter(place.path(), policy);
            let (least, most) = (known + acknowledged, known + sent);
            assert!(
                (least..=most).contains(&found),
                "{policy:?}, round {round}: {found} is not from {least} to {most}"
            );
            known = found;
        }
    }
}

/// Has some counting acknowledged and leaves more on its way; how many were acknowledged and sent.
fn disturb(connection: &mut RawConnection, random: &mut Random, round: usize) -> (i64, i64) {
    let (mut acknowledged, mut sent, mut waiting) = (0, 0, std::collections::VecDeque::new());
    let rewrite_at = random.below(40);
    for step in 0..1 + random.below(60) {
        let mut request = Vec::new();
        if step == rewrite_at {
            let command = if round.is_multiple_of(2) {
                "BGREWRITEAOF"
            } else {
                "SAVE"
            };
            RawConnection::encode(&[command], &mut request);
            waiting.push_back(false);
        }
        for _ in 0..1 + random.below(8) {
            RawConnection::encode(&["INCR", "counter"], &mut request);
            waiting.push_back(true);
            sent += 1;
        }
        for command in [
            &["MULTI"][..],
            &["INCR", "pair:a"],
            &["INCR", "pair:b"],
            &["EXEC"],
        ] {
            RawConnection::encode(command, &mut request);
            waiting.push_back(false);
        }
        connection.send(&request).expect("the child listens");
        // Some replies are read, others are still on their way when the child dies.
        while waiting.len() > random.below(30) {
            let reply = connection.receive().expect("the child answers");
            if waiting.pop_front() == Some(true) {
                assert!(matches!(reply, Reply::Integer(_)), "{reply:?}");
                acknowledged += 1;
            }
        }
    }
    (acknowledged, sent)
}
