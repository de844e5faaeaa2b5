//! Malformed and merely odd bytes: what is understood of them, and in which words they are refused.

use bytes::BytesMut;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use redstart_protocol::{RequestDecoder, Resp, Value, encode};

use crate::oracle::Oracle;

/// What a server without a single command would answer before the connection ends.
fn last_words(bytes: &[u8], before_auth: bool) -> Vec<u8> {
    let mut decoder = RequestDecoder::default();
    decoder.set_before_auth(before_auth);
    let mut buffer = BytesMut::from(bytes);
    let mut out = BytesMut::new();
    loop {
        let reply = match decoder.decode(&mut buffer) {
            Ok(None) => break,
            Ok(Some(request)) => unknown_command(&request.args()),
            Err(error) => {
                if let Some(reply) = error.reply() {
                    encode(&reply, Resp::V2, &mut out);
                }
                break;
            }
        };
        encode(&reply, Resp::V2, &mut out);
    }
    out.to_vec()
}

fn unknown_command(args: &[&[u8]]) -> Value {
    const SHOWN: usize = 128;

    let first = |bytes: &[u8], len: usize| bytes[..bytes.len().min(len)].to_vec();
    let mut list = Vec::new();
    for arg in &args[1..] {
        if list.len() >= SHOWN {
            break;
        }
        let shown = first(arg, SHOWN - list.len());
        list.extend([b"'", &shown[..], b"' "].concat());
    }
    let name = first(args[0], SHOWN);
    let text = [
        b"ERR unknown command '",
        &name[..],
        b"', with args beginning with: ",
        &list,
    ];
    Value::Error(text.concat().into())
}

#[track_caller]
fn compare(server: &Oracle, bytes: &[u8], before_auth: bool) {
    let ours = last_words(bytes, before_auth);
    let theirs = server.connect().last_words(bytes);
    assert_eq!(
        ours.escape_ascii().to_string(),
        theirs.escape_ascii().to_string(),
        "{}",
        bytes[..bytes.len().min(300)].escape_ascii()
    );
}

#[test]
fn the_same_words_for_what_is_malformed() {
    let server = Oracle::start(&[]);
    let long = "1".repeat(64 * 1024);
    for bytes in [
        "*",
        "*1",
        "*1\r\n",
        "*x\r\n",
        "*\r\n",
        "*01\r\n",
        "*+1\r\n",
        "* 1\r\n",
        "*1 \r\n",
        "*-10\r\nzz\r\n",
        "*0\r\nzz\r\n",
        "*2147483648\r\n",
        "*9999999999999999999999\r\n",
        "*1\r\nzz\r\n",
        "*1\r\n\r\n",
        "*1\r\n\n\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n$\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$x\r\n",
        "*1\r\n$01\r\nz\r\n",
        "*1\r\n$536870913\r\n",
        "*1\r\n$99999999999999999999\r\n",
        "*1\r\n$2\r\nzzzz*1\r\n$1\r\nz\r\n",
        "*1\rX$2\rXzz\rX",
        "*1\r\n$0\r\n\r\n",
        "*2\r\n$2\r\nzz\r\n$0\r\n\r\n",
        "zz\n",
        "zz a b\r\n",
        " \r\n\t\n\r\nzz\r\n",
        "zz \"a\\x41\\n\" 'b\\'c'\r\n",
        "zz \"a\r\n",
        "zz 'a\r\n",
        "zz \"a\"b\r\n",
        "zz 'a'b\r\n",
        "zz a\"b\"\x0bc\r\n",
        "zz\r\r\n",
        "zz a\rb\r\n",
        "zz \"\" ''\r\n",
        "zz \"\\x4\" \"\\xg1\" \"\\\r\n",
        "\u{e9}\r\n",
        "*1\r\n\u{e9}\r\n",
        &format!("*{long}"),
        &format!("*1\r\n${long}"),
        &long,
        &format!("{long}\r\n"),
        &format!("*{long}\r\n"),
        &format!("*1\r\n${long}\r\n"),
    ] {
        compare(&server, bytes.as_bytes(), false);
    }
}

#[test]
fn the_same_limits_before_logging_in() {
    let server = Oracle::start(&["--requirepass", "secret"]);
    for bytes in [
        &b"*11\r\n"[..],
        b"*1\r\n$16385\r\n",
        b"*10\r\n$16384\r\n",
        b"*2147483648\r\n",
        b"*1\r\n$536870913\r\n",
    ] {
        compare(&server, bytes, true);
    }
}

#[test]
fn random_bytes_are_understood_alike() {
    const CASES: usize = 3000;

    // No vowels: nothing here is the name of a command.
    let token = prop_oneof![
        4 => prop::sample::select(vec!["*1\r\n", "*2\r\n", "$1\r\n", "$2\r\n", "$0\r\n", "\r\n"]),
        4 => prop::sample::select(vec!["zz", "q", "\"", "'", "\\", "\\x4", "\\n", "f", " ", "\t"]),
        1 => prop::sample::select(vec!["*", "$", "\r", "\n", "-1", "3", "\x0b", "\x07", "+"]),
    ];
    let bytes = prop::collection::vec(token, 0..20);
    let server = Oracle::start(&[]);
    let mut runner = TestRunner::deterministic();
    for _ in 0..CASES {
        let sample = bytes.new_tree(&mut runner).expect("a sample").current();
        compare(&server, sample.concat().as_bytes(), false);
    }
}
