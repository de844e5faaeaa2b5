//! `redstart`: the tour, serving, and one command.

use std::net::TcpListener;

use redstart_testkit::{Address, RawConnection, Reply};
use rustix::process::Signal;

use crate::process::{Process, run_redstart, run_redstart_with_path};
use crate::{call, expect_status, start};

#[test]
fn help_shows_examples_and_exit_codes() {
    let ended = run_redstart(&["--help"]);
    assert!(ended.status.success());
    for words in [
        "Examples:",
        "redstart exec memory: -- SET greeting hello",
        "Exit status:",
    ] {
        assert!(ended.stdout.contains(words), "{words}");
    }
    for command in ["serve", "exec", "tour", "completions"] {
        assert!(
            run_redstart(&[command, "--help"]).status.success(),
            "{command}"
        );
    }
}

#[test]
fn there_are_completions_for_the_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run_redstart(&["completions", shell]);
        assert!(ended.status.success());
        assert!(
            ended.stdout.contains("redstart") && ended.stdout.contains("requirepass"),
            "{shell}"
        );
    }
    assert_eq!(
        run_redstart(&["completions", "tcsh"]).status.code(),
        Some(2)
    );
}

#[test]
fn exec_prints_as_redis_cli_does_into_a_pipe() {
    let server = start(&[]);
    let url = server.url();
    let exec = |args: &[&str]| {
        let mut all = vec!["exec", &url];
        all.extend_from_slice(args);
        run_redstart(&all)
    };
    assert_eq!(exec(&["--", "SET", "greeting", "hello"]).stdout, "OK\n");
    assert_eq!(exec(&["--", "GET", "greeting"]).stdout, "hello\n");
    assert_eq!(exec(&["--", "GET", "nothing"]).stdout, "\n");
    assert_eq!(exec(&["--", "RPUSH", "list", "a", "b c"]).stdout, "2\n");
    assert_eq!(
        exec(&["--", "LRANGE", "list", "0", "-1"]).stdout,
        "a\nb c\n"
    );
    assert_eq!(
        exec(&["--json", "--", "LRANGE", "list", "0", "-1"]).stdout,
        "[\"a\",\"b c\"]\n"
    );
    assert_eq!(
        exec(&["--json", "--", "HSET", "user", "name", "john"]).stdout,
        "1\n"
    );
    assert_eq!(
        exec(&["--json", "--", "HGETALL", "user"]).stdout,
        "{\"name\":\"john\"}\n"
    );
}

#[test]
fn exec_tells_by_its_exit_code_what_went_wrong() {
    let refused = run_redstart(&["exec", "memory:", "--", "INCR"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stdout.starts_with("ERR wrong number of arguments"),
        "{}",
        refused.stdout
    );
    let as_json = run_redstart(&["exec", "memory:", "--json", "--", "INCR"]);
    assert!(
        as_json.stdout.starts_with("{\"error\":\"ERR wrong number"),
        "{}",
        as_json.stdout
    );

    assert_eq!(run_redstart(&["exec", "memory:"]).status.code(), Some(2));
    assert_eq!(
        run_redstart(&["exec", "no url", "--", "PING"])
            .status
            .code(),
        Some(1)
    );

    let nobody = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
    let url = format!(
        "redis://:hunter2@127.0.0.1:{}",
        nobody.expect("a free port").port()
    );
    let unreachable = run_redstart(&["exec", &url, "--", "PING"]);
    assert_eq!(unreachable.status.code(), Some(3), "{}", unreachable.stderr);
    assert!(
        !unreachable.stderr.contains("hunter2"),
        "{}",
        unreachable.stderr
    );
}

#[test]
fn serve_takes_the_port_it_is_given_or_says_that_it_cannot() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let refused = run_redstart(&["serve", "--port", &port]);
    assert_eq!(refused.status.code(), Some(1));
    let words = format!("redstart: cannot listen on 127.0.0.1:{port}: Address already in use");
    assert!(refused.stderr.starts_with(&words), "{}", refused.stderr);
}

#[test]
fn serve_finds_another_port_when_nobody_asked_for_one() {
    // Either we take the default port or somebody else has it.
    let _taken = TcpListener::bind(("127.0.0.1", 6379));
    let mut server = Process::redstart(&["serve", "--requirepass", "secret"]);
    let line = server.wait_for("port 6379 is taken, so this is port ");
    server.wait_for("Ready to accept connections");
    let port = line
        .rsplit(' ')
        .next()
        .and_then(|port| port.parse::<u16>().ok());
    let address = Address::Tcp(([127, 0, 0, 1], port.expect("a port")).into());
    let mut connection = RawConnection::open(&address).expect("connected");
    expect_status(&mut connection, &["AUTH", "secret"], "OK");
    server.signal(Signal::INT);
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
}

