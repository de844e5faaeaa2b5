//! redis.conf: what loads, what is refused and why, and what CONFIG REWRITE leaves.

use std::fs;
use std::path::Path;

use redstart_testkit::{Address, RawConnection, Reply, ServerBinary};
use rustix::process::Signal;

use crate::process::{Directory, Process, run_redstart, run_redstart_server};
use crate::{call, error_of, expect_status, info, start};

const PROGRAM: &str = env!("CARGO_BIN_EXE_redstart-server");

/// A directory with configuration files.
struct Place(Directory);

impl Place {
    fn new(name: &str) -> Place {
        Place(Directory::new(name))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file in which `HERE` stands for the directory; returns its path.
    fn write(&self, name: &str, text: &str) -> String {
        let here = self.path().display().to_string();
        let file = self.path().join(name);
        fs::write(&file, text.replace("HERE", &here)).expect("written");
        file.display().to_string()
    }

    fn read(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path().join(name)).expect("a file");
        text.replace(&self.path().display().to_string(), "HERE")
    }

    fn connect(&self, socket: &str) -> RawConnection {
        RawConnection::open(&Address::Unix(self.path().join(socket))).expect("connected")
    }
}

/// The lines of Debian's /etc/redis/redis.conf that are no comments, but for its paths.
const STOCK: &str = "\
bind 127.0.0.1 -::1
protected-mode yes
port 6379
tcp-backlog 511
timeout 0
tcp-keepalive 300
daemonize yes
pidfile HERE/redis-server.pid
loglevel notice
logfile HERE/redis-server.log
databases 16
always-show-logo no
set-proc-title yes
proc-title-template \"{title} {listen-addr} {server-mode}\"
stop-writes-on-bgsave-error yes
rdbcompression yes
rdbchecksum yes
dbfilename dump.rdb
rdb-del-sync-files no
dir HERE
replica-serve-stale-data yes
replica-read-only yes
repl-diskless-sync yes
repl-diskless-sync-delay 5
repl-diskless-sync-max-replicas 0
repl-diskless-load disabled
repl-disable-tcp-nodelay no
replica-priority 100
acllog-max-len 128
lazyfree-lazy-eviction no
lazyfree-lazy-expire no
lazyfree-lazy-server-del no
replica-lazy-flush no
lazyfree-lazy-user-del no
lazyfree-lazy-user-flush no
oom-score-adj no
oom-score-adj-values 0 200 800
disable-thp yes
appendonly no
appendfilename \"appendonly.aof\"
appenddirname \"appendonlydir\"
appendfsync everysec
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
aof-use-rdb-preamble yes
aof-timestamp-enabled no
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 0
notify-keyspace-events \"\"
hash-max-listpack-entries 512
hash-max-listpack-value 64
list-max-listpack-size -2
list-compress-depth 0
set-max-intset-entries 512
zset-max-listpack-entries 128
zset-max-listpack-value 64
hll-sparse-max-bytes 3000
stream-node-max-bytes 4096
stream-node-max-entries 100
activerehashing yes
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
dynamic-hz yes
aof-rewrite-incremental-fsync yes
rdb-save-incremental-fsync yes
jemalloc-bg-thread yes
";

#[test]
fn debians_own_file_loads_but_for_the_background() {
    let directory = Place::new("stock");
    let file = directory.write("redis.conf", STOCK);
    let ended = run_redstart_server(&[&file]);
    assert_eq!(
        ended.stderr,
        format!(
            "redstart-server: {file}:7: daemonize yes: not yet there: it runs in the foreground; a \
             service manager, or `&`, puts it into the background (only no is accepted)\n"
        )
    );
    // The last line about a setting counts, and arguments come last.
    let socket = directory.path().join("s").display().to_string();
    let foreground = ["--daemonize", "no", "--port", "0", "--unixsocket", &socket];
    let mut server = Process::start(
        PROGRAM,
        &[&[&*file], &foreground[..], &["--logfile", ""]].concat(),
    );
    server.wait_for("Ready to accept connections");
    expect_status(&mut directory.connect("s"), &["PING"], "PONG");

    // The file of this machine, if it has one and it may be read.
    if let Ok(text) = fs::read_to_string("/etc/redis/redis.conf") {
        let said = |line: &str| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        };
        let names = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| said(line));
            lines
                .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
                .collect()
        };
        assert_eq!(names(&text), names(STOCK), "Debian has changed its file");
    }
}

