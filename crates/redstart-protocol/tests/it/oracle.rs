//! A redis-server of our own on a unix socket, for as long as a test needs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

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
            reader: BufReader::new(socket.try_clone().expect("a second handle")),
            socket,
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
    reader: BufReader<UnixStream>,
}

impl Connection {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server reads");
    }

    /// Reads a reply of one line or one bulk string.
    pub(crate) fn read_text(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.reader
            .read_until(b'\n', &mut line)
            .expect("the server answers");
        let line = line.strip_suffix(b"\r\n").expect("a whole line");
        let (kind, rest) = line.split_first().expect("a type byte");
        if *kind != b'$' {
            return rest.to_vec();
        }
        let len: usize = std::str::from_utf8(rest)
            .expect("digits")
            .parse()
            .expect("not null");
        let mut bulk = vec![0; len + 2];
        self.reader.read_exact(&mut bulk).expect("the whole string");
        bulk.truncate(len);
        bulk
    }
}

pub(crate) fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    redstart_protocol::encode::request(args, &mut out);
    out.to_vec()
}
