//! A connection to a redis-server, as little of one as recording needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use redstart_protocol::Resp;

pub(super) struct Server(BufReader<UnixStream>);

impl Server {
    pub(super) fn connect(socket: &str, resp: Resp) -> Server {
        let stream = UnixStream::connect(socket).expect("a server listens there");
        let mut server = Server(BufReader::new(stream));
        if resp == Resp::V3 {
            server.call(&[b"HELLO", b"3"]);
        }
        server
    }

    /// The bytes of the reply.
    pub(super) fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend(format!("${}\r\n", arg.len()).into_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request).expect("a request");

        let mut reply = Vec::new();
        let mut pending = 1;
        while pending > 0 {
            pending -= 1;
            let line = reply.len();
            self.0.read_until(b'\n', &mut reply).expect("a reply");
            let text = String::from_utf8_lossy(&reply[line + 1..]);
            let count: i64 = text.trim_end().parse().unwrap_or(0);
            match reply[line] {
                b'$' | b'=' if count >= 0 => {
                    let start = reply.len();
                    reply.resize(start + count as usize + 2, 0);
                    self.0.read_exact(&mut reply[start..]).expect("a reply");
                }
                b'*' | b'~' | b'>' => pending += count.max(0),
                b'%' | b'|' => pending += 2 * count,
                _ => {}
            }
        }
        reply
    }
}
