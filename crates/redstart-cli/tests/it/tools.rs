//! Programs of others that talk to a server: redis-cli, redis-benchmark, an exporter for Prometheus.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use redstart_testkit::{Address, Server};

use crate::process::{Ended, Process, run};
use crate::redis_server::start_on_a_port;
use crate::start;

fn socket_of(server: &Server) -> String {
    match server.address() {
        Address::Unix(path) => path.display().to_string(),
        Address::Tcp(address) => panic!("{address} is no unix socket"),
    }
}

fn cli(server: &Server, args: &[&str]) -> Ended {
    let socket = socket_of(server);
    let mut all = vec!["-s", &socket];
    all.extend_from_slice(args);
    run("redis-cli", &all)
}

#[test]
fn redis_cli_talks_both_protocols() {
    let server = start(&[]);
    for protocol in ["-2", "-3"] {
        assert_eq!(
            cli(&server, &[protocol, "SET", "greeting", "hello"]).stdout,
            "OK\n"
        );
        assert_eq!(
            cli(&server, &[protocol, "GET", "greeting"]).stdout,
            "hello\n"
        );
    }
    let shown = cli(&server, &["-3", "--no-raw", "CONFIG", "GET", "appendonly"]);
    assert_eq!(shown.stdout, "1# \"appendonly\" => \"no\"\n");
    let info = cli(&server, &["INFO", "server"]).stdout;
    assert!(info.contains("server_name:redstart"), "{info}");
}

#[test]
fn redis_cli_scans_and_stops_the_server() {
    let (server, port) = start_on_a_port(&[]);
    let port = port.to_string();
    let cli = |args: &[&str]| {
        let mut all = vec!["-p", &port];
        all.extend_from_slice(args);
        run("redis-cli", &all).stdout
    };
    for number in 0..50 {
        cli(&["SET", &format!("key:{number}"), "value"]);
    }
    let mut keys: Vec<String> = cli(&["--scan"]).lines().map(str::to_owned).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 50);
    assert_eq!(cli(&["-r", "3", "INCR", "n"]), "1\n2\n3\n");
    cli(&["SHUTDOWN", "NOSAVE"]);
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
}

#[test]
fn redis_cli_loads_many_keys_and_finds_the_big_ones() {
    const KEYS: usize = 20_000;
    let server = start(&[]);
    let socket = socket_of(&server);
    let mut loading = Command::new("redis-cli")
        .args(["-s", &socket, "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli can be run");
    let mut requests = String::new();
    for number in 0..KEYS {
        requests.push_str(&format!("SET key:{number} value\r\n"));
    }
    requests.push_str("RPUSH queue a b c\r\n");
    let mut input = loading.stdin.take().expect("piped");
    input
        .write_all(requests.as_bytes())
        .expect("redis-cli reads");
    drop(input);
    let loaded = loading.wait_with_output().expect("redis-cli ends");
    let said = String::from_utf8_lossy(&loaded.stdout);
    assert!(
        said.contains(&format!("errors: 0, replies: {}", KEYS + 1)),
        "{said}"
    );

    let found = cli(&server, &["--bigkeys"]).stdout;
    assert!(
        found.contains(&format!("Sampled {} keys in the keyspace!", KEYS + 1)),
        "{found}"
    );
    assert!(
        found.contains("Biggest   list found '\"queue\"' has 3 items"),
        "{found}"
    );
    let found = cli(&server, &["--scan", "--pattern", "key:777*"]).stdout;
    assert_eq!(found.lines().count(), 11);
}

#[test]
fn redis_cli_watches_the_server() {
    let server = start(&[]);
    let latency = cli(&server, &["--latency", "-i", "0.05"]).stdout;
    let numbers: Vec<f64> = latency
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    assert!(
        matches!(numbers[..], [min, max, _, samples] if min <= max && samples > 0.0),
        "{latency}"
    );
    // Its output is buffered, so that a line is seen when there are some dozens.
    let socket = socket_of(&server);
    let args = ["-s", &socket, "--stat", "-i", "0.001"];
    Process::start("redis-cli", &args).wait_for("(+1)");
}

#[test]
fn redis_benchmark_runs_through() {
    let server = start(&[]);
    let socket = socket_of(&server);
    for pipeline in ["1", "16"] {
        let args = [
            "-s", &socket, "-q", "-n", "1000", "-c", "20", "-P", pipeline,
        ];
        let ended = run("redis-benchmark", &args);
        assert!(ended.status.success(), "{}", ended.stderr);
        assert!(!ended.stdout.contains("rror"), "{}", ended.stdout);
        for test in ["PING_INLINE", "ZPOPMIN", "LRANGE_600", "MSET (10 keys)"] {
            let result = ended
                .stdout
                .split(['\r', '\n'])
                .any(|line| line.starts_with(test) && line.contains("requests per second"));
            assert!(result, "{test} has no result: {}", ended.stdout);
        }
    }
}

/// Debian's prometheus-redis-exporter finds nothing to complain of in what it reads.
#[test]
fn an_exporter_for_prometheus_reads_all_of_info() {
    const EXPORTER: &str = "prometheus-redis-exporter";
    if Command::new(EXPORTER).arg("-version").output().is_err() {
        eprintln!("{EXPORTER} is not installed: nothing is tested");
        return;
    }
    let (_server, port) = start_on_a_port(&[]);
    let port = port.to_string();
    for args in [&["SET", "a", "1"][..], &["GET", "a"], &["LPUSH", "a", "1"]] {
        run("redis-cli", &[&["-p", &port], args].concat());
    }
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
    let address = free.expect("a free port").to_string();
    let redis = format!("redis://127.0.0.1:{port}");
    let args = ["-redis.addr", &redis, "-web.listen-address", &address];
    let mut exporter = Process::start(EXPORTER, &args);
    exporter.wait_for("Providing metrics");

    // It says so just before it listens.
    let mut page = loop {
        match std::net::TcpStream::connect(&address) {
            Ok(page) => break page,
            Err(_) => std::thread::yield_now(),
        }
    };
    page.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
        .expect("it reads");
    let mut metrics = String::new();
    page.read_to_string(&mut metrics).expect("it answers");
    for line in [
        "redis_up 1",
        "redis_exporter_last_scrape_error{err=\"\"} 0",
        "redis_target_scrape_request_errors_total 0",
        "redis_commands_total{cmd=\"get\"} 1",
        "redis_errors_total{err=\"WRONGTYPE\"} 1",
        "redis_db_keys{db=\"db0\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}: {metrics}"
        );
    }
}
