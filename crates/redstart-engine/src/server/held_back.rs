//! Through the port: nobody is answered before what was promised, and nobody else waits.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::serve_stream;
use crate::durable::AppendFsync;
use crate::durable::tests::{Kept, open, settings};
use crate::durable::vfs::sim::SimFs;

fn connect(kept: &Kept) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let engine = kept.engine.clone();
    tokio::spawn(async move { serve_stream(&engine, theirs).await });
    ours
}

async fn ask(stream: &mut DuplexStream, request: &str, reply: &str) {
    let written = stream.write_all(request.as_bytes()).await;
    written.expect("the port listens");
    answered(stream, reply).await;
}

async fn answered(stream: &mut DuplexStream, reply: &str) {
    let mut bytes = vec![0; reply.len()];
    let read = stream.read_exact(&mut bytes).await;
    read.expect("the port answers");
    assert_eq!(String::from_utf8_lossy(&bytes), reply);
}

/// Whether something has arrived.
async fn has_reply(stream: &mut DuplexStream) -> bool {
    let mut byte = [0];
    tokio::select! {
        biased;
        read = stream.read(&mut byte) => read.is_ok(),
        () = std::future::ready(()) => false,
    }
}

#[tokio::test]
async fn a_reply_waits_for_its_fsync_and_others_do_not() {
    // Nothing is synced until this test says so.
    let kept = open(SimFs::default(), settings(AppendFsync::Always)).expect("an empty disk");
    let (mut writer, mut other) = (connect(&kept), connect(&kept));
    ask(&mut other, "PING\r\n", "+PONG\r\n").await;
    let sent = writer.write_all(b"SET a 1\r\nPING\r\n").await;
    sent.expect("the port listens");
    // Once somebody else sees the key, the command is done and its reply on its way, were it let go.
    while kept.lsn() == 0 {
        ask(&mut other, "PING\r\n", "+PONG\r\n").await;
    }
    for _ in 0..20 {
        ask(&mut other, "PING\r\n", "+PONG\r\n").await;
        assert!(!has_reply(&mut writer).await);
    }
    kept.durable().drive();
    answered(&mut writer, "+OK\r\n+PONG\r\n").await;
    // Who reads what is not safe yet waits as well.
    writer.write_all(b"SET a 2\r\n").await.expect("it listens");
    while kept.lsn() == 1 {
        ask(&mut other, "PING\r\n", "+PONG\r\n").await;
    }
    other.write_all(b"GET a\r\n").await.expect("it listens");
    tokio::task::yield_now().await;
    assert!(!has_reply(&mut other).await);
    kept.durable().drive();
    answered(&mut writer, "+OK\r\n").await;
    answered(&mut other, "$1\r\n2\r\n").await;
}

#[tokio::test]
async fn whoever_cannot_be_promised_anything_is_disconnected() {
    let disk = SimFs::default();
    let kept = open(disk.clone(), settings(AppendFsync::Always)).expect("an empty disk");
    let (mut writer, mut other) = (connect(&kept), connect(&kept));
    disk.fail_syncs(1);
    writer.write_all(b"SET a 1\r\n").await.expect("it listens");
    while kept.lsn() == 0 {
        ask(&mut other, "PING\r\n", "+PONG\r\n").await;
    }
    kept.durable().drive();
    let mut rest = Vec::new();
    let read = writer.read_to_end(&mut rest).await;
    assert!(read.is_ok() && rest.is_empty(), "{rest:?}");
    ask(&mut other, "GET a\r\n", "$1\r\n1\r\n").await;
    let refusal = "-MISCONF Errors writing to the AOF file: the platter is scratched\r\n";
    ask(&mut other, "SET a 2\r\n", refusal).await;
    kept.pass(1_001);
    kept.durable().drive();
    other.write_all(b"SET a 3\r\n").await.expect("it listens");
    while kept.lsn() == 1 {
        tokio::task::yield_now().await;
    }
    kept.durable().drive();
    answered(&mut other, "+OK\r\n").await;
}
