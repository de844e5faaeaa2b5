//! The port from the peer's side. Limits are set directly; time, where it matters, is simulated.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::Engine;

/// Nothing takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A peer that talks to an engine through a pipe that holds so many bytes each way.
fn connect(engine: &Engine, pipe_bytes: usize) -> (DuplexStream, JoinHandle<()>) {
    let (near, far) = duplex(pipe_bytes);
    let engine = engine.clone();
    (
        near,
        tokio::spawn(async move { serve_stream(&engine, far).await }),
    )
}

async fn expect(peer: &mut (impl AsyncReadExt + Unpin), expected: &str) {
    let mut found = vec![0; expected.len()];
    let reading = timeout(PATIENCE, peer.read_exact(&mut found)).await;
    let read = reading.unwrap_or_else(|_| panic!("{expected:?} should have come by now"));
    read.unwrap_or_else(|error| panic!("{expected:?} should have come: {error}"));
    assert_eq!(String::from_utf8_lossy(&found), expected);
}

async fn expect_end(peer: &mut (impl AsyncReadExt + Unpin), expected: &str) {
    let mut found = Vec::new();
    let reading = timeout(PATIENCE, peer.read_to_end(&mut found)).await;
    reading
        .expect("the connection should have ended by now")
        .expect("in good order");
    assert_eq!(String::from_utf8_lossy(&found), expected);
}

