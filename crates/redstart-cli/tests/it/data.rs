//! What is kept on disk: by both programs, across restarts, for a redis-server to open.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use redstart_testkit::{Address, RawConnection, Reply, ServerBinary};
use rustix::process::Signal;

use crate::process::{Directory, Process, run_in};
use crate::{call, error_of, expect_status, info};

const REDSTART: &str = env!("CARGO_BIN_EXE_redstart");
const REDSTART_SERVER: &str = env!("CARGO_BIN_EXE_redstart-server");

fn connect(place: &Directory) -> RawConnection {
    RawConnection::open(&Address::Unix(place.path().join("s"))).expect("connected")
}

/// Starts a program that listens at `s` in a directory, and waits until it is ready.
fn start(place: &Directory, program: &str, args: &[&str]) -> Process {
    let mut server = Process::start_in(place.path(), program, args);
    server.wait_for("eady to accept connections");
    server
}

fn serve(place: &Directory, args: &[&str]) -> Process {
    let all = [&["serve", "--port", "0", "--unixsocket", "s"], args].concat();
    start(place, REDSTART, &all)
}

fn end(server: Process) {
    server.signal(Signal::TERM);
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("bye"), "{said}");
}

fn get(place: &Directory, key: &str) -> Reply {
    call(&mut connect(place), &["GET", key])
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[test]
fn redstart_serve_keeps_data_in_a_directory_for_nobody_else() {
    let place = Directory::new("serve");
    let mut server = Process::start_in(
        place.path(),
        REDSTART,
        &["serve", "--port", "0", "--unixsocket", "s"],
    );
    let data = place.path().join("redstart-data");
    server.wait_for(&format!("data is in {}", data.display()));
    server.wait_for("Ready to accept connections");
    let mode = fs::metadata(&data)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    expect_status(&mut connect(&place), &["SET", "greeting", "hello"], "OK");

    let second = ["serve", "--port", "0", "--unixsocket", "t"];
    let refused = run_in(place.path(), REDSTART, &second);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused
            .stderr
            .contains("is in use by another process: stop that one, or choose another"),
        "{}",
        refused.stderr
    );
    end(server);

    let server = serve(&place, &[]);
    assert_eq!(get(&place, "greeting"), bulk("hello"));
    let mut connection = connect(&place);
    for (name, value) in [
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("save", ""),
        ("dir", &data.display().to_string()),
        ("appenddirname", "appendonlydir"),
    ] {
        let reply = call(&mut connection, &["CONFIG", "GET", name]);
        assert_eq!(reply, Reply::Array(vec![bulk(name), bulk(value)]));
    }
    end(server);

    // Nothing of it where nothing is to be kept.
    let server = serve(&place, &["--store", "memory:"]);
    assert_eq!(get(&place, "greeting"), Reply::NullBulk);
    end(server);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let place = Directory::new("kill");
    let store = ["--store", "file:./kept?fsync=always"];
    for round in 0..5 {
        let server = serve(&place, &store);
        let mut connection = connect(&place);
        let counted = call(&mut connection, &["GET", "count"]);
        match round {
            0 => assert_eq!(counted, Reply::NullBulk),
            _ => assert_eq!(counted, bulk(&(round * 100).to_string())),
        }
        for _ in 0..100 {
            call(&mut connection, &["INCR", "count"]);
        }
        server.kill();
    }
}

/// The persistence section of the page that the project began with.
#[test]
fn the_lines_of_the_page_load_and_are_obeyed() {
    let place = Directory::new("page");
    let text = "port 0\nunixsocket s\nsave 900 1\nsave 300 10\nsave 60 10000\nappendonly yes\n\
                appendfsync everysec\n";
    fs::write(place.path().join("redis.conf"), text).expect("written");
    let obeyed = [
        ("save", "900 1 300 10 60 10000"),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
    ];
    for program in [REDSTART_SERVER, REDSTART] {
        let args: &[&str] = match program == REDSTART {
            true => &["serve", "--config", "redis.conf"],
            false => &["redis.conf"],
        };
        let server = start(&place, program, args);
        let mut connection = connect(&place);
        for (name, value) in obeyed {
            let reply = call(&mut connection, &["CONFIG", "GET", name]);
            assert_eq!(reply, Reply::Array(vec![bulk(name), bulk(value)]));
        }
        expect_status(&mut connection, &["SET", "k", program], "OK");
        expect_status(
            &mut connection,
            &["CONFIG", "SET", "appendfsync", "always"],
            "OK",
        );
        expect_status(&mut connection, &["CONFIG", "REWRITE"], "OK");
        end(server);
        let server = start(&place, program, args);
        assert_eq!(get(&place, "k"), bulk(program));
        end(server);
        let written = fs::read_to_string(place.path().join("redis.conf")).expect("a file");
        let expected = text
            .replace("everysec", "always")
            .replace("unixsocket s", "unixsocket \"s\"");
        assert_eq!(written, expected);
        fs::write(place.path().join("redis.conf"), text).expect("written");
    }
    assert!(place.path().join("appendonlydir").is_dir());
    assert!(place.path().join("redstart-data/appendonlydir").is_dir());
}

