//! `redstart-server`: every option obeyed or refused by name.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use redstart_testkit::{Address, RawConnection, Reply};
use rustix::process::Signal;

use crate::process::{Process, run_redstart_server};
use crate::{call, error_of, expect_status, start};

const PROGRAM: &str = env!("CARGO_BIN_EXE_redstart-server");

#[test]
fn it_tells_its_version_where_tools_look_for_it() {
    for flag in ["-v", "--version"] {
        let ended = run_redstart_server(&[flag]);
        assert!(ended.status.success());
        assert!(
            ended.stdout.starts_with("Redstart server v=7.0.15 "),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn its_help_lists_every_option() {
    for flag in ["-h", "--help"] {
        let ended = run_redstart_server(&[flag]);
        assert!(ended.status.success());
        for option in [
            "--port",
            "--unixsocketperm",
            "--maxmemory-policy",
            "--appendonly",
        ] {
            assert!(ended.stdout.contains(option), "{option}");
        }
    }
}

#[test]
fn what_it_does_not_support_is_refused_by_name() {
    for (args, words) in [
        (
            &["--appendonly", "maybe"][..],
            "--appendonly maybe: only yes and no are supported",
        ),
        (
            &["--save", "900"],
            "--save 900: takes pairs of seconds and changes",
        ),
        (
            &["--save", "900 1 0 10"],
            "--save \"900 1 0 10\": takes pairs of seconds and changes",
        ),
        (
            &["--appendfsync", "sometimes"],
            "--appendfsync sometimes: the policies are always, everysec and no",
        ),
        (
            &["--dbfilename", "a/b"],
            "--dbfilename a/b: can't be a path, just a filename",
        ),
        (&["--daemonize", "yes"], "--daemonize yes: not yet there"),
        (
            &["--cluster-enabled", "yes"],
            "--cluster-enabled yes: meaningless here: it is one process",
        ),
        (
            &["--databases", "17"],
            "--databases 17: not yet there: more than 16 databases",
        ),
        (
            &["--databases", "0"],
            "--databases 0: must be between 1 and 2147483647",
        ),
        (&["--tls-port", "6380"], "--tls-port 6380: not yet there: "),
        (
            &["--replicaof", "127.0.0.1", "6379"],
            "--replicaof 127.0.0.1 6379: meaningless here: it follows no primary",
        ),
        (
            &["--loadmodule", "x.so"],
            "--loadmodule x.so: meaningless here: ",
        ),
        (
            &["--aclfile", "users.acl"],
            "--aclfile users.acl: not yet there: ",
        ),
        (
            &["--notify-keyspace-events", "KEY"],
            "--notify-keyspace-events KEY: Invalid event class character",
        ),
        (
            &["--no-such-option", "1"],
            "--no-such-option 1: unknown: Redis 7.0 has no such directive",
        ),
        (
            &["--maxmemmory", "1"],
            "--maxmemmory 1: unknown, did you mean maxmemory?",
        ),
        (
            &["--port", "70000"],
            "--port 70000: must be between 0 and 65535",
        ),
        (&["--port", "x"], "--port x: not a whole number"),
        (&["--port"], "--port: a value is missing"),
        (&["--port", "1", "2"], "--port 1 2: takes one value"),
        (&["--port", "0"], "told to listen nowhere"),
        (
            &["--bind", "example.org"],
            "--bind example.org: example.org is not an IP address",
        ),
        (
            &["--unixsocketperm", "9"],
            "--unixsocketperm 9: not an octal mode",
        ),
        (
            &["--enable-debug-command", "local"],
            "--enable-debug-command local: only yes and no",
        ),
        (&["--loglevel", "loud"], "--loglevel loud: the levels are"),
        (
            &["--dir", "/no/such/directory"],
            "--dir /no/such/directory: No such file",
        ),
        (
            &["--maxmemory", "12x"],
            "--maxmemory 12x: argument must be a memory value",
        ),
        (
            &["--maxmemory-policy", "lifo"],
            "--maxmemory-policy lifo: argument(s) must be one of",
        ),
        (
            &["--timeout", "-1"],
            "--timeout -1: argument must be between",
        ),
        (
            &["--hash-max-listpack-entries", "x"],
            "--hash-max-listpack-entries x: ",
        ),
        (&["--test-memory", "100"], "--test-memory is not supported"),
        (&["-x"], "-x: not an option"),
        (&["no-such-file.conf"], "cannot read no-such-file.conf"),
        (&["--bind \"127.0.0.1"], "--bind: a quote is not closed"),
    ] {
        let ended = run_redstart_server(args);
        assert_eq!(ended.status.code(), Some(1), "{args:?} {}", ended.stdout);
        let said = ended.stderr.trim_end();
        assert!(
            said.starts_with(&format!("redstart-server: {words}")),
            "{args:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let path = std::env::temp_dir().join(format!("redstart-secret-{}.conf", std::process::id()));
    std::fs::write(
        &path,
        "requirepass hunter2 hunter3\nmasterauth hunter4\ntimeout x\n",
    )
    .expect("written");
    let ended = run_redstart_server(&[&path.display().to_string()]);
    std::fs::remove_file(&path).expect("removed");
    assert!(!ended.status.success());
    assert!(!(ended.stdout + &ended.stderr).contains("hunter"));
}

#[test]
fn options_are_obeyed() {
    let server = start(&[
        "--unixsocketperm",
        "700",
        "--maxclients",
        "77",
        "--timeout",
        "300",
        "--databases",
        "16",
        "--maxmemory",
        "100mb",
        "--maxmemory-policy",
        "allkeys-lru",
        "--appendonly",
        "no",
        "--client-output-buffer-limit",
        "pubsub",
        "1mb",
        "512kb",
        "30",
        "--hash-max-ziplist-entries",
        "7",
        "--protected-mode",
        "no",
        "--loglevel",
        "warning",
        "--enable-debug-command",
        "yes",
        "--io-threads",
        "2",
        "--hz 20",
    ]);
    let mut connection = server.connect().expect("connected");
    for (name, value) in [
        ("maxclients", "77"),
        ("timeout", "300"),
        ("maxmemory", "104857600"),
        ("maxmemory-policy", "allkeys-lru"),
        ("hash-max-listpack-entries", "7"),
        ("protected-mode", "no"),
        ("hz", "20"),
        ("save", ""),
        ("appendonly", "no"),
    ] {
        let reply = call(&mut connection, &["CONFIG", "GET", name]);
        let found = reply.as_elements().and_then(|pair| pair.get(1)?.as_bytes());
        assert_eq!(
            found.map(String::from_utf8_lossy).as_deref(),
            Some(value),
            "{name}"
        );
    }
    expect_status(&mut connection, &["DEBUG", "SET-ACTIVE-EXPIRE", "1"], "OK");
    let Address::Unix(socket) = server.address() else {
        panic!("a unix socket is what the kit asks for");
    };
    let mode = std::fs::metadata(socket)
        .expect("the socket is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_configuration_file_is_read_and_arguments_come_after_it() {
    let directory = std::env::temp_dir().join(format!("redstart-conf-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("redis.conf");
    let text = "# mine\nport 0\nunixsocket file.sock\nmaxclients 55\ntimeout 9\nSAVE \"\"\n";
    std::fs::write(&file, format!("dir {}\n{text}", directory.display())).expect("written");

    let mut server = Process::start(
        PROGRAM,
        &[
            &file.display().to_string(),
            "--timeout",
            "11",
            "--pidfile",
            "p",
        ],
    );
    server.wait_for("Ready to accept connections");
    let socket = directory.join("file.sock");
    let mut connection = RawConnection::open(&Address::Unix(socket.clone())).expect("connected");
    let reply = call(&mut connection, &["CONFIG", "GET", "maxclients", "timeout"]);
    let pair = |name: &str, value: &str| [Reply::Bulk(name.into()), Reply::Bulk(value.into())];
    let expected = [pair("maxclients", "55"), pair("timeout", "11")].concat();
    assert_eq!(reply, Reply::Array(expected));
    assert!(directory.join("p").exists());

    server.signal(Signal::TERM);
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
    assert!(!socket.exists() && !directory.join("p").exists());

    std::fs::write(&file, "maxclients 5\ntls-port 1\n").expect("written");
    let ended = run_redstart_server(&[&file.display().to_string()]);
    let words = format!(
        "redstart-server: {}:2: tls-port 1: not yet there",
        file.display()
    );
    assert!(ended.stderr.starts_with(&words), "{}", ended.stderr);
    std::fs::remove_dir_all(&directory).expect("removed");
}

#[test]
fn a_password_is_required_when_there_is_one() {
    // The kit waits for any answer; this one is an error until the password is given.
    let server = start(&["--requirepass", "secret"]);
    let mut connection = server.connect().expect("connected");
    let refused = call(&mut connection, &["GET", "k"]);
    assert_eq!(error_of(&refused), "NOAUTH Authentication required.");
    let wrong = call(&mut connection, &["AUTH", "guess"]);
    assert!(error_of(&wrong).starts_with("WRONGPASS "), "{wrong:?}");
    expect_status(&mut connection, &["AUTH", "secret"], "OK");
    assert_eq!(call(&mut connection, &["GET", "k"]), Reply::NullBulk);
}

#[test]
fn a_signal_ends_it_in_good_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut server, port) = start_on_a_port(&[]);
        let address = Address::Tcp(([127, 0, 0, 1], port).into());
        let mut asking = RawConnection::open(&address).expect("connected");
        let mut half = RawConnection::open(&address).expect("connected");
        half.send(b"*2\r\n$3\r\nGET\r\n$5\r\nab").expect("sent");
        // What has been received is answered, although nobody has read yet.
        asking.send(b"SET k v\r\nGET k\r\n").expect("sent");
        expect_status(&mut asking, &["PING"], "OK");

        server.signal(signal);
        server.wait_for("shutting down");
        assert_eq!(
            asking.receive_to_end().expect("ended"),
            b"$1\r\nv\r\n+PONG\r\n"
        );
        assert_eq!(half.receive_to_end().expect("ended"), b"");
        let (status, said) = server.end();
        assert!(status.success(), "{said}");
        assert!(said.contains("bye"), "{said}");
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let (mut server, port) = start_on_a_port(&[]);
    let address = Address::Tcp(([127, 0, 0, 1], port).into());
    let mut greedy = RawConnection::open(&address).expect("connected");
    let value = "x".repeat(1 << 20);
    expect_status(&mut greedy, &["SET", "k", &value], "OK");
    // Far more than the sockets hold. They arrive together, so the first answer says that all have
    // been executed; nobody reads the others.
    greedy
        .send("GET k\r\n".repeat(64).as_bytes())
        .expect("sent");
    greedy.receive().expect("the first answer");
    server.signal(Signal::TERM);
    server.wait_for("shutting down");
    server.signal(Signal::TERM);
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("ending at once"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_said_by_name() {
    let (_server, port) = start_on_a_port(&[]);
    let ended = run_redstart_server(&["--port", &port.to_string()]);
    assert_eq!(ended.status.code(), Some(1));
    let words =
        format!("redstart-server: cannot listen on 127.0.0.1:{port}: Address already in use");
    assert!(ended.stderr.starts_with(&words), "{}", ended.stderr);
}

#[test]
fn a_socket_left_behind_is_taken_over_and_a_live_one_is_not() {
    let mut server = start(&[]);
    let Address::Unix(socket) = server.address().clone() else {
        panic!("a unix socket is what the kit asks for");
    };
    let second = ["--port", "0", "--unixsocket", &socket.display().to_string()];
    let refused = run_redstart_server(&second);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("another server listens there"),
        "{}",
        refused.stderr
    );
    expect_status(
        &mut server.connect().expect("the first is unharmed"),
        &["PING"],
        "PONG",
    );

    server.kill();
    assert!(
        Path::new(&socket).exists(),
        "a killed server leaves its socket behind"
    );
    server.restart().expect("the socket is taken over");
    expect_status(&mut server.connect().expect("connected"), &["PING"], "PONG");
    server.stop().expect("it ends");
    assert!(!Path::new(&socket).exists());
}

/// A server on a port of its own, ready.
pub(crate) fn start_on_a_port(args: &[&str]) -> (Process, u16) {
    // Another process may be quicker to take the port.
    loop {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        let number = port.to_string();
        let mut all = vec!["--port", &number];
        all.extend_from_slice(args);
        let mut server = Process::start(PROGRAM, &all);
        let line = server.wait_for("");
        if !line.contains("Address already in use") {
            server.wait_for("Ready to accept connections");
            return (server, port);
        }
    }
}
