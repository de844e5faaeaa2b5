//! What peers may do to a server, and what it does to them: Redis' words or a closed connection,
//! bounded memory, and nobody else the wiser.

use std::fs;
use std::io::Read;
use std::net::TcpStream;

use redstart_testkit::{RawConnection, Reply, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::redis_server::start_on_a_port;
use crate::{call, error_of, expect_status, info, redstart_server, start};

const IDLE: u64 = 5_000;

/// Bytes of physical memory a process has.
fn resident(server: &Server) -> u64 {
    let pid = server.pid().expect("the server runs");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("a number of KiB") * 1024
}

#[test]
fn five_thousand_idle_connections_cost_little_and_disturb_nobody() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: limit.maximum.map(|_| most),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("up to its maximum a limit can be raised");
    // Some are the test runner's own.
    let idle = IDLE.min(most.saturating_sub(100));
    if idle < IDLE {
        println!("only {idle} connections: this system lets a process have {most} files open");
    }

    let server = redstart_server().tcp().start().expect("the server starts");
    let mut asking = server.connect().expect("connected");
    expect_status(&mut asking, &["SET", "k", "v"], "OK");
    let before = resident(&server);
    let mut connections: Vec<RawConnection> = Vec::new();
    for _ in 0..idle {
        connections.push(server.connect().expect("connected"));
    }
    for connection in &mut connections {
        connection.send(b"PING\r\n").expect("sent");
    }
    for connection in &mut connections {
        assert_eq!(
            connection.receive().expect("answered"),
            Reply::Simple(b"PONG".to_vec())
        );
    }
    let each = resident(&server).saturating_sub(before) / idle;
    println!("{idle} idle connections: {each} bytes each");
    assert!(each < 16 * 1024, "{each} bytes for an idle connection");

    assert_eq!(
        info(&mut asking, "connected_clients"),
        (idle + 1).to_string()
    );
    assert_eq!(call(&mut asking, &["GET", "k"]), Reply::Bulk(b"v".to_vec()));
    drop(connections);
    let mut newcomer = server.connect().expect("there is room again");
    expect_status(&mut newcomer, &["PING"], "PONG");
}

#[test]
fn half_a_request_and_then_silence_takes_no_more_than_was_sent() {
    let server = start(&[]);
    let mut asking = server.connect().expect("connected");
    expect_status(&mut asking, &["PING"], "PONG");
    let before = resident(&server);
    let mut silent = Vec::new();
    for _ in 0..200 {
        for half in [
            &b"*1000000\r\n$3\r\nSET\r\n"[..],
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
            b"*3\r\n$3\r\nSET\r\n$1",
            b"*",
            b"SET k 'half",
        ] {
            let mut connection = server.connect().expect("connected");
            connection.send(half).expect("sent");
            silent.push(connection);
        }
    }
    expect_status(&mut asking, &["SET", "k", "v"], "OK");
    let each = resident(&server).saturating_sub(before) / silent.len() as u64;
    assert!(each < 32 * 1024, "{each} bytes for half a request");
    // A half becomes whole.
    let mut last = silent.pop().expect("there are some");
    last.send(b" string'\r\n").expect("sent");
    assert_eq!(
        last.receive().expect("answered"),
        Reply::Simple(b"OK".to_vec())
    );
    assert_eq!(
        call(&mut asking, &["GET", "k"]),
        Reply::Bulk(b"half string".to_vec())
    );
}

#[test]
fn a_large_request_or_reply_takes_its_memory_only_while_it_lasts() {
    const PEERS: u64 = 20;
    const VALUE: u64 = 8 << 20;

    let server = start(&[]);
    let value = "x".repeat(VALUE as usize);
    let mut peers = Vec::new();
    let before = resident(&server);
    for _ in 0..PEERS {
        let mut peer = server.connect().expect("connected");
        expect_status(&mut peer, &["SET", "k", &value], "OK");
        let reply = call(&mut peer, &["GET", "k"]);
        assert_eq!(reply.as_bytes().map(<[u8]>::len), Some(value.len()));
        peers.push(peer);
    }
    let grown = resident(&server).saturating_sub(before);
    println!("{PEERS} peers that were served {VALUE} bytes: {grown} bytes are left");
    // Buffers that were kept would be four times as much; allocators return memory when they like.
    assert!(
        grown < PEERS * VALUE,
        "{grown} bytes are left of what has been served"
    );
    for peer in &mut peers {
        expect_status(peer, &["PING"], "PONG");
    }
}