#[test]
fn every_directive_of_a_redis_server_is_known() {
    let binary = ServerBinary::from_path().expect("a redis-server");
    let server = redstart_testkit::Server::builder(binary).start();
    let server = server.expect("it starts");
    let reply = call(
        &mut server.connect().expect("connected"),
        &["CONFIG", "GET", "*"],
    );
    let names = reply.as_elements().expect("pairs").iter().step_by(2);
    let mut unknown = Vec::new();
    for name in names {
        let name = String::from_utf8_lossy(name.as_bytes().expect("a name")).into_owned();
        if redstart_engine::conf::find(&name).is_none() {
            unknown.push(name);
        }
    }
    assert_eq!(unknown, [] as [&str; 0]);
}

#[test]
fn what_is_refused_is_told_by_file_and_line_all_of_it_and_in_which_way() {
    let directory = Place::new("refused");
    let included = directory.write("more.conf", "\nmaxmemmory 1gb\n");
    let text = "# mine\nport 0\ncluster-enabled yes\ninclude HERE/more*.conf\ntls-port 6380\n\
                timeout 1 2\nrequirepass \"hunter2\nuser hunter2 on\ntimeout x\nreplicaof a 1\n\
                replicaof no one\nsocket-mark-id\ncolour red\n";
    let file = directory.write("redis.conf", text);
    let ended = run_redstart_server(&[&file]);
    let told: Vec<&str> = ended.stderr.lines().collect();
    let expected = [
        format!("{included}:2: maxmemmory 1gb: unknown, did you mean maxmemory?"),
        format!("{file}:6: timeout 1 2: takes one value"),
        format!("{file}:7: a quote is not closed, or not followed by a space"),
        format!("{file}:8: user *** ***: not yet there: there are no users besides"),
        format!("{file}:13: colour red: unknown: Redis 7.0 has no such directive either"),
        format!("{file}:3: cluster-enabled yes: meaningless here: it is one process"),
        format!("{file}:5: tls-port 6380: not yet there: it does not speak TLS yet"),
        format!("{file}:12: socket-mark-id: a value is missing"),
    ];
    assert_eq!(told.len(), expected.len(), "{}", ended.stderr);
    for (told, expected) in told.iter().zip(expected) {
        let expected = format!("redstart-server: {expected}");
        assert!(told.starts_with(&expected), "{told}\n{expected}");
    }
}

#[test]
fn a_file_is_read_from_standard_input_before_the_arguments() {
    let directory = Place::new("stdin");
    let socket = directory.path().join("s").display().to_string();
    let text = format!("maxclients 55\ntimeout 7\nunixsocket {socket}\n");
    let mut server =
        Process::start_with_input(PROGRAM, &["--port", "0", "--timeout", "9", "-"], &text);
    server.wait_for("Ready to accept connections");
    let mut connection = directory.connect("s");
    assert_eq!(parameter(&mut connection, "maxclients"), "55");
    assert_eq!(parameter(&mut connection, "timeout"), "9");
}

#[test]
fn redstart_serve_takes_a_file_and_its_arguments_come_after_it() {
    let directory = Place::new("serve");
    let text = "port 0\nunixsocket HERE/s\nmaxmemory 100mb\nmaxmemory-policy allkeys-lru\n\
                databases 4\nloglevel warning\n";
    let file = directory.write("redis.conf", text);
    let mut server = Process::redstart(&[
        "serve",
        "--config",
        &file,
        "--maxmemory",
        "5mb",
        "--log-level",
        "info",
    ]);
    server.wait_for("Ready to accept connections");
    let mut connection = directory.connect("s");
    assert_eq!(parameter(&mut connection, "maxmemory"), "5242880");
    assert_eq!(
        parameter(&mut connection, "maxmemory-policy"),
        "allkeys-lru"
    );
    assert_eq!(info(&mut connection, "config_file"), file);

    expect_status(&mut connection, &["SELECT", "3"], "OK");
    let refused = call(&mut connection, &["SELECT", "4"]);
    assert_eq!(error_of(&refused), "ERR DB index is out of range");
    let refused = call(&mut connection, &["MOVE", "k", "4"]);
    assert_eq!(error_of(&refused), "ERR DB index is out of range");
    let refused = call(&mut connection, &["SWAPDB", "0", "4"]);
    assert_eq!(error_of(&refused), "ERR DB index is out of range");

    let ended = run_redstart(&[
        "serve",
        "--config",
        &directory.write("bad.conf", "hz x\nprot 1\n"),
    ]);
    assert_eq!(ended.status.code(), Some(1));
    let bad = directory.path().join("bad.conf").display().to_string();
    let line = format!("redstart: {bad}:2: prot 1: unknown, did you mean port?\n");
    assert_eq!(ended.stderr, line);
}

