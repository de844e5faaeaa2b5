//! A connection to a redis-server, as little of one as the tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use redstart_protocol::{Resp, Value};

use super::super::caller::{Caller, LogLevel, Stop};

/// A connection.
pub(super) struct Server(BufReader<UnixStream>);

impl Server {
    pub(super) fn connect(socket: &str, resp: Resp) -> Server {
        let stream = UnixStream::connect(socket).expect("a server listens there");
        let mut server = Server(BufReader::new(stream));
        if resp == Resp::V3 {
            server.raw(&[b"HELLO", b"3"]);
        }
        server
    }

    /// The bytes of a reply.
    pub(super) fn raw(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend(format!("${}\r\n", arg.len()).into_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request).expect("a request");
        let mut reply = Vec::new();
        self.read(&mut reply);
        reply
    }

    /// A reply.
    pub(super) fn call(&mut self, args: &[&[u8]]) -> Value {
        let raw = self.raw(args);
        parse(&mut raw.as_slice())
    }

    fn read(&mut self, reply: &mut Vec<u8>) {
        let mut pending = 1;
        while pending > 0 {
            pending -= 1;
            let start = reply.len();
            self.0.read_until(b'\n', reply).expect("a reply");
            let line = reply[start..].to_vec();
            let count: i64 = std::str::from_utf8(&line[1..])
                .ok()
                .and_then(|count| count.trim().parse().ok())
                .unwrap_or(0);
            match line[0] {
                b'$' | b'=' if count >= 0 => {
                    let start = reply.len();
                    reply.resize(start + count as usize + 2, 0);
                    self.0.read_exact(&mut reply[start..]).expect("a reply");
                }
                b'*' | b'~' | b'>' => pending += count.max(0),
                b'%' => pending += 2 * count,
                _ => {}
            }
        }
    }
}

/// Reads one value.
pub(super) fn parse(reply: &mut &[u8]) -> Value {
    let end = reply
        .iter()
        .position(|&byte| byte == b'\r')
        .expect("a line");
    let (line, rest) = reply.split_at(end);
    *reply = &rest[2..];
    let text = Bytes::copy_from_slice(&line[1..]);
    let count = || -> i64 {
        let text = std::str::from_utf8(&line[1..]).expect("a number");
        text.parse().expect("a number")
    };
    let mut take = |len: i64| {
        let (text, rest) = reply.split_at(len as usize);
        *reply = &rest[2..];
        Bytes::copy_from_slice(text)
    };
    match line[0] {
        b'+' => Value::Simple(text),
        b'-' => Value::Error(text),
        b':' => Value::Integer(count()),
        b'$' if count() < 0 => Value::Null,
        b'$' => Value::Bulk(take(count())),
        b'=' => {
            let text = take(count());
            let format = [text[0], text[1], text[2]];
            Value::Verbatim(format, text.slice(4..))
        }
        b'*' if count() < 0 => Value::NullArray,
        b'*' => Value::Array((0..count()).map(|_| parse(reply)).collect()),
        b'~' => Value::Set((0..count()).map(|_| parse(reply)).collect()),
        b'%' => {
            let pairs = (0..count()).map(|_| (parse(reply), parse(reply)));
            Value::Map(pairs.collect())
        }
        b'_' => Value::Null,
        b'#' => Value::Boolean(&text[..] == b"t"),
        b',' => Value::Double(match &text[..] {
            b"inf" => f64::INFINITY,
            b"-inf" => f64::NEG_INFINITY,
            other => std::str::from_utf8(other)
                .expect("a number")
                .parse()
                .unwrap_or(f64::NAN),
        }),
        b'(' => Value::BigNumber(text),
        other => panic!("unknown type {other}"),
    }
}

/// Runs commands of our scripts in a script of the server, so that they answer as in a script.
pub(super) struct Forward {
    pub(super) server: Server,
    pub(super) resp: Resp,
}

impl Caller for Forward {
    fn call(&mut self, args: &[&[u8]]) -> Value {
        let script: &[u8] = match self.resp {
            Resp::V2 => b"return redis.pcall(unpack(ARGV))",
            Resp::V3 => b"redis.setresp(3) return redis.pcall(unpack(ARGV))",
        };
        let mut request = vec![b"EVAL".as_slice(), script, b"0"];
        request.extend_from_slice(args);
        self.server.call(&request)
    }

    fn set_resp(&mut self, resp: Resp) {
        self.resp = resp;
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn may_run(&mut self, args: &[&[u8]]) -> Option<bool> {
        let script = b"return redis.acl_check_cmd(unpack(ARGV))".as_slice();
        let mut request = vec![b"EVAL".as_slice(), script, b"0"];
        request.extend_from_slice(args);
        match self.server.call(&request) {
            Value::Error(_) => None,
            _ => Some(true),
        }
    }

    fn interrupt(&mut self) -> Option<Stop> {
        None
    }
}
