//! A redis-server of our own on a unix socket, for as long as a test needs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::BytesMut;
use redstart_protocol::{ReplyDecoder, Value};

pub(crate) struct Oracle {
    server: Child,
    directory: PathBuf,
}

impl Oracle {
    /// Starts a server with these arguments in addition.
    pub(crate) fn start(arguments: &[&str]) -> Oracle {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let directory = std::env::temp_dir().join(format!(
            "redstart-protocol-{}-{}",
            std::process::id(),
            STARTED.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&directory).expect("a directory for the server");
        let mut server = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(directory.join("socket"))
            .arg("--dir")
            .arg(&directory)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "this test compares with a real server and redis-server could not be started \
                     ({error}): install redis-server 7.0 (Debian: apt install redis-server)"
                )
            });
        let log = server.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let ready = lines.any(|line| line.contains("ready to accept connections"));
        assert!(ready, "redis-server ended before it was ready");
        // The pipe must stay open and be emptied, or the server would block on its log.
        std::thread::spawn(move || lines.for_each(drop));
        Oracle { server, directory }
    }

    pub(crate) fn connect(&self) -> Connection {
        let socket =
            UnixStream::connect(self.directory.join("socket")).expect("the server listens");
        Connection {
            socket,
            decoder: ReplyDecoder::default(),
            buffer: BytesMut::new(),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Nothing is lost if either fails: the server saves nothing, the directory is temporary.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub(crate) struct Connection {
    socket: UnixStream,
    decoder: ReplyDecoder,
    buffer: BytesMut,
}

impl Connection {
    pub(crate) fn call(&mut self, args: &[&[u8]]) -> Value {
        self.send(&request(args));
        self.read()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server reads");
    }

    /// Reads a reply of one line or one bulk string.
    pub(crate) fn read_text(&mut self) -> Vec<u8> {
        match self.read() {
            Value::Simple(text) | Value::Error(text) | Value::Bulk(text) => text.to_vec(),
            Value::Integer(number) => number.to_string().into_bytes(),
            other => panic!("not a text: {other:?}"),
        }
    }

    pub(crate) fn read(&mut self) -> Value {
        loop {
            let decoded = self.decoder.decode(&mut self.buffer);
            if let Some(value) = decoded.expect("the server speaks RESP") {
                return value;
            }
            assert!(self.receive(), "the server closed the connection");
        }
    }

    /// Sends bytes and nothing more, and returns everything until the server closes the connection.
    pub(crate) fn last_words(mut self, bytes: &[u8]) -> Vec<u8> {
        // The server may close before it has read all, which is an answer and not a failure.
        let _ = self.socket.write_all(bytes);
        let _ = self.socket.shutdown(Shutdown::Write);
        while self.receive() {}
        self.buffer.to_vec()
    }

    fn receive(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        // A reset is an end, too: the server did not read all that was sent.
        let len = self.socket.read(&mut chunk).unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..len]);
        len > 0
    }
}

pub(crate) fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = BytesMut::new();
    redstart_protocol::encode::request(args, &mut out);
    out.to_vec()
}
