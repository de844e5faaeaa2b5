//! `redstart up` starts real servers, and `redstart cluster` looks at them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use redstart_testkit::{Address, RawConnection, Reply, wait_until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::process::{Process, run_redstart};
use crate::{call, expect_status, info};

const PATIENCE: Duration = Duration::from_secs(20);

/// The first of six ports in a row that are free, for clients and for a cluster's bus. Each test
/// gets others.
fn first_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let start = 10_240 + u16::try_from(std::process::id() % 300).expect("small") * 36;
    loop {
        let first = start + NEXT.fetch_add(6, Ordering::Relaxed);
        if (first..first + 6).all(|port| is_free(port) && is_free(port + 10_000)) {
            return first;
        }
    }
}

fn connect(port: u16) -> RawConnection {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    RawConnection::open(&Address::Tcp(address)).expect("somebody listens")
}

fn pid_of(port: u16) -> Pid {
    let pid = info(&mut connect(port), "process_id").trim().parse();
    Pid::from_raw(pid.expect("a number")).expect("a process id")
}

fn wait_until_gone(pids: &[Pid]) {
    for pid in pids {
        wait_until("the server is gone", PATIENCE, || {
            test_kill_process(*pid).is_err()
        });
    }
}

/// The value of a command that prints JSON.
fn json(args: &[&str]) -> Value {
    let ended = run_redstart(args);
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr))
}

#[test]
fn a_cluster_is_up_until_a_signal_and_the_same_again_from_its_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display().to_string();
    let first = first_port();
    let port = first.to_string();
    let up = || {
        let mut up = Process::redstart(&["up", "cluster", "--port", &port, "--dir", &path]);
        let line = up.wait_for("  URL ");
        let url = line.split_whitespace().last().expect("a url").to_owned();
        up.wait_for("Up until Ctrl-C");
        (up, url)
    };
    let (mut running, url) = up();
    assert!(
        url.starts_with(&format!("redis+cluster://127.0.0.1:{port},")),
        "{url}"
    );

    let looked = run_redstart(&["cluster", "info", &url]);
    assert!(looked.status.success(), "{}", looked.stdout);
    for words in [
        "state   ok",
        "16384 of 16384",
        "6 of 6 answer: 3 primaries, 3 replicas",
    ] {
        assert!(looked.stdout.contains(words), "{words}: {}", looked.stdout);
    }
    // Any node leads to all of them.
    let seed = format!("redis://127.0.0.1:{}", first + 4);
    let slots = run_redstart(&["cluster", "slots", &seed]);
    let expected = format!(
        "0-5460       5461   127.0.0.1:{first}  127.0.0.1:{}",
        first + 3
    );
    assert!(slots.stdout.contains(&expected), "{}", slots.stdout);
    let nodes = json(&["cluster", "nodes", &seed, "--json"]);
    assert_eq!(nodes["nodes"].as_array().map(Vec::len), Some(6));
    let owner = &nodes["nodes"][0];
    assert_eq!(owner["slots"], serde_json::json!([[0, 5460]]));
    assert_eq!(
        (&owner["role"], &owner["state"]),
        (&Value::from("primary"), &Value::from("ok"))
    );

    // A key in slot 5061, and a slot on its way.
    expect_status(&mut connect(first), &["SET", "bar", "kept"], "OK");
    let (from, to) = (
        owner["id"].as_str().expect("an id"),
        nodes["nodes"][2]["id"].as_str(),
    );
    let migrating = ["CLUSTER", "SETSLOT", "7", "MIGRATING", to.expect("an id")];
    expect_status(&mut connect(first), &migrating, "OK");
    let importing = ["CLUSTER", "SETSLOT", "7", "IMPORTING", from];
    expect_status(&mut connect(first + 1), &importing, "OK");
    let slots = json(&["cluster", "slots", &url, "--json"]);
    let moving = serde_json::json!([{
        "slot": 7,
        "from": format!("127.0.0.1:{first}"),
        "to": format!("127.0.0.1:{}", first + 1),
    }]);
    assert_eq!(slots["moving"], moving);
    for node in [first, first + 1] {
        expect_status(
            &mut connect(node),
            &["CLUSTER", "SETSLOT", "7", "STABLE"],
            "OK",
        );
    }

    let mut pids: Vec<Pid> = (first..first + 6).map(pid_of).collect();
    running.signal(Signal::INT);
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    wait_until_gone(&pids);

    let (again, _) = up();
    running = again;
    let reply = call(&mut connect(first), &["GET", "bar"]);
    assert_eq!(reply, Reply::Bulk(b"kept".to_vec()));
    let same = json(&["cluster", "nodes", &url, "--json"]);
    assert_eq!(same["nodes"][0]["id"].as_str(), Some(from));

    // A node that is gone is named.
    pids = (first..first + 6).map(pid_of).collect();
    kill_process(pids[5], Signal::KILL).expect("it runs");
    running.wait_for(&format!("{} | has ended", first + 5));
    let looked = run_redstart(&["cluster", "info", &url]);
    assert_eq!(looked.status.code(), Some(1), "{}", looked.stdout);
    let named = format!("  127.0.0.1:{} cannot be asked: ", first + 5);
    assert!(looked.stdout.contains(&named), "{}", looked.stdout);

    // Even when nobody can say goodbye, nobody is left.
    running.signal(Signal::KILL);
    running.end();
    wait_until_gone(&pids);
}