/// Rewritten by a redis-server and by ours, a file comes out the same, but for what only one of
/// them has.
#[test]
fn config_rewrite_leaves_what_redis_leaves() {
    let text = "\
# a comment


port 0
unixsocket HERE/s
  # an indented comment
maxmemory 100mb   \nMAXMEMORY-policy allkeys-lru
timeout 10
hash-max-ziplist-entries 7

include HERE/extra*.conf
bind 127.0.0.1   -::1
timeout 11
loglevel notice
save \"\"
tcp-backlog 511
unixsocketperm 700
daemonize no
";
    let changes: [&[&str]; 3] = [
        &[
            "maxclients",
            "77",
            "lua-time-limit",
            "6000",
            "list-max-listpack-size",
            "-1",
            "maxmemory",
            "1000000",
        ],
        &[
            "client-output-buffer-limit",
            "normal 1mb 512kb 10 pubsub 1 2 3",
            "maxmemory",
            "2gb",
            "timeout",
            "0",
            "protected-mode",
            "no",
        ],
        &["lua-time-limit", "5000", "maxclients", "10000"],
    ];
    let redis = ServerBinary::from_path().expect("a redis-server");
    let redis = redis.path().display().to_string();
    let texts = [redis.as_str(), PROGRAM].map(|program| {
        let directory = Place::new(&format!("rewrite-{}", program.len()));
        let file = directory.write("redis.conf", text);
        let mut server = Process::start_in(directory.path(), program, &[&file, "--hz", "20"]);
        server.wait_for("eady to accept connections");
        let mut connection = directory.connect("s");
        let mut texts = Vec::new();
        for change in changes {
            expect_status(
                &mut connection,
                &[&["CONFIG", "SET"], change].concat(),
                "OK",
            );
            expect_status(&mut connection, &["CONFIG", "REWRITE"], "OK");
            texts.push(comparable(&directory.read("redis.conf")));
        }
        // What was written can be read.
        server.signal(Signal::TERM);
        assert!(server.end().0.success());
        let mut server = Process::start_in(directory.path(), program, &[&file, "--timeout", "3"]);
        server.wait_for("eady to accept connections");
        let mut connection = directory.connect("s");
        assert_eq!(parameter(&mut connection, "maxmemory"), "2147483648");
        assert_eq!(parameter(&mut connection, "list-max-listpack-size"), "-1");
        expect_status(&mut connection, &["CONFIG", "REWRITE"], "OK");
        texts.push(comparable(&directory.read("redis.conf")));
        drop(server);
        texts
    });
    for (theirs, ours) in texts[0].iter().zip(&texts[1]) {
        assert_eq!(ours, theirs);
    }
}

/// The lines of a rewritten file: in their order above the signature; below it in the order of the
/// alphabet, because programs list their settings in orders of their own, and without those that
/// only redis-server states.
fn comparable(text: &str) -> Vec<String> {
    const THEIRS: [&str; 4] = [
        "dir ",
        "latency-tracking-info-percentiles ",
        "pidfile ",
        "user default ",
    ];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let signature = lines
        .iter()
        .position(|line| line.starts_with("# Generated"));
    let mut added = lines.split_off(signature.expect("something was added") + 1);
    added.retain(|line| !THEIRS.iter().any(|name| line.starts_with(name)) && !line.is_empty());
    added.sort();
    lines.extend(added);
    lines
}

#[test]
fn a_server_without_a_file_has_nothing_to_rewrite() {
    let server = start(&["--timeout", "1"]);
    let mut connection = server.connect().expect("connected");
    let refused = call(&mut connection, &["CONFIG", "REWRITE"]);
    assert_eq!(
        error_of(&refused),
        "ERR The server is running without a config file"
    );
    assert_eq!(info(&mut connection, "config_file"), "");
}

#[test]
fn passwords_of_any_bytes_survive() {
    let directory = Place::new("bytes");
    let text = "port 0\nunixsocket HERE/s\nrequirepass \"a \\\"b\\\" \\xff\\n\"\n";
    let file = directory.write("redis.conf", text);
    let mut server = Process::start(PROGRAM, &[&file]);
    server.wait_for("Ready to accept connections");
    let mut connection = directory.connect("s");
    let password = b"a \"b\" \xff\n";
    let auth = [&b"AUTH"[..], password];
    let accepted = Reply::Simple(b"OK".to_vec());
    assert_eq!(connection.call(&auth).expect("answered"), accepted);
    expect_status(&mut connection, &["CONFIG", "REWRITE"], "OK");
    assert!(
        directory
            .read("redis.conf")
            .ends_with(&text[text.len() - 20..])
    );
}

fn parameter(connection: &mut RawConnection, name: &str) -> String {
    let reply = call(connection, &["CONFIG", "GET", name]);
    let value = reply.as_elements().and_then(|pair| pair.get(1)?.as_bytes());
    String::from_utf8_lossy(value.expect("a parameter")).into_owned()
}
