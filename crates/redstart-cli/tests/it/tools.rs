//! Programs of others that talk to a server: redis-cli and redis-benchmark.

use redstart_testkit::{Address, Server};

use crate::process::{Ended, run};
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
fn redis_benchmark_runs_through() {
    let server = start(&[]);
    let socket = socket_of(&server);
    const TESTS: &str = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,\
                         lrange_100,mset";
    for pipeline in ["1", "16"] {
        let args = [
            "-s", &socket, "-q", "-n", "2000", "-c", "20", "-P", pipeline, "-t", TESTS,
        ];
        let ended = run("redis-benchmark", &args);
        assert!(ended.status.success(), "{}", ended.stderr);
        assert!(!ended.stdout.contains("rror"), "{}", ended.stdout);
        assert!(
            ended.stdout.contains("requests per second"),
            "{}",
            ended.stdout
        );
    }
}