#[test]
fn headers_beyond_all_measure_are_answered_in_redis_words() {
    let server = start(&[]);
    let long = |first: &str| format!("{first}{}", "1".repeat(70_000));
    for (sent, words) in [
        (
            "*1048577\r\n".to_owned(),
            "ERR Protocol error: invalid multibulk length",
        ),
        (
            "*99999999999999999999\r\n".to_owned(),
            "ERR Protocol error: invalid multibulk length",
        ),
        (
            "*1\r\n$536870913\r\n".to_owned(),
            "ERR Protocol error: invalid bulk length",
        ),
        (
            "*1\r\n$-1\r\n".to_owned(),
            "ERR Protocol error: invalid bulk length",
        ),
        (
            "*1\r\n:1\r\n".to_owned(),
            "ERR Protocol error: expected '$', got ':'",
        ),
        (long("*"), "ERR Protocol error: too big mbulk count string"),
        (
            long("*1\r\n$"),
            "ERR Protocol error: too big bulk count string",
        ),
        (long("GET "), "ERR Protocol error: too big inline request"),
    ] {
        let mut connection = server.connect().expect("connected");
        // The server may close before it has read everything.
        let _ = connection.send(sent.as_bytes());
        let reply = connection.receive().expect("an answer");
        assert_eq!(error_of(&reply), words, "{}", &sent[..sent.len().min(20)]);
        assert_eq!(connection.receive_to_end().expect("closed"), b"");
    }
    expect_status(&mut server.connect().expect("connected"), &["PING"], "PONG");
}

#[test]
fn a_subscriber_that_never_reads_is_disconnected_and_nobody_else() {
    const MESSAGE: usize = 100_000;
    const LIMIT: u64 = 4 << 20;

    let limit = LIMIT.to_string();
    let server = start(&["--client-output-buffer-limit", "pubsub", &limit, "0", "0"]);
    let mut slow = server.connect().expect("connected");
    let mut quick = server.connect().expect("connected");
    let mut publisher = server.connect().expect("connected");
    for subscriber in [&mut slow, &mut quick] {
        let reply = call(subscriber, &["SUBSCRIBE", "news"]);
        assert_eq!(
            reply.as_elements().map(<[Reply]>::len),
            Some(3),
            "{reply:?}"
        );
    }
    let before = resident(&server);
    let text = "x".repeat(MESSAGE);
    let mut rounds = 0;
    while call(&mut publisher, &["PUBLISH", "news", &text]) != Reply::Integer(1) {
        let message = quick.receive().expect("the quick one gets it");
        assert_eq!(message.as_elements().map(<[Reply]>::len), Some(3));
        rounds += 1;
        assert!(rounds < 2_000, "the slow one is never disconnected");
    }
    quick.receive().expect("the message that only one got");
    let grown = resident(&server).saturating_sub(before);
    println!(
        "disconnected after {} messages, with {grown} bytes",
        rounds + 1
    );
    assert!(grown < 16 * LIMIT, "the server has grown by {grown} bytes");
    let clients = info(&mut publisher, "connected_clients");
    assert_eq!(clients, "2", "the publisher and the quick one are left");
}

#[test]
fn a_client_too_many_is_told_so() {
    let server = start(&["--maxclients", "3"]);
    let mut connections: Vec<RawConnection> = Vec::new();
    // Whoever asked whether the server is ready may not have left yet.
    while connections.len() < 3 {
        let mut connection = server.connect().expect("connected");
        if matches!(connection.call(&["PING"]), Ok(reply) if !reply.is_error()) {
            connections.push(connection);
        }
    }
    let turned_away = info(&mut connections[0], "rejected_connections");
    let mut refused = server.connect().expect("accepted, to be told");
    let words = refused.receive().expect("told");
    assert_eq!(error_of(&words), "ERR max number of clients reached");
    assert_eq!(refused.receive_to_end().expect("closed"), b"");
    let now = info(&mut connections[0], "rejected_connections");
    assert_eq!(
        now.parse::<u64>(),
        turned_away.parse::<u64>().map(|before| before + 1)
    );
}