/// A server on a free port, and what stops it.
async fn serve(engine: &Engine) -> (std::net::SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let any = "127.0.0.1:0".parse().expect("an address");
    let server = Server::builder(engine.clone())
        .tcp(any)
        .listen()
        .await
        .expect("a free port");
    let Address::Tcp(address) = server.addresses()[0].clone() else {
        panic!("listens on TCP");
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.serve(async move {
        let _ = stopped.await;
    });
    (address, stop, tokio::spawn(serving))
}

#[tokio::test]
async fn a_pipeline_is_answered_in_order() {
    let engine = Engine::builder().build();
    let (mut peer, _serving) = connect(&engine, 4096);
    peer.write_all(b"*1\r\n$4\r\nPING\r\nSET k v\r\nGET k\r\nNOSUCH\r\n*2\r\n$3\r\nGE")
        .await
        .expect("sent");
    expect(&mut peer, "+PONG\r\n+OK\r\n$1\r\nv\r\n-ERR unknown command").await;
    peer.write_all(b"T\r\n$1\r\nk\r\n").await.expect("sent");
    expect(
        &mut peer,
        " 'NOSUCH', with args beginning with: \r\n$1\r\nv\r\n",
    )
    .await;
}

#[tokio::test]
async fn a_pipeline_is_answered_though_nothing_is_read_until_it_is_sent() {
    const COMMANDS: usize = 20_000;

    let engine = Engine::builder().build();
    let (mut peer, _serving) = connect(&engine, 512);
    for _ in 0..COMMANDS {
        peer.write_all(b"PING\r\n")
            .await
            .expect("requests are taken while replies wait");
    }
    for _ in 0..COMMANDS {
        expect(&mut peer, "+PONG\r\n").await;
    }
}

#[tokio::test]
async fn what_is_no_request_is_answered_in_redis_words_and_ended() {
    let engine = Engine::builder().build();
    for (sent, words) in [
        (
            "PING\r\n*1\r\n+x\r\n",
            "+PONG\r\n-ERR Protocol error: expected '$', got '+'\r\n",
        ),
        (
            "*x\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            "*1\r\n$536870913\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            "set \"a\r\n",
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
        ("PING\r\nPOST / HTTP/1.1\r\nPING\r\n", "+PONG\r\n"),
        ("GET x\r\nHost: example\r\n", "$-1\r\n"),
    ] {
        let (mut peer, serving) = connect(&engine, 4096);
        peer.write_all(sent.as_bytes()).await.expect("sent");
        expect_end(&mut peer, words).await;
        serving.await.expect("the connection ends");
    }
    assert_eq!(engine.clients(), 0);
}

#[tokio::test]
async fn before_the_password_only_little_is_read() {
    let engine = Engine::builder().password(b"secret").build();
    let (mut peer, _serving) = connect(&engine, 4096);
    peer.write_all(b"*11\r\n").await.expect("sent");
    expect_end(
        &mut peer,
        "-ERR Protocol error: unauthenticated multibulk length\r\n",
    )
    .await;

    let (mut peer, _serving) = connect(&engine, 4096);
    peer.write_all(b"PING\r\nAUTH secret\r\n*1\r\n$4\r\nPING\r\n")
        .await
        .expect("sent");
    expect(
        &mut peer,
        "-NOAUTH Authentication required.\r\n+OK\r\n+PONG\r\n",
    )
    .await;
    peer.write_all(b"*11\r\n").await.expect("sent");
    peer.write_all(&b"$4\r\nPING\r\n".repeat(11))
        .await
        .expect("sent");
    expect(
        &mut peer,
        "-ERR wrong number of arguments for 'ping' command\r\n",
    )
    .await;
}

#[tokio::test]
async fn the_last_replies_reach_a_peer_that_has_stopped_sending() {
    let engine = Engine::builder().build();
    let (mut peer, serving) = connect(&engine, 16);
    peer.write_all(b"ECHO 0123456789\r\n").await.expect("sent");
    peer.write_all(b"ECHO abcdefghij\r\n").await.expect("sent");
    peer.shutdown().await.expect("half closed");
    expect_end(&mut peer, "$10\r\n0123456789\r\n$10\r\nabcdefghij\r\n").await;
    serving.await.expect("the connection ends");
}

#[tokio::test]
async fn quit_is_answered_and_ends_the_connection() {
    let engine = Engine::builder().build();
    let (mut peer, _serving) = connect(&engine, 4096);
    peer.write_all(b"QUIT\r\nPING\r\n").await.expect("sent");
    expect_end(&mut peer, "+OK\r\n").await;
}

#[tokio::test]
async fn a_subscriber_that_never_reads_is_cut_off_and_nobody_else() {
    const MESSAGE: usize = 1000;
    const LIMIT: u64 = 20_000;

    let engine = Engine::builder().build();
    engine.environment.connections.output(true).set(LIMIT, 0, 0);
    let (mut slow, slow_serving) = connect(&engine, 2048);
    let (mut quick, _quick_serving) = connect(&engine, 2048);
    for peer in [&mut slow, &mut quick] {
        peer.write_all(b"SUBSCRIBE news\r\n").await.expect("sent");
        expect(peer, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n").await;
    }
    let mut publisher = engine.connect_embedded();
    let text = "x".repeat(MESSAGE);
    let message = format!("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n${MESSAGE}\r\n{text}\r\n");
    let mut receivers = Vec::new();
    for _ in 0..40 {
        let reply = publisher.call(&[b"PUBLISH", b"news", text.as_bytes()]);
        receivers.push(reply);
        expect(&mut quick, &message).await;
        tokio::task::yield_now().await;
    }
    slow_serving.await.expect("the slow one is disconnected");
    assert_eq!(receivers.first(), Some(&crate::Value::Integer(2)));
    assert_eq!(receivers.last(), Some(&crate::Value::Integer(1)));
    quick.write_all(b"PING\r\n").await.expect("sent");
    expect(&mut quick, "*2\r\n$4\r\npong\r\n$0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_wake_a_sleeping_subscriber_in_order() {
    let engine = Engine::builder().build();
    let (mut peer, _serving) = connect(&engine, 4096);
    peer.write_all(b"SUBSCRIBE n\r\n").await.expect("sent");
    expect(&mut peer, "*3\r\n$9\r\nsubscribe\r\n$1\r\nn\r\n:1\r\n").await;
    let publishing = std::thread::spawn(move || {
        let mut publisher = engine.connect_embedded();
        for number in 0..5000 {
            publisher.call(&[b"PUBLISH", b"n", format!("{number:04}").as_bytes()]);
        }
    });
    for number in 0..5000 {
        expect(
            &mut peer,
            &format!("*3\r\n$7\r\nmessage\r\n$1\r\nn\r\n$4\r\n{number:04}\r\n"),
        )
        .await;
    }
    publishing.join().expect("published");
}

#[tokio::test]
async fn whoever_comes_when_every_place_is_taken_is_told_so() {
    let engine = Engine::builder().build();
    engine
        .environment
        .connections
        .max_clients
        .store(1, Ordering::Relaxed);
    let (address, _stop, _serving) = serve(&engine).await;
    let mut first = TcpStream::connect(address).await.expect("connected");
    first.write_all(b"PING\r\n").await.expect("sent");
    expect(&mut first, "+PONG\r\n").await;
    let mut second = TcpStream::connect(address).await.expect("connected");
    expect_end(&mut second, "-ERR max number of clients reached\r\n").await;
    first.write_all(b"PING\r\n").await.expect("sent");
    expect(&mut first, "+PONG\r\n").await;
}

#[tokio::test]
async fn shutdown_answers_what_was_received_and_disconnects() {
    let engine = Engine::builder().build();
    let (address, stop, serving) = serve(&engine).await;
    let mut peer = TcpStream::connect(address).await.expect("connected");
    peer.write_all(b"PING\r\nECHO a").await.expect("sent");
    expect(&mut peer, "+PONG\r\n").await;
    stop.send(()).expect("the server runs");
    expect_end(&mut peer, "").await;
    serving.await.expect("the server ends");
    TcpStream::connect(address)
        .await
        .expect_err("nobody listens any more");
    assert_eq!(engine.clients(), 0);
}

#[tokio::test]
async fn a_client_can_ask_for_a_shutdown() {
    let engine = Engine::builder().build();
    let (address, _stop, serving) = serve(&engine).await;
    let mut peer = TcpStream::connect(address).await.expect("connected");
    peer.write_all(b"SHUTDOWN NOSAVE\r\nPING\r\n")
        .await
        .expect("sent");
    expect_end(&mut peer, "").await;
    serving.await.expect("the server ends");
}

#[tokio::test]
async fn info_tells_of_the_port() {
    let engine = Engine::builder().build();
    let (address, _stop, _serving) = serve(&engine).await;
    let mut peer = TcpStream::connect(address).await.expect("connected");
    peer.write_all(b"PING\r\n").await.expect("sent");
    expect(&mut peer, "+PONG\r\n").await;
    let crate::Value::Verbatim(_, text) = engine.connect_embedded().call(&[b"INFO"]) else {
        panic!("INFO is text");
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    for line in [
        format!("tcp_port:{}", address.port()),
        "total_net_input_bytes:6".into(),
        "total_net_output_bytes:7".into(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    peer.write_all(b"CONFIG GET bind\r\n").await.expect("sent");
    expect(&mut peer, "*2\r\n$4\r\nbind\r\n$9\r\n127.0.0.1\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_peer_that_does_not_read() {
    let engine = Engine::builder().build();
    let (mut peer, serving) = connect(&engine, 16);
    peer.write_all(b"ECHO 01234567").await.expect("sent");
    peer.write_all(b"89012345\r\n").await.expect("sent");
    peer.shutdown().await.expect("half closed");
    // Simulated: the farewell's time passes because nothing else can happen.
    serving.await.expect("the connection ends");
}

#[cfg(unix)]
mod unix {
    use tokio::net::UnixStream;

    use super::*;

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("redstart-test-{}-{name}", std::process::id()))
    }

    async fn listen(path: &std::path::Path, mode: Option<u32>) -> Result<Server, ListenError> {
        Server::builder(Engine::builder().build())
            .unix(path, mode)
            .listen()
            .await
    }

    #[tokio::test]
    async fn a_socket_nobody_listens_on_is_taken_over_and_a_live_one_is_not() {
        use std::os::unix::fs::PermissionsExt;

        let path = path("socket");
        // What a killed server leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a free path"));
        let server = listen(&path, Some(0o600))
            .await
            .expect("the stale socket is replaced");
        let mode = std::fs::metadata(&path)
            .expect("the socket is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        let refused = listen(&path, None)
            .await
            .expect_err("somebody listens there");
        assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
        UnixStream::connect(&path)
            .await
            .expect("the first one is unharmed");

        drop(server);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let path = path("file");
        std::fs::write(&path, "precious").expect("a free path");
        listen(&path, None).await.expect_err("it is no socket");
        assert_eq!(
            std::fs::read_to_string(&path).expect("still there"),
            "precious"
        );
        std::fs::remove_file(&path).expect("removed");
    }
}