#[test]
fn sentinels_watch_over_a_primary() {
    let first = first_port();
    let mut up = Process::redstart(&["up", "sentinel", "--port", &first.to_string()]);
    let line = up.wait_for("  URL ");
    let url = line.split_whitespace().last().expect("a url");
    assert_eq!(
        url,
        format!(
            "redis+sentinel://127.0.0.1:{},127.0.0.1:{},127.0.0.1:{}/mymaster",
            first + 3,
            first + 4,
            first + 5
        )
    );
    up.wait_for("Up until Ctrl-C");
    let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"];
    let reply = call(&mut connect(first + 3), &ask);
    let port = reply.as_elements().and_then(|pair| pair.get(1)?.as_bytes());
    assert_eq!(port, Some(first.to_string().as_bytes()));
    let pids: Vec<Pid> = (first..first + 6).map(pid_of).collect();
    // The logs follow.
    call(
        &mut connect(first + 3),
        &["SENTINEL", "FAILOVER", "mymaster"],
    );
    up.wait_for(&format!("{} | ", first + 3));
    up.signal(Signal::TERM);
    let (status, said) = up.end();
    assert!(status.success(), "{said}");
    wait_until_gone(&pids);
}

#[test]
fn one_server_is_up_or_it_is_said_why_not() {
    let first = first_port();
    let port = first.to_string();
    let mut up = Process::redstart(&["up", "standalone", "--port", &port, "--quiet"]);
    let line = up.wait_for("  URL ");
    assert!(
        line.ends_with(&format!(" redis://127.0.0.1:{port}")),
        "{line}"
    );
    let pid = pid_of(first);

    let refused = run_redstart(&["up", "cluster", "--port", &port]);
    assert_eq!(refused.status.code(), Some(1));
    let words = format!("redstart: port {port} cannot be used: ");
    assert!(refused.stderr.starts_with(&words), "{}", refused.stderr);
    assert!(refused.stderr.contains("--port"), "{}", refused.stderr);

    up.signal(Signal::INT);
    let (status, said) = up.end();
    assert!(status.success(), "{said}");
    wait_until_gone(&[pid]);

    let refused = run_redstart(&["up", "standalone", "--server", "no-such-server"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("no-such-server"),
        "{}",
        refused.stderr
    );
    assert_eq!(run_redstart(&["up", "nonsense"]).status.code(), Some(2));
    assert_eq!(run_redstart(&["up"]).status.code(), Some(2));
}

#[test]
fn what_is_no_cluster_is_said() {
    let server = crate::redstart_server()
        .tcp()
        .arg("--requirepass")
        .arg("hunter2")
        .start();
    let server = server.expect("the server starts");
    let at = server.url()["redis://".len()..].to_owned();

    let alone = run_redstart(&["cluster", "info", &format!("redis://:hunter2@{at}")]);
    assert_eq!(alone.status.code(), Some(1), "{}", alone.stderr);
    assert!(alone.stderr.contains(&at), "{}", alone.stderr);
    let denied = run_redstart(&["cluster", "nodes", &format!("redis://:hunter3@{at}")]);
    assert!(!denied.status.success());
    assert!(!denied.stderr.contains("hunter"), "{}", denied.stderr);
    let nobody = run_redstart(&[
        "cluster",
        "slots",
        &format!("redis://127.0.0.1:{}", first_port()),
    ]);
    assert_eq!(nobody.status.code(), Some(3), "{}", nobody.stderr);
    let wrong = run_redstart(&["cluster", "slots", "http://127.0.0.1"]);
    assert_eq!(
        wrong.stderr,
        "redstart: scheme: use redis or redis+cluster\n"
    );
}