#[test]
fn serve_obeys_its_options() {
    let socket = std::env::temp_dir().join(format!("redstart-serve-{}.sock", std::process::id()));
    let path = socket.display().to_string();
    let mut server = Process::redstart(&[
        "serve",
        "--port",
        "0",
        "--unixsocket",
        &path,
        "--store",
        "memory:?cluster=strict",
        "--maxmemory",
        "10mb",
        "--maxmemory-policy",
        "allkeys-lfu",
        "--log-format",
        "json",
    ]);
    let ready = server.wait_for("Ready to accept connections");
    let event: serde_json::Value = serde_json::from_str(&ready).expect("a line of JSON");
    assert_eq!(event["message"], "Ready to accept connections");
    assert_eq!(event["level"], "INFO");

    let mut connection = RawConnection::open(&Address::Unix(socket.clone())).expect("connected");
    let refused = call(&mut connection, &["MSET", "a", "1", "b", "2"]);
    assert!(
        matches!(&refused, Reply::Error(text) if text.starts_with(b"CROSSSLOT")),
        "{refused:?}"
    );
    let reply = call(&mut connection, &["CONFIG", "GET", "maxmemory"]);
    let found = reply.as_elements().and_then(|pair| pair.get(1)?.as_bytes());
    assert_eq!(found, Some(&b"10485760"[..]));
    server.signal(Signal::TERM);
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
    assert!(!socket.exists());
}

#[test]
fn serve_refuses_what_it_cannot_do() {
    for (args, words) in [
        (
            &["--store", "redis://:pw@localhost"][..],
            "--store redis://:***@localhost:6379/0: a server is served already",
        ),
        (
            &["--maxmemory", "lots"],
            "--maxmemory lots: argument must be a memory value",
        ),
        (
            &["--maxmemory", "1mb", "--maxmemory-policy", "x"],
            "--maxmemory-policy x: argument",
        ),
        (&["--port", "0"], "told to listen nowhere"),
    ] {
        let mut all = vec!["serve"];
        all.extend_from_slice(args);
        let ended = run_redstart(&all);
        assert_eq!(ended.status.code(), Some(1), "{args:?}");
        let said = ended.stderr.trim_end();
        assert!(
            said.starts_with(&format!("redstart: {words}")),
            "{args:?}: {said}"
        );
    }
    assert_eq!(
        run_redstart(&["serve", "--bind", "example.org"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn the_tour_keeps_every_claim() {
    let ended = run_redstart(&["--once"]);
    assert!(ended.status.success(), "{}", ended.stdout);
    for name in [
        "Caching",
        "Invalidation",
        "Leaderboard",
        "Pub/sub",
        "Rate limiting",
        "Sessions",
        "Cluster",
        "Failover",
        "Persistence",
        "Monitoring",
    ] {
        assert!(
            ended.stdout.contains(&format!("  ✓ {name}")),
            "{name}: {}",
            ended.stdout
        );
    }
    for words in [
        "1,000 callers: the snippet loads ",
        "times, Redstart once",
        "the snippet keeps the old one, Redstart never",
        "Redstart exactly 100",
        " INCR, a primary killed: 0 wrong, ",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\x1b'), "no colours into a pipe");
    for line in ended.stdout.lines() {
        assert!(line.chars().count() <= 100, "too wide: {line}");
    }
}

#[test]
fn without_a_server_installed_the_tour_says_what_it_cannot_show() {
    let ended = run_redstart_with_path("", &["--once"]);
    assert!(ended.status.success(), "{}", ended.stdout);
    for words in [
        "  – Failover      it takes an installed redis-server or valkey-server",
        "1 cannot be shown here",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
}

#[test]
fn the_tour_runs_on_a_server_and_leaves_nothing_behind() {
    let server = redstart_testkit::Server::from_path().and_then(|server| server.start());
    let server = server.expect("a redis-server to run the tour on");
    let ended = run_redstart(&["tour", "--store", &server.url()]);
    assert!(ended.status.success(), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("1 cannot be shown here"),
        "{}",
        ended.stdout
    );
    let mut connection = server.connect().expect("connected");
    assert_eq!(call(&mut connection, &["DBSIZE"]), Reply::Integer(0));
}

#[test]
fn bare_redstart_shows_the_tour_says_what_to_type_and_serves() {
    let mut shown = Process::redstart(&["--port", "0", "--unixsocket", &socket("bare")]);
    shown.wait_for("embedded engine");
    shown.wait_for("listening on ");
    shown.wait_for("claims hold");
    let line = shown.wait_for("redis-cli ");
    shown.wait_for("Serving until Ctrl-C");
    let path = line.split_whitespace().find(|word| word.ends_with(".sock"));
    let address = Address::Unix(path.expect("the socket's path").into());
    let mut connection = RawConnection::open(&address).expect("connected");
    expect_status(&mut connection, &["SET", "greeting", "hello"], "OK");
    shown.signal(Signal::INT);
    let (status, said) = shown.end();
    assert!(status.success(), "{said}");
}

#[test]
fn a_signal_ends_the_tour() {
    let mut shown = Process::redstart(&["--port", "0", "--unixsocket", &socket("signal")]);
    shown.wait_for("listening on ");
    shown.signal(Signal::TERM);
    let (status, said) = shown.end();
    assert!(status.success(), "{said}");
    assert!(!said.contains("Serving until"), "{said}");
}

fn socket(name: &str) -> String {
    let name = format!("redstart-{name}-{}.sock", std::process::id());
    std::env::temp_dir().join(name).display().to_string()
}