/// How data leaves: the directory is a redis-server's.
#[test]
fn a_redis_server_opens_the_directory() {
    let place = Directory::new("export");
    let server = serve(&place, &[]);
    let mut connection = connect(&place);
    for command in [
        &["SET", "greeting", "hello"][..],
        &["SET", "later", "v", "PX", "100000000"],
        &["RPUSH", "list", "a", "b", "c"],
        &["SADD", "numbers", "1", "2", "3"],
        &["HSET", "hash", "f", "1", "g", "2"],
        &["ZADD", "board", "1.5", "ada", "2", "grace"],
        &["PFADD", "uniques", "a", "b"],
        &["SETBIT", "bits", "7", "1"],
        &["SELECT", "3"],
        &["SET", "elsewhere", "x"],
    ] {
        assert!(!call(&mut connection, command).is_error(), "{command:?}");
    }
    end(server);

    let copy = place.path().join("copy");
    let copied = Command::new("cp")
        .args(["-r", "redstart-data", "copy"])
        .current_dir(place.path())
        .status();
    assert!(copied.expect("cp runs").success());
    let redis = ServerBinary::from_path().expect("a redis-server");
    let args = [
        "--dir",
        "copy",
        "--appendonly",
        "yes",
        "--port",
        "0",
        "--unixsocket",
        "../s",
    ];
    let server = start(&place, &redis.path().display().to_string(), &args);
    let mut connection = connect(&place);
    assert_eq!(call(&mut connection, &["DBSIZE"]), Reply::Integer(8));
    assert_eq!(call(&mut connection, &["GET", "greeting"]), bulk("hello"));
    assert!(call(&mut connection, &["PTTL", "later"]).as_integer() > Some(0));
    assert_eq!(
        call(&mut connection, &["ZSCORE", "board", "ada"]),
        bulk("1.5")
    );
    assert_eq!(
        call(&mut connection, &["PFCOUNT", "uniques"]),
        Reply::Integer(2)
    );
    expect_status(&mut connection, &["SELECT", "3"], "OK");
    assert_eq!(call(&mut connection, &["GET", "elsewhere"]), bulk("x"));
    // What it adds is there when the directory comes back.
    expect_status(&mut connection, &["SET", "added", "by redis"], "OK");
    server.signal(Signal::TERM);
    assert!(server.end().0.success());

    let server = serve(&place, &["--store", &format!("file:{}", copy.display())]);
    let mut connection = connect(&place);
    expect_status(&mut connection, &["SELECT", "3"], "OK");
    assert_eq!(call(&mut connection, &["GET", "added"]), bulk("by redis"));
    end(server);
}

#[test]
fn clients_that_come_while_data_is_loaded_are_told_so() {
    let place = Directory::new("loading");
    // A snapshot that comes when it is sent.
    let redis = ServerBinary::from_path().expect("a redis-server");
    let listen = ["--port", "0", "--unixsocket", "s"];
    let redis = start(&place, &redis.path().display().to_string(), &listen);
    expect_status(&mut connect(&place), &["SET", "k", "v"], "OK");
    expect_status(&mut connect(&place), &["SAVE"], "OK");
    redis.kill();
    let snapshot = place.path().join("dump.rdb");
    let bytes = fs::read(&snapshot).expect("a snapshot");
    fs::remove_file(&snapshot).expect("removed");
    make_pipe(&snapshot);

    let args = [&listen[..], &["--save", ""]].concat();
    let mut server = Process::start_in(place.path(), REDSTART_SERVER, &args);
    server.wait_for("listening");
    let mut early = connect(&place);
    let loading = "LOADING Redis is loading the dataset in memory";
    for command in [
        &["GET", "k"][..],
        &["SET", "k", "w"],
        &["PING"],
        &["DBSIZE"],
    ] {
        assert_eq!(error_of(&call(&mut early, command)), loading, "{command:?}");
    }
    assert_eq!(info(&mut early, "loading"), "1");
    fs::write(&snapshot, bytes).expect("sent");
    server.wait_for("Ready to accept connections");
    assert_eq!(call(&mut early, &["GET", "k"]), bulk("v"));
    assert_eq!(info(&mut early, "loading"), "0");
    server.kill();

    // Nobody waits for a load that is given up.
    let mut server = Process::start_in(place.path(), REDSTART_SERVER, &args);
    server.wait_for("listening");
    end(server);
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo runs").success());
}

#[test]
fn what_cannot_be_loaded_is_said_with_file_and_place() {
    let place = Directory::new("corrupt");
    end(serve(&place, &[]));
    let log = place.path().join("redstart-data/appendonlydir");
    let files = fs::read_dir(&log).expect("a log").flatten();
    let mut files = files.map(|entry| entry.path());
    let file = files
        .find(|path| path.display().to_string().ends_with(".incr.aof"))
        .expect("a file");
    fs::write(
        &file,
        "*1\r\n$4\r\nPING\r\nnonsense\r\n*1\r\n$4\r\nPING\r\n",
    )
    .expect("written");
    let args = ["serve", "--port", "0", "--unixsocket", "s"];
    let ended = run_in(place.path(), REDSTART, &args);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let words = format!("{} is corrupt at byte 14", file.display());
    assert!(ended.stderr.contains(&words), "{}", ended.stderr);
    assert!(ended.stderr.contains("redis-check-aof"), "{}", ended.stderr);

    fs::write(place.path().join("file"), "").expect("written");
    let args = [&args[..], &["--store", "file:./file"]].concat();
    let ended = run_in(place.path(), REDSTART, &args);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot make the directory"),
        "{}",
        ended.stderr
    );
}

#[test]
fn servers_that_keep_nothing_may_share_a_directory() {
    let place = Directory::new("share");
    let args = ["--port", "0", "--save", "", "--unixsocket"];
    let first = start(&place, REDSTART_SERVER, &[&args[..], &["s"]].concat());
    let second = start(&place, REDSTART_SERVER, &[&args[..], &["t"]].concat());
    expect_status(&mut connect(&place), &["PING"], "PONG");
    let third = ["--port", "0", "--unixsocket", "u", "--appendonly", "yes"];
    let refused = run_in(place.path(), REDSTART_SERVER, &third);
    assert_eq!(refused.status.code(), Some(1));
    drop((first, second));
}