#[test]
fn a_peer_that_is_idle_too_long_is_disconnected() {
    let server = start(&["--timeout", "1"]);
    let mut idle = server.connect().expect("connected");
    let mut listening = server.connect().expect("connected");
    call(&mut listening, &["SUBSCRIBE", "news"]);
    // Waits for the disconnection itself.
    assert_eq!(idle.receive_to_end().expect("closed"), b"");
    let mut publisher = server.connect().expect("connected");
    assert_eq!(
        call(&mut publisher, &["PUBLISH", "news", "x"]),
        Reply::Integer(1)
    );
}

#[test]
fn other_machines_are_turned_away_while_there_is_no_password() {
    let Some(ip) = address_of_this_machine() else {
        println!("this machine has no address but the loopback interface's");
        return;
    };
    let (_open, port) = start_on_a_port(&["--bind", "0.0.0.0"]);
    let mut told = String::new();
    let mut stream = TcpStream::connect((ip, port)).expect("connected");
    stream
        .read_to_string(&mut told)
        .expect("told, and disconnected");
    assert!(
        told.starts_with("-DENIED Redis is running in protected mode because"),
        "{told}"
    );
    assert!(told.ends_with("from the outside.\r\n"), "{told}");

    let (_locked, port) = start_on_a_port(&["--bind", "0.0.0.0", "--requirepass", "secret"]);
    let address = redstart_testkit::Address::Tcp((ip, port).into());
    let mut peer = RawConnection::open(&address).expect("connected");
    expect_status(&mut peer, &["AUTH", "secret"], "OK");
}

/// The address this machine would use to talk to another one. Nothing is sent.
fn address_of_this_machine() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then_some(ip)
}

#[test]
fn a_script_without_end_holds_up_nobody_and_can_be_killed() {
    // Fewer threads than there are clients that have to wait for the script.
    let server = start(&["--busy-reply-threshold", "100", "--io-threads", "2"]);
    let mut looping = server.connect().expect("connected");
    looping
        .send_command(&[
            "EVAL",
            "redis.call('SET', KEYS[1], 'v') while true do end",
            "1",
            "k",
        ])
        .expect("sent");
    let mut waiting: Vec<RawConnection> = Vec::new();
    for _ in 0..8 {
        let mut connection = server.connect().expect("connected while the script runs");
        connection.send_command(&["GET", "k"]).expect("sent");
        waiting.push(connection);
    }
    let mut newcomer = server.connect().expect("connected while others wait");
    expect_status(&mut newcomer, &["PING"], "PONG");
    for connection in &mut waiting {
        let told = connection.receive().expect("told");
        // The script may have begun after the first of them.
        let busy = error_of(&told).starts_with("BUSY ");
        assert!(busy || told == Reply::NullBulk, "{told:?}");
    }
    let reply = call(&mut newcomer, &["SCRIPT", "KILL"]);
    assert!(
        error_of(&reply).starts_with("UNKILLABLE "),
        "it has written: {reply:?}"
    );

    let server = start(&["--busy-reply-threshold", "100", "--io-threads", "2"]);
    let mut looping = server.connect().expect("connected");
    looping
        .send_command(&["EVAL", "while true do end", "1", "k"])
        .expect("sent");
    let mut other = server.connect().expect("connected");
    while error_of(&call(&mut other, &["GET", "k"])).is_empty() {}
    expect_status(&mut other, &["SCRIPT", "KILL"], "OK");
    let killed = looping.receive().expect("answered");
    assert!(error_of(&killed).contains("killed by user"), "{killed:?}");
    assert_eq!(call(&mut other, &["GET", "k"]), Reply::NullBulk);
}

#[test]
fn client_list_tells_what_waits_in_the_input() {
    let server = start(&[]);
    let mut half = server.connect().expect("connected");
    let mut asking = server.connect().expect("connected");
    // They arrive together: when the first is answered, the other is there.
    half.send(b"CLIENT ID\r\n*2\r\n$3\r\nGET\r\n$5\r\nab")
        .expect("sent");
    let id = half.receive().expect("answered");
    let id = id.as_integer().expect("a number").to_string();
    let list = call(&mut asking, &["CLIENT", "LIST", "ID", &id]);
    let list = String::from_utf8_lossy(list.as_bytes().expect("text")).into_owned();
    assert!(list.contains(" qbuf=19 qbuf-free="), "{list}");
    assert!(!list.contains(" qbuf-free=0 "), "{list}");
}
